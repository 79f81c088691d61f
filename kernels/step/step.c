/* step.c - the networks and the memory of a step: a dry run without memory finds the sizes of the arenas. */
#include "step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask.h"
#include "model.h"
#include "step-internal.h"

/* Logits of a whole batch are cached between operations up to this size, all heads and both networks together; beyond
 * it, and in micro-batches, they are computed again. */
static const int64_t CACHED_LOGITS_MAX = (int64_t)256 << 20;

/* ---- networks ---- */

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

static enum precision precision_of(const struct config *config, enum config_part part)
{
    return config_param_dtype(config, part) == PARAM_DTYPE_BF16 ? PRECISION_BF16 : PRECISION_F32;
}

static int add_head(struct step_network *n, const struct config *config, enum config_part part, struct head *h,
                    struct fmt_error *e)
{
    bool ibot = part == PART_STUDENT_IBOT_HEAD || part == PART_TEACHER_IBOT_HEAD;
    struct head_config head = model_head(config, ibot);
    int status = head_params(h, &head, ibot ? HEAD_IBOT : HEAD_DINO, (int)n->vit.config.depth + 1, &n->table, e);
    h->precision = precision_of(config, part);
    return status;
}

static int add_loss_head(struct step *s, const struct config *config, const struct config *teacher, bool ibot,
                         struct fmt_error *e)
{
    struct loss_head *l = &s->head[s->n_heads++];
    const struct step_sizes *sizes = &s->sizes;
    l->has_loss[LOSS_DINO] = !ibot;
    l->has_loss[LOSS_IBOT] = ibot || !config->ibot.separate_head;
    l->sinkhorn = config->train.centering == CENTERING_SINKHORN;
    int64_t patches = l->has_loss[LOSS_IBOT] ? sizes->masked_max : 0, of_micro = 2 * sizes->m * sizes->N;
    l->rows_max[LOSS_DINO] = ibot ? 0 : sizes->crops[GLOBAL];
    l->rows_max[LOSS_IBOT] = patches;
    l->student_rows_max = (ibot ? 0 : (2 + sizes->n_local) * sizes->m) + (patches < of_micro ? patches : of_micro);
    int status = add_head(&s->student, config, ibot ? PART_STUDENT_IBOT_HEAD : PART_STUDENT_DINO_HEAD, &l->student, e);
    if (!status)
        status = add_head(&s->teacher, teacher, ibot ? PART_TEACHER_IBOT_HEAD : PART_TEACHER_DINO_HEAD, &l->teacher, e);
    const struct head_config *a = &l->student.config, *b = &l->teacher.config;
    if (!status && (a->n_prototypes != b->n_prototypes || a->bottleneck_dim != b->bottleneck_dim))
        status = fmt_fail(e, FMT_MISMATCH,
                          "%s: the student has %lld prototypes and a bottleneck of %lld, the teacher %lld and %lld: "
                          "their outputs cannot be compared",
                          ibot ? HEAD_IBOT : HEAD_DINO, (long long)a->n_prototypes, (long long)a->bottleneck_dim,
                          (long long)b->n_prototypes, (long long)b->bottleneck_dim);
    return status;
}

static int add_backbones(struct step *s, const struct config *config, const struct config *teacher, struct fmt_error *e)
{
    struct vit_config vit = model_vit(config), of_teacher = model_vit(teacher);
    s->student.precision = precision_of(config, PART_STUDENT_BACKBONE);
    s->teacher.precision = precision_of(teacher, PART_TEACHER_BACKBONE);
    int status = vit_params(&s->student.vit, &vit, &s->student.table, e);
    if (!status)
        status = vit_params(&s->teacher.vit, &of_teacher, &s->teacher.table, e);
    if (!status && vit.patch != of_teacher.patch)
        status = fmt_fail(e, FMT_MISMATCH, "student and teacher cut crops into patches of %lld and %lld pixels",
                          (long long)vit.patch, (long long)of_teacher.patch);
    return status;
}

static bool same_shape(const struct param *a, const struct param *b)
{
    return a->n_dims == b->n_dims && memcmp(a->dims, b->dims, (size_t)a->n_dims * sizeof a->dims[0]) == 0;
}

/* The teacher follows the student in the rows that both have, by name and shape. */
static int match_teacher_params(struct step *s, struct fmt_error *e)
{
    const struct params *student = &s->student.table, *teacher = &s->teacher.table;
    s->teacher_offset = calloc((size_t)student->n_rows, sizeof *s->teacher_offset);
    if (!s->teacher_offset)
        return fmt_no_memory(e);
    for (int i = 0; i < student->n_rows; i++) {
        int k = params_find(teacher, student->rows[i].name);
        bool both = k >= 0 && same_shape(&student->rows[i], &teacher->rows[k]);
        s->teacher_offset[i] = both ? teacher->rows[k].offset : -1;
        s->n_common += both;
    }
    return 0;
}

static int add_networks(struct step *s, const struct config *config, const struct config *teacher, struct fmt_error *e)
{
    int status = add_backbones(s, config, teacher, e);
    if (status)
        return status;
    s->sizes = sizes_of(config, &s->student.vit.config);
    status = add_loss_head(s, config, teacher, false, e);
    if (!status && config->ibot.separate_head)
        status = add_loss_head(s, config, teacher, true, e);
    for (int m = 0; m < s->student.table.n_modules; m++)
        snprintf(s->bad_gradient[m], sizeof s->bad_gradient[m], "gradient of %s", s->student.table.modules[m].name);
    return status ? status : match_teacher_params(s, e);
}

/* ---- memory ---- */

static bool caches_logits(const struct step *s)
{
    int64_t bytes = 0;
    for (int i = 0; i < s->n_heads; i++)
        bytes += loss_cached_bytes(&s->head[i], s->world->turns);
    return s->sizes.n_micro == 1 && bytes <= CACHED_LOGITS_MAX;
}

static void plan_line(struct step_plan *plan, const char *what, size_t bytes)
{
    if (bytes > 0)
        plan->line[plan->n_lines++] = (struct step_plan_line){what, bytes};
    plan->total += bytes;
}

/* Gradients, and before them what the heads need beyond those of the backbone. */
static void carve_gradients(struct step *s, struct device_arena *a)
{
    const struct params *t = &s->student.table;
    size_t shared = step_one_piece(s) ? (size_t)step_backbone_span(s) * sizeof(float) : 0;
    int64_t first = s->shard.streams ? step_backbone_span(s) : 0;
    struct tensor beyond = TENSOR_TAKE(a, DTYPE_U8, s->heads.high > shared ? (int64_t)(s->heads.high - shared) : 0);
    s->grads = params_array_take_part(a, t, DTYPE_F32, first, t->count - first);
    s->heads_memory = beyond;
    s->heads_memory.dims[0] = (int64_t)(s->grads.data.data.at - beyond.data.at + shared);
}

/* Takes what lasts as long as the run; each kind is a line of the plan (NULL: memory, and no plan). */
static void carve_persistent(struct step *s, struct step_plan *plan)
{
    struct device_arena *a = &s->persistent;
    size_t before = a->used;
#define LINE(what) (plan ? plan_line(plan, what, a->used - before) : (void)0, before = a->used)
    int64_t crops = s->sizes.crops[GLOBAL], C = s->student.vit.config.C, b = s->head[0].student.config.bottleneck_dim;
    s->student.values = sharding_take(s, false, a);
    LINE("student");
    s->teacher.values = sharding_take(s, true, a);
    LINE("teacher");
    sharding_carve_gathered(s, a);
    LINE("parameters gathered from all processes, gradients of a block");
    carve_gradients(s, a);
    LINE("gradients, targets, heads and losses");
    sharding_carve_sums(s, a);
    LINE("sums of gradients over ranks");
    s->m1 = sharding_take(s, false, a);
    if (s->optim.rule == UPDATE_ADAMW)
        s->m2 = sharding_take(s, false, a);
    LINE("moments of the optimizer");
    for (int i = 0; i < s->n_heads; i++)
        loss_carve(&s->head[i], a);
    LINE("centres");
    s->teacher_cls = TENSOR_TAKE(a, DTYPE_F32, crops, s->teacher.vit.config.C);
    s->student_cls = TENSOR_TAKE(a, DTYPE_F32, crops, C);
    s->d_cls = TENSOR_TAKE(a, DTYPE_F32, crops, C);
    s->z_kl = TENSOR_TAKE(a, head_rows_dtype(&s->head[0].student), crops, b);
    s->d_kl = TENSOR_TAKE(a, DTYPE_F32, crops, b);
    LINE("class tokens of a batch");
#undef LINE
}

/* What there is for each turn. */
static int take_turns(struct step *s, struct fmt_error *e)
{
    size_t turns = (size_t)s->world->turns;
    s->of_rank = calloc(turns, sizeof *s->of_rank);
    s->entropy = calloc(turns, sizeof *s->entropy);
    s->logged = calloc(turns * STEP_LOGGED, sizeof *s->logged);
    bool all = s->of_rank && s->entropy && s->logged;
    for (int i = 0; i < s->n_heads; i++)
        all = (s->head[i].batch = calloc(turns, sizeof *s->head[i].batch)) && all;
    return all ? 0 : fmt_no_memory(e);
}

/* Small tables that planning needs too. */
static int take_tables(struct step *s, struct fmt_error *e)
{
    size_t depth = (size_t)s->student.vit.config.depth,
           both = (size_t)(s->sizes.crops[GLOBAL] + s->sizes.crops[LOCAL]);
    s->patch_start = calloc((size_t)s->sizes.crops[GLOBAL] + 1, sizeof *s->patch_start);
    s->drawn = calloc(depth * BRANCHES * both, sizeof *s->drawn);
    s->micro_drawn = calloc(depth * BRANCHES * both, sizeof *s->micro_drawn);
    s->batch_drop = calloc(depth * BRANCHES * CROP_KINDS, sizeof *s->batch_drop);
    s->micro_drop = calloc(depth, sizeof *s->micro_drop);
    s->is_drawn = calloc(both, sizeof *s->is_drawn);
    s->ranges = calloc((size_t)s->student.table.n_rows, sizeof *s->ranges);
    if (!s->patch_start || !s->drawn || !s->micro_drawn || !s->batch_drop || !s->micro_drop || !s->is_drawn ||
        !s->ranges)
        return fmt_no_memory(e);
    return take_turns(s, e);
}

/* ---- the plan ---- */

/* The largest batch: as many masked patches as allowed, the first micro-batch full of them. */
static void fill_with_masks(struct step *s)
{
    int64_t left = s->sizes.masked_max, crops = s->sizes.crops[GLOBAL];
    for (int round = 0; round < 2; round++)
        for (int64_t crop = 0; crop < crops; crop++) {
            bool first_micro = crop % s->sizes.B < s->sizes.m;
            if (first_micro == (round == 0)) {
                s->patch_start[crop + 1] = left < s->sizes.N ? left : s->sizes.N;
                left -= s->patch_start[crop + 1];
            }
        }
    for (int64_t crop = 0; crop < crops; crop++)
        s->patch_start[crop + 1] += s->patch_start[crop];
}

/* Drop path draws as many crops as it always does: the first micro-batch is full of them. With a rate of 0 in one block
 * alone they are still a list, like draws that a test supplies. */
static void fill_with_drawn(struct step *s)
{
    int64_t depth = s->student.vit.config.depth;
    for (int kind = 0; kind < CROP_KINDS; kind++) {
        int64_t crops = s->sizes.crops[kind], *list = s->drawn + (kind == LOCAL ? s->sizes.crops[GLOBAL] : 0),
                *to = list;
        for (int round = 0; round < 2; round++)
            for (int64_t crop = 0; crop < crops; crop++)
                if ((crop % s->sizes.B < s->sizes.m) == (round == 0))
                    *to++ = crop;
        for (int64_t block = 0; block < depth; block++) {
            double rate = vit_drop_path_rate(s->drop_rate, s->drop_uniform, block, depth);
            for (int branch = 0; branch < BRANCHES; branch++)
                s->batch_drop[(block * BRANCHES + branch) * CROP_KINDS + kind] =
                    (struct vit_subset){list, crops ? vit_drop_path_count(crops, rate) : 0, 1};
        }
    }
}

/* The dry run: what passes and operations need for the largest batch. */
static int plan_step(struct step *s, struct fmt_error *e)
{
    static const float crops[1]; /* floats: crops that are copied into a micro-batch take more memory than bytes do */
    static const uint8_t masks[1];
    struct step_batch batch = {.B = s->sizes.B, .global_f32 = crops, .local_f32 = crops, .masks = masks};
    struct step_result r;
    double squares[PARAMS_MODULES_MAX];
    s->batches = &batch;
    fill_with_masks(s);
    for (int turn = 0; turn < s->world->turns; turn++) {
        s->head[0].batch[turn].rows[LOSS_DINO] = s->sizes.crops[GLOBAL];
        ibot_head(s)->batch[turn].rows[LOSS_IBOT] = s->sizes.masked_max;
    }
    fill_with_drawn(s);
    int status = step_forward_backward(s, s->frozen_iterations, 1, NULL, &r, e);
    if (!status && s->frozen_iterations > 0) /* a frozen backbone takes scratch and saves nothing for backward */
        status = step_forward_backward(s, 0, 1, NULL, &r, e);
    sharding_sum_squares(s, squares);
    s->batch = s->batches = NULL;
    return status;
}

static void read_settings(struct step *s, const struct config *config)
{
    s->optim = optim_config_from(config);
    s->dino_weight = config->dino.loss_weight;
    s->ibot_weight = config->ibot.loss_weight;
    s->koleo_weight = config->dino.koleo_loss_weight;
    s->kl_weight = config->dino.kl_loss_weight;
    s->drop_rate = config->student.drop_path_rate;
    s->drop_uniform = config->student.drop_path_uniform;
    s->seed = (uint64_t)config->train.seed;
    s->frozen_iterations = config->train.freeze_backbone_iterations;
}

int step_supported(const struct config *config, const struct backend *backend, struct fmt_error *e)
{
    for (enum config_part part = 0; part < CONFIG_PARTS; part++)
        if (config_param_dtype(config, part) == PARAM_DTYPE_BF16 && !backend->supports(DTYPE_BF16))
            return fmt_fail(e, FMT_UNSUPPORTED,
                            "compute_precision: bf16: instructions for it are not available; fp32 works");
    return 0;
}

static int open_step(struct step *s, const struct config *config, const struct config *teacher,
                     const struct world *world, const struct device *device, struct step_plan *plan,
                     struct fmt_error *e)
{
    s->world = world;
    s->c = (struct op_ctx){.backend = device->backend, .pool = device->pool, .scratch = &s->scratch};
    read_settings(s, config);
    int status = step_supported(config, device->backend, e);
    if (!status)
        status = step_supported(teacher, device->backend, e);
    if (!status)
        status = add_networks(s, config, teacher, e);
    if (!status)
        status = take_tables(s, e);
    if (status || (status = sharding_open(s, config, e)))
        return status;
    s->caches_logits = caches_logits(s);
    carve_persistent(s, NULL);
    status = plan_step(s, e);
    s->persistent = (struct device_arena){0};
    carve_persistent(s, plan); /* with what the heads turned out to need */
    if (plan) {
        plan_line(plan, "activations of a pass", s->work.high);
        plan->activations = s->work.high;
        plan_line(plan, "scratch of operations", s->scratch.high);
        plan->parameters = params_module_elements(&s->student.table, MODULE_BACKBONE);
    }
    return status;
}

int step_plan(struct step_plan *plan, const struct config *config, const struct world *world,
              const struct device *device, struct fmt_error *e)
{
    *plan = (struct step_plan){.n_lines = 0};
    struct step *s = calloc(1, sizeof *s);
    if (!s)
        return fmt_no_memory(e);
    int status = open_step(s, config, config, world, device, plan, e);
    step_close(s);
    return status;
}

/* ---- opening and closing ---- */

static int take_memory(struct step *s, struct fmt_error *e)
{
    const struct backend *b = s->c.backend;
    int status = device_arena_init(&s->persistent, b, s->persistent.high, e);
    if (!status)
        status = device_arena_init(&s->work, b, s->work.high, e);
    if (!status)
        status = device_arena_init(&s->scratch, b, s->scratch.high, e);
    return status ? status : arena_init(&s->host, s->host.high, e);
}

int step_open_pair(struct step **step, const struct config *config, const struct config *teacher,
                   const struct world *world, const struct device *device, struct fmt_error *e)
{
    struct step *s = calloc(1, sizeof *s);
    if (!s)
        return fmt_no_memory(e);
    int status = open_step(s, config, teacher, world, device, NULL, e);
    if (status || (status = take_memory(s, e))) {
        step_close(s);
        return status;
    }
    carve_persistent(s, NULL);
    *step = s;
    return 0;
}

int step_open(struct step **step, const struct config *config, const struct world *world, const struct device *device,
              struct fmt_error *e)
{
    return step_open_pair(step, config, config, world, device, e);
}

void step_close(struct step *s)
{
    if (!s)
        return;
    params_release(&s->student.table);
    params_release(&s->teacher.table);
    sharding_close(s);
    device_arena_release(&s->persistent);
    device_arena_release(&s->work);
    device_arena_release(&s->scratch);
    arena_release(&s->host);
    free(s->teacher_offset);
    free(s->patch_start);
    free(s->drawn);
    free(s->micro_drawn);
    free(s->batch_drop);
    free(s->micro_drop);
    free(s->is_drawn);
    free(s->ranges);
    free(s->of_rank);
    free(s->entropy);
    free(s->logged);
    for (int i = 0; i < s->n_heads; i++)
        free(s->head[i].batch);
    free(s);
}

/* ---- first weights ---- */

void step_copy_to_teacher(struct step *s)
{
    const struct params *t = &s->student.table;
    for (int i = 0; i < t->n_rows; i++) {
        int64_t first, n = params_held(&s->student.values, i, &first);
        if (s->teacher_offset[i] >= 0 && n > 0)
            op_copy(&s->c, params_range(&s->teacher.values, s->teacher_offset[i] + first, n),
                    params_range(&s->student.values, t->rows[i].offset + first, n));
    }
}

static void reset_optimizer(struct step *s)
{
    params_clear(&s->c, &s->m1);
    if (s->optim.rule == UPDATE_ADAMW)
        params_clear(&s->c, &s->m2);
    for (int m = 0; m < PARAMS_MODULES_MAX; m++)
        s->updates[m] = 0;
}

void step_init_weights(struct step *s)
{
    params_init(&s->c, &s->student.values, s->seed);
    params_clear(&s->c, &s->teacher.values);
    if (s->n_common < s->teacher.table.n_rows)
        params_init(&s->c, &s->teacher.values, s->seed);
    step_copy_to_teacher(s);
    reset_optimizer(s);
    for (int i = 0; i < s->n_heads; i++)
        loss_clear_centers(&s->c, &s->head[i]);
}

/* ---- access ---- */

const struct world *step_world(const struct step *s) { return s->world; }
struct op_ctx *step_context(struct step *s) { return &s->c; }
const struct vit *step_teacher_vit(const struct step *s) { return &s->teacher.vit; }
const struct params_array *step_student(const struct step *s) { return &s->student.values; }
const struct params_array *step_teacher(const struct step *s) { return &s->teacher.values; }
const struct params_array *step_gradients(const struct step *s) { return &s->grads; }
