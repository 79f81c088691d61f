/* rule-learn.h - the weights of the learned rule (verdict.h): how much the score of each view says of its group.
 *
 *     minimise  sum_i CE(y_i, sigmoid(b + sum_v w_v (x_iv - c_v)))
 *                   + lambda / 2 sum_v (w_v - mean w)^2 + mu / 2 (mean w)^2        where all w_v >= 0
 *
 * over the labelled groups i with as many views as the rule expects, all of them numbered; x_iv, in units of the
 * deviation of all x, is the score of view v, c_v its mean; a view that is not there adds nothing. A larger score is
 * never better, so no weight is negative. Large lambda: all views count alike, which is what a few groups can tell;
 * small lambda: each counts for what it said. The lambda of a small grid is taken that is best, by log loss, on groups
 * that the weights were not learned from; of equal ones the largest. mu is fixed and small: it keeps weights finite
 * where the groups can be separated.
 *
 * Newton's method; in each step the quadratic is minimised over w >= 0 by coordinate descent.
 */
#ifndef RULE_LEARN_H
#define RULE_LEARN_H

#include <stdint.h>

#include "fmt.h"
#include "verdict-groups.h"
#include "verdict.h"

enum { RULE_LEARN_FOLDS = 10 };

struct rule_learned {
    double lambda;
    double log_loss;          /* per group, out of fold, at this lambda */
    int64_t n_faulty, n_good; /* groups that it was learned from */
};

/* Sets base and view_weight of r; how and n_views are given, log_odds as well. out_of_fold [g->n]: the score of each
 * group by weights of the folds that it is not in, of groups that do not count by all: thresholds are chosen on these.
 * Folds are drawn from the seed. FMT_LIMIT: too few groups of a kind for the folds. */
int rule_learn(struct verdict_rule *r, const struct verdict_groups *g, uint64_t seed, double *out_of_fold,
               struct rule_learned *learned, struct fmt_error *e);

#endif
