/* promise-outcome.c - see promise-outcome.h. */
#include "promise-outcome.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>

#include "binomial.h"
#include "json-take.h"

const char *const promise_state_names[PROMISE_STATES] = {"kept", "open", "broken", "unseen"};

static const struct promise_kept unseen = {0, 0, NAN, NAN, NAN, PROMISE_UNSEEN};

static enum promise_state state_of(const struct promise *p, const struct promise_kept *k)
{
    if (k->n == 0)
        return PROMISE_UNSEEN;
    return k->share <= p->share ? PROMISE_KEPT : k->low <= p->share ? PROMISE_OPEN : PROMISE_BROKEN;
}

struct promise_kept promise_outcome_kept(const struct promise *p, int64_t n, int64_t n_wrong, double level)
{
    struct promise_kept k = {n, n_wrong, NAN, NAN, NAN, PROMISE_UNSEEN};
    if (n == 0)
        return unseen;
    k.share = (double)n_wrong / (double)n;
    k.low = binomial_lower(n_wrong, n, (1 + level) / 2);
    k.high = binomial_upper(n_wrong, n, (1 + level) / 2);
    k.state = state_of(p, &k);
    return k;
}

struct promise_outcome promise_outcome_unseen(const struct promise *p)
{
    return (struct promise_outcome){*p, unseen, unseen};
}

/* ------------------------------------------------------------------ writing JSON */
static void put_kept(cJSON *o, const char *key, const struct promise_kept *k)
{
    cJSON *of = cJSON_AddObjectToObject(o, key);
    cJSON_AddNumberToObject(of, "installations", (double)k->n);
    cJSON_AddNumberToObject(of, "wrong", (double)k->n_wrong);
    if (k->n > 0) {
        cJSON_AddNumberToObject(of, "share", k->share);
        cJSON_AddNumberToObject(of, "low", k->low);
        cJSON_AddNumberToObject(of, "high", k->high);
    }
    cJSON_AddStringToObject(of, "state", promise_state_names[k->state]);
}

cJSON *promise_outcome_json(const struct promise_outcome *p, bool is_checked)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "promise", promise_names[p->promise.what]);
    cJSON_AddNumberToObject(o, "share", p->promise.share);
    cJSON_AddNumberToObject(o, "confidence", p->promise.confidence);
    put_kept(o, "chosen", &p->chosen);
    if (is_checked)
        put_kept(o, "checked", &p->checked);
    return o;
}

cJSON *promise_outcomes_json(const struct promise_outcome *p, int n, bool is_checked)
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < n; i++)
        cJSON_AddItemToArray(list, promise_outcome_json(&p[i], is_checked));
    return list;
}

/* ------------------------------------------------------------------ reading JSON */
static struct promise_kept take_kept(struct json_take *t, const cJSON *o, const struct promise *p)
{
    struct promise_kept k = unseen;
    k.n = json_take_count(t, o, "installations", 0, JSON_TAKE_COUNT_MAX);
    k.n_wrong = json_take_count(t, o, "wrong", 0, k.n);
    if (k.n > 0) {
        k.share = json_take_number(t, o, "share", 0, 1);
        k.low = json_take_number(t, o, "low", 0, k.share);
        k.high = json_take_number(t, o, "high", k.share, 1);
        if (fabs(k.share - (double)k.n_wrong / (double)k.n) > 1e-9)
            json_take_fail(t, "share", "not that of its installations");
    }
    k.state = (enum promise_state)json_take_word(t, o, "state", promise_state_names, PROMISE_STATES);
    if (k.state != state_of(p, &k))
        json_take_fail(t, "state", "not that of its share and interval");
    return k;
}

void promise_outcome_take(struct json_take *t, const cJSON *o, struct promise_outcome *p)
{
    *p = (struct promise_outcome){.chosen = unseen, .checked = unseen};
    p->promise.what = (enum promise_kind)json_take_word(t, o, "promise", promise_names, PROMISE_KINDS);
    p->promise.share = json_take_number(t, o, "share", 0, 1);
    p->promise.confidence = json_take_number(t, o, "confidence", 0, 1);
    if (!(p->promise.share > 0 && p->promise.share < 1 && p->promise.confidence < 1))
        json_take_fail(t, "share, confidence", "a share of 0 or 1, or a confidence of 1, is no promise");
    p->chosen = take_kept(t, json_take_object(t, o, "chosen"), &p->promise);
    if (json_take_has(o, "checked"))
        p->checked = take_kept(t, json_take_object(t, o, "checked"), &p->promise);
}

int promise_outcomes_take(struct json_take *t, const cJSON *list, struct promise_outcome p[PROMISE_KINDS])
{
    const cJSON *o;
    int n = 0;
    cJSON_ArrayForEach(o, list)
    {
        if (n == PROMISE_KINDS || t->status)
            break;
        promise_outcome_take(t, o, &p[n]);
        if (n > 0 && p[n].promise.what == p[0].promise.what)
            json_take_fail(t, "promise", "two of one kind");
        n++;
    }
    return n;
}

/* ------------------------------------------------------------------ a warning */
bool promises_warn_broken(const struct promise_outcome *promise, int n, const char *path,
                          void (*warn)(const char *format, ...))
{
    bool broken = false;
    for (int i = 0; i < n; i++) {
        const struct promise_kept *k = &promise[i].checked;
        char text[PROMISE_TEXT_BYTES];
        if (k->state != PROMISE_BROKEN)
            continue;
        broken = true;
        warn("%s: a promise is broken, %s: %" PRId64 " of %" PRId64, path, promise_text(&promise[i].promise, text),
             k->n_wrong, k->n);
    }
    return broken;
}
