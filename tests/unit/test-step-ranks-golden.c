/* Training steps of 2, 3 and 4 ranks against the published code, for every number of processes that shares them evenly:
 * losses of each rank and as logged, gradients, their norms, both networks after the last step, and the centres.
 *
 * step_ranks<G>_*.safetensors hold what the published SSLMetaArch computed in G processes of PyTorch, joined by
 * torch.distributed (gloo) and wrapped by its own FSDP wrapper (NO_SHARD; FULL_SHARD and SHARD_GRAD_OP gave the same),
 * in float32 on a CPU: three steps, each rank with crops, masks and drop path of its own, from random weights. The
 * crops are stored as bytes; the networks are given byte / 64 - 2. Ranks have between 11 and 45 masked patches of 96,
 * so that a mean over ranks is not one over patches; rank 2 of step 1 of step_ranks3_sinkhorn_knopp_shared has none.
 * Gradients are means over the ranks, before clipping. "after.*.center" is the centre that the last step used,
 * "folded.*.center" the one that the next would use. */
#include <pthread.h>

#include "device-memory.h"
#include "golden-step.h"
#include "state.h"
#include "step-internal.h"
#include "test-device.h"
#include "world-queue.h"
#include "world-threads.h"

enum { RANKS_MAX = 4, STEPS_MAX = 3, TERMS = 4 };
static const char *const term_name[TERMS] = {"dino_local_crops_loss", "dino_global_crops_loss", "koleo_loss",
                                             "ibot_loss"};

/* A file on a number of processes, which are threads here. */
struct trial {
    const char *path;
    bool full;     /* FULL_SHARD, with calls behind the computation */
    int64_t micro; /* images at once; 0: all */
    float losses[STEPS_MAX][RANKS_MAX][TERMS]; /* of each rank, by the process that has it */
};

struct process {
    struct trial *trial;
    struct world world;
    struct golden g;
    struct config config;
    struct device device;
    struct step *step;
    int64_t n_steps;
    struct step_result result;
    pthread_t thread;
};

static void set_sharding(struct config *config, const char *strategy)
{
    static const char *const part[] = {"backbone", "dino_head", "ibot_head"};
    for (int i = 0; i < 3; i++) {
        golden_step_set(config, "compute_precision.student.%s.sharding_strategy=%s", part[i], strategy);
        golden_step_set(config, "compute_precision.teacher.%s.sharding_strategy=%s", part[i], strategy);
    }
}

/* ---- the state: whole tensors of it, whatever a process holds ---- */

static struct state_tensor find_tensor(struct process *p, const char *prefix, const char *name)
{
    struct state_tensor t;
    char whole[200];
    snprintf(whole, sizeof whole, "%s%s", prefix, name);
    for (int64_t i = 0; i < state_count(p->step); i++) {
        state_tensor(p->step, i, &t);
        if (strcmp(t.name, whole) == 0)
            return t;
    }
    fprintf(stderr, "the state has no %s\n", whole);
    exit(1);
}

/* For free(); all processes make the call. */
static float *collect(struct process *p, const char *prefix, const char *name)
{
    struct fmt_error e = {0};
    struct state_tensor t = find_tensor(p, prefix, name);
    float *host = malloc((size_t)t.n * sizeof *host);
    if (!host || state_collect(p->step, &t, 0, t.n, host, &e))
        ok(false, "%s: %s", t.name, e.text);
    return host;
}

static void load_weights(struct process *p)
{
    static const char *const prefix[] = {"student.", "teacher."};
    struct fmt_error e = {0};
    step_init_weights(p->step);
    for (int64_t i = 0; i < state_count(p->step); i++) {
        struct state_tensor t;
        int64_t n;
        state_tensor(p->step, i, &t);
        if (strncmp(t.name, prefix[0], strlen(prefix[0])) != 0 && strncmp(t.name, prefix[1], strlen(prefix[1])) != 0)
            continue;
        const float *values = golden_f32(&p->g, t.name, &n);
        if (n != t.n || (t.count && state_write(p->step, &t, t.first, t.count, values + t.first, &e)))
            ok(false, "%s: %lld of %lld values: %s", t.name, (long long)n, (long long)t.n, e.text);
    }
}

/* ---- a step ---- */

static float *crops(struct process *p, const char *prefix, const char *what)
{
    int64_t n;
    float *x = golden_step_values(&p->g, prefix, what, &n);
    for (int64_t i = 0; i < n; i++)
        x[i] = x[i] / 64 - 2;
    return x;
}

static struct step_batch load_batch(struct process *p, const char *prefix)
{
    int64_t n_masks, B = p->config.train.batch_size_per_gpu;
    uint8_t *masks = golden_step_masks(&p->g, prefix, &n_masks);
    return (struct step_batch){.B = B,
                               .global_f32 = crops(p, prefix, "collated_global_crops"),
                               .local_f32 = crops(p, prefix, "collated_local_crops"),
                               .masks = masks,
                               .N = n_masks / (2 * B)};
}

static void note_losses(struct process *p, int64_t k)
{
    for (int turn = 0; turn < p->world.turns; turn++) {
        const struct step_result *r = &p->step->of_rank[turn];
        float *to = p->trial->losses[k][world_rank(&p->world, turn)];
        to[0] = (float)r->dino_local_crops_loss;
        to[1] = (float)r->dino_global_crops_loss;
        to[2] = (float)r->koleo_loss;
        to[3] = (float)r->ibot_loss;
    }
}

static void run_step(struct process *p, int64_t k)
{
    struct fmt_error e = {0};
    struct step_batch batches[RANKS_MAX];
    struct step_draws draws[RANKS_MAX];
    struct schedule_rates rates = golden_step_rates(&p->g, k);
    for (int turn = 0; turn < p->world.turns; turn++) {
        char prefix[40];
        snprintf(prefix, sizeof prefix, "step%lld.rank%d.", (long long)k, world_rank(&p->world, turn));
        batches[turn] = load_batch(p, prefix);
        draws[turn] = golden_step_draws(&p->g, &p->config, prefix);
    }
    if (step_run(p->step, batches, k, &rates, draws[0].survivors ? draws : NULL, &p->result, &e) || p->result.bad)
        ok(false, "process %d, step %lld: %s", p->world.rank, (long long)k, p->result.bad ? p->result.bad : e.text);
    note_losses(p, k);
    for (int turn = 0; turn < p->world.turns; turn++) {
        golden_step_release_draws(&p->config, &draws[turn]);
        free((void *)(uintptr_t)batches[turn].masks);
    }
}

/* ---- comparison, by process 0 ---- */

static void check_logged(struct process *p, int64_t k)
{
    const double logged[TERMS] = {p->result.dino_local_crops_loss, p->result.dino_global_crops_loss,
                                  p->result.koleo_loss, p->result.ibot_loss};
    char prefix[40], name[80];
    float got[TERMS + PARAMS_MODULES_MAX], want[TERMS + PARAMS_MODULES_MAX];
    int n = 0;
    snprintf(prefix, sizeof prefix, "step%lld.", (long long)k);
    for (int i = 0; i < TERMS; i++, n++) {
        got[n] = (float)logged[i];
        want[n] = *golden_step_values(&p->g, prefix, term_name[i], NULL);
    }
    for (int m = 0; m < p->result.n_modules; m++, n++) {
        snprintf(name, sizeof name, "grad_norm.%s", p->result.module[m].name);
        got[n] = (float)p->result.module[m].grad_norm;
        want[n] = *golden_step_values(&p->g, prefix, name, NULL);
    }
    ok(n > TERMS, "step %lld: norms of %d modules", (long long)k, n - TERMS);
    is_close(got, want, n, 1e-5, 1e-4, "step %lld: losses as logged and norms of gradients", (long long)k);
}

/* Where they are whole. */
static void check_gradients(struct process *p, int64_t k)
{
    const struct params *t = step_student(p->step)->table;
    float *gradients = copy_to_host(step_context(p->step), step_gradients(p->step)->data);
    char prefix[40];
    double worst = 0;
    int n = 0;
    snprintf(prefix, sizeof prefix, "step%lld.grad.", (long long)k);
    for (int i = 0; i < t->n_rows; i++) {
        const float *want = golden_step_param(&p->g, prefix, &t->rows[i]);
        n += want != NULL;
        if (want)
            worst = worse(worst, golden_step_gradient(&t->rows[i], gradients + t->rows[i].offset, want));
    }
    ok(n == t->n_rows && worst <= 1e-4,
       "step %lld: %d gradients, largest relative difference %.3g", (long long)k, n, worst);
    free(gradients);
}

/* Differences of a parameter after the last step: student, teacher, the student's way from the start. All processes
 * make the call. */
static void compare_weights(struct process *p, const struct param *row, bool *keep, double worst[3])
{
    char prefix[2][40], norm[80];
    const float *start = golden_step_param(&p->g, "student.", row),
                *gradient = golden_step_param(&p->g, "step0.grad.", row), *want[2];
    float *got[2] = {collect(p, "student.", row->name), collect(p, "teacher.", row->name)};
    snprintf(norm, sizeof norm, "grad_norm.%s", step_student(p->step)->table->modules[row->module].name);
    for (int who = 0; who < 2; who++) {
        snprintf(prefix[who], sizeof prefix[who], "step%lld.after.%s.", (long long)p->n_steps - 1,
                 who ? "teacher" : "student");
        want[who] = golden_step_param(&p->g, prefix[who], row);
    }
    if (start && gradient && want[0] && want[1]) {
        double clip = p->config.optim.clip_grad / (double)*golden_step_values(&p->g, "step0.", norm, NULL);
        golden_step_keep(keep, row, gradient, clip);
        worst[0] = worse(worst[0], golden_step_way(keep, row->count, got[0], want[0], NULL));
        worst[1] = worse(worst[1], golden_step_way(keep, row->count, got[1], want[1], NULL));
        worst[2] = worse(worst[2], golden_step_way(keep, row->count, got[0], want[0], start));
    } else {
        ok(false, "the file has not all of %s", row->name);
    }
    free(got[0]), free(got[1]);
}

static void check_weights(struct process *p)
{
    const struct params *t = step_student(p->step)->table;
    double worst[3] = {0};
    int64_t n = 0, n_kept = 0;
    bool *keep = calloc((size_t)t->count, sizeof *keep);
    for (int i = 0; i < t->n_rows; i++) {
        compare_weights(p, &t->rows[i], keep + t->rows[i].offset, worst);
        n += t->rows[i].count;
    }
    for (int64_t i = 0; i < t->count; i++)
        n_kept += keep[i];
    if (p->world.rank == 0) {
        ok((n - n_kept) * 20 < n, "%.2f %% of the weights are not compared", 100 * (double)(n - n_kept) / (double)n);
        ok(worst[0] <= 1e-4 && worst[1] <= 1e-4 && worst[2] <= 1e-3,
           "after the last step: student %.3g, teacher %.3g, way from the start %.3g", worst[0], worst[1], worst[2]);
    }
    free(keep);
}

/* Both kinds: the centre of the last step, and with the mean of its batch folded in. All processes make the call. */
static void check_centers(struct process *p)
{
    static const char *const kind[] = {"dino_loss.center", "ibot_patch_loss.center"};
    char now_name[40], folded_name[40];
    snprintf(now_name, sizeof now_name, "step%lld.after.", (long long)p->n_steps - 1);
    snprintf(folded_name, sizeof folded_name, "step%lld.folded.", (long long)p->n_steps - 1);
    for (int i = 0; i < 2 && p->config.train.centering == CENTERING_SOFTMAX; i++) {
        float *now = collect(p, "", kind[i]), *pending = collect(p, kind[i], ".pending");
        int64_t n;
        const float *want = golden_step_values(&p->g, now_name, kind[i], &n);
        if (p->world.rank == 0) {
            is_near(now, want, n, 1e-4, "%s", kind[i]);
            for (int64_t j = 0; j < n; j++)
                now[j] = 0.9f * now[j] + 0.1f * pending[j];
            is_near(now, golden_step_values(&p->g, folded_name, kind[i], NULL), n, 1e-4, "%s of the next step",
                    kind[i]);
        }
        free(now), free(pending);
    }
}

static void check_losses_of_ranks(const struct trial *trial, int n_ranks, int64_t n_steps)
{
    struct golden g;
    if (!golden_open_path(&g, trial->path))
        return;
    for (int64_t k = 0; k < n_steps; k++)
        for (int rank = 0; rank < n_ranks; rank++) {
            float want[TERMS];
            for (int i = 0; i < TERMS; i++) {
                char prefix[40];
                snprintf(prefix, sizeof prefix, "step%lld.rank%d.", (long long)k, rank);
                want[i] = *golden_step_values(&g, prefix, term_name[i], NULL);
            }
            is_close(trial->losses[k][rank], want, TERMS, 1e-5, 1e-4, "step %lld, rank %d: its losses", (long long)k,
                     rank);
        }
    golden_close(&g);
}

/* ---- processes ---- */

static void *steps_of_process(void *arg)
{
    struct process *p = arg;
    struct fmt_error e = {0};
    if (!golden_open_path(&p->g, p->trial->path))
        exit(tap_done());
    golden_step_settings(&p->config, &p->g);
    set_sharding(&p->config, p->trial->full ? "FULL_SHARD" : "NO_SHARD");
    if (p->trial->micro)
        golden_step_set(&p->config, "train.micro_batch_size=%lld", (long long)p->trial->micro);
    p->n_steps = (int64_t)golden_number(&p->g, "steps", 0);
    p->device = test_device(1);
    if ((p->trial->full && world_queue_open(&p->world.queue, &p->world, test_backend(), &e)) ||
        step_open(&p->step, &p->config, &p->world, &p->device, &e)) {
        ok(false, "process %d: %s", p->world.rank, e.text);
        exit(tap_done());
    }
    load_weights(p);
    for (int64_t k = 0; k < p->n_steps; k++) {
        run_step(p, k);
        if (p->world.rank == 0) {
            check_logged(p, k);
            if (!p->trial->full && (k == 0 || k == p->n_steps - 1)) /* the steps whose gradients are in the file */
                check_gradients(p, k);
        }
    }
    check_weights(p);
    check_centers(p);
    step_close(p->step);
    world_queue_close(p->world.queue);
    device_close(&p->device);
    config_release(&p->config);
    golden_close(&p->g);
    return NULL;
}

static void test_processes(struct trial trial, int n_ranks, int size)
{
    struct process p[RANKS_MAX];
    struct world_threads shared;
    printf("# %s, %d processes, %s, %lld images at once\n", trial.path, size, trial.full ? "FULL_SHARD" : "NO_SHARD",
           (long long)trial.micro);
    world_threads_open(&shared, size);
    for (int i = 0; i < size; i++) {
        p[i] = (struct process){.trial = &trial,
                                .world = size == 1 ? world_single : world_threads_rank(&shared, i)};
        p[i].world.turns = n_ranks / size;
        if (pthread_create(&p[i].thread, NULL, steps_of_process, &p[i]))
            abort();
    }
    for (int i = 0; i < size; i++)
        pthread_join(p[i].thread, NULL);
    world_threads_close(&shared);
    check_losses_of_ranks(&trial, n_ranks, p[0].n_steps);
}

int main(void)
{
    static const struct {
        const char *path;
        int n_ranks;
    } file[] = {{"tests/golden/step_ranks2_centering_shared.safetensors", 2},
                {"tests/golden/step_ranks2_sinkhorn_knopp_separate.safetensors", 2},
                {"tests/golden/step_ranks3_centering_separate.safetensors", 3},
                {"tests/golden/step_ranks3_sinkhorn_knopp_shared.safetensors", 3},
                {"tests/golden/step_ranks4_centering_separate.safetensors", 4},
                {"tests/golden/step_ranks4_sinkhorn_knopp_shared.safetensors", 4}};
    for (size_t i = 0; i < sizeof file / sizeof *file; i++)
        for (int size = 1; size <= file[i].n_ranks; size++) {
            if (file[i].n_ranks % size)
                continue;
            test_processes((struct trial){.path = file[i].path}, file[i].n_ranks, size);
            if (size > 1)
                test_processes((struct trial){.path = file[i].path, .full = true}, file[i].n_ranks, size);
            else
                test_processes((struct trial){.path = file[i].path, .micro = 2}, file[i].n_ranks, size);
        }
    return tap_done();
}
