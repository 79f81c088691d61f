/* world-single.c - a world of one process, which computes all ranks: sums over turns, a part is the whole. */
#include <string.h>

#include "num.h"
#include "op.h"
#include "world-tree.h"
#include "world.h"

static struct tensor flat(struct tensor x)
{
    return TENSOR_SHAPED(x, tensor_elements(x));
}

static void copy(struct op_ctx *c, struct tensor to, struct tensor from)
{
    if (to.data.at != from.data.at)
        op_copy(c, flat(to), flat(from));
}

enum { PIECE = 512 }; /* elements that are in host memory at a time */

/* Elements [first, first + n) of all turns, one turn after another. */
static void reduce_piece(const struct world *w, struct op_ctx *c, struct tensor out, struct tensor in, int64_t first,
                         int64_t n, enum world_reduction how)
{
    double mine[PIECE], sum[WORLD_SLOTS_MAX][PIECE];
    const void *given = mine;
    void *slot[WORLD_SLOTS_MAX];
    for (int i = 0; i < WORLD_SLOTS_MAX; i++)
        slot[i] = sum[i];
    for (int turn = 0; turn < w->turns; turn++) {
        op_copy_out(c, mine, tensor_rows(flat(in), turn * tensor_elements(out) + first, n));
        if (c->error.status)
            return;
        world_tree_push(slot, turn, &given, 1, w->turns, in.dtype, n, how);
    }
    op_copy_in(c, tensor_rows(flat(out), first, n), sum[0]);
}

static void all_reduce(const struct world *w, struct op_ctx *c, struct tensor out, struct tensor in,
                       enum world_reduction how)
{
    int64_t n = tensor_elements(out);
    if (w->turns == 1)
        copy(c, out, in);
    for (int64_t first = 0; first < n && w->turns > 1; first += PIECE)
        reduce_piece(w, c, out, in, first, num_min(PIECE, n - first), how);
}

static int all_reduce_host(const struct world *w, double *x, int64_t n, enum world_reduction how, struct fmt_error *e)
{
    (void)w, (void)x, (void)n, (void)how, (void)e;
    return 0;
}

static int all_gather_host(const struct world *w, void *all, const void *mine, size_t bytes, struct fmt_error *e)
{
    (void)w, (void)e;
    memcpy(all, mine, bytes);
    return 0;
}

/* The binary counter of world-tree.c, with whole slots: the turns before this one have a slot for each binary digit,
 * and the newest sum is added to the last of them while that has as many ranks, after the last turn to all. */
static void reduce_scatter(const struct world *w, struct op_ctx *c, const struct tensor *slot, int turn,
                           struct tensor whole, int64_t grain)
{
    (void)grain;
    int n = world_tree_nodes(turn, w->turns);
    struct tensor newest = flat(whole);
    for (int rest = turn; n > 0 && (rest % 2 || turn + 1 == w->turns); rest /= 2) {
        op_axpy(c, flat(slot[--n]), 1, newest);
        newest = flat(slot[n]);
    }
    copy(c, slot[n], newest);
}

static void all_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part, int64_t grain)
{
    (void)w, (void)grain;
    copy(c, whole, part);
}

static int broadcast_host(const struct world *w, void *x, size_t bytes, int root, struct fmt_error *e)
{
    (void)w, (void)x, (void)bytes, (void)root, (void)e;
    return 0;
}

static int barrier(const struct world *w, struct fmt_error *e)
{
    (void)w, (void)e;
    return 0;
}

static const struct world_calls calls = {.all_reduce = all_reduce,
                                         .all_reduce_host = all_reduce_host,
                                         .all_gather_host = all_gather_host,
                                         .reduce_scatter = reduce_scatter,
                                         .all_gather = all_gather,
                                         .broadcast_host = broadcast_host,
                                         .barrier = barrier};

const struct world world_single = {.rank = 0, .size = 1, .turns = 1, .calls = &calls};
