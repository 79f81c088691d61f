/* regression.c - passes over the rows of a logistic regression, in f64.
 *
 * An evaluation reads the features once: a block of rows is in the cache for its logits and its part of the gradient.
 * Rows are cut into chunks by their number and the shape of theta alone; the chunks' sums are added in order. */
#include "regression.h"

#include <math.h>
#include <string.h>

#include "cpu.h"
#include "dense-loops.h"

enum {
    BLOCK_ROWS = 64, /* in the cache from the logits to the gradient */
    BLOCK_ROWS_LEAST = 8,
    BLOCK_VALUES = 1 << 18, /* of wide rows fewer make a block */
    CHUNKS_MAX = 64
};
static const int64_t CHUNK_BYTES_MAX = (int64_t)256 << 20; /* of all chunks' sums */

struct regression {
    const float *x;
    const int64_t *rows, *label;
    const double *class_weight; /* or NULL */
    int64_t n, C;
    int R;
    const double *theta; /* [R,C + 1] */
    /* chunks */
    int64_t n_chunks, chunk_rows, stride;
    double *sums;  /* [n_chunks,stride]: R (C + 1) of a gradient or 2 C of moments; then logits [BLOCK_ROWS,R] */
    double *loss;  /* [n_chunks] */
    double *out;   /* of each row */
    const double *v;
    bool squares;
};

static struct regression regression_of(const struct regression_data *d, struct tensor theta)
{
    return (struct regression){.x = cpu_f32(d->x), .rows = cpu_i64(d->rows), .label = cpu_i64(d->label),
                               .class_weight = cpu_f64(d->class_weight), .n = d->rows.dims[0], .C = d->x.dims[1],
                               .R = (int)d->R, .theta = cpu_f64(theta)};
}

static void take_chunks(struct op_ctx *c, struct regression *r)
{
    int64_t z = BLOCK_ROWS * r->R;
    r->stride = num_max(r->R * (r->C + 1), 2 * r->C) + z;
    int64_t most = num_max(1, num_min(CHUNKS_MAX, CHUNK_BYTES_MAX / (r->stride * (int64_t)sizeof(double))));
    r->chunk_rows = num_ceil_div(num_ceil_div(r->n, most), BLOCK_ROWS) * BLOCK_ROWS;
    r->n_chunks = num_ceil_div(r->n, r->chunk_rows);
    r->sums = CPU_TAKE(c, double, r->n_chunks * r->stride);
    r->loss = CPU_TAKE(c, double, r->n_chunks);
}

static double *logits_of(const struct regression *r, int64_t chunk)
{
    return r->sums + (chunk + 1) * r->stride - BLOCK_ROWS * r->R;
}

static int64_t chunk_end(const struct regression *r, int64_t chunk)
{
    return num_min(r->n, (chunk + 1) * r->chunk_rows);
}

/* Pointers to the rows from `first`, at most those before `end` and no more than a block: how many they are. */
static int64_t point_at_rows(const struct regression *r, int64_t first, int64_t end, const float **row)
{
    int64_t near = num_max(BLOCK_ROWS_LEAST, num_min(BLOCK_ROWS, BLOCK_VALUES / r->C));
    int64_t n = num_min(near, end - first);
    for (int64_t i = 0; i < n; i++)
        row[i] = r->x + r->rows[first + i] * r->C;
    return n;
}

static void compute_logits(const struct regression *r, const float *const *row, int64_t n, double *z)
{
    dense_loops()->logits(row, (int)n, r->C, r->theta, r->C + 1, r->theta + r->C, r->C + 1, r->R, z);
}

static double weight_of(const struct regression *r, int64_t label)
{
    return r->class_weight ? r->class_weight[label] : 1.0;
}

/* ------------------------------------------------------------------ probabilities */
static double log_one_plus_exp(double z)
{
    return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

/* z [R] becomes p; returns the cross-entropy of the label (0 where label < 0). */
static double softmax_row(double *z, int R, int64_t label)
{
    if (R == 1) {
        double loss = label < 0 ? 0 : log_one_plus_exp(label == 1 ? -z[0] : z[0]);
        z[0] = z[0] >= 0 ? 1 / (1 + exp(-z[0])) : exp(z[0]) / (1 + exp(z[0]));
        return loss;
    }
    double top = z[0], sum = 0, of_label = label < 0 ? 0 : z[label];
    for (int k = 1; k < R; k++)
        top = z[k] > top ? z[k] : top;
    for (int k = 0; k < R; k++)
        sum += z[k] = exp(z[k] - top);
    for (int k = 0; k < R; k++)
        z[k] /= sum;
    return label < 0 ? 0 : log(sum) + top - of_label;
}

static void predict_block(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct regression *r = arg;
    const float *row[BLOCK_ROWS];
    int64_t end = num_min(r->n, (item + 1) * BLOCK_ROWS);
    int K = r->R == 1 ? 2 : r->R;
    for (int64_t first = item * BLOCK_ROWS, n; first < end; first += n) {
        double *proba = r->out + first * K;
        n = point_at_rows(r, first, end, row);
        compute_logits(r, row, n, proba);
        for (int64_t i = n - 1; i >= 0; i--) { /* backwards: one logit of a row becomes two numbers */
            double *p = proba + i * K;
            if (r->R == 1)
                p[0] = proba[i];
            softmax_row(p, r->R, -1);
            if (r->R == 1) {
                p[1] = p[0];
                p[0] = 1 - p[1];
            }
        }
    }
}

void cpu_regression_predict(struct op_ctx *c, struct tensor proba, struct tensor theta, const struct regression_data *d)
{
    struct regression r = regression_of(d, theta);
    r.out = cpu_f64(proba);
    op_for(c, num_ceil_div(r.n, BLOCK_ROWS), predict_block, &r);
}

/* ------------------------------------------------------------------ the objective */
/* z [n,R] of logits becomes the derivative of the weighted cross-entropy; returns its sum. */
static double residuals(const struct regression *r, int64_t first, int64_t n, double *z)
{
    double loss = 0;
    for (int64_t i = 0; i < n; i++, z += r->R) {
        int64_t label = r->label[first + i];
        double u = weight_of(r, label);
        loss += u * softmax_row(z, r->R, label);
        if (r->R == 1)
            z[0] -= label == 1;
        else
            z[label] -= 1;
        for (int k = 0; u != 1 && k < r->R; k++)
            z[k] *= u;
    }
    return loss;
}

static void objective_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const struct regression *r = arg;
    double *gradient = r->sums + chunk * r->stride, *z = logits_of(r, chunk);
    int64_t m = r->C + 1;
    const float *row[BLOCK_ROWS];
    memset(gradient, 0, (size_t)(r->R * m) * sizeof *gradient);
    r->loss[chunk] = 0;
    for (int64_t first = chunk * r->chunk_rows, n; first < chunk_end(r, chunk); first += n) {
        n = point_at_rows(r, first, chunk_end(r, chunk), row);
        compute_logits(r, row, n, z);
        r->loss[chunk] += residuals(r, first, n, z);
        dense_loops()->outer(row, (int)n, r->C, z, r->R, gradient, m);
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = 0; k < r->R; k++)
                gradient[k * m + r->C] += z[i * r->R + k];
    }
}

/* The penalty of one row of weights where columns have scales of their own: adds its gradient, returns the scaled
 * squares. */
static double add_penalty(const double *w, const double *penalty_scale, double penalty, int64_t C, double *gradient)
{
    double squares = 0;
    for (int64_t j = 0; j < C; j++) {
        squares += penalty_scale[j] * w[j] * w[j];
        gradient[j] += penalty_scale[j] / penalty * w[j];
    }
    return squares;
}

void cpu_regression_objective(struct op_ctx *c, double *loss, struct tensor gradient, struct tensor theta,
                              const struct regression_data *d, double penalty, struct tensor penalty_scale)
{
    size_t mark = c->scratch->used;
    struct regression r = regression_of(d, theta);
    int64_t m = r.C + 1;
    double *g = cpu_f64(gradient), *factor = cpu_f64(penalty_scale), squares = 0, sum = 0;
    take_chunks(c, &r);
    op_for(c, r.n_chunks, objective_chunk, &r);
    if (!op_planning(c)) {
        memset(g, 0, (size_t)(r.R * m) * sizeof *g);
        for (int64_t i = 0; i < r.n_chunks; i++) {
            sum += r.loss[i];
            dense_loops()->axpy(1, r.sums + i * r.stride, g, r.R * m);
        }
        for (int k = 0; k < r.R; k++) {
            const double *w = r.theta + k * m;
            squares += factor ? add_penalty(w, factor, penalty, r.C, g + k * m) : dense_loops()->dot(w, w, r.C);
            if (!factor)
                dense_loops()->axpy(1 / penalty, w, g + k * m, r.C);
        }
        *loss = sum + squares / (2 * penalty);
    }
    c->scratch->used = mark;
}

/* ------------------------------------------------------------------ curvature and moments */
static void curvature_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const struct regression *r = arg;
    double *z = logits_of(r, chunk);
    const float *row[BLOCK_ROWS];
    for (int64_t first = chunk * r->chunk_rows, n; first < chunk_end(r, chunk); first += n) {
        n = point_at_rows(r, first, chunk_end(r, chunk), row);
        compute_logits(r, row, n, z);
        for (int64_t i = 0; i < n; i++) {
            double *p = z + i * r->R, v = 0;
            softmax_row(p, r->R, -1);
            for (int k = 0; k < r->R; k++)
                v += p[k] * (1 - p[k]);
            r->out[first + i] = weight_of(r, r->label[first + i]) * v / (r->R > 1 ? r->R - 1 : 1);
        }
    }
}

void cpu_regression_curvature(struct op_ctx *c, struct tensor v, struct tensor theta, const struct regression_data *d)
{
    size_t mark = c->scratch->used;
    struct regression r = regression_of(d, theta);
    r.out = cpu_f64(v);
    take_chunks(c, &r);
    op_for(c, r.n_chunks, curvature_chunk, &r);
    c->scratch->used = mark;
}

/* Sums over the rows of a chunk: v x in the first C places, v x^2 in the next. */
static void moments_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const struct regression *r = arg;
    double *sum = r->sums + chunk * r->stride, *squares = r->squares ? sum + r->C : NULL;
    memset(sum, 0, (size_t)(r->C * (squares ? 2 : 1)) * sizeof *sum);
    for (int64_t i = chunk * r->chunk_rows; i < chunk_end(r, chunk); i++) {
        const float *x = r->x + r->rows[i] * r->C;
        double v = r->v[i];
        for (int64_t j = 0; j < r->C; j++)
            sum[j] += v * (double)x[j];
        for (int64_t j = 0; squares && j < r->C; j++)
            squares[j] += v * (double)x[j] * (double)x[j];
    }
}

void cpu_regression_moments(struct op_ctx *c, double *total, struct tensor mean, struct tensor squares, struct tensor v,
                            const struct regression_data *d)
{
    size_t mark = c->scratch->used;
    struct regression r = regression_of(d, TENSOR_NONE);
    double *to = cpu_f64(mean), *to_squares = cpu_f64(squares);
    r.v = cpu_f64(v);
    r.squares = tensor_given(squares);
    take_chunks(c, &r);
    op_for(c, r.n_chunks, moments_chunk, &r);
    if (!op_planning(c)) {
        memset(to, 0, (size_t)r.C * sizeof *to);
        if (to_squares)
            memset(to_squares, 0, (size_t)r.C * sizeof *to_squares);
        for (int64_t i = 0; i < r.n_chunks; i++) {
            dense_loops()->axpy(1, r.sums + i * r.stride, to, r.C);
            if (to_squares)
                dense_loops()->axpy(1, r.sums + i * r.stride + r.C, to_squares, r.C);
        }
        *total = 1e-300;
        for (int64_t i = 0; i < r.n; i++)
            *total += r.v[i];
        for (int64_t j = 0; j < r.C; j++)
            to[j] /= *total;
    }
    c->scratch->used = mark;
}
