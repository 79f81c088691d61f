/* test-step - steps of a tiny model among processes of MPI: state and results have the bits of the same world imitated
 * by threads (world-threads.h, which tests/unit/test-step-world compares with one process), and all ranks the same. */
#include <pthread.h>
#include <string.h>

#include "mpitest.h"
#include "stepbed.h"
#include "world-queue.h"
#include "world-threads.h"

enum { STEPS = 3 };

static uint8_t rank_pixels[WORLD_THREADS_MAX][2 * B * G * G * 3];

struct rank {
    struct world world;
    const char *centering;
    uint64_t bits; /* of the state after the last step */
    struct step_result result;
    pthread_t thread;
};

/* Every rank has crops of its own; local ones and masks are those of stepbed.h. */
static void draw_ranks(void)
{
    draw_batch();
    for (uint64_t r = 0; r < WORLD_THREADS_MAX; r++) {
        struct rng g = rng_stream(12, r, 0, RNG_TEST);
        for (size_t i = 0; i < sizeof rank_pixels[r]; i++)
            rank_pixels[r][i] = (uint8_t)rng_u32(&g);
    }
}

static uint64_t add_bits(uint64_t sum, const void *data, size_t n)
{
    for (const uint8_t *p = data; n > 0; n--)
        sum = (sum ^ *p++) * 1099511628211u;
    return sum;
}

static uint64_t bits_of_state(struct bed *b)
{
    uint64_t sum = 14695981039346656037u;
    for (int64_t i = 0; i < state_count(b->step); i++) {
        struct state_tensor t;
        state_tensor(b->step, i, &t);
        float *x = bed_state(b, &t);
        sum = add_bits(sum, x, (size_t)t.n * sizeof *x);
        free(x);
    }
    return sum;
}

static void *steps_of_rank(void *arg)
{
    struct rank *r = arg;
    struct fmt_error e = {0};
    if (world_mpi_any_thread(&r->world) && world_queue_open(&r->world.queue, &r->world, test_backend(), &e))
        ok(false, "%s", e.text);
    struct bed b = bed_open_in(&r->world, 1, r->centering, "student.drop_path_rate=0.3", "dino.koleo_loss_weight=0.2",
                               "ibot.separate_head=true", "train.seed=4", SHARDING("FULL_SHARD"), NULL);
    struct step_batch mine = batch;
    mine.global_u8 = rank_pixels[r->world.rank];
    struct schedules s = schedules_from(&b.config, world_ranks(&r->world));
    for (int64_t i = 0; i < STEPS; i++) {
        struct schedule_rates rates = schedules_at(&s, i);
        if (step_run(b.step, &mine, i, &rates, NULL, &r->result, &e))
            ok(false, "rank %d, step %d: %s", r->world.rank, (int)i, e.text);
    }
    r->bits = bits_of_state(&b);
    bed_close(&b);
    world_queue_close(r->world.queue);
    return NULL;
}

static void imitate(struct rank *ranks, int size, const char *centering)
{
    struct world_threads shared;
    world_threads_open(&shared, size);
    for (int i = 0; i < size; i++) {
        ranks[i] = (struct rank){.world = world_threads_rank(&shared, i), .centering = centering};
        if (pthread_create(&ranks[i].thread, NULL, steps_of_rank, &ranks[i]))
            abort();
    }
    for (int i = 0; i < size; i++)
        pthread_join(ranks[i].thread, NULL);
    world_threads_close(&shared);
}

static void compare(const struct world *w, const char *centering)
{
    struct rank imitated[WORLD_THREADS_MAX], real = {.world = *w, .centering = centering};
    struct fmt_error e = {0};
    uint64_t all[WORLD_THREADS_MAX];
    imitate(imitated, w->size, centering);
    steps_of_rank(&real);
    const struct step_result *got = &real.result, *want = &imitated[w->rank].result;
    ok(real.bits == imitated[w->rank].bits, "%s: %d steps leave the bits of the imitated world", centering, STEPS);
    ok(!got->bad && got->total_loss > 0 && got->total_loss == want->total_loss &&
           got->teacher_entropy == want->teacher_entropy && got->n_masked == want->n_masked,
       "%s: so do losses and signs (%g)", centering, got->total_loss);
    bool same = world_all_gather_host(w, all, &real.bits, sizeof real.bits, &e) == 0;
    for (int r = 0; r < w->size; r++)
        same &= all[r] == real.bits;
    ok(same, "%s: all ranks have one state", centering);
}

/* The crops of the last process are no numbers: all skip the step, and all make the next one. */
static void bad_step(const struct world *w)
{
    struct bed b = bed_open_in(w, 1, NULL);
    struct step_batch mine = batch;
    mine.global_u8 = rank_pixels[w->rank];
    if (w->rank == w->size - 1)
        mine.pixel_norm.mean[1] = NAN;
    uint64_t before = bits_of_state(&b);
    struct fmt_error e = {0};
    struct step_result r;
    int status = run_batch(&b, &mine, 0, &r, &e);
    ok(status == 0 && r.bad, "a step that is bad in one process is bad in all: %s", status ? e.text : r.bad);
    ok(bits_of_state(&b) == before, "it changes nothing");
    mine.pixel_norm = batch.pixel_norm;
    ok(run_batch(&b, &mine, 1, &r, &e) == 0 && !r.bad && bits_of_state(&b) != before, "the next one is made by all");
    bed_close(&b);
}

int main(void)
{
    struct world w = mpitest_open();
    if (!ok(w.size <= WORLD_THREADS_MAX, "at most %d processes", WORLD_THREADS_MAX))
        return mpitest_done(&w);
    draw_ranks();
    compare(&w, "train.centering=centering");
    compare(&w, "train.centering=sinkhorn_knopp");
    bad_step(&w);
    return mpitest_done(&w);
}
