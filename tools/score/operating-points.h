/* operating-points.h - thresholds that are stored with a classifier (linear.h). Their order in the file: images first,
 * then groups; within each, class by class, the target recalls, then the target precisions. */
#ifndef OPERATING_POINTS_H
#define OPERATING_POINTS_H

#include "linear.h"
#include "score-options.h"
#include "scores.h"

/* Chooses the thresholds on these rows, stores them in m, and makes the plan point to them. */
int operating_points_choose(const struct rows *rows, struct scores_plan *plan, struct thread_pool *pool,
                            struct linear *m, struct fmt_error *e);
/* Makes the plan use the thresholds of m, and sets their targets in o and the plan. FMT_LIMIT, FMT_INVALID: unusable.
 * */
int operating_points_restore(const struct linear *m, struct score_options *o, struct scores_plan *plan,
                             struct fmt_error *e);

#endif
