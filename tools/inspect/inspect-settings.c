/* inspect-settings.c - see inspect-settings.h. Reading collects the first error and goes on, so that the functions
 * below read like the page. */
#include "inspect-settings.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json-scan.h"
#include "json-take.h"
#include "precision.h"

enum { DEPTH_MAX = 16, VERSION = 3 };

static const char *const state_key[2] = {"chosen", "checked"};

struct inspect_settings inspect_settings_default(void)
{
    struct inspect_settings s = {.precision = "f32", .rule = {.how = RULE_MEAN_OF, .k = 1, .pass_below = NAN,
                                                              .fail_from = NAN},
                                 .gates = gate_no_limits()};
    group_pattern_parse(&s.pattern, GROUP_PATTERN_DEFAULT, NULL);
    return s;
}

void inspect_settings_release(struct inspect_settings *s)
{
    free(s->positive);
    s->positive = NULL;
    calibration_release(&s->calibration);
}

void inspect_settings_move(struct inspect_settings *to, struct inspect_settings *from)
{
    *to = *from;
    from->positive = NULL;
    from->calibration = (struct calibration){.n = 0};
}

/* ------------------------------------------------------------------ writing */
/* The patterns with | between them again. */
static void join_patterns(const struct group_pattern *p, char text[GROUP_PATTERN_MAX + 1])
{
    char *at = text;
    *at = 0;
    for (int i = 0; i < p->n; i++)
        at = stpcpy(stpcpy(at, i ? "|" : ""), group_pattern_one(p, i));
}

static void put_rule(cJSON *o, const struct verdict_rule *r)
{
    char text[RULE_TEXT_BYTES];
    cJSON_AddStringToObject(o, "group_score", rule_text(r, text));
    cJSON_AddNumberToObject(o, "views", r->n_views);
    if (r->how == RULE_LEARNED) {
        cJSON_AddBoolToObject(o, "log_odds", r->log_odds);
        cJSON_AddNumberToObject(o, "base", r->base);
        cJSON *list = cJSON_AddArrayToObject(o, "view_weight");
        for (int v = 0; v < RULE_VIEWS_MAX; v++)
            cJSON_AddItemToArray(list, r->view_known[v] ? cJSON_CreateDoubleArray(r->view_weight[v], 2)
                                                        : cJSON_CreateNull());
    }
    cJSON_AddNumberToObject(o, "pass_below", r->pass_below);
    cJSON_AddNumberToObject(o, "fail_from", r->fail_from);
}

static void put_counts(cJSON *o, const char *key, const struct verdict_counts *c)
{
    cJSON *all = cJSON_AddObjectToObject(o, key);
    for (int f = 0; f < VERDICT_LABELS; f++) {
        cJSON *of = cJSON_AddObjectToObject(all, verdict_label_names[f]);
        for (int v = 0; v < VERDICTS; v++)
            cJSON_AddNumberToObject(of, verdict_names[v], (double)c->n[f][v]);
    }
}

int inspect_settings_text(const struct inspect_settings *s, char **text, struct fmt_error *e)
{
    char pattern[GROUP_PATTERN_MAX + 1];
    cJSON *o = cJSON_CreateObject();
    join_patterns(&s->pattern, pattern);
    cJSON_AddNumberToObject(o, "version", VERSION);
    cJSON_AddStringToObject(o, "score", s->by_bank ? "bank" : "classifier");
    if (s->positive)
        cJSON_AddStringToObject(o, "positive", s->positive);
    cJSON_AddStringToObject(o, "precision", s->precision);
    cJSON_AddStringToObject(o, "group_pattern", pattern);
    put_rule(cJSON_AddObjectToObject(o, "rule"), &s->rule);
    cJSON_AddItemToObject(o, "promises", promise_outcomes_json(s->promise, s->n_promises, s->is_checked));
    cJSON *counts = cJSON_AddObjectToObject(o, "verdicts");
    put_counts(counts, state_key[0], &s->chosen);
    if (s->is_checked)
        put_counts(counts, state_key[1], &s->checked);
    if (s->calibration.n > 0)
        cJSON_AddItemToObject(o, "calibration", calibration_json(&s->calibration));
    if (s->gates.all_photographs.n > 0)
        cJSON_AddItemToObject(o, "gates", gate_limits_json(&s->gates));
    *text = o ? cJSON_Print(o) : NULL;
    cJSON_Delete(o);
    return *text ? 0 : fmt_no_memory(e);
}

/* ------------------------------------------------------------------ reading */
static void take_learned(struct json_take *t, const cJSON *o, struct verdict_rule *r)
{
    const cJSON *list = json_take_list(t, o, "view_weight", RULE_VIEWS_MAX, RULE_VIEWS_MAX), *pair;
    int v = -1;
    r->log_odds = json_take_bool(t, o, "log_odds");
    r->base = json_take_number(t, o, "base", -1e300, 1e300);
    cJSON_ArrayForEach(pair, list)
    {
        r->view_known[++v] = !cJSON_IsNull(pair);
        if (!r->view_known[v])
            continue;
        double centre = json_number(cJSON_GetArrayItem(pair, 0)), weight = json_number(cJSON_GetArrayItem(pair, 1));
        if (cJSON_GetArraySize(pair) != 2 || !isfinite(centre) || !(weight >= 0 && weight <= 1e300))
            json_take_fail(t, "view_weight", "neither null nor a pair of numbers, or a weight below 0");
        r->view_weight[v][0] = centre;
        r->view_weight[v][1] = weight;
    }
}

static void take_rule(struct json_take *t, const cJSON *o, struct verdict_rule *r)
{
    if (!rule_parse(r, json_take_text(t, o, "group_score")))
        json_take_fail(t, "group_score", "not max, mean, mean-of-K or learned");
    r->n_views = (int)json_take_count(t, o, "views", 0, 1000000);
    if (r->how == RULE_LEARNED)
        take_learned(t, o, r);
    r->pass_below = json_take_number(t, o, "pass_below", -1e300, 1e300);
    r->fail_from = json_take_number(t, o, "fail_from", r->pass_below, 1e300);
}

static void take_promises(struct json_take *t, const cJSON *o, struct inspect_settings *s)
{
    const cJSON *list = json_take_list(t, o, "promises", 0, PROMISE_KINDS);
    s->n_promises = promise_outcomes_take(t, list, s->promise);
    for (int i = 0; i < s->n_promises; i++)
        if (json_take_has(cJSON_GetArrayItem(list, i), state_key[1]) != s->is_checked)
            json_take_fail(t, state_key[1], "of some counts only");
}

static struct verdict_counts take_counts(struct json_take *t, const cJSON *all)
{
    struct verdict_counts c = {0};
    for (int f = 0; f < VERDICT_LABELS; f++) {
        const cJSON *of = json_take_object(t, all, verdict_label_names[f]);
        for (int v = 0; v < VERDICTS; v++)
            c.n[f][v] = json_take_count(t, of, verdict_names[v], 0, JSON_TAKE_COUNT_MAX);
    }
    return c;
}

static void take_version(struct json_take *t, const cJSON *o)
{
    int64_t version = json_take_count(t, o, "version", 1, 1000000);
    if (version > VERSION)
        json_take_fail(t, "version", "made by a newer version of dinotools");
    else if (version < VERSION)
        json_take_fail(t, "version", "made by a version of dinotools before its release; make it again");
}

static void take_all(struct json_take *t, const cJSON *o, struct inspect_settings *s)
{
    static const char *const score[] = {"classifier", "bank"}, *const precision[] = {"f32", "bf16", "int8"};
    json_take_unique(t, o);
    take_version(t, o);
    s->by_bank = json_take_word(t, o, "score", score, 2);
    strcpy(s->precision, precision[json_take_word(t, o, "precision", precision, 3)]);
    if (!t->status)
        t->status = group_pattern_parse(&s->pattern, json_take_text(t, o, "group_pattern"), t->e);
    take_rule(t, json_take_object(t, o, "rule"), &s->rule);
    const cJSON *verdicts = json_take_object(t, o, "verdicts"), *calibration = json_member(o, "calibration");
    s->is_checked = json_take_has(verdicts, state_key[1]);
    take_promises(t, o, s);
    s->chosen = take_counts(t, json_take_object(t, verdicts, state_key[0]));
    if (s->is_checked)
        s->checked = take_counts(t, json_take_object(t, verdicts, state_key[1]));
    const cJSON *gates = json_member(o, "gates");
    if (!t->status && gates && (t->status = gate_limits_parse(gates, &s->gates, t->e)))
        fmt_prefix(t->e, "settings: gates");
    if (!t->status && calibration && (t->status = calibration_parse(calibration, &s->calibration, t->e)))
        fmt_prefix(t->e, "settings");
    const char *positive = json_take_text_or(t, o, "positive", NULL);
    if (positive && !(s->positive = strdup(positive)) && !t->status)
        t->status = fmt_no_memory(t->e);
}

int inspect_settings_parse(struct inspect_settings *s, const char *text, size_t bytes, struct fmt_error *e)
{
    struct json_span root;
    *s = inspect_settings_default();
    int status = json_check(text, bytes, DEPTH_MAX, &root, e);
    if (status)
        return status;
    cJSON *o = cJSON_ParseWithLength(root.at, root.bytes); /* numbers as doubles, to the bit */
    struct json_take t = {.e = e, .status = o ? 0 : fmt_no_memory(e), .at = "settings: "};
    if (o)
        take_all(&t, o, s);
    cJSON_Delete(o);
    if (t.status)
        inspect_settings_release(s);
    return t.status;
}
