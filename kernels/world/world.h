/* world.h - the processes that make one training run, and what they do together: sums, copies, waiting.
 *
 * A process is a rank, 0 to size - 1. It has its own part of every batch. All ranks make the same calls in the same
 * order; what a call gives is there on each of them once all have made it.
 *
 *   const struct world *world = &world_single;             one process: every call returns at once and changes no bit
 *   world_all_reduce(world, &c, sums, WORLD_SUM);       sums, on every rank the same bits
 *
 * Calls that take tensors are like operations (op.h): asynchronous where the device is, without effect while the
 * context is planning or has failed; an error of theirs stays in the context. Calls on host memory wait and return a
 * status. A sum over ranks has one order, whichever of them comes first.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdint.h>

struct op_ctx;
struct tensor;
struct fmt_error;

enum world_reduction { WORLD_SUM, WORLD_MAX };

struct world {
    int rank, size;
    const struct world_calls *calls;
    void *state; /* of the implementation */
};

extern const struct world world_single;

/* x = the sum or the largest of the ranks' x, element by element; f32 or f64. */
void world_all_reduce(const struct world *w, struct op_ctx *c, struct tensor x, enum world_reduction how);
/* The same of n numbers in host memory. */
int world_all_reduce_host(const struct world *w, double *x, int64_t n, enum world_reduction how, struct fmt_error *e);

/* What a rank has of an array that is cut into parts: elements [first, first + count) of n, at multiples of
 * WORLD_PART_ALIGN; the last ranks may have less, or nothing. */
enum { WORLD_PART_ALIGN = 16 };
struct world_part {
    int64_t first, count;
};
struct world_part world_part(const struct world *w, int64_t n);

/* part = this rank's part of the sum of the ranks' wholes. It may be that part of `whole` itself; what else is in
 * `whole` is undefined afterwards. */
void world_reduce_scatter(const struct world *w, struct op_ctx *c, struct tensor part, struct tensor whole);
/* whole = the parts of all ranks. `part` may be that part of `whole` itself. */
void world_all_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part);
/* x = that of rank `root`. */
void world_broadcast(const struct world *w, struct op_ctx *c, struct tensor x, int root);
/* Returns when all ranks are here. */
int world_barrier(const struct world *w, struct fmt_error *e);

/* What an implementation fills in (world-single.c). Arguments were checked; the context neither plans nor failed. */
struct world_calls {
    void (*all_reduce)(const struct world *w, struct op_ctx *c, struct tensor x, enum world_reduction how);
    int (*all_reduce_host)(const struct world *w, double *x, int64_t n, enum world_reduction how, struct fmt_error *e);
    void (*reduce_scatter)(const struct world *w, struct op_ctx *c, struct tensor part, struct tensor whole);
    void (*all_gather)(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part);
    void (*broadcast)(const struct world *w, struct op_ctx *c, struct tensor x, int root);
    int (*barrier)(const struct world *w, struct fmt_error *e);
};

#endif
