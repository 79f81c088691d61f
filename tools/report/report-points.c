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

struct reading {
    struct inspection *in;
    bool grouped, found; /* found: a record of this level, or a promise */
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

static int take_line(void *arg, const struct cJSON *o, int64_t line, struct fmt_error *e)
{
    struct reading *r = arg;
    struct json_take t = {.e = e};
    (void)line;
    if (text_is(o, "report", "scores") && text_is(o, "level", r->grouped ? "group" : "image")) {
        take_points(&t, r->in, o, r->grouped);
        r->found = true;
    } else if (text_is(o, "report", "promises")) {
        take_promise(&t, r->in, o);
        r->found = true;
    }
    return t.status;
}

int report_points_read(struct inspection *in, const char *path, bool grouped, struct fmt_error *e)
{
    uint8_t *data = NULL;
    size_t bytes;
    struct reading r = {in, grouped, false};
    struct fmt_error why = {0};
    int status = file_load(path, BYTES_MAX, &data, &bytes, e);
    if (status)
        return status;
    status = json_lines_read((const char *)data, bytes, DEPTH_MAX, take_line, &r, &why);
    free(data);
    if (status)
        return fmt_fail(e, status, "%.150s: no report in JSON lines (-r FILE --json): %.150s", path, why.text);
    return r.found ? 0 : fmt_fail(e, FMT_INVALID, "%.200s: no scores of %s are in it", path,
                                  grouped ? "groups" : "images");
}
