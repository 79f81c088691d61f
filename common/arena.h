/* arena.h - planned memory: one block, allocated from the front, freed by resetting to a mark.
 *
 *   struct arena a = {0};              planning: counts only
 *   take(&a, ...);                     the caller's function: each arena_take in it counts and returns NULL
 *   arena_init(&a, a.high, &error);    now the same calls return memory
 *   take(&a, ...);
 *   size_t mark = a.used; ... a.used = mark;      scratch memory of a step
 *   arena_release(&a);
 *
 * Pieces are aligned to 64 bytes. Taking more than was planned is a bug and aborts. While an arena is planning (base
 * NULL) callers must not touch what arena_take returns.
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
    size_t high; /* the largest `used` so far: the result of planning */
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

/* For arenas of other memory too: the offset of a piece of so many bytes, after which *used and *high advance. */
enum { ARENA_ALIGN = 64 };
size_t arena_advance(size_t *used, size_t *high, size_t bytes);

#endif
