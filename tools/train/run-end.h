/* run-end.h - how a run ends: where its teachers lie, and that they are there. */
#ifndef RUN_END_H
#define RUN_END_H

#include <stdint.h>

#include "resume.h"
#include "periodic-eval.h"

/* Of a complete run that is started again: a teacher of its last iteration, or a best one, that is missing or damaged
 * comes back, from the checkpoint (which `step` holds) or from the folder of its iteration, and that is told. */
int run_end_restore(const struct periodic_eval *x, const struct resume *b, struct step *step, int64_t iteration,
                    struct fmt_error *e);

/* Tells the paths of the last teacher and of the best, and whether training was of use to the scores. */
void run_end_report(const struct periodic_eval *x, const struct resume *b, int64_t iteration);

#endif
