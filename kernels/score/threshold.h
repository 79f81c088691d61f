/* threshold.h - operating points: the best precision at a target recall, the best recall at a target precision, and
 * the threshold that gives it. A threshold is chosen on some rows (validation, or out of fold) and applied to others.
 *
 * A row is predicted positive where its probability of the class is at least the threshold. Thresholds are among these
 * probabilities; of equally good ones the highest is taken.
 */
#ifndef THRESHOLD_H
#define THRESHOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "ranking.h"

struct threshold {
    int of_class;
    bool at_recall; /* the target is a recall, else a precision */
    double target;
    double value;             /* NAN: no threshold reaches the target on the rows where it was chosen */
    double precision, recall; /* on these rows */
};

/* Sets value, precision and recall of points of one class, t [n_points], on these rows: positive where the label is
 * that class; rows without a label do not count; a row counts as often as column weight says, if there is one. */
void threshold_choose(struct threshold *t, int n_points, const struct ranking *r, const struct rows *rows);

#endif
