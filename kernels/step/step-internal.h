/* step-internal.h - what the source files of a training step share.
 *
 *   step.c          networks, memory, plan           step-batch.c     a batch cut into micro-batches, drop path, rows
 *   step-run.c      the order of a step, the update  step-teacher.c   targets, signs of collapse
 *   step-student.c  losses and gradients             step-sharding.c  what each of several processes holds
 *   state.c         what a checkpoint holds
 *
 * Whatever the planning run needs as well (how many rows there are, which crops a branch is computed for) is in host
 * tables that are allocated at the start; all else comes from the arenas.
 */
#ifndef STEP_INTERNAL_H
#define STEP_INTERNAL_H

#include "head.h"
#include "loss.h"
#include "optim.h"
#include "step-sharding.h"
#include "step.h"
#include "vit.h"

enum { GLOBAL, LOCAL, CROP_KINDS };
enum { ATTN, FFN, BRANCHES };                /* of a block */
enum { MODULE_BACKBONE, MODULE_DINO_HEAD }; /* of a table, in the order of its modules; other heads follow */

enum { STEP_LOGGED = 9 }; /* numbers of each rank that are summed over all (step-run.c) */

struct step_sizes {
    int64_t B, m, n_micro;     /* images of a batch, of a micro-batch; micro-batches */
    int64_t n_local;
    int64_t side[CROP_KINDS];  /* pixels */
    int64_t crops[CROP_KINDS]; /* 2B, n_local * B */
    int64_t N;                 /* patches of a global crop, whatever grid of positions is stored */
    int64_t masked_max;        /* masked patches of a batch */
};

struct step_network {
    struct params table;
    struct vit vit;
    enum precision precision; /* of the backbone; heads have their own */
    struct params_array values;
    bool keeps_units;         /* SHARD_GRAD_OP: units of a sharded backbone that are gathered are kept for the step */
    struct sharding_view view;
};

struct step {
    const struct world *world;
    struct step_sizes sizes;
    struct step_network student, teacher;
    struct loss_head head[STEP_HEADS_MAX]; /* the first serves DINO, the last iBOT */
    int n_heads;
    struct optim_config optim;
    double dino_weight, ibot_weight, koleo_weight, kl_weight;
    double drop_rate;
    bool drop_uniform;
    uint64_t seed;
    int64_t frozen_iterations; /* of the backbone */

    struct op_ctx c;
    struct device_arena persistent, scratch;    /* of the run; of an operation */
    struct device_arena work;                   /* of a backbone's forward and backward pass */
    struct device_arena heads;                  /* of targets, heads and losses: in heads_memory */
    struct tensor heads_memory;                 /* [bytes] u8: see step_one_piece() */
    bool caches_logits;
    struct arena host;                          /* lists on their way to the device, results on their way from it */
    struct params_array grads;                  /* of a rank; without the backbone's where these stream */
    struct params_array m1, m2;                 /* over the student's table; m2 with AdamW alone */
    struct sharding shard;
    int64_t updates[PARAMS_MODULES_MAX];        /* of each module of the student: Adam's t */
    char bad_gradient[PARAMS_MODULES_MAX][sizeof "gradient of " + PARAMS_MODULE_NAME_MAX];
    int64_t *teacher_offset;                    /* [rows of the student] in the teacher's layout; -1: no such row */
    int n_common;                               /* rows of the student that the teacher has */
    struct update_range *ranges;
    struct tensor teacher_cls;                  /* [2B,C] */
    struct tensor student_cls, d_cls;           /* [2B,C]: KoLeo's input and gradient */
    struct tensor z_kl, d_kl;                   /* [2B,bottleneck]: the same of the KL term */

    const struct step_batch *batches;           /* [turns] of the current step */
    struct step_result *of_rank;                /* [turns]: what each rank has of it to log */
    double *entropy, *logged;                   /* [turns] of the teacher, likewise; [turns,STEP_LOGGED] to be summed */

    /* the current turn */
    int turn;
    const struct step_batch *batch;
    int64_t *patch_start;                       /* [2B+1]: masked patches before each global crop */
    int64_t *drawn;                             /* memory of batch_drop */
    struct vit_subset *batch_drop;              /* [depth][BRANCHES][CROP_KINDS]: drop path of the whole batch */
    int64_t *micro_drawn;                       /* memory of micro_drop where there are micro-batches */
    struct vit_drop_path *micro_drop;           /* [depth] */
    bool *is_drawn;                             /* [crops] */
};

/* The images [first, first + m) of the batch: their crops, in as many ranges as an image has of a kind. */
struct micro {
    int64_t first, m;
    struct vit_input input[CROP_KINDS];
    int64_t n_patches; /* masked */
};

/* -- step-batch.c -- */
/* Checks the batches of all turns, and counts their masked patches. */
int batches_begin(struct step *s, const struct step_batch *batches, struct fmt_error *e);
/* From here to the next call all else here is about the batch of this turn. */
void turn_begin(struct step *s, int turn);
void draw_drop_path(struct step *s, int64_t iteration, const struct step_draws *draws);
/* Crops and masks of micro-batch i as tensors: borrowed (op_borrow) if it is the whole batch, else copied. */
void micro_begin(struct step *s, int64_t i, struct micro *micro);
const struct vit_drop_path *micro_drop_path(struct step *s, const struct micro *micro); /* NULL: no drop path */
/* Rows of the sequence (host memory): class tokens of one kind of crops, which is input `input`, then masked patches.
 * Both return the end. */
int64_t *rows_cls(const struct vit_activations *act, int input, int64_t *rows);
int64_t *rows_patches(const struct step *s, const struct micro *micro, const struct vit_activations *act,
                      int64_t *rows);
/* The number in the batch of a global crop of the micro-batch. */
int64_t batch_crop(const struct step *s, const struct micro *micro, int64_t crop);
int64_t crop_masked(const struct step *s, int64_t crop); /* masked patches of a global crop of the batch */
/* Where the micro-batch's masked patches lie among those of the batch: two ranges, one for each global crop. */
struct patch_ranges {
    int64_t first[2], n[2];
};
struct patch_ranges micro_patch_ranges(const struct step *s, const struct micro *micro);
struct vit_request micro_request(const struct step *s, const struct step_network *network, const struct micro *micro,
                                 int n_inputs);
/* Rows of act->normed as x [T,C], in the heads' arena. list [T]: their numbers, in host memory; *rows: the same on the
 * device. */
struct tensor gather_rows(struct step *s, const struct vit_activations *act, const int64_t *list, int64_t T,
                          struct tensor *rows);
/* Rows of the two global crops of a micro-batch, to those of the batch. */
void micro_to_batch(struct step *s, const struct micro *micro, struct tensor batch, struct tensor part);

/* -- step-teacher.c -- */
/* The teacher's forward pass over the batches of all turns, then the targets; and signs of collapse. */
int teacher_targets(struct step *s, double temperature, struct fmt_error *e);
void measure_collapse(struct step *s, struct step_result *r);

/* -- step-student.c -- */
/* Losses of the turn into r, gradients into s->grads, micro-batch after micro-batch; also where a term is not finite,
 * which other ranks do not know yet. */
int student_pass(struct step *s, bool frozen, struct step_result *r, struct fmt_error *e);
void sum_losses(struct step_result *r); /* sets the total, and what is not finite */

/* -- step-run.c -- */
/* All but the update. With planning arenas it counts memory. 0, or the first failure. */
int step_forward_backward(struct step *s, int64_t iteration, double teacher_temp, const struct step_draws *draws,
                          struct step_result *r, struct fmt_error *e);

static inline bool step_frozen(const struct step *s, int64_t iteration)
{
    return iteration < s->frozen_iterations;
}
/* In a step of one piece the gradients of the backbone begin where the losses end: heads_memory reaches into them. Of
 * several micro-batches they add up meanwhile, the targets of later turns are still needed, and those of a sharded
 * backbone are not there. */
static inline bool step_one_piece(const struct step *s)
{
    return s->sizes.n_micro == 1 && s->world->turns == 1 && !s->shard.streams;
}
/* Elements of the backbone's parameters, the first of each array over a table. */
static inline int64_t step_backbone_span(const struct step *s)
{
    int64_t offset;
    return params_module_span(&s->student.table, MODULE_BACKBONE, &offset);
}
static inline struct loss_head *ibot_head(struct step *s)
{
    return &s->head[s->n_heads - 1];
}
/* Of the current turn. */
static inline struct loss_batch *loss_batch(const struct step *s, const struct loss_head *l)
{
    return &l->batch[s->turn];
}
static inline struct vit_memory step_memory(struct step *s)
{
    return (struct vit_memory){.device = &s->work, .host = &s->host};
}

#endif
