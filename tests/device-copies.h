/* device-copies.h - a test's arrays in host memory, and their copies on a device for the length of some calls.
 *
 *   float *x = ..., *y = ...;
 *   ON_DEVICE(&ctx, op_gelu_fwd(&ctx, COPY(y, T, C), COPY(x, T, C)));
 *
 * COPY gives a tensor with what the array holds, element type by the pointer's; the same tensor for the same array.
 * When the calls are made ON_DEVICE brings back what came from arrays that are not const. While the context is
 * planning, and of NULL, COPY gives a tensor without memory. One source file of a program includes it.
 */
#ifndef DEVICE_COPIES_H
#define DEVICE_COPIES_H

#include <stdio.h>
#include <stdlib.h>

#include "op.h"

enum { COPIES_MAX = 32, COPIES_BYTES = 64 << 20 };

static struct {
    struct op_ctx *c; /* of the calls being made */
    struct device_arena memory;
    struct {
        char *host;
        struct tensor t;
        int64_t bytes;
        bool back;
    } copy[COPIES_MAX];
    int n;
} copies;

#define COPY_DTYPE(p)                                                                                           \
    _Generic((p), float *: DTYPE_F32, const float *: DTYPE_F32, double *: DTYPE_F64, const double *: DTYPE_F64, \
             int8_t *: DTYPE_I8, const int8_t *: DTYPE_I8,                                                       \
             uint8_t *: DTYPE_U8, const uint8_t *: DTYPE_U8, int64_t *: DTYPE_I64, const int64_t *: DTYPE_I64,   \
             uint16_t *: DTYPE_BF16, const uint16_t *: DTYPE_BF16)
#define COPY_BACK(p) \
    _Generic((p), const float *: false, const double *: false, const uint8_t *: false, const int64_t *: false, \
             const uint16_t *: false, default: true)
#define COPY(p, ...)                                                                                \
    copies_take((void *)(uintptr_t)(p), COPY_BACK(p), COPY_DTYPE(p), TENSOR_COUNT(__VA_ARGS__), \
                (const int64_t[]){__VA_ARGS__})
#define ON_DEVICE(context, ...)   \
    do {                          \
        copies_begin(context);    \
        __VA_ARGS__;              \
        copies_end();             \
    } while (0)

static inline void copies_fail(const char *why)
{
    fprintf(stderr, "device-copies.h: %s\n", why);
    abort();
}

static inline void copies_begin(struct op_ctx *c)
{
    if (copies.c)
        copies_fail("ON_DEVICE inside of ON_DEVICE");
    if (copies.memory.backend != c->backend) {
        device_arena_release(&copies.memory);
        if (device_arena_init(&copies.memory, c->backend, COPIES_BYTES, NULL))
            copies_fail("out of memory");
    }
    copies.c = c;
    copies.n = 0;
    copies.memory.used = 0;
}

static inline void copies_end(void)
{
    for (int i = 0; i < copies.n; i++)
        if (copies.copy[i].back)
            op_copy_out(copies.c, copies.copy[i].host, copies.copy[i].t);
    copies.c = NULL;
}

static inline struct tensor copies_take(void *host, bool back, enum dtype dtype, int n_dims, const int64_t *dims)
{
    struct tensor t = {.dtype = dtype, .n_dims = n_dims};
    for (int i = 0; i < n_dims; i++)
        t.dims[i] = dims[i];
    int64_t bytes = tensor_elements(t) * (int64_t)dtype_bytes(dtype);
    char *p = host;
    if (!copies.c || copies.n == COPIES_MAX)
        copies_fail("COPY outside of ON_DEVICE, or too many of them");
    if (!host || op_planning(copies.c))
        return t;
    for (int i = 0; i < copies.n; i++) {
        char *other = copies.copy[i].host;
        if (p + bytes <= other || p >= other + copies.copy[i].bytes)
            continue;
        if (p < other || p + bytes > other + copies.copy[i].bytes)
            copies_fail("two arrays overlap");
        t.data.at = copies.copy[i].t.data.at + (uintptr_t)(p - other);
        copies.copy[i].back = copies.copy[i].back || back;
        return t;
    }
    t = device_arena_take(&copies.memory, dtype, n_dims, dims);
    op_copy_in(copies.c, t, host);
    copies.copy[copies.n].host = p;
    copies.copy[copies.n].t = t;
    copies.copy[copies.n].bytes = bytes;
    copies.copy[copies.n++].back = back;
    return t;
}

#endif
