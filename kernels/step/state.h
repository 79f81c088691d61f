/* state.h - what must be kept to go on from a step: both networks, the optimizer's moments, the centres and the
 * pending batch means of centering, Adam's count. Everything is a named float32 tensor or a named integer.
 *
 *   for (i = 0; i < state_count(step); i++) { state_tensor(step, i, &t); write or read t.data }
 *
 * Names: "student.<name>", "teacher.<name>" with the published parameter names, "optimizer.m.<name>",
 * "optimizer.v.<name>" (SGD: m alone, the momentum), "dino_loss.center", "ibot_patch_loss.center" and their
 * "....pending" (the mean of the last batch, folded in at the next step).
 */
#ifndef STATE_H
#define STATE_H

#include <stdint.h>

struct step;

#define STATE_DIMS 4

struct state_tensor {
    char name[128];
    int n_dims;
    int64_t dims[STATE_DIMS];
    int64_t n;   /* elements */
    float *data; /* in the step's memory: read it to save, fill it to resume */
};

int64_t state_count(const struct step *step);
void state_tensor(struct step *step, int64_t i, struct state_tensor *t);

/* The small numbers of a state. */
struct state_numbers {
    int64_t optimizer_steps; /* executed ones: Adam's t of the heads */
    int64_t backbone_steps;  /* and of the backbone, which rests in the first freeze_backbone_iterations */
    int64_t center_pending;  /* pending means to be folded in: 1 of DINO, 2 of iBOT, 3 both */
};
struct state_numbers state_numbers(const struct step *step);
void state_set_numbers(struct step *step, struct state_numbers n);

#endif
