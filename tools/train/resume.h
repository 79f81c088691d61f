/* resume.h - starts a run or resumes it: carries out what resume-policy.h decides.
 *
 *   resume_decide(&r, &config, world, force, &log, e); what to start from; may set student.pos_grid to
 *                                                    the grid of those weights
 *   step_open(&step, &config, ...);
 *   resume_load(&r, step, &state, e);                  weights, or all of a checkpoint; state says where the run is
 *   resume_check_inputs(&r, &inputs, &state, e);       data and evaluation sets are those of the checkpoint?
 *   resume_release(&r);
 *
 * What is loaded, skipped, different or unused is logged, one line each.
 */
#ifndef RESUME_H
#define RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint-files.h"
#include "config.h"
#include "replaced-images.h"
#include "resume-policy.h"
#include "run-log.h"
#include "run-state.h"
#include "world.h"

struct step;

struct resume {
    struct resume_plan plan;
    const struct world *world;
    const struct config *config;
    struct run_log *log;
    struct checkpoint_list seen;        /* by this rank in the output directory */
    struct checkpoint_list checkpoints; /* those of them that all ranks see: a network file system may be late */
    /* The checkpoint that was loaded, where one was. */
    bool resumed;
    char checkpoint[304];     /* its path */
    int64_t iteration;
    struct run_inputs inputs; /* what it was made from */
    struct replaced_images replaced; /* images that were replaced until then */
    int64_t eval_period;      /* its evaluation.eval_period_iterations */
};

int resume_decide(struct resume *r, struct config *config, const struct world *world, bool force, struct run_log *log,
                  struct fmt_error *e);

/* Fills the step, and state but for data and evaluation sets among its inputs. state->replaced points into r. */
int resume_load(struct resume *r, struct step *step, struct run_state *state, struct fmt_error *e);

/* Completes state->inputs by the data and evaluation sets of `inputs`. Then it is certain what the run resumes, and
 * that is logged. FMT_MISMATCH: they are not those of the checkpoint. */
int resume_check_inputs(const struct resume *r, const struct run_inputs *inputs, struct run_state *state,
                        struct fmt_error *e);

void resume_release(struct resume *r);

#endif
