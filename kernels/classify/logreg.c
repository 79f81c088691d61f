/* logreg.c - fits: the minimiser (lbfgs.h) on the operations of regression.h.
 *
 * Features of a network are far from isotropic, and C spans eleven powers of ten: plain L-BFGS needs thousands of
 * iterations for the grid. Here it is preconditioned with the Hessian at the point where a run starts (hessian.h),
 * simplified to one matrix for all classes. That costs about as much as tens of evaluations of the objective.
 *
 * Two classes whose Hessian is factored are fitted by Newton's method, with a Hessian that is kept while it serves. The
 * first step with a Hessian is Newton's, and L-BFGS corrects the next ones. Where more evaluations would be left at the
 * rate of the last two steps than a new Hessian costs, a new one is computed; where that made steps no better, L-BFGS
 * goes on alone. A fit that starts where the last one ended, with another C, begins with its Hessian and needs no
 * evaluation to start, because only the penalty differs. A Hessian for each step would halve the steps, each of
 * which would then cost as much as tens of evaluations. */
#include "logreg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "column-scaling.h"
#include "hessian.h"
#include "lbfgs.h"
#include "num.h"
#include "regression.h"

enum {
    MANY_CLASSES = 32,
    ROUND = 30, /* iterations until the Hessian is recomputed */
    CHEAP_FACTOR = 4, /* evaluations: a factor for another C that costs more does not pay */
    PREDICTED_ROWS = 1 << 14 /* per call of the operation */
};

struct logreg_solver {
    struct op_ctx c;
    struct device_arena memory, scratch;
    struct regression_data data;
    struct lbfgs lbfgs;
    int64_t n, dim;
    int R, n_classes;
    double C;
    struct column_scaling columns;
    struct hessian hessian;
    double scale;        /* factor of the Hessian at the end of the last fit; 1 at first */
    struct tensor theta; /* [R,dim + 1] */
    /* for Newton's method */
    bool newton;
    bool keeps;           /* the next run begins with the Hessian there is */
    double *last;         /* [dim + 1] the solution of the last fit; before the first one not a number */
    struct tensor change; /* [1,dim + 1] of the gradient, by another C */
};

static double objective(void *arg, struct tensor theta, struct tensor gradient)
{
    struct logreg_solver *s = arg;
    double loss = 0;
    op_regression_objective(&s->c, &loss, gradient, theta, &s->data, s->C, s->columns.penalty_scale_tensor);
    return loss;
}

static void make_preconditioner(void *arg, struct tensor theta)
{
    struct logreg_solver *s = arg;
    if (!s->keeps)
        hessian_sum(&s->hessian, &s->c, theta, &s->data);
    if (!s->keeps || hessian_factor_cost(s->n, s->dim) <= CHEAP_FACTOR)
        hessian_factor(&s->hessian, &s->c, s->C, s->columns.penalty_scale);
}

static void precondition(void *arg, struct tensor v)
{
    struct logreg_solver *s = arg;
    op_regression_precondition(&s->c, v, s->hessian.p, s->hessian.mean, s->hessian.total);
}

/* ------------------------------------------------------------------ memory */
static void take_tensors(struct logreg_solver *s, struct device_arena *a)
{
    s->data.rows = TENSOR_TAKE(a, DTYPE_I64, s->n);
    s->data.label = TENSOR_TAKE(a, DTYPE_I64, s->n);
    s->data.class_weight = TENSOR_TAKE(a, DTYPE_F64, s->n_classes);
    s->theta = TENSOR_TAKE(a, DTYPE_F64, s->R, s->dim + 1);
    s->change = TENSOR_TAKE(a, DTYPE_F64, 1, s->dim + 1);
    hessian_take(&s->hessian, a, s->n, s->dim);
    lbfgs_take(&s->lbfgs, a, s->R, s->dim + 1);
}

/* Calls all operations of a fit, to plan their scratch. */
static void plan_scratch(struct logreg_solver *s)
{
    double loss;
    op_regression_objective(&s->c, &loss, s->lbfgs.gradient, s->theta, &s->data, 1, TENSOR_NONE);
    hessian_sum(&s->hessian, &s->c, s->theta, &s->data);
    hessian_factor(&s->hessian, &s->c, 1, NULL);
    precondition(s, s->theta);
}

static int allocate(struct logreg_solver *s, struct fmt_error *e)
{
    take_tensors(s, &s->memory);
    int status = hessian_open(&s->hessian, e);
    s->last = malloc((size_t)(s->dim + 1) * sizeof *s->last);
    if (!status && !s->last)
        status = fmt_no_memory(e);
    if (!status) {
        plan_scratch(s);
        status = op_sync(&s->c, e);
    }
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
    if (allocate(s, e) || copy_data(s, data, e) || column_scaling_open(&s->columns, &s->c, &s->data, e)) {
        logreg_close(s);
        return NULL;
    }
    s->newton = s->R == 1 && s->hessian.full;
    s->last[0] = NAN;
    return s;
}

void logreg_close(struct logreg_solver *s)
{
    if (!s)
        return;
    column_scaling_close(&s->columns);
    device_arena_release(&s->memory);
    device_arena_release(&s->scratch);
    hessian_close(&s->hessian);
    free(s->last);
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
    bool cold = s->R >= MANY_CLASSES || !s->hessian.full;
    for (int64_t i = 0; cold && i < s->R * (s->dim + 1); i++)
        cold = m->theta[i] == 0;
    return cold ? 0.01 : s->hessian.full ? 1 : s->scale;
}

/* The objective and its gradient where the last fit ended, with another C: only the penalty changes. */
static void change_penalty(struct logreg_solver *s, double C)
{
    const double *scale = s->columns.penalty_scale;
    double *w = s->last, more = 1 / C - 1 / s->C, squares = 0;
    op_copy_out(&s->c, w, s->theta);
    for (int64_t j = 0; j < s->dim; j++) {
        double change = more * (scale ? scale[j] : 1) * w[j];
        squares += change * w[j];
        w[j] = change;
    }
    w[s->dim] = 0;
    op_copy_in(&s->c, s->change, w);
    op_axpy(&s->c, s->lbfgs.gradient, 1, s->change);
    s->lbfgs.value += squares / 2;
    s->C = C;
}

/* Brings the minimiser to m with this C. */
static void start(struct logreg_solver *s, const struct lbfgs_function *f, double C, struct logreg_model *m,
                  struct logreg_report *report)
{
    s->keeps = s->newton && memcmp(s->last, m->theta, (size_t)(s->dim + 1) * sizeof *s->last) == 0;
    convert_weights(s, m, 1);
    if (s->keeps) {
        change_penalty(s, C);
        return;
    }
    s->C = C;
    op_copy_in(&s->c, s->theta, m->theta);
    lbfgs_start(&s->lbfgs, f, s->theta);
    report->n_evaluations = 1;
}

int logreg_fit(struct logreg_solver *s, double C, const struct logreg_limits *limits, struct logreg_model *m,
               struct logreg_report *report, struct fmt_error *e)
{
    double n = (double)s->n, rate = -INFINITY; /* of the last run */
    struct lbfgs_function f = {s, objective, make_preconditioner, precondition, first_scale(s, m)};
    struct lbfgs_report run = {0};
    struct lbfgs_limits l = {limits->gradient * n, 0, s->newton ? hessian_cost(s->n, s->dim) : INFINITY};
    *report = (struct logreg_report){0};
    start(s, &f, C, m, report);
    do {
        int left = limits->n_iterations - report->n_iterations;
        l.n_iterations = left < ROUND ? left : ROUND;
        lbfgs_run(&s->lbfgs, &s->c, &f, &l, s->theta, &run);
        s->scale = run.scale;
        s->keeps = false;
        f.first_scale = s->hessian.full ? 1 : s->scale;
        if (!(run.rate > rate)) /* a new Hessian did not help */
            l.n_left = INFINITY;
        rate = run.rate;
        report->n_iterations += run.n_iterations;
        report->n_evaluations += run.n_evaluations;
    } while (!run.converged && !run.stuck && report->n_iterations < limits->n_iterations);
    op_copy_out(&s->c, m->theta, s->theta);
    convert_weights(s, m, -1);
    if (s->newton)
        memcpy(s->last, m->theta, (size_t)(s->dim + 1) * sizeof *s->last);
    report->gradient = run.gradient / n;
    report->loss = s->lbfgs.value;
    report->converged = run.converged;
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
