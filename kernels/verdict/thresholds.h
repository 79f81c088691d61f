/* thresholds.h - thresholds of a rule that keep promises (promise.h), by order statistics of the scores of groups that
 * the classifier has not learned from: validation, or out of fold.
 *
 *   missed  pass_below is just below the r-th smallest score of the faulty groups
 *   alarms  fail_from is just above the r-th largest score of the good groups
 *
 * r is the largest that keeps the promise (promise_rank). It depends on the number of groups alone, so the bound is
 * exact although the threshold is chosen on these groups, whatever the distribution of scores: a tolerance bound (Wilks
 * 1941). It speaks of groups that are drawn as these were; a wrong label among them makes thresholds more careful.
 *
 * Where pass_below would lie above fail_from both promises are kept without review, by one threshold in the middle.
 * With one promise there is one threshold, and no review.
 *
 *   struct judged_groups g = {score, faulty, n};
 *   thresholds_choose(&rule, &g, promises, n_promises, e);
 *   kept = thresholds_kept(&promises[0], &rule, &others, 0.95);
 */
#ifndef THRESHOLDS_H
#define THRESHOLDS_H

#include <stdint.h>

#include "fmt.h"
#include "promise-outcome.h"
#include "verdict.h"

/* One score per group. Incomplete groups do not belong here: a promise is about those that get a verdict by score. */
struct judged_groups {
    const double *score;   /* [n] no NAN */
    const int8_t *faulty;  /* [n] 1, 0; -1: unknown, does not count */
    int64_t n;
};

/* Sets pass_below and fail_from. promises [n]: one or two, of different kinds. FMT_LIMIT: there are too few groups; the
 * text has the numbers needed, of each promise: "missed 5 %, 95 % sure: needs 59 faulty installations, has 41".
 * Untouched then. */
int thresholds_choose(struct verdict_rule *r, const struct judged_groups *g, const struct promise *promises, int n,
                      struct fmt_error *e);

/* What became of a promise on these groups. level: of the interval, as 0.95. */
struct promise_kept thresholds_kept(const struct promise *p, const struct verdict_rule *r,
                                    const struct judged_groups *g, double level);

#endif
