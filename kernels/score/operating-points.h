/* operating-points.h - thresholds of a classifier's file (linear.h) to and from those of scores. Their order there:
 * those of images, then those of groups; of each, class by class, the target recalls, then the target precisions. */
#ifndef OPERATING_POINTS_H
#define OPERATING_POINTS_H

#include "linear.h"
#include "score-options.h"
#include "scores.h"

/* Chooses them on these rows, for m->point and the plan. given: of each level NULL or memory for free(). */
int operating_points_choose(const struct rows *rows, struct scores_plan *plan, struct thread_pool *pool,
                            struct threshold *given[SCORES_LEVELS], struct linear *m, struct fmt_error *e);
/* Takes those of the file for the plan, and their targets for o and the plan. FMT_LIMIT, FMT_INVALID: not usable. */
int operating_points_take(const struct linear *m, struct score_options *o, struct scores_plan *plan,
                          struct threshold *given[SCORES_LEVELS], struct fmt_error *e);

#endif
