/* gate.c - one table has what is compared with what, and in which words. */
#include "gate.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json-take.h"
#include "reason.h"

static const enum reason reason_by[GATES] = {
    REASON_BLURRED, REASON_DARK, REASON_BRIGHT, REASON_SUBJECT, REASON_REUSED};
static const char *const measure_names[GATE_MEASURES] = {
    "sharpness", "brightness", "highlights", "black", "white", "distance", "similarity"};

static const struct {
    enum gate gate;
    enum gate_measure measure;
    bool least; /* smaller values are stopped, else larger ones */
    const char *name;
    const char *words; /* what the value is, in a reason */
} limit_of[GATE_LIMITS] = {
    [GATE_SHARPNESS_LEAST] = {GATE_BLURRED, GATE_SHARPNESS, true, "sharpness_least", "sharpness"},
    [GATE_HIGHLIGHTS_LEAST] = {GATE_DARK, GATE_HIGHLIGHTS, true, "highlights_least", "brightness of the highlights"},
    [GATE_BLACK_MOST] = {GATE_DARK, GATE_BLACK, false, "black_most", "share of black pixels"},
    [GATE_BRIGHTNESS_MOST] = {GATE_BRIGHT, GATE_BRIGHTNESS, false, "brightness_most", "mean brightness"},
    [GATE_WHITE_MOST] = {GATE_BRIGHT, GATE_WHITE, false, "white_most", "share of white pixels"},
    [GATE_DISTANCE_MOST] = {GATE_SUBJECT, GATE_DISTANCE, false, "distance_most", "distance from known photographs"},
    [GATE_SIMILARITY_MOST] = {GATE_REUSED, GATE_SIMILARITY, false, "similarity_most", "similarity"},
};

const char *gate_name(enum gate g)
{
    return g == GATE_NONE ? "" : reason_names[reason_by[g]];
}

const char *gate_measure_name(enum gate_measure m)
{
    return measure_names[m];
}

enum gate gate_of_limit(enum gate_limit l)
{
    return limit_of[l].gate;
}

enum gate_measure gate_measure_of_limit(enum gate_limit l)
{
    return limit_of[l].measure;
}

bool gate_limit_is_least(enum gate_limit l)
{
    return limit_of[l].least;
}

struct gate_values gate_no_values(void)
{
    struct gate_values v = {.similar_key = ""};
    for (int m = 0; m < GATE_MEASURES; m++)
        v.value[m] = NAN;
    return v;
}

struct gate_limits gate_no_limits(void)
{
    struct gate_limits l = {.share = 0};
    for (int i = 0; i < GATE_LIMITS; i++)
        l.limit[i] = l.bound[i] = NAN;
    return l;
}

/* ------------------------------------------------------------------ the check */
bool gate_stops(const struct gate_limits *limits, enum gate_limit l, const struct gate_values *v)
{
    double value = v->value[limit_of[l].measure], limit = limits->limit[l];
    return limit_of[l].least ? value < limit : value > limit; /* NAN: neither */
}

/* "blurred: sharpness 0.31, at least 0.52 in 99.5 % of good photographs" */
static void put_reason(const struct gate_limits *limits, enum gate_limit l, const struct gate_values *v, char *text)
{
    const struct gate_count *c = &limits->photographs[l];
    double passed = c->n > 0 ? 100 * (1 - (double)c->stopped / (double)c->n) : 100;
    char with[2 * GATE_NAME_MAX + 32] = "";
    if (limit_of[l].gate == GATE_REUSED)
        snprintf(with, sizeof with, " with %s%s%s", v->similar_key, *v->similar_group ? " of " : "", v->similar_group);
    snprintf(text, GATE_TEXT_MAX, "%s: %s %.5g%s, at %s %.5g in %.4g %% of good photographs",
             gate_name(limit_of[l].gate), limit_of[l].words, v->value[limit_of[l].measure], with,
             limit_of[l].least ? "least" : "most", limits->limit[l], passed);
}

enum gate gate_check(const struct gate_limits *limits, const struct gate_values *v, char *text)
{
    if (text)
        *text = 0;
    for (int l = 0; l < GATE_LIMITS; l++)
        if (gate_stops(limits, (enum gate_limit)l, v)) {
            if (text)
                put_reason(limits, (enum gate_limit)l, v, text);
            return limit_of[l].gate;
        }
    return GATE_NONE;
}

/* ------------------------------------------------------------------ JSON */
static const char *const photographs = "photographs", *const installations = "installations";

static bool add_count(cJSON *o, const char *name, const struct gate_count *c)
{
    cJSON *item = cJSON_AddObjectToObject(o, name);
    return cJSON_AddNumberToObject(item, "n", (double)c->n) &&
           cJSON_AddNumberToObject(item, "stopped", (double)c->stopped);
}

static bool add_limit(const struct gate_limits *limits, enum gate_limit l, cJSON *o)
{
    cJSON *item = cJSON_AddObjectToObject(o, limit_of[l].name);
    return cJSON_AddNumberToObject(item, "limit", limits->limit[l]) &&
           cJSON_AddNumberToObject(item, "bound", limits->bound[l]) &&
           add_count(item, photographs, &limits->photographs[l]) &&
           add_count(item, installations, &limits->installations[l]);
}

struct cJSON *gate_limits_json(const struct gate_limits *limits)
{
    cJSON *o = cJSON_CreateObject();
    bool good = cJSON_AddNumberToObject(o, "share", limits->share) &&
                cJSON_AddNumberToObject(o, "confidence", limits->confidence) &&
                add_count(o, photographs, &limits->all_photographs) &&
                add_count(o, installations, &limits->all_installations);
    for (int l = 0; good && l < GATE_LIMITS; l++)
        good = isnan(limits->limit[l]) || add_limit(limits, (enum gate_limit)l, o);
    if (good)
        return o;
    cJSON_Delete(o);
    return NULL;
}

static struct gate_count take_count(struct json_take *t, const cJSON *o, const char *of, const char *name)
{
    json_take_at(t, "%s", of);
    const cJSON *item = json_take_object(t, o, name);
    json_take_at(t, "%s%s: ", of, name);
    struct gate_count c = {json_take_count(t, item, "n", 0, JSON_TAKE_COUNT_MAX),
                           json_take_count(t, item, "stopped", 0, JSON_TAKE_COUNT_MAX)};
    if (c.stopped > c.n)
        json_take_fail(t, "stopped", "more than n");
    return c;
}

static void take_limit(struct json_take *t, const cJSON *o, enum gate_limit l, struct gate_limits *limits)
{
    char of[40];
    if (!json_take_has(o, limit_of[l].name))
        return;
    json_take_at(t, "%s", "");
    const cJSON *item = json_take_object(t, o, limit_of[l].name);
    snprintf(of, sizeof of, "%s: ", limit_of[l].name);
    json_take_at(t, "%s", of);
    limits->limit[l] = json_take_number(t, item, "limit", -2, 1e30);
    limits->bound[l] = json_take_number(t, item, "bound", 0, 1);
    limits->photographs[l] = take_count(t, item, of, photographs);
    limits->installations[l] = take_count(t, item, of, installations);
}

int gate_limits_parse(const struct cJSON *o, struct gate_limits *limits, struct fmt_error *e)
{
    struct json_take t = {.e = e};
    struct gate_limits l = gate_no_limits();
    l.share = json_take_number(&t, o, "share", 0, 1);
    l.confidence = json_take_number(&t, o, "confidence", 0, 1);
    l.all_photographs = take_count(&t, o, "", photographs);
    l.all_installations = take_count(&t, o, "", installations);
    for (int i = 0; i < GATE_LIMITS; i++)
        take_limit(&t, o, (enum gate_limit)i, &l);
    if (!t.status)
        *limits = l;
    return t.status;
}
