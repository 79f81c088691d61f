/* loss.h - what a head's outputs are compared with, and the losses: DINO on class tokens, iBOT on masked
 * patches. One struct loss_head per head; a head that is not separate serves both.
 *
 * The teacher's bottleneck vectors z of a whole batch are collected first, class tokens before patches; then
 *
 *   loss_targets()                    centering or Sinkhorn-Knopp over the batch: two vectors per kind (prototypes.h)
 *   for each micro-batch:
 *       loss_begin(); fill the pairs; loss_forward();    losses of its rows
 *       loss_backward();                                 gradients
 *   loss_commit()                     the step counts: centres move on
 *
 * Centering is deferred by one step: the mean of this batch's logits is folded into the centre when the next step
 * asks for its targets.
 */
#ifndef LOSS_H
#define LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "device-arena.h"
#include "head.h"
#include "op.h"
#include "prototypes.h"

enum loss_kind { LOSS_DINO, LOSS_IBOT, LOSS_KINDS };

#define LOSS_STUDENT_TEMPERATURE 0.1
#define LOSS_SINKHORN_ROUNDS 3
#define LOSS_CENTER_MOMENTUM 0.9

struct loss_center {
    float *now, *pending; /* [K]: state */
    bool has_pending;
    float *next, *mean;   /* [K]: of the step in work */
    bool has_mean;
};

struct loss_head {
    struct head head;
    bool serves[LOSS_KINDS];
    bool sinkhorn;
    /* room, planned for the most rows there can be */
    int64_t rows_max[LOSS_KINDS], student_rows_max;
    float *z;                       /* [rows, bottleneck] of the teacher */
    double *log_col[LOSS_KINDS], *log_row;
    float *teacher_logits, *student_logits; /* kept logits, or NULL */
    struct loss_center center[LOSS_KINDS];
    /* this batch */
    int64_t rows[LOSS_KINDS];
    struct prototype_layer teacher;
    double temperature;
};

/* Takes memory: what lasts, and what a batch needs. keep: logits of a whole batch are kept. */
void loss_carve(struct loss_head *l, bool keep, struct device_arena *arena);
void loss_clear_centers(struct op_ctx *c, struct loss_head *l);

/* Targets of the batch whose l->rows[] rows are in l->z; values: of the teacher. */
void loss_targets(struct op_ctx *c, struct loss_head *l, const float *values, double temperature);
void loss_collapse(struct op_ctx *c, struct loss_head *l, double *entropy, struct prototype_collapse *out);
void loss_commit(struct op_ctx *c, struct loss_head *l);

/* Rows of the student in a micro-batch and what they are compared with. */
struct loss_rows {
    int64_t T;
    struct prototype_layer student;
    struct prototype_targets targets;
    int64_t *target; /* [T,2]: rows of targets.teacher, -1 none */
    float *weight;   /* [T] */
    double *row_loss, *lse, *mass; /* [T] */
    float *dz;       /* [T,bottleneck] */
};

/* Whole batch: the teacher's rows as they are. Else: n_picked rows of them (indices into l->z, kinds in order, the
 * first n_first of kind DINO), copied. target and weight are left for the caller to fill. */
void loss_begin(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, int64_t T, const int64_t *picked,
                int64_t n_picked, int64_t n_first, struct device_arena *arena);
void loss_forward(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, const float *values, const float *z);
/* dz is set, grads of the prototypes += */
void loss_backward(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, float *grads);

#endif
