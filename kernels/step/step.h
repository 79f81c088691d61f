/* step.h - one training step: teacher, student, losses, gradients, clipping, AdamW or SGD, EMA of the teacher.
 *
 *   struct step *step;
 *   step_open(&step, config, &world_single, device, &error);  all memory of the run; nothing is allocated after it
 *   step_init_weights(step);                               or fill step_student(), step_teacher() from files
 *   for (it = ...) {
 *       status = step_run(step, batches, it, &rates, NULL, &result, &error);
 *       if (result.bad) ...                                skipped: the term that is not finite; count them
 *   }
 *   state.h                                                what a checkpoint holds
 *   step_close(step);
 *
 * The bits of a step depend on its inputs (weights, moments, centres, batch, iteration, settings) alone. Draws of
 * drop path are keyed by (train.seed, number of the batch, ...), so there is no random state.
 *
 * train.micro_batch_size images are processed at a time; what belongs to the whole batch (centering, Sinkhorn-Knopp,
 * KoLeo, the KL term, drop-path counts, masks) is computed over the whole batch: the teacher goes first and leaves
 * its bottleneck vectors, and where KoLeo or the KL term is on, the student's global crops go forward twice.
 *
 * Each network computes its products in the precision of compute_precision.*: backbone, DINO head and iBOT head by
 * themselves. Weights, their gradients, moments, targets and losses are float32 in all of them.
 *
 * In a world of several ranks (world.h) each of them makes the step with a batch of its own. Drop path, KoLeo and the
 * KL term are per rank; Sinkhorn-Knopp and centres are over all ranks; gradients and logged losses are means over the
 * ranks, and what is not finite on one is not finite on all, so that all make or skip the same steps. A process
 * computes its ranks one after another: the teacher's part of all of them, the targets, then the student's part of
 * each, whose gradients are added in the order of world-tree.h. So the bits do not depend on how many processes there
 * are.
 */
#ifndef STEP_H
#define STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "fmt.h"
#include "head.h"
#include "op.h"
#include "params-array.h"
#include "schedule.h"
#include "vit.h"
#include "world.h"

struct step;

/* What a step consumes: host memory. Either bytes (before normalisation, [n,H,W,3], as views have them) or floats
 * (normalised, [n,3,H,W], as tests have them). B images: 2B global crops, n_local * B local crops, both crop-major. */
struct step_batch {
    int64_t B;
    const uint8_t *global_u8, *local_u8;
    const float *global_f32, *local_f32;
    struct pixel_norm pixel_norm; /* for bytes */
    const uint8_t *masks;         /* [2B,N]: 0 or 1; NULL: none */
    int64_t N;                    /* length of their rows: refused unless a global crop has exactly as many patches */
};

/* Which crops each branch of the student is computed for, fed in instead of drawn (tests).
 * survivors[block][branch][kind] lists n_survivors[kind] crops of the whole batch, as many as vit_drop_path_count says,
 * in any order; branch 0 attention, 1 FFN; kind 0 global, 1 local. */
struct step_draws {
    int64_t n_survivors[2];
    const int64_t *(*survivors)[2][2]; /* [depth] */
};

struct step_module {
    const char *name; /* "backbone"; valid while the step is open */
    double grad_norm; /* before clipping */
};

/* Seconds of this process in parts of a step, without those in which it waits for other ranks (world_clock). */
struct step_times {
    double forward;  /* teacher and student, targets and losses */
    double backward;
    double update;   /* sums of gradients, norms, the update */
};

/* Everything that is logged of a step. Losses as published logs them (koleo and ibot halved, dino unweighted). */
struct step_result {
    const char *bad; /* NULL, or the term or gradient that was not finite: "ibot_loss", "gradient of backbone" */
    double dino_local_crops_loss, dino_global_crops_loss, koleo_loss, ibot_loss;
    double kl_loss;          /* ours: with its weight, as KoLeo has it */
    double total_loss;       /* the sum of these five: not what is minimised, as published */
    struct step_module module[PARAMS_MODULES_MAX]; /* of the student; none if a loss was bad */
    int n_modules;
    int64_t n_masked;         /* masked patches */
    int64_t n_koleo_left_out; /* crops whose nearest neighbour is nearer than 1e-6 */
    /* Collapse statistics of the teacher. */
    double teacher_entropy;      /* mean over the 2B crops, of softmax((logits - centre) / teacher_temp); nats */
    double teacher_entropy_mean; /* entropy of the mean of these: equal to the above when all crops look alike */
    double feature_rank;         /* op_effective_rank of the 2B class tokens: 1 when they lie on a line */
    double prototypes_used;      /* distinct winners of the 2B crops over the most there can be, min(2B, K) */
    struct step_times times;
};

/* The norm of a module's gradient; 0 of a module that is not there. */
double step_grad_norm(const struct step_result *r, const char *module);

/* The memory of a run, by name, without taking any of it. For the device's backend and threads. */
enum { STEP_PLAN_LINES = 20 };
struct step_plan_line {
    const char *what;
    size_t bytes;
};
struct step_plan {
    struct step_plan_line line[STEP_PLAN_LINES];
    int n_lines;
    size_t total, activations; /* activations: one of the lines */
    int64_t parameters; /* of the student's backbone */
};
/* 0, or FMT_UNSUPPORTED: the settings ask for a precision that the processor has no instructions for. */
int step_supported(const struct config *config, const struct backend *backend, struct fmt_error *e);

/* Of a process of the world, which may be an imagined one: only its rank, size and turns count. */
int step_plan(struct step_plan *plan, const struct config *config, const struct world *world,
              const struct device *device, struct fmt_error *e);

/* world: of the run, must live as long as the step. */
int step_open(struct step **step, const struct config *config, const struct world *world, const struct device *device,
              struct fmt_error *e);
/* The same for a student and a teacher of different settings student.*, dino.head_* and ibot.head_*; the rest is
 * config's. The teacher follows the student in the parameters that both have, by name and shape, and its other
 * parameters stay as they are. FMT_MISMATCH: their outputs cannot be compared. */
int step_open_pair(struct step **step, const struct config *config, const struct config *teacher,
                   const struct world *world, const struct device *device, struct fmt_error *e);
void step_close(struct step *step); /* NULL is allowed */

/* Random weights, drawn as published (params-array.h), from train.seed; the teacher is a copy of what both have;
 * moments and centres 0. */
void step_init_weights(struct step *step);
void step_copy_to_teacher(struct step *step);

const struct world *step_world(const struct step *step);
struct op_ctx *step_context(struct step *step); /* to read and write the arrays with */
const struct vit *step_teacher_vit(const struct step *step);
const struct params_array *step_student(const struct step *step);
const struct params_array *step_teacher(const struct step *step);
/* Of the last step, before clipping, where nothing is sharded; undefined after one whose losses were not finite. */
const struct params_array *step_gradients(const struct step *step);

/* One step, with the rates of its iteration (schedule.h). batches, draws: of each turn of the world; NULL draws. With
 * result->bad set only the caller's iteration advances: weights, moments, centres and Adam's count are as before. The
 * status is 0 then; it is not 0 for a batch that does not fit the settings. */
int step_run(struct step *step, const struct step_batch *batches, int64_t iteration,
             const struct schedule_rates *rates, const struct step_draws *draws, struct step_result *result,
             struct fmt_error *e);

#endif
