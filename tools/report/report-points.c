/* report-points.c - {"report":"scores","level":"group","points":[{"class":"bad","at":"recall","wanted":0.9,
 * "threshold":0.3, ... */
#include "report-points.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "json-scan.h"

enum { DEPTH_MAX = 64 };
#define BYTES_MAX ((size_t)256 << 20)

static bool text_is(const struct cJSON *o, const char *key, const char *text)
{
    const struct cJSON *value = json_member(o, key);
    return cJSON_IsString(value) && strcmp(value->valuestring, text) == 0;
}

static bool is_number(const struct cJSON *v)
{
    return cJSON_IsNumber(v) || cJSON_IsRaw(v); /* raw: of many digits */
}

static void add_points(struct inspection *in, const struct cJSON *o, bool grouped)
{
    const struct cJSON *one;
    cJSON_ArrayForEach(one, json_member(o, "points")) {
        const struct cJSON *wanted = json_member(one, "wanted"), *threshold = json_member(one, "threshold");
        if (!text_is(one, "class", in->cases->class_name[1]) || !is_number(wanted) || !is_number(threshold) ||
            in->n_points == INSPECTION_POINTS_MAX)
            continue;
        struct inspection_point *p = &in->point[in->n_points++];
        *p = (struct inspection_point){.threshold = threshold->valuedouble, .installations = grouped};
        snprintf(p->name, sizeof p->name, "%s of %.4g or more", text_is(one, "at", "recall") ? "recall" : "precision",
                 wanted->valuedouble);
    }
}

static struct promise_count count_of(const struct cJSON *o, const char *all, const char *wrong)
{
    const struct cJSON *n = json_member(o, all), *k = json_member(o, wrong);
    bool good = is_number(n) && is_number(k) && n->valuedouble >= 1 && n->valuedouble <= 1e15 && k->valuedouble >= 0 &&
                k->valuedouble <= n->valuedouble;
    return good ? (struct promise_count){(int64_t)n->valuedouble, (int64_t)k->valuedouble}
                : (struct promise_count){0, 0};
}

/* {"report":"promises","promise":"missed","share":0.05,"confidence":0.95,"chosen_installations":60, ... */
static void add_promise(struct inspection *in, const struct cJSON *o)
{
    const struct cJSON *share = json_member(o, "share"), *confidence = json_member(o, "confidence");
    enum promise_kind what = text_is(o, "promise", promise_names[PROMISE_MISSED]) ? PROMISE_MISSED : PROMISE_ALARMS;
    if (!is_number(share) || !is_number(confidence))
        return;
    const struct promise_seen p = {{what, share->valuedouble, confidence->valuedouble},
                                   count_of(o, "chosen_installations", "chosen_wrong"), {0, 0}};
    inspection_promise(in, &p);
}

/* *found: it is the record of this level, or a promise. */
static int take_line(struct inspection *in, const char *line, size_t bytes, bool grouped, bool *found,
                     struct fmt_error *e)
{
    struct json_span root;
    int status = json_check(line, bytes, DEPTH_MAX, &root, e);
    struct cJSON *o = status ? NULL : json_parse(root);
    if (status || !o)
        return status ? status : fmt_no_memory(e);
    if (text_is(o, "report", "scores") && text_is(o, "level", grouped ? "group" : "image")) {
        add_points(in, o, grouped);
        *found = true;
    } else if (text_is(o, "report", "promises")) {
        add_promise(in, o);
        *found = true;
    }
    cJSON_Delete(o);
    return 0;
}

int report_points_read(struct inspection *in, const char *path, bool grouped, struct fmt_error *e)
{
    uint8_t *data = NULL;
    size_t bytes;
    bool found = false;
    int status = file_load(path, BYTES_MAX, &data, &bytes, e);
    struct fmt_error why = {0};
    for (size_t at = 0, length; !status && at < bytes; at += length + 1) {
        const char *line = (const char *)data + at, *end = memchr(line, '\n', bytes - at);
        length = end ? (size_t)(end - line) : bytes - at;
        if (take_line(in, line, length, grouped, &found, &why))
            status = fmt_fail(e, why.status, "%.150s: no report in JSON lines (-r FILE --json): %.150s", path,
                              why.text);
    }
    free(data);
    return status || found ? status : fmt_fail(e, FMT_INVALID, "%.200s: no scores of %s are in it", path,
                                               grouped ? "groups" : "images");
}
