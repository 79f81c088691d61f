/* operating-points.h - thresholds between the scores that chose them and the file of a classifier (linear.h). Their
 * order there: those of images, then those of groups; of each, class by class, what was wanted: recalls, then
 * precisions. */
#ifndef OPERATING_POINTS_H
#define OPERATING_POINTS_H

#include "score-options.h"
#include "scores.h"
#include "linear.h"

/* Chooses them on these rows, into m->point and the plan: given[0] of images, given[1] of groups, each for free(). */
int operating_points_choose(const struct scores_rows *rows, struct scores_plan *plan, struct thread_pool *pool,
                  struct threshold *given[2], struct linear *m, struct fmt_error *e);
/* Takes those of the file, and with them what was wanted: for o and the plan. FMT_LIMIT, FMT_INVALID: not such ones. */
int operating_points_take(const struct linear *m, struct score_options *o, struct scores_plan *plan,
                          struct threshold *given[2], struct fmt_error *e);

#endif
