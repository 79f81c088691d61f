/* The source of batches: the same bits with any number of threads, from any first step, from shards, a file of views
 * and a pipe; images that cannot be used; views that do not fit; sources that are closed early. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "jpeg.h"
#include "crop-sampler.h"
#include "batch-loader.h"
#include "rng.h"
#include "shard.h"
#include "tap.h"

enum { N_IMAGES = 11, BAD = 4, STEPS = 7 };

static void need(int status, const struct fmt_error *e)
{
    if (status) {
        fprintf(stderr, "%s\n", e->text);
        exit(1);
    }
}

static const char *in_scratch(const char *name)
{
    static char text[4][300];
    static int i;
    i = (i + 1) % 4;
    snprintf(text[i], sizeof text[i], "%s/%s", tap_scratch(), name);
    return text[i];
}

/* ------------------------------------------------------------ shards */

static struct image drawn(int i)
{
    struct image im = {0};
    struct fmt_error e = {0};
    struct rng r = rng_stream(3, (uint64_t)i, 0, RNG_TEST);
    need(image_reserve(&im, 40 + 7 * i, 60 - 3 * i, i % 3 == 1 ? 1 : 3, &e), &e);
    for (size_t k = 0; k < image_bytes(im.width, im.height, im.components); k++)
        im.pixels[k] = (uint8_t)(k * 3 / (size_t)im.width + rng_below(&r, 60));
    return im;
}

/* Image i as JPEG or as pixels; of BAD and those behind it half of the bytes are missing, behind the back of the pack
 * tool. */
static void add_image(struct shard_writer *w, int i, int n_bad)
{
    struct fmt_error e = {0};
    struct image im = drawn(i);
    struct jpeg_encoding coding = {.quality = 90, .orientation = i == 6 ? 6 : 1};
    struct fmt_buffer jpeg = {0};
    char key[32];
    snprintf(key, sizeof key, "photo-%02d", i);
    need(jpeg_encode(&im, &coding, &jpeg, &e), &e);
    struct shard_image record = {.labels = {key, "train", "", "", -1, -1}, .width = im.width, .height = im.height,
                                 .components = im.components, .store = SHARD_JPEG, .data = jpeg.data,
                                 .bytes = jpeg.bytes};
    if (i >= BAD && i < BAD + n_bad)
        record.bytes /= 2;
    if (i % 4 == 3) {
        record.store = im.components == 1 ? SHARD_GREY : SHARD_RGB;
        record.data = im.pixels;
        record.bytes = image_bytes(im.width, im.height, im.components);
    }
    need(shard_add(w, &record, &e), &e);
    fmt_buffer_release(&jpeg);
    image_release(&im);
}

static const char *make_shards(const char *name, int n_bad, int first, int n)
{
    static char folder[300];
    struct fmt_error e = {0};
    snprintf(folder, sizeof folder, "%s", in_scratch(name));
    need(file_make_dirs(folder, &e), &e);
    for (uint32_t k = 0; k < 2; k++) {
        char path[400];
        snprintf(path, sizeof path, "%s/shard-%05u-of-00002.shard", folder, k);
        struct file_out f;
        need(file_create(&f, path, &e), &e);
        struct fmt_writer io = file_writer(&f);
        struct shard_header h = {k, 2, 128, 128, 128 * 64, NULL, 0, {.n = 0}};
        struct provenance p;
        provenance_init(&p, "test", "1", true);
        provenance_text(&p, "set", name);
        struct shard_writer w;
        need(shard_create(&w, &io, &h, &p, &e), &e);
        for (int i = first; i < first + n; i++)
            if ((i < first + n / 2) == (k == 0))
                add_image(&w, i, n_bad);
        need(shard_finish(&w, &e), &e);
        need(file_commit(&f, &e), &e);
        provenance_release(&p);
    }
    return folder;
}

/* ------------------------------------------------------------ batches */

static void small_config(struct config *c)
{
    struct fmt_error e = {0};
    const char *words[] = {"train.batch_size_per_gpu=4",  "crops.global_crops_size=32",   "crops.local_crops_size=16",
                           "crops.local_crops_number=3",  "student.patch_size=8",         "train.seed=5",
                           "augment.vertical_flip=0.3",   "augment.rotate90=0.5",        "train.max_replaced=1"};
    config_init(c);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        need(config_set(c, words[i], &e), &e);
    need(config_finish(c, 0, 1, &e), &e);
}

struct told {
    int n;
    char reason[400], replaced_by[100];
};

static void on_bad(void *arg, const char *reason, const char *replaced_by)
{
    struct told *t = arg;
    t->n++;
    snprintf(t->reason, sizeof t->reason, "%s", reason);
    snprintf(t->replaced_by, sizeof t->replaced_by, "%s", replaced_by);
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

struct batches {
    uint8_t digest[STEPS][DIGEST_BYTES];
    int n, status;
    char error[400];
};

/* All batches of a source up to step STEPS; each has the digest of its step. */
static struct batches run(struct batch_loader_options wish)
{
    struct batches r = {0};
    struct fmt_error e = {0};
    struct batch_loader *s;
    const struct views_batch *b;
    r.status = batch_loader_open(&s, &wish, &e);
    while (r.status == 0 && wish.first_step + r.n < STEPS && (r.status = batch_loader_next(s, &b, &e)) == 0) {
        if (b->step != wish.first_step + r.n)
            r.status = FMT_INVALID;
        add_digest(batch_loader_header(s), b, r.digest[b->step]);
        r.n++;
    }
    snprintf(r.error, sizeof r.error, "%s", e.text);
    if (r.n > 0 || !e.status)
        batch_loader_close(s);
    return r;
}

static bool equal(const struct batches *a, const struct batches *b, int first)
{
    if (b->n != STEPS - first)
        fprintf(stderr, "# %d batches, status %d: %s\n", b->n, b->status, b->error);
    return a->n == STEPS && b->n == STEPS - first &&
           memcmp(a->digest[first], b->digest[first], (size_t)(STEPS - first) * DIGEST_BYTES) == 0;
}

static struct batches test_threads(struct batch_loader_options wish)
{
    struct told told = {0};
    wish.bad_image = on_bad, wish.arg = &told;
    wish.n_threads = 1;
    struct batches one = run(wish);
    is_int(one.n, STEPS, "seven batches, two and a half passes");
    is_int(told.n, 1, "the bad image is told once");
    ok(strncmp(told.reason, "photo-04: ", 10) == 0 && strstr(told.reason, "/bad/shard-00000-of-00002.shard: "),
       "%s; replaced by %s", told.reason, told.replaced_by);
    for (int t = 2; t <= 8; t *= 2) {
        wish.n_threads = t, wish.n_prefetch = t / 2;
        struct batches more = run(wish);
        ok(equal(&one, &more, 0), "%d threads, %d ahead: the same bits", t, t / 2);
    }
    for (int first = 1; first < STEPS; first += 2) {
        wish.first_step = first;
        struct batches late = run(wish);
        ok(equal(&one, &late, first), "from step %d: the same bits", first);
    }
    return one;
}

static void test_replacement(struct batch_loader_options wish, const char *whole, const char *folder)
{
    struct fmt_error e = {0};
    struct batch_loader *a, *b;
    const struct views_batch *x, *y;
    const char *paths[2] = {whole, folder};
    wish.paths = &paths[0];
    need(batch_loader_open(&a, &wish, &e), &e);
    wish.paths = &paths[1];
    need(batch_loader_open(&b, &wish, &e), &e);
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
    ok(other >= 1 && same + other == 12, "a bad image changes its own place only (%d of 12)", other);
    batch_loader_close(a), batch_loader_close(b);
}

/* Over many passes all others stand for the bad image, not its neighbours. */
static void test_spread(struct batch_loader_options wish)
{
    enum { PLACES = 40 * N_IMAGES };
    struct fmt_error e = {0};
    struct batch_loader *s;
    const struct views_batch *b;
    int seen[2][N_IMAGES] = {{0}}, n[2] = {0, 0};
    need(batch_loader_open(&s, &wish, &e), &e);
    for (int step = 0; step * 4 < PLACES; step++) {
        need(batch_loader_next(s, &b, &e), &e);
        for (int i = 0; i < 4; i++)
            seen[step * 4 >= PLACES / 2][b->image[i]]++;
    }
    for (int half = 0; half < 2; half++)
        for (int i = 0; i < N_IMAGES; i++)
            n[half] += seen[half][i] > 20; /* 20 passes have each of them 20 times */
    ok(n[0] >= 4 && n[1] >= 4 && !seen[0][BAD] && !seen[1][BAD], "20 replacements are %d and %d images", n[0], n[1]);
    ok(memcmp(seen[0], seen[1], sizeof seen[0]) != 0, "other ones in other passes");
    is_int(batch_loader_replaced(s)->samples, 40, "40 passes replace a sample each");
    is_int(batch_loader_replaced(s)->n_images, 1, "for one image");
    is_text(batch_loader_replaced(s)->key[0], "photo-04", "whose key is kept");
    batch_loader_close(s);
}

/* ------------------------------------------------------------ too many that are bad */

struct ended {
    int64_t steps, samples, images;
    char text[400];
};

static struct ended run_to_end(struct batch_loader_options wish, const struct replaced_images *before)
{
    struct ended r = {.steps = wish.first_step};
    struct fmt_error e = {0};
    struct batch_loader *s;
    const struct views_batch *b;
    need(batch_loader_open(&s, &wish, &e), &e);
    if (before)
        need(batch_loader_restore_replaced(s, before, true, &e), &e);
    int status;
    while (r.steps < 20 && (status = batch_loader_next(s, &b, &e)) == 0)
        r.steps++;
    ok(status == FMT_LIMIT && batch_loader_next(s, &b, NULL) == FMT_LIMIT, "it ends behind step %ld, for good: %s",
       (long)r.steps, e.text);
    r.samples = batch_loader_replaced(s)->samples, r.images = batch_loader_replaced(s)->n_images;
    snprintf(r.text, sizeof r.text, "%s", e.text);
    batch_loader_close(s);
    return r;
}

/* Two of eleven, one is allowed: the batch in which the second comes is not given, and not counted. */
static void test_too_many(struct batch_loader_options wish)
{
    struct config c;
    struct fmt_error e = {0};
    struct told told = {0};
    const char *paths[1] = {make_shards("two-bad", 2, 0, N_IMAGES)};
    small_config(&c);
    need(config_set(&c, "train.max_replaced=0.05", &e) || config_set(&c, "train.seed=9", &e), &e);
    wish.config = &c, wish.paths = paths, wish.n_threads = 1, wish.bad_image = on_bad, wish.arg = &told;
    struct ended one = run_to_end(wish, NULL);
    ok(strstr(one.text, "two-bad/shard-0000") && strstr(one.text, "with it 2 of 11 images cannot be used") &&
           strstr(one.text, "train.max_replaced=0.05 allows 1"),
       "the shard is named, and what is allowed");
    is_int(told.n, 1, "the first was told");
    ok(one.samples == 1 && one.images == 1, "and counted");
    wish.n_threads = 3;
    struct ended more = run_to_end(wish, NULL);
    ok(more.steps == one.steps && more.samples == one.samples && more.images == one.images,
       "three threads end in the same place");

    struct replaced_images before = {.samples = 5};
    need(replaced_images_add(&before, BAD, "photo-04", &e), &e);
    need(replaced_images_add(&before, BAD + 1, "photo-05", &e), &e);
    struct batch_loader *s;
    const struct views_batch *b;
    need(config_set(&c, "train.max_replaced=0.1", &e), &e);
    need(batch_loader_open(&s, &wish, &e), &e);
    need(batch_loader_restore_replaced(s, &before, true, &e), &e);
    told.n = 0;
    for (int step = 0; step < 11; step++)
        need(batch_loader_next(s, &b, &e), &e);
    is_int(told.n, 0, "what an earlier process met is not told again");
    is_int(batch_loader_replaced(s)->samples, 5 + 2 * 4, "but counted on");
    batch_loader_close(s);
    before.image[1] = N_IMAGES;
    need(batch_loader_open(&s, &wish, &e), &e);
    ok(batch_loader_restore_replaced(s, &before, true, &e) == FMT_INVALID, "%s", e.text);
    batch_loader_close(s);
    replaced_images_release(&before);
    config_release(&c);
}

/* ------------------------------------------------------------ views */

static void describe(struct provenance *p, const struct config *c, const struct batch_loader *s, bool keep)
{
    provenance_init(p, "test", "1", keep);
    for (int id = 0; id < CONFIG_N_KEYS; id++)
        if (crop_sampler_setting(id)) {
            char *value = config_value(c, id);
            provenance_text(p, config_key(id)->name, value);
            free(value);
        }
    provenance_input(p, "shards", batch_loader_identity(s));
}

struct pour {
    struct batch_loader_options wish;
    const char *to;
    bool keep;
};

/* Writes STEPS batches as dino-augment does. */
static void *pour(void *arg)
{
    struct pour *job = arg;
    struct fmt_error e = {0};
    struct batch_loader *s;
    struct provenance p;
    struct views_writer w;
    struct file_out f;
    const struct views_batch *b;
    need(batch_loader_open(&s, &job->wish, &e), &e);
    struct views_header h = *batch_loader_header(s);
    h.first_step = job->wish.first_step;
    describe(&p, job->wish.config, s, job->keep);
    need(file_create(&f, job->to, &e), &e);
    struct fmt_writer io = file_writer(&f);
    need(views_create(&w, &io, &h, &p, &e), &e);
    for (int64_t step = h.first_step; step < STEPS; step++) {
        need(batch_loader_next(s, &b, &e), &e);
        need(views_add(&w, b, &e), &e);
    }
    need(views_finish(&w, &e), &e);
    need(file_commit(&f, &e), &e);
    provenance_release(&p);
    batch_loader_close(s);
    return NULL;
}

static void test_views(struct batch_loader_options wish, const struct batches *want)
{
    struct pour job = {.wish = wish, .to = in_scratch("a.views"), .keep = true};
    pour(&job);
    const char *paths[1] = {job.to};
    wish.paths = paths;
    struct batches r = run(wish);
    ok(equal(want, &r, 0), "from a file of views: the same bits");
    wish.first_step = 4;
    r = run(wish);
    ok(equal(want, &r, 4), "used batches are skipped");
    wish.first_step = STEPS - 1;
    struct fmt_error e = {0};
    struct batch_loader *s;
    const struct views_batch *b;
    need(batch_loader_open(&s, &wish, &e), &e);
    is_int(batch_loader_next(s, &b, &e), 0, "the last batch");
    is_int(batch_loader_next(s, &b, &e), FMT_END, "and the end");
    is_int(batch_loader_next(s, &b, &e), FMT_END, "and still the end");
    batch_loader_close(s);
}

static void refused(struct batch_loader_options wish, const char *word, const char *reason)
{
    struct config c;
    struct fmt_error e = {0};
    struct batch_loader *s;
    small_config(&c);
    need(config_set(&c, word, &e), &e);
    need(config_finish(&c, 0, 1, &e), &e);
    wish.config = &c;
    int status = batch_loader_open(&s, &wish, &e);
    ok(status == FMT_MISMATCH && strstr(e.text, reason), "%s is refused: %s", word, e.text);
    if (status == 0)
        batch_loader_close(s);
    config_release(&c);
}

static void test_refusals(struct batch_loader_options wish)
{
    const char *paths[2] = {in_scratch("a.views"), in_scratch("b.views")};
    struct pour job = {.wish = wish, .to = paths[1], .keep = false};
    struct fmt_error e = {0};
    struct batch_loader *s;
    job.wish.first_step = 2;
    pour(&job);
    wish.paths = paths;
    refused(wish, "train.batch_size_per_gpu=5", "train.batch_size_per_gpu 4, the settings say 5");
    refused(wish, "crops.local_crops_number=2", "crops.local_crops_number");
    refused(wish, "crops.global_crops_size=40", "crops.global_crops_size");
    refused(wish, "augment.mean=[0.5, 0.5, 0.5]", "augment.mean");
    refused(wish, "crops.global_crops_scale=[0.5, 1.0]", "crops.global_crops_scale=");
    refused(wish, "ibot.mask_sample_probability=0.25", "ibot.mask_sample_probability=");
    wish.paths = paths + 1; /* without provenance: what is a field */
    refused(wish, "train.batch_size_per_gpu=5", "train.batch_size_per_gpu 4, the settings say 5");
    refused(wish, "crops.local_crops_number=2", "crops.local_crops_number 3, the settings say 2");
    refused(wish, "crops.global_crops_size=40", "crops.global_crops_size 32, the settings say 40");
    refused(wish, "crops.local_crops_size=8", "crops.local_crops_size 16, the settings say 8");
    refused(wish, "student.patch_size=16", "patches a side 4, the settings say 2");
    refused(wish, "augment.mean=[0.5, 0.5, 0.5]", "augment.mean or augment.std");
    refused(wish, "augment.std=[0.5, 0.5, 0.5]", "augment.mean or augment.std");
    refused(wish, "crops.global_crops_scale=[0.5, 1.0]", "begins at step 2"); /* is believed: the next check fails */
    ok(batch_loader_open(&s, &wish, &e) == FMT_MISMATCH && strstr(e.text, "begins at step 2"), "%s", e.text);
    wish.first_step = 2;
    e = (struct fmt_error){0};
    need(batch_loader_open(&s, &wish, &e), &e);
    batch_loader_close(s);
    ok(true, "without provenance the header alone decides; closed before the first batch");
}

static void test_pipe(struct batch_loader_options wish, const struct batches *want)
{
    const char *fifo = in_scratch("fifo"), *paths[1] = {fifo};
    struct pour job = {.wish = wish, .to = fifo, .keep = true};
    pthread_t thread;
    ok(mkfifo(fifo, 0600) == 0, "a named pipe");
    pthread_create(&thread, NULL, pour, &job);
    wish.paths = paths;
    wish.end_step = STEPS;
    struct batches r = run(wish);
    pthread_join(thread, NULL);
    ok(equal(want, &r, 0), "from a pipe: the same bits, and its writer ends well");
    pthread_create(&thread, NULL, pour, &job);
    wish.first_step = 3;
    r = run(wish);
    pthread_join(thread, NULL);
    ok(equal(want, &r, 3), "used batches of a pipe are skipped");
}

/* The header comes, a batch never does: closing must not hang. */
static void test_silent_pipe(struct batch_loader_options wish)
{
    const char *fifo = in_scratch("silent"), *paths[1] = {fifo};
    struct fmt_error e = {0};
    struct batch_loader *s;
    uint8_t *data;
    size_t bytes;
    need(file_load(in_scratch("a.views"), 1 << 30, &data, &bytes, &e), &e);
    ok(mkfifo(fifo, 0600) == 0, "another pipe");
    int fd = open(fifo, O_RDWR);
    ok(write(fd, data, 40000) == 40000, "with a header and a little more");
    wish.paths = paths;
    wish.n_prefetch = 1;
    static _Atomic int stop;
    wish.stop = &stop;
    need(batch_loader_open(&s, &wish, &e), &e);
    const struct views_batch *b;
    is_int(batch_loader_next(s, &b, &e), 0, "the first batch is all there");
    stop = 1;
    is_int(batch_loader_next(s, &b, &e), FMT_STOPPED, "a wait for the second can be stopped");
    batch_loader_close(s);
    ok(true, "a source that waits for a pipe can be closed");
    close(fd);
    free(data);
}

static _Atomic int asked_to_stop;

static void *ask_soon(void *arg)
{
    (void)arg;
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    asked_to_stop = 15;
    return NULL;
}

/* Not even a header comes, once with a writer and once without. */
static void test_mute_pipe(struct batch_loader_options wish)
{
    const char *fifo = in_scratch("mute"), *paths[1] = {fifo};
    ok(mkfifo(fifo, 0600) == 0, "a pipe that says nothing");
    wish.paths = paths;
    wish.stop = &asked_to_stop;
    for (int writer = 0; writer < 2; writer++) {
        struct fmt_error e = {0};
        struct batch_loader *s;
        pthread_t thread;
        int fd = writer ? open(fifo, O_RDWR) : -1;
        asked_to_stop = 0;
        pthread_create(&thread, NULL, ask_soon, NULL);
        is_int(batch_loader_open(&s, &wish, &e), FMT_STOPPED, "%s: %s", writer ? "with a writer" : "without", e.text);
        pthread_join(thread, NULL);
        if (writer)
            close(fd);
    }
}

/* ------------------------------------------------------------ ends */

static void test_ends(struct batch_loader_options wish)
{
    struct fmt_error e = {0};
    struct batch_loader *s;
    const struct views_batch *b;
    wish.end_step = 2;
    need(batch_loader_open(&s, &wish, &e), &e);
    is_int(batch_loader_next(s, &b, &e) | batch_loader_next(s, &b, &e), 0, "two steps are wanted");
    is_int(batch_loader_next(s, &b, &e), FMT_END, "and no more are made");
    batch_loader_close(s);
    wish.end_step = 0;
    need(batch_loader_open(&s, &wish, &e), &e);
    is_int(batch_loader_next(s, &b, &e), 0, "closed while threads work ahead:");
    ok(batch_loader_memory_bytes(s) > views_global_bytes(batch_loader_header(s)), "memory is known");
    batch_loader_close(s);
    batch_loader_close(NULL);
    const char *paths[1] = {make_shards("only-bad", 1, BAD, 2)};
    wish.paths = paths;
    need(batch_loader_open(&s, &wish, &e), &e);
    is_int(batch_loader_next(s, &b, &e), 0, "one good image of two will do");
    batch_loader_close(s);
    wish.paths = (const char *const[]){make_shards("all-bad", 1, BAD, 1)};
    need(batch_loader_open(&s, &wish, &e), &e);
    ok(batch_loader_next(s, &b, &e) == FMT_INVALID && strstr(e.text, "no image can be used"), "%s", e.text);
    batch_loader_close(s);
}

static void test_one_pass(struct batch_loader_options wish)
{
    struct fmt_error e = {0};
    struct batch_loader *s;
    const struct views_batch *b;
    int seen[N_IMAGES] = {0}, order[2][N_IMAGES], n = 0;
    need(batch_loader_open(&s, &wish, &e), &e);
    for (int step = 0; step < 6; step++) {
        need(batch_loader_next(s, &b, &e), &e);
        for (int i = 0; i < 4 && n < 2 * N_IMAGES; i++, n++) {
            order[n / N_IMAGES][n % N_IMAGES] = (int)b->image[i];
            seen[b->image[i]]++;
        }
    }
    bool twice = true;
    for (int i = 0; i < N_IMAGES; i++)
        twice = twice && seen[i] == 2;
    ok(twice, "two passes have every image twice");
    ok(memcmp(order[0], order[1], sizeof order[0]) != 0, "in different orders");
    batch_loader_close(s);
}

/* ------------------------------------------------------------ what the draws depend on */

enum { PASSES = 2 };

struct draws {
    uint8_t crop[PASSES][N_IMAGES][VIEWS_GLOBAL][DIGEST_BYTES]; /* the global crops */
    uint8_t masks[STEPS][DIGEST_BYTES];
    int n_seen; /* crops */
};

static void look_at(struct draws *d, const struct views_header *h, const struct views_batch *b)
{
    size_t bytes = (size_t)views_global_bytes(h) / VIEWS_GLOBAL / (size_t)h->batch;
    for (int i = 0; i < h->batch; i++) {
        int64_t pass = (b->step * h->batch + i) / N_IMAGES;
        for (int c = 0; c < VIEWS_GLOBAL && pass < PASSES; c++, d->n_seen++)
            digest_of(b->global + (size_t)(c * (int)h->batch + i) * bytes, bytes, d->crop[pass][b->image[i]][c]);
    }
    if (b->step < STEPS)
        digest_of(b->mask, (size_t)views_mask_bytes(h), d->masks[b->step]);
}

static void see_two_passes(struct draws *d, const char *path, const char *words)
{
    struct config c;
    struct fmt_error e = {0};
    struct batch_loader *s;
    const struct views_batch *b;
    small_config(&c);
    need(config_set(&c, "ibot.mask_sample_probability=1", &e) || config_set(&c, words, &e), &e);
    struct batch_loader_options wish = {.config = &c, .paths = &path, .n_paths = 1, .n_threads = 2};
    *d = (struct draws){.n_seen = 0};
    need(batch_loader_open(&s, &wish, &e), &e);
    while (d->n_seen < PASSES * N_IMAGES * VIEWS_GLOBAL) {
        need(batch_loader_next(s, &b, &e), &e);
        look_at(d, batch_loader_header(s), b);
    }
    batch_loader_close(s);
    config_release(&c);
}

static int n_equal(const void *a, const void *b, int n)
{
    int equal = 0;
    for (int i = 0; i < n; i++)
        equal +=
            memcmp((const uint8_t *)a + i * DIGEST_BYTES, (const uint8_t *)b + i * DIGEST_BYTES, DIGEST_BYTES) == 0;
    return equal;
}

/* Crops are drawn for (seed, pass, image), whatever the batches; masks for (seed, step). */
static void test_draws(void)
{
    static struct draws a, other;
    const char *shards = make_shards("draws", 0, 0, N_IMAGES);
    see_two_passes(&a, shards, "train.seed=5");
    is_int(n_equal(a.crop[0], a.crop[1], VIEWS_GLOBAL * N_IMAGES), 0, "no crop of a pass comes again in the next");
    int same = 0;
    for (int i = 0; i < N_IMAGES; i++)
        same += n_equal(a.crop[0][i][0], a.crop[0][i][1], 1);
    is_int(same, 0, "the two crops of an image differ");
    is_int(n_equal(a.masks[0], a.masks[1], STEPS - 2), 0, "no step has the masks of the one before");
    see_two_passes(&other, shards, "train.batch_size_per_gpu=3");
    is_int(n_equal(a.crop, other.crop, PASSES * N_IMAGES * VIEWS_GLOBAL), PASSES * N_IMAGES * VIEWS_GLOBAL,
           "batches of another size have the same crops");
    see_two_passes(&other, shards, "train.seed=6");
    is_int(n_equal(a.crop, other.crop, PASSES * N_IMAGES * VIEWS_GLOBAL), 0, "another seed, other crops");
    is_int(n_equal(a.masks, other.masks, 5), 0, "another seed, other masks");
}

int main(void)
{
    struct config c;
    small_config(&c);
    char bad[300], whole[300];
    snprintf(bad, sizeof bad, "%s", make_shards("bad", 1, 0, N_IMAGES));
    snprintf(whole, sizeof whole, "%s", make_shards("whole", 0, 0, N_IMAGES));
    const char *bad_paths[1] = {bad}, *whole_paths[1] = {whole};
    struct batch_loader_options wish = {.config = &c, .paths = bad_paths, .n_paths = 1, .n_threads = 2};
    struct batches want = test_threads(wish);
    test_replacement(wish, whole, bad);
    test_spread(wish);
    test_too_many(wish);
    test_views(wish, &want);
    test_refusals(wish);
    test_pipe(wish, &want);
    test_silent_pipe(wish);
    test_mute_pipe(wish);
    test_ends(wish);
    wish.paths = whole_paths;
    test_one_pass(wish);
    test_draws();
    config_release(&c);
    return tap_done();
}
