/* test-step-turns - a run of several ranks has the bits that it has with a process for each of them that holds all,
 * whatever number of processes shares them, and whatever these hold: weights, moments, centres, and what is logged.
 * Processes are threads here; with FULL_SHARD another thread of each makes calls behind the computation.
 */
#include <pthread.h>
#include <string.h>

#include "stepbed.h"
#include "world-queue.h"
#include "world-threads.h"

enum { RANKS_MAX = 6, STEPS = 3 };

/* Each rank has crops and masks of its own; the last one has no masked patch. */
static uint8_t rank_global[RANKS_MAX][2 * B * G * G * 3], rank_local[RANKS_MAX][N_LOCAL * B * L * L * 3],
    rank_masks[RANKS_MAX][2 * B * N];

static void draw_ranks(void)
{
    for (uint64_t rank = 0; rank < RANKS_MAX; rank++) {
        struct rng r = rng_stream(21, rank, 0, RNG_TEST);
        for (size_t i = 0; i < sizeof rank_global[rank]; i++)
            rank_global[rank][i] = (uint8_t)rng_u32(&r);
        for (size_t i = 0; i < sizeof rank_local[rank]; i++)
            rank_local[rank][i] = (uint8_t)rng_u32(&r);
        for (int crop = 0; crop < 2 * B && rank + 1 < RANKS_MAX; crop += 2)
            for (int i = 0; i < N; i++)
                rank_masks[rank][crop * N + i] = rng_below(&r, 3) == 0;
    }
}

struct variant {
    const char *what;
    const char *word[8]; /* settings, ending with NULL */
};

enum strategy { NONE, GRADIENTS, FULL, MIXED, STRATEGIES };
static const char *const strategy_name[STRATEGIES] = {"NO_SHARD", "SHARD_GRAD_OP", "FULL_SHARD", "mixed"};
static const char *const strategy_words[STRATEGIES][6] = {
    {SHARDING("NO_SHARD")},
    {SHARDING("SHARD_GRAD_OP")},
    {SHARDING("FULL_SHARD")},
    {"compute_precision.student.backbone.sharding_strategy=FULL_SHARD",
     "compute_precision.student.dino_head.sharding_strategy=NO_SHARD",
     "compute_precision.teacher.dino_head.sharding_strategy=NO_SHARD"}};

struct process {
    struct world world;
    const struct variant *variant;
    enum strategy strategy;
    uint64_t bits; /* of the state after the last step */
    struct step_result result;
    pthread_t thread;
};

static void *steps_of_process(void *arg)
{
    struct process *p = arg;
    const char *const *w = p->variant->word, *const *h = strategy_words[p->strategy];
    struct fmt_error e = {0};
    struct step_batch batches[RANKS_MAX];
    if (p->strategy == FULL && world_queue_open(&p->world.queue, &p->world, test_backend(), &e))
        ok(false, "%s", e.text);
    struct bed b = bed_open_in(&p->world, 1, "student.drop_path_rate=0.3", "dino.koleo_loss_weight=0.2", h[0], h[1],
                               h[2], h[3] ? h[3] : h[0], h[4] ? h[4] : h[0], h[5] ? h[5] : h[0], w[0], w[1], w[2], w[3],
                               w[4], w[5], w[6], NULL);
    struct schedules s = schedules_from(&b.config, world_ranks(&p->world));
    for (int64_t i = 0; i < STEPS; i++) {
        struct schedule_rates rates = schedules_at(&s, i);
        for (int turn = 0; turn < p->world.turns; turn++) {
            int rank = (world_rank(&p->world, turn) + (int)i) % RANKS_MAX;
            batches[turn] = batch;
            batches[turn].global_u8 = rank_global[rank];
            batches[turn].local_u8 = rank_local[rank];
            batches[turn].masks = rank_masks[rank];
        }
        if (step_run(b.step, batches, i, &rates, NULL, &p->result, &e) || p->result.bad)
            ok(false, "process %d, step %d: %s", p->world.rank, (int)i, p->result.bad ? p->result.bad : e.text);
    }
    p->bits = bed_bits(&b);
    bed_close(&b);
    world_queue_close(p->world.queue);
    return NULL;
}

static struct process run_processes(const struct variant *v, int n_ranks, int size, enum strategy strategy)
{
    struct world_threads shared;
    struct process p[RANKS_MAX];
    world_threads_open(&shared, size);
    for (int i = 0; i < size; i++) {
        p[i] = (struct process){.world = size == 1 ? world_single : world_threads_rank(&shared, i), .variant = v,
                                .strategy = strategy};
        p[i].world.turns = n_ranks / size;
        if (pthread_create(&p[i].thread, NULL, steps_of_process, &p[i]))
            abort();
    }
    bool same = true;
    for (int i = 0; i < size; i++) {
        pthread_join(p[i].thread, NULL);
        same &= p[i].bits == p[0].bits;
    }
    ok(same, "%s: %d ranks on %d, %s: all processes have one state", v->what, n_ranks, size, strategy_name[strategy]);
    world_threads_close(&shared);
    return p[0];
}

static bool same_results(const struct step_result *a, const struct step_result *b)
{
    bool same = a->n_modules == b->n_modules && memcmp(a, b, offsetof(struct step_result, module)) == 0;
    for (int m = 0; m < a->n_modules && same; m++)
        same = a->module[m].grad_norm == b->module[m].grad_norm;
    return same && a->n_masked == b->n_masked && a->n_koleo_left_out == b->n_koleo_left_out &&
           a->teacher_entropy == b->teacher_entropy && a->teacher_entropy_mean == b->teacher_entropy_mean &&
           a->feature_rank == b->feature_rank && a->prototypes_used == b->prototypes_used;
}

/* all: every strategy, else those that differ most. */
static uint64_t compare(const struct variant *v, int n_ranks, bool all_strategies)
{
    struct process all = run_processes(v, n_ranks, n_ranks, NONE);
    ok(all.result.total_loss > 0 && all.result.n_masked > 0, "%s: %d ranks (%g)", v->what, n_ranks,
       all.result.total_loss);
    for (int size = 1; size <= n_ranks; size++)
        for (enum strategy strategy = NONE; strategy < (size == 1 ? GRADIENTS : STRATEGIES); strategy++) {
            bool same_again = size == n_ranks && strategy == NONE,
                 left_out = !all_strategies && (strategy == GRADIENTS || strategy == MIXED);
            if (n_ranks % size || same_again || left_out)
                continue;
            struct process some = run_processes(v, n_ranks, size, strategy);
            ok(some.bits == all.bits && same_results(&some.result, &all.result),
               "%s: %d ranks on %d, %s: the bits of a process for each", v->what, n_ranks, size,
               strategy_name[strategy]);
        }
    return all.bits;
}

/* ---- what is gathered and sent behind the computation ---- */

/* The calls of process 0, in their order: G gathers, R sums and scatters. */
static char made[200];

static void note(const struct world *w, char call)
{
    size_t n = strlen(made);
    if (w->rank == 0 && n + 1 < sizeof made)
        made[n] = call;
}

static void noted_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part,
                         int64_t grain)
{
    note(w, 'G');
    wt_all_gather(w, c, whole, part, grain);
}

static void noted_reduce(const struct world *w, struct op_ctx *c, const struct tensor *slot, int turn,
                         struct tensor whole, int64_t grain)
{
    note(w, 'R');
    wt_reduce_scatter(w, c, slot, turn, whole, grain);
}

static void *one_step(void *arg)
{
    struct process *p = arg;
    struct fmt_error e = {0};
    struct bed b = bed_open_in(&p->world, 1, "ibot.separate_head=false", SHARDING("FULL_SHARD"), NULL);
    if (p->world.rank == 0)
        memset(made, 0, sizeof made);
    ok(run_batch(&b, &batch, 0, &p->result, &e) == 0, "a step: %s", e.text);
    bed_close(&b);
    return NULL;
}

/* Backward starts to gather the block before the one that computes: its call is made before the gradients of that are
 * sent. Units: embeddings, three blocks, the norm; two of them are there when backward begins. Then the head's. */
static void test_order(void)
{
    static const char *const backward = "RGRGRGRR" "R";
    struct world_calls noted = wt_calls;
    struct world_threads shared;
    struct process p[2];
    noted.all_gather = noted_gather;
    noted.reduce_scatter = noted_reduce;
    world_threads_open(&shared, 2);
    for (int i = 0; i < 2; i++) {
        p[i] = (struct process){.world = world_threads_rank(&shared, i)};
        p[i].world.calls = &noted;
        if (pthread_create(&p[i].thread, NULL, one_step, &p[i]))
            abort();
    }
    for (int i = 0; i < 2; i++)
        pthread_join(p[i].thread, NULL);
    world_threads_close(&shared);
    size_t n = strlen(made), tail = strlen(backward);
    ok(n > tail && strcmp(made + n - tail, backward) == 0, "the next unit is gathered before gradients are sent: %s",
       made);
    is_int((int64_t)(n - tail), 2 + 5 + 5, "before that the heads of both networks, and each unit once for each");
}

int main(void)
{
    static const struct variant variants[] = {
        {"Sinkhorn-Knopp", {"train.centering=sinkhorn_knopp", "ibot.separate_head=false"}},
        {"centering, separate heads", {"train.centering=centering", "ibot.separate_head=true"}},
        {"in parts",
         {"train.centering=sinkhorn_knopp", "train.micro_batch_size=2", "ibot.separate_head=true",
          "dino.kl_loss_weight=0.1"}},
        {"SGD, frozen at first",
         {"optim.optimizer=sgd", "train.freeze_backbone_iterations=2", "train.centering=centering"}},
        {"bf16", {ALL_BF16}}};
    draw_ranks();
    test_order();
    uint64_t two = 0, four = 0;
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        if (i == 4 && !test_backend()->supports(DTYPE_BF16)) {
            skip("this processor has no instructions for it", "ranks in bf16");
            continue;
        }
        two = compare(&variants[i], 2, i < 2);
        four = compare(&variants[i], 4, i < 2);
        ok(two != four, "%s: which are others for each number of ranks", variants[i].what);
    }
    compare(&variants[0], 3, false);
    compare(&variants[1], 6, false);
    return tap_done();
}
