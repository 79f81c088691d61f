/* model-selection.c - a path is the grid on one training set. With folds there is one path for each, then one more on
 * all rows up to the best C, so that the classifier that is kept starts as warm as those that were judged. The
 * probabilities of all judged rows at all values of C are kept until the best is known. */
#include "model-selection.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"
#include "metrics.h"
#include "score-options.h"

struct path {
    const struct model_selection *c;
    struct thread_pool *pool;
    struct model_selection_set fitted, judged;
    double **proba;       /* [n_C] of all judged rows of all paths, or NULL: only fit */
    const int64_t *place; /* [judged.n] where in proba; NULL: the same place */
    int n_C;
};

static int no_memory(struct fmt_error *e)
{
    return fmt_fail(e, FMT_MEMORY, "out of memory for the choice of C");
}

static const double weight_least = 1e-12, weight_most = 1e12;

bool model_selection_class_weights_valid(const char *text)
{
    return strcmp(text, "none") == 0 || strcmp(text, "balanced") == 0 ||
           score_options_numbers(text, weight_least, weight_most, INT_MAX, NULL) >= 2;
}

/* class_weight [n_classes] as its text says, for these rows. */
static int read_class_weights(const char *text, const struct model_selection_set *set, int n_classes,
                              double *class_weight, struct fmt_error *e)
{
    for (int c = 0; c < n_classes; c++)
        class_weight[c] = 1;
    if (strcmp(text, "none") == 0)
        return 0;
    if (strcmp(text, "balanced") == 0) {
        logreg_balance(set->label, set->pick, set->n, n_classes, class_weight);
        return 0;
    }
    if (score_options_numbers(text, weight_least, weight_most, n_classes, class_weight) != n_classes)
        return fmt_fail(e, FMT_INVALID, "class weight %s: none, balanced, or %d numbers above 0", text, n_classes);
    return 0;
}

static int check_classes(const struct model_selection_set *set, int n_classes, struct fmt_error *e)
{
    int n_present = 0;
    bool *present = calloc((size_t)n_classes, 1);
    if (!present)
        return no_memory(e);
    for (int64_t i = 0; i < set->n; i++)
        present[set->label[set->pick[i]]] = true;
    for (int c = 0; c < n_classes; c++)
        n_present += present[c];
    free(present);
    return n_present >= 2 ? 0 : fmt_fail(e, FMT_INVALID, "rows of one class only: nothing to be told apart");
}

static void judge(const struct path *p, const struct logreg_model *m, double *proba, double *scratch)
{
    int K = p->c->n_classes;
    logreg_predict(m, p->judged.x, p->judged.pick, p->judged.n, p->pool, scratch);
    for (int64_t i = 0; i < p->judged.n; i++)
        memcpy(proba + (p->place ? p->place[i] : i) * K, scratch + i * K, (size_t)K * sizeof *proba);
}

/* Fits the path; m ends at its last C. */
static int run_path(const struct path *p, struct logreg_model *m, struct logreg_report *report, int *n_missed,
                    int *n_done, int n_all, struct fmt_error *e)
{
    const struct model_selection *c = p->c;
    double *weights = calloc((size_t)c->n_classes, sizeof *weights);
    double *scratch = calloc((size_t)p->judged.n + 1, (size_t)c->n_classes * sizeof *scratch);
    struct logreg_solver *s = NULL;
    int status = weights && scratch ? check_classes(&p->fitted, c->n_classes, e) : no_memory(e);
    if (!status)
        status = read_class_weights(c->class_weight, &p->fitted, c->n_classes, weights, e);
    if (!status) {
        struct logreg_data data = {p->fitted.x,     p->fitted.n,  c->dim, p->fitted.pick,
                                   p->fitted.label, c->n_classes, weights};
        s = logreg_open(&data, p->pool, e);
        status = s ? 0 : (int)FMT_MEMORY;
    }
    for (int i = 0; !status && i < p->n_C; i++) {
        logreg_fit(s, c->C[i], &c->limits, m, report);
        *n_missed += !report->converged;
        if (p->proba)
            judge(p, m, p->proba[i], scratch);
        status = gemm_status(e);
        if (c->step)
            c->step(c->step_arg, ++*n_done, n_all);
    }
    logreg_close(s);
    free(weights);
    free(scratch);
    return status;
}

/* ------------------------------------------------------------------ judging */
static double value_of(enum model_selection_by by, const double *v)
{
    static const enum metrics_whole what[] = {[MODEL_SELECTION_ACCURACY] = METRICS_accuracy,
                                              [MODEL_SELECTION_BALANCED_ACCURACY] = METRICS_balanced_accuracy,
                                              [MODEL_SELECTION_F1] = METRICS_f1_macro,
                                              [MODEL_SELECTION_MCC] = METRICS_mcc,
                                              [MODEL_SELECTION_AUROC] = METRICS_auroc,
                                              [MODEL_SELECTION_AVERAGE_PRECISION] = METRICS_average_precision,
                                              [MODEL_SELECTION_LOG_LOSS] = METRICS_log_loss};
    double value = v[metrics_at_whole(what[by])];
    return by == MODEL_SELECTION_LOG_LOSS ? -value : value;
}

static int score_grid(const struct model_selection *c, const struct model_selection_set *judged, double **proba,
                      struct thread_pool *pool, struct selected_model *choice, struct fmt_error *e)
{
    int32_t *label = calloc((size_t)judged->n + 1, sizeof *label);
    int status = label ? 0 : no_memory(e);
    for (int64_t i = 0; !status && i < judged->n; i++)
        label[i] = judged->label[judged->pick[i]];
    for (int i = 0; !status && i < c->n_C; i++) {
        struct metrics_rows rows = {
            .n = judged->n, .n_classes = c->n_classes, .positive = c->positive, .proba = proba[i], .label = label,
            .without_ranks = c->by != MODEL_SELECTION_AUROC && c->by != MODEL_SELECTION_AVERAGE_PRECISION};
        struct metrics m;
        if ((status = metrics_open(&m, &rows, pool, e)) != 0)
            break;
        double *values = calloc((size_t)m.n_values, sizeof *values);
        if (values) {
            metrics_compute(&m, NULL, values, NULL);
            double v = value_of(c->by, values);
            choice->score[i] = isnan(v) ? -INFINITY : v;
        } else {
            status = no_memory(e);
        }
        free(values);
        metrics_close(&m);
        if (choice->score[i] > choice->score[choice->i_best])
            choice->i_best = i;
    }
    free(label);
    return status;
}

/* ------------------------------------------------------------------ the two ways */
static int judge_on_val(const struct model_selection *c, struct thread_pool *pool, double **proba,
                        struct selected_model *choice, int *n_done, int n_all, struct fmt_error *e)
{
    struct logreg_model m;
    struct logreg_report report;
    struct path p = {c, pool, c->train, *c->val, proba, NULL, c->n_C};
    int status = logreg_model_init(&m, c->n_classes, c->dim, e);
    if (!status)
        status = run_path(&p, &m, &report, &choice->n_missed, n_done, n_all, e);
    logreg_model_release(&m);
    return status;
}

static int judge_fold(const struct model_selection *c, int fold, struct thread_pool *pool, double **proba,
                      struct selected_model *choice, int *n_done, int n_all, struct fmt_error *e)
{
    int64_t n = c->train.n;
    int64_t *fitted = malloc((size_t)(n + 1) * sizeof *fitted), *judged = malloc((size_t)(n + 1) * sizeof *judged);
    int64_t *place = malloc((size_t)(n + 1) * sizeof *place);
    struct logreg_model m = {0};
    struct logreg_report report;
    struct path p = {c, pool, c->train, c->train, proba, place, c->n_C};
    int status = fitted && judged && place ? logreg_model_init(&m, c->n_classes, c->dim, e) : no_memory(e);
    p.fitted.pick = fitted;
    p.judged.pick = judged;
    p.fitted.n = p.judged.n = 0;
    for (int64_t i = 0; !status && i < n; i++) {
        if (c->fold[i] != fold) {
            fitted[p.fitted.n++] = c->train.pick[i];
            continue;
        }
        place[p.judged.n] = i;
        judged[p.judged.n++] = c->train.pick[i];
    }
    if (!status && p.judged.n > 0)
        status = run_path(&p, &m, &report, &choice->n_missed, n_done, n_all, e);
    if (status == FMT_INVALID)
        fmt_prefix(e, "without one of the folds");
    logreg_model_release(&m);
    free(fitted);
    free(judged);
    free(place);
    return status;
}

static int fit_best(const struct model_selection *c, struct thread_pool *pool, struct selected_model *choice,
                    int *n_done, int n_all, struct fmt_error *e)
{
    int missed = 0;
    struct path p = {c, pool, c->train, {0}, NULL, NULL, choice->i_best + 1};
    return run_path(&p, &choice->model, &choice->report, &missed, n_done, n_all, e);
}

static void release_all(double **proba, int n)
{
    for (int i = 0; proba && i < n; i++)
        free(proba[i]);
    free(proba);
}

int model_selection_run(const struct model_selection *c, struct thread_pool *pool, struct selected_model *choice,
                        struct fmt_error *e)
{
    const struct model_selection_set *judged = c->val ? c->val : &c->train;
    int n_done = 0, n_all = c->n_C * (c->val ? 2 : c->n_folds + 1);
    *choice = (struct selected_model){.n = judged->n};
    double **proba = calloc((size_t)c->n_C + 1, sizeof *proba);
    choice->score = calloc((size_t)c->n_C, sizeof *choice->score);
    int status = proba && choice->score ? logreg_model_init(&choice->model, c->n_classes, c->dim, e) : no_memory(e);
    for (int i = 0; !status && i < c->n_C; i++)
        if (!(proba[i] = calloc((size_t)judged->n + 1, (size_t)c->n_classes * sizeof(double))))
            status = no_memory(e);
    if (!status && c->val)
        status = judge_on_val(c, pool, proba, choice, &n_done, n_all, e);
    for (int fold = 0; !status && !c->val && fold < c->n_folds; fold++)
        status = judge_fold(c, fold, pool, proba, choice, &n_done, n_all, e);
    if (!status)
        status = score_grid(c, judged, proba, pool, choice, e);
    if (!status) {
        choice->proba = proba[choice->i_best];
        proba[choice->i_best] = NULL;
        status = fit_best(c, pool, choice, &n_done, n_all, e);
    }
    release_all(proba, c->n_C);
    if (status)
        model_selection_release(choice);
    return status;
}

void model_selection_release(struct selected_model *choice)
{
    free(choice->score);
    free(choice->proba);
    logreg_model_release(&choice->model);
    *choice = (struct selected_model){0};
}
