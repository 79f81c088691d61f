/* scores.h - from probabilities to all reported scores: at each level (images, their groups, each view number), with
 * operating points chosen on other rows and intervals that resample groups.
 *
 *   scores_run(&plan, &rows, &choice, pool, &list, e);   list.item[0] images, then groups, then views
 *   scores_report(&report, &plan, &list);                report.h
 *   scores_release(&list);
 */
#ifndef SCORES_H
#define SCORES_H

#include <stdbool.h>
#include <stdint.h>

#include "bootstrap.h"
#include "report.h"
#include "scores-level.h"
#include "threshold.h"
#include "thread.h"

struct scores_plan {
    int n_classes;
    char *const *class_name;
    int positive;    /* with two classes */
    /* Scores are distances, raw numbers of no fixed scale: what needs probabilities is not reported. Column proba has
     * the distance in the positive class, its negative in the other. */
    bool distances;
    bool group_mean; /* a group's score is the mean over its images, else the largest */
    const double *at_recall, *at_precision;
    int n_at_recall, n_at_precision;
    const struct linear_point *given; /* [LINEAR_LEVELS,scores_n_points]: chosen before, as stored; NULL: none */
    struct bootstrap bootstrap;       /* n_resamples 0: no intervals */
    const struct scores_level *level; /* [n_levels], images first; NULL: scores_levels */
    int n_levels;
};

struct scores {
    const struct scores_level *level;
    int32_t part;                 /* number of the part, as of the view; or -1 */
    int64_t n, n_groups, n_mixed; /* rows (images or groups), groups, groups of mixed labels that were left out */
    int n_values, n_points;
    struct linear_point *point;
    int n_tries;                 /* above 1: means of this many tries; low, high: their extremes */
    double *values, *low, *high; /* metrics.h; low, high NAN where there is no interval */
    int64_t *confusion;
};

struct scores_list {
    struct scores *item;
    int n;
};

/* rows: columns label, proba, group; group_view (without it no views are scored). choice: the rows on which thresholds
 * are chosen; NULL: the given thresholds are used, or none. If choice is rows itself, column fold is needed: thresholds
 * for a fold are chosen on the other folds, because scores at thresholds chosen on the same rows would be optimistic;
 * the reported threshold is that of all rows. Rows without a label do not count. */
int scores_run(const struct scores_plan *plan, const struct rows *rows, const struct rows *choice,
               struct thread_pool *pool, struct scores_list *list, struct fmt_error *e);
/* Thresholds of all points on these rows at a level, to be stored with a classifier. n: scores_n_points. */
int scores_n_points(const struct scores_plan *plan);
int scores_choose(const struct scores_plan *plan, const struct rows *rows, const struct scores_level *level,
                  struct thread_pool *pool, struct linear_point *point, struct fmt_error *e);
/* Adds the next try of the same work to sum and releases it; call scores_average after the last. */
int scores_add_try(struct scores_list *sum, struct scores_list *next, struct fmt_error *e);
void scores_average(struct scores_list *sum);
void scores_release(struct scores_list *list);

/* Whether a measure is reported: of distances, ranks alone; top-5 accuracy of more than five classes. */
bool scores_reported(const struct scores_plan *plan, enum metrics_whole what);
/* Adds a note: which class is the positive, and what that means for groups; or the classes. */
void scores_classes_note(struct report_node *report, const struct scores_plan *plan);
/* Adds the scores to a report, a record for each level; it points into plan and list. */
void scores_report(struct report_node *report, const struct scores_plan *plan, const struct scores_list *list);

#endif
