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

/* The small numbers of a state, by name: "optimizer_steps.backbone" (executed ones: Adam's t), ..., and whether a mean
 * is pending, "dino_loss.pending". */
enum { STATE_NUMBERS = 5 };
extern const char *const state_number_name[STATE_NUMBERS];
void state_numbers(const struct step *step, int64_t value[STATE_NUMBERS]);
void state_set_numbers(struct step *step, const int64_t value[STATE_NUMBERS]);

#endif
