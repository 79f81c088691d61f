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

/* All rows of a group, labelled or not, as a row of `out`, in order of first appearance; column group of `rows` is not
 * needed, a row without a group's name is its own group. Sets columns proba (as above), label (of two classes positive
 * if any row is; of more -1 where labels are mixed; -1 without labels), group_name, weight (how many rows), and those
 * of the row that decides: key, group_view, extra. Of two classes that is the row with the largest probability of the
 * positive class, of more the one with the largest of the group's best class; of equal ones the first. */
int group_rows(struct rows *out, const struct rows *rows, int positive, bool mean, struct fmt_error *e);

#endif
