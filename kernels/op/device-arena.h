/* device-arena.h - memory of a device by plan, like arena.h for the host: one block, tensors taken from its front and
 * given back by resetting to a mark.
 *
 *   struct device_arena a = {0};                       plan: count only
 *   take(&a, ...);                                     every tensor has address 0
 *   device_arena_init(&a, backend, a.high, &error);    the same code now gets memory
 *   take(&a, ...);
 *   size_t mark = a.used; ... a.used = mark;           temporaries
 *   device_arena_release(&a);
 *
 * Tensors start at multiples of 64 bytes. To take more than was planned is a bug and aborts. What is taken is
 * uninitialised; the block of a fresh arena is zero.
 */
#ifndef DEVICE_ARENA_H
#define DEVICE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"
#include "tensor.h"

struct backend;

struct device_arena {
    const struct backend *backend; /* whose memory it is; NULL while planning */
    struct device_address base;    /* 0 while planning */
    size_t used, size;
    size_t high; /* the most that was ever used: the plan's result */
};

int device_arena_init(struct device_arena *a, const struct backend *backend, size_t bytes, struct fmt_error *e);
void device_arena_release(struct device_arena *a);

/* Makes an arena, empty, of a tensor's memory, whose values are lost; of a tensor that was planned a planning arena,
 * which keeps its `high`. device_arena_return gives the memory back, to be released by its owner; without a borrow it
 * does nothing. */
void device_arena_borrow(struct device_arena *a, const struct backend *backend, struct tensor memory);
void device_arena_return(struct device_arena *a);

/* A tensor of element type `type` with these dimensions: struct tensor x = TENSOR_TAKE(a, DTYPE_F32, T, C); */
#define TENSOR_TAKE(a, type, ...) \
    device_arena_take((a), (type), TENSOR_COUNT(__VA_ARGS__), (const int64_t[]){__VA_ARGS__})
struct tensor device_arena_take(struct device_arena *a, enum dtype dtype, int n_dims, const int64_t *dims);

static inline bool device_arena_planning(const struct device_arena *a)
{
    return a->base.at == 0;
}

#endif
