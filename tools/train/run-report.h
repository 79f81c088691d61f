/* run-report.h - what a run says about itself while it is under way, through the tell of its struct resume: what is
 * planned and taken, and steps that went wrong. How it ends is in run-end.h.
 */
#ifndef RUN_REPORT_H
#define RUN_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "resume.h"
#include "periodic-eval.h"

struct step;
struct views_batch;
struct views_header;

/* "iteration 99", "before the first iteration" */
#define RUN_REPORT_WHEN_ROOM 40
const char *run_report_when(int64_t iteration, char out[RUN_REPORT_WHEN_ROOM]);

/* How often images are seen, the learning rate, memory, the teachers that will be in eval/. */
void run_report_plan(const struct resume *b, struct step *step, const struct views_header *h, size_t planned_bytes);
void run_report_memory(const struct resume *b, size_t planned_bytes); /* what was taken at most */

/* At the end; images that cannot be used were named when they were met. iteration: the last that was done. */
void run_report_replaced(const struct resume *b, const struct replaced_images *replaced, int64_t iteration);

/* What a scoring said, where there was one. */
void run_report_scores(const struct resume *b, const struct periodic_eval *x, const struct knn_eval_scores *s,
                       int64_t iteration);

/* A step that is not finite changes nothing but the iteration. term: "the loss", what was not finite. */
void run_report_bad_step(const struct resume *b, const struct checkpoint *now, const struct views_batch *batch,
                     const char *term);
void run_report_divergence(const struct resume *b, const struct checkpoint *now, int64_t saved); /* -1: nothing */

#endif
