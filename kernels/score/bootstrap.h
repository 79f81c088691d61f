/* bootstrap.h - percentile intervals of scores: groups are drawn with replacement, as many as there are, because views
 * of one installation are not independent. Resample r is drawn from (seed, r): threads do not matter.
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

/* Groups are those of m's rows. low, high [m->n_values]; NAN where fewer than half of the resamples define a score. */
int bootstrap_run(const struct bootstrap *b, const struct metrics *m, struct thread_pool *pool, double *low,
                  double *high, struct fmt_error *e);

#endif
