/* step.c - a step's memory: three arenas whose sizes are found by going through the step once without memory. */
#include "step.h"

#include <stdio.h>
#include <stdlib.h>

#include "mask.h"
#include "model.h"
#include "step-internal.h"

/* Logits of a whole batch are kept between passes up to this size, all heads and both networks together; beyond it,
 * and in micro-batches, they are computed again. */
static const int64_t LOGITS_KEPT_MAX = (int64_t)256 << 20;

static struct step_sizes sizes_of(const struct config *config, const struct vit_config *vit)
{
    int64_t B = config->train.batch_size_per_gpu, m = config_micro_batch(config);
    struct mask_grid grid = mask_grid_of(config->crops.global_crops_size, vit->patch);
    struct mask_settings masks = {config->ibot.mask_sample_probability, config->ibot.mask_ratio_min_max[0],
                                  config->ibot.mask_ratio_min_max[1]};
    m = m < B ? m : B;
    return (struct step_sizes){
        .B = B,
        .m = m,
        .n_micro = (B + m - 1) / m,
        .n_local = config->crops.local_crops_number,
        .side = {config->crops.global_crops_size, config->crops.local_crops_size},
        .crops = {2 * B, config->crops.local_crops_number * B},
        .N = mask_patches(&grid),
        .masked_max = config->ibot.loss_weight > 0 ? mask_batch_max(&grid, &masks, 2 * B) : 0,
    };
}

static int add_head(struct step *s, const struct config *config, bool ibot, struct fmt_error *e)
{
    struct loss_head *l = &s->head[s->n_heads++];
    struct head_config head = model_head(config, ibot);
    l->serves[LOSS_DINO] = !ibot;
    l->serves[LOSS_IBOT] = ibot || !config->ibot.separate_head;
    l->sinkhorn = config->train.centering == CENTERING_SINKHORN;
    int64_t patches = l->serves[LOSS_IBOT] ? s->z.masked_max : 0, of_micro = 2 * s->z.m * s->z.N;
    l->rows_max[LOSS_DINO] = ibot ? 0 : s->z.crops[GLOBAL];
    l->rows_max[LOSS_IBOT] = patches;
    l->student_rows_max = (ibot ? 0 : (2 + s->z.n_local) * s->z.m) + (patches < of_micro ? patches : of_micro);
    return head_params(&l->head, &head, ibot ? HEAD_IBOT : HEAD_DINO, (int)s->vit.config.depth + 1,
                       &s->params, e);
}

static int networks(struct step *s, const struct config *config, struct fmt_error *e)
{
    struct vit_config vit = model_vit(config);
    int status = vit_params(&s->vit, &vit, &s->params, e);
    if (status)
        return status;
    s->z = sizes_of(config, &vit);
    status = add_head(s, config, false, e);
    if (!status && config->ibot.separate_head)
        status = add_head(s, config, true, e);
    for (int m = 0; m < s->params.n_modules; m++)
        snprintf(s->bad_gradient[m], sizeof s->bad_gradient[m], "gradient of %s", s->params.modules[m].name);
    return status;
}

static bool keeps_logits(const struct step *s)
{
    int64_t bytes = 0;
    for (int i = 0; i < s->n_heads; i++) {
        const struct loss_head *l = &s->head[i];
        int64_t rows = l->rows_max[LOSS_DINO] + l->rows_max[LOSS_IBOT] + l->student_rows_max;
        bytes += prototypes_logits_count(rows, l->head.config.n_prototypes) * (int64_t)sizeof(float);
    }
    return s->z.n_micro == 1 && bytes <= LOGITS_KEPT_MAX;
}

static void plan_line(struct step_plan *plan, const char *what, size_t bytes)
{
    plan->line[plan->n_lines++] = (struct step_plan_line){what, bytes};
    plan->total += bytes;
}

/* Takes what lasts as long as the run; each kind is a line of the plan (plan NULL: none is wanted). */
static void carve_life(struct step *s, struct step_plan *plan)
{
    struct device_arena *a = &s->life;
    size_t before = a->used;
#define LINE(what) (plan ? plan_line(plan, what, a->used - before) : (void)0, before = a->used)
    int64_t n = s->params.count, crops = s->z.crops[GLOBAL], C = s->vit.config.C,
            b = s->head[0].head.config.bottleneck_dim;
    s->student = HOST_TAKE(a, float, n);
    LINE("student");
    s->teacher = HOST_TAKE(a, float, n);
    LINE("teacher");
    s->grads = HOST_TAKE(a, float, n);
    LINE("gradients");
    s->m1 = HOST_TAKE(a, float, n);
    s->m2 = s->optim.rule == UPDATE_ADAMW ? HOST_TAKE(a, float, n) : NULL;
    LINE("moments of the optimizer");
    for (int i = 0; i < s->n_heads; i++)
        loss_carve(&s->head[i], keeps_logits(s), a);
    LINE(keeps_logits(s) ? "targets, centres and kept logits" : "targets and centres");
    s->teacher_cls = HOST_TAKE(a, float, crops * C);
    s->student_cls = HOST_TAKE(a, float, crops * C);
    s->d_cls = HOST_TAKE(a, float, crops * C);
    s->z_kl = HOST_TAKE(a, float, crops * b);
    s->d_kl = HOST_TAKE(a, float, crops * b);
    LINE("class tokens of a batch");
#undef LINE
    if (device_arena_planning(a)) { /* an address that is never followed, so that offsets from it are none from NULL */
        static float nowhere[1];
        s->student = s->teacher = s->grads = s->m1 = s->m2 = nowhere;
    }
}

/* Small tables that planning needs as well. */
static int take_tables(struct step *s, struct fmt_error *e)
{
    size_t depth = (size_t)s->vit.config.depth, both = (size_t)(s->z.crops[GLOBAL] + s->z.crops[LOCAL]);
    s->patch_start = calloc((size_t)s->z.crops[GLOBAL] + 1, sizeof *s->patch_start);
    s->kept_room = calloc(depth * BRANCHES * both, sizeof *s->kept_room);
    s->micro_room = calloc(depth * BRANCHES * both, sizeof *s->micro_room);
    s->whole = calloc(depth * BRANCHES * KINDS, sizeof *s->whole);
    s->drop = calloc(depth, sizeof *s->drop);
    s->kept_mark = calloc(both, sizeof *s->kept_mark);
    s->ranges = calloc((size_t)s->params.n_rows, sizeof *s->ranges);
    if (!s->patch_start || !s->kept_room || !s->micro_room || !s->whole || !s->drop || !s->kept_mark || !s->ranges)
        return fmt_no_memory(e);
    return 0;
}

/* The largest batch there can be: as many masked patches as allowed, the first micro-batch full of them. */
static void fill_with_masks(struct step *s)
{
    int64_t left = s->z.masked_max, crops = s->z.crops[GLOBAL];
    for (int round = 0; round < 2; round++)
        for (int64_t crop = 0; crop < crops; crop++) {
            bool first_micro = crop % s->z.B < s->z.m;
            if (first_micro == (round == 0)) {
                s->patch_start[crop + 1] = left < s->z.N ? left : s->z.N;
                left -= s->patch_start[crop + 1];
            }
        }
    for (int64_t crop = 0; crop < crops; crop++)
        s->patch_start[crop + 1] += s->patch_start[crop];
}

/* Drop path keeps as many crops as it always does: the first micro-batch is full of them. With a rate of 0 in one
 * block alone they are a list all the same, as draws that are fed in have it. */
static void fill_with_kept(struct step *s)
{
    for (int kind = 0; kind < KINDS; kind++) {
        int64_t crops = s->z.crops[kind], *list = s->kept_room + (kind == LOCAL ? s->z.crops[GLOBAL] : 0), *to = list;
        for (int round = 0; round < 2; round++)
            for (int64_t crop = 0; crop < crops; crop++)
                if ((crop % s->z.B < s->z.m) == (round == 0))
                    *to++ = crop;
        for (int64_t block = 0; block < s->vit.config.depth; block++) {
            double rate = vit_drop_path_rate(s->drop_rate, s->drop_uniform, block, s->vit.config.depth);
            for (int branch = 0; branch < BRANCHES; branch++)
                s->whole[(block * BRANCHES + branch) * KINDS + kind] =
                    (struct vit_subset){list, crops ? vit_drop_path_count(crops, rate) : 0, 1};
        }
    }
}

/* Goes through a step without memory: what passes and operations need, of the largest batch there can be. */
static int plan_step(struct step *s, struct fmt_error *e)
{
    static const float crops[1]; /* numbers: crops copied into a micro-batch take more than as bytes */
    static const uint8_t masks[1];
    struct step_batch batch = {.B = s->z.B, .global_f32 = crops, .local_f32 = crops, .masks = masks};
    struct step_result r;
    s->batch = &batch;
    fill_with_masks(s);
    s->head[0].rows[LOSS_DINO] = s->z.crops[GLOBAL];
    ibot_head(s)->rows[LOSS_IBOT] = s->z.masked_max;
    fill_with_kept(s);
    int status = step_forward_backward(s, s->frozen_iterations, 1, &r, e);
    if (!status && s->frozen_iterations > 0) /* there nothing is kept for a backward pass, but taken from the scratch */
        status = step_forward_backward(s, 0, 1, &r, e);
    s->batch = NULL;
    return status;
}

static int set_up(struct step *s, const struct config *config, const struct world *world, const struct device *device,
                  struct step_plan *plan, struct fmt_error *e)
{
    s->world = world;
    s->c = (struct op_ctx){.backend = device->backend, .pool = device->pool, .scratch = &s->scratch};
    s->optim = optim_config_from(config);
    s->dino_weight = config->dino.loss_weight;
    s->ibot_weight = config->ibot.loss_weight;
    s->koleo_weight = config->dino.koleo_loss_weight;
    s->kl_weight = config->dino.kl_loss_weight;
    s->drop_rate = config->student.drop_path_rate;
    s->drop_uniform = config->student.drop_path_uniform;
    s->seed = (uint64_t)config->train.seed;
    s->frozen_iterations = config->train.freeze_backbone_iterations;
    int status = networks(s, config, e);
    if (status || (status = take_tables(s, e)))
        return status;
    carve_life(s, plan);
    status = plan_step(s, e);
    if (plan) {
        plan_line(plan, "activations of a pass", s->work.high);
        plan->activations = s->work.high;
        plan_line(plan, "scratch of operations", s->scratch.high);
        plan->parameters = params_module_elements(&s->params, MODULE_BACKBONE);
    }
    return status;
}

int step_plan(struct step_plan *plan, const struct config *config, const struct device *device, struct fmt_error *e)
{
    *plan = (struct step_plan){.n_lines = 0};
    struct step *s = calloc(1, sizeof *s);
    if (!s)
        return fmt_no_memory(e);
    int status = set_up(s, config, &world_one, device, plan, e);
    step_close(s);
    return status;
}

int step_open(struct step **step, const struct config *config, const struct world *world, const struct device *device,
              struct fmt_error *e)
{
    struct step *s = calloc(1, sizeof *s);
    if (!s)
        return fmt_no_memory(e);
    int status = set_up(s, config, world, device, NULL, e);
    if (!status && !(status = device_arena_init(&s->life, s->c.backend, s->life.high, e)) &&
        !(status = device_arena_init(&s->work, s->c.backend, s->work.high, e)) &&
        !(status = device_arena_init(&s->scratch, s->c.backend, s->scratch.high, e))) {
        carve_life(s, NULL);
        *step = s;
        return 0;
    }
    step_close(s);
    return status;
}

void step_close(struct step *s)
{
    if (!s)
        return;
    params_release(&s->params);
    device_arena_release(&s->life);
    device_arena_release(&s->work);
    device_arena_release(&s->scratch);
    free(s->patch_start);
    free(s->kept_room);
    free(s->micro_room);
    free(s->whole);
    free(s->drop);
    free(s->kept_mark);
    free(s->ranges);
    free(s);
}

/* ---- first weights ---- */

static struct tensor all(const struct step *s, float *values)
{
    return HOST_TENSOR(values, s->params.count);
}

void step_copy_to_teacher(struct step *s)
{
    op_copy(&s->c, all(s, s->teacher), all(s, s->student));
}

static void reset_optimizer(struct step *s)
{
    op_fill(&s->c, all(s, s->m1), 0);
    if (s->m2)
        op_fill(&s->c, all(s, s->m2), 0);
    for (int m = 0; m < s->params.n_modules; m++)
        s->steps[m] = 0;
}

void step_init_weights(struct step *s)
{
    op_fill(&s->c, all(s, s->student), 0); /* the padding between tensors too */
    params_init(&s->params, s->student, s->seed);
    step_copy_to_teacher(s);
    reset_optimizer(s);
    for (int i = 0; i < s->n_heads; i++)
        loss_clear_centers(&s->c, &s->head[i]);
}

const struct params *step_params(const struct step *s) { return &s->params; }
const struct vit *step_vit(const struct step *s) { return &s->vit; }
const struct world *step_world(const struct step *s) { return s->world; }
float *step_student(struct step *s) { return s->student; }
float *step_teacher(struct step *s) { return s->teacher; }
const float *step_gradients(const struct step *s) { return s->grads; }
