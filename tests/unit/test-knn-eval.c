/* Scoring during training: an image that cannot be decoded is named once and left out from then on, the others score as
 * if it had never been there; several processes, here threads, come to the line of one; what scoring will take is known
 * before. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configbed.h"
#include "file.h"
#include "step.h"
#include "rng.h"
#include "knn-eval.h"
#include "shard.h"
#include "tap.h"
#include "test-device.h"
#include "world-threads.h"

enum { IMAGES = 12, SIDE = 40 };

/* Labelled noise of two classes, one darker; image `bad` begins as a JPEG file and is none, or is left out. */
static const char *write_shard(const char *name, int bad, bool left_out)
{
    static char path[8][400];
    static int n_paths;
    static char *classes[] = {"dark", "light"};
    static uint8_t pixels[SIDE * SIDE * 3];
    struct shard_header h = {.n_shards = 1, .width_max = SIDE, .height_max = SIDE, .pixels_max = SIDE * SIDE,
                             .class_name = classes, .n_classes = 2};
    char *to = path[n_paths++];
    struct file_out f;
    struct fmt_error e = {0};
    struct shard_writer w;
    struct provenance prov;
    snprintf(to, sizeof path[0], "%s/%s.shard", tap_scratch(), name);
    provenance_init(&prov, "test", "0", false);
    int status = file_create(&f, to, &e);
    struct fmt_writer io = file_writer(&f);
    status = status ? status : shard_create(&w, &io, &h, &prov, &e);
    for (int i = 0; i < IMAGES && !status; i++) {
        char key[16];
        struct rng r = rng_stream(1, (uint64_t)i, 0, RNG_TEST);
        for (size_t p = 0; p < sizeof pixels; p++)
            pixels[p] = (uint8_t)(rng_below(&r, 90) + (i % 2 ? 100 : 0));
        if (i == bad)
            memcpy(pixels, "\xff\xd8\xff", 3);
        snprintf(key, sizeof key, "k%d", i);
        struct index_labels labels = {.key = key, .split = "", .group = "", .extra = "", .label = i % 2,
                                      .group_view = -1};
        struct shard_image s = {.labels = labels, .store = i == bad ? SHARD_JPEG : SHARD_RGB, .width = SIDE,
                                .height = SIDE, .components = 3, .data = pixels, .bytes = sizeof pixels};
        if (i != bad || !left_out)
            status = shard_add(&w, &s, &e);
    }
    if (status || shard_finish(&w, &e) || file_commit(&f, &e)) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    provenance_release(&prov);
    return to;
}

struct bed {
    struct config config;
    struct device device;
    struct step *step;
};

static void bed_open(struct bed *b, const struct world *world)
{
    static const char *const words[][2] = {
        {"student.embed_dim", "32"}, {"student.depth", "2"}, {"student.num_heads", "2"}, {"student.patch_size", "8"},
        {"crops.global_crops_size", "32"}, {"crops.local_crops_size", "16"}, {"train.batch_size_per_gpu", "2"},
        {"dino.head_n_prototypes", "16"}, {"dino.head_hidden_dim", "16"}, {"dino.head_bottleneck_dim", "8"},
        {"evaluation.resize", "32"}, {"evaluation.crop", "32"}, {"evaluation.knn_k", "[11, 3, 12]"}};
    struct fmt_error e = {0};
    config_init(&b->config);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        set(&b->config, words[i][0], words[i][1]);
    b->device = test_device(2);
    if (!ok(step_open(&b->step, &b->config, world, &b->device, &e) == 0, "a step %s", e.text))
        exit(tap_done());
    step_init_weights(b->step);
}

static void bed_close(struct bed *b)
{
    step_close(b->step);
    device_close(&b->device);
    config_release(&b->config);
}

/* Scores these sets, twice where `again` is given. */
static struct knn_eval_scores score(struct bed *b, const char *train, const char *val, struct knn_eval_scores *again)
{
    struct knn_eval *ev;
    struct run_log silent = {.fd = -1};
    struct knn_eval_scores s = {.n = 0};
    struct fmt_error e = {0};
    set(&b->config, "evaluation.knn_train", train);
    set(&b->config, "evaluation.knn_val", val);
    int status = knn_eval_open(&ev, &b->config, &world_single, &silent, &e);
    if (!status)
        status = knn_eval_run(ev, b->step, &b->device, &s, &e);
    if (!status && again)
        status = knn_eval_run(ev, b->step, &b->device, again, &e);
    ok(status == 0, "the teacher is scored %s", e.text);
    if (!status)
        knn_eval_close(ev);
    return s;
}

static void same_scores(const struct knn_eval_scores *a, const struct knn_eval_scores *b, const char *what)
{
    bool same = a->n == b->n && a->n > 0 && a->n_train == b->n_train && a->n_val == b->n_val;
    for (int i = 0; i < a->n && same; i++)
        same = a->k[i] == b->k[i] && memcmp(&a->top1[i], &b->top1[i], sizeof a->top1[i]) == 0;
    ok(same, "%s: %d scores, %d vote, %d are scored", what, a->n, (int)a->n_train, (int)a->n_val);
}

static void test_damage(struct bed *b)
{
    const char *hurt = write_shard("hurt", 5, false), *without = write_shard("without", 5, true),
               *whole = write_shard("whole", -1, false), *only = write_shard("only", -1, false);
    struct knn_eval_scores again, clean, s;
    clean = score(b, without, whole, NULL);
    ok(clean.n_failed == 0 && clean.n == 2 && clean.n_train == IMAGES - 1, "12 neighbours are more than vote");
    s = score(b, hurt, whole, &again);
    ok(s.n_failed == 1 && strncmp(s.failed.text, "k5: ", 4) == 0, "the image is named: %s", s.failed.text);
    same_scores(&s, &clean, "as if it were not there");
    ok(again.n_failed == 0, "it is reported once");
    same_scores(&again, &clean, "and stays out");
    s = score(b, only, hurt, NULL);
    ok(s.n_failed == 1 && s.n_val == IMAGES - 1 && s.n == 3, "the same among those that are scored");
}

/* ---- processes ---- */
struct process {
    struct world world;
    struct bed bed;
    struct knn_eval *ev;
    int status[2];
    struct fmt_error error[2];
    struct fmt_buffer line[2]; /* of a first and a second evaluation */
    int64_t n_failed[2];
    pthread_t thread;
};

static void *evaluate_twice(void *arg)
{
    struct process *p = arg;
    for (int i = 0; i < 2; i++) {
        struct knn_eval_scores s;
        p->status[i] = knn_eval_run(p->ev, p->bed.step, &p->bed.device, &s, &p->error[i]);
        p->n_failed[i] = s.n_failed;
        if (!p->status[i])
            p->status[i] = knn_eval_line(&s, i, 0, &p->line[i], &p->error[i]);
    }
    return NULL;
}

/* n processes score these sets; crop: of the last of them. */
static void processes_run(struct process *p, int n, const char *train, const char *val, int crop)
{
    struct world_threads shared;
    struct run_log silent = {.fd = -1};
    struct fmt_error e = {0};
    world_threads_open(&shared, n);
    for (int r = 0; r < n; r++) {
        p[r] = (struct process){.world = world_threads_rank(&shared, r)};
        bed_open(&p[r].bed, &p[r].world);
        set(&p[r].bed.config, "evaluation.knn_train", train);
        set(&p[r].bed.config, "evaluation.knn_val", val);
        p[r].bed.config.evaluation.crop = r == n - 1 ? crop : 32;
        if (!ok(knn_eval_open(&p[r].ev, &p[r].bed.config, &p[r].world, &silent, &e) == 0, "opened %s", e.text))
            exit(tap_done());
    }
    for (int r = 0; r < n; r++)
        pthread_create(&p[r].thread, NULL, evaluate_twice, &p[r]);
    for (int r = 0; r < n; r++)
        pthread_join(p[r].thread, NULL);
    for (int r = 0; r < n; r++) {
        knn_eval_close(p[r].ev);
        bed_close(&p[r].bed);
    }
    world_threads_close(&shared);
}

static void lines_release(struct process *p, int n)
{
    for (int r = 0; r < n; r++)
        for (int i = 0; i < 2; i++)
            fmt_buffer_release(&p[r].line[i]);
}

static bool same_line(const struct process *a, const struct process *b, int i)
{
    return a->status[i] == 0 && b->status[i] == 0 && a->line[i].bytes == b->line[i].bytes &&
           memcmp(a->line[i].data, b->line[i].data, a->line[i].bytes) == 0;
}

/* Sets with an image that cannot be decoded, in each of them and at either end: in the part of another process. */
static void test_processes(void)
{
    const char *first = write_shard("first", 0, false), *middle = write_shard("middle", 5, false),
               *last = write_shard("last", IMAGES - 1, false), *good = write_shard("good", -1, false);
    const char *pairs[][2] = {{good, good}, {last, middle}, {first, last}};
    static struct process one[1], many[WORLD_THREADS_MAX];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        processes_run(one, 1, pairs[i][0], pairs[i][1], 32);
        ok(one->n_failed[0] == (i ? 2 : 0) && one->n_failed[1] == 0 && !one->status[1], "one process: %.*s",
           (int)one->line[1].bytes, (const char *)one->line[1].data);
        for (int n = 2; n <= WORLD_THREADS_MAX; n++) {
            bool same = true;
            processes_run(many, n, pairs[i][0], pairs[i][1], 32);
            for (int r = 0; r < n; r++)
                same &= same_line(one, &many[r], 0) && same_line(one, &many[r], 1) &&
                        many[r].n_failed[0] == one->n_failed[0] && many[r].n_failed[1] == 0;
            ok(same, "%d processes: the same lines on each", n);
            lines_release(many, n);
        }
        lines_release(one, 1);
    }
    processes_run(many, 3, good, good, 1 << 20);
    for (int r = 0; r < 3; r++)
        ok(many[r].status[1] && strncmp(many[r].error[1].text, "rank 2: ", 8) == 0,
           "rank 2's failure is one of all: %s", many[r].error[1].text);
    lines_release(many, 3);
}

static void test_plan(struct bed *b)
{
    struct knn_eval_bytes two, four, parts, none;
    struct fmt_error e = {0};
    struct device more = test_device(4);
    ok(knn_eval_plan(&b->config, 1, &b->device, &two, &e) == 0 && knn_eval_plan(&b->config, 1, &more, &four, &e) == 0,
       "a plan %s", e.text);
    device_close(&more);
    ok(two.copy == four.copy && two.copy >= 4 * step_teacher(b->step)->table->count / 2 &&
           four.extraction == 2 * two.extraction && two.features >= 2 * IMAGES * 32 * 4 && two.search > 0,
       "copy %d, passes %d, features %d, search %d bytes", (int)two.copy, (int)two.extraction, (int)two.features,
       (int)two.search);
    ok(knn_eval_plan(&b->config, 3, &b->device, &parts, &e) == 0 && two.features - parts.features == 8 * 32 * 4 &&
           parts.search > 0 && parts.copy == two.copy,
       "of three processes each has the features of a third of those that vote");
    set(&b->config, "evaluation.eval_period_iterations", "0");
    ok(knn_eval_plan(&b->config, 1, &b->device, &none, &e) == 0 &&
           none.copy + none.extraction + none.features + none.search == 0,
       "nothing where nothing is scored");
}

int main(void)
{
    struct bed b;
    bed_open(&b, &world_single);
    test_damage(&b);
    test_plan(&b);
    bed_close(&b);
    test_processes();
    return tap_done();
}
