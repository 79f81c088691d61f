/* params-array.h - a value for each parameter of a table, on a device: master values, working copies, gradients or
 * moments.
 *
 *   struct params_array w = params_array_take(&arena, &table, DTYPE_F32);
 *   params_init(&c, &w, seed);                                     random values
 *   op_linear_fwd(&c, y, x, params_tensor(&w, row), ...);          a row as an operand
 *   params_read(&c, &w, row, 0, n, host);                          and in host memory, piece by piece
 *
 * An array may be a part of the table's layout (params.h), from any element to any other, or the parts of its units
 * that one process of several holds (params-cut.h). Arrays over one table with one extent belong together element by
 * element.
 */
#ifndef PARAMS_ARRAY_H
#define PARAMS_ARRAY_H

#include <stdbool.h>
#include <stdint.h>

#include "device-arena.h"
#include "op.h"
#include "params-cut.h"
#include "params.h"

struct params_array {
    const struct params *table; /* not owned */
    struct tensor data;         /* [count] */
    int64_t first, count;       /* elements [first, first + count) of the table's layout; with a cut `count` of them */
    const struct params_cut *cut; /* NULL, or which elements these are; not owned */
    const struct params_fetch *fetch; /* of an array with a cut: for params_read; not owned */
};

/* host [n] = elements [first, first + n) of the layout, from the processes that hold them; all make the call. */
struct params_fetch {
    void (*elements)(void *arg, const struct params_array *a, int64_t first, int64_t n, float *host);
    void *arg;
};

/* All of the table; a part of it. What is taken is uninitialised, padding included: params_init or params_clear. */
struct params_array params_array_take(struct device_arena *a, const struct params *table, enum dtype dtype);
struct params_array params_array_take_part(struct device_arena *a, const struct params *table, enum dtype dtype,
                                           int64_t first, int64_t count);
struct params_array params_array_take_cut(struct device_arena *a, const struct params_cut *cut, enum dtype dtype);

/* The elements [0, count) of the layout in zeroed memory of their own, for device_arena_release. */
int params_array_reserve(struct params_array *a, struct device_arena *memory, const struct backend *backend,
                         const struct params *table, enum dtype dtype, int64_t count, struct fmt_error *e);

/* A row's elements in its dimensions; TENSOR_NONE of row -1. The array has the row as a whole. */
struct tensor params_tensor(const struct params_array *a, int row);
/* Elements [first, first + count) of the layout, which the array has: a run of rows (params_trained_range). */
struct tensor params_range(const struct params_array *a, int64_t first, int64_t count);
/* Which elements of a row the array has, if any: [*first, *first + the result). */
int64_t params_held(const struct params_array *a, int row, int64_t *first);

void params_clear(struct op_ctx *c, const struct params_array *a); /* 0, padding too */
/* First values of all rows, or of what the array has of them; row i draws from the stream (seed, i, 0, RNG_INIT). */
void params_init(struct op_ctx *c, const struct params_array *a, uint64_t seed);

/* Elements [first, first + n) of a row, which the array has, between float32 in host memory and the array. Reading
 * waits; errors stick to the context. With a cut any elements may be named: all processes read, and all get the values;
 * of what is written the array takes what it has. */
void params_read(struct op_ctx *c, const struct params_array *a, int row, int64_t first, int64_t n, float *host);
void params_write(struct op_ctx *c, const struct params_array *a, int row, int64_t first, int64_t n,
                  const float *host);

/* What the copies above move at once where a whole row is too much: for (first = 0; first < count; first += PIECE). */
enum { PARAMS_PIECE = 1 << 16 }; /* elements: 256 KiB of float32 */

#endif
