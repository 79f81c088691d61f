/* bootstrap.h - percentile intervals of scores: groups, not rows, are resampled with replacement, because views of one
 * installation are not independent. Resample r is drawn from (seed, r): results do not depend on threads.
 */
#ifndef BOOTSTRAP_H
#define BOOTSTRAP_H

#include <stdint.h>

#include "metrics.h"
#include "thread.h"

struct bootstrap {
    int n_resamples;
    double level; /* 0.95: between the quantiles 0.025 and 0.975, interpolated */
    uint64_t seed;
};

/* Resamples the groups of m's rows. low, high [m->n_values]; NAN if fewer than half of the resamples define a score. */
int bootstrap_run(const struct bootstrap *b, const struct metrics *m, struct thread_pool *pool, double *low,
                  double *high, struct fmt_error *e);
/* Paired: the same of the differences m - other, where both are computed in each resample from the same groups. The
 * rows of the two are the same images in the same order, in the same groups. */
int bootstrap_difference(const struct bootstrap *b, const struct metrics *m, const struct metrics *other,
                         struct thread_pool *pool, double *low, double *high, struct fmt_error *e);

/* The parts of a resample, for other figures than metrics: how often each of n groups is drawn in resample r, and the
 * interval between the quantiles of values [n_resamples], which are sorted. NAN values do not count. */
void bootstrap_draw(const struct bootstrap *b, int64_t r, int64_t n_groups, int32_t *count);
void bootstrap_interval(const struct bootstrap *b, double *values, double *low, double *high);

#endif
