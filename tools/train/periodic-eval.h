/* periodic-eval.h - periodic evaluation: in regular intervals the teacher is exported (teacher-export.h), scored
 * (knn-eval.h), and a line about it is added to evaluation.json; the best one is also in eval/best/.
 *
 * The best is the one with the highest score at the first number of neighbours, the earlier of equals. A run that
 * resumes finds it in the valid lines of evaluation.json, so it recovers from a kill between any two writes.
 *
 * In a world of several processes (step_world) all score together, rank 0 knows the best and writes, and a failure of
 * one is one of all.
 */
#ifndef PERIODIC_EVAL_H
#define PERIODIC_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "jsonl-writer.h"
#include "knn-eval.h"
#include "run-state.h"

struct step;

#define PERIODIC_EVAL_INITIAL (-1) /* the iteration before the first */

struct periodic_eval {
    const struct config *config;
    const struct run_state *state; /* of the run: its inputs */
    struct knn_eval *knn;          /* NULL: the teacher is exported, not scored */
    bool provenance;
    struct jsonl_writer scores;    /* evaluation.json; closed where nothing is scored */
    double best_score, last_score;
    int k; /* neighbours of these scores */
    int64_t best_iteration; /* INT64_MIN: none yet */
};

/* history: of evaluation.json, used where something is scored; NULL: another rank writes. Takes over `knn`,
 * also after a failure. */
int periodic_eval_open(struct periodic_eval *x, const struct run_state *state, struct knn_eval *knn,
                       struct jsonl_history *history, bool provenance, struct fmt_error *e);
void periodic_eval_close(struct periodic_eval *x);

/* Every eval_period_iterations and after the last; before the first only where something is scored. */
bool periodic_eval_due(const struct periodic_eval *x, int64_t iteration);
bool periodic_eval_period_due(int64_t period, int64_t iteration); /* period 0: none */

/* All processes call it. scores->n is 0 where nothing was scored. After a failure (a full disk) the run can continue:
 * what could be done was done, and a line that could not be written is written with the next. */
int periodic_eval_run(struct periodic_eval *x, struct step *step, const struct device *device, int64_t iteration,
                      struct knn_eval_scores *scores, struct fmt_error *e);
int periodic_eval_sync(struct periodic_eval *x, struct fmt_error *e); /* before a checkpoint is written */

/* Exports the teacher into a folder of eval/. All processes call it. */
int periodic_eval_export(const struct periodic_eval *x, struct step *step, const char *folder, int64_t iteration,
                         struct fmt_error *e);

#endif
