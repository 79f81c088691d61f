/* initial-weights.h - weights that a run starts from: MODEL.WEIGHTS or student.pretrained_weights.
 *
 * A dinotools checkpoint as MODEL.WEIGHTS gives both networks and the centres. Any other file (weights.h) gives one
 * network, which both become: only its backbone for student.pretrained_weights, and for MODEL.WEIGHTS what heads it
 * has.
 */
#ifndef INITIAL_WEIGHTS_H
#define INITIAL_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "digest.h"
#include "fmt.h"
#include "resume-policy.h"
#include "run-log.h"

struct step;
struct weights;

/* Opens a file of weights or a folder that is not a dinotools checkpoint; weights_close. The file is opened each time
 * that the run starts or resumes, so a fifo is refused. */
int initial_weights_open(struct weights *w, const char *path, const struct config *config, struct fmt_error *e);

/* Fills the networks of the step, and digest with the identity of what was loaded. from: RESUME_FROM_WEIGHTS or
 * RESUME_FROM_PRETRAINED. announce: logs what was loaded; tensors that do not fit are logged as errors in any case. */
int initial_weights_load(struct step *step, const struct config *config, enum resume_from from, const char *path,
                         bool announce, struct run_log *log, uint8_t digest[DIGEST_BYTES], struct fmt_error *e);

#endif
