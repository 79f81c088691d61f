/* periodic-eval.h - the teacher in regular intervals: written for others (teacher-export.h), scored (knn-eval.h), its
 * line put into evaluation.json, the best kept in eval/best/.
 *
 * The best is the one with the highest score at the first number of neighbours, the earlier of equals. Who goes on
 * with a run finds it in the lines of evaluation.json that were kept, so a kill between any two writes heals itself.
 */
#ifndef PERIODIC_EVAL_H
#define PERIODIC_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "knn-eval.h"
#include "jsonl-writer.h"
#include "teacher-export.h"

#define PERIODIC_EVAL_INITIAL (-1) /* the iteration before the first */

struct periodic_eval {
    const struct config *config;
    const struct checkpoint *state; /* of the run: its inputs; set before the first teacher is written */
    struct knn_eval *evaluate; /* NULL: the teacher is written, not scored */
    bool provenance;
    struct jsonl_writer lines;
    double best_score, last_score;
    int k; /* neighbours of these scores */
    int64_t best_iteration; /* INT64_MIN: none yet */
};

/* past: of evaluation.json, looked at where something is scored. Takes over `evaluate`. */
int periodic_eval_open(struct periodic_eval *x, const struct config *config, struct knn_eval *evaluate,
                       struct jsonl_history *past, bool provenance, struct fmt_error *e);
void periodic_eval_close(struct periodic_eval *x);

/* Every eval_period_iterations and after the last; before the first only where there is something to score by. */
bool periodic_eval_due(const struct periodic_eval *x, int64_t iteration);
bool periodic_eval_period_due(int64_t period, int64_t iteration); /* period 0: none */

/* The options for a teacher of this iteration in a folder. */
struct teacher_export_options periodic_eval_options(const struct periodic_eval *x, const char *folder,
                                                    int64_t iteration);

/* scores->n is 0 where nothing was scored. After a failure (a full disk) the run can go on: what could be done was
 * done, and a line that could not be written comes with the next. */
int periodic_eval_teacher(struct periodic_eval *x, struct step *step, struct thread_pool *pool, int64_t iteration,
                    struct knn_eval_scores *scores, struct fmt_error *e);
int periodic_eval_sync(struct periodic_eval *x, struct fmt_error *e); /* before a checkpoint is written */

#endif
