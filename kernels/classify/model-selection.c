/* model-selection.c - a path is the grid on one training set. With folds there is one path per fold, then one more on
 * all rows up to the best C, so that the final classifier has the same warm start as those that were scored. The
 * probabilities of all validated rows at all values of C are stored until the best is known. */
#include "model-selection.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "num.h"

struct selecting {
    const struct model_selection *s;
    const struct device *device;
    struct selected_model *best;
    double **proba; /* [n_C]: [n,n_classes] of all validated rows */
    int n_done;     /* fits */
};

static int no_memory(struct fmt_error *e)
{
    return fmt_fail(e, FMT_MEMORY, "out of memory for the choice of C");
}

static const double weight_least = 1e-12, weight_most = 1e12;

bool model_selection_class_weights_valid(const char *text)
{
    return strcmp(text, "none") == 0 || strcmp(text, "balanced") == 0 ||
           num_list(text, weight_least, weight_most, INT_MAX, NULL) >= 2;
}

/* class_weight [n_classes] as its text says, for these rows. */
static int read_class_weights(const char *text, const struct rows *rows, int n_classes, double *class_weight,
                              struct fmt_error *e)
{
    for (int c = 0; c < n_classes; c++)
        class_weight[c] = 1;
    if (strcmp(text, "none") == 0)
        return 0;
    if (strcmp(text, "balanced") == 0) {
        logreg_balance(rows, n_classes, class_weight);
        return 0;
    }
    if (num_list(text, weight_least, weight_most, n_classes, class_weight) != n_classes)
        return fmt_fail(e, FMT_INVALID, "class weight %s: none, balanced, or %d numbers above 0", text, n_classes);
    return 0;
}

static int check_classes(const struct rows *rows, struct fmt_error *e)
{
    for (int64_t i = 1; i < rows->n; i++)
        if (rows->label[i] != rows->label[0])
            return 0;
    return fmt_fail(e, FMT_INVALID, "rows of one class only: need at least two classes");
}

/* ------------------------------------------------------------------ paths */
/* Stores the probabilities of the validated rows in proba: row i at position[i], or at i if position is NULL. */
static int validate(const struct selecting *t, const struct rows *val, const int64_t *position,
                    const struct logreg_model *m, double *proba, double *scratch, struct fmt_error *e)
{
    int K = t->s->n_classes, status = logreg_predict(m, val, t->device, scratch, e);
    for (int64_t i = 0; !status && i < val->n; i++)
        memcpy(proba + (position ? position[i] : i) * K, scratch + i * K, (size_t)K * sizeof *proba);
    return status;
}

/* Fits the first n_C values of C to `fitted`, and scores them on val unless it is NULL. m ends at the last C. */
static int run_path(struct selecting *t, const struct rows *fitted, const struct rows *val, const int64_t *position,
                    int n_C, struct logreg_model *m, struct logreg_report *report, struct fmt_error *e)
{
    const struct model_selection *s = t->s;
    int n_all = s->n_C * (s->val ? 2 : s->n_folds + 1);
    double *weights = calloc((size_t)s->n_classes, sizeof *weights);
    double *scratch = calloc(val ? (size_t)val->n + 1 : 1, (size_t)s->n_classes * sizeof *scratch);
    struct logreg_solver *solver = NULL;
    int status = weights && scratch ? check_classes(fitted, e) : no_memory(e);
    if (!status)
        status = read_class_weights(s->class_weight, fitted, s->n_classes, weights, e);
    if (!status) {
        struct logreg_data data = {fitted, s->n_classes, weights};
        solver = logreg_open(&data, t->device, e);
        status = solver ? 0 : (int)FMT_MEMORY;
    }
    for (int i = 0; !status && i < n_C; i++) {
        status = logreg_fit(solver, s->C[i], &s->limits, m, report, e);
        t->best->n_not_converged += val && !report->converged;
        if (val && !status)
            status = validate(t, val, position, m, t->proba[i], scratch, e);
        if (s->step)
            s->step(s->step_arg, ++t->n_done, n_all);
    }
    logreg_close(solver);
    free(weights);
    free(scratch);
    return status;
}

static int run_validation_path(struct selecting *t, const struct rows *fitted, const struct rows *val,
                               const int64_t *position, struct fmt_error *e)
{
    struct logreg_model m;
    struct logreg_report report;
    int status = logreg_model_init(&m, t->s->n_classes, fitted->dim, e);
    if (!status)
        status = run_path(t, fitted, val, position, t->s->n_C, &m, &report, e);
    logreg_model_release(&m);
    return status;
}

static int run_fold(struct selecting *t, int fold, struct fmt_error *e)
{
    const struct rows *train = t->s->train;
    int64_t *pick[2], n[2] = {0, 0}; /* of the other folds, of this one */
    struct rows part[2] = {{0}, {0}};
    int status = 0;
    for (int i = 0; i < 2; i++)
        if (!(pick[i] = malloc((size_t)(train->n + 1) * sizeof *pick[i])))
            status = no_memory(e);
    for (int64_t i = 0; !status && i < train->n; i++) {
        bool own = train->fold[i] == fold;
        pick[own][n[own]++] = i;
    }
    for (int i = 0; i < 2 && !status; i++)
        status = rows_select(&part[i], train, pick[i], n[i], e);
    if (!status && n[1] > 0)
        status = run_validation_path(t, &part[0], &part[1], pick[1], e);
    if (status == FMT_INVALID)
        fmt_prefix(e, "without one of the folds");
    for (int i = 0; i < 2; i++) {
        rows_release(&part[i]);
        free(pick[i]);
    }
    return status;
}

/* ------------------------------------------------------------------ scores */
/* In the order of MODEL_SELECTION_BY. */
static const struct criterion {
    const char *name;
    enum metrics_whole metric;
    bool ranks; /* it needs ranked rows */
} criteria[] = {{"accuracy", METRICS_accuracy, false},
                {"balanced-accuracy", METRICS_balanced_accuracy, false},
                {"f1", METRICS_f1_macro, false},
                {"mcc", METRICS_mcc, false},
                {"auroc", METRICS_auroc, true},
                {"average-precision", METRICS_average_precision, true},
                {"log-loss", METRICS_log_loss, false}};

static const struct criterion *criterion_of(const char *name)
{
    const struct criterion *c = criteria;
    while (strcmp(c->name, name) != 0)
        c++;
    return c;
}

/* The score of one C; higher is better. */
static int score_of(const struct selecting *t, const struct metrics_input *in, enum metrics_whole metric,
                    double *score, struct fmt_error *e)
{
    struct metrics m;
    int status = metrics_open(&m, in, t->device->pool, e);
    if (status)
        return status;
    double *values = calloc((size_t)m.n_values, sizeof *values);
    if (values) {
        metrics_compute(&m, NULL, values, NULL);
        double v = values[metrics_at_whole(metric)];
        *score = isnan(v) ? -INFINITY : metric == METRICS_log_loss ? -v : v;
    } else {
        status = no_memory(e);
    }
    free(values);
    metrics_close(&m);
    return status;
}

static int score_grid(const struct selecting *t, const struct rows *val, struct fmt_error *e)
{
    const struct criterion *c = criterion_of(t->s->by);
    struct rows rows = *val;
    struct metrics_input in = {.rows = &rows, .positive = t->s->positive, .without_ranks = !c->ranks};
    int status = 0;
    rows.n_classes = t->s->n_classes;
    for (int i = 0; !status && i < t->s->n_C; i++) {
        rows.proba = t->proba[i];
        status = score_of(t, &in, c->metric, &t->best->score[i], e);
        if (!status && t->best->score[i] > t->best->score[t->best->i_best])
            t->best->i_best = i;
    }
    return status;
}

/* ------------------------------------------------------------------ selection */
static int open_selection(struct selecting *t, const struct rows *val, struct fmt_error *e)
{
    const struct model_selection *s = t->s;
    t->proba = calloc((size_t)s->n_C + 1, sizeof *t->proba);
    t->best->score = calloc((size_t)s->n_C, sizeof *t->best->score);
    int status = t->proba && t->best->score ? logreg_model_init(&t->best->model, s->n_classes, s->train->dim, e)
                                            : no_memory(e);
    for (int i = 0; !status && i < s->n_C; i++)
        if (!(t->proba[i] = calloc((size_t)val->n + 1, (size_t)s->n_classes * sizeof(double))))
            status = no_memory(e);
    return status;
}

int model_selection_run(const struct model_selection *s, const struct device *device, struct selected_model *best,
                        struct fmt_error *e)
{
    const struct rows *val = s->val ? s->val : s->train;
    struct selecting t = {.s = s, .device = device, .best = best};
    *best = (struct selected_model){.i_best = 0};
    int status = open_selection(&t, val, e);
    if (!status && s->val)
        status = run_validation_path(&t, s->train, val, NULL, e);
    for (int fold = 0; !status && !s->val && fold < s->n_folds; fold++)
        status = run_fold(&t, fold, e);
    if (!status)
        status = score_grid(&t, val, e);
    if (!status) {
        best->proba = t.proba[best->i_best];
        t.proba[best->i_best] = NULL;
        status = run_path(&t, s->train, NULL, NULL, best->i_best + 1, &best->model, &best->report, e);
    }
    for (int i = 0; t.proba && i < s->n_C; i++)
        free(t.proba[i]);
    free(t.proba);
    if (status)
        model_selection_release(best);
    return status;
}

void model_selection_release(struct selected_model *best)
{
    free(best->score);
    free(best->proba);
    logreg_model_release(&best->model);
    *best = (struct selected_model){0};
}
