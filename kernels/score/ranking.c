/* ranking.c - one item of work per class: its column is copied and sorted, and the order of the rows is stored. */
#include "ranking.h"

#include <stdlib.h>

struct ranked {
    double score;
    int32_t row;
};

struct sorting {
    const double *proba;
    struct ranking *r;
    struct ranked *scratch; /* [n_workers,n] */
};

static int by_descending_score(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

static void sort_class(void *arg, int64_t c, int worker)
{
    const struct sorting *s = arg;
    int64_t n = s->r->n;
    struct ranked *ranked = s->scratch + worker * n;
    int32_t *order = s->r->order + c * n;
    for (int64_t i = 0; i < n; i++)
        ranked[i] = (struct ranked){s->proba[i * s->r->n_classes + c], (int32_t)i};
    qsort(ranked, (size_t)n, sizeof *ranked, by_descending_score);
    for (int64_t i = 0; i < n; i++)
        order[i] = i + 1 < n && ranked[i].score == ranked[i + 1].score ? ~ranked[i].row : ranked[i].row;
}

int ranking_make(struct ranking *r, const struct rows *rows, struct thread_pool *pool, struct fmt_error *e)
{
    int64_t n = rows->n;
    *r = (struct ranking){.n = n, .n_classes = rows->n_classes};
    if (n > INT32_MAX)
        return fmt_fail(e, FMT_INVALID, "%lld rows are too many for scores, the limit is 2^31 - 1", (long long)n);
    r->order = calloc((size_t)n + 1, (size_t)r->n_classes * sizeof *r->order);
    struct ranked *scratch = calloc((size_t)thread_workers(pool), ((size_t)n + 1) * sizeof *scratch);
    struct sorting s = {rows->proba, r, scratch};
    int status = 0;
    if (!r->order || !scratch)
        status = fmt_fail(e, FMT_MEMORY, "out of memory for the order of %lld rows", (long long)n);
    if (!status)
        thread_for(pool, r->n_classes, sort_class, &s);
    free(scratch);
    if (status)
        ranking_release(r);
    return status;
}

void ranking_release(struct ranking *r)
{
    free(r->order);
    *r = (struct ranking){0};
}
