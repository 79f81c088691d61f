/* world.c - checks and the meter for all implementations, and how an array is cut into parts. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "num.h"
#include "op.h"
#include "world-queue.h"
#include "world-tree.h"

enum { GATHER_BYTES = 4 << 20 }; /* of all processes in a piece of world_gather_shares */

static bool may_call(struct op_ctx *c, bool good, const char *what)
{
    return op_check(c, good, what) && !op_planning(c);
}

/* The element type of the whole, and as many elements as this process's part of it. */
static bool is_part(const struct world *w, struct tensor part, struct tensor whole, int64_t grain)
{
    return part.dtype == whole.dtype && tensor_elements(part) == world_part(w, tensor_elements(whole), grain).count;
}

static bool is_summed(struct tensor x)
{
    return x.dtype == DTYPE_F32 || x.dtype == DTYPE_F64;
}

struct world_part world_part_of(const struct world *w, int process, int64_t n, int64_t grain)
{
    struct world_part part;
    part.count = num_share(n, process, w->size, grain, &part.first);
    return part;
}

struct world_part world_part(const struct world *w, int64_t n, int64_t grain)
{
    return world_part_of(w, w->rank, n, grain);
}

int world_slots(const struct world *w)
{
    return world_tree_slots(w->size, world_ranks(w));
}

/* ---------------------------------------------------------------- the meter */
/* Returns the time, for leave(). */
static double enter(const struct world *w, const char *call)
{
    double now = clock_now();
    struct fmt_error of_queue = {0}; /* the queue keeps it: the next world_finish reports it */
    if (w->meter) {
        w->meter->n_calls++;
        w->meter->inside = call;
    }
    if (w->queue)
        world_queue_wait(w->queue, world_queue_last(w->queue), &of_queue);
    return now;
}

static void leave(const struct world *w, double entered)
{
    if (!w->meter)
        return;
    w->meter->seconds += clock_now() - entered;
    w->meter->inside = NULL;
}

int64_t world_bytes_sent(const struct world *w)
{
    return w->calls->bytes_sent ? w->calls->bytes_sent(w) : 0;
}

double world_clock(const struct world *w)
{
    return clock_now() - (w->meter ? w->meter->seconds : 0);
}

/* ---------------------------------------------------------------- calls */
void world_all_reduce(const struct world *w, struct op_ctx *c, struct tensor out, struct tensor in,
                      enum world_reduction how)
{
    bool good = is_summed(in) && in.dtype == out.dtype && tensor_elements(in) == w->turns * tensor_elements(out);
    if (!may_call(c, good, "all_reduce: not what each turn has, in f32 or f64"))
        return;
    double entered = enter(w, "all_reduce");
    w->calls->all_reduce(w, c, out, in, how);
    leave(w, entered);
}

int world_sum_ranks(const struct world *w, double *out, const double *in, int n, struct fmt_error *e)
{
    double sum[WORLD_SLOTS_MAX][WORLD_FEW], *all = malloc((size_t)w->size * WORLD_FEW * sizeof *all);
    const void **given = calloc((size_t)w->size, sizeof *given);
    void *slot[WORLD_SLOTS_MAX];
    int status = n > WORLD_FEW ? fmt_fail(e, FMT_LIMIT, "sum over ranks: %d numbers", n)
                               : world_agree(w, all && given ? 0 : fmt_no_memory(e), e);
    for (int i = 0; i < WORLD_SLOTS_MAX; i++)
        slot[i] = sum[i];
    for (int i = 0; i < w->size && !status; i++)
        given[i] = all + (size_t)i * (size_t)n;
    for (int turn = 0; turn < w->turns && !status; turn++) {
        status = world_all_gather_host(w, all, in + (size_t)turn * (size_t)n, (size_t)n * sizeof *in, e);
        if (!status)
            world_tree_push(slot, turn * w->size, given, w->size, world_ranks(w), DTYPE_F64, n, WORLD_SUM);
    }
    if (!status)
        memcpy(out, sum[0], (size_t)n * sizeof *out);
    free(all);
    free(given);
    return status;
}

int world_all_reduce_host(const struct world *w, double *x, int64_t n, enum world_reduction how, struct fmt_error *e)
{
    double entered = enter(w, "all_reduce of numbers");
    int status = w->calls->all_reduce_host(w, x, n, how, e);
    leave(w, entered);
    return status;
}

int world_all_gather_host(const struct world *w, void *all, const void *mine, size_t bytes, struct fmt_error *e)
{
    if (bytes > WORLD_GATHER_MAX)
        return fmt_fail(e, FMT_LIMIT, "all_gather: %zu bytes of a process, more than %d", bytes, WORLD_GATHER_MAX);
    double entered = enter(w, "all_gather of bytes");
    int status = w->calls->all_gather_host(w, all, mine, bytes, e);
    leave(w, entered);
    return status;
}

struct part world_share(const struct world *w)
{
    return (struct part){w->rank + 1, w->size};
}

/* What a process gives in the piece that begins at `offset` of each share: a range of bytes of the array. */
static struct world_part share_piece(const struct world *w, int process, int64_t n, int64_t item_bytes, int64_t offset,
                                     int64_t most)
{
    struct part p = {process + 1, w->size};
    int64_t end = part_end(p, n) * item_bytes, first = num_min(part_first(p, n) * item_bytes + offset, end);
    return (struct world_part){first, num_min(most, end - first)};
}

int world_gather_shares(const struct world *w, void *x, int64_t n, size_t item_bytes, struct fmt_error *e)
{
    int64_t each = (int64_t)item_bytes, longest = num_ceil_div(n, w->size) * each,
            most = num_min(WORLD_GATHER_MAX, num_max(64, GATHER_BYTES / w->size));
    if (w->size == 1)
        return 0;
    char *mine = malloc((size_t)(1 + w->size) * (size_t)most), *all = mine ? mine + most : NULL;
    int status = world_agree(w, mine ? 0 : fmt_no_memory(e), e);
    for (int64_t offset = 0; offset < longest && !status; offset += most) {
        size_t bytes = (size_t)num_min(most, longest - offset);
        struct world_part own = share_piece(w, w->rank, n, each, offset, most);
        memcpy(mine, (char *)x + own.first, (size_t)own.count);
        memset(mine + own.count, 0, bytes - (size_t)own.count);
        status = world_all_gather_host(w, all, mine, bytes, e);
        for (int r = 0; r < w->size && !status; r++) {
            struct world_part its = share_piece(w, r, n, each, offset, most);
            memcpy((char *)x + its.first, all + (size_t)r * bytes, (size_t)its.count);
        }
    }
    free(mine);
    return status;
}

int world_any(const struct world *w, bool here, bool *any, struct fmt_error *e)
{
    double most = here;
    int status = world_all_reduce_host(w, &most, 1, WORLD_MAX, e);
    *any = status ? here : most > 0;
    return status;
}

/* The first failure of all processes, which the caller knows to be there. */
static int first_failure(const struct world *w, int status, struct fmt_error *e)
{
    struct verdict {
        int status;
        char text[sizeof e->text];
    } mine = {.status = status}, *all = malloc((size_t)w->size * sizeof *all);
    struct fmt_error broken = {0};
    if (status)
        memcpy(mine.text, e->text, sizeof mine.text);
    int failed = all ? world_all_gather_host(w, all, &mine, sizeof mine, &broken) : fmt_no_memory(&broken);
    if (failed) {
        *e = broken;
        free(all);
        return failed;
    }
    int rank = 0, n_alike = 0;
    while (!all[rank].status)
        rank++;
    for (int r = rank; r < w->size; r++)
        n_alike += all[r].status == all[rank].status && strcmp(all[r].text, all[rank].text) == 0;
    *e = (struct fmt_error){0};
    if (n_alike == w->size)
        status = fmt_fail(e, (enum fmt_status)all[rank].status, "%s", all[rank].text);
    else
        status = fmt_fail(e, (enum fmt_status)all[rank].status, "rank %d: %.380s", rank, all[rank].text);
    free(all);
    return status;
}

int world_agree(const struct world *w, int status, struct fmt_error *e)
{
    bool any;
    struct fmt_error broken = {0};
    if (w->size == 1)
        return status;
    if (world_any(w, status != 0, &any, &broken)) {
        *e = broken;
        return FMT_IO;
    }
    return any ? first_failure(w, status, e) : 0;
}

static bool may_reduce_scatter(const struct world *w, struct op_ctx *c, const struct tensor *slot, int turn,
                               struct tensor whole, int64_t grain)
{
    bool good = is_summed(whole) && turn >= 0 && turn < w->turns;
    for (int i = 0; i < world_slots(w); i++)
        good = good && is_part(w, slot[i], whole, grain);
    return may_call(c, good, "reduce_scatter: not this process's part");
}

void world_reduce_scatter(const struct world *w, struct op_ctx *c, const struct tensor *slot, int turn,
                          struct tensor whole, int64_t grain)
{
    if (!may_reduce_scatter(w, c, slot, turn, whole, grain))
        return;
    double entered = enter(w, "reduce_scatter");
    w->calls->reduce_scatter(w, c, slot, turn, whole, grain);
    leave(w, entered);
}

static bool may_all_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part,
                           int64_t grain)
{
    return may_call(c, is_part(w, part, whole, grain), "all_gather: not this process's part");
}

void world_all_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part, int64_t grain)
{
    if (!may_all_gather(w, c, whole, part, grain))
        return;
    double entered = enter(w, "all_gather");
    w->calls->all_gather(w, c, whole, part, grain);
    leave(w, entered);
}

/* Waits for the operations that compute what is sent: the thread of the queue does not. */
static int64_t start(const struct world *w, struct op_ctx *c, const struct world_job *job)
{
    double entered = clock_now();
    if (w->meter) {
        w->meter->n_calls++;
        w->meter->inside = "all_gather or reduce_scatter behind the computation";
    }
    int64_t n = op_sync(c, NULL) ? 0 : world_queue_add(w->queue, job);
    leave(w, entered);
    return n;
}

int64_t world_start_reduce_scatter(const struct world *w, struct op_ctx *c, const struct tensor *slot, int turn,
                                   struct tensor whole, int64_t grain)
{
    struct world_job job = {.call = WORLD_JOB_REDUCE, .whole = whole, .n_parts = world_slots(w), .turn = turn,
                            .grain = grain};
    if (!w->queue)
        world_reduce_scatter(w, c, slot, turn, whole, grain);
    if (!w->queue || !may_reduce_scatter(w, c, slot, turn, whole, grain))
        return 0;
    memcpy(job.part, slot, (size_t)job.n_parts * sizeof *slot);
    return start(w, c, &job);
}

int64_t world_start_all_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part,
                               int64_t grain)
{
    struct world_job job = {.call = WORLD_JOB_GATHER, .whole = whole, .part = {part}, .n_parts = 1, .grain = grain};
    if (!w->queue)
        world_all_gather(w, c, whole, part, grain);
    if (!w->queue || !may_all_gather(w, c, whole, part, grain))
        return 0;
    return start(w, c, &job);
}

void world_finish(const struct world *w, struct op_ctx *c, int64_t started)
{
    if (!w->queue || op_planning(c))
        return;
    double entered = clock_now();
    if (w->meter)
        w->meter->inside = "all_gather or reduce_scatter behind the computation";
    world_queue_wait(w->queue, started, &c->error);
    leave(w, entered);
}

int world_broadcast_host(const struct world *w, void *x, size_t bytes, int root, struct fmt_error *e)
{
    double entered = enter(w, "broadcast of bytes");
    int status = w->calls->broadcast_host(w, x, bytes, root, e);
    leave(w, entered);
    return status;
}

int world_barrier(const struct world *w, struct fmt_error *e)
{
    double entered = enter(w, "barrier");
    int status = w->calls->barrier(w, e);
    leave(w, entered);
    return status;
}
