/* bootstrap.c - the values of all resamples are stored, then those of each score are sorted. */
#include "bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "num.h"
#include "rng.h"

struct resampling {
    const struct bootstrap *b;
    const struct metrics *m, *other; /* other NULL: m alone */
    const struct rows *rows;
    double *values;          /* [n_resamples,n_values] */
    int32_t *count, *weight; /* [n_workers,n_groups], [n_workers,n] */
    double *column;          /* [n_workers,n_resamples] of one value */
    double *subtracted;      /* [n_workers,n_values] of the other */
    double *low, *high;
};

void bootstrap_draw(const struct bootstrap *b, int64_t r, int64_t n_groups, int32_t *count)
{
    struct rng stream = rng_stream(b->seed, (uint64_t)r, 0, RNG_BOOTSTRAP);
    for (int64_t g = 0; g < n_groups; g++)
        count[g] = 0;
    for (int64_t g = 0; g < n_groups; g++)
        count[rng_below(&stream, (uint64_t)n_groups)]++;
}

static void resample(void *arg, int64_t item, int worker)
{
    struct resampling *t = arg;
    int64_t n = t->rows->n;
    int32_t *count = t->count + worker * t->rows->n_groups, *weight = t->weight + worker * n;
    bootstrap_draw(t->b, item, t->rows->n_groups, count);
    for (int64_t i = 0; i < n; i++)
        weight[i] = count[t->rows->group[i]];
    double *values = t->values + item * t->m->n_values, *subtracted = t->subtracted + worker * t->m->n_values;
    metrics_compute(t->m, weight, values, NULL);
    if (t->other)
        metrics_compute(t->other, weight, subtracted, NULL);
    for (int v = 0; t->other && v < t->m->n_values; v++)
        values[v] -= subtracted[v];
}

static double quantile(const double *sorted, int n, double q)
{
    double at = q * (n - 1);
    int i = (int)at;
    return i + 1 < n ? fmin(sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]), sorted[i + 1]) : sorted[n - 1];
}

void bootstrap_interval(const struct bootstrap *b, double *values, double *low, double *high)
{
    int n = 0;
    for (int r = 0; r < b->n_resamples; r++)
        if (!isnan(values[r]))
            values[n++] = values[r];
    qsort(values, (size_t)n, sizeof *values, num_order_f64);
    bool enough = n > 0 && 2 * n >= b->n_resamples;
    *low = enough ? quantile(values, n, (1 - b->level) / 2) : NAN;
    *high = enough ? quantile(values, n, (1 + b->level) / 2) : NAN;
}

static void store_quantiles(void *arg, int64_t v, int worker)
{
    struct resampling *t = arg;
    double *column = t->column + worker * t->b->n_resamples;
    for (int64_t r = 0; r < t->b->n_resamples; r++)
        column[r] = t->values[r * t->m->n_values + v];
    bootstrap_interval(t->b, column, &t->low[v], &t->high[v]);
}

int bootstrap_difference(const struct bootstrap *b, const struct metrics *m, const struct metrics *other,
                         struct thread_pool *pool, double *low, double *high, struct fmt_error *e)
{
    size_t workers = (size_t)thread_workers(pool);
    struct resampling t = {.b = b, .m = m, .other = other, .rows = m->in.rows, .low = low, .high = high};
    t.values = calloc((size_t)b->n_resamples + 1, (size_t)m->n_values * sizeof(double));
    t.count = calloc(workers, (size_t)t.rows->n_groups * sizeof *t.count);
    t.weight = calloc(workers, (size_t)t.rows->n * sizeof *t.weight);
    t.column = calloc(workers, ((size_t)b->n_resamples + 1) * sizeof *t.column);
    t.subtracted = calloc(workers, (size_t)m->n_values * sizeof *t.subtracted);
    int status = t.values && t.count && t.weight && t.column && t.subtracted
                     ? 0
                     : fmt_fail(e, FMT_MEMORY, "out of memory for the intervals");
    if (!status) {
        thread_for(pool, b->n_resamples, resample, &t);
        thread_for(pool, m->n_values, store_quantiles, &t);
    }
    free(t.values);
    free(t.count);
    free(t.weight);
    free(t.column);
    free(t.subtracted);
    return status;
}

int bootstrap_run(const struct bootstrap *b, const struct metrics *m, struct thread_pool *pool, double *low,
                  double *high, struct fmt_error *e)
{
    return bootstrap_difference(b, m, NULL, pool, low, high, e);
}
