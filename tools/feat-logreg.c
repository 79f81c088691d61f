/* feat-logreg - logistic regression on features: fit, predict, or both. */
#include <cjson/cJSON.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"
#include "model-selection.h"
#include "featset.h"
#include "groups.h"
#include "score-inputs.h"
#include "operating-points.h"
#include "predictions.h"
#include "score-options.h"
#include "file.h"
#include "input-guard.h"
#include "json-report.h"
#include "linear.h"
#include "progress.h"
#include "msg.h"
#include "num.h"
#include "version.h"

enum { C_MAX = 1000, SCORE_PARTS = 5 };

static const char *train_path, *val_path, *model_path;
static const char *C_text = "grid", *select_by = "accuracy", *class_weight = "none";
static const char *output, *report_path = "-";
static int64_t n_folds = 5, n_iterations = 1000, n_jobs, seed;
static double gradient_limit = 1e-6;
static bool json, provenance = true;
static struct score_options scoring = SCORE_OPTIONS_DEFAULT;

static const struct opt options[] = {
    OPT_PATH('t', "train", &train_path, "FILE", "fit on these rows"),
    OPT_PATH(0, "val", &val_path, "FILE", "choose C and thresholds on these rows [folds of --train]"),
    OPT_PATH('m', "model", &model_path, "FILE", "with --train: write the classifier; without: use it"),
    OPT_STRING('C', "penalty", &C_text, "C,C,...", "inverse penalties to try; grid: the 45 published ones [grid]"),
    OPT_COUNT(0, "folds", &n_folds, 2, 1000, "N", "folds where there is no --val; groups stay whole [5]"),
    OPT_CHOICE(0, "select", &select_by, "accuracy|balanced-accuracy|f1|mcc|auroc|average-precision|log-loss",
               "what the best C is best in [accuracy]"),
    OPT_STRING(0, "class-weight", &class_weight, "none|balanced|W,W", "weights of the classes' rows [none]"),
    OPT_REAL(0, "gradient", &gradient_limit, 1e-300, 1, "G",
             "converged: no entry of the gradient / n is larger [1e-6]"),
    OPT_COUNT(0, "iterations", &n_iterations, 1, 1000000000, "N", "at most so many for a fit [1000]"),
    SCORE_OPTIONS(scoring),
    OPT_PATH('o', "output", &output, "FILE", "write predictions of each row of QUERY to FILE"),
    OPT_PATH('r', "report", &report_path, "FILE", "write the scores to FILE [-]"),
    OPT_FLAG(0, "json", &json, "scores and predictions as JSON lines"),
    OPT_NO_PROVENANCE(&provenance),
    OPT_SEED(&seed),
    OPT_JOBS(&n_jobs),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {
    "feat-logreg", "[-t TRAIN] [-m MODEL] [QUERY]",
    "Fit a logistic regression to rows of features, predict with it, and score it.", options,
    "Without QUERY the rows that C was chosen on are scored. One FILE of features may be -.\n"
    "All features are held in memory: 4 bytes for each value of each row.\n"
    "Exit status 4: the fit that was chosen missed the limit of --gradient."};

static struct featset train, val, query;
static struct model_selection_set train_set, val_set;
static struct model_selection choose;
static struct selected_model choice;
static struct linear model;
static struct threshold *given[2];
static struct thread_pool *pool;
static struct scores_plan plan;
static struct score_inputs origins;
static FILE *report;

static void *room(int64_t n, size_t bytes_each)
{
    void *memory = calloc((size_t)n + 1, bytes_each);
    if (!memory)
        msg_die("out of memory");
    return memory;
}

static void open_set(struct featset *s, const char *role, const char *path)
{
    struct fmt_error e = {0};
    if (featset_open(s, path, INT64_MAX, pool, &e))
        msg_die("%s", e.text);
    s->role = role;
    score_inputs_add(&origins, role, path, s->identity);
}

/* ------------------------------------------------------------------ fitting */
static struct model_selection_set labelled(const struct featset *s)
{
    int64_t *pick = room(s->n, sizeof *pick), n = 0;
    for (int64_t i = 0; i < s->n; i++)
        if (s->label[i] >= 0)
            pick[n++] = i;
    if (n == 0)
        msg_die("%s: no labels", s->path);
    return (struct model_selection_set){s->x, s->label, pick, n};
}

static enum model_selection_by parse_select(void)
{
    static const char *const name[] = {[MODEL_SELECTION_ACCURACY] = "accuracy",
                                       [MODEL_SELECTION_BALANCED_ACCURACY] = "balanced-accuracy",
                                       [MODEL_SELECTION_F1] = "f1",
                                       [MODEL_SELECTION_MCC] = "mcc",
                                       [MODEL_SELECTION_AUROC] = "auroc",
                                       [MODEL_SELECTION_AVERAGE_PRECISION] = "average-precision",
                                       [MODEL_SELECTION_LOG_LOSS] = "log-loss"};
    int i = 0;
    while (strcmp(name[i], select_by) != 0)
        i++;
    return (enum model_selection_by)i;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Into C [C_MAX], ascending; returns how many. */
static int parse_C(double *C)
{
    if (strcmp(C_text, "grid") == 0) {
        for (int i = 0; i < LOGREG_GRID; i++)
            C[i] = logreg_grid(i);
        return LOGREG_GRID;
    }
    int n = score_options_numbers(C_text, 1e-300, 1e300, C_MAX, C);
    if (n < 1)
        msg_usage("-C %s: numbers above 0 with commas between them", C_text);
    qsort(C, (size_t)n, sizeof *C, ascending);
    return n;
}

/* Group numbers of the labelled rows of a set. */
static int64_t *groups_of(const struct featset *s, const struct model_selection_set *set, int64_t *n_groups)
{
    struct fmt_error e = {0};
    const char **name = room(set->n, sizeof *name);
    int64_t *group = room(set->n, sizeof *group);
    for (int64_t i = 0; i < set->n; i++)
        name[i] = s->group[set->pick[i]];
    struct groups_names list = {name, set->n, group};
    if (groups_number(&list, 1, n_groups, &e))
        msg_die("%s", e.text);
    free(name);
    return group;
}

static int *folds_of(const struct featset *s, const struct model_selection_set *set, int n)
{
    struct fmt_error e = {0};
    int64_t n_groups, *group = groups_of(s, set, &n_groups);
    int32_t *label = room(set->n, sizeof *label);
    int *fold = room(set->n, sizeof *fold);
    const uint8_t **content = room(set->n, sizeof *content);
    for (int64_t i = 0; i < set->n; i++) {
        label[i] = s->label[set->pick[i]];
        content[i] = s->content[set->pick[i]];
    }
    if (groups_join(group, set->n, content, &n_groups, &e))
        msg_die("%s", e.text);
    free(content);
    if (n_groups < n)
        msg_die("%s: %s %d folds (--folds)", s->path,
                FMT_COUNT(n_groups, "group does not make", "groups do not make"), n);
    if (groups_folds(group, n_groups, label, set->n, n, (uint64_t)seed, fold, &e))
        msg_die("%s", e.text);
    free(group);
    free(label);
    return fold;
}

static void show_step(void *arg, int n_done, int n_all)
{
    (void)n_all;
    progress_step(arg, n_done);
}

static void fit(const double *C, int n_C)
{
    struct fmt_error e = {0};
    struct progress progress;
    train_set = labelled(&train);
    if (val_path)
        val_set = labelled(&val);
    choose = (struct model_selection){.train = train_set,
                             .val = val_path ? &val_set : NULL,
                             .n_folds = (int)n_folds,
                             .dim = train.width,
                             .n_classes = plan.n_classes,
                             .positive = plan.positive,
                             .C = C,
                             .n_C = n_C,
                             .by = parse_select(),
                             .class_weight = class_weight,
                             .limits = {gradient_limit, (int)n_iterations},
                             .step = show_step,
                             .step_arg = &progress};
    if (!val_path)
        choose.fold = folds_of(&train, &train_set, choose.n_folds);
    progress_begin(&progress, "fit", "fit", "fits", choose.n_C * (val_path ? 2 : choose.n_folds + 1));
    if (model_selection_run(&choose, pool, &choice, &e))
        msg_die("%s: %s", train.path, e.text);
    progress_end(&progress);
    if (choice.n_missed)
        msg_warn("fits of the choice that ended before the gradient was small enough: %d", choice.n_missed);
}

static void begin_report(void)
{
    scores_classes_text(report, "", &plan);
    fputs("made by feat-logreg " DINOTOOLS_VERSION "\n", report);
    score_inputs_text(report, "", &origins);
    fputc('\n', report);
}

static void tell_fit(void)
{
    const struct logreg_report *r = &choice.report;
    if (!json) {
        begin_report();
        fprintf(report, "logistic regression of %s x %lld, %d classes, weights %s\n",
                FMT_COUNT(train_set.n, "row", "rows"), (long long)train.width, plan.n_classes, class_weight);
        fprintf(report, "C = %.6g of %d, by %s %.6g %s; gradient / n %.2e after %s%s\n\n",
                choose.C[choice.i_best], choose.n_C, select_by, fabs(choice.score[choice.i_best]),
                val_path ? "on the validation rows" : "out of fold", r->gradient,
                FMT_COUNT(r->n_iterations, "iteration", "iterations"), r->converged ? "" : ": NOT CONVERGED");
        return;
    }
    cJSON *o = json_report_begin("fit"), *grid;
    json_report_text(o, "tool", "feat-logreg");
    if (plan.n_classes == 2)
        json_report_text(o, "positive", plan.class_name[plan.positive]);
    score_inputs_json(o, &origins);
    json_report_int(o, "rows", train_set.n);
    json_report_int(o, "dim", train.width);
    json_report_int(o, "classes", plan.n_classes);
    json_report_text(o, "class_weight", class_weight);
    json_report_text(o, "select", select_by);
    json_report_text(o, "chosen_on", val_path ? "validation" : "folds");
    cJSON_AddNumberToObject(o, "C", choose.C[choice.i_best]);
    cJSON_AddNumberToObject(o, "gradient", r->gradient);
    json_report_int(o, "iterations", r->n_iterations);
    cJSON_AddBoolToObject(o, "converged", r->converged);
    grid = cJSON_AddArrayToObject(o, "grid");
    for (int i = 0; i < choose.n_C; i++) {
        double pair[2] = {choose.C[i], choose.by == MODEL_SELECTION_LOG_LOSS ? -choice.score[i] : choice.score[i]};
        cJSON_AddItemToArray(grid, isfinite(pair[1]) ? cJSON_CreateDoubleArray(pair, 2) : cJSON_CreateNull());
    }
    char *text = cJSON_PrintUnformatted(o);
    if (!text)
        msg_die("out of memory for the report");
    fprintf(report, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(o);
}

/* ------------------------------------------------------------------ rows to be scored */
struct scored {
    struct scores_rows rows;
    int32_t *label, *shot;
    int64_t *group;
    int *fold;
};

static struct scored scored_set(const struct featset *s, const struct model_selection_set *set, const double *proba)
{
    struct scored r = {.label = room(set->n, sizeof *r.label), .shot = room(set->n, sizeof *r.shot)};
    r.rows = (struct scores_rows){.n = set->n, .proba = proba};
    r.group = groups_of(s, set, &r.rows.n_groups);
    for (int64_t i = 0; i < set->n; i++) {
        r.label[i] = s->label[set->pick[i]];
        r.shot[i] = s->shot[set->pick[i]];
    }
    r.rows.label = r.label;
    r.rows.shot = r.shot;
    r.rows.group = r.group;
    return r;
}

static void scored_release(struct scored *r)
{
    free(r->label);
    free(r->shot);
    free(r->group);
    free(r->fold);
}

/* The rows that C was chosen on, with what was predicted for them then. */
static struct scored chosen_rows(void)
{
    return scored_set(val_path ? &val : &train, val_path ? &val_set : &train_set, choice.proba);
}

static void tell_scores(const char *of, const struct scores_rows *rows, const struct scores_rows *chosen)
{
    struct fmt_error e = {0};
    struct scores_list list;
    if (scores_run(&plan, rows, chosen, pool, &list, &e))
        msg_die("%s", e.text);
    if (json) {
        cJSON *head = json_report_begin("scores");
        json_report_text(head, "tool", "feat-logreg");
        score_inputs_json(head, &origins);
        json_report_text(head, "of", of);
        if (scores_json(report, &plan, &list, head))
            msg_die("out of memory for the report");
        cJSON_Delete(head);
    } else {
        if (!train_path)
            begin_report();
        fprintf(report, "scores of the %s rows\n", of);
        scores_text(report, &plan, &list);
    }
    scores_release(&list);
}

/* Without QUERY: out of fold, or the validation rows; thresholds for a part of them come from the other parts. Few
 * groups make fewer parts; one alone has no others, so no thresholds. */
static void score_chosen(void)
{
    struct scored r = chosen_rows();
    plan.given[0] = plan.given[1] = NULL; /* those of the classifier were chosen on these very rows */
    int n_parts = (int)num_min(SCORE_PARTS, r.rows.n_groups);
    if (val_path && n_parts > 1)
        r.fold = folds_of(&val, &val_set, n_parts);
    else if (val_path)
        msg_warn("%s: one group only: no thresholds for its own rows", val.path);
    r.rows.fold = val_path ? r.fold : choose.fold;
    tell_scores(val_path ? "validation" : "out-of-fold", &r.rows, r.rows.fold ? &r.rows : NULL);
    scored_release(&r);
}

static void write_predictions(const double *proba)
{
    struct fmt_error e = {0};
    struct predictions p;
    if (predictions_create(&p, output, json, false, "feat-logreg", &plan, &origins, &e))
        msg_die("%s", e.text);
    for (int64_t i = 0; i < query.n; i++) {
        struct predictions_row row = {query.key[i],
                                      query.group[i],
                                      query.extra[i],
                                      query.shot[i],
                                      query.label[i],
                                      0,
                                      proba + i * plan.n_classes,
                                      NULL};
        if (predictions_add(&p, &row, &e))
            msg_die("%s", e.text);
    }
    if (predictions_commit(&p, &e))
        msg_die("%s", e.text);
}

static void predict_query(void)
{
    struct logreg_model m = {plan.n_classes, model.n_rows, model.dim, model.theta};
    double *proba = room(query.n * plan.n_classes, sizeof *proba);
    logreg_predict(&m, query.x, NULL, query.n, pool, proba);
    if (output)
        write_predictions(proba);
    if (featset_n_labelled(&query) == 0) {
        (output ? msg_note : msg_warn)("%s: no labels, no scores", query.path);
    } else {
        struct model_selection_set all = {query.x, query.label, room(query.n, sizeof(int64_t)), query.n};
        for (int64_t i = 0; i < query.n; i++)
            ((int64_t *)(uintptr_t)all.pick)[i] = i;
        struct scored r = scored_set(&query, &all, proba);
        tell_scores("query", &r.rows, NULL);
        scored_release(&r);
        free((void *)(uintptr_t)all.pick);
    }
    free(proba);
}

/* ------------------------------------------------------------------ the model */
static void choose_thresholds(void)
{
    struct fmt_error e = {0};
    struct scored r = chosen_rows();
    if (operating_points_choose(&r.rows, &plan, pool, given, &model, &e))
        msg_die("%s", e.text);
    scored_release(&r);
}

static void make_model(void)
{
    model.features = train.header;
    model.positive = plan.positive;
    model.group_mean = plan.group_mean;
    model.n_rows = choice.model.n_rows;
    model.dim = choice.model.dim;
    model.theta = choice.model.theta;
    model.C = choose.C[choice.i_best];
    model.gradient = choice.report.gradient;
    choose_thresholds();
    struct overlap_rows fitted = featset_overlap_rows(&train), chosen = featset_overlap_rows(&val);
    struct fmt_error e = {0};
    if (overlap_remember(&fitted, &model.fitted, &e) || (val_path && overlap_remember(&chosen, &model.chosen, &e)))
        msg_die("%s", e.text);
}

static void write_model(void)
{
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
    provenance_int(&p, "seed", seed);
    provenance_text(&p, "at_recall", scoring.at_recall);
    provenance_text(&p, "at_precision", scoring.at_precision);
    provenance_text(&p, "positive", plan.n_classes == 2 ? plan.class_name[plan.positive] : NULL);
    provenance_text(&p, "group_score", scoring.group_score);
    provenance_input_nested(&p, "train", train.identity, train.feat.block.header.provenance);
    if (val_path)
        provenance_input_nested(&p, "val", val.identity, val.feat.block.header.provenance);
    if (file_create_binary(&f, model_path, &e))
        msg_die("%s", e.text);
    struct fmt_writer io = file_writer(&f);
    if (file_finish(&f, linear_write(&model, &p, &io, &e), &e))
        msg_die("%s", e.text);
    score_inputs_add(&origins, "model", model_path, model.identity);
    provenance_release(&p);
}

static void read_model(void)
{
    struct fmt_error e = {0};
    struct file f;
    if (file_open(&f, model_path, &e))
        msg_die("%s", e.text);
    struct fmt_reader io = file_reader(&f);
    if (linear_read(&model, &io, &e))
        msg_die("%s: %s", model_path, e.text);
    file_close(&f);
    if (score_options_plan(&scoring, &model.features, (uint64_t)seed, &plan, &e))
        msg_die("%s", e.text);
    plan.group_mean = model.group_mean;
    score_inputs_add(&origins, "model", model_path, model.identity);
    if (!scoring.positive)
        plan.positive = model.positive;
    if (plan.positive != model.positive)
        msg_warn("--positive %s: %s has thresholds of %s only: none are used", scoring.positive, model_path,
                 plan.class_name[model.positive]);
    else if (operating_points_take(&model, &scoring, &plan, given, &e))
        msg_die("%s: %s", model_path, e.text);
}

/* What the command line sets without effect. */
static void tell_unused(void)
{
    static const void *const of_fit[] = {&C_text, &n_folds, &select_by, &class_weight, &gradient_limit, &n_iterations,
                                         &provenance, NULL};
    static const void *const of_model[] = {&scoring.at_recall, &scoring.at_precision,
                                           &scoring.group_score, NULL};
    static const void *const of_folds[] = {&n_folds, NULL};
    if (!train_path) {
        opt_unused(&tool, of_fit, "it goes with --train");
        opt_unused(&tool, of_model, "the classifier has its own");
    } else if (val_path) {
        opt_unused(&tool, of_folds, "C is chosen on the rows of --val");
    }
}

static void check_usage(int n_operands)
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
    if (output && file_is_same(output, report_path))
        msg_usage("-o and --report both write to %s", file_output_name(output));
    const char *written = train_path ? model_path : NULL;
    if (written && (file_is_same(written, report_path) || (output && file_is_same(written, output))))
        msg_usage("--model and another option both write to %s", file_output_name(written));
    if (score_options_parse(&scoring, &e))
        msg_usage("%s", e.text);
    if (!model_selection_class_weights_valid(class_weight))
        msg_usage("--class-weight %s: none, balanced, or a number above 0 for each class, with commas between them",
                  class_weight);
    tell_unused();
}

/* Against what the classifier is fitted to, or was. */
static void check_features(struct featset *s)
{
    struct fmt_error e = {0};
    const struct feat_header *own = train_path ? &train.header : &model.features;
    const char *name = train_path ? train_path : model_path;
    char text[FEATSET_TEXT];
    if (featset_check(s, own, name, &e))
        msg_die("%s", e.text);
    if (featset_classes_text(s, own, name, text)[0])
        msg_note("%s", text);
    if (featset_unsaid_text(s, own, name, text)[0])
        msg_warn("%s", text);
}

static void check_overlap(const struct featset *learned, const struct featset *asked)
{
    struct featset_leaks how = {.allowed = scoring.allow_overlap};
    struct fmt_error e = {0};
    char text[OVERLAP_TEXT];
    if (featset_overlap(learned, asked, &how, &origins, text, &e))
        msg_die("%s", e.text);
    if (text[0])
        msg_warn("%s", text);
}

/* Is there something by which rows of the query can be recognised? */
static bool contents_are_known(void)
{
    bool known = model.has_seen && model.fitted.n_images > 0;
    for (int64_t i = 0; i < query.n && known; i++)
        known = query.label[i] < 0 || digest_is_set(query.content[i]);
    return known;
}

/* Rows that a classifier of a file remembers. */
static void check_model_overlap(void)
{
    const struct linear_seen *seen[] = {&model.fitted, &model.chosen};
    static const char *const role[] = {"fit", "choice"};
    static const char *const what[] = {"the rows that the classifier was fitted to",
                                       "the rows that the classifier was chosen on"};
    struct overlap_rows rows = featset_overlap_rows(&query);
    struct fmt_error e = {0};
    struct overlap o;
    char text[OVERLAP_TEXT];
    if (featset_n_labelled(&query) > 0 && !contents_are_known())
        msg_warn("%s, %s: not both say which images they are of: whether rows are scored that the classifier was "
                 "fitted to is not known", model_path, query.path);
    for (int i = 0; i < 2; i++) {
        if (overlap_seen(seen[i], &rows, &o, &e) ||
            overlap_judge(&o, query.path, what[i], scoring.allow_overlap, text, &e))
            msg_die("%s", e.text);
        if (text[0])
            msg_warn("%s", text);
        score_inputs_overlap(&origins, "query", role[i], o.n_images, o.n_groups);
    }
}

static void check_overlaps(void)
{
    if (train_path && val.n > 0)
        check_overlap(&train, &val);
    if (query.n == 0)
        return;
    if (!train_path) {
        check_model_overlap();
        return;
    }
    check_overlap(&train, &query);
    if (val.n > 0)
        check_overlap(&val, &query);
}

static void open_inputs(const char *query_path)
{
    struct fmt_error e = {0};
    if (train_path) {
        open_set(&train, "train", train_path);
        if (score_options_plan(&scoring, &train.header, (uint64_t)seed, &plan, &e))
            msg_die("%s: %s", train_path, e.text);
        int n_weights = score_options_numbers(class_weight, 0, HUGE_VAL, INT_MAX, NULL);
        if (n_weights >= 0 && n_weights != plan.n_classes)
            msg_usage("--class-weight %s: %d weights; %s has %d classes", class_weight, n_weights, train_path,
                      plan.n_classes);
    } else {
        read_model();
    }
    if (val_path) {
        open_set(&val, "val", val_path);
        check_features(&val);
    }
    if (query_path) {
        open_set(&query, "query", query_path);
        check_features(&query);
    }
    score_inputs_add(&origins, "weights", NULL, train_path ? train.header.weights : model.features.weights);
    check_overlaps();
}

static void release_all(void)
{
    if (train_path) { /* the rest is of train and choice */
        model.features = (struct feat_header){0};
        model.theta = NULL;
    }
    linear_release(&model);
    free(given[0]);
    free(given[1]);
    model_selection_release(&choice);
    free((void *)(uintptr_t)train_set.pick);
    free((void *)(uintptr_t)val_set.pick);
    free((void *)(uintptr_t)choose.fold);
    featset_close(&train);
    featset_close(&val);
    featset_close(&query);
    thread_close(pool);
}

int main(int argc, char **argv)
{
    int first = opt_parse(&tool, argc, argv);
    const char *query_path = first < argc ? argv[first] : NULL;
    struct fmt_error e = {0};
    double C[C_MAX];
    char *text = NULL;
    size_t bytes = 0;
    file_on_signal();
    input_guard_enable();
    check_usage(argc - first);
    int n_C = parse_C(C);
    if ((train_path && file_check_output(model_path, true, &e)) || file_check_output(output, false, &e) ||
        file_check_output(report_path, false, &e))
        msg_die("%s", e.text);

    pool = gemm_begin((int)n_jobs, msg_warn, &e);
    if (!pool)
        msg_die("%s", e.text);
    open_inputs(query_path);
    if (!(report = open_memstream(&text, &bytes)))
        msg_die("out of memory");

    if (train_path) {
        fit(C, n_C);
        make_model();
        if (model_path)
            write_model(); /* the report names it */
        tell_fit();
        if (!query_path)
            score_chosen();
    }
    if (query_path)
        predict_query();

    bool missed = train_path && !choice.report.converged;
    if (missed)
        msg_error("C %g: not converged: gradient / n is %.2e, the limit %.2e", model.C, choice.report.gradient,
                  gradient_limit);
    if (fclose(report) != 0)
        msg_die("out of memory for the report");
    if (bytes > 0 && file_save(report_path, text, bytes, &e))
        msg_die("%s", e.text);
    free(text);
    release_all();
    return msg_finish(missed ? EXIT_NOT_CONVERGED : EXIT_DONE);
}
