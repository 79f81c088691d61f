/* step-internal.h - the inside of a training step, shared by its source files.
 *
 *   step.c        memory, first weights        step-batch.c   batches into micro-batches, draws, rows
 *   step-run.c    the step itself              state.c        what a checkpoint holds
 */
#ifndef STEP_INTERNAL_H
#define STEP_INTERNAL_H

#include "head.h"
#include "loss.h"
#include "optim.h"
#include "step.h"
#include "vit.h"

enum { GLOBAL, LOCAL, KINDS };  /* kinds of crops */
enum { ATTN, FFN, BRANCHES };   /* of a block */
enum { MODULE_BACKBONE, MODULE_DINO_HEAD }; /* of the table: the order in which they are added; further heads follow */

struct step_sizes {
    int64_t B, m, n_micro;    /* images of a batch, at once; micro-batches */
    int64_t n_local;
    int64_t side[KINDS];      /* pixels */
    int64_t crops[KINDS];     /* 2B, n_local * B */
    int64_t N;                /* patches of a global crop, whatever grid of positions is stored */
    int64_t masked_max;       /* masked patches of a batch */
};

struct step {
    const struct world *world;
    struct step_sizes z;
    struct vit vit;
    struct params params;
    struct loss_head head[2]; /* the first serves DINO, the last iBOT */
    int n_heads;
    struct optim_config optim;
    double dino_weight, ibot_weight, koleo_weight, kl_weight;
    double drop_rate;
    bool drop_uniform;
    uint64_t seed;
    int64_t frozen_iterations;

    struct op_ctx c;
    struct device_arena life, work, scratch; /* of the run; of a pass; of an operation */
    float *student, *teacher, *grads, *m1, *m2; /* of the table's layout; m2 with AdamW alone */
    int64_t steps[PARAMS_MODULES_MAX]; /* that updated each module: Adam's t */
    char bad_gradient[PARAMS_MODULES_MAX][PARAMS_MODULE_NAME_MAX + 16]; /* "gradient of backbone" */
    struct update_range *ranges;
    float *teacher_cls;          /* [2B,C] */
    float *student_cls, *d_cls;  /* [2B,C]: KoLeo's input and gradient */
    float *z_kl, *d_kl;          /* [2B,bottleneck]: the same of the KL term */

    /* the batch in work */
    const struct step_batch *batch;
    int64_t *patch_start;        /* [2B+1]: masked patches before each global crop */
    int64_t *kept_room;          /* of `whole` */
    struct vit_subset *whole;      /* [depth][BRANCHES][KINDS]: drop path of the whole batch */
    int64_t *micro_room;         /* of `drop` where there are micro-batches */
    struct vit_drop_path *drop;       /* [depth]: of the micro-batch */
    bool *kept_mark;             /* [crops] */
};

/* The images [first, first + m) of the batch. */
struct micro {
    int64_t first, m;
    struct vit_input input[KINDS];
    int64_t n_patches; /* masked */
};

/* -- step-batch.c -- */
int batch_begin(struct step *s, const struct step_batch *batch, struct fmt_error *e);
void draw_drop_path(struct step *s, int64_t iteration, const struct step_draws *draws);
/* Copies what is not contiguous into the work arena. */
void micro_begin(struct step *s, int64_t i, struct micro *micro);
const struct vit_drop_path *micro_drop(struct step *s, const struct micro *micro); /* NULL: no drop path */
/* Rows of a pass: class tokens of one kind of crops (of input `input`), then masked patches; both return the end. */
int64_t *rows_cls(const struct vit_activations *pass, int input, int64_t *rows);
int64_t *rows_patches(const struct step *s, const struct micro *micro, const struct vit_activations *pass, int64_t *rows);
/* Where the micro-batch's masked patches lie among those of the batch: calls f for its two runs. */
struct patch_runs {
    int64_t first[2], n[2];
};
struct patch_runs micro_patch_runs(const struct step *s, const struct micro *micro);
int64_t crop_masked(const struct step *s, int64_t crop); /* masked patches of a global crop of the batch */

/* -- step-run.c -- */
/* Everything but the update; planning contexts only count. 0, or the first failure. */
int step_forward_backward(struct step *s, int64_t iteration, double teacher_temp, struct step_result *r,
                          struct fmt_error *e);

static inline bool step_frozen(const struct step *s, int64_t iteration)
{
    return iteration < s->frozen_iterations;
}
static inline struct loss_head *ibot_head(struct step *s)
{
    return &s->head[s->n_heads - 1];
}

#endif
