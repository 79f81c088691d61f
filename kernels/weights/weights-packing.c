/* weights-packing.c - the pieces of a product are gathered in scratch, where it is packed as soon as it is whole, so
 * that nothing large is held twice. */
#include "weights-internal.h"
#include "weights-quantized.h"

void weights_packing_begin(struct weights_packing *p, const struct param *row, enum dtype dtype)
{
    struct device_arena *scratch = p->c->scratch;
    p->mark = scratch->used;
    p->part[WEIGHTS_PART_VALUES] = TENSOR_TAKE(scratch, dtype == DTYPE_I8 ? DTYPE_I8 : DTYPE_F32, row->count);
    p->part[WEIGHTS_PART_SCALE] = TENSOR_TAKE(scratch, DTYPE_F32, row->dims[0]);
    p->part[WEIGHTS_PART_SMOOTHING] = TENSOR_TAKE(scratch, DTYPE_F32, row->dims[1]);
}

void weights_packing_add(struct weights_packing *p, enum weights_part part, int64_t first, int64_t n, const void *from)
{
    op_copy_in(p->c, tensor_rows(p->part[part], first, n), from);
}

/* Where the packed weight of a row belongs. */
static struct tensor *find_place(const struct weights_packing *p, const struct param *row)
{
    for (int64_t i = 0; i < p->vit->config.depth; i++)
        for (int k = 0; k < VIT_PRODUCTS; k++)
            if (vit_product_row(p->vit, i, (enum vit_product)k) == row - p->table->rows)
                return &p->packed->weights.block[i][k];
    return NULL;
}

void weights_packing_end(struct weights_packing *p, const struct param *row, enum dtype dtype)
{
    struct tensor *place = find_place(p, row);
    int64_t N = row->dims[0], K = row->dims[1], bytes = (int64_t)p->c->backend->packed_bytes(dtype, N, K);
    struct tensor values = TENSOR_SHAPED(p->part[WEIGHTS_PART_VALUES], N, K);
    *place = tensor_packed(TENSOR_TAKE(&p->packed->memory, DTYPE_U8, bytes), dtype, N, K);
    if (dtype == DTYPE_I8)
        op_pack_int8(p->c, *place, values, p->part[WEIGHTS_PART_SCALE], p->part[WEIGHTS_PART_SMOOTHING]);
    else
        op_pack(p->c, *place, values);
    p->c->scratch->used = p->mark;
}
