/* feat-compare - the scores of several classifiers on the same rows, and paired intervals of their differences. */
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
#include "version.h"

static const char *report_path = "-", *group_score = "max";
static int64_t n_resamples = 1000, n_jobs, seed, k;
static double level = 0.95;
static bool json;

enum { ROLE_BYTES = 32 };

static const struct opt options[] = {
    OPT_COUNT('k', "neighbours", &k, 1, 1000000, "N",
              "of predictions of feat-knn those by N neighbours [the only ones]"),
    OPT_CHOICE(0, "group-score", &group_score, "max|mean", "score of a group of images [max]"),
    OPT_COUNT(0, "resamples", &n_resamples, 0, 1000000, "N", "resamples for the intervals; 0: none [1000]"),
    OPT_REAL(0, "level", &level, 0.01, 0.9999, "P", "probability that the intervals cover [0.95]"),
    OPT_PATH('r', "report", &report_path, "FILE", "write the scores to FILE [-]"),
    OPT_JSON(&json),
    OPT_SEED(&seed),
    OPT_JOBS(&n_jobs),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {
    "feat-compare", "A B...", "Compare predictions of the same rows, with paired intervals of the differences.",
    options, "A, B: predictions in JSON lines (-o FILE --json) of feat-knn or feat-logreg. Each B is compared with A."};

static void check(int status, const struct fmt_error *e)
{
    if (status)
        msg_die("%s", e->text);
}

/* The inputs of a side, as "a.query". role: memory for these. */
static void add_origins(struct score_inputs *to, const struct prediction_set *of, const char *side,
                        char (*role)[ROLE_BYTES])
{
    for (int i = 0; i < of->origins.n; i++) {
        snprintf(role[i], ROLE_BYTES, "%s.%s", side, of->origins.item[i].role);
        score_inputs_add(to, role[i], of->origins.item[i].path, of->origins.item[i].identity);
    }
}

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
    report_add(report, REPORT_BREAK, NULL);
}

static void compare(FILE *out, const struct prediction_set *a, const struct prediction_set *b,
                    struct thread_pool *pool)
{
    struct fmt_error e = {0};
    struct scores_plan plan = {.n_classes = a->n_classes, .class_name = a->class_name, .positive = a->positive,
                               .group_mean = strcmp(group_score, "mean") == 0,
                               .bootstrap = {(int)n_resamples, level, (uint64_t)seed}};
    struct differences d;
    struct score_inputs inputs = {.n = 0};
    char role[2][SCORE_INPUTS_MAX][ROLE_BYTES];
    struct report_node report = {.kind = REPORT_OBJECT};
    check(prediction_set_check(a, b, &e), &e);
    if (differences_run(&plan, &a->rows, &b->rows, pool, &d, &e))
        msg_die("%s: %s", b->path, e.text);
    add_origins(&inputs, a, "a", role[0]);
    add_origins(&inputs, b, "b", role[1]);
    add_notes(&report, &plan, a, b, &d, &inputs);
    report_text(&report, "report", "differences");
    report_text(&report, "tool", tool.name);
    report_text(&report, "a", a->path);
    report_text(&report, "b", b->path);
    score_inputs_report(&report, &inputs);
    differences_report(&report, &plan, &d);
    report_add(&report, REPORT_BREAK, NULL);
    check(report_printer_of(json ? "json" : "text")(out, &report, &e), &e);
    report_release(&report);
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
    if (argc - first < 2)
        msg_usage("expected A and at least one B, got %s", FMT_COUNT(argc - first, "file", "files"));
    file_on_signal();
    input_guard_enable();
    check(file_check_output(report_path, false, &e), &e);
    struct thread_pool *pool = thread_open((int)n_jobs, &e);
    FILE *out = open_memstream(&text, &bytes);
    if (!pool || !out)
        msg_die("out of memory");
    check(prediction_set_read(&a, argv[first], (int)k, &e), &e);
    bool any_votes = a.k > 0;
    for (int i = first + 1; i < argc; i++) {
        check(prediction_set_read(&b, argv[i], (int)k, &e), &e);
        any_votes = any_votes || b.k > 0;
        compare(out, &a, &b, pool);
        prediction_set_release(&b);
    }
    if (!any_votes)
        note_unused_k();
    if (fclose(out))
        msg_die("out of memory for the report");
    check(file_save(report_path, text, bytes, &e), &e);
    free(text);
    prediction_set_release(&a);
    thread_close(pool);
    return msg_finish(EXIT_DONE);
}
