/* feat-compare - the scores of several classifiers on the same rows, and paired intervals of their differences. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "differences.h"
#include "file.h"
#include "input-guard.h"
#include "msg.h"
#include "opt.h"
#include "prediction-set.h"
#include "report-print.h"
#include "score-inputs.h"
#include "score-options.h"
#include "version.h"

static const char *report_path = "-", *group_score = "max";
static int64_t n_resamples = 1000, n_jobs, seed, k;
static double level = 0.95, margin = -1;
static const char *metric_name = "auroc", *judged_level = "group";
static bool prove, json;

/* In the order of --metric. */
#define METRICS "auroc|average-precision|accuracy|balanced-accuracy|f1|mcc|log-loss|brier|false-alarms"
static const enum metrics_whole scores[] = {
    METRICS_auroc, METRICS_average_precision, METRICS_accuracy, METRICS_balanced_accuracy, METRICS_f1_macro,
    METRICS_mcc, METRICS_log_loss, METRICS_brier, METRICS_false_alarms};

static const struct opt options[] = {
    SCORE_OPTIONS_NEIGHBOURS(&k),
    SCORE_OPTIONS_GROUP_SCORE(&group_score),
    OPT_REAL(0, "margin", &margin, 0, 1000, "X", "a gate: exit status 1 if B is worse by more than X [no gate]"),
    OPT_CHOICE(0, "metric", &metric_name, METRICS, "what the gate judges by [auroc]"),
    OPT_CHOICE(0, "on", &judged_level, "group|image", "whose scores the gate judges by [group]"),
    OPT_FLAG(0, "prove", &prove, "a gate that only lets pass what is shown not to be worse"),
    SCORE_OPTIONS_RESAMPLES(&n_resamples),
    SCORE_OPTIONS_LEVEL(&level),
    OPT_PATH('r', "report", &report_path, "FILE", "write the scores to FILE [-]"),
    OPT_JSON(&json),
    OPT_SEED(&seed),
    OPT_JOBS(&n_jobs),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {
    "feat-compare", "A B...", "Compare predictions of the same rows, with paired intervals of the differences.",
    options, "A, B: predictions in JSON lines (-o FILE --json) of feat-knn, feat-logreg or feat-bank.\n"
    "Each B is compared with A. Exit status 1 if a gate (--margin) stops a B."};

/* ------------------------------------------------------------------ the gate */
static enum metrics_whole judged_score(void)
{
    size_t length = strlen(metric_name);
    int i = 0;
    for (const char *at = METRICS; strncmp(at, metric_name, length) != 0 || (at[length] && at[length] != '|'); i++)
        at = strchr(at, '|') + 1;
    return scores[i];
}

/* Where no group has two images, they are the same as their groups. */
static const struct differences_level *judged(const struct differences *d)
{
    return &d->level[strcmp(judged_level, "group") == 0 ? d->n_levels - 1 : 0];
}

/* What cannot be judged does not pass. */
static bool gate_stops(enum differences_verdict v)
{
    return v == DIFFERENCES_WORSE || v == DIFFERENCES_UNDEFINED || (prove && v == DIFFERENCES_UNDECIDED);
}

static const char *const verdict_text[] = {"not worse", "undecided", "worse", "undefined"};

static void verdict_note(struct report_node *report, const struct differences_level *l, enum metrics_whole score,
                         enum differences_verdict v)
{
    const struct differences_scores *by = &l->of[DIFFERENCES_B_MINUS_A];
    const char *stopped = gate_stops(v) ? ": STOPPED" : "";
    if (v == DIFFERENCES_UNDEFINED)
        report_note(report, "verdict: undefined: %s of %s %s%s", metric_name, l->level->heading,
                    isnan(by->value[score]) ? "is not defined on these rows, as where all are of one class"
                                            : "has no interval: fewer than half of the resamples define it", stopped);
    else
        report_note(report, "verdict: B is %s: %s of %s %+.4f [%+.4f, %+.4f], margin %g%s",
                    v == DIFFERENCES_UNDECIDED ? "undecided (not shown to be worse, nor not to be)" : verdict_text[v],
                    metric_name, l->level->heading, by->value[score], by->low[score], by->high[score], margin, stopped);
}

/* Returns whether B is stopped. */
static bool judge(struct report_node *report, const struct differences *d)
{
    const struct differences_level *l = judged(d);
    enum metrics_whole score = judged_score();
    enum differences_verdict v = differences_judge(l, score, margin);
    verdict_note(report, l, score, v);
    report_text(report, "verdict", verdict_text[v]);
    report_put(report, (struct report_node){.kind = REPORT_BOOL, .name = "stopped", .count = gate_stops(v)});
    report_text(report, "judged_by", metric_name);
    report_text(report, "judged_on", l->level->name);
    report_number(report, "margin", margin);
    return gate_stops(v);
}

/* ------------------------------------------------------------------ comparing */
static void add_notes(struct report_node *report, const struct scores_plan *plan, const struct prediction_set *a,
                      const struct prediction_set *b, const struct differences *d, const struct score_inputs *inputs)
{
    const struct differences_level *images = &d->level[0];
    scores_classes_note(report, plan);
    report_note(report, "made by %s " DINOTOOLS_VERSION, tool.name);
    score_inputs_notes(report, inputs);
    report_note(report, "A: %s", a->path);
    report_note(report, "B: %s", b->path);
    if (n_resamples > 0)
        report_note(report, "in brackets: %g %% intervals from %s of %s, the same for A and B", 100 * level,
                    FMT_COUNT(n_resamples, "resample", "resamples"), FMT_COUNT(images->n_groups, "group", "groups"));
}

/* Returns whether the gate stops B. */
static bool compare(FILE *out, const struct prediction_set *a, const struct prediction_set *b,
                    struct thread_pool *pool)
{
    struct fmt_error e = {0};
    struct scores_plan plan = {.n_classes = a->n_classes, .class_name = a->class_name, .positive = a->positive,
                               .distances = a->distances || b->distances,
                               .group_mean = strcmp(group_score, "mean") == 0,
                               .bootstrap = {(int)n_resamples, level, (uint64_t)seed}};
    struct differences d;
    struct score_inputs inputs = {.n = 0};
    char role[2][SCORE_INPUTS_MAX][PREDICTION_ROLE_BYTES];
    struct report_node report = {.kind = REPORT_OBJECT};
    msg_check(prediction_set_check(a, b, &e), &e);
    msg_check_of(b->path, differences_run(&plan, &a->rows, &b->rows, pool, &d, &e), &e);
    prediction_set_origins(a, "a", &inputs, role[0]);
    prediction_set_origins(b, "b", &inputs, role[1]);
    add_notes(&report, &plan, a, b, &d, &inputs);
    report_add(&report, REPORT_BREAK, NULL);
    report_text(&report, "report", "differences");
    report_text(&report, "tool", tool.name);
    report_text(&report, "a", a->path);
    report_text(&report, "b", b->path);
    bool stopped = margin >= 0 && judge(&report, &d);
    score_inputs_report(&report, &inputs);
    if (margin >= 0)
        report_add(&report, REPORT_BREAK, NULL);
    differences_report(&report, &plan, &d);
    report_add(&report, REPORT_BREAK, NULL);
    msg_check(report_printer_of(json ? "json" : "text")(out, &report, &e), &e);
    report_release(&report);
    return stopped;
}

static void check_usage(int n_operands)
{
    static const void *const of_gate[] = {&metric_name, &judged_level, &prove, NULL};
    if (n_operands < 2)
        msg_usage("expected A and at least one B, got %s", FMT_COUNT(n_operands, "file", "files"));
    if (margin < 0)
        opt_unused(&tool, of_gate, "it is for the gate, which --margin asks for");
    if (margin >= 0 && n_resamples == 0)
        msg_usage("--margin judges by intervals: --resamples must not be 0");
}

static void note_unused_k(void)
{
    static const void *const of_votes[] = {&k, NULL};
    opt_unused(&tool, of_votes, "no file holds votes of neighbours");
}

int main(int argc, char **argv)
{
    int first = opt_parse(&tool, argc, argv);
    struct fmt_error e = {0};
    struct prediction_set a, b;
    char *text;
    size_t bytes;
    check_usage(argc - first);
    file_on_signal();
    input_guard_enable();
    msg_check(file_check_output(report_path, false, &e), &e);
    struct thread_pool *pool = thread_open((int)n_jobs, &e);
    FILE *out = open_memstream(&text, &bytes);
    if (!pool || !out)
        msg_die("out of memory");
    msg_check(prediction_set_read_query(&a, argv[first], (int)k, &e), &e);
    bool any_votes = a.k > 0, stopped = false;
    for (int i = first + 1; i < argc; i++) {
        msg_check(prediction_set_read_query(&b, argv[i], (int)k, &e), &e);
        any_votes = any_votes || b.k > 0;
        if (a.rows.n == 0 && b.rows.n == 0) { /* a day without photographs is no error; nothing is shown by it either */
            msg_note("%s: no rows: nothing to compare", b.path);
            stopped = stopped || prove;
        } else {
            stopped = compare(out, &a, &b, pool) || stopped;
        }
        prediction_set_release(&b);
    }
    if (!any_votes)
        note_unused_k();
    if (fclose(out))
        msg_die("out of memory for the report");
    msg_check(file_save(report_path, text, bytes, &e), &e);
    free(text);
    prediction_set_release(&a);
    thread_close(pool);
    return msg_finish(stopped ? EXIT_FAILED : EXIT_DONE);
}
