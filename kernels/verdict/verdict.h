/* verdict.h - from the scores of the photographs of a group (an installation) to a verdict on it. A larger score is
 * worse; whether scores are probabilities or distances does not matter.
 *
 *   struct verdict_rule rule = {.how = RULE_MEAN_OF, .k = 1, .n_views = 3};     thresholds: thresholds.h
 *   double score = rule_score(&rule, scores, views, n);
 *   enum verdict v = rule_verdict(&rule, score, rule_views(&rule, views, n));
 *
 * The score of a group, by rule:
 *   mean of  the mean of the k largest scores of its photographs; of all where there are fewer (mean-of.h)
 *   learned  1 / (1 + exp(-(base + sum over views v of weight_v (x_v - centre_v)))), x_v the largest score of
 *            the photographs of view v, as log odds where scores are probabilities; a view that is not there
 *            adds nothing. So a view whose scores say little, as an uncertain close-up, counts little. With a
 *            photograph whose view has no number, or was not learned (rule-learn.h), there is no score: NAN,
 *            and a person has to look.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "mean-of.h"

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_REVIEW, VERDICT_INCOMPLETE, VERDICTS };
extern const char *const verdict_names[VERDICTS]; /* "pass", "fail", "review", "incomplete" */

/* How many groups get each verdict, by their labels; all: also those of unknown label. */
enum verdict_label { VERDICT_GOOD, VERDICT_FAULTY, VERDICT_ALL, VERDICT_LABELS };
extern const char *const verdict_label_names[VERDICT_LABELS]; /* "good", "faulty", "all" */
struct verdict_counts {
    int64_t n[VERDICT_LABELS][VERDICTS];
};

enum rule_how { RULE_MEAN_OF, RULE_LEARNED };

enum { RULE_VIEWS_MAX = 32, RULE_TEXT_BYTES = MEAN_OF_TEXT_BYTES }; /* view numbers 0 .. 31 can be learned */

struct verdict_rule {
    enum rule_how how;
    int32_t k;   /* mean of: of how many, from 1 on, or MEAN_OF_ALL */
    int n_views; /* views that a group must have; 0: not checked */

    /* Learned: */
    bool log_odds; /* scores of photographs are probabilities */
    double base;
    bool view_known[RULE_VIEWS_MAX];       /* learned */
    double view_weight[RULE_VIEWS_MAX][2]; /* centre_v, weight_v */

    double pass_below, fail_from; /* pass_below <= fail_from; thresholds.h */
};

/* "max", "mean", "mean-of-3" or "learned": sets how, and k. false, and *r untouched: another text. */
bool rule_parse(struct verdict_rule *r, const char *text);
const char *rule_text(const struct verdict_rule *r, char text[RULE_TEXT_BYTES]);

/* scores [n], n from 1 on; views [n] their numbers, -1 unknown, or NULL: all unknown. The order does not matter, to the
 * bit. NAN where a score is, or where the rule does not know a view. */
double rule_score(const struct verdict_rule *r, const double *scores, const int32_t *views, int n);
/* x [RULE_VIEWS_MAX]: of each view its largest score, as log odds where the rule says so; NAN: not there. */
void rule_view_scores(const struct verdict_rule *r, const double *scores, const int32_t *views, int n, double *x);
/* How many views the photographs show: different view numbers, and each photograph without one. */
int rule_views(const int32_t *views, int n);
/* Incomplete where there are fewer views than expected, whatever the score; else pass below pass_below, fail from
 * fail_from on, review between. A score that is no number is never a pass: review. */
enum verdict rule_verdict(const struct verdict_rule *r, double score, int n_views);
/* Why: "score: 0.43, between 0.2 and 0.6", "views: 2 of 3", "views: one that the rule does not know". */
enum { VERDICT_REASON_BYTES = 96 };
const char *rule_reason(const struct verdict_rule *r, double score, int n_views, char text[VERDICT_REASON_BYTES]);

#endif
