/* scored-groups.h - groups with their scores by a rule: what thresholds are chosen on, and promises counted on.
 *
 *   struct scored_groups seen, query;
 *   scored_groups_make(&seen, &rows, classes, e);
 *   rule.n_views = scored_groups_common_views(&seen, warning);    or as many as are wanted
 *   scored_groups_choose(&seen, &rule, &wanted, &learned, e);     thresholds that keep the promises
 *   scored_groups_make(&query, &other_rows, classes, e);
 *   scored_groups_judge(&query, &rule);
 *   kept = thresholds_kept(&promise, &rule, &query.complete, level);
 *   scored_groups_release(&seen);
 */
#ifndef SCORED_GROUPS_H
#define SCORED_GROUPS_H

#include "rule-learn.h"
#include "thresholds.h"
#include "verdict-groups.h"

struct scored_groups {
    struct verdict_groups groups;
    double *score;                 /* [groups.n] */
    struct judged_groups complete; /* those with all views and a score */
    double *complete_score;        /* memory of `complete` */
    int8_t *complete_faulty;
};

/* As verdict_groups_make; there are no scores yet. On failure there is nothing to release. */
int scored_groups_make(struct scored_groups *s, const struct rows *rows, struct verdict_classes classes,
                       struct fmt_error *e);
void scored_groups_release(struct scored_groups *s);

enum { SCORED_GROUPS_TEXT = 200 };

/* The number of views that all groups have. Where they differ 0, not checked, and warning says how many have not the
 * usual number: "1 of 214 installations has 2 views, not 3: ..."; else it is "". */
int scored_groups_common_views(const struct scored_groups *s, char warning[SCORED_GROUPS_TEXT]);

/* Sets score and complete by a rule that is ready. */
void scored_groups_judge(struct scored_groups *s, const struct verdict_rule *r);

struct promises_wanted {
    const struct promise *promise;
    int n;
    uint64_t seed; /* of the folds of a learned rule */
};

/* The same where the rule is still to be made: learned if it is of that kind, with scores out of fold; then its
 * thresholds. Errors are those of rule_learn and thresholds_choose. */
int scored_groups_choose(struct scored_groups *s, struct verdict_rule *r, const struct promises_wanted *wanted,
                         struct rule_learned *learned, struct fmt_error *e);

/* Where the rule reviews more than half of the groups, which two hold its thresholds apart, the faulty one next to
 * pass_below and the good one next to fail_from, as their labels may be wrong: "160 of 174 installations are in review:
 * the thresholds are held apart by ...". Else "". */
enum { SCORED_GROUPS_APART = 800 };
void scored_groups_apart(const struct scored_groups *s, const struct verdict_rule *r, char text[SCORED_GROUPS_APART]);

/* How many groups get each verdict, incomplete ones and those without a score among them. */
struct verdict_counts scored_groups_count(const struct scored_groups *s, const struct verdict_rule *r);

#endif
