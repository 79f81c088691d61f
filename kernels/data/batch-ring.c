/* batch-ring.c - step t has slot t % n_slots. It may be begun when t < base + n_slots; base is the first step whose
 * batch the caller holds. */
#include "batch-ring.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "num.h"
#include "thread.h"

enum { AFTER_LAST_SECONDS = 5 }; /* that closing waits for after_last, before it cancels */

struct ring_thread {
    struct batch_ring *ring;
    int i;
    pthread_t id;
};

struct batch_ring {
    struct batch_producer producer;
    int64_t end_step, n_slots, n_held;
    struct batch_slot *slot;
    struct ring_thread *thread;
    int n_started;
    int64_t next; /* the step that is returned next: used by the caller's thread only */

    pthread_mutex_t lock; /* for what follows, and for n_done, status and error of the slots */
    pthread_cond_t slot_free, batch_done;
    int64_t base;       /* the first step that is held */
    int64_t step, part; /* that is begun next */
    bool closing;
};

/* ------------------------------------------------------------ the threads */

static struct batch_slot *slot_of(struct batch_ring *r, int64_t step)
{
    return &r->slot[step % r->n_slots];
}

static bool at_end(const struct batch_ring *r)
{
    return r->end_step && r->step >= r->end_step;
}

/* With the lock: waits for a slot that may be filled; false when there will be none. */
static bool wait_for_slot(struct batch_ring *r)
{
    while (!r->closing && !at_end(r) && r->step >= r->base + r->n_slots)
        pthread_cond_wait(&r->slot_free, &r->lock);
    return !r->closing && !at_end(r);
}

static struct batch_slot *begin_part(struct batch_ring *r, int thread, int64_t *part)
{
    struct batch_slot *slot = slot_of(r, r->step);
    *part = r->part;
    if (r->part == 0) {
        slot->n_done = 0;
        slot->status = 0;
        slot->error = (struct fmt_error){0};
        slot->batch.step = r->step;
    }
    if (r->producer.begin_part)
        r->producer.begin_part(r->producer.arg, thread, r->step, r->part);
    if (++r->part == r->producer.n_parts)
        r->part = 0, r->step++;
    return slot;
}

static void end_part(struct batch_ring *r, struct batch_slot *slot, int status, const struct fmt_error *e)
{
    if (status && slot->status == 0) {
        slot->status = status;
        slot->error = *e;
    }
    if (++slot->n_done == r->producer.n_parts)
        pthread_cond_broadcast(&r->batch_done);
}

static void *make_parts(void *arg)
{
    struct ring_thread *t = arg;
    struct batch_ring *r = t->ring;
    pthread_mutex_lock(&r->lock);
    while (wait_for_slot(r)) {
        int64_t part;
        struct batch_slot *slot = begin_part(r, t->i, &part);
        pthread_mutex_unlock(&r->lock);
        struct fmt_error e = {0};
        int status = r->producer.make_part(r->producer.arg, t->i, part, slot, &e);
        pthread_mutex_lock(&r->lock);
        end_part(r, slot, status, &e);
    }
    bool last = !r->closing;
    pthread_mutex_unlock(&r->lock);
    if (last && r->producer.after_last)
        r->producer.after_last(r->producer.arg);
    return NULL;
}

/* ------------------------------------------------------------ opening and closing */

static int take_slots(struct batch_ring *r, const struct views_header *h, struct fmt_error *e)
{
    r->slot = calloc((size_t)r->n_slots, sizeof *r->slot);
    if (!r->slot)
        return fmt_fail(e, FMT_MEMORY, "out of memory for batches");
    int status = 0;
    for (int64_t i = 0; i < r->n_slots && !status; i++) {
        r->slot[i].i = i;
        status = views_batch_init(&r->slot[i].batch, h, e);
    }
    return status;
}

static int start_threads(struct batch_ring *r, struct fmt_error *e)
{
    r->thread = calloc((size_t)r->producer.n_threads, sizeof *r->thread);
    if (!r->thread)
        return fmt_fail(e, FMT_MEMORY, "out of memory for threads");
    for (; r->n_started < r->producer.n_threads; r->n_started++) {
        struct ring_thread *t = &r->thread[r->n_started];
        *t = (struct ring_thread){.ring = r, .i = r->n_started};
        if (pthread_create(&t->id, NULL, make_parts, t))
            return fmt_fail(e, FMT_MEMORY, "a thread cannot be started");
    }
    return 0;
}

int batch_ring_open(struct batch_ring **ring, const struct batch_producer *producer, const struct views_header *h,
                    int64_t first_step, int64_t end_step, int64_t n_slots, int64_t n_held, struct fmt_error *e)
{
    struct batch_ring *r = calloc(1, sizeof *r);
    if (!r)
        return fmt_fail(e, FMT_MEMORY, "out of memory for batches");
    r->producer = *producer;
    r->base = r->step = r->next = first_step;
    r->end_step = end_step;
    r->n_slots = n_slots;
    r->n_held = n_held;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->slot_free, NULL);
    pthread_cond_init(&r->batch_done, NULL);
    thread_share_heap();
    int status = take_slots(r, h, e);
    if (status == 0)
        status = start_threads(r, e);
    if (status)
        batch_ring_close(r);
    else
        *ring = r;
    return status;
}

/* A thread that waits for silent input is cancelled; one that does the work after the last step is given a moment. */
static void join_thread(struct batch_ring *r, pthread_t id, bool all_begun)
{
    struct timespec until;
    if (r->producer.cancel) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += all_begun ? AFTER_LAST_SECONDS : 0;
        if (pthread_timedjoin_np(id, NULL, &until) == 0)
            return;
        r->producer.cancel(r->producer.arg);
    }
    pthread_join(id, NULL);
}

void batch_ring_close(struct batch_ring *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->closing = true;
    bool all_begun = at_end(r);
    pthread_cond_broadcast(&r->slot_free);
    pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < r->n_started; i++)
        join_thread(r, r->thread[i].id, all_begun);
    for (int64_t i = 0; r->slot && i < r->n_slots; i++)
        views_batch_release(&r->slot[i].batch);
    free(r->slot);
    free(r->thread);
    pthread_cond_destroy(&r->slot_free);
    pthread_cond_destroy(&r->batch_done);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ------------------------------------------------------------ the next batch */

struct batch_slot *batch_ring_next(struct batch_ring *r, const _Atomic int *stop)
{
    pthread_mutex_lock(&r->lock);
    int64_t step = r->next;
    r->base = num_max(r->base, step + 1 - r->n_held);
    struct batch_slot *slot = slot_of(r, step);
    pthread_cond_broadcast(&r->slot_free);
    while (!(stop && *stop) && (r->step <= step || slot->n_done < r->producer.n_parts)) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 1; /* a signal wakes nobody: it is looked for now and then */
        pthread_cond_timedwait(&r->batch_done, &r->lock, &until);
    }
    bool done = r->step > step && slot->n_done == r->producer.n_parts;
    r->next += done;
    pthread_mutex_unlock(&r->lock);
    return done ? slot : NULL;
}
