/* curve.c - rows in descending order of probability are passed once; each run of equal probabilities is a threshold. A
 * resample passes them again with weights, and notes y at the points of the grid.
 */
#include "curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct resampling {
    enum curve_kind kind;
    const struct bootstrap *b;
    const struct rows *rows;
    const int32_t *order; /* ranking_of the positive class */
    int positive;
    struct curve *own;    /* [n_workers], with memory for n + 2 points */
    int32_t *count, *weight; /* [n_workers,n_groups], [n_workers,n] */
    double *y;               /* [n_resamples,CURVE_GRID] */
};

static void add_point(struct curve *c, double x, double y)
{
    c->x[c->n] = x;
    c->y[c->n++] = y;
}

/* weight NULL: each row once. The points of c are overwritten. */
static void trace(struct curve *c, const struct resampling *r, const int32_t *weight)
{
    const struct rows *rows = r->rows;
    int64_t n_positive = 0, n_negative = 0, above_positive = 0, above_negative = 0;
    for (int64_t i = 0; i < rows->n; i++)
        *(rows->label[i] == r->positive ? &n_positive : &n_negative) += weight ? weight[i] : 1;
    c->n = 0;
    if (n_positive == 0 || n_negative == 0)
        return;
    if (r->kind == CURVE_ROC)
        add_point(c, 0, 0);
    for (int64_t i = 0; i < rows->n; i++) {
        int32_t row = ranking_row(r->order[i]);
        int64_t before = above_positive, w = weight ? weight[row] : 1;
        *(rows->label[row] == r->positive ? &above_positive : &above_negative) += w;
        for (; ranking_tied(r->order[i]) && i + 1 < rows->n; i++) {
            row = ranking_row(r->order[i + 1]);
            w = weight ? weight[row] : 1;
            *(rows->label[row] == r->positive ? &above_positive : &above_negative) += w;
        }
        double recall = (double)above_positive / (double)n_positive;
        if (r->kind == CURVE_ROC)
            add_point(c, (double)above_negative / (double)n_negative, recall);
        else if (above_positive > before)
            add_point(c, recall, (double)above_positive / (double)(above_positive + above_negative));
    }
}

/* From a point of the grid to the next, *i, the first point of the curve at or beyond x, moves on. */
static double y_at(const struct curve *c, enum curve_kind kind, double x, int64_t *i)
{
    const double near = x - 1e-12; /* 0.3 of a grid and 3 / 10 of a curve are one */
    while (*i + 1 < c->n && c->x[*i] < near)
        ++*i;
    while (kind == CURVE_ROC && *i + 1 < c->n && c->x[*i + 1] <= x + 1e-12)
        ++*i; /* at a vertical piece its upper end */
    if (c->n == 0 || kind == CURVE_PRECISION_RECALL || *i == 0 || c->x[*i] <= x + 1e-12)
        return c->n == 0 ? NAN : c->y[*i];
    double from = c->x[*i - 1], share = (x - from) / (c->x[*i] - from);
    return c->y[*i - 1] + share * (c->y[*i] - c->y[*i - 1]);
}

double curve_at(const struct curve *c, enum curve_kind kind, double x)
{
    int64_t i = 0;
    return y_at(c, kind, x, &i);
}

static void resample(void *arg, int64_t item, int worker)
{
    struct resampling *r = arg;
    const struct rows *rows = r->rows;
    int32_t *count = r->count + worker * rows->n_groups, *weight = r->weight + worker * rows->n;
    struct curve *own = &r->own[worker];
    int64_t at = 0;
    bootstrap_draw(r->b, item, rows->n_groups, count);
    for (int64_t i = 0; i < rows->n; i++)
        weight[i] = count[rows->group[i]];
    trace(own, r, weight);
    for (int g = 0; g < CURVE_GRID; g++)
        r->y[item * CURVE_GRID + g] = y_at(own, r->kind, (double)g / (CURVE_GRID - 1), &at);
}

static int reserve(struct curve *c, int64_t n, struct fmt_error *e)
{
    c->x = calloc((size_t)n + 2, sizeof *c->x);
    c->y = calloc((size_t)n + 2, sizeof *c->y);
    return c->x && c->y ? 0 : fmt_fail(e, FMT_MEMORY, "out of memory for a curve");
}

static int band(struct curve *c, struct resampling *r, struct thread_pool *pool, struct fmt_error *e)
{
    size_t workers = (size_t)thread_workers(pool), n = (size_t)r->b->n_resamples;
    double *column = calloc(n + 1, sizeof *column);
    r->own = calloc(workers, sizeof *r->own);
    r->count = calloc(workers, (size_t)(r->rows->n_groups + 1) * sizeof *r->count);
    r->weight = calloc(workers, (size_t)(r->rows->n + 1) * sizeof *r->weight);
    r->y = calloc(n + 1, CURVE_GRID * sizeof *r->y);
    int status = column && r->own && r->count && r->weight && r->y ? 0 : fmt_no_memory(e);
    for (size_t w = 0; w < workers && !status; w++)
        status = reserve(&r->own[w], r->rows->n, e);
    if (!status)
        thread_for(pool, r->b->n_resamples, resample, r);
    for (int g = 0; g < CURVE_GRID && !status; g++) {
        for (size_t i = 0; i < n; i++)
            column[i] = r->y[i * CURVE_GRID + (size_t)g];
        bootstrap_interval(r->b, column, &c->low[g], &c->high[g]);
    }
    for (size_t w = 0; r->own && w < workers; w++)
        curve_release(&r->own[w]);
    free(column);
    free(r->own);
    free(r->count);
    free(r->weight);
    free(r->y);
    return status;
}

int curve_make(struct curve *c, enum curve_kind kind, const struct rows *rows, const struct ranking *ranking,
               int positive, const struct bootstrap *b, struct thread_pool *pool, struct fmt_error *e)
{
    struct resampling r = {.kind = kind, .b = b, .rows = rows, .order = ranking_of(ranking, positive),
                           .positive = positive};
    *c = (struct curve){.n = 0};
    for (int g = 0; g < CURVE_GRID; g++) {
        c->grid[g] = (double)g / (CURVE_GRID - 1);
        c->low[g] = c->high[g] = NAN;
    }
    int status = reserve(c, rows->n, e);
    if (!status)
        trace(c, &r, NULL);
    if (!status && c->n > 0 && b->n_resamples > 0)
        status = band(c, &r, pool, e);
    if (status)
        curve_release(c);
    return status;
}

void curve_release(struct curve *c)
{
    free(c->x);
    free(c->y);
    c->x = c->y = NULL;
    c->n = 0;
}

void curve_calibration(const struct rows *rows, int positive, struct curve_bin bin[CURVE_BINS])
{
    int64_t last[CURVE_BINS]; /* the group that was counted last: rows of a group follow one another */
    memset(bin, 0, CURVE_BINS * sizeof *bin);
    for (int b = 0; b < CURVE_BINS; b++)
        last[b] = -1;
    for (int64_t i = 0; i < rows->n; i++) {
        double p = rows->proba[i * rows->n_classes + positive];
        int b = p >= 1 ? CURVE_BINS - 1 : p > 0 ? (int)(p * CURVE_BINS) : 0;
        bin[b].n++;
        bin[b].n_positive += rows->label[i] == positive;
        bin[b].n_groups += rows->group[i] != last[b];
        bin[b].mean += p;
        last[b] = rows->group[i];
    }
    for (int b = 0; b < CURVE_BINS; b++)
        bin[b].mean = bin[b].n ? bin[b].mean / (double)bin[b].n : NAN;
}
