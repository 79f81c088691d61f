/* rowsbed.h - rows of a test with their features on a device. */
#ifndef ROWSBED_H
#define ROWSBED_H

#include <stdlib.h>

#include "rows.h"
#include "test-device.h"

/* Rows of x [n,dim] with these labels; memory: released by the caller. */
static inline struct rows rows_on_device(const struct device *d, struct device_arena *memory, const float *x,
                                         int32_t *label, int64_t n, int64_t dim)
{
    struct rows r = {.n = n, .dim = dim, .label = label};
    struct op_ctx c = {.backend = d->backend, .scratch = memory};
    *memory = (struct device_arena){0};
    TENSOR_TAKE(memory, DTYPE_F32, n, dim);
    if (device_arena_init(memory, d->backend, memory->high, NULL))
        abort();
    r.x = TENSOR_TAKE(memory, DTYPE_F32, n, dim);
    op_copy_in(&c, r.x, x);
    return r;
}

static inline void test_device_close(struct device *d)
{
    thread_close(d->pool);
}

#endif
