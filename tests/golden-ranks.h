/* golden-ranks.h - one process of training steps of several ranks, compared with golden files.
 *
 *   struct golden_ranks p = {.path = ..., .world = w};      w.turns: of so many ranks that the file's are shared evenly
 *   golden_ranks_run(&p);                                   may be called in threads: it makes no checks
 *   golden_ranks_check(&p);
 *
 * step_ranks<G>_*.safetensors hold what the published SSLMetaArch computed in G processes of PyTorch, joined by
 * torch.distributed (gloo) and wrapped by its own FSDP wrapper (NO_SHARD; FULL_SHARD gave the same), in float32 on a
 * CPU: three steps, each rank with crops, masks and drop path of its own, from random weights. The crops are stored as
 * bytes; the networks are given byte / 64 - 2. Ranks have between 11 and 45 masked patches of 96, so that a mean over
 * ranks is not one over patches; rank 2 of step 1 of step_ranks3_sinkhorn_knopp_shared has none. Gradients are means
 * over the ranks, before clipping, of steps 0 and 2. "after.*.center" is the centre that the last step used,
 * "folded.*.center" the one that the next would use. */
#ifndef GOLDEN_RANKS_H
#define GOLDEN_RANKS_H

#include "device-memory.h"
#include "golden-step.h"
#include "state.h"
#include "step-internal.h"
#include "test-device.h"
#include "world-queue.h"

static const struct golden_ranks_file {
    const char *path;
    int n_ranks;
} golden_ranks_files[] = {{"tests/golden/step_ranks2_centering_shared.safetensors", 2},
                          {"tests/golden/step_ranks2_sinkhorn_knopp_separate.safetensors", 2},
                          {"tests/golden/step_ranks3_centering_separate.safetensors", 3},
                          {"tests/golden/step_ranks3_sinkhorn_knopp_shared.safetensors", 3},
                          {"tests/golden/step_ranks4_centering_separate.safetensors", 4},
                          {"tests/golden/step_ranks4_sinkhorn_knopp_shared.safetensors", 4}};
enum { GOLDEN_RANKS_FILES = sizeof golden_ranks_files / sizeof *golden_ranks_files, GOLDEN_RANKS_MAX = 4 };

/* What is compared, and the largest difference that is allowed: relative to a norm, of losses to 0.1 + their size. */
enum golden_ranks_kind {
    OF_RANK, LOGGED, GRADIENT, STUDENT, TEACHER, WAY, CENTER,
    GOLDEN_RANKS_KINDS
};
static const struct {
    const char *what;
    double limit;
} golden_ranks_kinds[GOLDEN_RANKS_KINDS] = {{"losses of its ranks", 1e-4},
                                            {"losses as logged, norms of gradients", 1e-4},
                                            {"gradients", 1e-4},
                                            {"weights of the student", 1e-4},
                                            {"weights of the teacher", 1e-4},
                                            {"the student's way from the start", 1e-3},
                                            {"centres", 1e-4}};

struct golden_ranks {
    const char *path;
    struct world world;
    bool full;     /* FULL_SHARD, with calls behind the computation; else NO_SHARD */
    int64_t micro; /* images at once; 0: all */
    /* results */
    char failed[640]; /* why not, if anything */
    bool has_centers;
    int64_t n_blocks, n_blocks_held; /* elements of the student's blocks */
    int64_t n_weights, n_kept;       /* elements of the student, and those that are compared */
    struct {
        int64_t n;
        double worst;
        char where[120];
    } off[GOLDEN_RANKS_KINDS];
    /* inside */
    struct golden g;
    struct config config;
    struct step *step;
    int64_t n_steps;
};

static inline void golden_ranks_note(struct golden_ranks *p, enum golden_ranks_kind kind, double difference, int64_t k,
                                     const char *name)
{
    p->off[kind].n++;
    if (p->off[kind].n > 1 && worse(p->off[kind].worst, difference) == p->off[kind].worst)
        return;
    p->off[kind].worst = difference;
    snprintf(p->off[kind].where, sizeof p->off[kind].where, "step %lld, %s", (long long)k, name);
}

static inline void golden_ranks_note_number(struct golden_ranks *p, enum golden_ranks_kind kind, double got, int64_t k,
                                            const char *prefix, const char *name)
{
    double want = (double)*golden_step_values(&p->g, prefix, name, NULL);
    golden_ranks_note(p, kind, fabs(got - want) / (0.1 + fabs(want)), k, name);
}

/* ---- the state: whole tensors of it, whatever a process holds ---- */

/* For free(); all processes make the call. */
static inline float *golden_ranks_collect(struct golden_ranks *p, const char *prefix, const char *name)
{
    struct state_tensor t;
    struct fmt_error e = {0};
    char whole[200];
    snprintf(whole, sizeof whole, "%s%s", prefix, name);
    for (int64_t i = 0; i < state_count(p->step); i++) {
        state_tensor(p->step, i, &t);
        if (strcmp(t.name, whole) != 0)
            continue;
        float *host = malloc((size_t)t.n * sizeof *host);
        if (host && state_collect(p->step, &t, 0, t.n, host, &e) == 0)
            return host;
        break;
    }
    fprintf(stderr, "%s cannot be had from the state: %s\n", whole, e.text);
    exit(1);
}

/* Both networks, from the file. */
static inline void golden_ranks_load(struct golden_ranks *p)
{
    struct fmt_error e = {0};
    step_init_weights(p->step);
    for (int64_t i = 0; i < state_count(p->step); i++) {
        struct state_tensor t;
        int64_t n;
        state_tensor(p->step, i, &t);
        if (strncmp(t.name, "student.", 8) != 0 && strncmp(t.name, "teacher.", 8) != 0)
            continue;
        const float *values = golden_f32(&p->g, t.name, &n);
        if (n != t.n || (t.count && state_write(p->step, &t, t.first, t.count, values + t.first, &e)))
            snprintf(p->failed, sizeof p->failed, "%s: %lld of %lld values: %s", t.name, (long long)n, (long long)t.n,
                     e.text);
        if (strncmp(t.name, "student.backbone.blocks.", 24) == 0) {
            p->n_blocks += t.n;
            p->n_blocks_held += t.count;
        }
    }
}

/* ---- a step ---- */

static inline float *golden_ranks_crops(struct golden_ranks *p, const char *prefix, const char *what)
{
    int64_t n;
    float *x = golden_step_values(&p->g, prefix, what, &n);
    for (int64_t i = 0; i < n; i++)
        x[i] = x[i] / 64 - 2;
    return x;
}

static inline struct step_batch golden_ranks_batch(struct golden_ranks *p, const char *prefix)
{
    int64_t n_masks, B = p->config.train.batch_size_per_gpu;
    uint8_t *masks = golden_step_masks(&p->g, prefix, &n_masks);
    return (struct step_batch){.B = B,
                               .global_f32 = golden_ranks_crops(p, prefix, "collated_global_crops"),
                               .local_f32 = golden_ranks_crops(p, prefix, "collated_local_crops"),
                               .masks = masks,
                               .N = n_masks / (2 * B)};
}

static inline void golden_ranks_losses(struct golden_ranks *p, enum golden_ranks_kind kind, int64_t k,
                                       const char *prefix, const struct step_result *r)
{
    golden_ranks_note_number(p, kind, r->dino_local_crops_loss, k, prefix, "dino_local_crops_loss");
    golden_ranks_note_number(p, kind, r->dino_global_crops_loss, k, prefix, "dino_global_crops_loss");
    golden_ranks_note_number(p, kind, r->koleo_loss, k, prefix, "koleo_loss");
    golden_ranks_note_number(p, kind, r->ibot_loss, k, prefix, "ibot_loss");
}

/* Where they are whole. */
static inline void golden_ranks_gradients(struct golden_ranks *p, int64_t k)
{
    const struct params *t = step_student(p->step)->table;
    float *gradients = copy_to_host(step_context(p->step), step_gradients(p->step)->data);
    char prefix[40];
    snprintf(prefix, sizeof prefix, "step%lld.grad.", (long long)k);
    for (int i = 0; i < t->n_rows; i++) {
        const float *want = golden_step_param(&p->g, prefix, &t->rows[i]);
        if (want)
            golden_ranks_note(p, GRADIENT, golden_step_gradient(&t->rows[i], gradients + t->rows[i].offset, want), k,
                              t->rows[i].name);
    }
    free(gradients);
}

static inline void golden_ranks_compare_step(struct golden_ranks *p, int64_t k, const struct step_result *r)
{
    char prefix[40], name[80];
    for (int turn = 0; turn < p->world.turns; turn++) {
        snprintf(prefix, sizeof prefix, "step%lld.rank%d.", (long long)k, world_rank(&p->world, turn));
        golden_ranks_losses(p, OF_RANK, k, prefix, &p->step->of_rank[turn]);
    }
    snprintf(prefix, sizeof prefix, "step%lld.", (long long)k);
    golden_ranks_losses(p, LOGGED, k, prefix, r);
    for (int m = 0; m < r->n_modules; m++) {
        snprintf(name, sizeof name, "grad_norm.%s", r->module[m].name);
        golden_ranks_note_number(p, LOGGED, r->module[m].grad_norm, k, prefix, name);
    }
    if (!p->full)
        golden_ranks_gradients(p, k);
}

static inline void golden_ranks_step(struct golden_ranks *p, int64_t k)
{
    struct fmt_error e = {0};
    struct step_batch batches[GOLDEN_RANKS_MAX];
    struct step_draws draws[GOLDEN_RANKS_MAX];
    struct schedule_rates rates = golden_step_rates(&p->g, k);
    struct step_result result = {.bad = NULL};
    for (int turn = 0; turn < p->world.turns; turn++) {
        char prefix[40];
        snprintf(prefix, sizeof prefix, "step%lld.rank%d.", (long long)k, world_rank(&p->world, turn));
        batches[turn] = golden_ranks_batch(p, prefix);
        draws[turn] = golden_step_draws(&p->g, &p->config, prefix);
    }
    if (step_run(p->step, batches, k, &rates, draws[0].survivors ? draws : NULL, &result, &e) || result.bad)
        snprintf(p->failed, sizeof p->failed, "step %lld: %s", (long long)k, result.bad ? result.bad : e.text);
    golden_ranks_compare_step(p, k, &result);
    for (int turn = 0; turn < p->world.turns; turn++) {
        golden_step_release_draws(&p->config, &draws[turn]);
        free((void *)(uintptr_t)batches[turn].masks);
    }
}

/* ---- after the last step: all processes make the calls ---- */

static inline void golden_ranks_weights(struct golden_ranks *p, const struct param *row)
{
    char prefix[2][40], norm[80];
    int64_t last = p->n_steps - 1;
    const float *start = golden_step_param(&p->g, "student.", row),
                *gradient = golden_step_param(&p->g, "step0.grad.", row);
    snprintf(norm, sizeof norm, "grad_norm.%s", step_student(p->step)->table->modules[row->module].name);
    snprintf(prefix[0], sizeof prefix[0], "step%lld.after.student.", (long long)last);
    snprintf(prefix[1], sizeof prefix[1], "step%lld.after.teacher.", (long long)last);
    const float *student = golden_step_param(&p->g, prefix[0], row),
                *teacher = golden_step_param(&p->g, prefix[1], row);
    float *of_student = golden_ranks_collect(p, "student.", row->name),
          *of_teacher = golden_ranks_collect(p, "teacher.", row->name);
    bool *keep = calloc((size_t)row->count, sizeof *keep);
    if (start && gradient && student && teacher && keep) {
        double clip = p->config.optim.clip_grad / (double)*golden_step_values(&p->g, "step0.", norm, NULL);
        p->n_weights += row->count;
        p->n_kept += row->count - golden_step_keep(keep, row, gradient, clip);
        golden_ranks_note(p, STUDENT, golden_step_way(keep, row->count, of_student, student, NULL), last, row->name);
        golden_ranks_note(p, TEACHER, golden_step_way(keep, row->count, of_teacher, teacher, NULL), last, row->name);
        golden_ranks_note(p, WAY, golden_step_way(keep, row->count, of_student, student, start), last, row->name);
    } else {
        snprintf(p->failed, sizeof p->failed, "the file has not all of %s", row->name);
    }
    free(of_student), free(of_teacher), free(keep);
}

/* The centre of the last step, and with the mean of its batch folded in. */
static inline void golden_ranks_center(struct golden_ranks *p, const char *name)
{
    int64_t n, last = p->n_steps - 1;
    char now_prefix[40], folded_prefix[40];
    float *now = golden_ranks_collect(p, "", name), *pending = golden_ranks_collect(p, name, ".pending");
    snprintf(now_prefix, sizeof now_prefix, "step%lld.after.", (long long)last);
    snprintf(folded_prefix, sizeof folded_prefix, "step%lld.folded.", (long long)last);
    const float *want = golden_step_values(&p->g, now_prefix, name, &n);
    golden_ranks_note(p, CENTER, relative_distance(now, want, n), last, name);
    for (int64_t j = 0; j < n; j++)
        now[j] = 0.9f * now[j] + 0.1f * pending[j];
    want = golden_step_values(&p->g, folded_prefix, name, NULL);
    golden_ranks_note(p, CENTER, relative_distance(now, want, n), last + 1, name);
    free(now), free(pending);
}

static inline void golden_ranks_compare_state(struct golden_ranks *p)
{
    const struct params *t = step_student(p->step)->table;
    for (int i = 0; i < t->n_rows; i++)
        golden_ranks_weights(p, &t->rows[i]);
    if (p->has_centers) {
        golden_ranks_center(p, "dino_loss.center");
        golden_ranks_center(p, "ibot_patch_loss.center");
    }
}

/* ---- a process ---- */

static inline void golden_ranks_settings(struct golden_ranks *p)
{
    static const char *const part[] = {"backbone", "dino_head", "ibot_head"};
    const char *strategy = p->full ? "FULL_SHARD" : "NO_SHARD";
    golden_step_settings(&p->config, &p->g);
    p->has_centers = p->config.train.centering == CENTERING_SOFTMAX;
    for (int i = 0; i < 3; i++) {
        golden_step_set(&p->config, "compute_precision.student.%s.sharding_strategy=%s", part[i], strategy);
        golden_step_set(&p->config, "compute_precision.teacher.%s.sharding_strategy=%s", part[i], strategy);
    }
    if (p->micro)
        golden_step_set(&p->config, "train.micro_batch_size=%lld", (long long)p->micro);
}

static inline void golden_ranks_run(struct golden_ranks *p)
{
    struct fmt_error e = {0};
    struct device device = test_device(1);
    if (!golden_open_path(&p->g, p->path))
        exit(1);
    golden_ranks_settings(p);
    p->n_steps = (int64_t)golden_number(&p->g, "steps", 0);
    if ((p->full && world_queue_open(&p->world.queue, &p->world, test_backend(), &e)) ||
        step_open(&p->step, &p->config, &p->world, &device, &e)) {
        fprintf(stderr, "%s: %s\n", p->path, e.text);
        exit(1);
    }
    golden_ranks_load(p);
    for (int64_t k = 0; k < p->n_steps && !p->failed[0]; k++)
        golden_ranks_step(p, k);
    if (!p->failed[0])
        golden_ranks_compare_state(p);
    step_close(p->step);
    world_queue_close(p->world.queue);
    device_close(&device);
    config_release(&p->config);
    golden_close(&p->g);
}

static inline void golden_ranks_check(const struct golden_ranks *p)
{
    printf("# %s, process %d of %d, %s, %lld images at once\n", p->path, p->world.rank, p->world.size,
           p->full ? "FULL_SHARD" : "NO_SHARD", (long long)p->micro);
    ok(!p->failed[0], "all is finite and in the file: %s", p->failed);
    /* A block has four pieces that are not cut further (PARAMS_GRAIN): of three processes the last has none. */
    ok(p->full ? p->n_blocks_held < p->n_blocks && (p->n_blocks_held > 0 || p->world.rank == 2)
               : p->n_blocks_held == p->n_blocks,
       "%lld of %lld elements of blocks are held", (long long)p->n_blocks_held, (long long)p->n_blocks);
    ok((p->n_weights - p->n_kept) * 20 < p->n_weights, "%.2f %% of the weights are not compared",
       100 * (double)(p->n_weights - p->n_kept) / (double)p->n_weights);
    for (int kind = 0; kind < GOLDEN_RANKS_KINDS; kind++) {
        bool none = (kind == GRADIENT && p->full) || (kind == CENTER && !p->has_centers);
        ok(none == (p->off[kind].n == 0) && p->off[kind].worst <= golden_ranks_kinds[kind].limit,
           "%s: largest difference of %lld: %.3g (%s)", golden_ranks_kinds[kind].what, (long long)p->off[kind].n,
           p->off[kind].worst, p->off[kind].where);
    }
}

#endif
