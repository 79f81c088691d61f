/* world.h - the processes of one training run, and their collectives: sums, copies, waiting for each other.
 *
 * A process is a rank, 0 to size - 1, with a batch of its own in every step. All ranks make the same calls in the same
 * order; a call completes once all ranks have made it.
 *
 *   const struct world *world = &world_single;             one process: every call returns at once and changes no bit
 *   world_all_reduce(world, &c, sums, WORLD_SUM);       sums, on every rank the same bits
 *
 * Calls on tensors are like operations (op.h): asynchronous if the device is, without effect while the context plans
 * or after an error, and their errors stick to the context. Calls on host memory wait and return a status. A sum over
 * ranks has a fixed order, that of world-tree.h. world-mpi.h is the world of several processes.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stddef.h>
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

/* all [size][bytes] = what each rank gives, in host memory; at most WORLD_GATHER_MAX bytes of each. */
enum { WORLD_GATHER_MAX = 1 << 16 };
int world_all_gather_host(const struct world *w, void *all, const void *mine, size_t bytes, struct fmt_error *e);

/* One decision for all ranks: 0 where `status` is 0 on all of them; else on each the status of the lowest rank that
 * failed, and its text in *e: "rank 2: train.dataset_path: ...", without the number where all ranks say the same. A
 * failure of the call itself is FMT_IO. */
int world_agree(const struct world *w, int status, struct fmt_error *e);
/* Whether `here` is true on any rank. */
int world_any(const struct world *w, bool here, bool *any, struct fmt_error *e);

/* A rank's part of an array of n elements: [first, first + count). Parts begin at multiples of WORLD_PART_ALIGN; those
 * of the last ranks may be shorter or empty. */
enum { WORLD_PART_ALIGN = 16 };
struct world_part {
    int64_t first, count;
};
struct world_part world_part(const struct world *w, int64_t n);

/* part = this rank's part of the sum over the ranks of `whole`. It may be a view of `whole`, which is undefined
 * elsewhere afterwards. */
void world_reduce_scatter(const struct world *w, struct op_ctx *c, struct tensor part, struct tensor whole);
/* whole = the parts of all ranks. `part` may be a view of `whole`. */
void world_all_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part);
/* x = x of rank `root` */
void world_broadcast(const struct world *w, struct op_ctx *c, struct tensor x, int root);
/* Returns when all ranks have called it. */
int world_barrier(const struct world *w, struct fmt_error *e);

/* What an implementation fills in (world-single.c). Arguments were checked; the context neither plans nor failed. */
struct world_calls {
    void (*all_reduce)(const struct world *w, struct op_ctx *c, struct tensor x, enum world_reduction how);
    int (*all_reduce_host)(const struct world *w, double *x, int64_t n, enum world_reduction how, struct fmt_error *e);
    int (*all_gather_host)(const struct world *w, void *all, const void *mine, size_t bytes, struct fmt_error *e);
    void (*reduce_scatter)(const struct world *w, struct op_ctx *c, struct tensor part, struct tensor whole);
    void (*all_gather)(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part);
    void (*broadcast)(const struct world *w, struct op_ctx *c, struct tensor x, int root);
    int (*barrier)(const struct world *w, struct fmt_error *e);
};

#endif
