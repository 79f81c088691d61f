/* batch-loader.c - a ring of batches, filled by threads ahead of the one who asks.
 *
 * Step t lives in slot t % n_slots. A slot may be filled when t < base + n_slots; base is the step that was asked
 * for last, whose batch the caller holds. From shards the unit of work is a sample: threads take them in order, so
 * the next batch is finished first and n_slots bounds the memory. From views one thread reads whole batches.
 */
#include "batch-loader.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "crop-sampler.h"
#include "views-input.h"
#include "thread.h"

enum { DRAIN_SECONDS = 5 };

struct slot {
    struct views_batch batch;
    struct crop_sampler_report *report; /* [B]; NULL for views */
    int64_t n_done, n_parts;      /* parts: samples, or the whole batch */
    int status;                   /* of its making */
    struct fmt_error error;
};

struct worker {
    struct batch_loader *source;
    struct crop_sampler_worker sample;
    pthread_t thread;
};

struct batch_loader {
    struct batch_loader_options options;
    struct views_header header;
    uint8_t identity[DIGEST_BYTES];
    bool is_views;
    struct crop_sampler maker; /* shards */
    struct views_input views; /* views */

    struct slot *slot;
    int64_t n_slots;
    struct worker *worker;
    int n_workers, n_started;
    uint8_t *bad_seen; /* a bit for each image */
    struct replaced_images replaced; /* up to the batch given last */
    double waited;

    pthread_mutex_t lock;
    pthread_cond_t room, done; /* a slot became free; a batch was finished */
    int64_t base;              /* the step asked for last */
    int64_t step, i;           /* the sample that is taken next */
    bool stop;

    bool started; /* of the caller's thread alone: */
    int64_t next; /* the step that is given next */
    int over;     /* why there are no more */
};

/* ------------------------------------------------------------ the threads */

static struct slot *slot_of(struct batch_loader *s, int64_t step)
{
    return &s->slot[step % s->n_slots];
}

static bool work_is_there(const struct batch_loader *s)
{
    return s->step < s->base + s->n_slots && (s->options.end_step == 0 || s->step < s->options.end_step);
}

/* With the lock: waits for a place in the ring; false when it is time to stop. */
static bool wait_for_work(struct batch_loader *s)
{
    while (!s->stop && !work_is_there(s))
        pthread_cond_wait(&s->room, &s->lock);
    return !s->stop;
}

static void begin_batch(struct batch_loader *s, int64_t n_parts)
{
    struct slot *slot = slot_of(s, s->step);
    slot->n_done = 0;
    slot->n_parts = n_parts;
    slot->status = 0;
    slot->error = (struct fmt_error){0};
    slot->batch.step = s->step;
}

static void end_part(struct batch_loader *s, struct slot *slot, int status, const struct fmt_error *e)
{
    if (status && slot->status == 0) {
        slot->status = status;
        slot->error = *e;
    }
    if (++slot->n_done == slot->n_parts)
        pthread_cond_broadcast(&s->done);
}

static void *make_samples(void *arg)
{
    struct worker *w = arg;
    struct batch_loader *s = w->source;
    pthread_mutex_lock(&s->lock);
    while (wait_for_work(s)) {
        if (s->i == 0)
            begin_batch(s, s->header.batch);
        int64_t step = s->step, i = s->i;
        struct slot *slot = slot_of(s, step);
        struct crop_sampler_place place = crop_sampler_place(&s->maker, step, i);
        if (++s->i == s->header.batch)
            s->i = 0, s->step++;
        pthread_mutex_unlock(&s->lock);
        struct fmt_error e = {0};
        if (i == 0)
            crop_sampler_masks(&s->maker, step, &slot->batch);
        int status = crop_sampler_make(&s->maker, &w->sample, &place, i, &slot->batch, &slot->report[i], &e);
        pthread_mutex_lock(&s->lock);
        end_part(s, slot, status, &e);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void *read_batches(void *arg)
{
    struct worker *w = arg;
    struct batch_loader *s = w->source;
    int status = 0;
    pthread_mutex_lock(&s->lock);
    while (status == 0 && wait_for_work(s)) {
        begin_batch(s, 1);
        struct slot *slot = slot_of(s, s->step);
        int64_t step = s->step++;
        pthread_mutex_unlock(&s->lock);
        struct fmt_error e = {0};
        status = views_input_read(&s->views, step, &slot->batch, &e);
        pthread_mutex_lock(&s->lock);
        end_part(s, slot, status, &e);
        bool last = step + 1 == s->options.end_step;
        pthread_mutex_unlock(&s->lock);
        if (status == 0 && last)
            views_input_drain(&s->views);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ------------------------------------------------------------ start */

static int take_slots(struct batch_loader *s, struct fmt_error *e)
{
    s->n_slots = (s->options.n_prefetch ? s->options.n_prefetch : BATCH_LOADER_PREFETCH) + 1;
    s->slot = calloc((size_t)s->n_slots, sizeof *s->slot);
    if (!s->slot)
        return fmt_fail(e, FMT_MEMORY, "out of memory for batches");
    for (int64_t i = 0; i < s->n_slots; i++) {
        int status = views_batch_init(&s->slot[i].batch, &s->header, e);
        if (status)
            return status;
        if (!s->is_views && !(s->slot[i].report = calloc((size_t)s->header.batch, sizeof *s->slot[i].report)))
            return fmt_fail(e, FMT_MEMORY, "out of memory for the reports of a batch");
    }
    return 0;
}

static int start_threads(struct batch_loader *s, struct fmt_error *e)
{
    for (; s->n_started < s->n_workers; s->n_started++) {
        struct worker *w = &s->worker[s->n_started];
        w->source = s;
        int status = s->is_views ? 0 : crop_sampler_worker_init(&w->sample, &s->maker, e);
        if (status)
            return status;
        if (pthread_create(&w->thread, NULL, s->is_views ? read_batches : make_samples, w)) {
            crop_sampler_worker_release(&w->sample);
            return fmt_fail(e, FMT_MEMORY, "a thread cannot be started");
        }
    }
    return 0;
}

static int start(struct batch_loader *s, struct fmt_error *e)
{
    s->started = true;
    s->worker = calloc((size_t)s->n_workers, sizeof *s->worker);
    if (!s->worker)
        return fmt_fail(e, FMT_MEMORY, "out of memory for threads");
    int status = take_slots(s, e);
    return status ? status : start_threads(s, e);
}

int batch_loader_open(struct batch_loader **out, const struct batch_loader_options *options, struct fmt_error *e)
{
    struct batch_loader *s = calloc(1, sizeof *s);
    if (!s)
        return fmt_fail(e, FMT_MEMORY, "out of memory for a source of batches");
    s->options = *options;
    s->base = s->step = s->next = options->first_step;
    s->is_views = !options->shards_only && options->n_paths == 1 && views_input_is(options->paths[0]);
    int status;
    if (s->is_views) {
        s->n_workers = 1;
        status = views_input_open(&s->views, options->paths[0], options->config, options->first_step,
                                         options->stop, e);
    } else {
        s->n_workers = options->n_threads ? options->n_threads : thread_processors();
        status = crop_sampler_open(&s->maker, options->config, options->paths, options->n_paths, e);
    }
    if (status) {
        free(s);
        return status;
    }
    s->header = s->is_views ? s->views.file.header : s->maker.header;
    memcpy(s->identity, s->is_views ? s->views.file.block.header.identity : s->maker.identity, DIGEST_BYTES);
    s->bad_seen = calloc((size_t)(s->is_views ? 1 : s->header.n_images / 8 + 1), 1);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->room, NULL);
    pthread_cond_init(&s->done, NULL);
    if (!s->bad_seen) {
        batch_loader_close(s);
        return fmt_fail(e, FMT_MEMORY, "out of memory for a bit for each image");
    }
    *out = s;
    return 0;
}

/* ------------------------------------------------------------ the next batch */

/* Whether this is the first time. */
static bool mark_bad(struct batch_loader *s, int64_t image)
{
    uint8_t *byte = &s->bad_seen[image / 8], bit = (uint8_t)(1 << image % 8);
    bool first = !(*byte & bit);
    *byte |= bit;
    return first;
}

int batch_loader_restore_replaced(struct batch_loader *s, const struct replaced_images *before, bool same_data,
                                  struct fmt_error *e)
{
    int status = 0;
    s->replaced.samples = before->samples;
    for (int64_t i = 0; same_data && !s->is_views && i < before->n_images && !status; i++) {
        int64_t image = before->image[i];
        if (image >= s->header.n_images)
            status = fmt_fail(e, FMT_INVALID, "image %" PRId64 " was replaced, the data have %" PRId64, image,
                              s->header.n_images);
        else if (mark_bad(s, image))
            status = replaced_images_add(&s->replaced, image, i < before->n_keys ? before->key[i] : "", e);
    }
    return status;
}

/* Gives word of images that were replaced, each once, and counts them. A batch with one too many is not counted: it is
 * not given. */
static int settle_replaced(struct batch_loader *s, const struct slot *slot, struct fmt_error *e)
{
    struct replaced_images *r = &s->replaced;
    int64_t n_before = r->n_images, n_samples = 0;
    int status = 0;
    for (int64_t i = 0; i < s->header.batch && !status; i++) {
        const struct crop_sampler_report *report = &slot->report[i];
        n_samples += report->bad != NULL;
        if (!report->bad || !mark_bad(s, report->bad->image))
            continue;
        if (r->n_images >= s->maker.replaced_max)
            status = crop_sampler_too_many(&s->maker, report->bad, r->n_images + 1, e);
        else if ((status = replaced_images_add(r, report->bad->image, report->bad->key, e)) == 0 &&
                 s->options.bad_image)
            s->options.bad_image(s->options.arg, report->bad->why.text, report->key);
    }
    if (status)
        replaced_images_cut(r, n_before);
    else
        r->samples += n_samples;
    return status;
}

/* Keys into the batch, and what was replaced. */
static int settle_reports(struct batch_loader *s, struct slot *slot, struct fmt_error *e)
{
    int status = settle_replaced(s, slot, e);
    for (int64_t i = 0; i < s->header.batch && !status; i++) {
        free(slot->report[i].bad);
        slot->report[i].bad = NULL;
        status = views_batch_set_key(&slot->batch, i, slot->report[i].key, e);
    }
    return status;
}

static bool stopped(const struct batch_loader *s)
{
    return s->options.stop && *s->options.stop;
}

/* Lets the slot of the batch before go, and waits for the next one; NULL: stopped. */
static struct slot *wait_for_batch(struct batch_loader *s)
{
    double begin = clock_now();
    pthread_mutex_lock(&s->lock);
    s->base = s->next;
    struct slot *slot = slot_of(s, s->base);
    pthread_cond_broadcast(&s->room);
    while (!stopped(s) && (s->step <= s->base || slot->n_done < slot->n_parts)) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 1; /* a signal wakes nobody: it is looked for now and then */
        pthread_cond_timedwait(&s->done, &s->lock, &until);
    }
    bool there = s->step > s->base && slot->n_done == slot->n_parts;
    pthread_mutex_unlock(&s->lock);
    s->waited += clock_now() - begin;
    return there ? slot : NULL;
}

int batch_loader_next(struct batch_loader *s, const struct views_batch **batch, struct fmt_error *e)
{
    int status = s->started ? 0 : start(s, e);
    if (status)
        return status;
    if (s->over || (s->options.end_step && s->next >= s->options.end_step))
        return s->over ? fmt_fail(e, (enum fmt_status)s->over, "no more batches") : FMT_END;
    struct slot *slot = wait_for_batch(s);
    if (!slot)
        return fmt_fail(e, FMT_STOPPED, "stopped");
    if (slot->status && slot->status != FMT_END && e)
        *e = slot->error;
    s->over = slot->status ? slot->status : slot->report ? settle_reports(s, slot, e) : 0;
    if (s->over)
        return s->over;
    s->next++;
    *batch = &slot->batch;
    return 0;
}

/* ------------------------------------------------------------ the end */

/* A thread that waits for a pipe that says nothing is called back; one that reads the end of a pipe, behind the last
 * batch, is given a moment, as its writer would fail otherwise. */
static void join_reader(struct batch_loader *s, pthread_t thread, bool all_read)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += all_read ? DRAIN_SECONDS : 0;
    if (pthread_timedjoin_np(thread, NULL, &until) == 0)
        return;
    views_input_cancel(&s->views);
    pthread_join(thread, NULL);
}

static void stop_threads(struct batch_loader *s)
{
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    bool all_read = s->options.end_step && s->step >= s->options.end_step;
    pthread_cond_broadcast(&s->room);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < s->n_started; i++) {
        if (s->is_views)
            join_reader(s, s->worker[i].thread, all_read);
        else
            pthread_join(s->worker[i].thread, NULL);
        crop_sampler_worker_release(&s->worker[i].sample);
    }
}

static void release_slot(struct slot *slot, int64_t n_reports)
{
    for (int64_t i = 0; slot->report && i < n_reports; i++) {
        free(slot->report[i].key);
        free(slot->report[i].bad);
    }
    free(slot->report);
    views_batch_release(&slot->batch);
}

void batch_loader_close(struct batch_loader *s)
{
    if (!s)
        return;
    stop_threads(s);
    for (int64_t i = 0; s->slot && i < s->n_slots; i++)
        release_slot(&s->slot[i], s->header.batch);
    free(s->slot);
    free(s->worker);
    free(s->bad_seen);
    replaced_images_release(&s->replaced);
    if (s->is_views)
        views_input_close(&s->views);
    else
        crop_sampler_close(&s->maker);
    pthread_cond_destroy(&s->room);
    pthread_cond_destroy(&s->done);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ------------------------------------------------------------ what is known */

const uint8_t *batch_loader_identity(const struct batch_loader *s)
{
    return s->identity;
}

const struct views_header *batch_loader_header(const struct batch_loader *s)
{
    return &s->header;
}

const struct replaced_images *batch_loader_replaced(const struct batch_loader *s)
{
    return &s->replaced;
}

double batch_loader_wait_seconds(const struct batch_loader *s)
{
    return s->waited;
}

int64_t batch_loader_memory_bytes(const struct batch_loader *s)
{
    int64_t n_slots = (s->options.n_prefetch ? s->options.n_prefetch : BATCH_LOADER_PREFETCH) + 1;
    int64_t batch = views_global_bytes(&s->header) + views_local_bytes(&s->header) + views_mask_bytes(&s->header);
    if (s->is_views)
        return (n_slots + s->n_workers) * batch;
    const struct shard_set *set = &s->maker.shards;
    int64_t worker = (int64_t)crop_sampler_worker_bytes(&s->maker) + shard_set_record_bytes(set);
    return n_slots * batch + s->n_workers * worker + shard_set_index_bytes(set) +
           set->n_images * (int64_t)sizeof *s->maker.order;
}
