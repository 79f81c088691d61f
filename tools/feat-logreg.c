/* feat-logreg - logistic regression on features: fit, predict, or both. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "device.h"
#include "groups.h"
#include "input-guard.h"
#include "linear.h"
#include "mean-of.h"
#include "model-selection.h"
#include "msg.h"
#include "num.h"
#include "operating-points.h"
#include "overlap.h"
#include "predictions.h"
#include "progress.h"
#include "row-values.h"
#include "scoring.h"
#include "tile-scores.h"
#include "version.h"

enum { C_MAX = 1000, SCORE_FOLDS = 5 };

static const char *train_path, *val_path, *model_path, *fold_key;
static const char *C_text = "grid", *select_by = "accuracy", *class_weight = "none", *tile_score_text;
static const char *output, *oof_path, *groups_path, *report_path = "-";
static int64_t n_folds = 5, n_iterations = 1000, n_jobs, seed;
static const char *device_name = "auto";
static double gradient_limit = 1e-6;
static bool json, provenance = true;
static struct score_options score_options = SCORE_OPTIONS_DEFAULT;

static const struct opt options[] = {
    OPT_PATH('t', "train", &train_path, "FILE", "fit on these rows"),
    OPT_PATH(0, "val", &val_path, "FILE", "choose C and thresholds on these rows [folds of --train]"),
    OPT_PATH('m', "model", &model_path, "FILE", "with --train: write the classifier; without: use it"),
    OPT_STRING('C', "penalty", &C_text, "C,C,...", "inverse penalties to try; grid: the 45 published ones [grid]"),
    OPT_COUNT(0, "folds", &n_folds, 2, 1000, "N", "folds where there is no --val; groups stay whole [5]"),
    OPT_STRING(0, "fold-by", &fold_key, "KEY", "keep photographs with one value of this key in one fold [groups only]"),
    OPT_CHOICE(0, "select", &select_by, MODEL_SELECTION_BY, "what the best C is best in [accuracy]"),
    OPT_STRING(0, "class-weight", &class_weight, "none|balanced|W,W", "weights of the classes' rows [none]"),
    OPT_REAL(0, "gradient", &gradient_limit, 1e-300, 1, "G",
             "converged: no entry of the gradient / n is larger [1e-6]"),
    OPT_COUNT(0, "iterations", &n_iterations, 1, 1000000000, "N", "at most so many for a fit [1000]"),
    SCORE_OPTIONS(score_options),
    OPT_STRING(0, "tile-score", &tile_score_text, "max|mean|mean-of-K",
               "of tiles or regions: a photograph's score from those of its parts [max, or the classifier's]"),
    OPT_PATH('o', "output", &output, "FILE", "write predictions of each row of QUERY to FILE"),
    OPT_PATH(0, "out-of-fold", &oof_path, "FILE", "without QUERY: write predictions of each row of TRAIN, out of fold"),
    OPT_PATH(0, "groups", &groups_path, "FILE", "write predictions of each group of these rows to FILE"),
    OPT_PATH('r', "report", &report_path, "FILE", "write the scores to FILE [-]"),
    OPT_FLAG(0, "json", &json, "scores and predictions as JSON lines"),
    OPT_NO_PROVENANCE(&provenance),
    OPT_SEED(&seed),
    OPT_JOBS(&n_jobs),
    OPT_DEVICE(&device_name),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {
    "feat-logreg", "[-t TRAIN] [-m MODEL] [QUERY]",
    "Fit a logistic regression to rows of features, predict with it, and score it.", options,
    "Without QUERY the rows that C was chosen on are scored. One FILE of features may be -.\n"
    "All features are held in memory: 4 bytes for each value of each row.\n"
    "Exit status 4: the fit that was chosen missed the limit of --gradient."};

/* One run of the tool. */
struct job {
    struct scoring scoring;
    struct device device;
    struct featset train, val, query;       /* those that are not given have no rows */
    struct rows train_rows, val_rows;       /* the labelled ones, with groups; at last photographs, not tiles */
    int64_t n_train;                        /* rows that were fitted to */
    int32_t n_tiles;                        /* a photograph's score is the mean of its largest so many */
    double C[C_MAX];
    int n_C;
    struct selected_model best;
    struct linear model; /* fitted here, or read from its file */
};

/* ------------------------------------------------------------------ options */
/* Into C [C_MAX], ascending; returns how many. */
static int parse_C(double *C)
{
    if (strcmp(C_text, "grid") == 0) {
        for (int i = 0; i < LOGREG_GRID; i++)
            C[i] = logreg_grid(i);
        return LOGREG_GRID;
    }
    int n = num_list(C_text, 1e-300, 1e300, C_MAX, C);
    if (n < 1)
        msg_usage("-C %s: numbers above 0 with commas between them", C_text);
    qsort(C, (size_t)n, sizeof *C, num_order_f64);
    return n;
}

/* What the command line sets without effect. */
static void name_unused(void)
{
    static const void *const of_fit[] = {&C_text, &n_folds, &fold_key, &select_by, &class_weight, &gradient_limit,
                                         &n_iterations, &provenance, NULL};
    static const void *const of_model[] = {&score_options.at_recall, &score_options.at_precision,
                                           &score_options.group_score, NULL};
    static const void *const of_folds[] = {&n_folds, &fold_key, NULL};
    if (!train_path) {
        opt_unused(&tool, of_fit, "it goes with --train");
        opt_unused(&tool, of_model, "the classifier has its own");
    } else if (val_path) {
        opt_unused(&tool, of_folds, "C is chosen on the rows of --val");
    }
}

static void check_usage_out_of_fold(int n_operands)
{
    if (!train_path || n_operands > 0)
        msg_usage("--out-of-fold predicts the rows of --train, without QUERY");
    if (val_path)
        msg_usage("--out-of-fold is of the folds of --train, which --val takes the place of");
}

/* No two options write to the same file. */
static void check_outputs(void)
{
    const struct {
        const char *option, *path;
    } out[] = {{"--model", train_path ? model_path : NULL}, {"-o", output}, {"--out-of-fold", oof_path},
               {"--groups", groups_path}, {"--report", report_path}};
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        for (size_t k = 0; k < i; k++)
            if (out[i].path && out[k].path && file_is_same(out[k].path, out[i].path))
                msg_usage("%s and %s both write to %s", out[k].option, out[i].option, file_output_name(out[k].path));
}

static void check_usage(int n_operands, int32_t *n_tiles)
{
    struct fmt_error e = {0};
    if (n_operands > 1)
        msg_usage("expected one QUERY, got %d files", n_operands);
    if (!train_path && !model_path)
        msg_usage("-t TRAIN to fit, or -m MODEL to predict");
    if (!train_path && n_operands == 0)
        msg_usage("nothing to do: -t TRAIN fits, QUERY is predicted");
    if (val_path && !train_path)
        msg_usage("--val goes with --train");
    if (output && n_operands == 0)
        msg_usage("-o is for the predictions of QUERY");
    if (oof_path)
        check_usage_out_of_fold(n_operands);
    if (groups_path && n_operands == 0 && !oof_path)
        msg_usage("--groups is for the predictions of QUERY or --out-of-fold");
    check_outputs();
    if (score_options_parse(&score_options, &e))
        msg_usage("%s", e.text);
    *n_tiles = 1;
    if (tile_score_text && !mean_of_parse(tile_score_text, n_tiles))
        msg_usage("--tile-score %s: expected max, mean, or mean-of-2 or another number", tile_score_text);
    if (!model_selection_class_weights_valid(class_weight))
        msg_usage("--class-weight %s: none, balanced, or a number above 0 for each class, with commas between them",
                  class_weight);
    name_unused();
}

/* ------------------------------------------------------------------ inputs */
/* Sets must go with what the classifier is, or was, fitted to. */
static void open_set(struct job *j, struct featset *set, const char *role, const char *path)
{
    struct fmt_error e = {0};
    const struct feat_header *h = set == &j->train ? NULL : train_path ? &j->train.header : &j->model.features;
    int status = set == &j->query ? featset_open_query(set, &path, 1, INT64_MAX, &j->device, &e)
                                  : featset_open(set, path, INT64_MAX, &j->device, &e);
    msg_check(status, &e);
    msg_check(scoring_add_set(&j->scoring, set, role, h, train_path ? train_path : model_path, &e), &e);
}

static void read_model(struct job *j)
{
    struct linear *m = &j->model;
    struct scores_plan *plan = &j->scoring.plan;
    struct fmt_error e = {0};
    struct file f;
    msg_check(file_open(&f, model_path, &e), &e);
    struct fmt_reader io = file_reader(&f);
    msg_check_of(model_path, linear_read(m, &io, &e), &e);
    file_close(&f);
    msg_check(score_options_plan(&score_options, &m->features, (uint64_t)seed, plan, &e), &e);
    plan->group_mean = m->group_mean;
    j->n_tiles = tile_score_text ? j->n_tiles : m->tile_mean_of;
    if (j->n_tiles != m->tile_mean_of)
        msg_warn("--tile-score %s: %s has thresholds of another score of its photographs", tile_score_text, model_path);
    score_inputs_add(&j->scoring.inputs, "model", model_path, m->identity);
    score_inputs_precision(&j->scoring.inputs, "model", feat_precision(&m->features));
    if (!score_options.positive)
        plan->positive = m->positive;
    if (plan->positive != m->positive)
        msg_warn("--positive %s: %s has thresholds of %s only: none are used", score_options.positive, model_path,
                 plan->class_name[m->positive]);
    else
        msg_check_of(model_path, operating_points_restore(m, &score_options, plan, &e), &e);
}

/* Is there something by which rows of the query can be recognised? */
static bool contents_are_known(const struct job *j)
{
    const struct rows *query = &j->query.rows;
    bool known = j->model.has_seen && j->model.fitted.n_images > 0;
    for (int64_t i = 0; i < query->n && known; i++)
        known = query->label[i] < 0 || digest_is_set(query->content[i]);
    return known;
}

/* Rows that a classifier of a file remembers. */
static void check_model_overlap(struct job *j)
{
    const struct linear_seen *seen[] = {&j->model.fitted, &j->model.chosen};
    static const char *const role[] = {"fit", "choice"};
    static const char *const what[] = {"the rows that the classifier was fitted to",
                                       "the rows that the classifier was chosen on"};
    struct fmt_error e = {0};
    struct overlap o;
    char text[OVERLAP_TEXT];
    if (rows_n_labelled(&j->query.rows) > 0 && !contents_are_known(j))
        msg_warn("%s, %s: cannot check for data leakage: one of the files does not identify its images",
                 model_path, j->query.path);
    for (int i = 0; i < 2; i++) {
        msg_check(overlap_seen(seen[i], &j->query.rows, &o, &e), &e);
        msg_check(overlap_judge(&o, j->query.path, what[i], score_options.allow_overlap, text, &e), &e);
        if (text[0])
            msg_warn("%s", text);
        score_inputs_overlap(&j->scoring.inputs, "query", role[i], o.n_images, o.n_groups);
    }
}

static void check_overlaps(struct job *j, const char *query_path)
{
    struct fmt_error e = {0};
    if (val_path)
        msg_check(scoring_check_overlap(&j->scoring, &j->train, &j->val, false, &e), &e);
    if (query_path && !train_path)
        check_model_overlap(j);
    if (query_path && train_path)
        msg_check(scoring_check_overlap(&j->scoring, &j->train, &j->query, false, &e), &e);
    if (query_path && val_path)
        msg_check(scoring_check_overlap(&j->scoring, &j->val, &j->query, false, &e), &e);
}

static void open_inputs(struct job *j, const char *query_path)
{
    const struct scores_plan *plan = &j->scoring.plan;
    struct fmt_error e = {0};
    if (train_path) {
        open_set(j, &j->train, "train", train_path);
        msg_check_of(train_path,
                     score_options_plan(&score_options, &j->train.header, (uint64_t)seed, &j->scoring.plan, &e), &e);
        int n_weights = num_list(class_weight, 0, HUGE_VAL, INT_MAX, NULL);
        if (n_weights >= 0 && n_weights != plan->n_classes)
            msg_usage("--class-weight %s: %d weights; %s has %d classes", class_weight, n_weights, train_path,
                      plan->n_classes);
    } else {
        read_model(j);
    }
    if (val_path)
        open_set(j, &j->val, "val", val_path);
    if (query_path)
        open_set(j, &j->query, "query", query_path);
    score_inputs_add(&j->scoring.inputs, "weights", NULL,
                     train_path ? j->train.header.weights : j->model.features.weights);
    if (!tile_scores_needed(train_path ? &j->train.header : &j->model.features))
        opt_unused(&tool, (const void *const[]){&tile_score_text, NULL}, "a row is a photograph");
    check_overlaps(j, query_path);
}

/* ------------------------------------------------------------------ fitting */
static void select_labelled(const struct featset *set, struct rows *rows)
{
    struct fmt_error e = {0};
    msg_check(rows_select_labelled(rows, &set->rows, NULL, 0, &e), &e);
    if (rows->n == 0)
        msg_die("%s: no labels", set->path);
    msg_check(groups_number(&rows, 1, &e), &e);
}

static void deal_folds(struct rows *rows)
{
    struct fmt_error e = {0};
    struct text_pool pool = {0};
    const char **together = fold_key ? calloc((size_t)rows->n, sizeof *together) : NULL;
    if (fold_key && !together)
        msg_die("out of memory");
    if (fold_key && row_values(rows, fold_key, &pool, together, &e))
        msg_die("%s: --fold-by: %s", train_path, e.text);
    msg_check_of(train_path, groups_folds_apart(rows, together, (int)n_folds, (uint64_t)seed, &e), &e);
    free(together);
    text_release(&pool);
}

static void show_step(void *arg, int n_done, int n_all)
{
    (void)n_all;
    progress_step(arg, n_done);
}

static void fit(struct job *j)
{
    struct fmt_error e = {0};
    struct progress progress;
    select_labelled(&j->train, &j->train_rows);
    j->n_train = j->train_rows.n;
    if (val_path)
        select_labelled(&j->val, &j->val_rows);
    else
        deal_folds(&j->train_rows);
    struct model_selection selection = {.train = &j->train_rows,
                                        .val = val_path ? &j->val_rows : NULL,
                                        .n_folds = (int)n_folds,
                                        .n_classes = j->scoring.plan.n_classes,
                                        .positive = j->scoring.plan.positive,
                                        .C = j->C,
                                        .n_C = j->n_C,
                                        .by = select_by,
                                        .class_weight = class_weight,
                                        .limits = {gradient_limit, (int)n_iterations},
                                        .step = show_step,
                                        .step_arg = &progress};
    progress_begin(&progress, "fit", "fit", "fits", j->n_C * (val_path ? 2 : n_folds + 1));
    msg_check_of(train_path, model_selection_run(&selection, &j->device, &j->best, &e), &e);
    progress_end(&progress);
    if (j->best.n_not_converged)
        msg_warn("fits during selection that did not converge: %d", j->best.n_not_converged);
}

static void report_fit(struct job *j)
{
    const struct logreg_report *r = &j->best.report;
    const struct scores_plan *plan = &j->scoring.plan;
    double C = j->C[j->best.i_best], sign = strcmp(select_by, "log-loss") == 0 ? -1 : 1;
    struct report_node report = scoring_report(&j->scoring, "fit");
    struct fmt_error e = {0};
    msg_check(scoring_head(&j->scoring, &e), &e);
    report_note(&report, "logistic regression of %s x %lld, %d classes, weights %s",
                FMT_COUNT(j->n_train, "row", "rows"), (long long)j->train_rows.dim, plan->n_classes, class_weight);
    report_note(&report, "C = %.6g of %d, by %s %.6g %s; gradient / n %.2e after %s%s", C, j->n_C, select_by,
                fabs(j->best.score[j->best.i_best]), val_path ? "on the validation rows" : "out of fold", r->gradient,
                FMT_COUNT(r->n_iterations, "iteration", "iterations"), r->converged ? "" : ": NOT CONVERGED");
    report_add(&report, REPORT_BREAK, NULL);
    if (plan->n_classes == 2)
        report_text(&report, "positive", plan->class_name[plan->positive]);
    score_inputs_report(&report, &j->scoring.inputs);
    report_count(&report, "rows", j->n_train);
    report_count(&report, "dim", j->train_rows.dim);
    report_count(&report, "classes", plan->n_classes);
    report_text(&report, "class_weight", class_weight);
    report_text(&report, "select", select_by);
    report_text(&report, "chosen_on", val_path ? "validation" : "folds");
    report_number(&report, "C", C);
    report_number(&report, "gradient", r->gradient);
    report_count(&report, "iterations", r->n_iterations);
    report_put(&report, (struct report_node){.kind = REPORT_BOOL, .name = "converged", .count = r->converged});
    struct report_node *grid = report_add(&report, REPORT_LIST, "grid");
    for (int i = 0; i < j->n_C; i++) {
        double score = sign * j->best.score[i];
        struct report_node *pair = isfinite(score) ? report_add(grid, REPORT_LIST, NULL) : NULL;
        report_number(pair ? pair : grid, NULL, pair ? j->C[i] : NAN);
        report_number(pair, NULL, score);
    }
    msg_check(scoring_print(&j->scoring, &report, &e), &e);
}

/* ------------------------------------------------------------------ the model */
/* Rows of tiles become those of photographs. */
static void join_tiles(const struct job *j, const struct featset *set, struct rows *rows)
{
    struct fmt_error e = {0};
    if (tile_scores_needed(&set->header))
        msg_check_of(set->path, tile_scores(rows, j->scoring.plan.positive, j->n_tiles, &e), &e);
}

/* The rows that C was chosen on, with what was predicted for them then. */
static struct rows *chosen_rows(struct job *j)
{
    struct rows *rows = val_path ? &j->val_rows : &j->train_rows;
    if (!rows->proba) {
        rows->n_classes = j->scoring.plan.n_classes;
        rows->proba = j->best.proba;
        j->best.proba = NULL;
        join_tiles(j, val_path ? &j->val : &j->train, rows);
    }
    return rows;
}

static void make_model(struct job *j)
{
    struct linear *m = &j->model;
    struct scores_plan *plan = &j->scoring.plan;
    struct fmt_error e = {0};
    m->features = j->train.header;
    m->positive = plan->positive;
    m->group_mean = plan->group_mean;
    m->tile_mean_of = tile_scores_needed(&m->features) ? j->n_tiles : 1;
    m->n_rows = j->best.model.n_rows;
    m->dim = j->best.model.dim;
    m->theta = j->best.model.theta;
    m->C = j->C[j->best.i_best];
    m->gradient = j->best.report.gradient;
    msg_check(operating_points_choose(chosen_rows(j), plan, j->device.pool, m, &e), &e);
    msg_check(overlap_remember(&j->train.rows, &m->fitted, &e), &e);
    if (val_path)
        msg_check(overlap_remember(&j->val.rows, &m->chosen, &e), &e);
}

static void write_model(struct job *j)
{
    const struct scores_plan *plan = &j->scoring.plan;
    struct fmt_error e = {0};
    struct provenance p;
    struct file_out f;
    provenance_init(&p, "feat-logreg", DINOTOOLS_VERSION, provenance);
    provenance_text(&p, "C", C_text);
    provenance_text(&p, "select", select_by);
    provenance_text(&p, "class_weight", class_weight);
    provenance_real(&p, "gradient", gradient_limit);
    provenance_int(&p, "iterations", n_iterations);
    provenance_int(&p, "folds", val_path ? 0 : n_folds);
    if (fold_key)
        provenance_text(&p, "fold_by", fold_key);
    provenance_int(&p, "seed", seed);
    provenance_text(&p, "at_recall", score_options.at_recall);
    provenance_text(&p, "at_precision", score_options.at_precision);
    provenance_text(&p, "positive", plan->n_classes == 2 ? plan->class_name[plan->positive] : NULL);
    provenance_text(&p, "group_score", score_options.group_score);
    if (tile_score_text && tile_scores_needed(&j->train.header))
        provenance_text(&p, "tile_score", tile_score_text);
    provenance_input_nested(&p, "train", j->train.identity, j->train.file->feat.block.header.provenance);
    if (val_path)
        provenance_input_nested(&p, "val", j->val.identity, j->val.file->feat.block.header.provenance);
    msg_check(file_create_binary(&f, model_path, &e), &e);
    struct fmt_writer io = file_writer(&f);
    msg_check(file_finish(&f, linear_write(&j->model, &p, &io, &e), &e), &e);
    score_inputs_add(&j->scoring.inputs, "model", model_path, j->model.identity);
    provenance_release(&p);
}

/* ------------------------------------------------------------------ scores */
static void report_scores(struct job *j, const char *of, const struct rows *rows, const struct rows *choice)
{
    struct scoring *s = &j->scoring;
    struct fmt_error e = {0};
    struct scores_list list;
    msg_check(scores_run(&s->plan, rows, choice, j->device.pool, &list, &e), &e);
    struct report_node report = scoring_report(s, "scores");
    score_inputs_report(&report, &s->inputs);
    report_text(&report, "of", of);
    report_note(&report, "scores of the %s rows", of);
    scores_report(&report, &s->plan, &list);
    if (!train_path)
        msg_check(scoring_head(s, &e), &e);
    msg_check(scoring_print(s, &report, &e), &e);
    scores_release(&list);
}

static void write_predictions(const struct job *j, const char *of, const char *path, const struct rows *rows)
{
    const struct scoring *s = &j->scoring;
    struct predictions_head head = {.tool = s->tool, .of = of, .plan = &s->plan, .inputs = &s->inputs, .json = json};
    struct fmt_error e = {0};
    struct predictions p;
    if (path) {
        msg_check(predictions_create(&p, path, &head, &e), &e);
        for (int64_t i = 0; i < rows->n; i++)
            msg_check(predictions_add(&p, rows, i, 0, NULL, &e), &e);
        msg_check(predictions_commit(&p, &e), &e);
    }
    if (groups_path) {
        head.groups = true;
        msg_check(predictions_create(&p, groups_path, &head, &e), &e);
        msg_check(predictions_add_groups(&p, rows, 0, &e), &e);
        msg_check(predictions_commit(&p, &e), &e);
    }
}

/* Without QUERY: out of fold, or the validation rows; thresholds for a fold of these come from the other folds. Few
 * groups make fewer folds; a single group has no other folds, so no thresholds. */
static void score_chosen(struct job *j)
{
    struct fmt_error e = {0};
    struct rows *rows = chosen_rows(j);
    int n = (int)num_min(SCORE_FOLDS, rows->n_groups);
    if (oof_path)
        write_predictions(j, "out-of-fold", oof_path, rows);
    j->scoring.plan.given = NULL; /* those of the classifier were chosen on these very rows */
    if (val_path && n > 1)
        msg_check_of(val_path, groups_folds_apart(rows, NULL, n, (uint64_t)seed, &e), &e);
    else if (val_path)
        msg_warn("%s: one group only: no thresholds for its own rows", val_path);
    report_scores(j, val_path ? "validation" : "out-of-fold", rows, rows->fold ? rows : NULL);
}

static void predict_query(struct job *j)
{
    struct logreg_model m = {j->scoring.plan.n_classes, j->model.n_rows, j->model.dim, j->model.theta};
    struct rows *rows = &j->query.rows;
    struct fmt_error e = {0};
    rows->n_classes = m.n_classes;
    msg_check(rows_reserve(rows, ROWS_PROBA, rows->n, &e), &e);
    if (rows->n > 0) {
        msg_check(logreg_predict(&m, rows, &j->device, rows->proba, &e), &e);
        join_tiles(j, &j->query, rows);
    }
    write_predictions(j, "query", output, rows);
    if (rows->n == 0) {
        msg_note("%s: no rows: nothing to predict", j->query.path);
        return;
    }
    if (rows_n_labelled(rows) == 0) {
        (output || groups_path ? msg_note : msg_warn)("%s: no labels, no scores", j->query.path);
        return;
    }
    msg_check(groups_number(&rows, 1, &e), &e);
    report_scores(j, "query", rows, NULL);
}

static void close_job(struct job *j)
{
    if (train_path) { /* the rest is of train and best */
        j->model.features = (struct feat_header){0};
        j->model.theta = NULL;
    }
    linear_release(&j->model);
    model_selection_release(&j->best);
    rows_release(&j->train_rows);
    rows_release(&j->val_rows);
    featset_close(&j->train);
    featset_close(&j->val);
    featset_close(&j->query);
    device_close(&j->device);
}

int main(int argc, char **argv)
{
    struct job j = {0};
    int first = opt_parse(&tool, argc, argv);
    const char *query_path = first < argc ? argv[first] : NULL;
    struct fmt_error e = {0};
    file_on_signal();
    input_guard_enable();
    check_usage(argc - first, &j.n_tiles);
    j.scoring = (struct scoring){.tool = tool.name, .options = &score_options, .note = msg_note,
                                 .warn = msg_warn, .print = report_printer_of(json ? "json" : "text")};
    j.n_C = parse_C(j.C);
    msg_check((train_path && file_check_output(model_path, true, &e)) || file_check_output(output, false, &e) ||
                  file_check_output(oof_path, false, &e) || file_check_output(groups_path, false, &e) ||
                  file_check_output(report_path, false, &e), &e);

    if (device_open(&j.device, device_name, (int)n_jobs, msg_warn, &e))
        opt_fail(&e);
    open_inputs(&j, query_path);
    msg_check(scoring_open(&j.scoring, &e), &e);

    if (train_path) {
        fit(&j);
        make_model(&j);
        if (model_path)
            write_model(&j); /* the report names it */
        report_fit(&j);
        if (!query_path)
            score_chosen(&j);
    }
    if (query_path)
        predict_query(&j);

    bool missed = train_path && !j.best.report.converged;
    if (missed)
        msg_error("C %g: not converged: gradient / n is %.2e, the limit %.2e", j.model.C, j.best.report.gradient,
                  gradient_limit);
    msg_check(scoring_save(&j.scoring, report_path, &e), &e);
    close_job(&j);
    return msg_finish(missed ? EXIT_NOT_CONVERGED : EXIT_DONE);
}
