/* extract.c - opening, and the run: the threads of the pool read and prepare images, the network computes features, and
 * the rows are written in order. An item of the pipeline (thread.h) is a batch of images. */
#include "extract.h"

#include <stdlib.h>
#include <string.h>

#include "extract-internal.h"
#include "num.h"

/* Images per forward pass where a batch does not change their bits: enough rows to keep a device busy, with a few
 * hundred megabytes of memory for the largest published network. */
enum { BATCH_IMAGES = 32 };

/* ------------------------------------------------------------------ opening */
static bool has_own_contexts(const struct extract *x)
{
    return x->device->backend->batch_changes_bits;
}

static int n_contexts(const struct extract *x)
{
    return has_own_contexts(x) ? x->n_workers : 1;
}

static void set_dimensions(struct extract *x)
{
    const struct vit_config *v = &x->model.vit->config;
    enum feat_kind kind = x->settings.kind;
    if (kind != FEAT_HEAD)
        x->model.head = NULL;
    if (!x->settings.layers)
        x->settings.layers = (uint64_t)1 << (v->depth - 1);
    x->n_layers = __builtin_popcountll(x->settings.layers);
    x->dim = v->C * x->n_layers * (kind == FEAT_CLS_MEAN ? 2 : 1);
    if (kind == FEAT_HEAD && x->model.head)
        x->dim = x->model.head->config.n_prototypes;
}

/* A context that belongs to a worker computes only in that worker's thread, but for the last images of a run. */
static int open_contexts(struct extract *x, struct fmt_error *e)
{
    x->worker = calloc((size_t)x->n_workers, sizeof *x->worker);
    x->context = calloc((size_t)n_contexts(x), sizeof *x->context);
    if (!x->worker || !x->context)
        return fmt_no_memory(e);
    for (int i = 0; i < n_contexts(x); i++) {
        struct extract_context *ctx = &x->context[i];
        ctx->c = (struct op_ctx){.backend = x->device->backend, .scratch = &ctx->memory.scratch,
                                 .pool = has_own_contexts(x) ? NULL : x->device->pool};
        ctx->sum = calloc((size_t)x->model.vit->config.C, sizeof *ctx->sum);
        if (!ctx->sum)
            return fmt_no_memory(e);
    }
    return 0;
}

int extract_open(struct extract *x, const struct device *device, const struct extract_model *model,
                 const struct extract_settings *settings, struct fmt_error *e)
{
    *x = (struct extract){.device = device, .model = *model, .settings = *settings,
                          .n_workers = thread_workers(device->pool)};
    x->batch = has_own_contexts(x) ? 1 : BATCH_IMAGES;
    set_dimensions(x);
    int status = extract_check_settings(x, e);
    if (!status)
        status = open_contexts(x, e);
    if (status)
        extract_close(x);
    return status;
}

static void release_slot(struct extract_slot *s)
{
    free(s->input.canvas.p);
    free(s->input.values.p);
    free(s->row.values);
    free(s->parts.part);
}

static void release_context(struct extract_context *ctx)
{
    device_arena_release(&ctx->memory.activations);
    device_arena_release(&ctx->memory.scratch);
    arena_release(&ctx->memory.host);
    free(ctx->token_rows.p);
    free(ctx->tokens.p);
    free(ctx->sum);
}

void extract_close(struct extract *x)
{
    for (int i = 0; x->worker && i < x->n_workers; i++) {
        arena_release(&x->worker[i].scratch);
        release_slot(&x->worker[i].of_part);
    }
    for (int i = 0; x->context && i < n_contexts(x); i++)
        release_context(&x->context[i]);
    free(x->worker);
    free(x->context);
    *x = (struct extract){0};
}

int extract_worker_bytes(struct extract *x, int64_t height, int64_t width, size_t *bytes, struct fmt_error *e)
{
    struct extract_geometry g;
    int status = extract_geometry(&x->settings, x->model.vit->config.patch, height, width, &g, e);
    if (status)
        return status;
    struct extract_input_size size = {x->batch, g.net_h, g.net_w, extract_is_padded(&g)};
    status = extract_forward_bytes(x, &x->context[0], size, bytes, e);
    *bytes += extract_input_bytes(&g, height, width);
    return status;
}

/* ------------------------------------------------------------------ the run */
struct run {
    struct extract *x;
    const struct extract_job *job;
    struct extract_slot *slot; /* [extract_slots] */
    int64_t n_piped;           /* images that pass through the pipeline: the first ones */
    struct fmt_error *error;   /* why the run as a whole failed */
};

/* Two items per worker, and one more: a worker that has finished continues while earlier rows are written. An image of
 * many parts has many rows: of these there are fewer at once. */
static int n_items_in_flight(const struct extract *x)
{
    return extract_has_parts(&x->settings) ? x->n_workers + 1 : 2 * x->n_workers + 1;
}

int extract_slots(const struct extract *x)
{
    return n_items_in_flight(x) * x->batch;
}

static int64_t images_of_item(const struct run *r, int64_t item)
{
    return num_min(r->x->batch, r->n_piped - item * r->x->batch);
}

static int next_item(void *arg, int slot, int64_t item)
{
    (void)slot;
    return images_of_item(arg, item) > 0 ? 0 : FMT_END;
}

/* Reads and prepares image i. A failure is stored: job.write decides about it. */
static void prepare_image(struct run *r, int64_t i, int i_slot, int worker)
{
    struct extract_slot *s = &r->slot[i_slot];
    struct extract_image image = {0};
    s->failure = (struct fmt_error){0};
    if (r->job->read(r->job->arg, i, i_slot, worker, &image, &s->failure))
        return;
    struct extract_worker *w = &r->x->worker[worker];
    struct extract_context *ctx = has_own_contexts(r->x) ? &r->x->context[worker] : NULL;
    int status;
    if (extract_has_parts(&r->x->settings)) {
        status = extract_forward_parts(r->x, w, ctx, &image, s, &s->failure);
    } else {
        status = extract_prepare(r->x, w, image.image, &s->input, &s->failure);
        if (!status && ctx)
            status = extract_forward(r->x, ctx, s, 1, &s->failure);
    }
    if (status && image.name)
        fmt_prefix(&s->failure, image.name);
}

static int prepare_item(void *arg, int slot, int64_t item, int worker)
{
    struct run *r = arg;
    for (int64_t k = 0; k < images_of_item(r, item); k++)
        prepare_image(r, item * r->x->batch + k, slot * r->x->batch + (int)k, worker);
    return 0;
}

/* How many slots, from the first on, can be computed together: they did not fail and have the same size. */
static int count_same_size(const struct extract_slot *slot, int n)
{
    int k = 0;
    while (k < n && !slot[k].failure.status && extract_same_size(&slot[0], &slot[k]))
        k++;
    return k;
}

/* Runs the images of an item through the device's one context. */
static int compute_item(struct run *r, struct extract_slot *slot, int n)
{
    for (int k = 0; k < n;) {
        int m = count_same_size(slot + k, n - k);
        if (m > 0 && extract_forward(r->x, &r->x->context[0], slot + k, m, r->error))
            return (int)r->error->status;
        k += m > 0 ? m : 1;
    }
    return 0;
}

static int finish_item(void *arg, int slot, int64_t item)
{
    struct run *r = arg;
    int first = slot * r->x->batch, n = (int)images_of_item(r, item);
    int status = has_own_contexts(r->x) ? 0 : compute_item(r, r->slot + first, n);
    for (int k = 0; k < n && !status; k++) {
        const struct extract_slot *s = &r->slot[first + k];
        status = r->job->write(r->job->arg, item * r->x->batch + k, first + k, &s->row, &s->failure);
    }
    return status;
}

/* ------------------------------------------------------------------ the last images */

/* How many images at the end are too few to occupy the workers: half of them or more would be idle. */
static int64_t count_last(const struct extract *x, int64_t n)
{
    int64_t rest = n % x->n_workers;
    return has_own_contexts(x) && 2 * rest <= x->n_workers ? rest : 0;
}

/* These pass one after the other, each computed by all workers: an operation gives the same bits with any number. */
static int compute_last(struct run *r)
{
    struct extract_context *ctx = &r->x->context[0];
    int status = 0;
    ctx->c.pool = r->x->device->pool;
    ctx->planned = (struct extract_input_size){0}; /* scratch depends on the number of workers */
    for (int64_t i = r->n_piped; i < r->job->n && !status; i++) {
        prepare_image(r, i, 0, 0);
        status = r->job->write(r->job->arg, i, 0, &r->slot[0].row, &r->slot[0].failure);
    }
    ctx->c.pool = NULL;
    ctx->planned = (struct extract_input_size){0};
    return status;
}

static void release_slots(struct extract_slot *slot, int n)
{
    for (int i = 0; slot && i < n; i++)
        release_slot(&slot[i]);
    free(slot);
}

int extract_run(struct extract *x, const struct extract_job *job, struct fmt_error *e)
{
    struct fmt_error why = {0};
    struct run r = {.x = x, .job = job, .error = &why, .slot = calloc((size_t)extract_slots(x), sizeof *r.slot)};
    if (!r.slot)
        return fmt_no_memory(e);
    struct thread_pipe pipe = {&r, n_items_in_flight(x), next_item, prepare_item, finish_item};
    r.n_piped = job->n - count_last(x, job->n);
    int status = thread_pipe_run(x->device->pool, &pipe);
    if (!status)
        status = compute_last(&r);
    release_slots(r.slot, extract_slots(x));
    return why.status ? fmt_fail(e, why.status, "%s", why.text) : status;
}
