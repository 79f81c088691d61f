/* inspect-settings.c - see inspect-settings.h. Reading collects the first error and goes on, so that the functions
 * below read like the page. */
#include "inspect-settings.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json-scan.h"
#include "precision.h"
#include "text.h"

enum { DEPTH_MAX = 16, VERSION = 1 };

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
            cJSON_AddItemToArray(list, cJSON_CreateDoubleArray(r->view_weight[v], 2));
    }
    cJSON_AddNumberToObject(o, "pass_below", r->pass_below);
    cJSON_AddNumberToObject(o, "fail_from", r->fail_from);
}

static void put_kept(cJSON *o, const char *key, const struct promise_kept *k)
{
    cJSON *of = cJSON_AddObjectToObject(o, key);
    cJSON_AddNumberToObject(of, "groups", (double)k->n);
    cJSON_AddNumberToObject(of, "wrong", (double)k->n_wrong);
    if (k->n > 0) {
        cJSON_AddNumberToObject(of, "share", k->share);
        cJSON_AddNumberToObject(of, "low", k->low);
        cJSON_AddNumberToObject(of, "high", k->high);
    }
    cJSON_AddStringToObject(of, "state", promise_state_names[k->state]);
}

cJSON *inspect_promises_json(const struct inspect_settings *s)
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < s->n_promises; i++) {
        const struct promise_outcome *p = &s->promise[i];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "what", promise_names[p->promise.what]);
        cJSON_AddNumberToObject(o, "share", p->promise.share);
        cJSON_AddNumberToObject(o, "confidence", p->promise.confidence);
        put_kept(o, state_key[0], &p->chosen);
        if (s->is_checked)
            put_kept(o, state_key[1], &p->checked);
        cJSON_AddItemToArray(list, o);
    }
    return list;
}

static const char *const counted[3] = {"good", "faulty", "all"};

static void put_counts(cJSON *o, const char *key, const struct verdict_counts *c)
{
    cJSON *all = cJSON_AddObjectToObject(o, key);
    for (int f = 0; f < 3; f++) {
        cJSON *of = cJSON_AddObjectToObject(all, counted[f]);
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
    cJSON_AddItemToObject(o, "promises", inspect_promises_json(s));
    cJSON *counts = cJSON_AddObjectToObject(o, "verdicts");
    put_counts(counts, state_key[0], &s->chosen);
    if (s->is_checked)
        put_counts(counts, state_key[1], &s->checked);
    if (s->calibration.n > 0)
        cJSON_AddItemToObject(o, "calibration", calibration_json(&s->calibration));
    cJSON_AddItemToObject(o, "gates", gate_limits_json(&s->gates));
    *text = o ? cJSON_Print(o) : NULL;
    cJSON_Delete(o);
    return *text ? 0 : fmt_no_memory(e);
}

/* ------------------------------------------------------------------ reading */
struct taking {
    struct fmt_error *e;
    int status;
};

static void fail(struct taking *t, const char *key, const char *reason)
{
    if (!t->status)
        t->status = fmt_fail(t->e, FMT_INVALID, "settings: %s: %s", key, reason);
}

/* Of two values under one key readers take the one or the other: neither is certain. */
static void refuse_repeated(struct taking *t, const cJSON *o)
{
    int n = 0, size = cJSON_GetArraySize(o);
    const char **key = cJSON_IsObject(o) && size > 1 ? malloc((size_t)size * sizeof *key) : NULL;
    const cJSON *member;
    cJSON_ArrayForEach(member, o)
    {
        refuse_repeated(t, member);
        if (key)
            key[n++] = member->string;
    }
    if (key)
        qsort(key, (size_t)n, sizeof *key, text_order);
    for (int i = 1; i < n; i++)
        if (strcmp(key[i], key[i - 1]) == 0)
            fail(t, key[i], "is there twice");
    if (!key && cJSON_IsObject(o) && size > 1)
        t->status = fmt_no_memory(t->e);
    free(key);
}

static double take_number(struct taking *t, const cJSON *o, const char *key, double low, double high)
{
    const cJSON *v = json_member(o, key);
    if (cJSON_IsNumber(v) && v->valuedouble >= low && v->valuedouble <= high)
        return v->valuedouble;
    fail(t, key, v ? "no number, or beyond its limits" : "missing");
    return low;
}

static int64_t take_count(struct taking *t, const cJSON *o, const char *key, double low, double high)
{
    double v = take_number(t, o, key, low, high);
    if (v != floor(v))
        fail(t, key, "no whole number");
    return (int64_t)v;
}

static const char *take_text(struct taking *t, const cJSON *o, const char *key)
{
    const char *text = cJSON_GetStringValue(json_member(o, key));
    if (!text)
        fail(t, key, "no text");
    return text ? text : "";
}

/* The index of a word in a list. */
static int take_word(struct taking *t, const cJSON *o, const char *key, const char *const *word, int n)
{
    const char *text = take_text(t, o, key);
    for (int i = 0; i < n; i++)
        if (strcmp(text, word[i]) == 0)
            return i;
    fail(t, key, "a word that this version does not know");
    return 0;
}

static void take_learned(struct taking *t, const cJSON *o, struct verdict_rule *r)
{
    const cJSON *list = json_member(o, "view_weight"), *pair;
    int v = 0;
    const cJSON *log_odds = json_member(o, "log_odds");
    if (!cJSON_IsBool(log_odds))
        fail(t, "log_odds", "neither true nor false");
    r->log_odds = cJSON_IsTrue(log_odds);
    r->base = take_number(t, o, "base", -1e300, 1e300);
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != RULE_VIEWS_MAX)
        fail(t, "view_weight", "not one pair of numbers for each view");
    cJSON_ArrayForEach(pair, list)
    {
        const cJSON *a = cJSON_GetArrayItem(pair, 0), *b = cJSON_GetArrayItem(pair, 1);
        if (v >= RULE_VIEWS_MAX || cJSON_GetArraySize(pair) != 2 || !cJSON_IsNumber(a) || !cJSON_IsNumber(b)) {
            fail(t, "view_weight", "no pair of numbers");
            return;
        }
        if (!isfinite(a->valuedouble) || !(b->valuedouble >= 0 && b->valuedouble <= 1e300))
            fail(t, "view_weight", "a centre beyond all limits, or a weight below 0");
        r->view_weight[v][0] = a->valuedouble;
        r->view_weight[v++][1] = b->valuedouble;
    }
}

static void take_rule(struct taking *t, const cJSON *o, struct verdict_rule *r)
{
    if (!rule_parse(r, take_text(t, o, "group_score")))
        fail(t, "group_score", "a word that this version does not know");
    r->n_views = (int)take_count(t, o, "views", 0, 1e6);
    if (r->how == RULE_LEARNED)
        take_learned(t, o, r);
    r->pass_below = take_number(t, o, "pass_below", -1e300, 1e300);
    r->fail_from = take_number(t, o, "fail_from", -1e300, 1e300);
    if (r->pass_below > r->fail_from)
        fail(t, "pass_below", "is above fail_from");
}

static struct promise_kept take_kept(struct taking *t, const cJSON *o)
{
    enum { STATES = PROMISE_UNSEEN + 1 };
    struct promise_kept k = {.share = NAN, .low = NAN, .high = NAN};
    k.n = take_count(t, o, "groups", 0, 1e15);
    k.n_wrong = take_count(t, o, "wrong", 0, (double)k.n);
    k.state = (enum promise_state)take_word(t, o, "state", promise_state_names, STATES);
    if (k.n > 0) {
        k.share = take_number(t, o, "share", 0, 1);
        k.low = take_number(t, o, "low", 0, 1);
        k.high = take_number(t, o, "high", 0, 1);
    }
    return k;
}

static void take_promises(struct taking *t, const cJSON *list, struct inspect_settings *s)
{
    const cJSON *o;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > PROMISE_KINDS)
        fail(t, "promises", "no list of at most two");
    cJSON_ArrayForEach(o, list)
    {
        if (t->status)
            return;
        struct promise_outcome *p = &s->promise[s->n_promises++];
        p->promise.what = (enum promise_kind)take_word(t, o, "what", promise_names, PROMISE_KINDS);
        p->promise.share = take_number(t, o, "share", 0, 1);
        p->promise.confidence = take_number(t, o, "confidence", 0, 1);
        p->chosen = take_kept(t, json_member(o, state_key[0]));
        if (s->is_checked)
            p->checked = take_kept(t, json_member(o, state_key[1]));
    }
}

static struct verdict_counts take_counts(struct taking *t, const cJSON *all)
{
    struct verdict_counts c = {0};
    for (int f = 0; f < 3; f++)
        for (int v = 0; v < VERDICTS; v++)
            c.n[f][v] = take_count(t, json_member(all, counted[f]), verdict_names[v], 0, 1e15);
    return c;
}

static void take_all(struct taking *t, const cJSON *o, struct inspect_settings *s)
{
    static const char *const score[] = {"classifier", "bank"}, *const precision[] = {"f32", "bf16", "int8"};
    const cJSON *verdicts = json_member(o, "verdicts"), *positive = json_member(o, "positive");
    const cJSON *calibration = json_member(o, "calibration");
    refuse_repeated(t, o);
    if (take_count(t, o, "version", 1, 1e6) != VERSION)
        fail(t, "version", "made by a newer version of dinotools");
    s->by_bank = take_word(t, o, "score", score, 2);
    strcpy(s->precision, precision[take_word(t, o, "precision", precision, 3)]);
    if (!t->status)
        t->status = group_pattern_parse(&s->pattern, take_text(t, o, "group_pattern"), t->e);
    take_rule(t, json_member(o, "rule"), &s->rule);
    s->is_checked = json_member(verdicts, state_key[1]) != NULL;
    take_promises(t, json_member(o, "promises"), s);
    s->chosen = take_counts(t, json_member(verdicts, state_key[0]));
    if (s->is_checked)
        s->checked = take_counts(t, json_member(verdicts, state_key[1]));
    if (!t->status)
        t->status = gate_limits_parse(json_member(o, "gates"), &s->gates, t->e);
    if (!t->status && calibration && (t->status = calibration_parse(calibration, &s->calibration, t->e)))
        fmt_prefix(t->e, "settings");
    if (positive && !(s->positive = strdup(take_text(t, o, "positive"))))
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
    struct taking t = {.e = e, .status = o ? 0 : fmt_no_memory(e)};
    if (o)
        take_all(&t, o, s);
    cJSON_Delete(o);
    if (t.status)
        inspect_settings_release(s);
    return t.status;
}
