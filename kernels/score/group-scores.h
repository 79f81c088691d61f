/* group-scores.h - probabilities of groups of images from those of their images. */
#ifndef GROUP_SCORES_H
#define GROUP_SCORES_H

#include "rows.h"

/* Sets columns proba, label, group (each row is its own group), and fold and weight if `rows` has them (those of the
 * group's last row). unit [rows->n]: the group of each row, 0 .. n_units - 1; rows without a label do not count.
 *
 * Two classes: the probability of the positive class is the largest or the mean over the rows; the group is positive if
 * any row is. More: probabilities are means, or the largest values divided by their sum; groups of mixed labels are
 * omitted and counted in n_mixed. */
int group_scores(struct rows *out, int64_t *n_mixed, const struct rows *rows, const int64_t *unit, int64_t n_units,
                 int positive, bool mean, struct fmt_error *e);

#endif
