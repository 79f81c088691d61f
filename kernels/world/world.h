/* world.h - the processes of one training run, and their collectives: sums, copies, waiting for each other.
 *
 * Two numbers must not be confused. A run has `ranks` (train.ranks): each has a batch of its own in every step, as each
 * process of the published code has. And there are `size` processes, as many as MPI has started, which share the ranks
 * evenly: in turn t, process p computes rank t * size + p (world_rank). With one turn the two numbers are equal. The
 * field `rank` is the process's own number p, as MPI calls it; so do file names and messages ("rank 1: ...").
 *
 * All processes make the same calls in the same order; a call completes once all have made it.
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
    _Atomic int64_t n_calls;      /* calls begun so far: the same ones, in the same order, in all processes */
    _Atomic(const char *) inside; /* name of the call in progress; NULL: none */
    double seconds;               /* spent in calls so far, by the calling thread */
};

struct world {
    int rank, size; /* number of this process, and how many processes there are */
    int turns;      /* ranks that each process computes, one after another */
    const struct world_calls *calls;
    void *state; /* of the implementation */
    struct world_meter *meter; /* NULL: calls are not metered */
    struct world_queue *queue; /* NULL: world_start_* complete at once */
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

/* One decision for all processes: 0 where `status` is 0 in all of them; else, in each, the status of the lowest process
 * that failed, and its text in *e: "rank 2: train.dataset_path: ...", without the number where all say the same. If the
 * call itself fails, FMT_IO. */
int world_agree(const struct world *w, int status, struct fmt_error *e);
/* Whether `here` is true in any process. */
int world_any(const struct world *w, bool here, bool *any, struct fmt_error *e);

/* The part of an array of n elements that this process has, or another one: [first, first + count). Parts begin at
 * multiples of `grain`; those of the last processes may be shorter or empty. params-cut.h cuts units the same way. */
enum { WORLD_GRAIN = 16 };
struct world_part {
    int64_t first, count;
};
struct world_part world_part(const struct world *w, int64_t n, int64_t grain);
struct world_part world_part_of(const struct world *w, int process, int64_t n, int64_t grain);

/* Sums over ranks of which each process keeps its part, turn by turn, in slots of the part's size (world-tree.h):
 * `whole` is the contribution of world_rank(w, turn); after the last turn slot[0] is the sum over all ranks. With one
 * turn slot[0] may be a view of `whole`, which is undefined elsewhere afterwards. */
enum { WORLD_SLOTS_MAX = 17 };
int world_slots(const struct world *w);
void world_reduce_scatter(const struct world *w, struct op_ctx *c, const struct tensor *slot, int turn,
                          struct tensor whole, int64_t grain);
/* whole = the parts of all processes. `part` may be a view of `whole`. */
void world_all_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part, int64_t grain);
/* The same two calls, overlapped with computation (world-queue.h). They return a number: until world_finish of it has
 * returned, the caller must not touch the tensors. world_finish waits for that call and all that were started before it
 * (INT64_MAX: for all). Every other call of the world first waits for all of them. Without a queue they are complete
 * when they return. */
int64_t world_start_reduce_scatter(const struct world *w, struct op_ctx *c, const struct tensor *slot, int turn,
                                   struct tensor whole, int64_t grain);
int64_t world_start_all_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part,
                               int64_t grain);
void world_finish(const struct world *w, struct op_ctx *c, int64_t started);

/* x [bytes] = x of process `root`, in host memory. */
int world_broadcast_host(const struct world *w, void *x, size_t bytes, int root, struct fmt_error *e);
/* Returns when all processes have called it. */
int world_barrier(const struct world *w, struct fmt_error *e);

/* Bytes that this process has sent so far, counted once for each receiver, whatever route MPI takes. */
int64_t world_bytes_sent(const struct world *w);

/* Seconds of a clock that stops while this process is in a call: a difference is the process's own time, without its
 * waiting for others. Without a meter it never stops. */
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
