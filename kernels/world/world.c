/* world.c - checks for all implementations, and how an array is cut into parts. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "op.h"

static bool may_call(struct op_ctx *c, bool good, const char *what)
{
    return op_check(c, good, what) && !op_planning(c);
}

/* The element type of the whole, and as many elements as this rank's part of it. */
static bool is_part(const struct world *w, struct tensor part, struct tensor whole)
{
    return part.dtype == whole.dtype && tensor_elements(part) == world_part(w, tensor_elements(whole)).count;
}

struct world_part world_part(const struct world *w, int64_t n)
{
    int64_t each = num_ceil_div(num_ceil_div(n, w->size), WORLD_PART_ALIGN) * WORLD_PART_ALIGN,
            first = num_min(w->rank * each, n);
    return (struct world_part){first, num_min(each, n - first)};
}

void world_all_reduce(const struct world *w, struct op_ctx *c, struct tensor x, enum world_reduction how)
{
    if (may_call(c, x.dtype == DTYPE_F32 || x.dtype == DTYPE_F64, "all_reduce: neither f32 nor f64"))
        w->calls->all_reduce(w, c, x, how);
}

int world_all_reduce_host(const struct world *w, double *x, int64_t n, enum world_reduction how, struct fmt_error *e)
{
    return w->calls->all_reduce_host(w, x, n, how, e);
}

int world_all_gather_host(const struct world *w, void *all, const void *mine, size_t bytes, struct fmt_error *e)
{
    if (bytes > WORLD_GATHER_MAX)
        return fmt_fail(e, FMT_LIMIT, "all_gather: %zu bytes of a rank, more than %d", bytes, WORLD_GATHER_MAX);
    return w->calls->all_gather_host(w, all, mine, bytes, e);
}

int world_any(const struct world *w, bool here, bool *any, struct fmt_error *e)
{
    double most = here;
    int status = world_all_reduce_host(w, &most, 1, WORLD_MAX, e);
    *any = status ? here : most > 0;
    return status;
}

/* The first failure of all ranks, which the caller knows to be there. */
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

void world_reduce_scatter(const struct world *w, struct op_ctx *c, struct tensor part, struct tensor whole)
{
    if (may_call(c, is_part(w, part, whole), "reduce_scatter: not this rank's part"))
        w->calls->reduce_scatter(w, c, part, whole);
}

void world_all_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part)
{
    if (may_call(c, is_part(w, part, whole), "all_gather: not this rank's part"))
        w->calls->all_gather(w, c, whole, part);
}

void world_broadcast(const struct world *w, struct op_ctx *c, struct tensor x, int root)
{
    if (may_call(c, root >= 0 && root < w->size, "broadcast: no such rank"))
        w->calls->broadcast(w, c, x, root);
}

int world_barrier(const struct world *w, struct fmt_error *e)
{
    return w->calls->barrier(w, e);
}
