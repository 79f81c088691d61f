/* world-threads.h - a world of threads of one process, for tests: the collectives of world.h over host memory, with the
 * copies that every implementation without a transport for the device needs.
 *
 *   struct world_threads shared;
 *   world_threads_open(&shared, 2);
 *   ... thread r: struct world w = world_threads_rank(&shared, r); ... w is passed down ...
 *   world_threads_close(&shared);
 *
 * Every call is counted: shared.n_calls[...] of rank 0. */
#ifndef WORLD_THREADS_H
#define WORLD_THREADS_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "op.h"
#include "world-tree.h"
#include "world.h"

enum { WORLD_THREADS_MAX = 6 };
enum world_threads_call {
    WT_ALL_REDUCE, WT_ALL_REDUCE_HOST, WT_ALL_GATHER_HOST, WT_REDUCE_SCATTER, WT_ALL_GATHER, WT_BROADCAST_HOST,
    WT_BARRIER,
    WT_CALLS
};

struct world_threads {
    int size;
    pthread_barrier_t here;
    const void *given[WORLD_THREADS_MAX]; /* what each rank brought, between two barriers */
    int n_calls[WT_CALLS];
};

static inline struct world_threads *wt_shared(const struct world *w, enum world_threads_call call)
{
    struct world_threads *s = w->state;
    if (w->rank == 0) /* that rank alone writes the counts */
        s->n_calls[call]++;
    return s;
}

/* All ranks' data are to be seen from here to wt_leave. */
static inline void wt_meet(struct world_threads *s, const struct world *w, const void *mine)
{
    s->given[w->rank] = mine;
    pthread_barrier_wait(&s->here);
}

static inline void wt_leave(struct world_threads *s)
{
    pthread_barrier_wait(&s->here);
}

static inline void *wt_take(size_t bytes)
{
    void *p = malloc(bytes + 1);
    if (!p)
        abort();
    return p;
}

static inline int wt_all_reduce_host(const struct world *w, double *x, int64_t n, enum world_reduction how,
                                     struct fmt_error *e)
{
    (void)e;
    struct world_threads *s = wt_shared(w, WT_ALL_REDUCE_HOST);
    double *sum = wt_take((size_t)n * sizeof *sum);
    wt_meet(s, w, x);
    world_tree_reduce(sum, s->given, s->size, DTYPE_F64, n, how);
    wt_leave(s);
    memcpy(x, sum, (size_t)n * sizeof *x);
    free(sum);
    return 0;
}

static inline int wt_all_gather_host(const struct world *w, void *all, const void *mine, size_t bytes,
                                     struct fmt_error *e)
{
    (void)e;
    struct world_threads *s = wt_shared(w, WT_ALL_GATHER_HOST);
    wt_meet(s, w, mine);
    for (int r = 0; r < s->size; r++)
        memcpy((char *)all + (size_t)r * bytes, s->given[r], bytes);
    wt_leave(s);
    return 0;
}

static inline size_t wt_bytes(struct tensor t)
{
    return (size_t)tensor_elements(t) * dtype_bytes(t.dtype);
}

/* A tensor's elements in host memory, for free(). */
static inline void *wt_copy_out(struct op_ctx *c, struct tensor t)
{
    void *host = wt_take(wt_bytes(t));
    op_copy_out(c, host, t);
    return host;
}

/* mine: turn_bytes for each of n_turns turns. Returns the contributions of all ranks, in order of rank, which may be
 * read until wt_leave; for free(). */
static inline const void **wt_contributions(struct world_threads *s, const struct world *w, const void *mine,
                                            int n_turns, size_t turn_bytes)
{
    const void **given = wt_take((size_t)(n_turns * s->size) * sizeof *given);
    wt_meet(s, w, mine);
    for (int i = 0; i < n_turns * s->size; i++)
        given[i] = (const char *)s->given[i % s->size] + (size_t)(i / s->size) * turn_bytes;
    return given;
}

static inline void wt_all_reduce(const struct world *w, struct op_ctx *c, struct tensor out, struct tensor in,
                                 enum world_reduction how)
{
    struct world_threads *s = wt_shared(w, WT_ALL_REDUCE);
    void *mine = wt_copy_out(c, in), *sum = wt_take(wt_bytes(out));
    const void **given = wt_contributions(s, w, mine, w->turns, wt_bytes(out));
    world_tree_reduce(sum, given, world_ranks(w), in.dtype, tensor_elements(out), how);
    wt_leave(s);
    op_copy_in(c, out, sum);
    free(mine), free(sum), free(given);
}

static inline void wt_reduce_scatter(const struct world *w, struct op_ctx *c, const struct tensor *slot, int turn,
                                     struct tensor whole, int64_t grain)
{
    struct world_threads *s = wt_shared(w, WT_REDUCE_SCATTER);
    struct world_part at = world_part(w, tensor_elements(whole), grain);
    void *mine = wt_copy_out(c, whole), *sum[WORLD_SLOTS_MAX];
    for (int i = 0; i < world_slots(w); i++)
        sum[i] = wt_copy_out(c, slot[i]);
    const void **given = wt_contributions(s, w, mine, 1, 0);
    for (int i = 0; i < s->size; i++)
        given[i] = (const char *)given[i] + (size_t)at.first * dtype_bytes(whole.dtype);
    world_tree_push(sum, turn * w->size, given, w->size, world_ranks(w), whole.dtype, at.count, WORLD_SUM);
    wt_leave(s);
    for (int i = 0; i < world_slots(w); i++) {
        op_copy_in(c, slot[i], sum[i]);
        free(sum[i]);
    }
    free(mine), free(given);
}

static inline void wt_all_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part,
                                 int64_t grain)
{
    struct world_threads *s = wt_shared(w, WT_ALL_GATHER);
    void *mine = wt_copy_out(c, part);
    char *all = wt_take(wt_bytes(whole));
    wt_meet(s, w, mine);
    for (int r = 0; r < s->size; r++) {
        struct world_part at = world_part_of(w, r, tensor_elements(whole), grain);
        memcpy(all + (size_t)at.first * dtype_bytes(whole.dtype), s->given[r],
               (size_t)at.count * dtype_bytes(whole.dtype));
    }
    wt_leave(s);
    op_copy_in(c, whole, all);
    free(mine), free(all);
}

static inline int wt_broadcast_host(const struct world *w, void *x, size_t bytes, int root, struct fmt_error *e)
{
    (void)e;
    struct world_threads *s = wt_shared(w, WT_BROADCAST_HOST);
    wt_meet(s, w, x);
    if (w->rank != root)
        memcpy(x, s->given[root], bytes);
    wt_leave(s);
    return 0;
}

static inline int wt_barrier(const struct world *w, struct fmt_error *e)
{
    (void)e;
    wt_leave(wt_shared(w, WT_BARRIER));
    return 0;
}

static const struct world_calls wt_calls = {.all_reduce = wt_all_reduce,
                                            .all_reduce_host = wt_all_reduce_host,
                                            .all_gather_host = wt_all_gather_host,
                                            .reduce_scatter = wt_reduce_scatter,
                                            .all_gather = wt_all_gather,
                                            .broadcast_host = wt_broadcast_host,
                                            .barrier = wt_barrier};

static inline void world_threads_open(struct world_threads *s, int size)
{
    *s = (struct world_threads){.size = size};
    if (pthread_barrier_init(&s->here, NULL, (unsigned)size))
        abort();
}

static inline struct world world_threads_rank(struct world_threads *s, int rank)
{
    return (struct world){.rank = rank, .size = s->size, .turns = 1, .calls = &wt_calls, .state = s};
}

static inline void world_threads_close(struct world_threads *s)
{
    pthread_barrier_destroy(&s->here);
}

#endif
