/* regression-gram.c - the matrix of a regression's preconditioner and what is done with it, columns as a whole, and
 * vectors in f64.
 *
 * Tiles of the matrix are products of f32, GRAM_ROWS rows each, whose sums are taken in f64. */
#include <math.h>
#include <string.h>

#include "cholesky.h"
#include "cpu.h"
#include "dense-loops.h"
#include "regression.h"

enum {
    GRAM_ROWS = 512, /* rows of one product */
    GRAM_BATCH = 8,  /* times GRAM_ROWS are scaled at once */
    GRAM_TILE = 128
};

/* ------------------------------------------------------------------ the matrix */
struct gram {
    const float *x;
    const int64_t *rows;
    const double *v, *mean;
    double *p;
    int64_t n, C, first, batch_n; /* the rows in scaled: first .. first + batch_n - 1 */
    float *scaled;                /* [GRAM_BATCH GRAM_ROWS,C]  sqrt(v) (x - mean), zeros at the end */
    float *tiles;                 /* [workers,GRAM_TILE,GRAM_TILE] */
};

static void scale_row(void *arg, int64_t i, int worker)
{
    (void)worker;
    const struct gram *g = arg;
    float *to = g->scaled + i * g->C;
    if (i >= g->batch_n) {
        memset(to, 0, (size_t)g->C * sizeof *to);
        return;
    }
    const float *x = g->x + g->rows[g->first + i] * g->C;
    double root = sqrt(g->v[g->first + i]);
    for (int64_t j = 0; j < g->C; j++)
        to[j] = (float)(root * ((double)x[j] - g->mean[j]));
}

/* Tile `item` of the lower triangle of P takes the products of the scaled rows. */
static void gram_tile(void *arg, int64_t item, int worker)
{
    const struct gram *g = arg;
    int64_t r = 0;
    while (item > r)
        item -= ++r;
    int64_t i0 = r * GRAM_TILE, j0 = item * GRAM_TILE;
    int64_t rows = num_min(GRAM_TILE, g->C - i0), columns = num_min(GRAM_TILE, g->C - j0);
    float *tile = g->tiles + (int64_t)worker * GRAM_TILE * GRAM_TILE;
    for (int64_t first = 0; first < g->batch_n; first += GRAM_ROWS) {
        const float *a = g->scaled + first * g->C;
        gemm_f32(true, false, rows, columns, GRAM_ROWS, 1.0f, a + i0, g->C, a + j0, g->C, 0.0f, tile, GRAM_TILE);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++)
                g->p[(i0 + i) * g->C + j0 + j] += (double)tile[i * GRAM_TILE + j];
    }
}

void cpu_regression_gram(struct op_ctx *c, struct tensor p, struct tensor v, struct tensor mean,
                         const struct regression_data *d)
{
    size_t mark = c->scratch->used;
    struct gram g = {.x = cpu_f32(d->x), .rows = cpu_i64(d->rows), .v = cpu_f64(v), .mean = cpu_f64(mean),
                     .p = cpu_f64(p), .n = d->rows.dims[0], .C = d->x.dims[1]};
    int64_t side = num_ceil_div(g.C, GRAM_TILE);
    g.scaled = CPU_TAKE(c, float, GRAM_BATCH * GRAM_ROWS * g.C);
    g.tiles = CPU_TAKE(c, float, op_workers(c) * GRAM_TILE * GRAM_TILE);
    cpu_fill(c, p, 0);
    for (; g.first < g.n; g.first += GRAM_BATCH * GRAM_ROWS) {
        g.batch_n = num_min(GRAM_BATCH * GRAM_ROWS, g.n - g.first);
        op_for(c, num_ceil_div(g.batch_n, GRAM_ROWS) * GRAM_ROWS, scale_row, &g);
        op_for(c, side * (side + 1) / 2, gram_tile, &g);
    }
    c->scratch->used = mark;
}

/* ------------------------------------------------------------------ its inverse */
struct preconditioning {
    double *theta;
    const double *p, *mean;
    int64_t C;
    bool full;
    double total;
};

/* Around the mean (bias' = bias + w mean) P has the weights and the intercept apart. */
static void precondition_row(void *arg, int64_t k, int worker)
{
    (void)worker;
    const struct preconditioning *t = arg;
    double *w = t->theta + k * (t->C + 1), *bias = w + t->C;
    dense_loops()->axpy(-*bias, t->mean, w, t->C);
    if (t->full)
        cholesky_solve(t->p, t->C, w);
    for (int64_t j = 0; !t->full && j < t->C; j++)
        w[j] /= t->p[j];
    *bias = *bias / t->total - dense_loops()->dot(t->mean, w, t->C);
}

void cpu_regression_precondition(struct op_ctx *c, struct tensor theta, struct tensor p, struct tensor mean,
                                 double total)
{
    struct preconditioning t = {cpu_f64(theta), cpu_f64(p), cpu_f64(mean), theta.dims[1] - 1, p.n_dims == 2, total};
    op_for(c, theta.dims[0], precondition_row, &t);
}

/* ------------------------------------------------------------------ columns */
struct scaled_rows {
    float *y;
    const float *x;
    const int64_t *rows;
    const double *scale;
    int64_t C;
};

static void scale_columns_item(void *arg, int64_t i, int worker)
{
    (void)worker;
    const struct scaled_rows *s = arg;
    const float *x = s->x + s->rows[i] * s->C;
    for (int64_t j = 0; j < s->C; j++)
        s->y[i * s->C + j] = (float)((double)x[j] * s->scale[j]);
}

void cpu_scale_columns(struct op_ctx *c, struct tensor y, const struct regression_data *d, struct tensor scale)
{
    struct scaled_rows s = {cpu_f32(y), cpu_f32(d->x), cpu_i64(d->rows), cpu_f64(scale), d->x.dims[1]};
    op_for(c, d->rows.dims[0], scale_columns_item, &s);
}

/* ------------------------------------------------------------------ vectors */
void cpu_dot(struct op_ctx *c, double *out, struct tensor x, struct tensor y)
{
    if (!op_planning(c))
        *out = dense_loops()->dot(cpu_f64(x), cpu_f64(y), tensor_elements(x));
}

struct scaling {
    double *x, a;
    int64_t n;
};

static void scale_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct scaling *s = arg;
    for (int64_t i = item * CPU_STRETCH; i < num_min(s->n, (item + 1) * CPU_STRETCH); i++)
        s->x[i] *= s->a;
}

void cpu_scale(struct op_ctx *c, struct tensor x, double a)
{
    struct scaling s = {cpu_f64(x), a, tensor_elements(x)};
    op_for(c, num_ceil_div(s.n, CPU_STRETCH), scale_item, &s);
}

void cpu_max_abs(struct op_ctx *c, double *out, struct tensor x)
{
    const double *v = cpu_f64(x);
    if (op_planning(c))
        return;
    *out = 0;
    for (int64_t i = 0; i < tensor_elements(x); i++)
        if (!(fabs(v[i]) <= *out)) /* takes a NaN, too */
            *out = fabs(v[i]);
}

void cpu_diagonal(struct op_ctx *c, struct tensor d, struct tensor a)
{
    int64_t n = d.dims[0];
    for (int64_t j = 0; j < n && !op_planning(c); j++)
        cpu_f64(d)[j] = cpu_f64(a)[j * n + j];
}

void cpu_add_diagonal(struct op_ctx *c, struct tensor a, struct tensor d)
{
    int64_t n = d.dims[0];
    for (int64_t j = 0; j < n && !op_planning(c); j++)
        cpu_f64(a)[j * n + j] += cpu_f64(d)[j];
}
