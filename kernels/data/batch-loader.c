/* batch-loader.c - fills a ring of batches (batch-ring.h): from shards a part is a sample, which any thread can make;
 * from views one thread reads whole batches. What was replaced is counted when a batch is given, in the order of the
 * samples, so the count does not depend on the threads. */
#include "batch-loader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "batch-ring.h"
#include "crop-sampler.h"
#include "clock.h"
#include "thread.h"
#include "views-input.h"

struct loader_thread {
    struct crop_sampler_worker worker;
    struct sample sample; /* that it makes */
};

struct batch_loader {
    struct batch_loader_options options;
    struct views_header header;
    uint8_t identity[DIGEST_BYTES];
    bool is_views;
    struct views_input views;    /* if is_views */
    struct crop_sampler sampler; /* else */

    int n_threads;
    struct loader_thread *thread; /* [n_threads] for shards */
    struct sample_origin *origin; /* [n_slots, B] for shards */
    struct batch_ring *ring;      /* NULL before the first batch */
    int64_t next;                 /* the batch that is given next */
    int over;                     /* why there are no more batches */

    uint8_t *unusable_seen; /* a bit for each image */
    struct replaced_images replaced;
    double wait_seconds;
};

static int64_t n_slots(const struct batch_loader *l)
{
    return (l->options.n_prefetch ? l->options.n_prefetch : BATCH_LOADER_PREFETCH) + l->options.world->turns;
}

/* Batches are counted here as this process asks for them: i is that of turn i % turns of step i / turns. In a turn the
 * processes have neighbouring ranks, so the number among the batches of all ranks, step * ranks + rank, is this. */
static int64_t batch_number(const struct batch_loader *l, int64_t i)
{
    return i * l->options.world->size + l->options.world->rank;
}

static int64_t first_of_step(const struct batch_loader *l, int64_t step)
{
    return step * l->options.world->turns;
}

/* ------------------------------------------------------------ what threads do */

static void begin_sample(void *arg, int thread, int64_t i_batch, int64_t i)
{
    struct batch_loader *l = arg;
    l->thread[thread].sample = sample_order_at(&l->sampler.order, batch_number(l, i_batch), i);
}

static int make_sample(void *arg, int thread, int64_t i, struct batch_slot *slot, struct fmt_error *e)
{
    struct batch_loader *l = arg;
    struct loader_thread *t = &l->thread[thread];
    if (i == 0)
        crop_sampler_masks(&l->sampler, batch_number(l, slot->batch.step), &slot->batch);
    struct sample_origin *origin = &l->origin[slot->i * l->header.batch + i];
    return crop_sampler_fill(&l->sampler, &t->worker, t->sample, i, &slot->batch, origin, e);
}

static int read_batch(void *arg, int thread, int64_t part, struct batch_slot *slot, struct fmt_error *e)
{
    struct batch_loader *l = arg;
    int64_t step = slot->batch.step;
    (void)thread, (void)part;
    int status = views_input_read(&l->views, batch_number(l, step), &slot->batch, e);
    slot->batch.step = step; /* in the file it is the number of the batch */
    return status;
}

static void drain_views(void *arg)
{
    struct batch_loader *l = arg;
    views_input_drain(&l->views);
}

static void cancel_views(void *arg)
{
    struct batch_loader *l = arg;
    views_input_cancel(&l->views);
}

/* Memory of the threads and of what they note; for shards only. */
static int take_threads(struct batch_loader *l, struct fmt_error *e)
{
    l->thread = calloc((size_t)l->n_threads, sizeof *l->thread);
    l->origin = calloc((size_t)(n_slots(l) * l->header.batch), sizeof *l->origin);
    if (!l->thread || !l->origin)
        return fmt_fail(e, FMT_MEMORY, "out of memory for threads");
    int status = 0;
    for (int i = 0; i < l->n_threads && !status; i++)
        status = crop_sampler_worker_init(&l->thread[i].worker, &l->sampler, e);
    return status;
}

static int start(struct batch_loader *l, struct fmt_error *e)
{
    struct batch_producer of_shards = {.arg = l, .n_threads = l->n_threads, .n_parts = l->header.batch,
                                       .begin_part = begin_sample, .make_part = make_sample};
    struct batch_producer of_views = {.arg = l, .n_threads = 1, .n_parts = 1, .make_part = read_batch,
                                      .after_last = drain_views, .cancel = cancel_views};
    int status = l->is_views ? 0 : take_threads(l, e);
    if (status)
        return status;
    return batch_ring_open(&l->ring, l->is_views ? &of_views : &of_shards, &l->header,
                           first_of_step(l, l->options.first_step), first_of_step(l, l->options.end_step), n_slots(l),
                           l->options.world->turns, e);
}

/* ------------------------------------------------------------ opening and closing */

static int open_input(struct batch_loader *l, struct fmt_error *e)
{
    const struct batch_loader_options *o = &l->options;
    int status;
    if (l->is_views) {
        if (o->world->size > 1 && views_input_is_pipe(o->paths[0]))
            return fmt_fail(e, FMT_UNSUPPORTED, "%s: a pipe cannot be read by %d processes", o->paths[0],
                            o->world->size);
        l->n_threads = 1;
        int64_t first = batch_number(l, first_of_step(l, o->first_step));
        if ((status = views_input_open(&l->views, o->paths[0], o->config, first, o->stop, e)))
            return status;
        l->header = l->views.file.header;
        memcpy(l->identity, l->views.file.block.header.identity, DIGEST_BYTES);
        return 0;
    }
    l->n_threads = o->n_threads ? o->n_threads : thread_processors();
    if ((status = crop_sampler_open(&l->sampler, o->config, o->paths, o->n_paths, e)))
        return status;
    l->header = l->sampler.header;
    memcpy(l->identity, l->sampler.images.identity, DIGEST_BYTES);
    return 0;
}

int batch_loader_open(struct batch_loader **loader, const struct batch_loader_options *options, struct fmt_error *e)
{
    struct batch_loader *l = calloc(1, sizeof *l);
    if (!l)
        return fmt_fail(e, FMT_MEMORY, "out of memory for a batch loader");
    l->options = *options;
    if (!l->options.world)
        l->options.world = &world_single;
    l->next = first_of_step(l, options->first_step);
    l->is_views = !options->shards_only && options->n_paths == 1 && views_input_is(options->paths[0]);
    int status = open_input(l, e);
    if (status) {
        free(l);
        return status;
    }
    l->unusable_seen = calloc((size_t)(l->is_views ? 1 : l->header.n_images / 8 + 1), 1);
    if (!l->unusable_seen) {
        batch_loader_close(l);
        return fmt_fail(e, FMT_MEMORY, "out of memory for a bit for each image");
    }
    *loader = l;
    return 0;
}

void batch_loader_close(struct batch_loader *l)
{
    if (!l)
        return;
    batch_ring_close(l->ring);
    for (int64_t i = 0; l->origin && i < n_slots(l) * l->header.batch; i++) {
        free(l->origin[i].key);
        free(l->origin[i].unusable);
    }
    for (int i = 0; l->thread && i < l->n_threads; i++)
        crop_sampler_worker_release(&l->thread[i].worker);
    free(l->origin);
    free(l->thread);
    free(l->unusable_seen);
    replaced_images_release(&l->replaced);
    if (l->is_views)
        views_input_close(&l->views);
    else
        crop_sampler_close(&l->sampler);
    free(l);
}

/* ------------------------------------------------------------ what was replaced */

/* Whether this is the first time that the image is marked. */
static bool mark_unusable(struct batch_loader *l, int64_t image)
{
    uint8_t *byte = &l->unusable_seen[image / 8], bit = (uint8_t)(1 << image % 8);
    bool first = !(*byte & bit);
    *byte |= bit;
    return first;
}

int batch_loader_restore_replaced(struct batch_loader *l, const struct replaced_images *before, bool same_data,
                                  struct fmt_error *e)
{
    int status = 0;
    l->replaced.samples = before->samples;
    for (int64_t i = 0; same_data && !l->is_views && i < before->n_images && !status; i++) {
        int64_t image = before->image[i];
        if (image >= l->header.n_images)
            status = fmt_fail(e, FMT_INVALID, "image %" PRId64 " was replaced, the data have %" PRId64, image,
                              l->header.n_images);
        else if (mark_unusable(l, image))
            status = replaced_images_add(&l->replaced, image, i < before->n_keys ? before->key[i] : "", e);
    }
    return status;
}

/* An image that is unusable for the first time: adds and reports it. FMT_LIMIT: it is one too many. */
static int add_replaced(struct batch_loader *l, const struct sample_origin *origin, struct fmt_error *e)
{
    const struct unusable_image *u = origin->unusable;
    if (l->replaced.n_images >= l->sampler.images.replaced_max)
        return image_loader_too_many(&l->sampler.images, u, l->replaced.n_images + 1, e);
    int status = replaced_images_add(&l->replaced, u->image, u->key, e);
    if (status == 0 && l->options.bad_image)
        l->options.bad_image(l->options.arg, u->why.text, origin->key);
    return status;
}

/* Counts what was replaced in a batch. One with an image too many is not given, so nothing of it is counted. */
static int count_replaced(struct batch_loader *l, const struct sample_origin *origin, struct fmt_error *e)
{
    int64_t n_before = l->replaced.n_images, n_samples = 0;
    int status = 0;
    for (int64_t i = 0; i < l->header.batch && !status; i++) {
        n_samples += origin[i].unusable != NULL;
        if (origin[i].unusable && mark_unusable(l, origin[i].unusable->image))
            status = add_replaced(l, &origin[i], e);
    }
    if (status)
        replaced_images_cut(&l->replaced, n_before);
    else
        l->replaced.samples += n_samples;
    return status;
}

/* What threads noted about a batch of shards: keys go into the batch, replaced images are counted. */
static int finish_batch(struct batch_loader *l, struct batch_slot *slot, struct fmt_error *e)
{
    struct sample_origin *origin = &l->origin[slot->i * l->header.batch];
    int status = count_replaced(l, origin, e);
    for (int64_t i = 0; i < l->header.batch && !status; i++) {
        free(origin[i].unusable);
        origin[i].unusable = NULL;
        status = views_batch_set_key(&slot->batch, i, origin[i].key, e);
    }
    return status;
}

/* ------------------------------------------------------------ the next batch */

int batch_loader_next(struct batch_loader *l, const struct views_batch **batch, struct fmt_error *e)
{
    if (l->over)
        return fmt_fail(e, (enum fmt_status)l->over, "no more batches");
    if (l->options.end_step && l->next >= first_of_step(l, l->options.end_step))
        return FMT_END;
    if (!l->ring && (l->over = start(l, e)))
        return l->over;
    double begin = clock_now();
    struct batch_slot *slot = batch_ring_next(l->ring, l->options.stop);
    l->wait_seconds += clock_now() - begin;
    if (!slot)
        return fmt_fail(e, FMT_STOPPED, "stopped");
    if (slot->status && slot->status != FMT_END && e)
        *e = slot->error;
    l->over = slot->status;
    if (!l->over && !l->is_views)
        l->over = finish_batch(l, slot, e);
    if (l->over)
        return l->over;
    l->next++;
    *batch = &slot->batch;
    return 0;
}

/* ------------------------------------------------------------ what is known */

bool batch_loader_is_pipe(const char *path)
{
    return views_input_is_pipe(path);
}

const uint8_t *batch_loader_identity(const struct batch_loader *l)
{
    return l->identity;
}

const struct views_header *batch_loader_header(const struct batch_loader *l)
{
    return &l->header;
}

const struct replaced_images *batch_loader_replaced(const struct batch_loader *l)
{
    return &l->replaced;
}

double batch_loader_wait_seconds(const struct batch_loader *l)
{
    return l->wait_seconds;
}

int64_t batch_loader_memory_bytes(const struct batch_loader *l)
{
    int64_t batch = views_global_bytes(&l->header) + views_local_bytes(&l->header) + views_mask_bytes(&l->header);
    if (l->is_views)
        return (n_slots(l) + 1) * batch;
    const struct shard_set *set = &l->sampler.images.shards;
    int64_t worker = (int64_t)crop_sampler_worker_bytes(&l->sampler) + shard_set_record_bytes(set);
    return n_slots(l) * batch + l->n_threads * worker + shard_set_index_bytes(set) +
           set->n_images * (int64_t)sizeof *l->sampler.order.image;
}
