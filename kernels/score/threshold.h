/* threshold.h - operating points (struct linear_point): the best precision at a target recall, the best recall at a
 * target precision, and the threshold that gives it. A threshold is chosen on some rows (validation, or out of fold)
 * and applied to others.
 *
 * A row is predicted positive where its probability of the class is at least the threshold. Thresholds are among these
 * probabilities; of equally good ones the highest is chosen.
 */
#ifndef THRESHOLD_H
#define THRESHOLD_H

#include "linear.h"
#include "ranking.h"

/* Sets threshold, precision and recall of points of one class, p [n_points], on these rows: a row is positive if its
 * label is that class; rows without a label do not count; column weight, if there is one, weights the rows. */
void threshold_choose(struct linear_point *p, int n_points, const struct ranking *r, const struct rows *rows);

#endif
