/* drift-distances.c - all pairs, a group at a time: each thread writes the sums of its own groups only. Distances are
 * summed in double in the order of the rows, so they do not depend on threads. */
#include <math.h>
#include <stdlib.h>

#include "drift.h"

enum { LANES = 16, NEAREST = 5 };

void drift_scale(float *x, int64_t n, int64_t dim)
{
    for (int64_t j = 0; j < dim; j++) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < n; i++)
            sum += (double)x[i * dim + j];
        double mean = n > 0 ? sum / (double)n : 0;
        for (int64_t i = 0; i < n; i++) {
            double d = (double)x[i * dim + j] - mean;
            squares += d * d;
        }
        double scale = squares > 0 ? 1 / sqrt(squares / (double)n) : 0;
        for (int64_t i = 0; i < n; i++)
            x[i * dim + j] = (float)(((double)x[i * dim + j] - mean) * scale);
    }
}

/* Independent sums, so that the compiler may use vectors. */
static double distance(const float *a, const float *b, int64_t dim)
{
    float lane[LANES] = {0};
    double sum = 0;
    int64_t j = 0;
    for (; j + LANES <= dim; j += LANES)
        for (int k = 0; k < LANES; k++) {
            float d = a[j + k] - b[j + k];
            lane[k] += d * d;
        }
    for (; j < dim; j++)
        lane[0] += (a[j] - b[j]) * (a[j] - b[j]);
    for (int k = 0; k < LANES; k++)
        sum += (double)lane[k];
    return sqrt(sum);
}

/* ------------------------------------------------------------------ sums of pairs of groups */
struct summing {
    const struct drift_rows *rows;
    struct drift_part *part;
    int n_parts;
    double *d; /* [n_workers,n] of one row */
};

static bool belongs(const struct drift_part *p, int64_t row)
{
    return !p->in || p->in[row];
}

/* Adds the distances d [n] of row i, of group g, to the sums of a part. */
static void add_row(const struct drift_rows *rows, struct drift_part *p, int64_t g, const double *d)
{
    float *sum = p->sum + g * rows->n_groups;
    for (int64_t h = 0; h < rows->n_groups; h++) {
        double of_group = 0;
        for (int64_t k = rows->first[h]; k < rows->first[h + 1]; k++)
            of_group += belongs(p, k) ? d[k] : 0;
        sum[h] += h == g ? 0 : (float)of_group;
    }
}

static void sum_group(void *arg, int64_t g, int worker)
{
    struct summing *s = arg;
    int64_t n = s->rows->first[s->rows->n_groups];
    double *d = s->d + worker * n;
    for (int64_t i = s->rows->first[g]; i < s->rows->first[g + 1]; i++) {
        const struct drift_values *known = NULL; /* what d is of */
        for (int p = 0; p < s->n_parts; p++) {
            const struct drift_values *v = s->part[p].values;
            if (!belongs(&s->part[p], i))
                continue;
            for (int64_t k = 0; v != known && k < n; k++)
                d[k] = distance(v->x + i * v->dim, v->x + k * v->dim, v->dim);
            known = v;
            add_row(s->rows, &s->part[p], g, d);
            s->part[p].count[g]++;
        }
    }
}

int drift_sums(const struct drift_rows *rows, struct drift_part *part, int n_parts, struct thread_pool *pool,
               struct fmt_error *e)
{
    size_t n = (size_t)rows->first[rows->n_groups], n_groups = (size_t)rows->n_groups;
    struct summing s = {rows, part, n_parts, malloc((size_t)thread_workers(pool) * (n + 1) * sizeof(double))};
    bool complete = s.d != NULL;
    for (int p = 0; p < n_parts; p++) {
        part[p].sum = calloc(n_groups * n_groups + 1, sizeof *part[p].sum);
        part[p].count = calloc(n_groups + 1, sizeof *part[p].count);
        complete = complete && part[p].sum && part[p].count;
    }
    if (complete)
        thread_for(pool, rows->n_groups, sum_group, &s);
    free(s.d);
    return complete ? 0 : fmt_no_memory(e);
}

void drift_release(struct drift_part *part, int n_parts)
{
    for (int p = 0; p < n_parts; p++) {
        free(part[p].sum);
        free(part[p].count);
        part[p].sum = NULL;
        part[p].count = NULL;
    }
}

/* ------------------------------------------------------------------ nearest rows of the reference */
struct nearing {
    const struct drift_rows *rows;
    const struct drift_values *values;
    double *distance;
};

/* Into the ascending best [NEAREST]. */
static void insert(double *best, double d)
{
    int at = NEAREST - 1;
    if (d >= best[at])
        return;
    for (; at > 0 && best[at - 1] > d; at--)
        best[at] = best[at - 1];
    best[at] = d;
}

static void near_group(void *arg, int64_t g, int worker)
{
    struct nearing *t = arg;
    const struct drift_rows *rows = t->rows;
    const float *x = t->values->x;
    int64_t dim = t->values->dim;
    (void)worker;
    for (int64_t i = rows->first[g]; i < rows->first[g + 1]; i++) {
        double best[NEAREST] = {INFINITY, INFINITY, INFINITY, INFINITY, INFINITY}, sum = 0;
        int n = 0;
        for (int64_t h = 0; h < rows->n_groups; h++)
            for (int64_t k = rows->first[h]; h != g && !rows->today[h] && k < rows->first[h + 1]; k++)
                insert(best, distance(x + i * dim, x + k * dim, dim));
        while (n < NEAREST && isfinite(best[n]))
            sum += best[n++];
        t->distance[i] = n > 0 ? sum / n : 0;
    }
}

void drift_nearest(const struct drift_rows *rows, const struct drift_values *values, double *distance,
                   struct thread_pool *pool)
{
    struct nearing t = {rows, values, distance};
    thread_for(pool, rows->n_groups, near_group, &t);
}
