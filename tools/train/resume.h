/* resume.h - begins a run or goes on with it: carries out what resume-policy.h decided.
 *
 *   begin_look(&b, &config, force, tell, arg, e);      decides; may set student.pos_grid to what the weights have
 *   step_open(&step, &config, ...);
 *   begin_load(&b, &config, step, e);                  weights, or all of a checkpoint; b.state says where we are
 *   begin_inputs(&b, &inputs, e);                      data and scoring sets are those of the checkpoint?
 *   begin_clear(&b, &config, e);                       with -f: before the first step
 *   begin_release(&b);
 *
 * What is loaded, passed over, different or unused is told through `tell`, one line each.
 */
#ifndef RESUME_H
#define RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint.h"
#include "resume-policy.h"

struct step;

enum begin_level { BEGIN_NOTE, BEGIN_WARNING, BEGIN_ERROR }; /* of an error the returned status follows */

struct begin {
    struct start_plan plan;
    struct checkpoint_list found;
    struct checkpoint state;  /* .iteration -1 at the beginning of a run */
    struct run_inputs before; /* what the checkpoint was made from */
    struct replaced replaced; /* and what had been replaced until then: state.replaced */
    bool resumed;
    char resumed_from[304]; /* the checkpoint */
    int64_t eval_period; /* evaluation.eval_period_iterations of the checkpoint */
    void (*tell)(void *arg, enum begin_level level, const char *text);
    void *arg;
};

int begin_look(struct begin *b, struct config *config, bool force,
               void (*tell)(void *arg, enum begin_level level, const char *text), void *arg, struct fmt_error *e);
int begin_load(struct begin *b, const struct config *config, struct step *step, struct fmt_error *e);
/* Completes b->state.inputs by data and scoring sets; then it is sure from what the run goes on, and told. */
int begin_inputs(struct begin *b, const struct run_inputs *inputs, struct fmt_error *e);
int begin_clear(const struct begin *b, const struct config *config, struct fmt_error *e);
void begin_release(struct begin *b);

/* One line through b->tell. */
void begin_tell(const struct begin *b, enum begin_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
