/* differences.h - two classifiers on the same rows: the scores of each, and how much they differ, with intervals.
 *
 *   struct differences d;
 *   differences_run(&plan, &a, &b, pool, &d, e);
 *   differences_report(&report, &plan, &d);
 *
 * A difference is a score of b minus that of a. Its interval is paired: in each resample of groups both are scored on
 * the same rows, and the interval is between quantiles of the differences. Two scores that change alike from resample
 * to resample have wide intervals of their own and a narrow one of their difference.
 */
#ifndef DIFFERENCES_H
#define DIFFERENCES_H

#include "metrics.h"
#include "scores.h"

enum differences_side { DIFFERENCES_A, DIFFERENCES_B, DIFFERENCES_B_MINUS_A, DIFFERENCES_SIDES };

struct differences {
    struct differences_level {
        const struct scores_level *level;
        int64_t n, n_groups, n_mixed; /* as in struct scores */
        struct differences_scores {
            double value[METRICS_N_WHOLE], low[METRICS_N_WHOLE], high[METRICS_N_WHOLE]; /* NAN: not defined */
        } of[DIFFERENCES_SIDES];
    } level[SCORES_LEVELS];
    int n_levels; /* images; groups where they join images */
};

/* a, b: the same rows in the same order (prediction_set_check), columns label, proba and group. plan: classes, the
 * positive one, scores of groups, resamples. */
int differences_run(const struct scores_plan *plan, const struct rows *a, const struct rows *b,
                    struct thread_pool *pool, struct differences *d, struct fmt_error *e);
/* Whether b may take the place of a, by the interval of the difference of a score. With a margin of 0.01 b is worse if
 * all of the interval is more than 0.01 on the worse side (above 0 for log loss, Brier score and false alarms, else
 * below), and not worse if none of it is; otherwise these rows cannot tell. Undefined: there is no interval, as where
 * all rows are of one class. */
enum differences_verdict { DIFFERENCES_NOT_WORSE, DIFFERENCES_UNDECIDED, DIFFERENCES_WORSE, DIFFERENCES_UNDEFINED };
enum differences_verdict differences_judge(const struct differences_level *l, enum metrics_whole score, double margin);

/* Adds three records for each level: a, b, b - a. */
void differences_report(struct report_node *report, const struct scores_plan *plan, const struct differences *d);

#endif
