/* batch-loader.c - fills a ring of batches (batch-ring.h): from shards a part is a sample, which any thread can make;
 * from views one thread reads whole batches. What was replaced is counted when batches are given, in the order of the
 * samples, so the count does not depend on the threads. */
#include "batch-loader.h"

#include <stdlib.h>
#include <string.h>

#include "batch-ring.h"
#include "crop-sampler.h"
#include "clock.h"
#include "replaced-count.h"
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

    const struct sample_origin **given; /* [turns] of batches that were given and are not counted yet */
    int n_given;
    struct replaced_count count; /* of shards */
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
    free(origin->unusable);
    origin->unusable = NULL;
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
            return fmt_fail(e, FMT_UNSUPPORTED,
                            "%s: a pipe cannot be read by %d processes: write the views to a file (dino-augment -o "
                            "FILE), or start one process, with train.ranks=%d for the same steps", o->paths[0],
                            o->world->size, world_ranks(o->world));
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
    l->given = calloc((size_t)l->options.world->turns, sizeof *l->given);
    status = l->given ? 0 : fmt_no_memory(e);
    if (!status && !l->is_views)
        status = replaced_count_open(&l->count, l->options.world, &l->sampler.images, l->header.batch, e);
    if (status)
        batch_loader_close(l);
    else
        *loader = l;
    return status;
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
    free(l->given);
    replaced_count_close(&l->count);
    if (l->is_views)
        views_input_close(&l->views);
    else
        crop_sampler_close(&l->sampler);
    free(l);
}

/* ------------------------------------------------------------ what was replaced */

int batch_loader_restore_replaced(struct batch_loader *l, const struct replaced_images *before, bool same_data,
                                  struct fmt_error *e)
{
    return replaced_count_restore(&l->count, before, same_data && !l->is_views, e);
}

int batch_loader_count_replaced(struct batch_loader *l, struct fmt_error *e)
{
    const struct replaced_report report = {l->options.bad_image, l->options.arg};
    if (l->is_views)
        return 0;
    l->over = replaced_count_add(&l->count, l->given, l->n_given, &report, e);
    l->n_given = 0;
    return l->over;
}

/* ------------------------------------------------------------ the next batch */

/* What threads noted about a batch of shards: keys go into the batch. */
static int finish_batch(struct batch_loader *l, struct batch_slot *slot, struct fmt_error *e)
{
    const struct sample_origin *origin = &l->origin[slot->i * l->header.batch];
    int status = 0;
    for (int64_t i = 0; i < l->header.batch && !status; i++)
        status = views_batch_set_key(&slot->batch, i, origin[i].key, e);
    l->given[l->n_given++ % l->options.world->turns] = origin;
    return status;
}

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
    return &l->count.all;
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
