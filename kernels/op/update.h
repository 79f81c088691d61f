/* update.h - one sweep over parameters, gradients, moments and teacher: clip, decay, step, and the EMA of the teacher
 * (moving average). Everything that a step does to a parameter is done while it is in a register: the arrays are
 * hundreds of megabytes. */
#ifndef UPDATE_H
#define UPDATE_H

#include <stdint.h>

#include "op.h"

enum update_rule { UPDATE_ADAMW, UPDATE_SGD };

/* Elements with the same rates: [offset, offset + count) of each array of the student. */
struct update_range {
    int64_t offset, count;
    int64_t teacher_offset;          /* of the same parameters in `teacher`; -1: it does not have them */
    double lr, weight_decay;
    double clip;                     /* the gradient is multiplied by it first */
    double correction1, correction2; /* AdamW: 1 - beta^t */
};

struct update {
    enum update_rule rule;
    const struct update_range *ranges; /* host memory */
    int64_t n_ranges;
    struct tensor student, m, v, grad; /* [n] f32 each; v: AdamW alone, else TENSOR_NONE */
    struct tensor teacher;             /* [any] f32: of a layout of its own */
    double teacher_momentum;  /* teacher = teacher_momentum * teacher + (1 - teacher_momentum) * student */
    double beta1, beta2, eps; /* AdamW; SGD: beta1 is the momentum */
};

/* AdamW: p -= lr wd p; m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2; p -= lr (m / c1) / (sqrt(v / c2) + eps)
 * SGD:   g += wd p; m = b1 m + g; p -= lr m          (PyTorch's, no dampening, no Nesterov)
 * A learning rate of 0 leaves p bit for bit while m and v run. */
void op_update(struct op_ctx *c, const struct update *u);

#endif
