/* report-points.c - {"report":"scores","level":"group","points":[{"class":"bad","at":"recall","wanted":0.9,
 * "threshold":0.3, ... */
#include "report-points.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "json-lines.h"
#include "json-scan.h"
#include "json-take.h"

enum { DEPTH_MAX = 64 };
#define BYTES_MAX ((size_t)256 << 20)

static const char *const bank_role[REPORT_POINTS_BANKS] = {"bank", "faults"};

struct reading {
    struct inspection *in;
    bool grouped, found; /* found: a record of this level, a promise, or a threshold */
};

static bool text_is(const struct cJSON *o, const char *key, const char *text)
{
    const struct cJSON *value = json_member(o, key);
    return cJSON_IsString(value) && strcmp(value->valuestring, text) == 0;
}

static void take_points(struct json_take *t, struct inspection *in, const struct cJSON *o, bool grouped)
{
    static const char *const at[] = {"recall", "precision"};
    const struct cJSON *one;
    cJSON_ArrayForEach(one, json_member(o, "points")) {
        if (!text_is(one, "class", in->cases->class_name[1]) || !json_take_has(one, "threshold") ||
            in->n_points == INSPECTION_POINTS_MAX)
            continue;
        struct inspection_point *p = &in->point[in->n_points++];
        *p = (struct inspection_point){.threshold = json_take_number(t, one, "threshold", -1e300, 1e300),
                                       .installations = grouped};
        snprintf(p->name, sizeof p->name, "%s of %.4g or more", at[json_take_word(t, one, "at", at, 2)],
                 json_take_number(t, one, "wanted", 0, 1));
    }
}

/* {"report":"promises","promise":"missed", ... */
static void take_promise(struct json_take *t, struct inspection *in, const struct cJSON *o)
{
    struct promise_outcome p;
    promise_outcome_take(t, o, &p);
    if (!t->status)
        inspection_promise(in, &p);
}

/* Of feat-bank: {"report":"threshold","threshold":6.75,"alarms":0.2,"confidence":0,"calibration_groups":18, ... */
static void take_alarms(struct json_take *t, struct inspection *in, const struct cJSON *o)
{
    struct promise p = {PROMISE_ALARMS, json_take_number(t, o, "alarms", 0, 1),
                        json_take_number(t, o, "confidence", 0, 1)};
    struct promise_outcome outcome = promise_outcome_unseen(&p);
    int64_t n = json_take_count(t, o, "calibration_groups", 0, JSON_TAKE_COUNT_MAX);
    int64_t n_wrong = json_take_count(t, o, "calibration_groups_reached", 0, n);
    if (t->status)
        return;
    outcome.chosen = promise_outcome_kept(&p, n, n_wrong, in->bootstrap.level);
    inspection_promise(in, &outcome);
}

static int take_line(void *arg, const struct cJSON *o, int64_t line, struct fmt_error *e)
{
    struct reading *r = arg;
    struct json_take t = {.e = e};
    bool scores = text_is(o, "report", "scores") && text_is(o, "level", r->grouped ? "group" : "image");
    bool promises = text_is(o, "report", "promises"), threshold = text_is(o, "report", "threshold");
    (void)line;
    if (scores)
        take_points(&t, r->in, o, r->grouped);
    if (promises)
        take_promise(&t, r->in, o);
    if (threshold)
        take_alarms(&t, r->in, o);
    r->found = r->found || scores || promises || threshold;
    return t.status;
}

/* A mark, unless verdicts are by it: that has marks already. */
static void add_threshold(const struct report_points *r, struct inspection *in, bool grouped)
{
    bool marked = in->rule.pass_below == r->threshold || in->rule.fail_from == r->threshold;
    if (!marked && in->n_points < INSPECTION_POINTS_MAX)
        in->point[in->n_points++] = (struct inspection_point){"alarms as promised", r->threshold, grouped};
}

/* ------------------------------------------------------------------ the threshold of feat-bank */
static void take_bank(const struct cJSON *origins, const char *role, uint8_t identity[DIGEST_BYTES])
{
    const char *hex = cJSON_GetStringValue(json_member(json_member(origins, role), "identity"));
    if (!hex || !digest_parse(hex, identity))
        memset(identity, 0, DIGEST_BYTES);
}

static int take_threshold(void *arg, const struct cJSON *o, int64_t line, struct fmt_error *e)
{
    static const char *const group_score[] = {"max", "mean"};
    struct report_points *r = arg;
    struct json_take t = {.e = e};
    (void)line;
    if (!text_is(o, "report", "threshold") || r->has_threshold)
        return 0;
    r->has_threshold = true;
    r->threshold = json_take_number(&t, o, "threshold", -1e300, 1e300);
    r->of_mean = json_take_word(&t, o, "group_score", group_score, 2) == 1;
    for (int k = 0; k < REPORT_POINTS_BANKS; k++)
        take_bank(json_member(o, "origins"), bank_role[k], r->bank[k]);
    return t.status;
}

bool report_points_same_banks(const struct report_points *r, const struct score_inputs *origins)
{
    uint8_t own[REPORT_POINTS_BANKS][DIGEST_BYTES] = {{0}};
    for (int k = 0; k < REPORT_POINTS_BANKS; k++)
        for (int i = 0; i < origins->n; i++)
            if (strcmp(origins->item[i].role, bank_role[k]) == 0)
                memcpy(own[k], origins->item[i].identity, DIGEST_BYTES);
    bool both_say = digest_is_set(own[0]) && digest_is_set(r->bank[0]);
    return !both_say || memcmp(own, r->bank, sizeof own) == 0;
}

/* ------------------------------------------------------------------ all */
static int read_lines(const struct report_points *r, json_lines_take *take, void *arg, struct fmt_error *e)
{
    struct fmt_error why = {0};
    int status = json_lines_read((const char *)r->data, r->bytes, DEPTH_MAX, take, arg, &why);
    return status ? fmt_fail(e, (enum fmt_status)status, "%.150s: no report in JSON lines (-r FILE --json): %.150s",
                             r->path, why.text)
                  : 0;
}

int report_points_open(struct report_points *r, const char *path, struct fmt_error *e)
{
    *r = (struct report_points){.path = path};
    int status = file_load(path, BYTES_MAX, &r->data, &r->bytes, e);
    if (!status)
        status = read_lines(r, take_threshold, r, e);
    if (status)
        report_points_close(r);
    return status;
}

int report_points_take(const struct report_points *r, struct inspection *in, bool grouped, struct fmt_error *e)
{
    struct reading reading = {in, grouped, false};
    int status = read_lines(r, take_line, &reading, e);
    if (status)
        return status;
    if (r->has_threshold)
        add_threshold(r, in, grouped);
    return reading.found ? 0 : fmt_fail(e, FMT_INVALID, "%.200s: no scores of %s are in it", r->path,
                                        grouped ? "groups" : "images");
}

void report_points_close(struct report_points *r)
{
    free(r->data);
    *r = (struct report_points){.data = NULL};
}
