/* row-sample.h - parts of labelled rows. */
#ifndef ROW_SAMPLE_H
#define ROW_SAMPLE_H

#include "rows.h"

/* The first n_each rows of each class in a random order drawn from (seed, draw), as published; in the order of r. */
int row_sample_per_class(struct rows *sample, const struct rows *r, int n_classes, int n_each, uint64_t seed,
                         int64_t draw, struct fmt_error *e);

/* For work that is expensive per row: about n_target rows (all, if there are fewer), divided evenly among classes, as
 * far as rows allow. Groups stay whole (a group of mixed labels belongs to its highest) and are spread evenly over
 * the groups of a class. Column `weight` of the sample: how many rows each represents. */
int row_sample_groups(struct rows *sample, const struct rows *r, int64_t n_target, struct fmt_error *e);

#endif
