/* logreg.c - the objective and its preconditioner.
 *
 * Features of a network are far from isotropic, and C goes through eleven powers of ten: plain L-BFGS needs thousands
 * of iterations for the grid. Here it works around the Hessian at the point where a fit starts, simplified to one
 * matrix for all classes:  P = sum_i v_i x_i x_i^T + 1/C,  v_i = u_i sum_k p_ik (1 - p_ik) / (n_rows > 1 ? K - 1 :
 * 1), exact for two classes and for equal probabilities. It costs about as much as a few iterations and saves tens;
 * with warm starts a fit then takes a handful. P comes from float32 products summed in float64 (it may be rough, the
 * gradient is not) and is factored in float64. Around the weighted mean of the features the intercept stands apart
 * from the weights. Where there are many more features than rows, or very many, only the diagonal of P is taken.
 *
 * An evaluation reads the features once: rows go through the cache in blocks, for logits and for gradient. Rows are
 * cut into chunks by their number alone; the chunks' sums are added in order. */
#include "logreg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"
#include "column-scaling.h"
#include "dense.h"
#include "lbfgs.h"
#include "num.h"

enum {
    BLOCK_ROWS = 64, /* stay in the cache between logits and gradient */
    BLOCK_ROWS_LEAST = 8,
    BLOCK_VALUES = 1 << 18, /* of wide rows fewer make a block */
    CHUNKS_MAX = 64,
    FULL_DIM_MAX = 2048, /* largest P that is factored */
    GRAM_ROWS = 512,     /* rows of one float32 product */
    GRAM_BATCH = 8,      /* times GRAM_ROWS are prepared at once */
    GRAM_TILE = 128,
    MANY_CLASSES = 32,
    ROUND = 30 /* iterations until P is made anew */
};
static const int64_t CHUNK_BYTES_MAX = (int64_t)256 << 20; /* of all chunks' gradients */

struct chunk {
    double *gradient; /* [R,dim + 1], the intercept last */
    double *z;        /* [BLOCK_ROWS,R] */
    double loss;
};

struct logreg_solver {
    struct rows data; /* borrowed columns */
    const double *class_weight;
    struct thread_pool *pool;
    struct lbfgs *lbfgs;
    int64_t m; /* unknowns of a row: dim + 1 */
    int R;
    double C;
    double *theta; /* [R,m] */
    int64_t n_chunks, chunk_rows;
    struct chunk *chunk;
    double *chunk_memory;
    /* columns of very large values; all NULL where there are none */
    int *exponent;     /* [dim] data.x is a copy, divided by 2^exponent */
    double *shrink;    /* [dim] 4^-exponent: what the penalty of a weight of the copy is multiplied by */
    float *divided;    /* [n,dim] the copy */
    /* the preconditioner */
    bool full;
    double scale;               /* what it was multiplied by at the end of the last fit; 1 at first */
    double *curvature;          /* [n] v_i */
    double *mean;               /* [dim] of the features, weighted by v */
    double total;               /* sum of v */
    double *p;                  /* [dim,dim] its Cholesky factor, or [dim] the diagonal */
    float *scaled;              /* [GRAM_BATCH * GRAM_ROWS,dim]  sqrt(v) (x - mean) */
    float *tiles;               /* [n_workers,GRAM_TILE,GRAM_TILE] */
    int64_t gram_first, gram_n; /* the rows in scaled */
};

/* ------------------------------------------------------------------ probabilities */
static double log_one_plus_exp(double z)
{
    return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

/* z [R] becomes p; returns the cross-entropy of the label (0 where label < 0). */
static double softmax_row(double *z, int R, int32_t label)
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

/* ------------------------------------------------------------------ the objective */
/* Pointers to the rows from `first`, at most those before `end` and no more than a block: how many they are. */
static int64_t point_at_rows(const struct rows *d, int64_t first, int64_t end, const float **row)
{
    int64_t near = num_max(BLOCK_ROWS_LEAST, num_min(BLOCK_ROWS, BLOCK_VALUES / d->dim));
    int64_t n = num_min(near, end - first);
    for (int64_t i = 0; i < n; i++)
        row[i] = d->x + rows_at(d, first + i) * d->dim;
    return n;
}

/* 1/C of the j-th weight. */
static double penalty(const struct logreg_solver *s, int64_t j)
{
    return s->shrink ? s->shrink[j] / s->C : 1 / s->C;
}

static double class_weight(const struct logreg_solver *s, int32_t label)
{
    return s->class_weight ? s->class_weight[label] : 1.0;
}

/* z [n,R] of logits becomes the derivative of the weighted cross-entropy; returns its sum. */
static double residuals(const struct logreg_solver *s, int64_t first, int64_t n, double *z)
{
    double loss = 0;
    for (int64_t i = 0; i < n; i++, z += s->R) {
        int32_t label = s->data.label[first + i];
        double u = class_weight(s, label);
        loss += u * softmax_row(z, s->R, label);
        if (s->R == 1)
            z[0] -= label == 1;
        else
            z[label] -= 1;
        for (int k = 0; u != 1 && k < s->R; k++)
            z[k] *= u;
    }
    return loss;
}

static void evaluate_chunk(void *arg, int64_t item, int worker)
{
    (void)worker;
    struct logreg_solver *s = arg;
    const struct rows *d = &s->data;
    struct chunk *c = &s->chunk[item];
    int64_t end = num_min(d->n, (item + 1) * s->chunk_rows);
    double *z = c->z;
    const float *row[BLOCK_ROWS];
    memset(c->gradient, 0, (size_t)(s->R * s->m) * sizeof(double));
    c->loss = 0;
    for (int64_t first = item * s->chunk_rows, n; first < end; first += n) {
        n = point_at_rows(d, first, end, row);
        dense_loops()->logits(row, (int)n, d->dim, s->theta, s->m, s->theta + d->dim, s->m, s->R, z);
        c->loss += residuals(s, first, n, z);
        dense_loops()->outer(row, (int)n, d->dim, z, s->R, c->gradient, s->m);
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = 0; k < s->R; k++)
                c->gradient[k * s->m + d->dim] += z[i * s->R + k];
    }
}

/* The penalty of one row of weights where some columns are divided: its gradient is added, the squares returned. */
static double add_shrunk(const struct logreg_solver *s, const double *w, double *gradient)
{
    double squares = 0;
    for (int64_t j = 0; j < s->data.dim; j++) {
        squares += s->shrink[j] * w[j] * w[j];
        gradient[j] += penalty(s, j) * w[j];
    }
    return squares;
}

static double objective(void *arg, const double *theta, double *gradient)
{
    struct logreg_solver *s = arg;
    double loss = 0, squares = 0;
    s->theta = (double *)(uintptr_t)theta;
    thread_for(s->pool, s->n_chunks, evaluate_chunk, s);
    memset(gradient, 0, (size_t)(s->R * s->m) * sizeof(double));
    for (int64_t c = 0; c < s->n_chunks; c++) {
        loss += s->chunk[c].loss;
        dense_loops()->axpy(1, s->chunk[c].gradient, gradient, s->R * s->m);
    }
    for (int k = 0; k < s->R; k++) {
        const double *w = theta + k * s->m;
        squares += s->shrink ? add_shrunk(s, w, gradient + k * s->m) : dense_loops()->dot(w, w, s->data.dim);
        if (!s->shrink)
            dense_loops()->axpy(1 / s->C, w, gradient + k * s->m, s->data.dim);
    }
    return loss + squares / (2 * s->C);
}

/* ------------------------------------------------------------------ the preconditioner */
static void curvature_of_chunk(void *arg, int64_t item, int worker)
{
    (void)worker;
    struct logreg_solver *s = arg;
    const struct rows *d = &s->data;
    int64_t end = num_min(d->n, (item + 1) * s->chunk_rows);
    double *z = s->chunk[item].z;
    const float *row[BLOCK_ROWS];
    for (int64_t first = item * s->chunk_rows, n; first < end; first += n) {
        n = point_at_rows(d, first, end, row);
        dense_loops()->logits(row, (int)n, d->dim, s->theta, s->m, s->theta + d->dim, s->m, s->R, z);
        for (int64_t i = 0; i < n; i++) {
            double *p = z + i * s->R, v = 0;
            softmax_row(p, s->R, -1);
            for (int k = 0; k < s->R; k++)
                v += p[k] * (1 - p[k]);
            s->curvature[first + i] = class_weight(s, d->label[first + i]) * v / (s->R > 1 ? s->R - 1 : 1);
        }
    }
}

/* Sums over the rows of a chunk, into its gradient: v x in the first dim places, v x^2 in the next. */
static void moments_of_chunk(void *arg, int64_t item, int worker)
{
    (void)worker;
    struct logreg_solver *s = arg;
    const struct rows *d = &s->data;
    double *sum = s->chunk[item].gradient, *squares = s->full ? NULL : s->chunk[item].gradient + d->dim;
    memset(sum, 0, (size_t)(d->dim * (s->full ? 1 : 2)) * sizeof *sum);
    for (int64_t i = item * s->chunk_rows; i < num_min(d->n, (item + 1) * s->chunk_rows); i++) {
        const float *x = d->x + rows_at(d, i) * d->dim;
        double v = s->curvature[i];
        for (int64_t j = 0; j < d->dim; j++)
            sum[j] += v * (double)x[j];
        for (int64_t j = 0; squares && j < d->dim; j++)
            squares[j] += v * (double)x[j] * (double)x[j];
    }
}

static void scale_row(void *arg, int64_t i, int worker)
{
    (void)worker;
    struct logreg_solver *s = arg;
    const struct rows *d = &s->data;
    float *to = s->scaled + i * d->dim;
    if (i >= s->gram_n) {
        memset(to, 0, (size_t)d->dim * sizeof *to);
        return;
    }
    const float *x = d->x + rows_at(d, s->gram_first + i) * d->dim;
    double root = sqrt(s->curvature[s->gram_first + i]);
    for (int64_t j = 0; j < d->dim; j++)
        to[j] = (float)(root * ((double)x[j] - s->mean[j]));
}

/* Tile `item` of the lower triangle of P takes the products of the prepared rows. */
static void gram_tile(void *arg, int64_t item, int worker)
{
    struct logreg_solver *s = arg;
    int64_t dim = s->data.dim, r = 0;
    while (item > r)
        item -= ++r;
    int64_t i0 = r * GRAM_TILE, j0 = item * GRAM_TILE;
    int64_t rows = num_min(GRAM_TILE, dim - i0), columns = num_min(GRAM_TILE, dim - j0);
    float *tile = s->tiles + (int64_t)worker * GRAM_TILE * GRAM_TILE;
    for (int64_t first = 0; first < s->gram_n; first += GRAM_ROWS) {
        const float *a = s->scaled + first * dim;
        gemm_f32(true, false, rows, columns, GRAM_ROWS, 1.0f, a + i0, dim, a + j0, dim, 0.0f, tile, GRAM_TILE);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++)
                s->p[(i0 + i) * dim + j0 + j] += (double)tile[i * GRAM_TILE + j];
    }
}

static void make_gram(struct logreg_solver *s)
{
    int64_t dim = s->data.dim, side = num_ceil_div(dim, GRAM_TILE);
    memset(s->p, 0, (size_t)(dim * dim) * sizeof *s->p);
    for (s->gram_first = 0; s->gram_first < s->data.n; s->gram_first += GRAM_BATCH * GRAM_ROWS) {
        s->gram_n = num_min(GRAM_BATCH * GRAM_ROWS, s->data.n - s->gram_first);
        thread_for(s->pool, num_ceil_div(s->gram_n, GRAM_ROWS) * GRAM_ROWS, scale_row, s);
        thread_for(s->pool, side * (side + 1) / 2, gram_tile, s);
    }
}

/* Rounding of the float32 products may have cost P its definiteness in weak directions: a little is added, and more
 * if that was not enough. Where nothing helps (no memory for the factor is such a case) the diagonal alone is taken. */
static void factor_gram(struct logreg_solver *s)
{
    int64_t dim = s->data.dim;
    double trace = 0;
    for (int64_t j = 0; j < dim; j++)
        trace += s->p[j * dim + j];
    for (double more = 1e-8; more < 1e3; more *= 100) {
        for (int64_t j = 0; j < dim; j++)
            s->p[j * dim + j] += penalty(s, j) + more * trace / (double)dim;
        if (dense_cholesky(s->p, dim, s->pool) || gemm_status(NULL))
            return;
        make_gram(s);
    }
    for (int64_t i = 0; i < dim; i++) {
        double root = sqrt(s->p[i * dim + i] + penalty(s, i));
        memset(s->p + i * dim, 0, (size_t)dim * sizeof *s->p);
        s->p[i * dim + i] = root > 0 && isfinite(root) ? root : 1;
    }
}

/* P at theta, in a form that can be applied. */
static void make_preconditioner(void *arg, const double *theta)
{
    struct logreg_solver *s = arg;
    int64_t dim = s->data.dim;
    double *squares = s->p; /* diagonal form */
    s->theta = (double *)(uintptr_t)theta;
    thread_for(s->pool, s->n_chunks, curvature_of_chunk, s);
    thread_for(s->pool, s->n_chunks, moments_of_chunk, s);
    memset(s->mean, 0, (size_t)dim * sizeof(double));
    if (!s->full)
        memset(squares, 0, (size_t)dim * sizeof(double));
    for (int64_t c = 0; c < s->n_chunks; c++) {
        dense_loops()->axpy(1, s->chunk[c].gradient, s->mean, dim);
        if (!s->full)
            dense_loops()->axpy(1, s->chunk[c].gradient + dim, squares, dim);
    }
    s->total = 1e-300;
    for (int64_t i = 0; i < s->data.n; i++)
        s->total += s->curvature[i];
    for (int64_t j = 0; j < dim; j++)
        s->mean[j] /= s->total;
    for (int64_t j = 0; !s->full && j < dim; j++)
        squares[j] = fmax(squares[j] - s->total * s->mean[j] * s->mean[j], 0) + penalty(s, j);
    if (s->full) {
        make_gram(s);
        factor_gram(s);
    }
}

/* Around the mean (bias' = bias + w mean) P has the weights and the intercept apart. */
static void precondition_row(void *arg, int64_t k, int worker)
{
    (void)worker;
    struct logreg_solver *s = ((void **)arg)[0];
    double *v = (double *)((void **)arg)[1] + k * s->m;
    int64_t dim = s->data.dim;
    double *bias = v + dim;
    dense_loops()->axpy(-*bias, s->mean, v, dim);
    if (s->full)
        dense_cholesky_solve(s->p, dim, v);
    for (int64_t j = 0; !s->full && j < dim; j++)
        v[j] /= s->p[j];
    *bias = *bias / s->total - dense_loops()->dot(s->mean, v, dim);
}

static void precondition(void *arg, double *v)
{
    struct logreg_solver *s = arg;
    void *both[2] = {s, v};
    thread_for(s->pool, s->R, precondition_row, both);
}

/* ------------------------------------------------------------------ fitting */
static int allocate(struct logreg_solver *s, struct fmt_error *e)
{
    const struct rows *d = &s->data;
    int64_t stride = num_max(s->R * s->m, 2 * d->dim) + BLOCK_ROWS * s->R;
    int64_t most = num_max(1, num_min(CHUNKS_MAX, CHUNK_BYTES_MAX / (stride * (int64_t)sizeof(double))));
    s->chunk_rows = num_ceil_div(num_ceil_div(d->n, most), BLOCK_ROWS) * BLOCK_ROWS;
    s->n_chunks = num_ceil_div(d->n, s->chunk_rows);
    s->chunk = calloc((size_t)s->n_chunks, sizeof *s->chunk);
    s->chunk_memory = calloc((size_t)s->n_chunks, (size_t)stride * sizeof(double));
    s->curvature = calloc((size_t)d->n, sizeof(double));
    s->mean = calloc((size_t)d->dim, sizeof(double));
    s->p = calloc((size_t)d->dim, (s->full ? (size_t)d->dim : 1) * sizeof(double));
    if (s->full) {
        s->scaled = calloc(GRAM_BATCH * GRAM_ROWS, (size_t)d->dim * sizeof(float));
        s->tiles = calloc((size_t)thread_workers(s->pool), GRAM_TILE * GRAM_TILE * sizeof(float));
    }
    s->lbfgs = lbfgs_open(s->R * s->m, e);
    if (!s->chunk || !s->chunk_memory || !s->curvature || !s->mean || !s->p || !s->lbfgs ||
        (s->full && (!s->scaled || !s->tiles)))
        return fmt_fail(e, FMT_MEMORY, "out of memory for a classifier of %d x %lld", s->R, (long long)d->dim);
    for (int64_t c = 0; c < s->n_chunks; c++) {
        s->chunk[c].gradient = s->chunk_memory + c * stride;
        s->chunk[c].z = s->chunk[c].gradient + stride - BLOCK_ROWS * s->R;
    }
    return 0;
}

/* The copy of the rows in which columns of very large values are divided, if there are such columns. */
static int divide_columns(struct logreg_solver *s, struct fmt_error *e)
{
    struct rows *d = &s->data;
    s->exponent = calloc((size_t)d->dim, sizeof *s->exponent);
    if (s->exponent && !column_scaling_exponents(d, s->pool, s->exponent))
        return 0;
    s->shrink = calloc((size_t)d->dim, sizeof *s->shrink);
    s->divided = calloc((size_t)d->n, (size_t)d->dim * sizeof *s->divided);
    if (!s->exponent || !s->shrink || !s->divided)
        return fmt_fail(e, FMT_MEMORY, "out of memory for columns of very large values");
    for (int64_t j = 0; j < d->dim; j++)
        s->shrink[j] = ldexp(1, -2 * s->exponent[j]);
    column_scaling_divide(d, s->pool, s->exponent, s->divided);
    d->x = s->divided;
    d->at = NULL;
    return 0;
}

struct logreg_solver *logreg_open(const struct logreg_data *data, struct thread_pool *pool, struct fmt_error *e)
{
    if (data->rows->n < 1 || data->rows->dim < 1 || data->n_classes < 2) {
        fmt_fail(e, FMT_INVALID, "a classifier needs rows and at least two classes");
        return NULL;
    }
    struct logreg_solver *s = calloc(1, sizeof *s);
    if (!s) {
        fmt_no_memory(e);
        return NULL;
    }
    s->data = *data->rows;
    s->class_weight = data->class_weight;
    s->pool = pool;
    s->m = data->rows->dim + 1;
    s->R = data->n_classes == 2 ? 1 : data->n_classes;
    s->scale = 1;
    s->full = data->rows->dim <= FULL_DIM_MAX && data->rows->dim <= 2 * data->rows->n;
    if (divide_columns(s, e) || allocate(s, e)) {
        logreg_close(s);
        return NULL;
    }
    return s;
}

void logreg_close(struct logreg_solver *s)
{
    if (!s)
        return;
    lbfgs_close(s->lbfgs);
    free(s->exponent);
    free(s->shrink);
    free(s->divided);
    free(s->chunk);
    free(s->chunk_memory);
    free(s->curvature);
    free(s->mean);
    free(s->p);
    free(s->scaled);
    free(s->tiles);
    free(s);
}

/* Weights of the columns as they are become those of the divided ones, with sign 1; with -1 back again. */
static void convert_weights(const struct logreg_solver *s, struct logreg_model *m, int sign)
{
    for (int64_t k = 0; s->shrink && k < s->R; k++)
        for (int64_t j = 0; j < m->dim; j++)
            m->theta[k * s->m + j] = ldexp(m->theta[k * s->m + j], sign * s->exponent[j]);
}

/* From equal probabilities the step of many classes is so long that most rows are certain behind it, where P says
 * little: tens of evaluations to come back (1,000 classes of separable rows: 68 against 22). The diagonal alone is too
 * small by what the columns have in common; that is known from the fit before. */
static double first_scale(const struct logreg_solver *s, const struct logreg_model *m)
{
    bool cold = s->R >= MANY_CLASSES || !s->full;
    for (int64_t i = 0; cold && i < s->R * s->m; i++)
        cold = m->theta[i] == 0;
    return cold ? 0.01 : s->full ? 1 : s->scale;
}

void logreg_fit(struct logreg_solver *s, double C, const struct logreg_limits *limits, struct logreg_model *m,
                struct logreg_report *report)
{
    int64_t n = s->data.n;
    struct lbfgs_function f = {s, s->R * s->m, objective, make_preconditioner, precondition, first_scale(s, m)};
    struct lbfgs_report round = {0};
    *report = (struct logreg_report){0};
    s->C = C;
    convert_weights(s, m, 1);
    do {
        int left = limits->n_iterations - report->n_iterations;
        struct lbfgs_limits l = {limits->gradient * (double)n, left < ROUND ? left : ROUND};
        lbfgs_run(s->lbfgs, &f, &l, m->theta, &round);
        s->scale = round.scale;
        f.first_scale = s->full ? 1 : s->scale;
        report->n_iterations += round.n_iterations;
        report->n_evaluations += round.n_evaluations;
    } while (!round.converged && !round.stuck && report->n_iterations < limits->n_iterations);
    convert_weights(s, m, -1);
    report->gradient = round.gradient / (double)n;
    report->loss = round.value;
    report->converged = round.converged;
}

/* ------------------------------------------------------------------ models */
int logreg_model_init(struct logreg_model *m, int n_classes, int64_t dim, struct fmt_error *e)
{
    *m = (struct logreg_model){.n_classes = n_classes, .n_rows = n_classes == 2 ? 1 : n_classes, .dim = dim};
    m->theta = calloc((size_t)m->n_rows, (size_t)(dim + 1) * sizeof *m->theta);
    return m->theta ? 0 : fmt_fail(e, FMT_MEMORY, "out of memory for a classifier");
}

void logreg_model_release(struct logreg_model *m)
{
    free(m->theta);
    m->theta = NULL;
}

struct predicting {
    const struct logreg_model *m;
    const struct rows *rows;
    double *proba;
};

/* proba [n,n_classes] of n rows. */
static void predict_rows(const struct logreg_model *m, const float *const *row, int64_t n, double *proba)
{
    dense_loops()->logits(row, (int)n, m->dim, m->theta, m->dim + 1, m->theta + m->dim, m->dim + 1, m->n_rows, proba);
    for (int64_t i = n - 1; i >= 0; i--) { /* backwards: one logit a row becomes two numbers */
        double *p = proba + i * m->n_classes;
        if (m->n_rows == 1)
            p[0] = proba[i];
        softmax_row(p, m->n_rows, -1);
        if (m->n_rows == 1) {
            p[1] = p[0];
            p[0] = 1 - p[1];
        }
    }
}

static void predict_block(void *arg, int64_t item, int worker)
{
    (void)worker;
    struct predicting *t = arg;
    const float *row[BLOCK_ROWS];
    int64_t end = num_min(t->rows->n, (item + 1) * BLOCK_ROWS);
    for (int64_t first = item * BLOCK_ROWS, n; first < end; first += n) {
        n = point_at_rows(t->rows, first, end, row);
        predict_rows(t->m, row, n, t->proba + first * t->m->n_classes);
    }
}

void logreg_predict(const struct logreg_model *m, const struct rows *rows, struct thread_pool *pool, double *proba)
{
    struct predicting t = {m, rows, proba};
    thread_for(pool, num_ceil_div(rows->n, BLOCK_ROWS), predict_block, &t);
}

void logreg_balance(const struct rows *rows, int n_classes, double *class_weight)
{
    int n_present = 0;
    memset(class_weight, 0, (size_t)n_classes * sizeof *class_weight);
    for (int64_t i = 0; i < rows->n; i++)
        class_weight[rows->label[i]]++;
    for (int c = 0; c < n_classes; c++)
        n_present += class_weight[c] > 0;
    for (int c = 0; c < n_classes; c++)
        class_weight[c] = class_weight[c] > 0 ? (double)rows->n / (n_present * class_weight[c]) : 1;
}

double logreg_grid(int i)
{
    return pow(10.0, -6.0 + 11.0 * i / (LOGREG_GRID - 1));
}
