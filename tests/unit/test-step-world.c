/* test-step-world - a step of several processes, here threads: two ranks with half of the images each make the step
 * that one process makes of all of them, in float32 and in bf16; threads and a resume do not change their bits; what is
 * not finite on one rank is skipped by both; a rank may have no masked patch. And a student smaller than its teacher.
 */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "stepbed.h"
#include "world-threads.h"

enum { RANKS = 2, IMAGES = RANKS * B };

/* The crops of all images, crop-major, as numbers; and of each rank its part. */
static float all_global[2 * IMAGES * 3 * G * G], all_local[N_LOCAL * IMAGES * 3 * L * L];
static uint8_t all_masks[2 * IMAGES * N];
static float rank_global[RANKS][2 * B * 3 * G * G], rank_local[RANKS][N_LOCAL * B * 3 * L * L];
static uint8_t rank_masks[RANKS][2 * B * N];

static void cut(const void *all, void *part, int rank, int n_runs, size_t item_bytes)
{
    for (int run = 0; run < n_runs; run++)
        memcpy((char *)part + (size_t)run * B * item_bytes,
               (const char *)all + (size_t)(run * IMAGES + rank * B) * item_bytes, B * item_bytes);
}

/* last_masked: images from here on have no masked patch. */
static void draw_images(int last_masked)
{
    struct rng r = rng_stream(11, 0, 0, RNG_TEST);
    for (size_t i = 0; i < sizeof all_global / sizeof *all_global; i++)
        all_global[i] = (float)rng_normal(&r);
    for (size_t i = 0; i < sizeof all_local / sizeof *all_local; i++)
        all_local[i] = (float)rng_normal(&r);
    memset(all_masks, 0, sizeof all_masks);
    for (int crop = 0; crop < 2 * IMAGES; crop++)
        for (int i = 0; i < N && crop % 3 == 0 && crop % IMAGES < last_masked; i++)
            all_masks[crop * N + i] = rng_below(&r, 3) == 0;
    for (int rank = 0; rank < RANKS; rank++) {
        cut(all_global, rank_global[rank], rank, 2, 3 * G * G * sizeof(float));
        cut(all_local, rank_local[rank], rank, N_LOCAL, 3 * L * L * sizeof(float));
        cut(all_masks, rank_masks[rank], rank, 2, N);
    }
}

/* ---- ranks ---- */

struct rank {
    struct world world;
    struct bed bed;
    struct step_batch batch;
    int64_t iteration;
    struct step_result result;
    int status;
    struct fmt_error error;
    pthread_t thread;
};

static void *step_of_rank(void *arg)
{
    struct rank *r = arg;
    struct schedules s = schedules_from(&r->bed.config, world_ranks(&r->world));
    struct schedule_rates rates = schedules_at(&s, r->iteration);
    r->status = step_run(r->bed.step, &r->batch, r->iteration++, &rates, NULL, &r->result, &r->error);
    return NULL;
}

struct variant {
    const char *what;
    bool bf16;
    const char *centering, *heads, *micro;
};

/* KoLeo is of the rank, and a rank draws its own drop path: without them the batches of the ranks are one batch. */
#define ONE_BATCH "student.drop_path_rate=0", "dino.koleo_loss_weight=0", "train.seed=4", SHARDING("NO_SHARD")
static void open_one(struct rank *r, struct world world, const char *n_images, const struct variant *v)
{
    *r = (struct rank){.world = world, .iteration = 1};
    r->bed = v->bf16
                 ? bed_open_in(&r->world, 1, n_images, v->centering, v->heads, v->micro, ONE_BATCH, ALL_BF16, NULL)
                 : bed_open_in(&r->world, 1, n_images, v->centering, v->heads, v->micro, ONE_BATCH, NULL);
}

static struct step_batch batch_of_rank(int i)
{
    return (struct step_batch){.B = B, .global_f32 = rank_global[i], .local_f32 = rank_local[i],
                               .masks = rank_masks[i], .N = N};
}

static struct step_batch batch_of_all(void)
{
    return (struct step_batch){.B = IMAGES, .global_f32 = all_global, .local_f32 = all_local, .masks = all_masks,
                               .N = N};
}

static void run_ranks(struct rank *rank)
{
    for (int i = 0; i < RANKS; i++)
        if (pthread_create(&rank[i].thread, NULL, step_of_rank, &rank[i]))
            abort();
    for (int i = 0; i < RANKS; i++)
        pthread_join(rank[i].thread, NULL);
}

static void open_ranks(struct rank *rank, struct world_threads *shared, const struct variant *v)
{
    world_threads_open(shared, RANKS);
    for (int i = 0; i < RANKS; i++) {
        open_one(&rank[i], world_threads_rank(shared, i), "train.batch_size_per_gpu=5", v);
        rank[i].batch = batch_of_rank(i);
    }
}

static void close_ranks(struct rank *rank, struct world_threads *shared)
{
    for (int i = 0; i < RANKS; i++)
        bed_close(&rank[i].bed);
    world_threads_close(shared);
}

/* ---- two ranks against one process ---- */

static void compare_results(const struct step_result *got, const struct step_result *want, const char *what)
{
    const double pair[][2] = {{got->dino_local_crops_loss, want->dino_local_crops_loss},
                              {got->dino_global_crops_loss, want->dino_global_crops_loss},
                              {got->ibot_loss, want->ibot_loss},
                              {got->total_loss, want->total_loss},
                              {got->teacher_entropy, want->teacher_entropy},
                              {got->teacher_entropy_mean, want->teacher_entropy_mean},
                              {got->prototypes_used, want->prototypes_used},
                              {got->module[0].grad_norm, want->module[0].grad_norm},
                              {got->module[1].grad_norm, want->module[1].grad_norm}};
    double worst = 0;
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++)
        worst = worse(worst, fabs(pair[i][0] - pair[i][1]) / fmax(fabs(pair[i][1]), 1e-3));
    ok(!got->bad && worst < 2e-5 && got->n_masked == want->n_masked, "%s: losses and signs of collapse (%.2g off)",
       what, worst);
}

static void same_everywhere(struct rank *rank, const char *what)
{
    float *a = bed_array(&rank[0].bed, step_student(rank[0].bed.step)),
          *b = bed_array(&rank[1].bed, step_student(rank[1].bed.step));
    size_t bytes = (size_t)step_student(rank[0].bed.step)->count * sizeof *a;
    ok(memcmp(a, b, bytes) == 0 && memcmp(&rank[0].result, &rank[1].result, offsetof(struct step_result, module)) == 0,
       "%s: both ranks log the same and have the same student, bit for bit", what);
    free(a), free(b);
}

/* What the centres will be moved by: the mean of the means that the ranks have, each alone; of those with rows. */
static void compare_centers(struct bed *got, const struct variant *v, int last_masked)
{
    struct rank alone[RANKS];
    for (int r = 0; r < RANKS; r++) {
        open_one(&alone[r], world_single, "train.batch_size_per_gpu=5", v);
        alone[r].batch = batch_of_rank(r);
        step_of_rank(&alone[r]);
    }
    for (int64_t i = 0; i < state_count(got->step); i++) {
        struct state_tensor t, of[RANKS];
        state_tensor(got->step, i, &t);
        if (!strstr(t.name, ".pending"))
            continue;
        bool both = last_masked > B || !strstr(t.name, "ibot");
        float *x = bed_state(got, &t), *mean[RANKS];
        for (int r = 0; r < RANKS; r++) {
            state_tensor(alone[r].bed.step, i, &of[r]);
            mean[r] = bed_state(&alone[r].bed, &of[r]);
        }
        for (int64_t k = 0; k < t.n && both; k++)
            mean[0][k] = (mean[0][k] + mean[1][k]) / 2;
        is_near(x, mean[0], t.n, 1e-5, "%s: %s", v->what, t.name);
        free(x), free(mean[0]), free(mean[1]);
    }
    for (int r = 0; r < RANKS; r++)
        bed_close(&alone[r].bed);
}

static void compare(const struct variant *v, int last_masked)
{
    const char *what = v->what;
    struct rank rank[RANKS], whole;
    struct world_threads shared;
    draw_images(last_masked);
    open_ranks(rank, &shared, v);
    open_one(&whole, world_single, "train.batch_size_per_gpu=10", v);
    whole.batch = batch_of_all();
    step_of_rank(&whole);
    run_ranks(rank);
    for (int i = 0; i < RANKS; i++)
        ok(rank[i].status == 0, "%s: rank %d: %s", what, i, rank[i].error.text);
    ok(whole.status == 0, "%s: one process: %s", what, whole.error.text);
    compare_results(&rank[0].result, &whole.result, what);
    float *got = bed_array(&rank[0].bed, step_gradients(rank[0].bed.step)),
          *want = bed_array(&whole.bed, step_gradients(whole.bed.step));
    is_near(got, want, step_gradients(whole.bed.step)->count, 2e-5, "%s: gradients", what);
    same_everywhere(rank, what);
    compare_centers(&rank[1].bed, v, last_masked);
    free(got), free(want);
    bed_close(&whole.bed);
    close_ranks(rank, &shared);
}

static void test_against_one(void)
{
    static const char *const one = "train.micro_batch_size=null", *const parts = "train.micro_batch_size=2",
                            *const both = "ibot.separate_head=true", *const shared = "ibot.separate_head=false",
                            *const sinkhorn = "train.centering=sinkhorn_knopp",
                            *const centering = "train.centering=centering";
    const struct variant whole[] = {{"Sinkhorn-Knopp", false, sinkhorn, shared, one},
                                    {"centering", false, centering, shared, one},
                                    {"Sinkhorn-Knopp, separate heads, in parts", false, sinkhorn, both, parts},
                                    {"centering, separate heads, in parts", false, centering, both, parts},
                                    {"bf16, Sinkhorn-Knopp", true, sinkhorn, shared, one},
                                    {"bf16, centering, separate heads, in parts", true, centering, both, parts}},
                         some[] = {{"Sinkhorn-Knopp, a rank without masked patches", false, sinkhorn, both, one},
                                   {"centering, a rank without masked patches", false, centering, both, one},
                                   {"bf16, centering, a rank without masked patches", true, centering, both, one}};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (!whole[i].bf16 || test_backend()->supports(DTYPE_BF16))
            compare(&whole[i], IMAGES);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        if (!some[i].bf16 || test_backend()->supports(DTYPE_BF16))
            compare(&some[i], B);
}

/* ---- threads, and a run that is stopped ---- */

static void open_drawing(struct rank *r, struct world world, int i, int n_threads, bool bf16)
{
    const char *const rate = "student.drop_path_rate=0.4";
    *r = (struct rank){.world = world, .batch = batch_of_rank(i)};
    r->bed = bf16 ? bed_open_in(&r->world, n_threads, rate, SHARDING("NO_SHARD"), ALL_BF16, NULL)
                  : bed_open_in(&r->world, n_threads, rate, SHARDING("NO_SHARD"), NULL);
}

static void carry_over(struct rank *to, struct rank *from)
{
    for (int64_t i = 0; i < state_count(from->bed.step); i++) {
        struct state_tensor a, b;
        struct fmt_error e = {0};
        state_tensor(from->bed.step, i, &a);
        state_tensor(to->bed.step, i, &b);
        float *values = bed_state(&from->bed, &a);
        if (a.n != b.n || state_write(to->bed.step, &b, 0, a.n, values, &e))
            ok(false, "%s is not carried over: %s", a.name, e.text);
        free(values);
    }
    state_set_numbers(to->bed.step, state_numbers(from->bed.step));
    to->iteration = from->iteration;
}

/* Four steps of two ranks; two, whose state goes to ranks with other threads, which make two more. Returns the bits. */
static uint64_t test_bits(bool bf16)
{
    static const int n_threads[3][RANKS] = {{1, 1}, {3, 2}, {1, 4}};
    const char *what = bf16 ? "bf16" : "float32";
    struct rank rank[3][RANKS];
    struct world_threads shared[3];
    draw_images(IMAGES);
    for (int run = 0; run < 3; run++) {
        world_threads_open(&shared[run], RANKS);
        for (int i = 0; i < RANKS; i++) {
            open_drawing(&rank[run][i], world_threads_rank(&shared[run], i), i, n_threads[run][i], bf16);
            if (run == 2)
                carry_over(&rank[2][i], &rank[1][i]);
        }
        for (int k = 0; k < (run == 0 ? 4 : 2); k++)
            run_ranks(rank[run]);
    }
    for (int i = 0; i < RANKS; i++)
        ok(rank[2][i].status == 0 && rank[2][i].iteration == 4 && !rank[2][i].result.bad &&
               memcmp(&rank[0][i].result, &rank[2][i].result, offsetof(struct step_result, module)) == 0 &&
               bed_bits(&rank[0][i].bed) == bed_bits(&rank[2][i].bed),
           "%s, rank %d: stopped and resumed with other threads: the bits of one run", what, i);
    ok(bed_bits(&rank[1][0].bed) != bed_bits(&rank[2][0].bed), "%s: which two more steps changed", what);
    const struct step_times *t = &rank[0][0].result.times;
    ok(t->forward > 0 && t->backward > 0 && t->update > 0, "%s: forward %g s, backward %g s, update %g s", what,
       t->forward, t->backward, t->update);
    uint64_t bits = bed_bits(&rank[0][0].bed);
    for (int run = 0; run < 3; run++)
        close_ranks(rank[run], &shared[run]);
    return bits;
}

/* ---- a verdict for all ---- */

static void test_bad_step(void)
{
    const struct variant v = {"bad", false, "train.centering=sinkhorn_knopp", "ibot.separate_head=true",
                              "train.micro_batch_size=null"};
    struct rank rank[RANKS];
    struct world_threads shared;
    draw_images(IMAGES);
    open_ranks(rank, &shared, &v);
    rank_global[1][7] = NAN;
    float *before = bed_array(&rank[0].bed, step_student(rank[0].bed.step));
    run_ranks(rank);
    ok(rank[0].status == 0 && rank[1].status == 0 && rank[0].result.bad && rank[1].result.bad &&
           strcmp(rank[0].result.bad, rank[1].result.bad) == 0,
       "a crop of one rank is not finite: both say so: %s", rank[0].result.bad ? rank[0].result.bad : "no");
    float *after = bed_array(&rank[0].bed, step_student(rank[0].bed.step));
    ok(memcmp(before, after, (size_t)step_student(rank[0].bed.step)->count * sizeof *before) == 0 &&
           state_numbers(rank[0].bed.step).optimizer_steps == 0,
       "and the other skips the step as well");
    draw_images(IMAGES);
    rank[0].result = rank[1].result = (struct step_result){0};
    run_ranks(rank);
    ok(!rank[0].result.bad && !rank[1].result.bad, "the next one is made by both");
    same_everywhere(rank, "after a step that was skipped");
    free(before), free(after);
    close_ranks(rank, &shared);
}

static void open_koleo(struct rank *r, int i, struct world world)
{
    *r = (struct rank){.world = world, .iteration = 1, .batch = batch_of_rank(i)};
    r->bed = bed_open_in(&r->world, 1, "student.drop_path_rate=0", "dino.koleo_loss_weight=0.3",
                         "dino.loss_weight=1e-12", "ibot.loss_weight=0", SHARDING("NO_SHARD"), NULL);
}

/* KoLeo is of the rank: loss and gradients are the means of those that the ranks have alone. */
static void test_koleo(void)
{
    struct rank alone[RANKS], rank[RANKS];
    struct world_threads shared;
    float *g[RANKS];
    draw_images(IMAGES);
    for (int i = 0; i < RANKS; i++) {
        open_koleo(&alone[i], i, world_single);
        step_of_rank(&alone[i]);
        g[i] = bed_array(&alone[i].bed, step_gradients(alone[i].bed.step));
    }
    world_threads_open(&shared, RANKS);
    for (int i = 0; i < RANKS; i++)
        open_koleo(&rank[i], i, world_threads_rank(&shared, i));
    run_ranks(rank);
    double a = alone[0].result.koleo_loss, b = alone[1].result.koleo_loss, both = rank[0].result.koleo_loss;
    ok(fabs(both - (a + b) / 2) < 1e-6 * a && a != b, "KoLeo is of the rank, its loss the mean (%g, %g: %g)", a, b,
       both);
    int64_t n = step_gradients(rank[0].bed.step)->count;
    for (int64_t i = 0; i < n; i++)
        g[0][i] = (g[0][i] + g[1][i]) / 2;
    float *got = bed_array(&rank[0].bed, step_gradients(rank[0].bed.step));
    is_near(got, g[0], n, 1e-5, "so are its gradients");
    for (int i = 0; i < RANKS; i++) {
        bed_close(&alone[i].bed);
        free(g[i]);
    }
    free(got);
    close_ranks(rank, &shared);
}

/* Two ranks with the same images draw different drop path. */
static void test_drop_path(void)
{
    struct rank rank[RANKS];
    struct world_threads shared;
    double loss[RANKS];
    draw_images(IMAGES);
    world_threads_open(&shared, RANKS);
    for (int i = 0; i < RANKS; i++) { /* one after the other, each alone but for its number */
        struct world w = {.rank = i, .size = RANKS, .turns = 1, .calls = world_single.calls};
        rank[i] = (struct rank){.world = w, .iteration = 1, .batch = batch_of_rank(0)};
        rank[i].bed = bed_open_in(&rank[i].world, 1, "student.drop_path_rate=0.4", SHARDING("NO_SHARD"), NULL);
        step_of_rank(&rank[i]);
        loss[i] = rank[i].result.dino_local_crops_loss;
    }
    ok(rank[0].status == 0 && rank[1].status == 0 && loss[0] > 0 && loss[0] != loss[1],
       "each rank draws its own drop path (%g, %g)", loss[0], loss[1]);
    close_ranks(rank, &shared);
}

/* ---- a student smaller than its teacher ---- */

static struct step *open_pair(struct bed *b, const char *student, const char *teacher, struct fmt_error *e)
{
    struct step *step = NULL;
    struct config large;
    config_copy(&large, &b->config, e);
    if (config_set(&b->config, student, e) || config_set(&large, teacher, e) ||
        step_open_pair(&step, &b->config, &large, &world_single, &b->device, e))
        step = NULL;
    config_release(&large);
    return step;
}

static void test_smaller_student(void)
{
    struct bed b = bed_open(2, "ibot.separate_head=true", NULL);
    struct fmt_error e = {0};
    struct step_result r;
    step_close(b.step);
    if (!ok((b.step = open_pair(&b, "student.depth=1", "student.depth=3", &e)) != NULL,
            "a student of one block beside a teacher of three: %s", e.text))
        exit(tap_done());
    step_init_weights(b.step);
    const struct params_array *student = step_student(b.step), *teacher = step_teacher(b.step);
    const char *const common = "backbone.blocks.0.attn.qkv.weight", *const own = "backbone.blocks.2.attn.qkv.weight";
    ok(student->count < teacher->count && params_find(student->table, own) < 0 && params_find(teacher->table, own) >= 0,
       "they have tables of their own");
    ok(bed_first(&b, student, common) == bed_first(&b, teacher, common), "what both have begins alike");
    float first = bed_first(&b, teacher, common), alone = bed_first(&b, teacher, own);
    draw_batch();
    ok(run_batch(&b, &batch, 1, &r, &e) == 0 && !r.bad && isfinite(r.total_loss) && step_grad_norm(&r, VIT_MODULE) > 0,
       "both go forward, the student learns: %s", e.text);
    double momentum = schedules_from(&b.config, 1).momentum.base,
           expected = momentum * (double)first + (1 - momentum) * (double)bed_first(&b, student, common);
    ok(bed_first(&b, teacher, common) != first && fabs((double)bed_first(&b, teacher, common) - expected) < 1e-6,
       "the teacher follows in what both have");
    ok(alone != 0 && bed_first(&b, teacher, own) == alone, "and keeps what the student has not");
    int64_t n = state_count(b.step), rows = 0;
    for (int64_t i = 0; i < n; i++) {
        struct state_tensor t;
        state_tensor(b.step, i, &t);
        rows += strncmp(t.name, "teacher.", 8) == 0;
    }
    ok(rows == teacher->table->n_rows, "a checkpoint has all rows of the teacher");
    bed_close(&b);
}

static void test_pairs_refused(void)
{
    struct bed b = bed_open(1, NULL);
    struct fmt_error e = {0};
    ok(open_pair(&b, "dino.head_n_prototypes=300", "dino.head_n_prototypes=600", &e) == NULL &&
           e.status == FMT_MISMATCH && strstr(e.text, "cannot be compared"),
       "%s", e.text);
    e = (struct fmt_error){0};
    ok(open_pair(&b, "dino.head_n_prototypes=600", "student.patch_size=7", &e) == NULL && e.status == FMT_MISMATCH,
       "%s", e.text);
    bed_close(&b);
}

int main(void)
{
    test_against_one();
    uint64_t bits = test_bits(false);
    if (test_backend()->supports(DTYPE_BF16))
        ok(test_bits(true) != bits, "bf16 has bits of its own");
    else
        skip("this processor has no instructions for it", "ranks in bf16");
    test_bad_step();
    test_koleo();
    test_drop_path();
    test_smaller_student();
    test_pairs_refused();
    return tap_done();
}
