/* row-sample.h - parts of labelled rows. */
#ifndef ROW_SAMPLE_H
#define ROW_SAMPLE_H

#include "rows.h"

/* Of the rows of each class the first n_each of a random order that is drawn from (seed, draw), as published; in the
 * order of r. */
int row_sample_per_class(struct rows *sample, const struct rows *r, int n_classes, int n_each, uint64_t seed,
                         int64_t draw, struct fmt_error *e);

/* For work that costs much for each row: about n_target rows (all, if there are no more), the same number of each class
 * as far as it has rows, whole groups (one of mixed labels belongs to the highest), spread evenly over the groups of a
 * class. Column `weight` of the sample: how many rows each represents. */
int row_sample_groups(struct rows *sample, const struct rows *r, int64_t n_target, struct fmt_error *e);

#endif
