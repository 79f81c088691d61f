/* feat-bank - memory banks of good photographs: made, joined, subtracted; scores of photographs by them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bank-classes.h"
#include "bank-edit.h"
#include "bank-farthest.h"
#include "bank-file.h"
#include "bank-good.h"
#include "bank-make.h"
#include "bank-maps.h"
#include "bank-options.h"
#include "bank-query.h"
#include "bank-report.h"
#include "describe.h"
#include "device.h"
#include "featset.h"
#include "file.h"
#include "groups.h"
#include "input-guard.h"
#include "msg.h"
#include "name-list.h"
#include "num.h"
#include "predictions.h"
#include "progress.h"
#include "scoring.h"
#include "version.h"

enum { NOTE_BYTES = 400 };

static const char *const size_default = "10000";

static const char *bank_path, *faults_path, *against_path, *calibrate_path, *subtract_path, *output;
static const char *size_text, *class_name, *alarms_text, *maps_path, *photographs_path, *masks_path,
    *scale_text, *report_path = "-", *device_name = "auto";
static double largest;
static int64_t memory_bytes = (int64_t)1 << 30, n_jobs, seed;
static const char *stated; /* --positive */
static bool join, list, no_scores, json, provenance = true;
static struct score_options score_options = SCORE_OPTIONS_DEFAULT;

static const struct opt options[] = {
    OPT_PATH('o', "output", &output, "FILE", "write the bank to FILE; with --score a line for each photograph"),
    OPT_STRING('n', "vectors", &size_text, "N|SHARE", "vectors of the bank, or their share of the tokens [10000]"),
    OPT_STRING(0, "class", &class_name, "CLASS", "make it of photographs of this class [all but the positive]"),
    OPT_REAL(0, "largest", &largest, 1e-6, 1, "SHARE",
             "a score is the mean distance of this share of the tokens, the farthest [0.01, or the bank's]"),
    OPT_PATH(0, "against", &against_path, "BANK", "of each photograph only the tokens that are farthest from BANK"),
    OPT_PATH(0, "calibrate", &calibrate_path, "FILE", "score these good photographs, too, for thresholds"),
    OPT_FLAG(0, "no-scores", &no_scores, "do not score the photographs of the bank"),
    OPT_FLAG(0, "join", &join, "join BANKs"),
    OPT_PATH(0, "subtract", &subtract_path, "FILE",
             "remove the photographs of a bank, or those whose keys or groups are lines of FILE"),
    OPT_FLAG(0, "list", &list, "list the photographs of BANKs"),
    OPT_PATH('s', "score", &bank_path, "BANK", "score the photographs of QUERY by BANK"),
    OPT_PATH(0, "faults", &faults_path, "BANK", "scores are differences from this bank of known faults"),
    OPT_STRING(0, "alarms", &alarms_text, "SHARE[,SURE]",
               "threshold that at most this share of good installations reaches, as the bank knows them [none]"),
    OPT_PATH(0, "photographs", &photographs_path, "WHERE", "the photographs of QUERY: shards, or a folder of files"),
    OPT_PATH(0, "maps", &maps_path, "DIR", "write heat maps, KEY.png and KEY.npy, into DIR"),
    OPT_STRING(0, "scale", &scale_text, "LOW,HIGH",
               "distances at the ends of the colours [median and largest of QUERY]"),
    OPT_PATH(0, "masks", &masks_path, "DIR", "score the maps by masks, PNG files named as the keys"),
    OPT_STRING(0, "positive", &score_options.positive, "CLASS",
               "the class to be found [as the bank says; of two the second]"),
    SCORE_OPTIONS_PRECISION(score_options),
    SCORE_OPTIONS_GROUPS(score_options),
    OPT_PATH('r', "report", &report_path, "FILE", "write the scores to FILE [-]"),
    OPT_FLAG(0, "json", &json, "scores and predictions as JSON lines"),
    OPT_SIZE(0, "memory", &memory_bytes, 1 << 20, 1e15, "SIZE", "about how much memory features may take [1G]"),
    OPT_SEED(&seed),
    OPT_JOBS(&n_jobs),
    OPT_DEVICE(&device_name),
    OPT_NO_PROVENANCE(&provenance),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {
    "feat-bank", "-o BANK GOOD... | --score BANK QUERY... | BANK...",
    "Make memory banks of the patches of good photographs, and score photographs by them.", options,
    "GOOD, QUERY: files of features of patches (dino-extract --tokens patch). Several files are used together.\n"
    "With --join, --subtract and --list, and to --calibrate it again, the operands are banks."};

/* One run of the tool. */
struct job {
    struct scoring scoring;
    struct device device;
    struct featset set, calibration; /* GOOD or QUERY; --calibrate */
    struct bank bank, faults;
    struct bank_classes classes; /* of the bank and the set that was opened last */
    struct progress progress;
};

static void show_step(void *arg, int64_t n_done)
{
    progress_step(arg, n_done);
}

/* ------------------------------------------------------------------ inputs */
static void read_bank(struct bank *b, const char *path)
{
    struct fmt_error e = {0};
    msg_check(bank_file_read(b, path, &e), &e);
}

/* The classes of the bank, where there is one yet, and of the set: the plan is of these two, and the bank gets those
 * that it does not have. */
static void settle_classes(struct job *j, const struct featset *set)
{
    struct fmt_error e = {0};
    struct bank *b = j->bank.n_photographs > 0 ? &j->bank : NULL;
    struct bank_classes *c = &j->classes;
    msg_check_of(set ? set->path : bank_path, bank_settle_classes(c, b, set ? &set->header : NULL, stated, &e), &e);
    if (b)
        msg_check(bank_take_classes(b, c, &e), &e);
    score_options.positive = c->name[c->i_positive];
    struct feat_header two = {.class_name = c->name, .n_classes = 2};
    msg_check(score_options_plan(&score_options, &two, (uint64_t)seed, &j->scoring.plan, &e), &e);
    j->scoring.plan.distances = true;
}

/* A bank of good parts holds no faults, and one of faults no good parts. */
static void check_role(const struct job *j, const struct bank *b, const char *path, enum bank_role role)
{
    struct fmt_error e = {0};
    char note[NOTE_BYTES];
    msg_check_of(path, bank_check_role(b, role, j->classes.positive, &e), &e);
    if (bank_role_note(b, role, j->classes.positive, note, sizeof note))
        msg_note("%s: %s", path, note);
}

/* bank, name: the features that the set is used with; NULL: it is the first one. */
static void open_set(struct job *j, struct featset *set, const char *role, const struct feat_header *bank,
                     const char *name, const char *const *path, int n)
{
    struct fmt_error e = {0};
    bool query = set == &j->set && bank;
    msg_check((query ? featset_open_query : featset_open_all)(set, path, n, memory_bytes / 2, &j->device, &e), &e);
    settle_classes(j, set);
    struct feat_header h = bank ? *bank : (struct feat_header){0};
    h.class_name = j->classes.name;
    h.n_classes = 2;
    msg_check(scoring_add_set(&j->scoring, set, role, bank ? &h : NULL, name, &e), &e);
}

/* ------------------------------------------------------------------ making a bank */
static bool is_wanted(const struct bank_classes *c, int32_t label)
{
    const char *name = label >= 0 ? c->name[label] : "";
    return class_name ? label >= 0 && strcmp(name, class_name) == 0 : label < 0 || strcmp(name, c->positive) != 0;
}

static bool is_of_faults(const struct job *j)
{
    return class_name && strcmp(class_name, j->classes.positive) == 0;
}

/* The photographs that the bank is made of. The set is the one whose classes were settled last. */
static struct rows wanted_rows(const struct job *j, const struct featset *set)
{
    struct fmt_error e = {0};
    struct rows wanted;
    int64_t n = 0, *pick = malloc((size_t)set->rows.n * sizeof *pick);
    if (!pick)
        msg_die("out of memory");
    for (int64_t i = 0; i < set->rows.n; i++)
        if (is_wanted(&j->classes, set->rows.label[i]))
            pick[n++] = i;
    if (n == 0)
        msg_die("%s: no photograph %s%s", set->path, class_name ? "of class " : "that is good",
                class_name ? class_name : "");
    msg_check(rows_select(&wanted, &set->rows, pick, n, &e), &e);
    free(pick);
    return wanted;
}

/* --against: tokens of good places do not belong into a bank of faults. */
static void pick_against(struct job *j, struct tokens *tokens)
{
    struct bank against;
    struct fmt_error e = {0};
    read_bank(&against, against_path);
    if (bank_check_features(&against, &j->set.header, score_options.allow_precision, &e))
        msg_die("%s: %s: %s", j->set.path, against_path, e.text);
    check_role(j, &against, against_path, BANK_OF_GOOD);
    msg_check_of(j->set.path, bank_farthest(tokens, &against, largest > 0 ? largest : against.largest, &j->device, &e),
                 &e);
    score_inputs_add(&j->scoring.inputs, "against", against_path, against.identity);
    bank_release(&against);
}

static void score_good(struct job *j, const struct rows *rows, const char *path)
{
    struct fmt_error e = {0};
    progress_begin(&j->progress, "scores", "photograph", "photographs", rows->n);
    msg_check_of(path, bank_calibrate(&j->bank, rows, faults_path ? &j->faults : NULL, &j->device, show_step,
                                      &j->progress, &e), &e);
    progress_end(&j->progress);
}

/* When the classes are settled. */
static void check_faults(const struct job *j)
{
    struct fmt_error e = {0};
    if (!faults_path)
        return;
    msg_check_of(faults_path, bank_check_classes(&j->faults, j->bank.features.class_name, j->bank.features.n_classes,
                                                 j->classes.positive, &e), &e);
    check_role(j, &j->faults, faults_path, BANK_OF_FAULTS);
    msg_check_of(faults_path, bank_check_apart(&j->bank, &j->faults, &e), &e);
}

/* Good photographs that are not in the bank. */
static void score_calibration(struct job *j)
{
    if (!calibrate_path)
        return;
    open_set(j, &j->calibration, "calibration", &j->bank.features, "the bank", &calibrate_path, 1);
    if (is_of_faults(j))
        msg_die("%s: --calibrate takes good photographs: class %s is the defect", calibrate_path, class_name);
    struct rows good = wanted_rows(j, &j->calibration);
    score_good(j, &good, calibrate_path);
    rows_release(&good);
}

static void open_faults(struct job *j)
{
    struct fmt_error e = {0};
    if (!faults_path)
        return;
    read_bank(&j->faults, faults_path);
    msg_check_of(faults_path, bank_check_features(&j->faults, &j->bank.features, score_options.allow_precision, &e),
                 &e);
    score_inputs_add(&j->scoring.inputs, "faults", faults_path, j->faults.identity);
}

static void save_bank(struct job *j, const char *how)
{
    struct fmt_error e = {0};
    struct provenance p;
    struct file_out f;
    char labels[BANK_LABELS_TEXT];
    provenance_init(&p, tool.name, DINOTOOLS_VERSION, provenance);
    provenance_text(&p, "how", how);
    if (size_text)
        provenance_text(&p, "vectors", size_text);
    if (class_name)
        provenance_text(&p, "class", class_name);
    if (*j->bank.positive)
        provenance_text(&p, "positive", j->bank.positive);
    provenance_text(&p, "photographs", bank_labels_text(&j->bank, labels));
    provenance_real(&p, "largest", j->bank.largest);
    provenance_flag(&p, "scores", !no_scores);
    for (int i = 0; i < j->scoring.inputs.n; i++)
        provenance_input(&p, j->scoring.inputs.item[i].role, j->scoring.inputs.item[i].identity);
    msg_check(file_create_binary(&f, output, &e), &e);
    struct fmt_writer io = file_writer(&f);
    msg_check(file_finish(&f, bank_write(&j->bank, &p, &io, &e), &e), &e);
    provenance_release(&p);
}

static void make(struct job *j, const char *const *path, int n)
{
    struct fmt_error e = {0};
    struct bank_made made;
    open_set(j, &j->set, "good", NULL, NULL, path, n);
    bool known = !class_name;
    for (int c = 0; !known && c < j->set.header.n_classes; c++)
        known = strcmp(j->set.header.class_name[c], class_name) == 0;
    if (!known)
        msg_die("%s: no class %s", j->set.path, class_name);
    struct rows rows = wanted_rows(j, &j->set);
    struct tokens tokens = {.rows = &rows, .n_tokens = j->set.header.n_tokens};
    if (against_path)
        pick_against(j, &tokens);
    int64_t size = bank_size_parse(size_text ? size_text : size_default, tokens_count(&tokens));
    progress_begin(&j->progress, "bank", "vector", "vectors", num_min(size, tokens_count(&tokens)));
    struct coreset_progress step = {show_step, &j->progress};
    msg_check_of(j->set.path, bank_make(&j->bank, &j->set.header, j->classes.positive, &tokens, size,
                                       &j->device, &step, &made, &e), &e);
    progress_end(&j->progress);
    j->bank.largest = largest > 0 ? largest : BANK_LARGEST;
    msg_note("%" PRId64 " of %s of %s; no token is farther than %.4g from them", j->bank.n_vectors,
             FMT_COUNT(made.n_tokens, "token", "tokens"),
             FMT_COUNT(j->bank.n_photographs, "photograph", "photographs"), made.radius);
    check_role(j, &j->bank, j->set.path, is_of_faults(j) ? BANK_OF_FAULTS : BANK_OF_GOOD);
    open_faults(j);
    check_faults(j);
    if (!no_scores)
        score_good(j, &rows, j->set.path);
    score_calibration(j);
    save_bank(j, "made");
    free((void *)tokens.pick);
    rows_release(&rows);
}

/* ------------------------------------------------------------------ banks from banks */
static void calibrate_again(struct job *j, const char *path)
{
    read_bank(&j->bank, path);
    bank_path = path;
    settle_classes(j, NULL);
    if (largest > 0)
        j->bank.largest = largest;
    score_inputs_add(&j->scoring.inputs, "bank", path, j->bank.identity);
    open_faults(j);
    score_calibration(j);
    check_role(j, &j->bank, path, BANK_OF_GOOD);
    check_faults(j);
    save_bank(j, "calibrated");
}

static void join_banks(struct job *j, const char *const *path, int n)
{
    struct fmt_error e = {0};
    struct bank *in = calloc((size_t)n, sizeof *in);
    if (!in)
        msg_die("out of memory");
    for (int k = 0; k < n; k++) {
        read_bank(&in[k], path[k]);
        msg_check_of(path[k], feat_compatible(&in->features, &in[k].features, false, &e), &e);
        score_inputs_add(&j->scoring.inputs, "bank", path[k], in[k].identity);
    }
    msg_check(bank_join(&j->bank, in, n, &e), &e);
    if (largest > 0)
        j->bank.largest = largest;
    msg_note("%s of %s; --calibrate gives scores again", FMT_COUNT(j->bank.n_vectors, "vector", "vectors"),
             FMT_COUNT(j->bank.n_photographs, "photograph", "photographs"));
    save_bank(j, "joined");
    for (int k = 0; k < n; k++)
        bank_release(&in[k]);
    free(in);
}

static void subtract(struct job *j, const char *path)
{
    struct fmt_error e = {0};
    struct name_list names = {.n = 0};
    struct bank other = {.n_photographs = 0};
    const char *missing;
    int64_t n_dropped, n_missing;
    read_bank(&j->bank, path);
    score_inputs_add(&j->scoring.inputs, "bank", path, j->bank.identity);
    if (bank_file_is(subtract_path)) {
        read_bank(&other, subtract_path);
        msg_check(name_list_take_bank(&names, &other, &e), &e);
    } else {
        msg_check(name_list_read(&names, subtract_path, &e), &e);
    }
    msg_check_of(path, bank_subtract(&j->bank, name_list_has, &names, &n_dropped, &e), &e);
    msg_note("%s removed; %s of %s are left", FMT_COUNT(n_dropped, "photograph", "photographs"),
             FMT_COUNT(j->bank.n_vectors, "vector", "vectors"),
             FMT_COUNT(j->bank.n_photographs, "photograph", "photographs"));
    n_missing = name_list_missing(&names, &missing);
    if (n_missing > 0)
        msg_warn("%s: %s no photograph of %s, the first: %s", subtract_path,
                 FMT_COUNT(n_missing, "name is of", "names are of"), path, missing);
    save_bank(j, "subtracted");
    name_list_release(&names);
    bank_release(&other);
}

static void print_line(const char *text)
{
    printf("%s\n", text);
}

static void list_bank(const char *path)
{
    struct file f;
    struct fmt_error e = {0};
    if (!bank_file_is(path))
        msg_die("%s: not a bank", path);
    msg_check(file_open(&f, path, &e), &e);
    msg_check_of(path, describe_records(&f, print_line, &e), &e);
    file_close(&f);
}

/* ------------------------------------------------------------------ scores */
static void score_query(struct job *j, struct bank_query *q)
{
    struct fmt_error e = {0};
    struct bank_scoring scoring = {&j->bank, faults_path ? &j->faults : NULL, &j->device, show_step, &j->progress};
    if (j->set.rows.n == 0)
        msg_note("%s: no rows: nothing to score", j->set.path);
    progress_begin(&j->progress, "scores", "photograph", "photographs", j->set.rows.n);
    msg_check_of(j->set.path, bank_query_score(q, &scoring, &j->set.header, &j->set.rows, j->scoring.plan.positive, &e),
                 &e);
    progress_end(&j->progress);
}

static void write_predictions(const struct job *j, const struct bank_query *q)
{
    struct fmt_error e = {0};
    struct predictions p;
    struct predictions_head head = {.tool = tool.name, .of = "query", .plan = &j->scoring.plan,
                                    .inputs = &j->scoring.inputs, .json = json};
    msg_check(predictions_create(&p, output, &head, &e), &e);
    for (int64_t i = 0; i < q->photographs.n; i++)
        msg_check(predictions_add(&p, &q->photographs, i, 0, NULL, &e), &e);
    msg_check(predictions_commit(&p, &e), &e);
}

/* ------------------------------------------------------------------ reports */
static void report_threshold(struct job *j, const struct bank_query *q)
{
    struct fmt_error e = {0};
    struct promise promise;
    struct bank_threshold t;
    const struct bank *faults = faults_path ? &j->faults : NULL;
    int64_t n_alone = bank_good_without_group(&j->bank);
    msg_check(promise_parse(&promise, PROMISE_ALARMS, alarms_text, &e), &e);
    msg_check_of(bank_path, bank_threshold_choose(&t, &j->bank, faults, &j->scoring.plan, &promise, &e), &e);
    if (n_alone > 0)
        msg_warn("%s: %s without a group, each of which counts as an installation", bank_path,
                 FMT_COUNT(n_alone, "good photograph", "good photographs"));
    struct report_node report = scoring_report(&j->scoring, "threshold");
    score_inputs_report(&report, &j->scoring.inputs);
    msg_check(bank_threshold_report(&report, &t, &q->photographs, &j->scoring.plan, &e), &e);
    msg_check(scoring_print(&j->scoring, &report, &e), &e);
}

static void report_scores(struct job *j, const struct bank_query *q)
{
    struct fmt_error e = {0};
    struct scores_list scores;
    struct report_node report = scoring_report(&j->scoring, "scores");
    msg_check_of(j->set.path, scores_run(&j->scoring.plan, &q->photographs, NULL, j->device.pool, &scores, &e), &e);
    score_inputs_report(&report, &j->scoring.inputs);
    report_count(&report, "vectors", j->bank.n_vectors);
    report_number(&report, "largest", j->bank.largest);
    report_note(&report, "%s of %s%s; a score is the mean of the largest %g %% of the distances",
                FMT_COUNT(j->bank.n_vectors, "vector", "vectors"),
                FMT_COUNT(j->bank.n_photographs, "photograph", "photographs"),
                faults_path ? ", less those from known faults" : "", 100 * j->bank.largest);
    scores_report(&report, &j->scoring.plan, &scores);
    report_add(&report, REPORT_BREAK, NULL);
    msg_check(scoring_print(&j->scoring, &report, &e), &e);
    scores_release(&scores);
}

/* ------------------------------------------------------------------ maps */
static void make_maps(struct job *j, const struct bank_query *q)
{
    struct fmt_error e = {0};
    struct bank_maps m = {.photographs = photographs_path, .folder = maps_path, .masks = masks_path,
                          .header = &j->set.header, .rows = &q->rows, .distance = q->distance,
                          .positive = j->scoring.plan.positive, .bootstrap = j->scoring.plan.bootstrap,
                          .step = show_step, .arg = &j->progress};
    double scale[2];
    if (scale_text && bank_scale_parse(scale_text, scale)) {
        m.low = scale[0];
        m.high = scale[1];
    }
    progress_begin(&j->progress, "maps", "photograph", "photographs", q->rows.n);
    msg_check(bank_maps_run(&m, j->device.pool, &e), &e);
    progress_end(&j->progress);
    if (maps_path) {
        struct report_node report = scoring_report(&j->scoring, "maps");
        bank_maps_report(&report, &m);
        msg_check(scoring_print(&j->scoring, &report, &e), &e);
    }
    if (masks_path) {
        struct report_node report = scoring_report(&j->scoring, "pixels");
        bank_pixels_report(&report, &m);
        msg_check(scoring_print(&j->scoring, &report, &e), &e);
    }
    pixel_scores_close(&m.pixels);
}

static void score(struct job *j, const char *const *path, int n)
{
    struct fmt_error e = {0};
    read_bank(&j->bank, bank_path);
    if (largest > 0)
        j->bank.largest = largest;
    score_inputs_add(&j->scoring.inputs, "bank", bank_path, j->bank.identity);
    score_inputs_add(&j->scoring.inputs, "weights", NULL, j->bank.features.weights);
    open_faults(j);
    for (int64_t i = 0; calibrate_path && i < j->bank.n_photographs; i++)
        j->bank.photograph[i].score = NAN;
    score_calibration(j); /* before QUERY, whose labels are numbered by the classes of all */
    open_set(j, &j->set, "query", &j->bank.features, bank_path, path, n);
    check_role(j, &j->bank, bank_path, BANK_OF_GOOD);
    check_faults(j);
    msg_check(scoring_open(&j->scoring, &e), &e);
    msg_check(scoring_head(&j->scoring, &e), &e);
    struct rows *sets[] = {&j->set.rows};
    msg_check(groups_number(sets, 1, &e), &e);
    struct bank_query q;
    score_query(j, &q);
    if (alarms_text)
        report_threshold(j, &q);
    if (rows_n_labelled(&q.rows) > 0)
        report_scores(j, &q);
    if (maps_path || masks_path)
        make_maps(j, &q);
    if (output)
        write_predictions(j, &q);
    msg_check(scoring_save(&j->scoring, report_path, &e), &e);
    bank_query_release(&q);
}

/* ------------------------------------------------------------------ main */
static void name_unused(void)
{
    static const void *const of_scoring[] = {&alarms_text, &photographs_path, &scale_text, &score_options.group_score,
                                             &score_options.n_resamples, &score_options.level, &report_path, &json,
                                             &seed, NULL};
    static const void *const of_making[] = {&size_text, &against_path, &no_scores, NULL};
    static const void *const of_features[] = {&class_name, &calibrate_path, &faults_path, &score_options.positive,
                                              &score_options.allow_precision, &memory_bytes, NULL};
    static const void *const of_scores[] = {&largest, NULL}, *const of_output[] = {&output, &provenance, NULL};
    if (!bank_path)
        opt_unused(&tool, of_scoring, "it goes with --score");
    if (bank_path || join || list || subtract_path)
        opt_unused(&tool, of_making, "it is for a bank that is made from features");
    if (join || list || subtract_path)
        opt_unused(&tool, of_features, "photographs are neither taken in nor scored");
    if (list || subtract_path)
        opt_unused(&tool, of_scores, "no score is computed");
    if (list)
        opt_unused(&tool, of_output, "--list writes no bank");
}

static void check_usage(int n_operands)
{
    struct fmt_error e = {0};
    struct promise promise;
    double scale[2];
    int n_modes = (bank_path != NULL) + join + list + (subtract_path != NULL);
    if (n_modes > 1)
        msg_usage("--score, --join, --subtract and --list exclude each other");
    if (n_operands < 1)
        msg_usage(bank_path ? "QUERY is missing" : n_modes ? "BANK is missing" : "GOOD is missing");
    if (!output && !bank_path && !list)
        msg_usage("-o FILE is missing: the bank that is written");
    if (subtract_path && n_operands > 1)
        msg_usage("--subtract: one BANK, not %d", n_operands);
    if ((maps_path || masks_path) && (!bank_path || !photographs_path))
        msg_usage("--%s needs --score and --photographs", maps_path ? "maps" : "masks");
    if (scale_text && !bank_scale_parse(scale_text, scale))
        msg_usage("--scale %s: two numbers, LOW,HIGH, the first one lower", scale_text);
    if (alarms_text && promise_parse(&promise, PROMISE_ALARMS, alarms_text, &e))
        msg_usage("--alarms %s", e.text);
    if (score_options_parse(&score_options, &e))
        msg_usage("%s", e.text);
    if (output && bank_path && file_is_same(output, report_path))
        msg_usage("-o and --report both write to %s", file_output_name(output));
    if (size_text && !bank_size_parse(size_text, 1))
        msg_usage("--vectors %s: a number of vectors, or a share as 0.1 or 10%%", size_text);
    name_unused();
}

static void close_job(struct job *j)
{
    featset_close(&j->set);
    featset_close(&j->calibration);
    bank_release(&j->bank);
    bank_release(&j->faults);
    device_close(&j->device);
}

int main(int argc, char **argv)
{
    int first = opt_parse(&tool, argc, argv), n = argc - first;
    const char *const *path = (const char *const *)argv + first;
    struct fmt_error e = {0};
    struct job j = {.scoring = {.tool = tool.name, .options = &score_options, .note = msg_note, .warn = msg_warn,
                                .print = report_printer_of(json ? "json" : "text")}};
    file_on_signal();
    input_guard_enable();
    check_usage(n);
    stated = score_options.positive;
    msg_check(file_check_output(output, !bank_path, &e), &e);
    if (device_open(&j.device, device_name, (int)n_jobs, msg_warn, &e))
        opt_fail(&e);
    if (bank_path)
        score(&j, path, n);
    else if (join)
        join_banks(&j, path, n);
    else if (subtract_path)
        subtract(&j, path[0]);
    else if (list)
        for (int i = 0; i < n; i++)
            list_bank(path[i]);
    else if (n == 1 && bank_file_is(path[0]))
        calibrate_again(&j, path[0]);
    else
        make(&j, path, n);
    close_job(&j);
    return msg_finish(EXIT_DONE);
}
