/* curve.h - the curves of two classes over all thresholds, with bands from resamples of groups, and calibration.
 *
 *   struct curve roc;
 *   curve_make(&roc, CURVE_ROC, &rows, &ranking, positive, &bootstrap, pool, e);
 *   roc.x, roc.y [n]              the curve itself, from its first point to its last
 *   roc.grid, low, high [CURVE_GRID]      the band
 *   curve_release(&roc);
 *
 * ROC: x the share of negatives that reach a threshold, y that of positives; from (0, 0) to (1, 1), a straight line
 * between the thresholds, as AUROC counts. Precision-recall: x the recall, y the precision of a threshold, in steps: a
 * recall between two thresholds is had at the lower one, as average precision counts.
 *
 * The band is that of y at each x of a grid: the quantiles (1 - level) / 2 and (1 + level) / 2 of the resamples'
 * curves, drawn as those of bootstrap.h, pointwise. It is NAN where fewer than half of the resamples define the curve.
 */
#ifndef CURVE_H
#define CURVE_H

#include "bootstrap.h"
#include "ranking.h"
#include "rows.h"
#include "thread.h"

enum curve_kind { CURVE_ROC, CURVE_PRECISION_RECALL };
enum { CURVE_GRID = 101 }; /* x = 0, 0.01 ... 1 */

struct curve {
    int64_t n;     /* 0: not defined: a class is missing */
    double *x, *y; /* [n], x ascending */
    double grid[CURVE_GRID], low[CURVE_GRID], high[CURVE_GRID];
};

/* rows: labels of all (0, 1), proba, group; ranking: of their proba. b->n_resamples 0: no band. */
int curve_make(struct curve *c, enum curve_kind kind, const struct rows *rows, const struct ranking *ranking,
               int positive, const struct bootstrap *b, struct thread_pool *pool, struct fmt_error *e);
void curve_release(struct curve *c);
/* y of the curve at x of 0 .. 1; NAN where n is 0. */
double curve_at(const struct curve *c, enum curve_kind kind, double x);

/* Calibration: rows by their probability, in bins of equal width; of each bin the mean probability and how many rows
 * are positive. */
enum { CURVE_BINS = 10 };
struct curve_bin {
    int64_t n, n_positive, n_groups; /* n 0: an empty bin */
    double mean;                     /* of the probabilities */
};
void curve_calibration(const struct rows *rows, int positive, struct curve_bin bin[CURVE_BINS]);

#endif
