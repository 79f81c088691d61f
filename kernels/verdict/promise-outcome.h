/* promise-outcome.h - what became of a promise (promise.h) on the groups that thresholds were chosen on, and on others;
 * and its JSON, which is one wherever a promise is written or read: settings of an inspector, heads of lines, reports.
 *
 *   {"promise":"missed","share":0.05,"confidence":0.95,
 *    "chosen":{"installations":60,"wrong":1,"share":0.0167,"low":0.0004,"high":0.0894,"state":"kept"},
 *    "checked":{"installations":0,"wrong":0,"state":"unseen"}}
 *
 * confidence 0: on average. share, low and high are missing where there are no installations of the kind, checked
 * where nothing was checked.
 */
#ifndef PROMISE_OUTCOME_H
#define PROMISE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "promise.h"

struct cJSON;
struct json_take;

enum promise_state {
    PROMISE_KEPT,   /* the share seen is at most the promised one */
    PROMISE_OPEN,   /* above it, but the promised one is within the interval: more groups would tell */
    PROMISE_BROKEN, /* the whole interval is above it */
    PROMISE_UNSEEN, /* there is no group of the kind */
    PROMISE_STATES
};
extern const char *const promise_state_names[PROMISE_STATES]; /* "kept", "open", "broken", "unseen" */

struct promise_kept {
    int64_t n, n_wrong;      /* groups of the kind; of these passed (missed), failed (alarms) */
    double share, low, high; /* n_wrong / n, and its interval by binomial.h, both sides; NAN without groups */
    enum promise_state state;
};

struct promise_outcome {
    struct promise promise;
    struct promise_kept chosen, checked; /* not checked: unseen */
};

/* Of n groups of the kind n_wrong are wrong. level: of the interval, as 0.95. */
struct promise_kept promise_outcome_kept(const struct promise *p, int64_t n, int64_t n_wrong, double level);
/* Nothing was seen. */
struct promise_outcome promise_outcome_unseen(const struct promise *p);

/* A new object; NULL: no memory. */
struct cJSON *promise_outcome_json(const struct promise_outcome *p, bool is_checked);
/* Of n promises a new list. */
struct cJSON *promise_outcomes_json(const struct promise_outcome *p, int n, bool is_checked);
/* From an object (json-take.h), which may have further members. */
void promise_outcome_take(struct json_take *t, const struct cJSON *o, struct promise_outcome *p);
/* From a list of at most two, of different kinds; returns how many. */
int promise_outcomes_take(struct json_take *t, const struct cJSON *list, struct promise_outcome p[PROMISE_KINDS]);

/* Whether one of n promises is broken on others. Each that is gets a warning, which begins with `path`: the others. */
bool promises_warn_broken(const struct promise_outcome *promise, int n, const char *path,
                          void (*warn)(const char *format, ...));

#endif
