/* test-batch-loader.c - the same bits with any number of threads, from any first step, from shards, a file of views and
 * a pipe; images that cannot be used; views that do not fit; loaders that are closed early. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch-loader.h"
#include "crop-sampler.h"
#include "file.h"
#include "loaderbed.h"
#include "tap.h"

/* ------------------------------------------------------------ batches */

/* The calls of bad_image; the texts of the last one. */
struct bad_images {
    int n;
    char reason[400], replaced_by[100];
};

static void on_bad(void *arg, const char *reason, const char *replaced_by)
{
    struct bad_images *b = arg;
    b->n++;
    snprintf(b->reason, sizeof b->reason, "%s", reason);
    snprintf(b->replaced_by, sizeof b->replaced_by, "%s", replaced_by);
}

static void add_digest(const struct views_header *h, const struct views_batch *b, uint8_t out[DIGEST_BYTES])
{
    struct digest d;
    digest_init(&d);
    digest_add(&d, &b->step, sizeof b->step);
    digest_add(&d, b->global, (size_t)views_global_bytes(h));
    digest_add(&d, b->local, (size_t)views_local_bytes(h));
    digest_add(&d, b->mask, (size_t)views_mask_bytes(h));
    for (int i = 0; i < h->batch; i++) {
        digest_add(&d, &b->image[i], sizeof b->image[i]);
        digest_add(&d, b->key[i], strlen(b->key[i]) + 1);
    }
    digest_end(&d, out);
}

/* What was replaced in the batch is counted. */
static int next_counted(struct batch_loader *l, const struct views_batch **b, struct fmt_error *e)
{
    int status = batch_loader_next(l, b, e);
    return status ? status : batch_loader_count_replaced(l, e);
}

struct batches {
    uint8_t digest[STEPS][DIGEST_BYTES];
    int n, status;
    char error[400];
};

/* The digests of all batches from options.first_step to STEPS. */
static struct batches run(struct batch_loader_options options)
{
    struct batches r = {0};
    struct fmt_error e = {0};
    struct batch_loader *l;
    const struct views_batch *b;
    r.status = batch_loader_open(&l, &options, &e);
    while (r.status == 0 && options.first_step + r.n < STEPS && (r.status = next_counted(l, &b, &e)) == 0) {
        if (b->step != options.first_step + r.n)
            r.status = FMT_INVALID;
        add_digest(batch_loader_header(l), b, r.digest[b->step]);
        r.n++;
    }
    snprintf(r.error, sizeof r.error, "%s", e.text);
    if (r.n > 0 || !e.status)
        batch_loader_close(l);
    return r;
}

static bool equal(const struct batches *a, const struct batches *b, int first)
{
    if (b->n != STEPS - first)
        fprintf(stderr, "# %d batches, status %d: %s\n", b->n, b->status, b->error);
    return a->n == STEPS && b->n == STEPS - first &&
           memcmp(a->digest[first], b->digest[first], (size_t)(STEPS - first) * DIGEST_BYTES) == 0;
}

static struct batches test_threads(struct batch_loader_options options)
{
    struct bad_images bad = {0};
    options.bad_image = on_bad, options.arg = &bad;
    options.n_threads = 1;
    struct batches one = run(options);
    is_int(one.n, STEPS, "seven batches, two and a half epochs");
    is_int(bad.n, 1, "the bad image is reported once");
    ok(strncmp(bad.reason, "photo-04: ", 10) == 0 && strstr(bad.reason, "/bad/shard-00000-of-00002.shard: "),
       "%s; replaced by %s", bad.reason, bad.replaced_by);
    for (int t = 2; t <= 8; t *= 2) {
        options.n_threads = t, options.n_prefetch = t / 2;
        struct batches more = run(options);
        ok(equal(&one, &more, 0), "%d threads, %d ahead: the same bits", t, t / 2);
    }
    for (int first = 1; first < STEPS; first += 2) {
        options.first_step = first;
        struct batches late = run(options);
        ok(equal(&one, &late, first), "from step %d: the same bits", first);
    }
    return one;
}

static void test_replacement(struct batch_loader_options options, const char *whole, const char *folder)
{
    struct fmt_error e = {0};
    struct batch_loader *a, *b;
    const struct views_batch *x, *y;
    const char *paths[2] = {whole, folder};
    options.paths = &paths[0];
    need(batch_loader_open(&a, &options, &e), &e);
    options.paths = &paths[1];
    need(batch_loader_open(&b, &options, &e), &e);
    const struct views_header *h = batch_loader_header(a);
    size_t bytes = (size_t)(h->local_size * h->local_size * 3);
    int same = 0, other = 0;
    for (int step = 0; step < 3; step++) {
        need(batch_loader_next(a, &x, &e), &e);
        need(batch_loader_next(b, &y, &e), &e);
        for (int i = 0; i < h->batch; i++) {
            bool equal_crops = memcmp(x->local + (size_t)i * bytes, y->local + (size_t)i * bytes, bytes) == 0;
            if (x->image[i] == BAD)
                other += !equal_crops && y->image[i] != BAD;
            else
                same += equal_crops && x->image[i] == y->image[i];
        }
    }
    ok(other >= 1 && same + other == 12, "a bad image changes its own sample only (%d of 12)", other);
    batch_loader_close(a), batch_loader_close(b);
}

/* Over many epochs all other images replace the bad one, not only its neighbours. */
static void test_spread(struct batch_loader_options options)
{
    enum { SAMPLES = 40 * N_IMAGES };
    struct fmt_error e = {0};
    struct batch_loader *l;
    const struct views_batch *b;
    int seen[2][N_IMAGES] = {{0}}, n[2] = {0, 0};
    need(batch_loader_open(&l, &options, &e), &e);
    for (int step = 0; step * 4 < SAMPLES; step++) {
        need(next_counted(l, &b, &e), &e);
        for (int i = 0; i < 4; i++)
            seen[step * 4 >= SAMPLES / 2][b->image[i]]++;
    }
    for (int half = 0; half < 2; half++)
        for (int i = 0; i < N_IMAGES; i++)
            n[half] += seen[half][i] > 20; /* 20 epochs have each of them 20 times */
    ok(n[0] >= 4 && n[1] >= 4 && !seen[0][BAD] && !seen[1][BAD], "20 replacements are %d and %d images", n[0], n[1]);
    ok(memcmp(seen[0], seen[1], sizeof seen[0]) != 0, "others in other epochs");
    is_int(batch_loader_replaced(l)->samples, 40, "40 epochs replace a sample each");
    is_int(batch_loader_replaced(l)->n_images, 1, "for one image");
    is_text(batch_loader_replaced(l)->key[0], "photo-04", "whose key is there");
    batch_loader_close(l);
}

/* ------------------------------------------------------------ too many that are bad */

struct ended {
    int64_t steps, samples, images;
    char text[400];
};

static struct ended run_to_end(struct batch_loader_options options, const struct replaced_images *before)
{
    struct ended r = {.steps = options.first_step};
    struct fmt_error e = {0};
    struct batch_loader *l;
    const struct views_batch *b;
    need(batch_loader_open(&l, &options, &e), &e);
    if (before)
        need(batch_loader_restore_replaced(l, before, true, &e), &e);
    int status;
    while (r.steps < 20 && (status = next_counted(l, &b, &e)) == 0)
        r.steps++;
    ok(status == FMT_LIMIT && batch_loader_next(l, &b, NULL) == FMT_LIMIT, "it ends after step %ld, for good: %s",
       (long)r.steps, e.text);
    r.samples = batch_loader_replaced(l)->samples, r.images = batch_loader_replaced(l)->n_images;
    snprintf(r.text, sizeof r.text, "%s", e.text);
    batch_loader_close(l);
    return r;
}

/* Two of eleven, one is allowed: the batch with the second one is not given, and not counted. */
static void test_too_many(struct batch_loader_options options)
{
    struct config c;
    struct fmt_error e = {0};
    struct bad_images bad = {0};
    const char *paths[1] = {make_shards("two-bad", 2, 0, N_IMAGES)};
    small_config(&c);
    need(config_set(&c, "train.max_replaced=0.05", &e) || config_set(&c, "train.seed=9", &e), &e);
    options.config = &c, options.paths = paths, options.n_threads = 1, options.bad_image = on_bad, options.arg = &bad;
    struct ended one = run_to_end(options, NULL);
    ok(strstr(one.text, "two-bad/shard-0000") && strstr(one.text, "with it 2 of 11 images cannot be used") &&
           strstr(one.text, "train.max_replaced=0.05 allows 1"),
       "the shard is named, and what is allowed");
    is_int(bad.n, 1, "the first is reported");
    ok(one.samples == 1 && one.images == 1, "and counted");
    options.n_threads = 3;
    struct ended more = run_to_end(options, NULL);
    ok(more.steps == one.steps && more.samples == one.samples && more.images == one.images,
       "three threads end at the same step");

    struct replaced_images before = {.samples = 5};
    need(replaced_images_add(&before, BAD, "photo-04", &e), &e);
    need(replaced_images_add(&before, BAD + 1, "photo-05", &e), &e);
    struct batch_loader *l;
    const struct views_batch *b;
    need(config_set(&c, "train.max_replaced=0.1", &e), &e);
    need(batch_loader_open(&l, &options, &e), &e);
    need(batch_loader_restore_replaced(l, &before, true, &e), &e);
    bad.n = 0;
    for (int step = 0; step < 11; step++)
        need(next_counted(l, &b, &e), &e);
    is_int(bad.n, 0, "what an earlier process met is not reported again");
    is_int(batch_loader_replaced(l)->samples, 5 + 2 * 4, "but counted on");
    batch_loader_close(l);
    before.image[1] = N_IMAGES;
    need(batch_loader_open(&l, &options, &e), &e);
    ok(batch_loader_restore_replaced(l, &before, true, &e) == FMT_INVALID, "%s", e.text);
    batch_loader_close(l);
    replaced_images_release(&before);
    config_release(&c);
}

/* ------------------------------------------------------------ views */

static void describe(struct provenance *p, const struct config *c, const struct batch_loader *l, bool with_provenance)
{
    provenance_init(p, "test", "1", with_provenance);
    for (int id = 0; id < CONFIG_N_KEYS; id++)
        if (crop_sampler_setting(id)) {
            char *value = config_value(c, id);
            provenance_text(p, config_key(id)->name, value);
            free(value);
        }
    provenance_input(p, "shards", batch_loader_identity(l));
}

struct views_job {
    struct batch_loader_options options;
    const char *path;
    bool provenance;
};

/* Writes STEPS batches as dino-augment does. */
static void *write_views(void *arg)
{
    struct views_job *job = arg;
    struct fmt_error e = {0};
    struct batch_loader *l;
    struct provenance p;
    struct views_writer w;
    struct file_out f;
    const struct views_batch *b;
    need(batch_loader_open(&l, &job->options, &e), &e);
    struct views_header h = *batch_loader_header(l);
    h.first_step = job->options.first_step;
    describe(&p, job->options.config, l, job->provenance);
    need(file_create(&f, job->path, &e), &e);
    struct fmt_writer io = file_writer(&f);
    need(views_create(&w, &io, &h, &p, &e), &e);
    for (int64_t step = h.first_step; step < STEPS; step++) {
        need(batch_loader_next(l, &b, &e), &e);
        need(views_add(&w, b, &e), &e);
    }
    need(views_finish(&w, &e), &e);
    need(file_commit(&f, &e), &e);
    provenance_release(&p);
    batch_loader_close(l);
    return NULL;
}

static void test_views(struct batch_loader_options options, const struct batches *expected)
{
    struct views_job job = {.options = options, .path = in_scratch("a.views"), .provenance = true};
    write_views(&job);
    const char *paths[1] = {job.path};
    options.paths = paths;
    struct batches r = run(options);
    ok(equal(expected, &r, 0), "from a file of views: the same bits");
    options.first_step = 4;
    r = run(options);
    ok(equal(expected, &r, 4), "earlier batches are skipped");
    options.first_step = STEPS - 1;
    struct fmt_error e = {0};
    struct batch_loader *l;
    const struct views_batch *b;
    need(batch_loader_open(&l, &options, &e), &e);
    is_int(batch_loader_next(l, &b, &e), 0, "the last batch");
    is_int(batch_loader_next(l, &b, &e), FMT_END, "and the end");
    is_int(batch_loader_next(l, &b, &e), FMT_END, "and still the end");
    batch_loader_close(l);
}

static void is_refused(struct batch_loader_options options, const char *word, const char *reason)
{
    struct config c;
    struct fmt_error e = {0};
    struct batch_loader *l;
    small_config(&c);
    need(config_set(&c, word, &e), &e);
    need(config_finish(&c, 0, 1, &e), &e);
    options.config = &c;
    int status = batch_loader_open(&l, &options, &e);
    ok(status == FMT_MISMATCH && strstr(e.text, reason), "%s is refused: %s", word, e.text);
    if (status == 0)
        batch_loader_close(l);
    config_release(&c);
}

static void test_refusals(struct batch_loader_options options)
{
    const char *paths[2] = {in_scratch("a.views"), in_scratch("b.views")};
    struct views_job job = {.options = options, .path = paths[1], .provenance = false};
    struct fmt_error e = {0};
    struct batch_loader *l;
    job.options.first_step = 2;
    write_views(&job);
    options.paths = paths;
    is_refused(options, "train.batch_size_per_gpu=5", "train.batch_size_per_gpu 4, the settings say 5");
    is_refused(options, "crops.local_crops_number=2", "crops.local_crops_number");
    is_refused(options, "crops.global_crops_size=40", "crops.global_crops_size");
    is_refused(options, "augment.mean=[0.5, 0.5, 0.5]", "augment.mean");
    is_refused(options, "crops.global_crops_scale=[0.5, 1.0]", "crops.global_crops_scale=");
    is_refused(options, "ibot.mask_sample_probability=0.25", "ibot.mask_sample_probability=");
    options.paths = paths + 1; /* without provenance: what is a field */
    is_refused(options, "train.batch_size_per_gpu=5", "train.batch_size_per_gpu 4, the settings say 5");
    is_refused(options, "crops.local_crops_number=2", "crops.local_crops_number 3, the settings say 2");
    is_refused(options, "crops.global_crops_size=40", "crops.global_crops_size 32, the settings say 40");
    is_refused(options, "crops.local_crops_size=8", "crops.local_crops_size 16, the settings say 8");
    is_refused(options, "student.patch_size=16", "patches a side 4, the settings say 2");
    is_refused(options, "augment.mean=[0.5, 0.5, 0.5]", "augment.mean or augment.std");
    is_refused(options, "augment.std=[0.5, 0.5, 0.5]", "augment.mean or augment.std");
    /* Scales are not in the header: the next check fails. */
    is_refused(options, "crops.global_crops_scale=[0.5, 1.0]", "begins at step 2");
    ok(batch_loader_open(&l, &options, &e) == FMT_MISMATCH && strstr(e.text, "begins at step 2"), "%s", e.text);
    options.first_step = 2;
    e = (struct fmt_error){0};
    need(batch_loader_open(&l, &options, &e), &e);
    batch_loader_close(l);
    ok(true, "without provenance the header alone decides; closed before the first batch");
}

static void test_pipe(struct batch_loader_options options, const struct batches *expected)
{
    const char *fifo = in_scratch("fifo"), *paths[1] = {fifo};
    struct views_job job = {.options = options, .path = fifo, .provenance = true};
    pthread_t thread;
    ok(mkfifo(fifo, 0600) == 0, "a named pipe");
    pthread_create(&thread, NULL, write_views, &job);
    options.paths = paths;
    options.end_step = STEPS;
    struct batches r = run(options);
    pthread_join(thread, NULL);
    ok(equal(expected, &r, 0), "from a pipe: the same bits, and its writer ends well");
    pthread_create(&thread, NULL, write_views, &job);
    options.first_step = 3;
    r = run(options);
    pthread_join(thread, NULL);
    ok(equal(expected, &r, 3), "earlier batches of a pipe are skipped");
}

/* The header comes, but not all of a batch: closing must not hang. */
static void test_silent_pipe(struct batch_loader_options options)
{
    const char *fifo = in_scratch("silent"), *paths[1] = {fifo};
    struct fmt_error e = {0};
    struct batch_loader *l;
    uint8_t *data;
    size_t bytes;
    need(file_load(in_scratch("a.views"), 1 << 30, &data, &bytes, &e), &e);
    ok(mkfifo(fifo, 0600) == 0, "another pipe");
    int fd = open(fifo, O_RDWR);
    ok(write(fd, data, 40000) == 40000, "with a header and a little more");
    options.paths = paths;
    options.n_prefetch = 1;
    static _Atomic int stop;
    options.stop = &stop;
    need(batch_loader_open(&l, &options, &e), &e);
    const struct views_batch *b;
    is_int(batch_loader_next(l, &b, &e), 0, "the first batch is all there");
    stop = 1;
    is_int(batch_loader_next(l, &b, &e), FMT_STOPPED, "a wait for the second can be stopped");
    batch_loader_close(l);
    ok(true, "a loader that waits for a pipe can be closed");
    close(fd);
    free(data);
}

static _Atomic int stop_signal;

static void *stop_soon(void *arg)
{
    (void)arg;
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    stop_signal = 15;
    return NULL;
}

/* Not even a header comes, once with a writer and once without. */
static void test_pipe_without_header(struct batch_loader_options options)
{
    const char *fifo = in_scratch("no-header"), *paths[1] = {fifo};
    ok(mkfifo(fifo, 0600) == 0, "a pipe that says nothing");
    options.paths = paths;
    options.stop = &stop_signal;
    for (int writer = 0; writer < 2; writer++) {
        struct fmt_error e = {0};
        struct batch_loader *l;
        pthread_t thread;
        int fd = writer ? open(fifo, O_RDWR) : -1;
        stop_signal = 0;
        pthread_create(&thread, NULL, stop_soon, NULL);
        is_int(batch_loader_open(&l, &options, &e), FMT_STOPPED, "%s writer: %s", writer ? "a" : "no", e.text);
        pthread_join(thread, NULL);
        if (writer)
            close(fd);
    }
}

/* ------------------------------------------------------------ ends */

static void test_ends(struct batch_loader_options options)
{
    struct fmt_error e = {0};
    struct batch_loader *l;
    const struct views_batch *b;
    options.end_step = 2;
    need(batch_loader_open(&l, &options, &e), &e);
    is_int(batch_loader_next(l, &b, &e) | batch_loader_next(l, &b, &e), 0, "two steps");
    is_int(batch_loader_next(l, &b, &e), FMT_END, "and no more are made");
    batch_loader_close(l);
    options.end_step = 0;
    need(batch_loader_open(&l, &options, &e), &e);
    is_int(batch_loader_next(l, &b, &e), 0, "closed while threads work ahead:");
    ok(batch_loader_memory_bytes(l) > views_global_bytes(batch_loader_header(l)), "memory is known");
    batch_loader_close(l);
    batch_loader_close(NULL);
    const char *paths[1] = {make_shards("only-bad", 1, BAD, 2)};
    options.paths = paths;
    need(batch_loader_open(&l, &options, &e), &e);
    is_int(batch_loader_next(l, &b, &e), 0, "one good image of two will do");
    batch_loader_close(l);
    options.paths = (const char *const[]){make_shards("all-bad", 1, BAD, 1)};
    need(batch_loader_open(&l, &options, &e), &e);
    ok(batch_loader_next(l, &b, &e) == FMT_INVALID && strstr(e.text, "no image can be used"), "%s", e.text);
    batch_loader_close(l);
}

static void test_epochs(struct batch_loader_options options)
{
    struct fmt_error e = {0};
    struct batch_loader *l;
    const struct views_batch *b;
    int seen[N_IMAGES] = {0}, order[2][N_IMAGES], n = 0;
    need(batch_loader_open(&l, &options, &e), &e);
    for (int step = 0; step < 6; step++) {
        need(batch_loader_next(l, &b, &e), &e);
        for (int i = 0; i < 4 && n < 2 * N_IMAGES; i++, n++) {
            order[n / N_IMAGES][n % N_IMAGES] = (int)b->image[i];
            seen[b->image[i]]++;
        }
    }
    bool twice = true;
    for (int i = 0; i < N_IMAGES; i++)
        twice = twice && seen[i] == 2;
    ok(twice, "two epochs have every image twice");
    ok(memcmp(order[0], order[1], sizeof order[0]) != 0, "in different orders");
    batch_loader_close(l);
}

/* ------------------------------------------------------------ several processes */

enum { PROCESSES = 2, TURNS_MAX = 3 };

/* The digests of the first STEPS batches of all processes, and how often each of them has each image in two epochs. The
 * batches of a step are looked at once all of its turns are there. */
static void run_processes(struct batch_loader_options options, int turns, uint8_t digest[STEPS][DIGEST_BYTES],
                          int seen[PROCESSES][2][N_IMAGES])
{
    for (int rank = 0; rank < PROCESSES; rank++) {
        struct world world = {.rank = rank, .size = PROCESSES, .turns = turns};
        struct fmt_error e = {0};
        struct batch_loader *l;
        const struct views_batch *b[TURNS_MAX];
        options.world = &world;
        need(batch_loader_open(&l, &options, &e), &e);
        for (int step = 0; (step + 1) * turns * PROCESSES <= STEPS; step++) {
            for (int turn = 0; turn < turns; turn++)
                need(batch_loader_next(l, &b[turn], &e), &e);
            for (int turn = 0; turn < turns; turn++) {
                int64_t n = step * turns * PROCESSES + world_rank(&world, turn);
                struct views_batch numbered = *b[turn];
                ok(numbered.step == n / PROCESSES, "process %d, batch %ld", rank, (long)numbered.step);
                numbered.step = n; /* as one process with one rank says */
                add_digest(batch_loader_header(l), &numbered, digest[n]);
                for (int64_t i = 0, s = 4 * n; i < 4; i++, s++)
                    if (s < 2 * N_IMAGES)
                        seen[rank][s / N_IMAGES][numbered.image[i]]++;
            }
        }
        batch_loader_close(l);
    }
}

/* Two processes share the batches of one; together they see each image once an epoch. So they do in steps of several
 * turns. */
static void test_ranks(struct batch_loader_options options, const struct batches *expected)
{
    uint8_t digest[STEPS][DIGEST_BYTES];
    size_t whole = (size_t)(STEPS - STEPS % PROCESSES) * DIGEST_BYTES;
    int seen[PROCESSES][2][N_IMAGES] = {{{0}}}, n_once = 0, n_of[PROCESSES] = {0, 0};
    run_processes(options, 1, digest, seen);
    for (int epoch = 0; epoch < 2; epoch++)
        for (int i = 0; i < N_IMAGES; i++) {
            n_once += seen[0][epoch][i] + seen[1][epoch][i] == 1;
            n_of[0] += seen[0][epoch][i], n_of[1] += seen[1][epoch][i];
        }
    is_int(n_once, 2 * N_IMAGES, "together two processes see each image once in each of two epochs");
    ok(n_of[0] == 12 && n_of[1] == 10, "three batches are one's, two and a half the other's");
    ok(memcmp(digest, expected->digest, whole) == 0, "their batches are those of one process");
    for (int turns = 2; turns <= TURNS_MAX; turns++) {
        memset(digest, 0, sizeof digest);
        run_processes(options, turns, digest, seen);
        ok(memcmp(digest, expected->digest, (size_t)(STEPS - STEPS % (turns * PROCESSES)) * DIGEST_BYTES) == 0,
           "also in %d turns", turns);
    }
    const char *paths[1] = {in_scratch("ranks.views")};
    struct views_job job = {.options = options, .path = paths[0], .provenance = true};
    write_views(&job);
    options.paths = paths;
    run_processes(options, 1, digest, seen);
    ok(memcmp(digest, expected->digest, whole) == 0, "from a file of views, too");
    struct world world = {.rank = 1, .size = PROCESSES, .turns = 1};
    struct fmt_error e = {0};
    struct batch_loader *l;
    paths[0] = "-";
    options.world = &world;
    is_int(batch_loader_open(&l, &options, &e), FMT_UNSUPPORTED, "%s", e.text);
}

int main(void)
{
    struct config c;
    small_config(&c);
    char bad[300], whole[300];
    snprintf(bad, sizeof bad, "%s", make_shards("bad", 1, 0, N_IMAGES));
    snprintf(whole, sizeof whole, "%s", make_shards("whole", 0, 0, N_IMAGES));
    const char *bad_paths[1] = {bad}, *whole_paths[1] = {whole};
    struct batch_loader_options options = {.config = &c, .paths = bad_paths, .n_paths = 1, .n_threads = 2};
    struct batches expected = test_threads(options);
    test_replacement(options, whole, bad);
    test_spread(options);
    test_too_many(options);
    test_views(options, &expected);
    test_refusals(options);
    test_pipe(options, &expected);
    test_silent_pipe(options);
    test_pipe_without_header(options);
    test_ends(options);
    options.paths = whole_paths;
    test_epochs(options);
    options.n_threads = 3;
    struct batches whole_batches = run(options);
    test_ranks(options, &whole_batches);
    config_release(&c);
    return tap_done();
}
