/* test-world - one process changes nothing; parts of arrays; the order of sums; what rank and size do to the order of
 * samples and to the learning rate. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "config.h"
#include "op.h"
#include "rng.h"
#include "schedule.h"
#include "tap.h"
#include "world-threads.h"
#include "test-device.h"
#include "world-queue.h"
#include "world-tree.h"
#include "world.h"

static void test_one(void)
{
    struct fmt_error e = {0};
    double x[3] = {1, -2, 0.1};
    ok(world_single.rank == 0 && world_single.size == 1, "one process is rank 0 of 1");
    ok(world_all_reduce_host(&world_single, x, 3, WORLD_SUM, &e) == 0 && x[0] == 1 && x[1] == -2 && x[2] == 0.1,
       "a sum over one process is what is there");
    ok(world_barrier(&world_single, &e) == 0, "it waits for nobody");
}

/* Whatever size and length: the parts follow one another, begin at multiples of 16 and are the whole. */
static void test_parts(void)
{
    bool good = true;
    for (int size = 1; size <= 7; size++)
        for (int64_t n = 0; n < 200; n += 1 + n / 5) {
            int64_t end = 0;
            for (int rank = 0; rank < size; rank++) {
                struct world w = {.rank = rank, .size = size};
                struct world_part p = world_part(&w, n, WORLD_GRAIN);
                good &= p.first == end && p.count >= 0 && (p.count == 0 || p.first % WORLD_GRAIN == 0);
                end = p.first + p.count;
            }
            good &= end == n;
        }
    ok(good, "the parts of all ranks are the whole");
}

/* ---- the meter ---- */

struct metered {
    struct world world;
    struct world_meter meter;
    double own, all; /* seconds of its own and by the clock */
};

static void *wait_at_barrier(void *arg)
{
    struct metered *m = arg;
    struct fmt_error e = {0};
    double begin = clock_now(), own = world_clock(&m->world);
    world_barrier(&m->world, &e);
    m->own = world_clock(&m->world) - own;
    m->all = clock_now() - begin;
    return NULL;
}

/* Rank 0 waits for rank 1, which comes when it has seen that and has slept a little. */
static void test_meter(void)
{
    enum { SLEPT_MS = 300 };
    struct world_threads shared;
    struct metered m[2] = {{.own = 0}};
    pthread_t thread;
    world_threads_open(&shared, 2);
    for (int r = 0; r < 2; r++) {
        m[r].world = world_threads_rank(&shared, r);
        m[r].world.meter = &m[r].meter;
    }
    if (pthread_create(&thread, NULL, wait_at_barrier, &m[0]))
        abort();
    while (!m[0].meter.inside)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    is_text(m[0].meter.inside, "barrier", "another thread sees which call a process is in");
    nanosleep(&(struct timespec){.tv_nsec = SLEPT_MS * 1000000L}, NULL);
    wait_at_barrier(&m[1]);
    pthread_join(thread, NULL);
    ok(m[0].meter.n_calls == 1 && m[1].meter.n_calls == 1 && !m[0].meter.inside, "and that it has come back");
    ok(m[0].meter.seconds >= SLEPT_MS / 1000. && m[0].all >= m[0].meter.seconds,
       "the one that waits is metered (%.3f s)", m[0].meter.seconds);
    ok(m[0].own < m[0].all - SLEPT_MS / 2000., "its own clock stands still meanwhile");
    world_threads_close(&shared);
}

/* ---- the order of sums ---- */

/* The tree as world-tree.h defines it: the node of the ranks [a, b). */
static double node(const double *x, int a, int b)
{
    int half = 1;
    if (b - a == 1)
        return x[a];
    while (2 * half < b - a)
        half *= 2;
    return node(x, a, a + half) + node(x, a + half, b);
}

enum { TREE_RANKS = 64, TREE_N = 1027 }; /* two blocks and three elements */

static void test_tree(void)
{
    static double x[TREE_RANKS][TREE_N], out[TREE_N];
    static float x32[TREE_RANKS][TREE_N], out32[TREE_N];
    const void *in[TREE_RANKS], *in32[TREE_RANKS];
    struct rng r = rng_stream(5, 0, 0, RNG_TEST);
    for (int k = 0; k < TREE_RANKS; k++) {
        in[k] = x[k];
        in32[k] = x32[k];
        for (int i = 0; i < TREE_N; i++)
            x32[k][i] = (float)(x[k][i] = rng_normal(&r) * exp(3 * rng_normal(&r)));
    }
    bool sums = true, largest = true;
    for (int n = 1; n <= TREE_RANKS; n++) {
        double column[TREE_RANKS], most;
        world_tree_reduce(out, in, n, DTYPE_F64, TREE_N, WORLD_SUM);
        for (int i = 0; i < TREE_N; i++) {
            for (int k = 0; k < n; k++)
                column[k] = x[k][i];
            sums &= out[i] == node(column, 0, n);
        }
        world_tree_reduce(out32, in32, n, DTYPE_F32, TREE_N, WORLD_MAX);
        for (int i = 0; i < TREE_N; i++) {
            most = (double)x32[0][i];
            for (int k = 1; k < n; k++)
                most = fmax(most, (double)x32[k][i]);
            largest &= (double)out32[i] == most;
        }
    }
    ok(sums, "sums of 1 to 64 ranks are those of the tree, bit for bit");
    ok(largest, "so is the largest of them");
    world_tree_reduce(out32, in32, 5, DTYPE_F32, TREE_N, WORLD_SUM);
    float by_hand = ((x32[0][TREE_N - 1] + x32[1][TREE_N - 1]) + (x32[2][TREE_N - 1] + x32[3][TREE_N - 1])) +
                    x32[4][TREE_N - 1];
    ok(out32[TREE_N - 1] == by_hand, "of 5 ranks in float32: ((0 + 1) + (2 + 3)) + 4");
    x32[2][7] = NAN;
    world_tree_reduce(out32, in32, 7, DTYPE_F32, TREE_N, WORLD_MAX);
    ok(isnan(out32[7]) && !isnan(out32[6]), "the largest of numbers with a NaN is NaN");
}

/* Some ranks at a time: the bits of all at once, in no more slots than were said. */
static void test_push(void)
{
    static double x[TREE_RANKS][TREE_N], sum[WORLD_SLOTS_MAX][TREE_N], out[TREE_N];
    const void *in[TREE_RANKS];
    void *slot[WORLD_SLOTS_MAX];
    struct rng r = rng_stream(6, 0, 0, RNG_TEST);
    bool good = true;
    for (int i = 0; i < WORLD_SLOTS_MAX; i++)
        slot[i] = sum[i];
    for (int k = 0; k < TREE_RANKS; k++) {
        in[k] = x[k];
        for (int i = 0; i < TREE_N; i++)
            x[k][i] = rng_normal(&r) * exp(3 * rng_normal(&r));
    }
    for (int each = 1; each <= 8; each++)
        for (int n = each; n <= TREE_RANKS; n += each) {
            int most = 0;
            for (int before = 0; before < n; before += each) {
                world_tree_push(slot, before, in + before, each, n, DTYPE_F64, TREE_N, WORLD_SUM);
                int nodes = world_tree_nodes(before + each, n);
                most = nodes > most ? nodes : most;
            }
            world_tree_reduce(out, in, n, DTYPE_F64, TREE_N, WORLD_SUM);
            good &= memcmp(out, sum[0], sizeof out) == 0 && most == world_tree_slots(each, n);
        }
    ok(good, "ranks that come some at a time leave the bits of all at once");
    is_int(world_tree_slots(1, 8), 3, "eight ranks one after another need three slots");
    is_int(world_tree_slots(4, 8), 1, "four at a time one");
    ok(world_tree_slots(1, 65536) <= WORLD_SLOTS_MAX, "and the most ranks that there can be no more than there are");
}

/* ---- one decision ---- */
static void test_agree(void)
{
    struct fmt_error e = {0};
    bool any;
    ok(world_agree(&world_single, 0, &e) == 0, "one process agrees with itself");
    fmt_fail(&e, FMT_INVALID, "no");
    ok(world_agree(&world_single, FMT_INVALID, &e) == FMT_INVALID && strcmp(e.text, "no") == 0,
       "and its failure has no number");
    ok(world_any(&world_single, true, &any, &e) == 0 && any && world_any(&world_single, false, &any, &e) == 0 && !any,
       "what holds there holds on any rank");
}

static void test_learning_rate(void)
{
    struct config c;
    config_init(&c);
    config_set(&c, "optim.base_lr=0.004", NULL);
    config_set(&c, "train.batch_size_per_gpu=64", NULL);
    config_set(&c, "train.output_dir=run.{rank}", NULL);
    ok(config_finish(&c, 5, 16, NULL) == 0 && c.optim.lr == 0.004, "16 processes of 64 images: the rate of 1024");
    is_text(c.train.output_dir, "run.5", "{rank} is the rank");
    is_int(c.train.ranks, 16, "there is a rank for each process");
    is_int(config_step_images(&c), 1024, "a step has the images of all");
    ok(schedules_from(&c, 16).lr.base == 0.004 && schedules_from(&c, 1).lr.base == 0.001, "so is the schedule's peak");
    config_release(&c);
    config_init(&c);
    config_set(&c, "optim.base_lr=0.004", NULL);
    config_set(&c, "train.ranks=4", NULL);
    ok(config_finish(&c, 0, 1, NULL) == 0 && c.optim.lr == 0.002, "train.ranks=4, of 64 images: the rate of 256");
    config_release(&c);
}

/* ---- calls behind the computation ---- */

enum { CALLS = 20 }; /* more than the queue holds */
static int made[CALLS], n_made;
static pthread_mutex_t may_go = PTHREAD_MUTEX_INITIALIZER;

static void note_call(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part, int64_t grain)
{
    (void)w, (void)part, (void)grain;
    pthread_mutex_lock(&may_go);
    made[n_made++] = (int)whole.dims[0];
    pthread_mutex_unlock(&may_go);
    op_check(c, whole.dims[0] != CALLS, "the last one fails");
}

static void test_queue(void)
{
    const struct world_calls calls = {.all_gather = note_call};
    struct world w = {.size = 1, .turns = 1, .calls = &calls};
    struct fmt_error e = {0};
    struct world_queue *q;
    ok(world_queue_open(&q, &w, test_backend(), &e) == 0, "a queue: %s", e.text);
    pthread_mutex_lock(&may_go);
    for (int i = 1; i <= 3; i++) {
        struct world_job job = {.call = WORLD_JOB_GATHER, .whole = {.n_dims = 1, .dims = {i}}};
        ok(world_queue_add(q, &job) == i, "job %d", i);
    }
    ok(n_made == 0 && world_queue_last(q) == 3, "nothing waits for what is started");
    pthread_mutex_unlock(&may_go);
    world_queue_wait(q, 2, &e);
    pthread_mutex_lock(&may_go);
    ok(n_made >= 2 && made[0] == 1 && made[1] == 2, "who waits for the second has the first, too, in their order");
    pthread_mutex_unlock(&may_go);
    for (int i = 4; i <= CALLS; i++) {
        struct world_job job = {.call = WORLD_JOB_GATHER, .whole = {.n_dims = 1, .dims = {i}}};
        world_queue_add(q, &job);
    }
    world_queue_wait(q, CALLS - 1, &e);
    world_queue_wait(q, INT64_MAX, &e);
    bool ordered = n_made == CALLS;
    for (int i = 0; i < n_made; i++)
        ordered &= made[i] == i + 1;
    ok(ordered, "more than the queue holds wait for room, and come in their order");
    ok(e.status == FMT_MISMATCH && strstr(e.text, "the last one fails"), "a failure is the caller's: %s", e.text);
    world_queue_close(q);
}

int main(void)
{
    test_one();
    test_parts();
    test_meter();
    test_tree();
    test_push();
    test_queue();
    test_agree();
    test_learning_rate();
    return tap_done();
}
