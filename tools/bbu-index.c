/* bbu-index - walks folders of photographs, decodes every file, writes the catalogue. Bad data stops here. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset-catalogue.h"
#include "dataset-readings.h"
#include "dataset.h"
#include "file.h"
#include "group-pattern.h"
#include "index.h"
#include "input-guard.h"
#include "job-part.h"
#include "jpeg.h"
#include "json-report.h"
#include "progress.h"
#include "msg.h"
#include "opt.h"
#include "rootpath.h"
#include "text.h"
#include "version.h"

static const char *output = "-", *layout_name = "auto", *labels, *class_order, *positive, *division, *part_option;
static const char *pattern_text;
static struct group_pattern pattern;
static struct part part;
static struct dataset_shares shares;
static const char *truncated = "refuse";
static bool null_ended, ticket, replace_splits, join, keep_going, as_stored, json, provenance = true;
static int64_t n_jobs, seed, bits, pixels_max = IMAGE_PIXELS_MAX;

static const struct opt options[] = {
    OPT_PATH('o', "output", &output, "FILE", "write the catalogue to FILE [-]"),
    OPT_CHOICE(0, "layout", &layout_name, "auto|annotations|classes|folder", "what the folders mean [auto]"),
    OPT_PATH(0, "labels", &labels, "FILE", "labels, groups, views, splits of photographs: a table, CSV or TSV"),
    OPT_STRING(0, "group-pattern", &pattern_text, "PATTERN",
               "how names give the group and the view: '{group}-{view}' [folders are groups]"),
    OPT_STRING(0, "classes", &class_order, "NAMES",
               "order of the classes: good,bad; the second of two is positive [as found]"),
    OPT_STRING(0, "positive", &positive, "CLASS",
               "of two classes, the one to be found: it becomes the second [the second]"),
    OPT_FLAG(0, "ticket", &ticket, "a group is a name within a label: photographed again after repair"),
    OPT_STRING(0, "divide", &division, "T,V,T", "make splits: shares of train, val and test, 70,15,15"),
    OPT_FLAG(0, "replace-splits", &replace_splits, "with --divide: whatever splits there are"),
    OPT_SEED(&seed),
    OPT_FLAG('0', "null", &null_ended, "names on standard input end with a zero byte"),
    OPT_STRING(0, "part", &part_option, "I/N",
               "decode part I of N of the images, write what was found; slurm: of this task of an array [all]"),
    OPT_FLAG(0, "join", &join, "take what was found from the files of all parts, decode nothing"),
    OPT_FLAG('k', "keep-going", &keep_going, "leave out the images at fault; exit 3"),
    OPT_FLAG(0, "as-stored", &as_stored, "sizes of the pixels as stored: no EXIF orientation"),
    OPT_BITS(&bits),
    OPT_TRUNCATED(&truncated),
    OPT_SIZE(0, "max-pixels", &pixels_max, 1, 4294836225.0, "N", "largest image [256M]"),
    OPT_JOBS(&n_jobs),
    OPT_JSON(&json),
    OPT_NO_PROVENANCE(&provenance),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {
    "bbu-index", "DATASET [READINGS...] -o FILE", "Look through a folder of photographs and write its catalogue.",
    options,
    "DATASET is a folder, or - for names on standard input. READINGS are the files that\n"
    "--part wrote, for --join."};

static enum dataset_layout layout_of(const char *name)
{
    static const char *const names[] = {"auto", "annotations", "classes", "folder"};
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum dataset_layout)i;
    msg_bug("layout");
}

static void order_classes(struct dataset *d)
{
    struct fmt_error e = {0};
    char known[512] = "";
    if (d->n_classes == 0 && !labels)
        msg_die("--classes: the dataset has no classes (names and plain folders have none; --labels gives them)");
    if (dataset_order_classes(d, class_order, &e) == 0)
        return;
    for (int i = 0; i < d->n_classes && strlen(known) < 400; i++)
        snprintf(known + strlen(known), 100, "%s\"%.80s\"", i ? ", " : "; there are ", d->class_name[i]);
    msg_die("--classes: %s%s", e.text, known);
}

static void choose_positive(struct dataset *d)
{
    struct fmt_error e = {0};
    char known[600] = "";
    if (!dataset_set_positive(d, positive, &e))
        return;
    if (d->n_classes == 0)
        msg_die("--positive %s: no photograph has a label; a table gives them in a column label (or gt_label, class)",
                positive);
    for (int64_t i = 0; i < d->n_findings; i++) /* why there are too many classes: spellings of one */
        if (d->finding[i].kind == DATASET_BAD_LABEL)
            msg_error("%s: %s", d->finding[i].thing, d->finding[i].reason);
    for (int i = 0; i < d->n_classes && strlen(known) < 400; i++)
        snprintf(known + strlen(known), 100, "%s\"%.80s\"", i ? ", " : d->n_classes == 2 ? "; there are " : ": ",
                 d->class_name[i]);
    msg_die("--positive %s: %s%s%s", positive, e.text, known,
            d->n_classes == 2 ? "" : "; --classes says which there are, and lets wrong labels be named");
}

/* Splits of folders and lists, in the way of --divide. */
static void drop_splits(struct dataset *d)
{
    for (int64_t i = 0; i < d->n_images; i++) {
        struct dataset_image *im = &d->image[i];
        if (*im->split && !replace_splits)
            msg_die("--divide: the dataset has splits: %.250s is in %s (--replace-splits divides anew)", im->path,
                    im->split);
        im->split = "";
    }
}

static void find(struct dataset *d, const char *root)
{
    struct fmt_error e = {0};
    bool names = strcmp(root, "-") == 0;
    int status = dataset_init(d, names ? "" : root, &e);
    d->pattern = pattern_text ? &pattern : NULL;
    if (status == 0)
        status = names ? dataset_find_names(d, null_ended ? 0 : '\n', &e)
                       : dataset_find(d, layout_of(layout_name), &e);
    msg_check(status, &e);
    if (d->pattern && d->has_lists)
        msg_die("--group-pattern: the lists of the dataset say the groups (--layout folder takes no lists)");
    if (class_order)
        order_classes(d);
    if (labels && dataset_take_labels(d, labels, &e))
        msg_die("%s", e.text);
    if (class_order && dataset_note_empty_classes(d, &e))
        msg_die("%s", e.text);
    if (positive)
        choose_positive(d);
    bool unsaid = !names && strcmp(layout_name, "auto") == 0;
    if ((unsaid && dataset_note_split_folders(d, division != NULL, &e)) || dataset_note_groups(d, division != NULL, &e))
        msg_die("%s", e.text);
    if (division)
        drop_splits(d);
    if (ticket && dataset_group_by_label(d, &e))
        msg_die("%s", e.text);
}

static void show_progress(void *progress, int64_t n_done)
{
    progress_step(progress, n_done);
}

static bool fills(void)
{
    return strcmp(truncated, "fill") == 0;
}

static void decode(struct dataset *d, struct dataset_result *result)
{
    struct fmt_error e = {0};
    struct progress progress;
    struct dataset_reading how = {pixels_max, as_stored, (int)bits, fills(), show_progress, &progress};
    int64_t first = part_first(part, d->n_images), n = part_end(part, d->n_images) - first;
    struct thread_pool *pool = thread_open((int)n_jobs, &e);
    if (!pool)
        msg_die("%s", e.text);
    progress_begin(&progress, "decode", "image", "images", n);
    dataset_read(d, first, first + n, pool, &how, result);
    progress_step(&progress, n);
    progress_end(&progress);
    thread_close(pool);
}

static struct dataset_job job_of(void)
{
    return (struct dataset_job){DINOTOOLS_VERSION, provenance, as_stored, pixels_max, (int)bits, fills()};
}

/* What the images of the part are, for the join. */
static void write_part(const struct dataset *d, const struct dataset_result *result)
{
    struct fmt_error e = {0};
    struct file_out f;
    struct dataset_job job = job_of();
    msg_check(file_create_binary(&f, output, &e), &e);
    struct fmt_writer io = file_writer(&f);
    msg_check(file_finish(&f, dataset_readings_write(d, &job, part, result, &io, &e), &e), &e);
}

/* The images are decoded here, or were by the parts. */
static void read_images(struct dataset *d, const char *const *readings, int n_readings)
{
    struct fmt_error e = {0};
    struct dataset_job job = job_of();
    struct dataset_result *result = calloc((size_t)d->n_images + 1, sizeof *result);
    if (!result)
        msg_die("out of memory");
    if (!join)
        decode(d, result);
    else if (dataset_readings_join(d, &job, readings, n_readings, result, &e))
        msg_die("%s", e.text);
    if (part.n > 0)
        write_part(d, result);
    msg_check(dataset_note_results(d, result, &e), &e);
    free(result);
}

/* ---------------------------------------------------------------- reports */

enum { SHOWN_OF_A_KIND = 20 }; /* thousands of lines would hide what else there is; -v and --json tell all */

static void print_finding(const struct dataset_finding *f, int64_t n_before)
{
    if (n_before == SHOWN_OF_A_KIND && msg_level < 1)
        msg_warn("... further ones, \"%s\", are only counted (-v shows them)", dataset_finding_key(f->kind));
    if (n_before >= SHOWN_OF_A_KIND && msg_level < 1)
        return;
    if (dataset_finding_is_error(f->kind))
        msg_error("%s: %s", f->thing, f->reason);
    else
        msg_warn("%s: %s", f->thing, f->reason);
}

static void report_finding(const struct dataset_finding *f)
{
    bool error = dataset_finding_is_error(f->kind);
    if (!json)
        return;
    struct cJSON *o = json_report_begin("finding");
    json_report_text(o, "level", error ? "error" : "warning");
    json_report_text(o, "kind", dataset_finding_key(f->kind));
    json_report_text(o, "thing", f->thing);
    json_report_text(o, "reason", f->reason);
    if (f->n > 1)
        json_report_int(o, "count", f->n);
    if (json_report_end(o))
        msg_die("out of memory");
}

/* The findings from the first one on. Returns how many are errors. */
static int64_t report_findings(const struct dataset *d, int64_t first)
{
    int64_t n_of_kind[DATASET_FINDING_KINDS] = {0}, n_errors = 0;
    for (int64_t i = first; i < d->n_findings; i++) {
        const struct dataset_finding *f = &d->finding[i];
        print_finding(f, n_of_kind[f->kind]++);
        report_finding(f);
        n_errors += dataset_finding_is_error(f->kind);
    }
    return n_errors;
}

/* "3 errors: 1 missing, 2 groups in two splits" */
static void print_counts(const struct dataset *d, bool errors)
{
    char text[1024] = "";
    int64_t n = dataset_count(d, errors);
    for (int k = 0; k < DATASET_FINDING_KINDS; k++) {
        size_t used = strlen(text);
        if (d->n_of_kind[k] && dataset_finding_is_error((enum dataset_finding_kind)k) == errors)
            snprintf(text + used, sizeof text - used, "%s%" PRId64 " %s", used ? ", " : "", d->n_of_kind[k],
                     dataset_finding_counted((enum dataset_finding_kind)k, d->n_of_kind[k]));
    }
    void (*print)(const char *, ...) = errors ? msg_error : msg_note;
    if (n)
        print("%s: %s", errors ? FMT_COUNT(n, "error", "errors") : FMT_COUNT(n, "warning", "warnings"), text);
}

struct totals {
    int64_t n_images, n_left_out, n_groups, n_unlabelled, of_split[4]; /* train, val, test, none */
    int64_t n_filled; /* JPEG files that are cut short; and the least share of rows that came */
    int least_percent;
    int64_t *of_class, (*of_both)[4]; /* [n_classes]; of the splits of each class */
};

static int split_number(const char *split)
{
    for (int s = 0; s < 3; s++)
        if (strcmp(split, dataset_splits[s]) == 0)
            return s;
    return 3;
}

static struct totals count(const struct dataset *d)
{
    struct totals t = {.of_class = calloc((size_t)d->n_classes + 1, sizeof *t.of_class),
                       .of_both = calloc((size_t)d->n_classes + 1, sizeof *t.of_both),
                       .least_percent = 100};
    const char **group = calloc((size_t)d->n_images + 1, sizeof *group);
    int64_t n_in_groups = 0;
    if (!t.of_class || !t.of_both || !group)
        msg_die("out of memory");
    for (int64_t i = 0; i < d->n_images; i++) {
        const struct dataset_image *im = &d->image[i];
        if (!dataset_usable(im)) {
            t.n_left_out += !im->duplicate;
            continue;
        }
        t.n_images++;
        t.of_split[split_number(im->split)]++;
        t.n_filled += im->decoding.filled;
        if (im->decoding.filled && im->decoding.decoded_percent < t.least_percent)
            t.least_percent = im->decoding.decoded_percent;
        *(im->label < 0 ? &t.n_unlabelled : &t.of_class[im->label]) += 1;
        if (im->label >= 0)
            t.of_both[im->label][split_number(im->split)]++;
        if (*im->group)
            group[n_in_groups++] = im->group;
    }
    if (n_in_groups > 1)
        qsort(group, (size_t)n_in_groups, sizeof *group, text_order);
    for (int64_t i = 0; i < n_in_groups; i++)
        t.n_groups += i == 0 || strcmp(group[i], group[i - 1]) != 0;
    free(group);
    return t;
}

static void print_totals(const struct dataset *d, const struct totals *t)
{
    char text[1024] = "";
    size_t used = 0;
    for (int s = 0; s < 3; s++, used = strlen(text))
        if (t->of_split[s])
            snprintf(text + used, sizeof text - used, ", %s %" PRId64, dataset_splits[s], t->of_split[s]);
    for (int c = 0; c < d->n_classes && used < sizeof text / 2; c++, used = strlen(text))
        snprintf(text + used, sizeof text - used, ", %.64s %" PRId64, d->class_name[c], t->of_class[c]);
    if (t->n_unlabelled)
        snprintf(text + used, sizeof text - used, ", without label %" PRId64, t->n_unlabelled);
    msg_note("%s in %s%s", FMT_COUNT(t->n_images, "image", "images"), FMT_COUNT(t->n_groups, "group", "groups"), text);
    if (t->n_filled)
        msg_note("%s filled with grey; of the worst %d %% of the rows came",
                 FMT_COUNT(t->n_filled, "image is", "images are"), t->least_percent);
}

/* "train: good 18, bad 6" for each split that was drawn. */
static void print_division(const struct dataset *d, const struct totals *t)
{
    for (int s = 0; s < 3; s++) {
        char text[512] = "";
        size_t used = 0;
        for (int c = 0; c < d->n_classes && used < sizeof text - 100; c++, used = strlen(text))
            snprintf(text + used, sizeof text - used, "%s%.64s %" PRId64, c ? ", " : ": ", d->class_name[c],
                     t->of_both[c][s]);
        if (t->of_split[s])
            msg_note("divided by seed %" PRId64 ", %s %" PRId64 "%s", seed, dataset_splits[s], t->of_split[s], text);
    }
}

/* Which class is the defect: said before all else, as every report says it. */
static void print_positive(const struct dataset *d)
{
    if (d->n_classes == 2)
        msg_note("positive class (the defect): %.100s, the second of %.100s, %.100s%s", d->class_name[1],
                 d->class_name[0], d->class_name[1], class_order || positive ? "" : " (--positive names another)");
}

static void report_totals(const struct dataset *d, const struct totals *t)
{
    struct cJSON *o = json_report_begin("summary");
    json_report_int(o, "images", t->n_images);
    json_report_int(o, "left_out", t->n_left_out);
    json_report_int(o, "groups", t->n_groups);
    json_report_int(o, "errors", dataset_count(d, true));
    json_report_int(o, "warnings", dataset_count(d, false));
    struct cJSON *splits = json_report_object(o, "splits");
    for (int s = 0; s < 3; s++)
        json_report_int(splits, dataset_splits[s], t->of_split[s]);
    json_report_int(splits, "none", t->of_split[3]);
    struct cJSON *classes = json_report_object(o, "classes");
    for (int c = 0; c < d->n_classes; c++)
        json_report_int(classes, d->class_name[c], t->of_class[c]);
    json_report_names(o, "class_order", d->class_name, d->n_classes);
    if (d->n_classes == 2)
        json_report_text(o, "positive", d->class_name[1]);
    json_report_int(o, "without_label", t->n_unlabelled);
    if (t->n_filled) {
        json_report_int(o, "filled", t->n_filled);
        json_report_int(o, "filled_least_percent", t->least_percent);
    }
    struct cJSON *classes_of = json_report_object(o, "classes_of_splits");
    for (int s = 0; s < 3 && d->n_classes; s++) {
        struct cJSON *of = t->of_split[s] ? json_report_object(classes_of, dataset_splits[s]) : NULL;
        for (int c = 0; c < d->n_classes && of; c++)
            json_report_int(of, d->class_name[c], t->of_both[c][s]);
    }
    struct cJSON *kinds = json_report_object(o, "findings");
    for (int k = 0; k < DATASET_FINDING_KINDS; k++)
        if (d->n_of_kind[k])
            json_report_int(kinds, dataset_finding_key((enum dataset_finding_kind)k), d->n_of_kind[k]);
    if (json_report_end(o))
        msg_die("out of memory");
}

/* ---------------------------------------------------------------- the catalogue */

static int build(const struct dataset *d, const char *root, struct index *x, struct fmt_error *e)
{
    char *stored;
    int status = rootpath_store(root, output, &stored, e);
    if (status)
        return status;
    status = index_set_root(x, stored, e);
    free(stored);
    return status ? status : dataset_catalogue(d, x, e);
}

static void write_catalogue(const struct dataset *d, const char *root)
{
    struct fmt_error e = {0};
    struct index x = {0};
    struct file_out f;
    struct provenance p;
    uint8_t identity[DIGEST_BYTES];
    provenance_init(&p, "bbu-index", DINOTOOLS_VERSION, provenance);
    provenance_text(&p, "layout", layout_name);
    if (labels)
        provenance_text(&p, "labels", labels);
    if (pattern_text)
        provenance_text(&p, "group_pattern", pattern_text);
    if (class_order)
        provenance_text(&p, "classes", class_order);
    if (positive)
        provenance_text(&p, "positive", positive);
    if (ticket)
        provenance_flag(&p, "ticket", ticket);
    if (division) {
        provenance_text(&p, "divide", division);
        provenance_int(&p, "seed", seed);
    }
    provenance_flag(&p, "as_stored", as_stored);
    if (bits)
        provenance_int(&p, "bits", bits);
    if (fills())
        provenance_text(&p, "truncated", truncated);
    provenance_int(&p, "max_pixels", pixels_max);
    provenance_flag(&p, "keep_going", keep_going);
    int status = dataset_identity(d, identity, &e);
    provenance_input(&p, PROVENANCE_DATASET, identity);
    if (status || build(d, root, &x, &e) || file_create_binary(&f, output, &e))
        msg_die("%s", e.text);
    struct fmt_writer io = file_writer(&f);
    msg_check(file_finish(&f, index_write(&x, &p, &io, &e), &e), &e);
    index_release(&x);
    provenance_release(&p);
}

/* ---------------------------------------------------------------- main */

/* Checks the options and returns the index of DATASET. */
static int parse(int argc, char **argv)
{
    static const void *const of_folders[] = {&layout_name, NULL}, *const of_decoding[] = {&n_jobs, NULL},
                             *const of_division[] = {&replace_splits, &seed, NULL},
                             *const of_catalogue[] = {&keep_going, &division, NULL};
    struct fmt_error e = {0};
    int first = opt_parse(&tool, argc, argv);
    if (argc == first)
        msg_usage("DATASET is missing");
    if (join ? argc - first < 2 : argc - first > 1)
        msg_usage(join ? "--join needs DATASET and the files of its parts" : "one DATASET at a time");
    if (job_part_parse(part_option, &part, &e))
        msg_usage("%s", e.text);
    if (join && part.n > 0)
        msg_usage("--part and --join exclude each other");
    bool names = strcmp(argv[first], "-") == 0;
    if (null_ended && !names)
        msg_usage("-0 is for names on standard input (-)");
    if (json && strcmp(output, "-") == 0)
        msg_usage("--json and the catalogue would both go to standard output: give -o");
    if (pattern_text && group_pattern_parse(&pattern, pattern_text, &e))
        msg_usage("--group-pattern: %s", e.text);
    if (class_order && dataset_check_order(class_order, &e))
        msg_usage("--classes %s: %s", class_order, e.text);
    if (division && dataset_parse_shares(division, &shares, &e))
        msg_usage("--divide %s: %s", division, e.text);
    if (!division)
        opt_unused(&tool, of_division, "it is for --divide");
    if (names)
        opt_unused(&tool, of_folders, "names on standard input have no layout");
    if (part.n > 0)
        opt_unused(&tool, of_catalogue, "it is for the catalogue, which --join writes");
    if (join)
        opt_unused(&tool, of_decoding, "--join decodes nothing");
    return first;
}

/* The catalogue, and the images that are not in it. */
static void write_images(const struct dataset *d, const char *root)
{
    for (int64_t i = 0; i < d->n_images; i++)
        if (d->image[i].at_fault)
            msg_more("%s: left out", d->image[i].path);
    write_catalogue(d, strcmp(root, "-") == 0 ? "" : root);
}

/* What there is, or why there is no catalogue. */
static void report(const struct dataset *d, const char *root, const struct totals *totals, bool written)
{
    int64_t n_errors = dataset_count(d, true);
    print_counts(d, true);
    print_counts(d, false);
    if (json)
        report_totals(d, totals);
    if (written) {
        print_totals(d, totals);
        if (division)
            print_division(d, totals);
    } else if (totals->n_images == 0) {
        msg_error("%s: no image%s; no catalogue written", root, n_errors ? " is left" : "s");
    } else {
        msg_error("%s: no catalogue written (-k leaves out images with errors)", root);
    }
}

/* The findings from the first one on; those before are of the list, and --join reports them. */
static int report_part(const struct dataset *d, int64_t first)
{
    char name[PART_TEXT];
    int64_t n_images = part_end(part, d->n_images) - part_first(part, d->n_images);
    int64_t n_errors = report_findings(d, first);
    int64_t n_warnings = d->n_findings - first - n_errors;
    msg_note("part %s: %s of %" PRId64 ", %s, %s", part_text(part, name), FMT_COUNT(n_images, "image", "images"),
             d->n_images, FMT_COUNT(n_errors, "error", "errors"), FMT_COUNT(n_warnings, "warning", "warnings"));
    if (!json)
        return EXIT_DONE;
    struct cJSON *o = json_report_begin("part");
    json_report_text(o, "part", name);
    json_report_int(o, "images", n_images);
    json_report_int(o, "errors", n_errors);
    json_report_int(o, "warnings", n_warnings);
    if (json_report_end(o))
        msg_die("out of memory");
    return EXIT_DONE;
}

/* Findings, totals, the catalogue. */
static int finish(struct dataset *d, const char *root)
{
    struct fmt_error e = {0};
    if (dataset_check(d, &e) || (!bits && dataset_check_bits(d, &e)) ||
        (division && dataset_divide(d, &shares, (uint64_t)seed, &e)))
        msg_die("%s", e.text);
    print_positive(d);
    report_findings(d, 0);
    struct totals totals = count(d);
    int64_t n_errors = dataset_count(d, true);
    bool good = totals.n_images > 0 && (!n_errors || keep_going);
    if (good)
        write_images(d, root);
    report(d, root, &totals, good);
    free(totals.of_class);
    free(totals.of_both);
    return !good ? EXIT_FAILED : n_errors ? EXIT_SKIPPED : EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct dataset d;
    struct fmt_error e = {0};
    int first = parse(argc, argv);
    const char *root = argv[first];
    file_on_signal();
    input_guard_enable();
    msg_check(file_check_output(output, true, &e), &e);

    find(&d, root);
    int64_t n_of_list = d.n_findings;
    read_images(&d, (const char *const *)argv + first + 1, argc - first - 1);
    int status = part.n > 0 ? report_part(&d, n_of_list) : finish(&d, root);
    dataset_release(&d);
    return msg_finish(status);
}
