/* run-report.h - what a run says about itself, as sentences in its log: what is planned, how the teacher scores, steps
 * that went wrong, what came out.
 */
#ifndef RUN_REPORT_H
#define RUN_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "periodic-eval.h"
#include "run-log.h"
#include "run-state.h"

struct step;
struct views_batch;
struct views_header;

/* "iteration 99", "before the first iteration" */
#define RUN_REPORT_ITERATION_MAX 40
const char *run_report_iteration(int64_t iteration, char out[RUN_REPORT_ITERATION_MAX]);

/* At the start: how often images are seen, the learning rate, memory, the teachers that will be in eval/. */
void run_report_plan(struct run_log *log, const struct config *config, struct step *step, const struct views_header *h,
                     size_t planned_bytes);

/* After an evaluation: the score and the best so far, where there was one. */
void run_report_scores(struct run_log *log, const struct periodic_eval *x, const struct knn_eval_scores *s,
                       int64_t iteration);

/* A step that is not finite and changes nothing but the iteration. term: what was not finite, as in "the loss". */
void run_report_bad_step(struct run_log *log, const struct run_state *state, const struct views_batch *const *batch,
                         int n_batches, const char *term);
/* Too many of them. last_saved: "iteration 99", or "nothing". */
void run_report_divergence(struct run_log *log, const struct run_state *state, const char *last_saved);

/* At the end: samples that used replacement images, which were named when they were met; */
void run_report_replaced(struct run_log *log, const struct run_state *state);
/* the most memory that a process has taken; */
void run_report_memory(struct run_log *log, const struct world *world, double peak_bytes, size_t planned_bytes);
/* whether training improved the scores, the path of the best teacher, and in the last line that of the last one. */
void run_report_teachers(struct run_log *log, const struct periodic_eval *x, int64_t iteration);

#endif
