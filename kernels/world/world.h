/* world.h - the processes of one training run, and their collectives: sums, copies, waiting for each other.
 *
 * A run has `ranks`, each with a batch of its own in every step: the processes of the published code. Here they are
 * shared out evenly among the processes that there are: process `rank` of `size` computes world_rank(w, turn) = turn *
 * size + rank for each turn, so that in a turn all processes together compute neighbouring ranks. Where there is one
 * turn, a process is a rank. All processes make the same calls in the same order; a call completes once all have made
 * it.
 *
 *   const struct world *world = &world_single;             one process: every call returns at once and changes no bit
 *   world_all_reduce(world, &c, sum, mine, WORLD_SUM);     the sum over all ranks, in every process the same bits
 *
 * A sum over ranks has a fixed order, that of world-tree.h, so it does not depend on the number of processes. Calls on
 * tensors are like operations (op.h): asynchronous if the device is, without effect while the context plans or after an
 * error, and their errors stick to the context. Calls on host memory wait and return a status. world-mpi.h is the world
 * of several processes.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "part.h"

struct op_ctx;
struct tensor;
struct fmt_error;

enum world_reduction { WORLD_SUM, WORLD_MAX };

/* What a process does in the calls of its world. Another thread may read it, to see whether a call comes back. */
struct world_meter { /* zero-initialise */
    _Atomic int64_t n_calls;      /* that were begun: the same calls, in the same order, on all ranks */
    _Atomic(const char *) inside; /* the name of the last one; NULL: it has come back */
    double seconds;               /* in calls, in all; of the calling thread */
};

struct world {
    int rank, size; /* this process, and how many there are */
    int turns;      /* ranks that each of them computes, one after another */
    const struct world_calls *calls;
    void *state; /* of the implementation */
    struct world_meter *meter; /* NULL: calls are not metered */
    struct world_queue *queue; /* NULL: what is started is made at once */
};

extern const struct world world_single;

static inline int world_ranks(const struct world *w)
{
    return w->size * w->turns;
}
static inline int world_rank(const struct world *w, int turn)
{
    return turn * w->size + w->rank;
}

/* out = the sum or the largest over all ranks, element by element; f32 or f64. in: for each turn as many elements as
 * out has; with one turn it may be out. */
void world_all_reduce(const struct world *w, struct op_ctx *c, struct tensor out, struct tensor in,
                      enum world_reduction how);
/* out [n] = the sum over all ranks of in [turns][n], in host memory. n is at most WORLD_FEW. */
enum { WORLD_FEW = 32 };
int world_sum_ranks(const struct world *w, double *out, const double *in, int n, struct fmt_error *e);
/* x [n] = the sum or the largest over the processes, in host memory. */
int world_all_reduce_host(const struct world *w, double *x, int64_t n, enum world_reduction how, struct fmt_error *e);

/* all [size][bytes] = what each process gives, in host memory; at most WORLD_GATHER_MAX bytes of each. */
enum { WORLD_GATHER_MAX = 1 << 16 };
int world_all_gather_host(const struct world *w, void *all, const void *mine, size_t bytes, struct fmt_error *e);

/* A job of n items that the processes share, such as the images of a set: each does those of its own part (part_first,
 * part_end), into an array in host memory that has room for all. Then all get all: x [n][item_bytes] in every process.
 * The exchange takes up to 4 MiB and 64 KiB of memory; one process takes none. */
struct part world_share(const struct world *w);
int world_gather_shares(const struct world *w, void *x, int64_t n, size_t item_bytes, struct fmt_error *e);

/* One decision for all ranks: 0 where `status` is 0 on all of them; else on each the status of the lowest rank that
 * failed, and its text in *e: "rank 2: train.dataset_path: ...", without the number where all ranks say the same. A
 * failure of the call itself is FMT_IO. */
int world_agree(const struct world *w, int status, struct fmt_error *e);
/* Whether `here` is true on any rank. */
int world_any(const struct world *w, bool here, bool *any, struct fmt_error *e);

/* A process's part of an array of n elements: [first, first + count). Parts begin at multiples of `grain`; those of the
 * last processes may be shorter or empty. */
enum { WORLD_GRAIN = 16 };
struct world_part {
    int64_t first, count;
};
struct world_part world_part(const struct world *w, int64_t n, int64_t grain);

/* Sums over ranks of which each process keeps its part, turn by turn, in slots of the part's size (world-tree.h):
 * `whole` is the contribution of world_rank(w, turn); after the last turn slot[0] is the sum over all ranks. With one
 * turn slot[0] may be a view of `whole`, which is undefined elsewhere afterwards. */
enum { WORLD_SLOTS_MAX = 17 };
int world_slots(const struct world *w);
void world_reduce_scatter(const struct world *w, struct op_ctx *c, const struct tensor *slot, int turn,
                          struct tensor whole, int64_t grain);
/* whole = the parts of all processes. `part` may be a view of `whole`. */
void world_all_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part, int64_t grain);
/* The same two calls behind the computation (world-queue.h): the memory of their tensors is theirs until world_finish
 * of the number that is returned, which waits for this call and all that were started before it (INT64_MAX: for all).
 * Every other call waits for all. Without a queue they are complete at once. */
int64_t world_start_reduce_scatter(const struct world *w, struct op_ctx *c, const struct tensor *slot, int turn,
                                   struct tensor whole, int64_t grain);
int64_t world_start_all_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part,
                               int64_t grain);
void world_finish(const struct world *w, struct op_ctx *c, int64_t started);

/* x [bytes] = x of process `root`, in host memory. */
int world_broadcast_host(const struct world *w, void *x, size_t bytes, int root, struct fmt_error *e);
/* Returns when all processes have called it. */
int world_barrier(const struct world *w, struct fmt_error *e);

/* Bytes that this process has sent to others, each once for each that needs it, whatever way they take. */
int64_t world_bytes_sent(const struct world *w);

/* Seconds of a clock that stands still while this process is in a call: differences are its own time, without that of
 * the ranks that it waits for. Without a meter it never stands. */
double world_clock(const struct world *w);

/* What an implementation fills in (world-single.c). Arguments were checked; the context neither plans nor failed. */
struct world_calls {
    void (*all_reduce)(const struct world *w, struct op_ctx *c, struct tensor out, struct tensor in,
                       enum world_reduction how);
    int (*all_reduce_host)(const struct world *w, double *x, int64_t n, enum world_reduction how, struct fmt_error *e);
    int (*all_gather_host)(const struct world *w, void *all, const void *mine, size_t bytes, struct fmt_error *e);
    void (*reduce_scatter)(const struct world *w, struct op_ctx *c, const struct tensor *slot, int turn,
                           struct tensor whole, int64_t grain);
    void (*all_gather)(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part, int64_t grain);
    int (*broadcast_host)(const struct world *w, void *x, size_t bytes, int root, struct fmt_error *e);
    int (*barrier)(const struct world *w, struct fmt_error *e);
    int64_t (*bytes_sent)(const struct world *w); /* NULL: not counted */
};

#endif
