/* threshold.h - operating points: the best precision at a wanted recall, the best recall at a wanted precision, and
 * the threshold that gives it. A threshold is chosen on some rows (validation, or out of fold) and applied to others.
 *
 * A row is called positive where its score is at least the threshold. Thresholds are among the scores; of equally
 * good ones the highest is taken.
 */
#ifndef THRESHOLD_H
#define THRESHOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "ranking.h"

struct threshold {
    int of_class;
    bool at_recall; /* wanted is a recall, else a precision */
    double wanted;
    double value;             /* NAN: what is wanted cannot be had on the rows of the choice */
    double precision, recall; /* there */
};

/* Sets value, precision and recall of points of one class, t [n_points], from the rows of the table that was ranked,
 * score [n,n_classes]: positive where label[i] is that class; rows with label < 0 do not count. weight [n]: how many
 * rows each stands for, or NULL: 1. */
void threshold_choose(struct threshold *t, int n_points, const struct ranking *r, const double *score,
                      const int32_t *label, const double *weight);

#endif
