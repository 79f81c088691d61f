/* device-memory.h - memory of a device in a test: a context, space for tensors, copies from host arrays and back.
 *
 *   struct device_memory m;
 *   device_memory_open(&m, 2, 64 << 20);               the device TEST_DEVICE, else the CPU; threads; bytes
 *   struct tensor x = TO_DEVICE(&m, DTYPE_F32, host, T, C);
 *   float *y = to_host(&m, x);                          for free()
 *   device_memory_close(&m);
 */
#ifndef DEVICE_MEMORY_H
#define DEVICE_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

#include "op.h"
#include "params-array.h"
#include "test-device.h"

struct device_memory {
    struct op_ctx c;
    struct device_arena memory, scratch;
};

static inline void device_memory_open(struct device_memory *m, int n_threads, size_t bytes)
{
    struct fmt_error e = {0};
    *m = (struct device_memory){
        .c = {.backend = test_backend(), .pool = n_threads > 1 ? thread_open(n_threads, &e) : NULL}};
    m->c.scratch = &m->scratch;
    if (device_arena_init(&m->memory, m->c.backend, bytes, &e) ||
        device_arena_init(&m->scratch, m->c.backend, bytes, &e)) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
}

static inline void device_memory_close(struct device_memory *m)
{
    thread_close(m->c.pool);
    device_arena_release(&m->memory);
    device_arena_release(&m->scratch);
}

/* All that was asked of the device was done; a failure is printed. */
static inline bool device_did_all(struct op_ctx *c)
{
    struct fmt_error e = {0};
    if (op_sync(c, &e) == 0)
        return true;
    fprintf(stderr, "%s\n", e.text);
    return false;
}

#define TO_DEVICE(m, dtype, host, ...) \
    to_device((m), (dtype), (host), TENSOR_COUNT(__VA_ARGS__), (const int64_t[]){__VA_ARGS__})
static inline struct tensor to_device(struct device_memory *m, enum dtype dtype, const void *host, int n_dims,
                                      const int64_t *dims)
{
    struct tensor t = device_arena_take(&m->memory, dtype, n_dims, dims);
    op_copy_in(&m->c, t, host);
    return t;
}

static inline void *copy_to_host(struct op_ctx *c, struct tensor t)
{
    void *host = calloc((size_t)tensor_elements(t) + 1, dtype_bytes(t.dtype));
    if (!host)
        abort();
    op_copy_out(c, host, t);
    if (!device_did_all(c))
        exit(1);
    return host;
}

static inline void *to_host(struct device_memory *m, struct tensor t)
{
    return copy_to_host(&m->c, t);
}

/* A whole array over a table from host values of its layout. */
static inline struct params_array array_to_device(struct device_memory *m, const struct params *table,
                                                  const float *values)
{
    struct params_array a = params_array_take(&m->memory, table, DTYPE_F32);
    op_copy_in(&m->c, a.data, values);
    return a;
}

#endif
