/* feat-report - a page for people: verdicts, curves, pictures of what went wrong; a training run; maps of features. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "device.h"
#include "file.h"
#include "identity-search.h"
#include "input-guard.h"
#include "inspection.h"
#include "msg.h"
#include "names.h"
#include "num.h"
#include "opt.h"
#include "origin.h"
#include "page.h"
#include "pca-page.h"
#include "report-points.h"
#include "rootpath.h"
#include "run-page.h"
#include "score-options.h"
#include "verdict-options.h"
#include "weights.h"

static const char *output = "-", *title, *catalogue, *photographs, *maps, *positive, *scores, *run,
    *pca, *thresholds, *group_score, *device_name = "auto";
static struct verdict_options promised; /* the promises alone */
static struct opt_list features, search_folders;
static int64_t n_shown = 12, n_views, n_resamples = 1000, n_jobs, seed, k, size = 8 << 20;
static double level = 0.95;

static const struct opt options[] = {
    OPT_PATH('o', "output", &output, "FILE", "write the page to FILE [-]"),
    OPT_STRING(0, "title", &title, "TEXT", "its title [from the file]"),
    OPT_PATH('c', "catalogue", &catalogue, "FILE", "labels, further keys and pictures from this catalogue"),
    OPT_PATH(0, "photographs", &photographs, "DIR", "the pictures are in DIR [where the catalogue says]"),
    OPT_PATH(0, "maps", &maps, "DIR", "heat maps, as feat-bank --maps writes them"),
    OPT_LIST('f', "features", &features, "FILE", "nearest labelled photographs by these features; may be given again"),
    VERDICT_OPTIONS_THRESHOLDS(&thresholds, " [as --scores says; else 0.5, of distances none]"),
    VERDICT_OPTIONS_VIEWS(&n_views, "[0]"),
    OPT_STRING(0, "group-score", &group_score, "max|mean|mean-of-K",
               "score of an installation [max, or as --scores says]"),
    OPT_STRING(0, "missed", &promised.missed, "SHARE[,SURE]",
               "was this promise kept? of the defects at most SHARE pass [as the verdicts or --scores say]"),
    OPT_STRING(0, "alarms", &promised.alarms, "SHARE[,SURE]",
               "the same of the good that fail [as the verdicts or --scores say]"),
    OPT_PATH('s', "scores", &scores, "FILE",
             "thresholds, promises of a report of feat-logreg, feat-knn, feat-verdict, feat-bank"),
    OPT_STRING(0, "positive", &positive, "CLASS", "the defect [as the predictions say; of a catalogue the second]"),
    SCORE_OPTIONS_NEIGHBOURS(&k),
    OPT_COUNT('n', "show", &n_shown, 0, 1000, "N", "installations to look at, of each kind [12]"),
    OPT_SIZE(0, "picture-bytes", &size, 0, 1e12, "SIZE", "pictures take at most SIZE bytes of the page [8M]"),
    SCORE_OPTIONS_RESAMPLES(&n_resamples),
    SCORE_OPTIONS_LEVEL(&level),
    OPT_PATH(0, "run", &run, "DIR", "instead: a training run, from the folder that dino-train writes to"),
    OPT_PATH(0, "pca", &pca, "FILE", "instead: the main components of patch features, as pictures"),
    OPT_LIST(0, "in", &search_folders, "DIR", "look below DIR for origins, too [the current folder, FILE's folder]"),
    OPT_SEED(&seed),
    OPT_JOBS(&n_jobs),
    OPT_DEVICE(&device_name),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {
    "feat-report", "FILE... | --run DIR | --pca FILE",
    "Write a page for people: verdicts, curves, what went wrong in pictures; a training run; maps.", options,
    "FILE holds predictions in JSON lines (feat-knn, feat-logreg, feat-bank) or verdicts\n"
    "(bbu-inspect, feat-verdict); of each kind one. The page is one HTML file that needs no other."};

/* ------------------------------------------------------------------ what is read */
struct inputs {
    struct cases cases;
    struct index index;
    struct names keys; /* of the catalogue */
    char *root;
    struct pictures pictures;
    struct neighbours neighbours;
    struct device device;
    struct identity_search files;
};

static const char *key_of(const void *index, int64_t i)
{
    return ((const struct index *)index)->entry[i].labels.key;
}

static void read_catalogue(struct inputs *in)
{
    struct fmt_error e = {0};
    struct file f;
    if (!catalogue)
        return;
    msg_check(file_open(&f, catalogue, &e), &e);
    struct fmt_reader io = file_reader(&f);
    msg_check_of(catalogue, index_read(&in->index, &io, &e), &e);
    file_close(&f);
    msg_check(rootpath_find(in->index.root, catalogue, &in->root, &e), &e);
    msg_check(names_open(&in->keys, in->index.n_entries, key_of, &in->index, &e), &e);
    in->pictures.index = &in->index;
    in->pictures.keys = &in->keys;
    in->pictures.root = in->root;
}

static void search_in(struct inputs *in, const char *folder, bool by_user)
{
    struct fmt_error e = {0};
    if (identity_search_add(&in->files, folder, &e) && (by_user || e.status == FMT_MEMORY))
        msg_die("%s", e.text);
}

_Static_assert((int)WEIGHTS_HASHES == (int)IDENTITY_SEARCH_HASHES, "two lists of the same hashes");

static void put_origin(struct inputs *in, struct page *page, const char *path)
{
    char *folder = file_directory(path);
    if (!folder)
        msg_die("out of memory");
    in->files.weights_hash = weights_file_hashes;
    input_guard_pause(true); /* an older page may be among the files of these folders */
    search_in(in, folder, false);
    search_in(in, ".", false);
    for (int i = 0; i < search_folders.n; i++)
        search_in(in, search_folders.item[i], true);
    input_guard_pause(false);
    origin_section(page, &in->files, path);
    identity_search_release(&in->files);
    free(folder);
}

static void release(struct inputs *in)
{
    neighbours_close(&in->neighbours);
    pictures_release(&in->pictures);
    cases_release(&in->cases);
    index_release(&in->index);
    names_close(&in->keys);
    free(in->root);
    device_close(&in->device);
}

/* ------------------------------------------------------------------ the page */
static void write_page(struct page *page)
{
    struct fmt_error e = {0};
    char *text;
    size_t bytes;
    msg_check(page_close(page, &text, &bytes, &e), &e);
    msg_check(file_save(output, text, bytes, &e), &e);
    free(text);
}

static const char *title_of(const char *what, const char *path)
{
    static char text[600];
    snprintf(text, sizeof text, "%s: %.500s", what, strcmp(path, "-") == 0 ? "standard input" : path);
    return title ? title : text;
}

static struct verdict_rule rule_of_options(void)
{
    struct verdict_rule r = {.how = RULE_MEAN_OF, .n_views = (int)n_views, .pass_below = 0.5, .fail_from = 0.5};
    struct fmt_error e = {0};
    if (!mean_of_parse(group_score ? group_score : "max", &r.k))
        msg_usage("--group-score %s: expected max, mean, or mean-of-2 or another number", group_score);
    if (thresholds && verdict_options_thresholds(thresholds, &r, &e))
        msg_usage("%s", e.text);
    return r;
}

/* That of a memory bank is one of installations: of their largest or of their mean score. */
static void take_bank_threshold(struct inspection *in, const struct report_points *r)
{
    struct verdict_rule *rule = &in->rule;
    if (group_score && (rule->k != (r->of_mean ? MEAN_OF_ALL : 1)))
        msg_die("%s: a threshold for --group-score %s, not %s", r->path, r->of_mean ? "mean" : "max", group_score);
    if (!report_points_same_banks(r, &in->cases->origins))
        msg_die("%s: a threshold of another memory bank than that of %s", r->path, in->cases->path[0]);
    rule->k = r->of_mean ? MEAN_OF_ALL : 1;
    rule->pass_below = rule->fail_from = r->threshold;
    in->thresholds_given = true;
}

/* Those that the verdicts were given by, unless options say others; then that of a bank. Without any, distances are all
 * in review. */
static void take_thresholds(struct inspection *in, const struct report_points *r)
{
    const double *t = in->cases->thresholds;
    if (in->thresholds_given)
        return;
    if (!in->cases->judged && !in->cases->probabilities && r->has_threshold) {
        take_bank_threshold(in, r);
    } else if (t[0] <= t[1]) {
        in->rule.pass_below = t[0];
        in->rule.fail_from = t[1];
        in->thresholds_given = true;
    } else if (!in->cases->probabilities) { /* the middle of what? */
        in->rule.pass_below = -INFINITY;
        in->rule.fail_from = INFINITY;
    }
}

/* The thresholds of the rule, and those of a report of scores; the promises of that report, and of the judge. */
static void add_points(struct inspection *in, const struct report_points *of_scores)
{
    struct fmt_error e = {0};
    const struct verdict_rule *r = &in->rule;
    bool grouped = false;
    for (int64_t g = 0; g < in->cases->n_installations; g++)
        grouped = grouped || in->cases->installation[g].n > 1;
    if (isfinite(r->pass_below) && (!in->cases->judged || in->thresholds_given)) {
        struct inspection_point *p = &in->point[in->n_points++];
        *p = (struct inspection_point){.threshold = r->fail_from, .installations = grouped};
        snprintf(p->name, sizeof p->name, r->pass_below < r->fail_from ? "fail from" : "pass below, fail from");
        if (r->pass_below < r->fail_from) {
            p = &in->point[in->n_points++];
            *p = (struct inspection_point){"pass below", r->pass_below, grouped};
        }
    }
    if (scores)
        msg_check(report_points_take(of_scores, in, grouped, &e), &e);
    for (int i = 0; i < in->cases->n_promises; i++)
        inspection_promise(in, &in->cases->promise[i]);
}

/* Of several promises of a kind that of the options counts. */
static void add_promises(struct inspection *in)
{
    struct fmt_error e = {0};
    struct promise promise[PROMISE_KINDS];
    int n;
    if (verdict_options_promises(&promised, promise, &n, &e))
        msg_usage("%s", e.text);
    for (int i = 0; i < n; i++) {
        struct promise_outcome p = promise_outcome_unseen(&promise[i]);
        inspection_promise(in, &p);
    }
}

static void read_features(struct inputs *in, struct inspection *of)
{
    struct fmt_error e = {0};
    if (features.n == 0)
        return;
    msg_check(neighbours_open(&in->neighbours, features.item, features.n, (int64_t)1 << 30, &in->device, &e), &e);
    of->neighbours = &in->neighbours;
}

static void report_inspection(char **path, int n_paths)
{
    struct inputs in = {.pictures = {.folder = photographs, .maps = maps, .bytes_max = size}};
    struct inspection report = {.cases = &in.cases, .pictures = &in.pictures, .n_shown_max = (int)n_shown,
                                .bootstrap = {(int)n_resamples, level, (uint64_t)seed}, .rule = rule_of_options(),
                                .thresholds_given = thresholds != NULL};
    struct report_points points = {.data = NULL};
    struct fmt_error e = {0};
    struct page page;
    cases_init(&in.cases, positive);
    add_promises(&report);
    if (device_open(&in.device, device_name, (int)n_jobs, msg_warn, &e))
        opt_fail(&e);
    report.pool = in.device.pool;
    for (int i = 0; i < n_paths; i++)
        msg_check(cases_read(&in.cases, path[i], (int)k, &e), &e);
    if (scores)
        msg_check(report_points_open(&points, scores, &e), &e);
    take_thresholds(&report, &points);
    read_catalogue(&in);
    if (catalogue && cases_catalogue(&in.cases, &in.index, &in.keys, &e))
        msg_die("%s: %s", catalogue, e.text);
    msg_check(cases_finish(&in.cases, &report.rule, &e), &e);
    add_points(&report, &points);
    report_points_close(&points);
    read_features(&in, &report);
    msg_check(inspection_open(&report, &e), &e);
    msg_check(page_open(&page, title_of("Inspection", path[0]),
                        "Verdicts on inspected photographs, with scores and pictures.", &e), &e);
    msg_check(inspection_write(&report, &page, &e), &e);
    put_origin(&in, &page, path[0]);
    write_page(&page);
    if (in.pictures.n_failed)
        msg_warn("%s could not be shown, the first: %s", FMT_COUNT(in.pictures.n_failed, "picture", "pictures"),
                 in.pictures.first_failure);
    inspection_close(&report);
    release(&in);
}

static void report_run(void)
{
    struct fmt_error e = {0};
    struct page page;
    msg_check(page_open(&page, title_of("Training run", run),
                        "Losses, rates, signs of collapse and scores of a training run.", &e), &e);
    msg_check(run_page(&page, run, &e), &e);
    write_page(&page);
}

static void report_pca(void)
{
    struct inputs in = {.pictures = {.folder = photographs, .bytes_max = size}};
    struct fmt_error e = {0};
    struct page page;
    read_catalogue(&in);
    msg_check(page_open(&page, title_of("Components of patch features", pca),
                        "The main components of patch features, as pictures.", &e), &e);
    struct pca_page what = {.path = pca, .n_shown_max = n_shown, .pictures = &in.pictures};
    msg_check(pca_page(&page, &what, &e), &e);
    put_origin(&in, &page, pca);
    write_page(&page);
    release(&in);
}

/* ------------------------------------------------------------------ usage */
static void note_unused(void)
{
    static const void *const of_inspection[] = {
        &features, &maps, &thresholds, &n_views, &promised.missed, &promised.alarms, &scores, &positive,
        &k, &n_resamples, &level, &seed, &group_score, &n_jobs, &device_name, NULL};
    static const void *const of_pictures[] = {&catalogue, &photographs, &n_shown, &size, &search_folders, NULL};
    if (run || pca)
        opt_unused(&tool, of_inspection, "it is for predictions");
    if (run)
        opt_unused(&tool, of_pictures, "it is for photographs");
}

static void check_names(const char *option, const struct opt_list *list)
{
    for (int i = 0; i < list->n; i++)
        if (!list->item[i][0])
            msg_usage("--%s: the name is empty", option);
}

int main(int argc, char **argv)
{
    int first = opt_parse(&tool, argc, argv);
    struct fmt_error e = {0};
    check_names("features", &features);
    check_names("in", &search_folders);
    if ((run != NULL) + (pca != NULL) + (first < argc) != 1)
        msg_usage("give predictions, or verdicts, or --run, or --pca");
    file_on_signal();
    input_guard_enable();
    msg_check(file_check_output(output, false, &e), &e);
    note_unused();
    if (run)
        report_run();
    else if (pca)
        report_pca();
    else
        report_inspection(argv + first, argc - first);
    return msg_finish(EXIT_DONE);
}
