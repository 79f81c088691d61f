/* world-queue.c - a ring of jobs between the caller and one thread. */
#include "world-queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "device-arena.h"
#include "num.h"
#include "op.h"

enum { JOBS = 8 };

struct world_queue {
    const struct world *world;
    struct op_ctx c; /* of the thread; copies use no scratch memory, but a context without any would only plan */
    struct device_arena scratch;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct world_job job[JOBS]; /* job n is in job[n % JOBS] */
    int64_t n_added, n_done;
    struct fmt_error error;
    bool closing;
};

static void make(struct world_queue *q, const struct world_job *job, struct fmt_error *e)
{
    const struct world *w = q->world;
    if (job->call == WORLD_JOB_GATHER)
        w->calls->all_gather(w, &q->c, job->whole, job->part[0], job->grain);
    else
        w->calls->reduce_scatter(w, &q->c, job->part, job->turn, job->whole, job->grain);
    op_sync(&q->c, e);
}

static void *make_all(void *arg)
{
    struct world_queue *q = arg;
    pthread_mutex_lock(&q->lock);
    while (!q->closing) {
        if (q->n_done == q->n_added) {
            pthread_cond_wait(&q->changed, &q->lock);
            continue;
        }
        struct world_job job = q->job[(q->n_done + 1) % JOBS];
        struct fmt_error e = {0};
        pthread_mutex_unlock(&q->lock);
        make(q, &job, &e);
        pthread_mutex_lock(&q->lock);
        q->n_done++;
        if (e.status && !q->error.status)
            q->error = e;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

static void release(struct world_queue *q)
{
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->changed);
    device_arena_release(&q->scratch);
    free(q);
}

int world_queue_open(struct world_queue **queue, const struct world *world, const struct backend *backend,
                     struct fmt_error *e)
{
    struct world_queue *q = calloc(1, sizeof *q);
    if (!q)
        return fmt_no_memory(e);
    q->world = world;
    q->c = (struct op_ctx){.backend = backend, .scratch = &q->scratch};
    int status = device_arena_init(&q->scratch, backend, 1, e);
    if (status) {
        free(q);
        return status;
    }
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    if (pthread_create(&q->thread, NULL, make_all, q)) {
        release(q);
        return fmt_fail(e, FMT_MEMORY, "a thread cannot be started");
    }
    *queue = q;
    return 0;
}

void world_queue_close(struct world_queue *q)
{
    if (!q)
        return;
    pthread_mutex_lock(&q->lock);
    q->closing = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    pthread_join(q->thread, NULL);
    release(q);
}

int64_t world_queue_add(struct world_queue *q, const struct world_job *job)
{
    pthread_mutex_lock(&q->lock);
    while (q->n_added - q->n_done == JOBS)
        pthread_cond_wait(&q->changed, &q->lock);
    int64_t n = ++q->n_added;
    q->job[n % JOBS] = *job;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    return n;
}

void world_queue_wait(struct world_queue *q, int64_t job, struct fmt_error *e)
{
    pthread_mutex_lock(&q->lock);
    while (q->n_done < num_min(job, q->n_added))
        pthread_cond_wait(&q->changed, &q->lock);
    if (q->error.status && !e->status)
        *e = q->error;
    pthread_mutex_unlock(&q->lock);
}

int64_t world_queue_last(const struct world_queue *q)
{
    return q->n_added; /* which the caller alone changes */
}
