/* loss.h - cross-entropies of the student's heads against targets of the teacher: DINO on class tokens, iBOT on masked
 * patches. One struct loss_head per pair of heads (of student and teacher); a pair that is not separate serves both.
 *
 * A loss against other targets is a new enum loss_kind here. A term that compares no heads, as KoLeo and the KL term,
 * is a function in step-student.c. Either has a field in struct step_result (step.h), a name in sum_losses()
 * (step-student.c), a line in reduce_result() (step-run.c), and one in the table of training-metrics.h.
 *
 * The teacher's bottleneck vectors z of whole batches are collected first, of each rank that this process computes,
 * class tokens before patches; then
 *
 *   loss_targets()                    centering or Sinkhorn-Knopp over the batches of all ranks (world.h): two vectors
 *                                     per kind encode all targets (prototypes.h)
 *   for each turn, for each micro-batch:
 *       loss_begin()                  its rows and their targets
 *       loss_forward()                losses of its rows
 *       loss_backward()               gradients
 *   loss_commit()                     the step is accepted: centres are updated
 *
 * The centre is one step late, as published: the mean of this batch's logits is folded into it when the next step
 * computes its targets.
 */
#ifndef LOSS_H
#define LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "device-arena.h"
#include "head.h"
#include "op.h"
#include "params-array.h"
#include "prototypes.h"
#include "world.h"

enum loss_kind { LOSS_DINO, LOSS_IBOT, LOSS_KINDS };

#define LOSS_STUDENT_TEMPERATURE 0.1
#define LOSS_SINKHORN_ROUNDS 3
#define LOSS_CENTER_MOMENTUM 0.9

struct loss_center {
    struct tensor now, pending; /* [K]: state */
    bool has_pending;
    struct tensor next, mean;   /* [K]: of the current step */
    bool has_mean;
};

/* The teacher's rows of the batch of a rank. */
struct loss_batch {
    int64_t rows[LOSS_KINDS];
    struct tensor z, log_row; /* [rows,bottleneck], [rows] f64 */
    struct tensor logits;     /* memory to cache them, or TENSOR_NONE */
    struct prototype_layer teacher; /* from loss_targets() on */
};

struct loss_head {
    struct head student, teacher; /* of as many prototypes and as wide a bottleneck */
    bool has_loss[LOSS_KINDS];
    bool sinkhorn;
    int64_t rows_max[LOSS_KINDS], student_rows_max; /* the most rows there can be in a batch; of a micro-batch */
    struct loss_center center[LOSS_KINDS];
    /* this step */
    struct loss_batch *batch;           /* [turns] */
    struct tensor log_col[LOSS_KINDS];  /* [K] f64 */
    struct tensor student_logits;       /* memory to cache them, or TENSOR_NONE */
    int64_t rows_all_ranks[LOSS_KINDS], ranks_with_rows[LOSS_KINDS]; /* from loss_targets() on */
    double temperature;
};

/* Bytes of the logits that a step of so many turns caches. In bf16 those of the teacher are rounded, and those of the
 * student are computed again: that costs less than reading them in float32. */
int64_t loss_cached_bytes(const struct loss_head *l, int turns);
/* Take memory: for what lasts; for what a step needs, up to its last loss_backward(). */
void loss_carve(struct loss_head *l, struct device_arena *arena);
void loss_carve_step(struct loss_head *l, int turns, bool cache_logits, struct device_arena *arena);
void loss_clear_centers(struct op_ctx *c, struct loss_head *l);

/* Targets of the rows that are in l->batch[turn].z, of all turns; values: of the teacher. */
void loss_targets(struct op_ctx *c, const struct world *world, struct loss_head *l, const struct params_array *values,
                  double temperature);
/* Collapse statistics of the class tokens of all ranks. entropy [turns]: each rank's part of a sum over the ranks. */
void loss_collapse(struct op_ctx *c, const struct world *world, struct loss_head *l, double *entropy,
                   struct prototype_collapse *out);
void loss_commit(struct op_ctx *c, struct loss_head *l);

/* Rows of the student in a micro-batch and their targets. */
struct loss_rows {
    struct prototype_layer student;
    struct prototype_targets targets;
    struct prototype_pairs pairs;
    struct tensor row_loss, lse, target_sum; /* [T] f64 */
    struct tensor dz;                        /* [T,bottleneck] */
};

/* Teacher rows [first, first + n). */
struct loss_range {
    int64_t first, n;
};

/* The teacher's rows that a micro-batch needs: those of the ranges, in order, copied; the first n_first of them are of
 * kind DINO. n_ranges 0: the whole batch, as it is. */
struct loss_part {
    const struct loss_range *ranges;
    int n_ranges;
    int64_t n_first;
};

/* T rows, of a batch of l->batch. target [T,2], weight [T]: host memory (struct prototype_pairs). */
void loss_begin(struct op_ctx *c, const struct loss_head *l, const struct loss_batch *batch, struct loss_rows *r,
                int64_t T, const struct loss_part *part, const int64_t *target, const float *weight,
                struct device_arena *arena);
/* z [T,bottleneck]; values: of the student. */
void loss_forward(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, const struct params_array *values,
                  struct tensor z);
/* dz is set, grads of the prototypes += */
void loss_backward(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, const struct params_array *grads);

#endif
