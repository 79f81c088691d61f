/* evaluate.c - class tokens of both sets by the teacher, image by image, then one search.
 *
 * An image goes through the network alone, so its features do not depend on what stands beside it, and images are
 * spread over the threads. Both sets' features are held in memory: they are small beside the networks.
 */
#include "run/evaluate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "eval/knn.h"
#include "img/crop.h"
#include "img/photo.h"
#include "img/resize.h"
#include "nn/model.h"
#include "nn/step.h"
#include "num.h"
#include "op.h"
#include "shardset.h"

enum { TRAIN, VAL, SETS };

struct set {
    struct shard_set shards;
    uint8_t identity[DIGEST_BYTES];
    bool open;
    int64_t *image; /* [n] the labelled ones */
    int32_t *label; /* [n] */
    int64_t n;
    float *x; /* [n, C] */
};

struct evaluate {
    const struct config *config;
    struct set set[SETS];
    int k[CONFIG_INTS_MAX], n_k, n_left_out;
    int64_t C;
};

/* ---------------------------------------------------------------- opening */
static int find_labels(struct set *s, const char *path, struct fmt_error *e)
{
    struct block_buffer buffer = {0};
    int status = 0;
    s->image = malloc(((size_t)s->shards.n_images + 1) * sizeof *s->image);
    s->label = malloc(((size_t)s->shards.n_images + 1) * sizeof *s->label);
    if (!s->image || !s->label)
        status = fmt_fail(e, FMT_MEMORY, "out of memory");
    for (int64_t i = 0; i < s->shards.n_images && !status; i++) {
        struct shard_image image;
        status = shard_set_read(&s->shards, i, &buffer, &image, e);
        if (status || image.labels.label < 0)
            continue;
        s->image[s->n] = i;
        s->label[s->n++] = image.labels.label;
    }
    block_buffer_release(&buffer);
    if (!status && !s->n)
        status = fmt_fail(e, FMT_INVALID, "%.300s: no image of it has a label", path);
    return status;
}

static int open_set(struct set *s, const char *path, int64_t C, struct fmt_error *e)
{
    int status = shard_set_open(&s->shards, &path, 1, e);
    if (status)
        return status;
    s->open = true;
    struct digest d;
    digest_init(&d);
    for (int i = 0; i < s->shards.n_sets; i++)
        digest_add(&d, s->shards.identity[i], DIGEST_BYTES);
    digest_end(&d, s->identity);
    status = find_labels(s, path, e);
    size_t bytes;
    if (!status && (!num_mul((size_t)s->n, (size_t)C * sizeof(float), &bytes) || !(s->x = malloc(bytes))))
        status = fmt_fail(e, FMT_MEMORY, "%.300s: out of memory", path);
    return status;
}

/* Labels of the two sets mean the same classes. */
static int check_classes(const struct evaluate *ev, struct fmt_error *e)
{
    const struct shard_set *a = &ev->set[TRAIN].shards, *b = &ev->set[VAL].shards;
    bool same = a->n_classes == b->n_classes;
    for (int i = 0; same && i < a->n_classes; i++)
        same = strcmp(a->class_name[i], b->class_name[i]) == 0;
    return same ? 0 : fmt_fail(e, FMT_MISMATCH, "evaluation.knn_train, evaluation.knn_val: their classes differ");
}

static int choose_ks(struct evaluate *ev, struct fmt_error *e)
{
    const struct config_ints *asked = &ev->config->evaluation.knn_k;
    for (int i = 0; i < asked->n; i++)
        if (asked->item[i] <= ev->set[TRAIN].n)
            ev->k[ev->n_k++] = (int)asked->item[i];
        else
            ev->n_left_out++;
    if (ev->n_k)
        return 0;
    return fmt_fail(e, FMT_INVALID, "evaluation.knn_k: none is at most the %" PRId64 " labelled images of %.200s",
                    ev->set[TRAIN].n, ev->config->evaluation.knn_train);
}

int evaluate_open(struct evaluate **ev, const struct config *config, struct fmt_error *e)
{
    *ev = NULL;
    if (!*config->evaluation.knn_train || !config->evaluation.eval_period_iterations)
        return 0;
    if (!(*ev = calloc(1, sizeof **ev)))
        return fmt_fail(e, FMT_MEMORY, "out of memory");
    (*ev)->config = config;
    (*ev)->C = config_dims(config).embed_dim;
    int status = open_set(&(*ev)->set[TRAIN], config->evaluation.knn_train, (*ev)->C, e);
    if (!status)
        status = open_set(&(*ev)->set[VAL], config->evaluation.knn_val, (*ev)->C, e);
    if (!status)
        status = check_classes(*ev, e);
    if (!status)
        status = choose_ks(*ev, e);
    if (status) {
        evaluate_close(*ev);
        *ev = NULL;
    }
    return status;
}

void evaluate_close(struct evaluate *ev)
{
    for (int i = 0; ev && i < SETS; i++) {
        if (ev->set[i].open)
            shard_set_close(&ev->set[i].shards);
        free(ev->set[i].image);
        free(ev->set[i].label);
        free(ev->set[i].x);
    }
    free(ev);
}

const uint8_t *evaluate_identity(const struct evaluate *ev, bool val)
{
    return ev->set[val ? VAL : TRAIN].identity;
}

int evaluate_ks_left_out(const struct evaluate *ev)
{
    return ev->n_left_out;
}

/* ---------------------------------------------------------------- features */
struct worker {
    struct block_buffer buffer;
    struct image photo;
    struct arena memory, scratch;
    struct op_ctx ctx;
};

struct job {
    const struct evaluate *ev;
    struct set *set;
    const struct vit *vit;
    const float *values;
    struct worker *worker;
    struct fmt_error *error; /* [n_workers] */
};

/* Where an image of h x w is resized to, and the square that is cut from its centre. */
static struct resize centre_square(const struct config *c, int64_t h, int64_t w, int channels)
{
    int64_t side = c->evaluation.crop;
    struct resize r = {.in_h = h, .in_w = w, .rows = side, .cols = side, .channels = channels};
    crop_short_side(h, w, c->evaluation.resize, &r.out_h, &r.out_w);
    r.top = crop_centre(r.out_h, side);
    r.left = crop_centre(r.out_w, side);
    return r;
}

/* Also plans: with planning arenas nothing is computed and what is needed is counted. */
static int features(const struct job *job, struct worker *w, int64_t height, int64_t width, int channels,
                    const uint8_t *pixels, float *out, struct fmt_error *e)
{
    const struct config *c = job->ev->config;
    int64_t side = c->evaluation.crop;
    struct resize r = centre_square(c, height, width, channels);
    uint8_t *square = ARENA_TAKE(&w->memory, uint8_t, side * side * 3);
    resize_bicubic(&r, pixels, width * channels, square, &w->memory);
    for (int64_t i = side * side - 1; channels == 1 && out && i >= 0; i--)
        square[3 * i] = square[3 * i + 1] = square[3 * i + 2] = square[i];
    struct vit_request request = {.n_inputs = 1, .inputs[0] = {.B = 1, .H = side, .W = side, .pixels = square}};
    for (int i = 0; i < 3; i++) {
        request.mean[i] = (float)c->augment.mean[i];
        request.deviation[i] = (float)c->augment.std[i];
    }
    struct vit_pass pass;
    int status = vit_forward(&w->ctx, job->vit, job->values, &request, &w->memory, &pass, e);
    if (!status && out && !(status = op_sync(&w->ctx, e)))
        memcpy(out, pass.norm + vit_row(&pass, 0, 0, 0) * job->ev->C, (size_t)job->ev->C * sizeof *out);
    return status;
}

static void one_image(void *arg, int64_t item, int worker)
{
    struct job *job = arg;
    struct worker *w = &job->worker[worker];
    struct fmt_error *e = &job->error[worker];
    struct shard_image record;
    if (e->status)
        return;
    if (shard_set_read(&job->set->shards, job->set->image[item], &w->buffer, &record, e))
        return;
    if (photo_decode(&record, job->ev->config->augment.exif_orientation, &w->photo, e)) {
        fmt_prefix(e, record.labels.key);
        return;
    }
    w->memory.used = 0;
    features(job, w, w->photo.height, w->photo.width, w->photo.components, w->photo.pixels,
             job->set->x + item * job->ev->C, e);
}

/* Memory for the largest image of both sets, lying and standing. */
static int open_worker(struct worker *w, const struct job *job, const struct op_ctx *like, struct fmt_error *e)
{
    *w = (struct worker){.ctx.backend = like->backend};
    w->ctx.scratch = &w->scratch;
    int64_t long_side = 1;
    for (int i = 0; i < SETS; i++)
        long_side = num_max(long_side, num_max(job->ev->set[i].shards.width_max, job->ev->set[i].shards.height_max));
    int status = features(job, w, long_side, long_side, 3, NULL, NULL, e);
    if (!status)
        status = arena_init(&w->memory, w->memory.high, e);
    if (!status)
        status = arena_init(&w->scratch, w->scratch.high, e);
    return status;
}

static void close_worker(struct worker *w)
{
    block_buffer_release(&w->buffer);
    image_release(&w->photo);
    arena_release(&w->memory);
    arena_release(&w->scratch);
}

static int both_sets(struct job *job, struct evaluate *ev, struct thread_pool *pool, int n_workers, struct fmt_error *e)
{
    for (int i = 0; i < SETS; i++) {
        job->set = &ev->set[i];
        thread_for(pool, ev->set[i].n, one_image, job);
        for (int w = 0; w < n_workers; w++)
            if (job->error[w].status)
                return fmt_fail(e, job->error[w].status, "%s", job->error[w].text);
    }
    return 0;
}

static int all_features(struct evaluate *ev, struct step *step, struct thread_pool *pool, struct fmt_error *e)
{
    int n = thread_workers(pool), n_open = 0;
    struct op_ctx like = {.backend = backend_find("cpu", e)};
    struct job job = {.ev = ev, .vit = step_vit(step), .values = step_teacher(step)};
    job.worker = calloc((size_t)n, sizeof *job.worker);
    job.error = calloc((size_t)n, sizeof *job.error);
    int status = !like.backend             ? FMT_UNSUPPORTED
                 : job.worker && job.error ? 0
                                           : fmt_fail(e, FMT_MEMORY, "out of memory");
    for (; n_open < n && !status; n_open++)
        status = open_worker(&job.worker[n_open], &job, &like, e);
    if (!status)
        status = both_sets(&job, ev, pool, n, e);
    for (int i = 0; i < n_open; i++)
        close_worker(&job.worker[i]);
    free(job.worker);
    free(job.error);
    return status;
}

/* ---------------------------------------------------------------- scores */
static int by_size(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

int evaluate_teacher(struct evaluate *ev, struct step *step, struct thread_pool *pool, struct evaluate_scores *scores,
                     struct fmt_error *e)
{
    int ks[CONFIG_INTS_MAX], n_ks = 0;
    double top1[CONFIG_INTS_MAX];
    const struct set *train = &ev->set[TRAIN], *val = &ev->set[VAL];
    memcpy(ks, ev->k, sizeof ks);
    qsort(ks, (size_t)ev->n_k, sizeof *ks, by_size); /* the search wants them ascending, each once */
    for (int i = 0; i < ev->n_k; i++)
        if (!n_ks || ks[i] != ks[n_ks - 1])
            ks[n_ks++] = ks[i];
    struct knn_problem problem = {.train_x = train->x, .train_label = train->label, .n_train = train->n,
                                  .val_x = val->x, .val_label = val->label, .n_val = val->n, .dim = ev->C,
                                  .n_classes = train->shards.n_classes, .ks = ks, .n_ks = n_ks};
    int status = all_features(ev, step, pool, e);
    if (!status)
        status = knn_evaluate(&problem, pool, top1, e);
    *scores = (struct evaluate_scores){.n = status ? 0 : ev->n_k, .n_train = train->n, .n_val = val->n};
    for (int i = 0; i < scores->n; i++) {
        scores->k[i] = ev->k[i];
        for (int j = 0; j < n_ks; j++)
            if (ks[j] == ev->k[i])
                scores->top1[i] = top1[j];
    }
    return status;
}

int evaluate_line(const struct evaluate_scores *s, int64_t iteration, struct fmt_buffer *out, struct fmt_error *e)
{
    char text[120], number[32];
    int n = snprintf(text, sizeof text, "{\"iteration\": %" PRId64 ", \"knn_top1\": {", iteration);
    int bad = fmt_buffer_append(out, text, (size_t)n);
    for (int i = 0; i < s->n; i++) {
        n = snprintf(text, sizeof text, "%s\"%d\": %s", i ? ", " : "", s->k[i], num_f64_text(s->top1[i], number));
        bad |= fmt_buffer_append(out, text, (size_t)n);
    }
    n = snprintf(text, sizeof text, "}, \"n_train\": %" PRId64 ", \"n_val\": %" PRId64 "}", s->n_train, s->n_val);
    bad |= fmt_buffer_append(out, text, (size_t)n);
    return bad ? fmt_fail(e, FMT_MEMORY, "out of memory") : 0;
}
