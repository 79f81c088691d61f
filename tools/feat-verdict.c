/* feat-verdict - from predictions of photographs to verdicts on installations, by thresholds that keep promises. */
#include <stdlib.h>
#include <string.h>

#include "calibration.h"
#include "file.h"
#include "group-lines.h"
#include "input-guard.h"
#include "msg.h"
#include "opt.h"
#include "overlap.h"
#include "prediction-set.h"
#include "report-print.h"
#include "score-options.h"
#include "scored-groups.h"
#include "verdict-options.h"
#include "verdict-report.h"
#include "version.h"

static const char *choose_path, *good_class, *output, *report_path = "-";
static int64_t n_views = -1, k, seed;
static struct verdict_options verdict_options = VERDICT_OPTIONS_DEFAULT;
static double level = 0.95;
static bool json, verdicts_only, allow_overlap;

static const struct opt options[] = {
    OPT_PATH('c', "choose", &choose_path, "FILE", "choose thresholds on these predictions: validation, or out of fold"),
    VERDICT_OPTIONS_PROMISES(verdict_options),
    VERDICT_OPTIONS_RULE(verdict_options),
    VERDICT_OPTIONS_VIEWS(&n_views, "[that of all of --choose]"),
    OPT_STRING(0, "good", &good_class, "CLASS", "all other classes are faults [of two classes the negative one]"),
    SCORE_OPTIONS_NEIGHBOURS(&k),
    SCORE_OPTIONS_LEVEL(&level),
    OPT_FLAG(0, "allow-overlap", &allow_overlap, "check promises on installations that thresholds were chosen on"),
    OPT_PATH('o', "output", &output, "FILE", "write a verdict on each installation of QUERY to FILE"),
    VERDICT_OPTIONS_VERDICTS_ONLY(&verdicts_only),
    OPT_PATH('r', "report", &report_path, "FILE", "write the table of promises to FILE [-]"),
    OPT_FLAG(0, "json", &json, "report and verdicts as JSON lines"),
    OPT_SEED(&seed),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {
    "feat-verdict", "-c FILE [QUERY]",
    "Verdicts on installations from predictions of their photographs, by thresholds that keep promises.", options,
    "FILE, QUERY: predictions in JSON lines (-o FILE --json) of feat-knn, feat-logreg or feat-bank.\n"
    "Exit status 1: QUERY breaks a promise; with -o also: an installation failed, needs a review or\n"
    "is incomplete."};

/* A set of predictions, and its groups. */
struct scored {
    struct prediction_set set;
    struct scored_groups g;
};

/* One run of the tool. */
struct job {
    struct verdict_rule rule;
    struct rule_learned learned;
    struct promise promise[PROMISE_KINDS];
    int n_promises;
    struct scored choose, query; /* without QUERY it has no groups */
    bool has_query;
    struct score_inputs inputs;
    char role[2][SCORE_INPUTS_MAX][PREDICTION_ROLE_BYTES];
    struct calibration calibration;
    bool broken;  /* a promise, on QUERY */
    FILE *report; /* in memory */
    char *text;
    size_t bytes;
};

/* ------------------------------------------------------------------ options */
static void parse_rules(struct job *j)
{
    struct fmt_error e = {0};
    if (verdict_options_promises(&verdict_options, j->promise, &j->n_promises, &e) ||
        verdict_options_rule(&verdict_options, &j->rule, &e))
        msg_usage("%s", e.text);
    if (j->n_promises == 0)
        j->promise[j->n_promises++] = verdict_options_default_promise();
}

static void name_unused(bool has_query, bool learned)
{
    static const void *const of_learned[] = {&seed, NULL};
    static const void *const of_query[] = {&allow_overlap, &verdicts_only, NULL};
    static const void *const of_output[] = {&verdicts_only, NULL};
    if (!learned)
        opt_unused(&tool, of_learned, "it goes with --group-score learned");
    if (!has_query)
        opt_unused(&tool, of_query, "it goes with QUERY");
    else if (!output)
        opt_unused(&tool, of_output, "it goes with -o");
}

static void check_usage(const struct job *j, int n_operands)
{
    if (!choose_path)
        msg_usage("-c FILE: predictions to choose thresholds on");
    if (n_operands > 1)
        msg_usage("expected one QUERY, got %d files", n_operands);
    if (output && n_operands == 0)
        msg_usage("-o is for the verdicts on QUERY");
    if (output && file_is_same(output, report_path))
        msg_usage("-o and --report both write to %s", file_output_name(output));
    name_unused(n_operands > 0, j->rule.how == RULE_LEARNED);
}

/* ------------------------------------------------------------------ predictions */
static struct verdict_classes classes_of(const struct prediction_set *s)
{
    struct verdict_classes classes = {.faulty = -1, .good = -1};
    for (int c = 0; good_class && c < s->n_classes; c++)
        if (strcmp(s->class_name[c], good_class) == 0)
            classes.good = c;
    if (good_class && classes.good < 0)
        msg_die("%s: no class %s (--good)", s->path, good_class);
    if (good_class && s->distances)
        msg_die("%s: distances say which class is the defect (--good)", s->path);
    if (!good_class && s->n_classes > 2)
        msg_die("%s: %d classes: --good names the one that is no fault", s->path, s->n_classes);
    if (s->n_classes == 2)
        classes = (struct verdict_classes){.faulty = good_class ? !classes.good : s->positive, .good = -1};
    return classes;
}

static void read_scored(struct scored *s, const char *path, bool query)
{
    struct fmt_error e = {0};
    msg_check((query ? prediction_set_read_query : prediction_set_read)(&s->set, path, (int)k, &e), &e);
    if (s->set.rows.n == 0)
        msg_note("%s: no rows: nothing to judge", path);
    msg_check(scored_groups_make(&s->g, &s->set.rows, classes_of(&s->set), &e), &e);
}

static void note_unused_k(const struct job *j)
{
    static const void *const of_votes[] = {&k, NULL};
    if (j->choose.set.k == 0 && j->query.set.k == 0)
        opt_unused(&tool, of_votes, "no file holds votes of neighbours");
}

static void release_scored(struct scored *s)
{
    prediction_set_release(&s->set);
    scored_groups_release(&s->g);
}

static const char *class_compared(const struct prediction_set *s)
{
    struct verdict_classes classes = classes_of(s);
    return s->class_name[classes.faulty >= 0 ? classes.faulty : classes.good];
}

/* Thresholds are for scores of one classifier, or of one bank, of the same classes. */
static void check_alike(const struct prediction_set *a, const struct prediction_set *b)
{
    struct fmt_error e = {0};
    msg_check(prediction_set_same_scores(a, b, &e), &e);
    if (strcmp(class_compared(a), class_compared(b)) != 0)
        msg_die("%s: the class that is looked for is %s, in %s it is %s", b->path, class_compared(b), a->path,
                class_compared(a));
}

/* By the groups of the two sets, without groups by their keys, and by the files where they are known. */
static void check_apart(struct prediction_set *a, struct prediction_set *b)
{
    struct fmt_error e = {0};
    struct overlap found;
    char warning[OVERLAP_TEXT];
    msg_check(overlap_sets(&a->rows, &b->rows, false, &found, &e), &e);
    msg_check(overlap_judge(&found, b->path, a->path, allow_overlap, warning, &e), &e);
    if (warning[0])
        msg_warn("%s", warning);
}

/* ------------------------------------------------------------------ thresholds */
static void choose_thresholds(struct job *j)
{
    struct fmt_error e = {0};
    char warning[SCORED_GROUPS_TEXT] = "", apart[SCORED_GROUPS_APART];
    struct promises_wanted wanted = {j->promise, j->n_promises, (uint64_t)seed};
    j->rule.log_odds = !j->choose.set.distances;
    j->rule.n_views = n_views < 0 ? scored_groups_common_views(&j->choose.g, warning) : (int)n_views;
    if (warning[0])
        msg_warn("%s: %s", choose_path, warning);
    msg_check_of(choose_path, scored_groups_choose(&j->choose.g, &j->rule, &wanted, &j->learned, &e), &e);
    scored_groups_apart(&j->choose.g, &j->rule, apart);
    if (apart[0])
        msg_warn("%s: %s", choose_path, apart);
    msg_check(calibration_fit(&j->calibration, &j->choose.g.complete, &e), &e);
}

/* ------------------------------------------------------------------ reports */
/* "thresholds chosen on val.json: 55 installations of 1 to 3 views, 8 incomplete ones left out". */
static void set_note(struct report_node *report, const char *what, const struct scored *s)
{
    const struct verdict_groups *g = &s->g.groups;
    int least = g->n ? verdict_groups_views(g, 0) : 0, most = least;
    for (int64_t i = 1; i < g->n; i++) {
        int n = verdict_groups_views(g, i);
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    struct report_node *note = report_note(report, "%s %s: %s of ", what, s->set.path,
                                           FMT_COUNT(g->n, "installation", "installations"));
    if (least < most)
        report_extend(note, "%d to ", least);
    report_extend(note, "%s", FMT_COUNT(most, "view", "views"));
    if (s->g.complete.n < g->n)
        report_extend(note, ", %s left out", FMT_COUNT(g->n - s->g.complete.n, "incomplete one", "incomplete ones"));
}

/* Which classes are faults, first of all; then what was read. */
static void add_head(struct report_node *report, const struct job *j)
{
    const struct prediction_set *s = &j->choose.set;
    struct verdict_classes classes = classes_of(s);
    struct report_node *note = report_note(report, "faulty: ");
    int n = 0;
    for (int c = 0; c < s->n_classes; c++)
        if (classes.faulty >= 0 ? c == classes.faulty : c != classes.good)
            report_extend(note, "%s%s", n++ ? ", " : "", s->class_name[c]);
    report_extend(note, "; an installation is faulty if one of its photographs is");
    report_note(report, "made by %s " DINOTOOLS_VERSION, tool.name);
    score_inputs_notes(report, &j->inputs);
    set_note(report, "thresholds chosen on", &j->choose);
    if (j->has_query)
        set_note(report, "judged:", &j->query);
    rule_notes(report, &j->rule, &j->learned);
}

/* Of more than two classes the one that is no fault is named. */
static void add_members(struct report_node *report, const struct job *j, const char *kind)
{
    bool by_good = classes_of(&j->choose.set).faulty < 0;
    char score[RULE_TEXT_BYTES];
    report_text(report, "report", kind);
    report_text(report, "tool", tool.name);
    report_text(report, by_good ? "good" : "positive", class_compared(&j->choose.set));
    report_text(report, "choose", j->choose.set.path);
    if (j->has_query)
        report_text(report, "query", j->query.set.path);
    score_inputs_report(report, &j->inputs);
    report_text(report, "group_score", rule_text(&j->rule, score));
    report_count(report, "views", j->rule.n_views);
    report_number(report, "pass_below", j->rule.pass_below);
    report_number(report, "fail_from", j->rule.fail_from);
}

static void print_report(struct job *j, struct report_node *report)
{
    struct fmt_error e = {0};
    msg_check(report_printer_of(json ? "json" : "text")(j->report, report, &e), &e);
    report_release(report);
}

static void report_promises(struct job *j)
{
    struct report_node report = {.kind = REPORT_OBJECT};
    struct promise_outcome outcome[PROMISE_KINDS];
    for (int i = 0; i < j->n_promises; i++) {
        const struct promise *p = &j->promise[i];
        outcome[i] = (struct promise_outcome){*p, thresholds_kept(p, &j->rule, &j->choose.g.complete, level),
                                              thresholds_kept(p, &j->rule, &j->query.g.complete, level)};
    }
    j->broken = promises_warn_broken(outcome, j->n_promises, j->query.set.path, msg_warn);
    add_head(&report, j);
    if (j->has_query)
        report_note(&report, "in brackets: %g %% intervals (Clopper-Pearson)", 100 * level);
    report_add(&report, REPORT_BREAK, NULL);
    add_members(&report, j, "promises");
    promises_report(&report, &j->rule, outcome, j->n_promises, j->has_query);
    report_add(&report, REPORT_BREAK, NULL);
    print_report(j, &report);
}

static void report_verdicts(struct job *j)
{
    struct report_node report = {.kind = REPORT_OBJECT};
    struct verdict_table table = {scored_groups_count(j->has_query ? &j->query.g : &j->choose.g, &j->rule), level};
    add_members(&report, j, "verdict-counts");
    verdicts_report(&report, &table);
    print_report(j, &report);
}

static void write_verdicts(const struct job *j)
{
    struct fmt_error e = {0};
    struct report_node head = {.kind = REPORT_OBJECT};
    struct group_lines lines = {&j->query.g.groups, &j->query.set.rows, &j->rule, j->query.g.score,
                                &j->calibration};
    char *text;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    add_head(&head, j);
    add_members(&head, j, "verdicts");
    if (!out || group_lines_write(out, json, &head, &lines, &e) || fclose(out))
        msg_die("out of memory for the verdicts");
    msg_check(file_save(output, text, bytes, &e), &e);
    report_release(&head);
    free(text);
}

/* ------------------------------------------------------------------ the run */
static void open_job(struct job *j, const char *query)
{
    struct fmt_error e = {0};
    msg_check(file_check_output(report_path, false, &e), &e);
    if (output)
        msg_check(file_check_output(output, false, &e), &e);
    j->report = open_memstream(&j->text, &j->bytes);
    if (!j->report)
        msg_die("out of memory");
    read_scored(&j->choose, choose_path, false);
    prediction_set_origins(&j->choose.set, "choose", &j->inputs, j->role[0]);
    j->has_query = query != NULL;
    if (query) {
        read_scored(&j->query, query, true);
        prediction_set_origins(&j->query.set, "query", &j->inputs, j->role[1]);
        check_alike(&j->choose.set, &j->query.set);
        check_apart(&j->choose.set, &j->query.set);
    }
    note_unused_k(j);
}

static int64_t close_job(struct job *j)
{
    struct fmt_error e = {0};
    struct verdict_counts c = scored_groups_count(&j->query.g, &j->rule);
    if (fclose(j->report))
        msg_die("out of memory for the report");
    msg_check(file_save(report_path, j->text, j->bytes, &e), &e);
    free(j->text);
    release_scored(&j->choose);
    release_scored(&j->query);
    calibration_release(&j->calibration);
    return c.n[VERDICT_ALL][VERDICT_FAIL] + c.n[VERDICT_ALL][VERDICT_REVIEW] + c.n[VERDICT_ALL][VERDICT_INCOMPLETE];
}

int main(int argc, char **argv)
{
    int first = opt_parse(&tool, argc, argv);
    struct job j = {.n_promises = 0};
    parse_rules(&j);
    check_usage(&j, argc - first);
    file_on_signal();
    input_guard_enable();
    open_job(&j, argc > first ? argv[first] : NULL);
    choose_thresholds(&j);
    if (j.has_query)
        scored_groups_judge(&j.query.g, &j.rule);
    report_promises(&j);
    report_verdicts(&j);
    if (output)
        write_verdicts(&j);
    int64_t n_not_passed = close_job(&j);
    bool stopped = output && !verdicts_only && n_not_passed > 0;
    return msg_finish(stopped || j.broken ? EXIT_FAILED : EXIT_DONE);
}
