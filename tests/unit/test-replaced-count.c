/* test-replaced-count - images that cannot be used are counted over all processes: the same ones, in the same order, in
 * all of them, however many share the ranks; and one too many ends all after the same step. Processes are threads. */
#include <pthread.h>

#include "batch-loader.h"
#include "loaderbed.h"
#include "world-threads.h"

enum { RANKS = 4, RUN_STEPS = 4, N_BAD = 3, TEXTS = 900 };

struct process {
    struct world world;
    const struct config *config;
    const char *path;
    pthread_t thread;
    int status, steps;
    struct fmt_error error;
    char told[TEXTS]; /* by bad_image */
    struct {
        int64_t samples, n_images, image[N_IMAGES];
        char keys[200];
    } after[RUN_STEPS * RANKS]; /* each step */
};

static void on_bad(void *arg, const char *reason, const char *replaced_by)
{
    struct process *p = arg;
    size_t used = strlen(p->told);
    snprintf(p->told + used, sizeof p->told - used, "%.60s by %s\n", reason, replaced_by);
}

static void note(struct process *p, const struct replaced_images *r)
{
    p->after[p->steps].samples = r->samples;
    p->after[p->steps].n_images = r->n_images;
    for (int64_t i = 0; i < r->n_images; i++) {
        size_t used = strlen(p->after[p->steps].keys);
        p->after[p->steps].image[i] = r->image[i];
        snprintf(p->after[p->steps].keys + used, sizeof p->after[0].keys - used, "%s ", r->key[i]);
    }
}

static void *work(void *arg)
{
    struct process *p = arg;
    struct batch_loader *l;
    const struct views_batch *b;
    struct batch_loader_options o = {.world = &p->world, .config = p->config, .paths = &p->path, .n_paths = 1,
                                     .n_threads = 1, .bad_image = on_bad, .arg = p};
    int n_steps = RUN_STEPS * RANKS / world_ranks(&p->world);
    need(batch_loader_open(&l, &o, &p->error), &p->error);
    for (; p->steps < n_steps; p->steps++) {
        for (int turn = 0; turn < p->world.turns && !p->status; turn++)
            p->status = batch_loader_next(l, &b, &p->error);
        p->status = world_agree(&p->world, p->status, &p->error);
        if (p->status || (p->status = batch_loader_count_replaced(l, &p->error)) != 0)
            break;
        note(p, batch_loader_replaced(l));
    }
    if (p->status) /* nothing of the step is counted */
        note(p, batch_loader_replaced(l));
    batch_loader_close(l);
    return NULL;
}

static void run(struct process *p, int n, int turns, const struct config *c, const char *path)
{
    struct world_threads shared;
    world_threads_open(&shared, n);
    for (int r = 0; r < n; r++) {
        p[r] = (struct process){.world = world_threads_rank(&shared, r), .config = c, .path = path};
        p[r].world.turns = turns;
        if (pthread_create(&p[r].thread, NULL, work, &p[r]))
            abort();
    }
    for (int r = 0; r < n; r++)
        pthread_join(p[r].thread, NULL);
    world_threads_close(&shared);
}

static bool same_count(const struct process *a, int step_a, const struct process *b, int step_b)
{
    return memcmp(&a->after[step_a], &b->after[step_b], sizeof a->after[0]) == 0;
}

static struct process one[1], process[RANKS];

/* Batch by batch in one process is how it should be. */
static void test_order(const struct config *c, const char *path)
{
    run(one, 1, 1, c, path);
    int last = RUN_STEPS * RANKS - 1;
    ok(one->status == 0 && one->after[last].n_images == N_BAD && one->after[last].samples > N_BAD, "%d samples: %s",
       (int)one->after[last].samples, one->after[last].keys);
    for (int n = 1; n <= RANKS; n *= 2) {
        run(process, n, RANKS / n, c, path);
        bool counts = true, told = true;
        for (int r = 0; r < n; r++) {
            counts &= process[r].status == 0 && process[r].steps == RUN_STEPS;
            for (int step = 0; step < RUN_STEPS; step++)
                counts &= same_count(&process[r], step, one, RANKS * (step + 1) - 1);
            told &= strcmp(process[r].told, one->told) == 0;
        }
        ok(counts, "%d ranks of %d processes: the same images in the same order, after each step, in all", RANKS, n);
        ok(told, "and all are told of each once");
    }
}

/* One may be replaced; the step with the second one ends all: where that is met in the search for a replacement, too,
 * of which one process alone knows. */
static void test_too_many(struct config *c, const char *path, const char *seed, int ranks, int end)
{
    struct fmt_error e = {0};
    need(config_set(c, "train.max_replaced=0.05", &e) || config_set(c, seed, &e), &e);
    run(one, 1, ranks, c, path);
    ok(one->status == FMT_LIMIT && one->steps == end && strstr(one->error.text, "of 11 images cannot be used"),
       "%s: %s", seed, one->error.text);
    ok(same_count(one, end, one, end ? end - 1 : end + 1), "nothing of step %d counts", end);
    for (int n = 2; n <= ranks; n *= 2) {
        run(process, n, ranks / n, c, path);
        for (int r = 0; r < n; r++)
            ok(process[r].status == FMT_LIMIT && process[r].steps == end && same_count(&process[r], end, one, end) &&
                   strstr(process[r].error.text, one->error.text),
               "process %d of %d ends at the same step: %s", r, n, process[r].error.text);
    }
}

/* Where all is well one number is exchanged. */
static void test_cheap(const struct config *c, const char *path)
{
    run(process, 2, 2, c, path);
    ok(process[0].status == 0 && process[0].after[RUN_STEPS - 1].samples == 0 && !*process[0].told,
       "images that can all be used: nothing is counted");
}

int main(void)
{
    struct config c;
    small_config(&c);
    char bad[300], good[300];
    snprintf(bad, sizeof bad, "%s", make_shards("bad", N_BAD, 0, N_IMAGES));
    snprintf(good, sizeof good, "%s", make_shards("good", 0, 0, N_IMAGES));
    test_order(&c, bad);
    test_cheap(&c, good);
    test_too_many(&c, bad, "train.seed=9", 4, 0);
    test_too_many(&c, bad, "train.seed=5", 4, 0);
    test_too_many(&c, bad, "train.seed=4", 2, 1);
    test_too_many(&c, bad, "train.seed=12", 2, 1);
    config_release(&c);
    return tap_done();
}
