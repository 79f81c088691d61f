/* logreg.c - fits: the minimiser (lbfgs.h) on the operations of regression.h.
 *
 * Features of a network are far from isotropic, and C spans eleven powers of ten: plain L-BFGS needs thousands of
 * iterations for the grid. Here it is preconditioned with the Hessian at the point where a fit starts, simplified to
 * one matrix for all classes:  P = sum_i v_i x_i x_i^T + 1/C,  v_i = u_i sum_k p_ik (1 - p_ik) / (n_rows > 1 ? K - 1 :
 * 1), exact for two classes and for equal probabilities. It costs about as much as a few iterations and saves tens;
 * with warm starts a fit then needs a handful. P sums float32 products in float64 (it may be inexact, unlike the
 * gradient) and is factored in float64. With features centred on their weighted mean, the intercept is decoupled from
 * the weights: P is block diagonal. With many more features than rows, or very many, only its diagonal is used. */
#include "logreg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "column-scaling.h"
#include "lbfgs.h"
#include "num.h"
#include "regression.h"

enum {
    FULL_DIM_MAX = 2048, /* largest P that is factored */
    MANY_CLASSES = 32,
    ROUND = 30, /* iterations until P is recomputed */
    PREDICTED_ROWS = 1 << 14 /* per call of the operation */
};

struct logreg_solver {
    struct op_ctx c;
    struct device_arena memory, scratch;
    struct regression_data data;
    struct lbfgs lbfgs;
    int64_t n, dim;
    int R, n_classes;
    bool full;
    double C;
    struct column_scaling columns;
    struct tensor theta; /* [R,dim + 1] */
    /* the preconditioner */
    struct tensor v, mean, p, diagonal; /* [n], [dim], [dim,dim] or [dim], [dim] */
    double total;                       /* sum of v */
    double scale;                       /* P's factor at the end of the last fit; 1 at first */
    double *host;                       /* [2,dim] */
};

/* ------------------------------------------------------------------ the objective and its preconditioner */
static double objective(void *arg, struct tensor theta, struct tensor gradient)
{
    struct logreg_solver *s = arg;
    double loss = 0;
    op_regression_objective(&s->c, &loss, gradient, theta, &s->data, s->C, s->columns.penalty_scale_tensor);
    return loss;
}

/* 1/C of the j-th weight. */
static double penalty(const struct logreg_solver *s, int64_t j)
{
    return s->columns.penalty_scale ? s->columns.penalty_scale[j] / s->C : 1 / s->C;
}

/* Adds add [dim] to the diagonal of P. */
static void add_diagonal(struct logreg_solver *s, const double *add)
{
    op_copy_in(&s->c, s->diagonal, add);
    op_add_diagonal(&s->c, s->p, s->diagonal);
}

/* Rounding of the float32 products can make P indefinite in weak directions: a small value is added to its diagonal,
 * and a larger one if that was not enough. If nothing helps, only the diagonal is used. */
static void factor_gram(struct logreg_solver *s)
{
    double *diagonal = s->host, *add = s->host + s->dim, trace = 0;
    op_diagonal(&s->c, s->diagonal, s->p);
    op_copy_out(&s->c, diagonal, s->diagonal);
    for (int64_t j = 0; j < s->dim; j++)
        trace += diagonal[j];
    for (double more = 1e-8; more < 1e3; more *= 100) {
        bool definite = false;
        for (int64_t j = 0; j < s->dim; j++)
            add[j] = penalty(s, j) + more * trace / (double)s->dim;
        add_diagonal(s, add);
        op_cholesky(&s->c, &definite, s->p);
        if (definite || s->c.error.status)
            return;
        op_regression_gram(&s->c, s->p, s->v, s->mean, &s->data);
    }
    for (int64_t j = 0; j < s->dim; j++) {
        double root = sqrt(diagonal[j] + penalty(s, j));
        add[j] = root > 0 && isfinite(root) ? root : 1;
    }
    op_fill(&s->c, s->p, 0);
    add_diagonal(s, add);
}

/* Diagonal form: p = sum v (x - mean)^2 + penalty. */
static void make_diagonal(struct logreg_solver *s)
{
    double *squares = s->host, *mean = s->host + s->dim;
    op_copy_out(&s->c, squares, s->p);
    op_copy_out(&s->c, mean, s->mean);
    for (int64_t j = 0; j < s->dim; j++)
        squares[j] = fmax(squares[j] - s->total * mean[j] * mean[j], 0) + penalty(s, j);
    op_copy_in(&s->c, s->p, squares);
}

/* Computes P at theta and factors it. */
static void make_preconditioner(void *arg, struct tensor theta)
{
    struct logreg_solver *s = arg;
    op_regression_curvature(&s->c, s->v, theta, &s->data);
    op_regression_moments(&s->c, &s->total, s->mean, s->full ? TENSOR_NONE : s->p, s->v, &s->data);
    if (!s->full) {
        make_diagonal(s);
        return;
    }
    op_regression_gram(&s->c, s->p, s->v, s->mean, &s->data);
    factor_gram(s);
}

static void precondition(void *arg, struct tensor v)
{
    struct logreg_solver *s = arg;
    op_regression_precondition(&s->c, v, s->p, s->mean, s->total);
}

/* ------------------------------------------------------------------ memory */
static void take_tensors(struct logreg_solver *s, struct device_arena *a)
{
    s->data.rows = TENSOR_TAKE(a, DTYPE_I64, s->n);
    s->data.label = TENSOR_TAKE(a, DTYPE_I64, s->n);
    s->data.class_weight = TENSOR_TAKE(a, DTYPE_F64, s->n_classes);
    s->theta = TENSOR_TAKE(a, DTYPE_F64, s->R, s->dim + 1);
    s->v = TENSOR_TAKE(a, DTYPE_F64, s->n);
    s->mean = TENSOR_TAKE(a, DTYPE_F64, s->dim);
    s->diagonal = TENSOR_TAKE(a, DTYPE_F64, s->dim);
    s->p = s->full ? TENSOR_TAKE(a, DTYPE_F64, s->dim, s->dim) : TENSOR_TAKE(a, DTYPE_F64, s->dim);
    lbfgs_take(&s->lbfgs, a, s->R, s->dim + 1);
}

/* Calls all operations of a fit, to plan their scratch. */
static void plan_scratch(struct logreg_solver *s)
{
    double loss;
    bool definite;
    op_regression_objective(&s->c, &loss, s->lbfgs.gradient, s->theta, &s->data, 1, TENSOR_NONE);
    op_regression_curvature(&s->c, s->v, s->theta, &s->data);
    op_regression_moments(&s->c, &s->total, s->mean, s->full ? TENSOR_NONE : s->p, s->v, &s->data);
    if (s->full) {
        op_regression_gram(&s->c, s->p, s->v, s->mean, &s->data);
        op_cholesky(&s->c, &definite, s->p);
    }
    precondition(s, s->theta);
}

static int allocate(struct logreg_solver *s, struct fmt_error *e)
{
    take_tensors(s, &s->memory);
    plan_scratch(s);
    s->host = calloc((size_t)s->dim, 2 * sizeof *s->host);
    int status = s->host ? op_sync(&s->c, e) : fmt_no_memory(e);
    if (!status)
        status = device_arena_init(&s->memory, s->c.backend, s->memory.high, e);
    if (!status)
        status = device_arena_init(&s->scratch, s->c.backend, s->scratch.high, e);
    if (!status)
        take_tensors(s, &s->memory);
    return status;
}

/* Copies row numbers, labels and class weights to the device. */
static int copy_data(struct logreg_solver *s, const struct logreg_data *data, struct fmt_error *e)
{
    const struct rows *rows = data->rows;
    int64_t *number = malloc((size_t)s->n * sizeof *number);
    double *weight = malloc((size_t)s->n_classes * sizeof *weight);
    int status = number && weight ? 0 : fmt_no_memory(e);
    for (int64_t i = 0; !status && i < s->n; i++)
        number[i] = rows_index(rows, i);
    if (!status)
        op_copy_in(&s->c, s->data.rows, number);
    for (int64_t i = 0; !status && i < s->n; i++)
        number[i] = rows->label[i];
    for (int c = 0; !status && c < s->n_classes; c++)
        weight[c] = data->class_weight ? data->class_weight[c] : 1;
    if (!status) {
        op_copy_in(&s->c, s->data.label, number);
        op_copy_in(&s->c, s->data.class_weight, weight);
    }
    free(number);
    free(weight);
    return status;
}

/* ------------------------------------------------------------------ fitting */
struct logreg_solver *logreg_open(const struct logreg_data *data, const struct device *device, struct fmt_error *e)
{
    const struct rows *rows = data->rows;
    if (rows->n < 1 || rows->dim < 1 || data->n_classes < 2) {
        fmt_fail(e, FMT_INVALID, "a classifier needs rows and at least two classes");
        return NULL;
    }
    struct logreg_solver *s = calloc(1, sizeof *s);
    if (!s) {
        fmt_no_memory(e);
        return NULL;
    }
    s->n = rows->n;
    s->dim = rows->dim;
    s->n_classes = data->n_classes;
    s->R = data->n_classes == 2 ? 1 : data->n_classes;
    s->data = (struct regression_data){.x = rows->x, .R = s->R};
    s->c = (struct op_ctx){.backend = device->backend, .pool = device->pool, .scratch = &s->scratch};
    s->scale = 1;
    s->full = s->dim <= FULL_DIM_MAX && s->dim <= 2 * s->n;
    if (allocate(s, e) || copy_data(s, data, e) || column_scaling_open(&s->columns, &s->c, &s->data, e)) {
        logreg_close(s);
        return NULL;
    }
    return s;
}

void logreg_close(struct logreg_solver *s)
{
    if (!s)
        return;
    column_scaling_close(&s->columns);
    device_arena_release(&s->memory);
    device_arena_release(&s->scratch);
    free(s->host);
    free(s);
}

/* Sign 1: converts weights of the original columns to those of the divided columns; sign -1: converts back. */
static void convert_weights(const struct logreg_solver *s, struct logreg_model *m, int sign)
{
    for (int64_t k = 0; s->columns.exponent && k < s->R; k++)
        for (int64_t j = 0; j < m->dim; j++) {
            double *w = &m->theta[k * (m->dim + 1) + j];
            *w = ldexp(*w, sign * s->columns.exponent[j]);
        }
}

/* Scale of the first step. With many classes a full first step from equal probabilities is so long that most rows
 * become certain, where P is a poor model: recovering costs tens of evaluations (1,000 classes of separable rows: 68
 * against 22). The diagonal alone ignores correlated columns and is too small by a factor that the previous fit has
 * measured. */
static double first_scale(const struct logreg_solver *s, const struct logreg_model *m)
{
    bool cold = s->R >= MANY_CLASSES || !s->full;
    for (int64_t i = 0; cold && i < s->R * (s->dim + 1); i++)
        cold = m->theta[i] == 0;
    return cold ? 0.01 : s->full ? 1 : s->scale;
}

int logreg_fit(struct logreg_solver *s, double C, const struct logreg_limits *limits, struct logreg_model *m,
               struct logreg_report *report, struct fmt_error *e)
{
    double n = (double)s->n;
    struct lbfgs_function f = {s, objective, make_preconditioner, precondition, first_scale(s, m)};
    struct lbfgs_report round = {0};
    *report = (struct logreg_report){0};
    s->C = C;
    convert_weights(s, m, 1);
    op_copy_in(&s->c, s->theta, m->theta);
    do {
        int left = limits->n_iterations - report->n_iterations;
        struct lbfgs_limits l = {limits->gradient * n, left < ROUND ? left : ROUND};
        lbfgs_run(&s->lbfgs, &s->c, &f, &l, s->theta, &round);
        s->scale = round.scale;
        f.first_scale = s->full ? 1 : s->scale;
        report->n_iterations += round.n_iterations;
        report->n_evaluations += round.n_evaluations;
    } while (!round.converged && !round.stuck && report->n_iterations < limits->n_iterations);
    op_copy_out(&s->c, m->theta, s->theta);
    convert_weights(s, m, -1);
    report->gradient = round.gradient / n;
    report->loss = round.value;
    report->converged = round.converged;
    return op_sync(&s->c, e);
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
    struct op_ctx c;
    struct regression_data data;
    struct tensor theta, proba;
    int64_t n; /* rows of one part */
};

static void take_prediction(struct predicting *t, const struct logreg_model *m, struct device_arena *a)
{
    t->data.rows = TENSOR_TAKE(a, DTYPE_I64, t->n);
    t->theta = TENSOR_TAKE(a, DTYPE_F64, m->n_rows, m->dim + 1);
    t->proba = TENSOR_TAKE(a, DTYPE_F64, t->n, m->n_classes);
}

/* Rows first .. first + n - 1; number [n]: scratch. */
static void predict_part(struct predicting *t, const struct rows *rows, int64_t first, int64_t n, int64_t *number,
                         double *proba)
{
    struct regression_data part = t->data;
    struct tensor to = tensor_rows(t->proba, 0, n);
    part.rows = tensor_rows(t->data.rows, 0, n);
    for (int64_t i = 0; i < n; i++)
        number[i] = rows_index(rows, first + i);
    op_copy_in(&t->c, part.rows, number);
    op_regression_predict(&t->c, to, t->theta, &part);
    op_copy_out(&t->c, proba, to);
}

int logreg_predict(const struct logreg_model *m, const struct rows *rows, const struct device *device, double *proba,
                   struct fmt_error *e)
{
    struct device_arena memory = {0}, plan = {0}; /* prediction uses no scratch */
    struct predicting t = {.c = {.backend = device->backend, .pool = device->pool, .scratch = &memory},
                           .data = {.x = rows->x, .R = m->n_rows}, .n = num_min(PREDICTED_ROWS, rows->n)};
    int64_t *number = malloc((size_t)(t.n + 1) * sizeof *number);
    take_prediction(&t, m, &plan);
    int status = number ? device_arena_init(&memory, device->backend, plan.high, e) : fmt_no_memory(e);
    if (!status) {
        take_prediction(&t, m, &memory);
        op_copy_in(&t.c, t.theta, m->theta);
        for (int64_t first = 0; first < rows->n; first += t.n)
            predict_part(&t, rows, first, num_min(t.n, rows->n - first), number, proba + first * m->n_classes);
        status = op_sync(&t.c, e);
    }
    device_arena_release(&memory);
    free(number);
    return status;
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
