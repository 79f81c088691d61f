/* resume.h - begins a run or goes on with it: carries out what resume-policy.h decided.
 *
 *   resume_look(&b, &config, force, tell, arg, e);      decides; may set student.pos_grid to what the weights have
 *   step_open(&step, &config, ...);
 *   resume_load(&b, &config, step, e);                  weights, or all of a checkpoint; b.state says where we are
 *   resume_inputs(&b, &inputs, e);                      data and scoring sets are those of the checkpoint?
 *   resume_clear(&b, &config, e);                       with -f: before the first step
 *   resume_release(&b);
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

enum resume_level { RESUME_NOTE, RESUME_WARNING, RESUME_ERROR }; /* of an error the returned status follows */

struct resume {
    struct resume_policy_plan plan;
    struct checkpoint_list found;
    struct checkpoint state;  /* .iteration -1 at the beginning of a run */
    struct run_inputs before; /* what the checkpoint was made from */
    struct replaced_images replaced; /* and what had been replaced until then: state.replaced */
    bool resumed;
    char resumed_from[304]; /* the checkpoint */
    int64_t eval_period; /* evaluation.eval_period_iterations of the checkpoint */
    void (*tell)(void *arg, enum resume_level level, const char *text);
    void *arg;
};

int resume_look(struct resume *b, struct config *config, bool force,
               void (*tell)(void *arg, enum resume_level level, const char *text), void *arg, struct fmt_error *e);
int resume_load(struct resume *b, const struct config *config, struct step *step, struct fmt_error *e);
/* Completes b->state.inputs by data and scoring sets; then it is sure from what the run goes on, and told. */
int resume_inputs(struct resume *b, const struct run_inputs *inputs, struct fmt_error *e);
int resume_clear(const struct resume *b, const struct config *config, struct fmt_error *e);
void resume_release(struct resume *b);

/* One line through b->tell. */
void resume_report(const struct resume *b, enum resume_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
