/* state.h - what a run needs to go on from a step: both networks, the optimizer's moments, the centres and the pending
 * batch means of centering, Adam's counts. Everything is a named float32 tensor or a named integer.
 *
 *   for (i = 0; i < state_count(step); i++) {
 *       state_tensor(step, i, &t);
 *       state_read(step, &t, first, n, host, e), or state_write: piece by piece
 *   }
 *
 * Names: "student.<name>", "teacher.<name>" with the published parameter names, "optimizer.m.<name>",
 * "optimizer.v.<name>" (SGD: m alone, the momentum), "dino_loss.center", "ibot_patch_loss.center" and their
 * "....pending" (the mean of the last batch, folded in at the next step).
 */
#ifndef STATE_H
#define STATE_H

#include <stdint.h>

#include "fmt.h"
#include "tensor.h"

struct params_array;
struct step;

#define STATE_DIMS 4

/* dims and n are of the whole tensor. Of a sharded one each process holds a part of its own, which may be empty; what
 * is not sharded all hold, and each is given an equal part of it to write. The parts of all processes are the whole,
 * and none overlaps another. */
struct state_tensor {
    char name[128];
    int n_dims;
    int64_t dims[STATE_DIMS];
    int64_t n;                      /* elements */
    int64_t first, count;           /* elements [first, first + count) are held here */
    struct tensor data;             /* [count] in the step's memory */
    int64_t part_first, part_count; /* what this process writes; it is held here */
    const struct params_array *array; /* of networks and moments, for state_collect; NULL: of the centres */
    int row;
};

int64_t state_count(const struct step *step);
void state_tensor(struct step *step, int64_t i, struct state_tensor *t);

/* Elements [first, first + n) of a tensor, which are held here, to and from host memory. */
int state_read(struct step *step, const struct state_tensor *t, int64_t first, int64_t n, float *host,
               struct fmt_error *e);
int state_write(struct step *step, const struct state_tensor *t, int64_t first, int64_t n, const float *host,
                struct fmt_error *e);

/* The same of elements that any process holds: all processes make the call, and all have the values after it. */
int state_collect(struct step *step, const struct state_tensor *t, int64_t first, int64_t n, float *host,
                  struct fmt_error *e);

/* The small numbers of a state. */
struct state_numbers {
    int64_t optimizer_steps; /* executed ones: Adam's t of the heads */
    int64_t backbone_steps;  /* and of the backbone, which is frozen for the first freeze_backbone_iterations */
    int64_t center_pending;  /* pending means to be folded in: 1 of DINO, 2 of iBOT, 3 both */
};
struct state_numbers state_numbers(const struct step *step);
void state_set_numbers(struct step *step, struct state_numbers n);

#endif
