/* group-scores.h - one row of probabilities for each group of images, from those of its rows. */
#ifndef GROUP_SCORES_H
#define GROUP_SCORES_H

#include "rows.h"

/* Columns proba, label, group (each row its own), and fold and weight where `rows` has them (those of any of the
 * group's rows). unit [rows->n]: the group of each row, 0 .. n_units - 1; rows without a label do not count.
 *
 * Two classes: the probability of the positive class is the largest or the mean of the rows', and the group is positive
 * if a row is. More: probabilities are means, or largest values over their sum; groups of mixed labels are left out and
 * counted in n_mixed. */
int group_scores(struct rows *out, int64_t *n_mixed, const struct rows *rows, const int64_t *unit, int64_t n_units,
                 int positive, bool mean, struct fmt_error *e);

#endif
