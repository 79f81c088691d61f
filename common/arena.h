/* arena.h - memory by plan: one block, carved from the front, given back by resetting to a mark.
 *
 *   struct arena a = {0};              plan: count only
 *   carve(&a, ...);                    every arena_take returns NULL and counts
 *   arena_init(&a, a.high, &error);    the same carving now gets memory
 *   carve(&a, ...);
 *   size_t mark = a.used; ... a.used = mark;      scratch of a step
 *   arena_release(&a);
 *
 * Pieces are aligned to 64 bytes. arena_take beyond the size is a bug of the plan and aborts. While an
 * arena is planning (base NULL), callers carve but do not touch what they get.
 */
#ifndef ARENA_H
#define ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"

struct arena {
    uint8_t *base; /* NULL while planning */
    size_t used, size;
    size_t high; /* the most that was ever used: the plan's result */
};

int arena_init(struct arena *a, size_t bytes, struct fmt_error *e); /* zeroed pages */
void arena_release(struct arena *a);
void *arena_take(struct arena *a, size_t bytes); /* uninitialised */

static inline bool arena_planning(const struct arena *a)
{
    return a->base == NULL;
}

/* n elements of a type: float *x = ARENA_TAKE(a, float, n); */
#define ARENA_TAKE(a, type, n) ((type *)arena_take_array((a), (int64_t)(n), sizeof(type)))
void *arena_take_array(struct arena *a, int64_t n, size_t bytes_each);

#endif
