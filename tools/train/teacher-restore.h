/* teacher-restore.h - a complete run that is started again: a teacher of its last iteration, or a best one, that is
 * missing or damaged is restored, from the checkpoint (which the step holds) or from the folder of its iteration.
 */
#ifndef TEACHER_RESTORE_H
#define TEACHER_RESTORE_H

#include <stdint.h>

#include "periodic-eval.h"
#include "run-log.h"

/* Logs what was restored, and what cannot be. All processes call it. */
int teacher_restore(const struct periodic_eval *x, struct step *step, int64_t iteration, struct run_log *log,
                    struct fmt_error *e);

#endif
