/* run-end.h - how a run ends: where its teachers lie, and that they are there. */
#ifndef RUN_END_H
#define RUN_END_H

#include <stdint.h>

#include "resume.h"
#include "periodic-eval.h"

/* Of a complete run that is started again: a teacher of its last iteration, or a best one, that is missing or damaged
 * comes back, from the checkpoint (which `step` holds) or from the folder of its iteration, and that is told. */
int closing_restore(const struct examine *x, const struct begin *b, struct step *step, int64_t iteration,
                    struct fmt_error *e);

/* Tells the paths of the last teacher and of the best, and whether training was of use to the scores. */
void closing_tell(const struct examine *x, const struct begin *b, int64_t iteration);

#endif
