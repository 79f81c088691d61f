/* make-thresholds.h - the thresholds of an inspector, and what becomes of its promises. Thresholds are chosen on
 * labelled photographs (scored-set.h); or, from good parts only, on the good photographs that the bank knows
 * (bank-good.h); or they are given.
 *
 *   struct make_thresholds t = {.choose = "val.feat", .promise = {...}, .n_promises = 1, .level = 0.95, .warn = warn};
 *   make_thresholds_run(&t, &judge, e);                  into judge.settings: rule, promises, verdicts, calibration
 *   make_thresholds_inputs(&t, &judge, &provenance, e);
 *   make_thresholds_release(&t);                         also after a failure
 */
#ifndef MAKE_THRESHOLDS_H
#define MAKE_THRESHOLDS_H

#include "judge.h"
#include "rule-learn.h"
#include "scored-set.h"

enum { MAKE_CHOOSE, MAKE_TEST, MAKE_SETS };

struct make_thresholds {
    const char *choose, *test;             /* sets of scores; NULL: none */
    const char *bank;                      /* without `choose`: its name in messages; NULL: thresholds are given */
    int n_views;                           /* of an installation; 0: not checked; -1: as many as all of them have */
    struct promise promise[PROMISE_KINDS]; /* wanted; of a bank about alarms alone */
    int n_promises;
    double pass_below, fail_from;          /* where they are given */
    double level;                          /* of the intervals of what was seen */
    void (*warn)(const char *format, ...);
    /* output */
    struct rule_learned learned;   /* of RULE_LEARNED */
    int64_t n_left_out[MAKE_SETS]; /* photographs without a score */
    bool is_judged[MAKE_SETS];     /* of sets of photographs: verdicts as the inspector gives them, with its gates */
    struct verdict_counts judged[MAKE_SETS];
    struct scored_set set[MAKE_SETS];
    bool has_set[MAKE_SETS];
    struct rows good; /* of the bank */
};

/* The rule's kind stands in the judge's settings. FMT_LIMIT: too few installations for a promise, with the number that
 * it needs. FMT_INVALID: those of `test` are among those that thresholds were chosen on. */
int make_thresholds_run(struct make_thresholds *t, struct judge *j, struct fmt_error *e);
/* Adds what the sets are of to the provenance. */
int make_thresholds_inputs(struct make_thresholds *t, struct judge *j, struct provenance *p, struct fmt_error *e);
void make_thresholds_release(struct make_thresholds *t);

#endif
