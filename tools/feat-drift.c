/* feat-drift - whether today's photographs are still like those of a reference: an alarm with a known rate of false
 * ones. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "drift.h"
#include "file.h"
#include "groups.h"
#include "input-guard.h"
#include "json-scan.h"
#include "linear.h"
#include "logreg.h"
#include "msg.h"
#include "num.h"
#include "rng.h"
#include "row-values.h"
#include "scoring.h"
#include "version.h"

enum { PARTS_MAX = 64, NAME_BYTES = 80 };

static const char *model_path, *report_path = "-", *device_name = "auto";
static struct opt_list by;
static double level = 0.99, tolerance;
static int64_t least_groups = 5, most_groups = 500, n_permutations = 4999, n_shown = 5, n_jobs, seed;
static bool json;
static struct score_options score_options = SCORE_OPTIONS_DEFAULT;

static const struct opt options[] = {
    OPT_PATH('m', "model", &model_path, "FILE", "compare the scores of this classifier, too"),
    OPT_LIST(0, "by", &by, "KEY", "compare photographs of each value of this key of their annotations, too"),
    OPT_REAL(0, "level", &level, 0.5, 0.9999, "P", "probability that there is no false alarm [0.99]"),
    OPT_REAL(0, "tolerance", &tolerance, 0, 1, "X", "no alarm for less drift than this [0]"),
    OPT_COUNT(0, "least-groups", &least_groups, 2, 1000000, "N", "judge nothing with fewer groups [5]"),
    OPT_COUNT(0, "most-groups", &most_groups, 2, 20000, "N", "draw so many of each side where there are more [500]"),
    OPT_COUNT(0, "permutations", &n_permutations, 19, 1000000, "N", "divisions of the groups to compare with [4999]"),
    OPT_COUNT('n', "show", &n_shown, 0, 1000000, "N", "name so many photographs of today [5]"),
    SCORE_OPTIONS_PRECISION(score_options),
    OPT_PATH('r', "report", &report_path, "FILE", "write the report to FILE [-]"),
    OPT_JSON(&json),
    OPT_SEED(&seed),
    OPT_JOBS(&n_jobs),
    OPT_DEVICE(&device_name),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {
    "feat-drift", "REFERENCE TODAY...",
    "Compare today's features with those of a reference; exit status 1 if they have drifted.", options,
    "Groups of photographs are compared, not photographs. Several files of TODAY are one.\n"
    "Exit status 1 is an alarm (or a failure, with a message); too few photographs to judge are no error."};

/* Both sides together, their rows sorted by group. */
struct job {
    struct scoring scoring;
    struct device device;
    struct featset set[2]; /* the reference, today */
    struct linear model;
    struct rows side[2]; /* the groups that were drawn, column index: row of the set; proba with --model */
    int64_t n_all[2];    /* groups before the draw */
    int64_t n, *first;
    uint8_t *today;
    struct drift_rows rows;
    struct drift_values features, scores;
    float *x, *score_x;
    struct drift_part part[PARTS_MAX];
    char name[PARTS_MAX][NAME_BYTES];
    uint8_t *in[PARTS_MAX];
    int n_parts;
};

static void *allocate(int64_t n, size_t bytes)
{
    void *p = calloc((size_t)n + 1, bytes);
    if (!p)
        msg_die("out of memory");
    return p;
}

/* ------------------------------------------------------------------ inputs */
static void open_inputs(struct job *j, const char *const *path, int n)
{
    struct fmt_error e = {0};
    const struct feat_header *h = &j->set[0].header;
    msg_check(featset_open(&j->set[0], path[0], INT64_MAX, &j->device, &e), &e);
    msg_check(scoring_add_set(&j->scoring, &j->set[0], "reference", NULL, NULL, &e), &e);
    int status = featset_open_all(&j->set[1], path + 1, n - 1, INT64_MAX, &j->device, &e);
    msg_check(status == FMT_END ? 0 : status, &e);
    if (status == FMT_END) /* an empty day */
        j->set[1] = (struct featset){.path = path[1], .header.n_classes = 0};
    else
        msg_check(scoring_add_set(&j->scoring, &j->set[1], "today", h, path[0], &e), &e);
    score_inputs_add(&j->scoring.inputs, "weights", NULL, h->weights);
    if (!model_path)
        return;
    struct file f;
    msg_check(file_open(&f, model_path, &e), &e);
    struct fmt_reader io = file_reader(&f);
    msg_check_of(model_path, linear_read(&j->model, &io, &e), &e);
    file_close(&f);
    for (int s = 0; s < 2 && j->set[s].rows.n > 0; s++)
        msg_check(featset_check(&j->set[s], &j->model.features, model_path, score_options.allow_precision, &e), &e);
    score_inputs_add(&j->scoring.inputs, "model", model_path, j->model.identity);
}

/* At most most_groups groups of a set, drawn, their rows sorted by group. */
static void draw_groups(struct job *j, int s)
{
    struct rows *all = &j->set[s].rows;
    struct fmt_error e = {0};
    msg_check(groups_number(&all, 1, &e), &e);
    int64_t n_groups = all->n_groups, n_drawn = num_min(n_groups, most_groups), n = 0;
    int64_t *order = allocate(n_groups, sizeof *order), *end = allocate(n_groups + 1, sizeof *end);
    int64_t *pick = allocate(all->n, sizeof *pick);
    bool *drawn = allocate(n_groups, sizeof *drawn);
    struct rng r = rng_stream((uint64_t)seed, (uint64_t)s, 1, RNG_DRIFT);
    rng_permutation(&r, n_groups, order);
    for (int64_t i = 0; i < n_drawn; i++)
        drawn[order[i]] = true;
    for (int64_t i = 0; i < all->n; i++)
        end[all->group[i] + 1] += drawn[all->group[i]];
    for (int64_t g = 0; g < n_groups; g++)
        end[g + 1] += end[g];
    n = end[n_groups];
    for (int64_t i = 0; i < all->n; i++)
        if (drawn[all->group[i]])
            pick[end[all->group[i]]++] = i;
    msg_check(rows_select(&j->side[s], all, pick, n, &e), &e);
    msg_check(groups_compact(&j->side[s], &e), &e);
    j->n_all[s] = n_groups;
    if (n_drawn < n_groups)
        msg_note("%s: %" PRId64 " of %" PRId64 " groups are drawn", j->set[s].path, n_drawn, n_groups);
    free(order);
    free(end);
    free(pick);
    free(drawn);
}

static void number_rows(struct job *j)
{
    int64_t n_groups = j->side[0].n_groups + j->side[1].n_groups, at = 0;
    j->n = j->side[0].n + j->side[1].n;
    j->first = allocate(n_groups + 1, sizeof *j->first);
    j->today = allocate(n_groups, sizeof *j->today);
    for (int s = 0; s < 2; s++)
        for (int64_t i = 0; i < j->side[s].n; i++, at++) {
            int64_t g = j->side[s].group[i] + (s ? j->side[0].n_groups : 0);
            j->today[g] = (uint8_t)s;
            j->first[g + 1] = at + 1;
        }
    j->rows = (struct drift_rows){n_groups, j->first, j->today};
}

/* ------------------------------------------------------------------ values */
/* The features of a side, from the device: x [n,dim]. */
static void load_features(const struct job *j, const struct rows *rows, float *x)
{
    enum { AT_ONCE = 256 };
    struct fmt_error e = {0};
    struct device_arena memory = {0};
    TENSOR_TAKE(&memory, DTYPE_F32, AT_ONCE, rows->dim);
    msg_check(device_arena_init(&memory, j->device.backend, memory.high, &e), &e);
    struct tensor block = TENSOR_TAKE(&memory, DTYPE_F32, AT_ONCE, rows->dim);
    struct op_ctx c = {.backend = j->device.backend, .pool = j->device.pool, .scratch = &memory};
    for (int64_t i = 0, n; i < rows->n; i += n) {
        n = num_min(AT_ONCE, rows->n - i);
        struct tensor to = tensor_rows(block, 0, n);
        msg_check(rows_load(rows, i, n, &c, to, &e), &e);
        op_copy_out(&c, x + i * rows->dim, to);
        msg_check(op_sync(&c, &e), &e);
    }
    device_arena_release(&memory);
}

static void check_finite(const struct job *j)
{
    int64_t dim = j->features.dim;
    for (int64_t i = 0; i < j->n * dim; i++)
        if (!isfinite(j->x[i])) {
            int64_t row = i / dim, n = j->side[0].n;
            msg_die("%s: %s: a feature is not finite", j->set[row >= n].path,
                    j->side[row >= n].key[row >= n ? row - n : row]);
        }
}

/* Of two classes the probability of the positive one, else those of all: [n,dim]. */
static void load_scores(struct job *j)
{
    struct logreg_model m = {j->model.features.n_classes, j->model.n_rows, j->model.dim, j->model.theta};
    struct fmt_error e = {0};
    int64_t K = m.n_classes, at = 0;
    j->scores.dim = K == 2 ? 1 : K;
    j->score_x = allocate(j->n * j->scores.dim, sizeof *j->score_x);
    for (int s = 0; s < 2; s++) {
        struct rows *rows = &j->side[s];
        rows->n_classes = m.n_classes;
        msg_check(rows_reserve(rows, ROWS_PROBA, rows->n, &e), &e);
        if (rows->n > 0)
            msg_check(logreg_predict(&m, rows, &j->device, rows->proba, &e), &e);
        for (int64_t i = 0; i < rows->n; i++)
            for (int64_t c = 0; c < j->scores.dim; c++)
                j->score_x[at++] = (float)rows->proba[i * K + (K == 2 ? j->model.positive : c)];
    }
    j->scores.x = j->score_x;
    drift_scale(j->score_x, j->n, j->scores.dim);
}

static void load_values(struct job *j)
{
    int64_t dim = j->set[0].rows.dim;
    j->side[1].dim = dim; /* an empty set has none */
    j->x = allocate(j->n * dim, sizeof *j->x);
    load_features(j, &j->side[0], j->x);
    load_features(j, &j->side[1], j->x + j->side[0].n * dim);
    j->features = (struct drift_values){j->x, dim};
    check_finite(j);
    drift_scale(j->x, j->n, dim);
    if (model_path)
        load_scores(j);
}

/* ------------------------------------------------------------------ parts */
/* Its number; a new one with this name where there is none yet. */
static int part_of(struct job *j, const char *name, const struct drift_values *values)
{
    for (int p = 0; p < j->n_parts; p++)
        if (strcmp(j->name[p], name) == 0)
            return p;
    if (j->n_parts == PARTS_MAX)
        msg_die("more than %d views, values of --by and so on: each is compared for itself", PARTS_MAX - 1);
    int p = j->n_parts++;
    snprintf(j->name[p], NAME_BYTES, "%s", name);
    j->part[p] = (struct drift_part){.name = j->name[p], .values = values};
    return p;
}

static void put_in(struct job *j, const char *name, int64_t row)
{
    int p = part_of(j, name, &j->features);
    if (!j->in[p])
        j->in[p] = allocate(j->n, 1);
    j->in[p][row] = 1;
    j->part[p].in = j->in[p];
}

/* "camera 7": the value of a key of a photograph's annotation; "" where it has none. */
static void value_name(const cJSON *extra, const char *key, char out[NAME_BYTES])
{
    const cJSON *value = json_member(extra, key);
    char *text = value && !cJSON_IsNull(value) ? cJSON_PrintUnformatted(value) : NULL;
    const char *shown = cJSON_IsString(value) ? value->valuestring : text;
    snprintf(out, NAME_BYTES, shown ? "%.30s %.45s" : "", key, shown);
    cJSON_free(text);
}

/* A key that is misspelt would compare nothing. */
static void check_key(const struct job *j, const char *key)
{
    char list[512] = "";
    bool found = false;
    for (int s = 0; s < 2; s++)
        for (int64_t i = 0; i < j->side[s].n && !found; i++) {
            const char *text = j->side[s].extra[i];
            cJSON *extra = text[0] ? cJSON_Parse(text) : NULL;
            found = json_member(extra, key) != NULL;
            cJSON_Delete(extra);
        }
    for (int s = 0; s < 2 && !found; s++)
        row_keys_list(&j->side[s], list, sizeof list);
    if (!found && list[0])
        msg_die("--by %s: no photograph has this key; there are%.*s", key, (int)strlen(list) - 1, list);
    if (!found)
        msg_die("--by %s: no photograph has this key, nor any other", key);
}

static void make_parts(struct job *j)
{
    char name[NAME_BYTES];
    for (int k = 0; k < by.n; k++)
        check_key(j, by.item[k]);
    part_of(j, "all", &j->features);
    if (model_path)
        part_of(j, "scores", &j->scores);
    for (int s = 0; s < 2; s++)
        for (int64_t i = 0; i < j->side[s].n; i++) {
            const struct rows *rows = &j->side[s];
            int64_t row = i + (s ? j->side[0].n : 0);
            cJSON *extra = by.n && rows->extra[i][0] ? cJSON_Parse(rows->extra[i]) : NULL;
            snprintf(name, sizeof name, "view %d", rows->group_view[i]);
            if (rows->group_view[i] >= 0)
                put_in(j, name, row);
            for (int k = 0; k < by.n; k++) {
                value_name(extra, by.item[k], name);
                if (name[0])
                    put_in(j, name, row);
            }
            cJSON_Delete(extra);
        }
}

/* ------------------------------------------------------------------ the report */
enum drift_verdict { NO_DRIFT, DRIFT, TOO_FEW };
static const char *const verdict_name[] = {"no drift", "drift", "too few"};

static enum drift_verdict verdict_of(const struct job *j)
{
    enum drift_verdict v = TOO_FEW;
    for (int p = 0; p < j->n_parts; p++) {
        v = v == TOO_FEW && j->part[p].judged ? NO_DRIFT : v;
        v = j->part[p].alarm ? DRIFT : v;
    }
    return v;
}

static void add_verdict(struct report_node *report, const struct job *j, enum drift_verdict v)
{
    struct report_node *note = report_note(report, "verdict: %s", verdict_name[v]);
    if (v == DRIFT) {
        int n = 0;
        for (int p = 0; p < j->n_parts; p++)
            if (j->part[p].alarm)
                report_extend(note, "%s%s", n++ ? ", " : ": ", j->part[p].name);
    } else if (v == TOO_FEW) {
        report_extend(note, " photographs to judge: groups %" PRId64 " and, today, %" PRId64 "; at least %" PRId64
                      " of both", j->n_all[0], j->n_all[1], least_groups);
    }
    if (v != TOO_FEW)
        report_note(report, "at most one false alarm in %.6g such comparisons; limits from %s of the groups",
                    1 / (1 - level), FMT_COUNT(n_permutations + 1, "division", "divisions"));
    report_add(report, REPORT_BREAK, NULL);
}

static void add_part(struct report_node *records, const struct drift_part *p)
{
    struct report_node *r = report_add(records, REPORT_OBJECT, NULL);
    report_title(r, "%s", p->name);
    report_text(r, "part", p->name);
    report_title(report_count(r, "reference", p->n_rows[0]), "photographs of the reference");
    report_title(report_count(r, "today", p->n_rows[1]), "photographs of today");
    report_title(report_count(r, "reference_groups", p->n_groups[0]), "groups of the reference");
    report_title(report_count(r, "today_groups", p->n_groups[1]), "groups of today");
    report_title(report_number(r, "drift", p->judged ? p->drift : NAN), "drift");
    report_title(report_number(r, "limit", p->judged && isfinite(p->limit) ? p->limit : NAN), "without drift below");
    report_title(report_number(r, "p", p->judged ? p->p : NAN), "p");
    struct report_node *alarm = report_put(r, (struct report_node){.kind = REPORT_BOOL, .name = "alarm",
                                                                   .count = p->alarm});
    report_shown(alarm, "%s", !p->judged ? "too few" : p->alarm ? "ALARM" : "no");
    report_title(alarm, "alarm");
}

struct far_row {
    double distance;
    int64_t row; /* of today's side */
};

static int by_distance(const void *a, const void *b)
{
    const struct far_row *x = a, *y = b;
    return x->distance != y->distance ? (x->distance < y->distance ? 1 : -1) : (x->row > y->row) - (x->row < y->row);
}

/* Today's photographs that are farthest from those of the reference. */
static void add_photographs(struct report_node *report, const struct job *j)
{
    int64_t n[2] = {j->side[0].n, j->side[1].n}, shown = num_min(n_shown, n[1]);
    double *distance = allocate(j->n, sizeof *distance);
    struct far_row *far = allocate(n[1], sizeof *far);
    drift_nearest(&j->rows, &j->features, distance, j->device.pool);
    for (int64_t i = 0; i < n[1]; i++)
        far[i] = (struct far_row){distance[n[0] + i], i};
    qsort(far, (size_t)n[1], sizeof *far, by_distance);
    report_note(report, "farthest from the reference, and the share of the reference that is as far from its own:");
    struct report_node *all = report_add(report, REPORT_LIST, "photographs");
    for (int64_t i = 0; i < shown; i++) {
        const struct rows *today = &j->side[1];
        int64_t row = far[i].row, n_farther = 0;
        for (int64_t k = 0; k < n[0]; k++)
            n_farther += distance[k] >= far[i].distance;
        double share = (double)n_farther / (double)num_max(1, n[0]);
        report_note(report, "  %.4f  %5.1f %%  %s", far[i].distance, 100 * share, today->key[row]);
        struct report_node *r = report_add(all, REPORT_OBJECT, NULL);
        report_text(r, "key", today->key[row]);
        if (today->group_name[row][0])
            report_text(r, "group", today->group_name[row]);
        report_number(r, "distance", far[i].distance);
        report_number(r, "reference_as_far", share);
    }
    free(distance);
    free(far);
}

static void report_photographs(struct job *j)
{
    struct fmt_error e = {0};
    struct report_node report = scoring_report(&j->scoring, "drift-photographs");
    add_photographs(&report, j);
    msg_check(scoring_print(&j->scoring, &report, &e), &e);
}

static void report_drift(struct job *j, enum drift_verdict v)
{
    struct fmt_error e = {0};
    struct scoring *s = &j->scoring;
    struct report_node report = scoring_report(s, "drift");
    report_note(&report, "made by %s " DINOTOOLS_VERSION, tool.name);
    score_inputs_notes(&report, &s->inputs);
    report_add(&report, REPORT_BREAK, NULL);
    add_verdict(&report, j, v);
    report_text(&report, "verdict", verdict_name[v]);
    report_number(&report, "level", level);
    report_number(&report, "tolerance", tolerance);
    report_count(&report, "divisions", n_permutations + 1);
    score_inputs_report(&report, &s->inputs);
    struct report_node *records = report_add(&report, REPORT_RECORDS, NULL);
    for (int p = 0; p < j->n_parts; p++)
        add_part(records, &j->part[p]);
    report_add(&report, REPORT_BREAK, NULL);
    msg_check(scoring_print(s, &report, &e), &e);
    if (v != TOO_FEW && n_shown > 0)
        report_photographs(j);
    msg_check(scoring_save(s, report_path, &e), &e);
}

/* ------------------------------------------------------------------ main */
static void compare(struct job *j)
{
    struct fmt_error e = {0};
    struct drift_test test = {.rows = &j->rows, .least_groups = least_groups, .n_permutations = (int)n_permutations,
                              .level = level, .tolerance = tolerance, .seed = (uint64_t)seed};
    number_rows(j);
    load_values(j);
    make_parts(j);
    msg_check(drift_sums(&j->rows, j->part, j->n_parts, j->device.pool, &e), &e);
    msg_check(drift_test(&test, j->part, j->n_parts, j->device.pool, &e), &e);
}

static void close_job(struct job *j)
{
    drift_release(j->part, j->n_parts);
    for (int p = 0; p < j->n_parts; p++)
        free(j->in[p]);
    free(j->x);
    free(j->score_x);
    free(j->first);
    free(j->today);
    for (int s = 0; s < 2; s++) {
        rows_release(&j->side[s]);
        featset_close(&j->set[s]);
    }
    if (model_path)
        linear_release(&j->model);
    device_close(&j->device);
}

int main(int argc, char **argv)
{
    static struct job j;
    struct fmt_error e = {0};
    int first = opt_parse(&tool, argc, argv);
    file_on_signal();
    input_guard_enable();
    if (argc - first < 2)
        msg_usage("expected REFERENCE and TODAY, got %s", FMT_COUNT(argc - first, "file", "files"));
    double n_needed = ceil(1 / (1 - level) - 1e-6) - 1;
    if ((double)n_permutations < n_needed)
        msg_usage("--level %g needs at least %.0f --permutations", level, n_needed);
    msg_check(file_check_output(report_path, false, &e), &e);
    j.scoring = (struct scoring){.tool = tool.name, .options = &score_options, .note = msg_note, .warn = msg_warn,
                                 .print = report_printer_of(json ? "json" : "text")};
    msg_check(scoring_open(&j.scoring, &e), &e);
    if (device_open(&j.device, device_name, (int)n_jobs, msg_warn, &e))
        opt_fail(&e);
    open_inputs(&j, (const char *const *)argv + first, argc - first);
    draw_groups(&j, 0);
    draw_groups(&j, 1);
    compare(&j);
    enum drift_verdict v = verdict_of(&j);
    report_drift(&j, v);
    close_job(&j);
    return msg_finish(v == DRIFT ? EXIT_FAILED : EXIT_DONE);
}
