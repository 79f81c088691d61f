/* bbu-inspect - photographs of installations -> verdicts, by one file; and the making of that file. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "input-guard.h"
#include "inspector-report.h"
#include "msg.h"
#include "opt.h"
#include "score-options.h"
#include "signals.h"
#include "unpack.h"
#include "verdict-lines.h"
#include "verdict-options.h"
#include "watch.h"

static const char *output, *weights, *classifier, *bank, *faults, *choose, *test_path, *positive, *pattern;
static const char *score, *thresholds, *precision, *unpack_folder, *split;
static const char *reference, *gates = "0.5%,95%";
static const char *device_name = "auto";
static int64_t n_views = -1, n_jobs;
static struct verdict_options verdict_options = VERDICT_OPTIONS_DEFAULT;
static const char *append_path, *journal;
static struct opt_list watched;
static double level = 0.95, wait_s = -1, look_s = 10;
static bool json, null_names, verdicts_only, compress, provenance = true;

static const struct opt options[] = {
    OPT_FLAG('0', "null", &null_names, "names on standard input end with a zero byte"),
    OPT_STRING(0, "split", &split, "NAME", "only photographs of this split of a catalogue or of shards [all]"),
    OPT_STRING(0, "group-pattern", &pattern, "PATTERN", "how names give installation and view [as the inspector says]"),
    VERDICT_OPTIONS_VERDICTS_ONLY(&verdicts_only),
    OPT_LIST(0, "watch", &watched, "DIR", "judge photographs as they arrive in DIR, or -: by names on standard input"),
    OPT_PATH('o', "append", &append_path, "FILE", "with --watch: append the verdicts to FILE [-]"),
    OPT_PATH(0, "journal", &journal, "FILE",
             "with --watch: what was judged, to go on after a stop [FILE.journal of -o]"),
    OPT_REAL(0, "wait", &wait_s, 0.1, 86400, "S",
             "seconds to wait for further views [30; 2 where their number is not checked]"),
    OPT_REAL(0, "look", &look_s, 0, 86400, "S", "look into the folders every S seconds, too; 0: events only [10]"),
    OPT_CHOICE(0, "precision", &precision, "f32|bf16|int8|auto",
               "what products are computed in [as the inspector says]"),
    OPT_PATH(0, "unpack", &unpack_folder, "DIR", "write the files that the inspector was made from into a new folder"),
    OPT_PATH(0, "make", &output, "FILE", "make an inspector, by the options that follow"),
    OPT_PATH('w', "weights", &weights, "FILE", "of the network: safetensors, .pth or a checkpoint"),
    OPT_PATH('m', "model", &classifier, "FILE", "of feat-logreg"),
    OPT_PATH(0, "bank", &bank, "FILE", "of feat-bank: good photographs"),
    OPT_PATH(0, "faults", &faults, "FILE", "of feat-bank: known faults"),
    OPT_PATH(0, "reference", &reference, "WHERE",
             "good photographs of the site, for gates: a catalogue, shards, a folder"),
    OPT_STRING(0, "gates", &gates, "SHARE[,SURE]",
               "each gate stops at most this share of good installations [0.5%,95%]"),
    OPT_CHOICE(0, "score", &score, "classifier|bank", "what a photograph's score is of [classifier, if there is one]"),
    OPT_STRING(0, "positive", &positive, "CLASS", "the defect [as the classifier says, or the bank]"),
    VERDICT_OPTIONS_RULE(verdict_options),
    VERDICT_OPTIONS_VIEWS(&n_views, "[that of all of --choose]"),
    OPT_PATH(0, "choose", &choose, "FILE", "choose thresholds on these: features, predictions, a catalogue or shards"),
    VERDICT_OPTIONS_PROMISES(verdict_options),
    VERDICT_OPTIONS_THRESHOLDS(&thresholds, ", instead of --choose"),
    OPT_PATH(0, "test", &test_path, "FILE", "count what becomes of the promises on these, which are not of --choose"),
    SCORE_OPTIONS_LEVEL(&level),
    OPT_FLAG(0, "compress", &compress, "compress weights and bank"),
    OPT_JOBS(&n_jobs),
    OPT_DEVICE(&device_name),
    OPT_JSON(&json),
    OPT_NO_PROVENANCE(&provenance),
    OPT_COMMON,
    OPT_END};
static const struct opt_tool tool = {
    "bbu-inspect", "INSPECTOR PHOTOGRAPHS... | --watch DIR INSPECTOR | --make INSPECTOR -w WEIGHTS -m MODEL ...",
    "Judge photographs of installations by an inspector, or make one.", options,
    "PHOTOGRAPHS: image files and folders of them, a catalogue, shards, or - for names on standard input.\n"
    "Exit status 1: an installation failed, needs a review or is incomplete; 0: all passed."};

/* ------------------------------------------------------------------ options */
static void parse_promises(struct make_thresholds *t)
{
    struct fmt_error e = {0};
    if (verdict_options_promises(&verdict_options, t->promise, &t->n_promises, &e))
        msg_usage("%s", e.text);
    if (t->n_promises == 0 && choose)
        t->promise[t->n_promises++] = verdict_options_default_promise();
}

/* "0.5%,95%" as of alarms. */
static void parse_gates(struct make_inspector *m)
{
    struct promise p;
    struct fmt_error e = {0};
    if (promise_parse(&p, PROMISE_ALARMS, gates, &e))
        msg_usage("--gates %s", e.text);
    m->gate_share = p.share;
    m->gate_confidence = p.confidence;
}

static bool scores_are_of_bank(void)
{
    return bank && (!classifier || (score && strcmp(score, "bank") == 0));
}

static void parse_rule(struct verdict_rule *r)
{
    struct fmt_error e = {0};
    if (verdict_options_rule(&verdict_options, r, &e))
        msg_usage("%s", e.text);
    if (r->how == RULE_LEARNED && !choose)
        msg_usage("--group-score learned: it is learned from --choose FILE");
}

static void parse_thresholds(struct make_thresholds *t)
{
    struct fmt_error e = {0};
    struct verdict_rule r;
    if (verdict_options_thresholds(thresholds, &r, &e))
        msg_usage("%s", e.text);
    t->pass_below = r.pass_below;
    t->fail_from = r.fail_from;
}

static const void *const of_making[] = {
    &weights, &classifier, &bank, &faults, &score, &positive, &verdict_options.group_score, &n_views,
    &choose, &verdict_options.missed, &verdict_options.alarms, &thresholds, &reference, &gates, &test_path, &level,
    &compress, &provenance, NULL};
static const void *const of_judging[] = {&null_names, &split, &verdicts_only, NULL};

static const void *const of_watching[] = {&append_path, &journal, &wait_s, &look_s, NULL};

/* Thresholds are chosen, on labelled photographs or by the good ones of a bank, or they are given. */
static void check_thresholds_usage(void)
{
    if (choose && thresholds)
        msg_usage("--choose finds thresholds, --thresholds gives them: one of the two");
    if (thresholds && (verdict_options.missed || verdict_options.alarms))
        msg_usage("--missed and --alarms are promises for --choose");
    if (!choose && verdict_options.missed)
        msg_usage("--missed is a promise about faulty installations: --choose FILE names some");
    if (!choose && !thresholds && !verdict_options.alarms)
        msg_usage("--make needs thresholds: --choose FILE finds them, --thresholds gives them, --alarms with --bank "
                  "takes them from good parts");
    if (!choose && !thresholds && !scores_are_of_bank())
        msg_usage("--alarms without --choose FILE is for scores of a bank: good parts say nothing of a classifier");
}

static void name_unused(void)
{
    static const void *const of_reference[] = {&gates, NULL}, *const of_sets[] = {&level, NULL};
    static const void *const of_both[] = {&score, NULL};
    if (!reference)
        opt_unused(&tool, of_reference, "there are no gates without --reference");
    if (thresholds && !test_path)
        opt_unused(&tool, of_sets, "nothing is counted with --thresholds alone");
    if (!classifier || !bank)
        opt_unused(&tool, of_both, "there is only one");
}

static void check_make_usage(int n_operands)
{
    if (n_operands > 0)
        msg_usage("--make takes no photographs: name labelled ones by --choose and --test");
    if (watched.n > 0)
        msg_usage("--make and --watch exclude each other");
    if (!weights)
        msg_usage("--make needs -w WEIGHTS");
    if (!classifier && !bank)
        msg_usage("--make needs what judges: -m MODEL or --bank BANK");
    if (faults && !bank)
        msg_usage("--faults goes with --bank");
    if ((score && strcmp(score, "bank") == 0 && !bank) || (score && strcmp(score, "classifier") == 0 && !classifier))
        msg_usage("--score %s: there is none", score);
    check_thresholds_usage();
    name_unused();
    opt_unused(&tool, of_judging, "it is for judging");
}

/* Values that only what uses them could refuse, which is after files were opened. */
static void check_values(void)
{
    struct fmt_error e = {0};
    struct group_pattern parsed;
    if (!device_find(device_name, &e))
        opt_fail(&e);
    if (pattern && group_pattern_parse(&parsed, pattern, &e))
        msg_usage("--group-pattern: %s", e.text);
}

static void check_usage(int n_operands)
{
    check_values();
    if (output && unpack_folder)
        msg_usage("--make and --unpack exclude each other");
    if (output) {
        check_make_usage(n_operands);
        return;
    }
    if (n_operands == 0)
        msg_usage("nothing to judge by: name an inspector");
    if (unpack_folder && n_operands > 1)
        msg_usage("--unpack takes no photographs");
    if (watched.n > 0 && n_operands > 1)
        msg_usage("--watch takes no photographs but those of its folders");
    if (!unpack_folder && watched.n == 0 && n_operands == 1)
        msg_usage("nothing to judge: name image files, folders, a catalogue, shards, or - for names on standard input");
    opt_unused(&tool, of_making, "it goes with --make");
    if (watched.n == 0)
        opt_unused(&tool, of_watching, "it goes with --watch");
}

/* ------------------------------------------------------------------ making */
static int make(const struct judge_how *how)
{
    struct fmt_error e = {0};
    struct make_inspector m = {.output = output, .weights = weights, .classifier = classifier, .bank = bank,
                               .faults = faults, .reference = reference, .by_bank = scores_are_of_bank(),
                               .positive = positive, .pattern = pattern, .precision = precision,
                               .thresholds = {.choose = choose, .test = test_path, .n_views = (int)n_views,
                                              .level = level, .warn = msg_warn},
                               .weights_level = compress ? 3 : BLOCK_STORED, .explain = provenance, .note = msg_note};
    parse_rule(&m.rule);
    parse_promises(&m.thresholds);
    parse_gates(&m);
    if (thresholds)
        parse_thresholds(&m.thresholds);
    else if (!choose)
        m.thresholds.bank = bank;
    if (file_check_output(output, true, &e) || make_inspector_run(&m, how, &e))
        msg_die("%s", e.text);
    msg_check(inspector_report(stdout, json, &m, &e), &e);
    bool broken = promises_warn_broken(m.settings.promise, m.settings.n_promises, test_path, msg_warn);
    make_inspector_release(&m);
    return broken ? EXIT_FAILED : EXIT_DONE;
}

/* ------------------------------------------------------------------ judging */
static int exit_status(const struct verdict_lines *l)
{
    int64_t bad = l->n[VERDICT_FAIL] + l->n[VERDICT_REVIEW] + l->n[VERDICT_INCOMPLETE];
    return bad > 0 && !verdicts_only ? EXIT_FAILED : EXIT_DONE;
}

static void note_counts(const struct verdict_lines *l)
{
    int64_t n_read = l->n_photographs - l->n_unreadable;
    msg_note("%s: %" PRId64 " passed, %" PRId64 " failed, %" PRId64 " to review, %" PRId64 " incomplete",
             FMT_COUNT(l->n[0] + l->n[1] + l->n[2] + l->n[3], "installation", "installations"), l->n[VERDICT_PASS],
             l->n[VERDICT_FAIL], l->n[VERDICT_REVIEW], l->n[VERDICT_INCOMPLETE]);
    if (l->n_unreadable > 0)
        msg_warn("%s of %" PRId64 " could not be read", FMT_COUNT(l->n_unreadable, "photograph", "photographs"),
                 l->n_photographs);
    if (l->cropped > 0)
        msg_note("%.1f %% of the photographs' area was not looked at: --size of the features (bbu-info INSPECTOR); "
                 "dino-extract --size 0 takes all", 100 * l->cropped / (double)n_read);
}

/* What was mistyped is not an installation that cannot be read. Shards may be named by a pattern. */
static void check_operands(const char *const *operand, int n)
{
    bool all = true;
    for (int i = 0; i < n; i++)
        if (strcmp(operand[i], "-") != 0 && !strpbrk(operand[i], "*?[") && access(operand[i], F_OK) != 0) {
            msg_error("%s: %s", operand[i], strerror(errno));
            all = false;
        }
    if (!all)
        exit(EXIT_FAILED);
}

static void open_judge(struct judge *j, const char *inspector, const struct judge_how *how)
{
    struct fmt_error e = {0};
    if (judge_open(j, inspector, how, &e) || (pattern && group_pattern_parse(&j->settings.pattern, pattern, &e)))
        msg_die("%s", e.text);
}

static int judge_all(const char *inspector, const char *const *operand, int n, const struct judge_how *how)
{
    struct fmt_error e = {0};
    struct judge j;
    struct photo_list list;
    struct verdict_lines lines = {.out = stdout, .json = json};
    struct judge_job job = {.found = verdict_lines_found, .arg = &lines};
    check_operands(operand, n);
    open_judge(&j, inspector, how);
    struct photo_list_how how_named = {.pattern = &j.settings.pattern, .separator = null_names ? 0 : '\n',
                                       .split = split};
    if (photo_list_open(&list, operand, n, &how_named, &e) || verdict_lines_begin(&lines, inspector, &j, &e))
        msg_die("%s", e.text);
    int status = judge_run(&j, &list, &job, &e);
    if (status && status != FMT_IO) /* of standard output msg_finish tells */
        msg_die("%s", e.text[0] ? e.text : fmt_status_text((enum fmt_status)status));
    note_counts(&lines);
    photo_list_close(&list);
    judge_close(&j);
    return exit_status(&lines);
}

/* Signals that end a program end the watch after the installation that is being judged. */
static void stop_watch(int number)
{
    (void)number;
    watch_stop();
}

/* Verdicts are appended and the journal is replaced: neither is to be a file that this run needs. */
static void check_outputs(void)
{
    const char *const path[] = {append_path, journal};
    for (int i = 0; i < 2; i++)
        if (path[i] && input_guard_is_input_path(path[i]))
            msg_die("%s: is an input of this run: not replaced", path[i]);
    if (append_path && journal && file_is_same(append_path, journal))
        msg_die("%s: for verdicts and journal, which are two files", journal);
}

/* Standard output becomes the file; the journal beside it is the default. */
static void open_append(void)
{
    static char beside[4096];
    struct fmt_error e = {0};
    if (!append_path) {
        check_outputs();
        return;
    }
    if (!journal && (size_t)snprintf(beside, sizeof beside, "%s.journal", append_path) < sizeof beside)
        journal = beside;
    check_outputs();
    if (!freopen(append_path, "a", stdout)) {
        file_fail(append_path, &e);
        msg_die("%s", e.text);
    }
}

static int watch(const char *inspector, const struct judge_how *how)
{
    static char prints[4096];
    struct fmt_error e = {0};
    struct judge j;
    struct verdict_lines lines = {.out = stdout, .json = json};
    struct watch_how w = {.folder = watched.item, .separator = null_names ? 0 : '\n', .inspector = inspector,
                          .look_ms = (int64_t)(1000 * look_s), .output = append_path, .warn = msg_warn,
                          .note = msg_note};
    for (int i = 0; i < watched.n; i++) {
        bool is_names = strcmp(watched.item[i], "-") == 0;
        w.names = w.names || is_names;
        if (!is_names)
            watched.item[w.n_folders++] = watched.item[i];
    }
    msg_check(signals_take(stop_watch, &e), &e);
    input_guard_enable();
    open_judge(&j, inspector, how);
    input_guard_pause(true); /* photographs are many */
    open_append();
    w.journal = journal;
    if (journal && (size_t)snprintf(prints, sizeof prints, "%s.prints", journal) < sizeof prints)
        w.prints = prints;
    w.wait_ms = (int64_t)(1000 * (wait_s > 0 ? wait_s : j.settings.rule.n_views > 0 ? 30 : 2));
    if (watch_run(&j, &lines, &w, &e) && e.status)
        msg_die("%s", e.text);
    note_counts(&lines);
    judge_close(&j);
    return EXIT_DONE;
}

static int unpack(const char *inspector)
{
    struct fmt_error e = {0};
    int n;
    msg_check(unpack_inspector(inspector, unpack_folder, &n, &e), &e);
    msg_note("%s in %s", FMT_COUNT(n, "file", "files"), unpack_folder);
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    int first = opt_parse(&tool, argc, argv), n = argc - first;
    const char *const *operand = (const char *const *)argv + first;
    struct judge_how how = {.device = device_name, .n_threads = (int)n_jobs, .precision = precision, .warn = msg_warn};
    check_usage(n);
    if (watched.n > 0)
        return msg_finish(watch(operand[0], &how));
    file_on_signal();
    input_guard_enable();
    return msg_finish(output          ? make(&how)
                      : unpack_folder ? unpack(operand[0])
                                      : judge_all(operand[0], operand + 1, n - 1, &how));
}
