/* onednn.h - what gemm.c and matmul.c share of oneDNN, and the calls that differ between its versions 2 and 3. Memory
 * descriptors are values in version 2 and handles in version 3; here they are made, copied and destroyed alike. */
#ifndef ONEDNN_H
#define ONEDNN_H

#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>

/* Before a thread's first product: the library's own threads (OpenMP) are switched off for it. */
void onednn_use_this_thread_only(void);
/* False once memory has run out: no more products are made (gemm_status). */
bool onednn_usable(void);
/* Notes that memory has run out; any other failure is a bug and aborts. Returns whether the call succeeded. */
bool onednn_check(dnnl_status_t status);
/* Before the library generates code: whether it will get that much address space, where it is limited. False: noted as
 * memory that has run out. Another thread may still take what was seen here, so mib is several times what is needed. */
bool onednn_has_room(int mib);

#if DNNL_VERSION_MAJOR >= 3
#define ONEDNN_REF(md) (md)
#else
#define ONEDNN_REF(md) (&(md))
#endif

static inline dnnl_status_t onednn_strided(dnnl_memory_desc_t *md, dnnl_dim_t rows, dnnl_dim_t columns,
                                           dnnl_data_type_t type, dnnl_dim_t row_stride, dnnl_dim_t column_stride)
{
    dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_memory_desc_create_with_strides(md, 2, dims, type, strides);
#else
    return dnnl_memory_desc_init_by_strides(md, 2, dims, type, strides);
#endif
}

/* In whatever order the primitive prefers. */
static inline dnnl_status_t onednn_any_order(dnnl_memory_desc_t *md, dnnl_dim_t rows, dnnl_dim_t columns,
                                             dnnl_data_type_t type)
{
    dnnl_dims_t dims = {rows, columns};
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_memory_desc_create_with_tag(md, 2, dims, type, dnnl_format_tag_any);
#else
    return dnnl_memory_desc_init_by_tag(md, 2, dims, type, dnnl_format_tag_any);
#endif
}

/* Columns [first, first + n) of a packed matrix of `rows` rows. */
static inline dnnl_status_t onednn_columns(dnnl_memory_desc_t *md, dnnl_memory_desc_t *whole, dnnl_dim_t rows,
                                           dnnl_dim_t first, dnnl_dim_t n)
{
    dnnl_dims_t dims = {rows, n}, offsets = {0, first};
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_memory_desc_create_submemory(md, *whole, dims, offsets);
#else
    return dnnl_memory_desc_init_submemory(md, whole, dims, offsets);
#endif
}

static inline void onednn_release(dnnl_memory_desc_t md)
{
#if DNNL_VERSION_MAJOR >= 3
    dnnl_memory_desc_destroy(md);
#else
    (void)md;
#endif
}

/* A descriptor of the primitive: a copy. */
static inline dnnl_status_t onednn_described(dnnl_memory_desc_t *md, const_dnnl_primitive_desc_t pd, dnnl_query_t what)
{
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_memory_desc_clone(md, dnnl_primitive_desc_query_md(pd, what, 0));
#else
    *md = *dnnl_primitive_desc_query_md(pd, what, 0);
    return dnnl_success;
#endif
}

static inline dnnl_status_t onednn_add_to_destination(dnnl_primitive_attr_t attr)
{
    dnnl_post_ops_t ops;
    dnnl_status_t status = dnnl_post_ops_create(&ops);
    if (status != dnnl_success)
        return status;
#if DNNL_VERSION_MAJOR >= 3
    status = dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
#else
    status = dnnl_post_ops_append_sum(ops, 1);
#endif
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(attr, ops);
    dnnl_post_ops_destroy(ops);
    return status;
}

static inline dnnl_status_t onednn_matmul(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_memory_desc_t *a,
                                          dnnl_memory_desc_t *b, dnnl_memory_desc_t *bias, dnnl_memory_desc_t *c,
                                          dnnl_primitive_attr_t attr)
{
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_matmul_primitive_desc_create(pd, engine, *a, *b, bias ? *bias : NULL, *c, attr);
#else
    dnnl_matmul_desc_t d;
    dnnl_status_t status = dnnl_matmul_desc_init(&d, a, b, bias, c);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) : status;
#endif
}

#endif
