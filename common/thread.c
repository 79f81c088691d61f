/* thread.c - items are claimed from one counter. Between loops workers sleep on a condition, after a short wait: the
 * operations of a network follow each other within microseconds, and waking a thread takes tens of them. A pool with
 * more workers than processors does not wait, since it would take the time from the work that it waits for. */
#include "thread.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "num.h"
#include "resource-limit.h"

struct thread_pool {
    int n_workers;
    pthread_t *threads; /* n_workers - 1 */
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    bool waits;           /* before it sleeps */
    _Atomic int n_needed; /* workers that this loop can use and that have not joined yet */
    _Atomic int n_busy;   /* workers in this loop, without the caller */
    bool closing;
    void (*work)(void *, int64_t, int);
    void *arg;
    int64_t n_items;
    _Atomic int64_t next;
};

struct worker_start {
    struct thread_pool *pool;
    int worker;
};

static _Thread_local int inside = -1; /* the worker number of this thread while it works for a pool */

int thread_processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    return (int)num_max(1, num_min(n, resource_limit_processors("")));
}

static void take_items(struct thread_pool *pool, int worker)
{
    int before = inside;
    inside = worker;
    for (;;) {
        int64_t item = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (item >= pool->n_items)
            break;
        pool->work(pool->arg, item, worker);
    }
    inside = before;
}

static void pause_processor(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Waits until n is zero, or until it is not, but only for some tens of microseconds. The caller then looks again, with
 * the lock. */
static void wait_briefly(const struct thread_pool *pool, const _Atomic int *n, bool zero)
{
    enum { LOOKS = 1000 };
    for (int i = 0; i < LOOKS && pool->waits && (atomic_load_explicit(n, memory_order_relaxed) == 0) != zero; i++)
        pause_processor();
}

static void *worker_main(void *arg)
{
    struct worker_start start = *(struct worker_start *)arg;
    free(arg);
    struct thread_pool *pool = start.pool;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->n_needed == 0 && !pool->closing)
            pthread_cond_wait(&pool->start, &pool->lock);
        if (pool->closing)
            break;
        pool->n_needed--;
        pool->n_busy++;
        pthread_mutex_unlock(&pool->lock);
        take_items(pool, start.worker);
        pthread_mutex_lock(&pool->lock);
        if (--pool->n_busy == 0)
            pthread_cond_signal(&pool->done);
        pthread_mutex_unlock(&pool->lock);
        wait_briefly(pool, &pool->n_needed, false);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

void thread_share_heap(void)
{
#ifdef M_ARENA_MAX
    if (resource_limit_address_space())
        mallopt(M_ARENA_MAX, 1);
#endif
}

/* Held for less than a microsecond, so waiting for it is better than sleeping. */
static void init_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(lock, &kind);
    pthread_mutexattr_destroy(&kind);
}

struct thread_pool *thread_open(int n_workers, struct fmt_error *e)
{
    thread_share_heap();
    if (n_workers <= 0)
        n_workers = thread_processors();
    struct thread_pool *pool = calloc(1, sizeof *pool);
    if (pool)
        pool->threads = calloc((size_t)n_workers, sizeof *pool->threads);
    if (!pool || !pool->threads) {
        free(pool);
        fmt_no_memory(e);
        return NULL;
    }
    init_lock(&pool->lock);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->waits = n_workers <= thread_processors();
    pool->n_workers = 1;
    while (pool->n_workers < n_workers) {
        struct worker_start *start = malloc(sizeof *start);
        if (start)
            *start = (struct worker_start){pool, pool->n_workers};
        if (!start || pthread_create(&pool->threads[pool->n_workers - 1], NULL, worker_main, start)) {
            free(start);
            thread_close(pool);
            fmt_fail(e, FMT_MEMORY, "cannot start %s", FMT_COUNT(n_workers, "thread", "threads"));
            return NULL;
        }
        pool->n_workers++;
    }
    return pool;
}

void thread_close(struct thread_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->n_workers - 1; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->start);
    pthread_cond_destroy(&pool->done);
    free(pool->threads);
    free(pool);
}

int thread_workers(const struct thread_pool *pool)
{
    return pool ? pool->n_workers : 1;
}

void thread_for(struct thread_pool *pool, int64_t n_items,
                void (*work)(void *arg, int64_t item, int worker), void *arg)
{
    if (!pool || pool->n_workers == 1 || n_items <= 1 || inside >= 0) {
        /* Serial; inside a loop of a pool this worker keeps its own scratch memory. */
        int worker = inside >= 0 ? inside : 0;
        for (int64_t item = 0; item < n_items; item++)
            work(arg, item, worker);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->work = work, pool->arg = arg, pool->n_items = n_items;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    int n_helpers = n_items < pool->n_workers ? (int)n_items - 1 : pool->n_workers - 1;
    pool->n_needed = n_helpers;
    if (n_helpers == pool->n_workers - 1)
        pthread_cond_broadcast(&pool->start);
    else
        for (int i = 0; i < n_helpers; i++)
            pthread_cond_signal(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    take_items(pool, 0);
    pthread_mutex_lock(&pool->lock);
    pool->n_needed = 0; /* all items are claimed: workers that still sleep need not join */
    pthread_mutex_unlock(&pool->lock);
    wait_briefly(pool, &pool->n_busy, true);
    pthread_mutex_lock(&pool->lock);
    while (pool->n_busy > 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void *task_main(void *arg)
{
    const struct thread_task *t = arg;
    t->run(t->arg);
    return NULL;
}

void thread_task_start(struct thread_task *t, void (*run)(void *arg), void *arg)
{
    *t = (struct thread_task){.run = run, .arg = arg};
    t->started = pthread_create(&t->thread, NULL, task_main, t) == 0;
}

void thread_task_wait(struct thread_task *t)
{
    if (t->started)
        pthread_join(t->thread, NULL);
    else if (t->run)
        t->run(t->arg);
    *t = (struct thread_task){.run = NULL};
}

/* The pipeline is a loop over workers, each of which does the most urgent thing that can be done: write the next item
 * in order, else compute one that has been read, else read another. */
enum slot_state { SLOT_FREE, SLOT_READING, SLOT_READY, SLOT_COMPUTING, SLOT_COMPUTED };

struct pipe_run {
    const struct thread_pipe *pipe;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum slot_state *state; /* of item i: slot i % n_slots */
    int64_t n_read, n_claimed, n_written;
    bool reading, writing, ended;
    int status;
};

static void pipe_stop(struct pipe_run *run, int status)
{
    if (run->status == 0)
        run->status = status;
}

static bool pipe_write_next(struct pipe_run *run)
{
    int64_t item = run->n_written;
    int slot = (int)(item % run->pipe->n_slots);
    if (run->writing || item >= run->n_read || run->state[slot] != SLOT_COMPUTED)
        return false;
    run->writing = true;
    pthread_mutex_unlock(&run->lock);
    int status = run->pipe->write(run->pipe->arg, slot, item);
    pthread_mutex_lock(&run->lock);
    run->writing = false;
    run->state[slot] = SLOT_FREE;
    run->n_written++;
    if (status)
        pipe_stop(run, status);
    return true;
}

static bool pipe_compute_next(struct pipe_run *run, int worker)
{
    int64_t item = run->n_claimed;
    int slot = (int)(item % run->pipe->n_slots);
    if (item >= run->n_read)
        return false;
    run->n_claimed++;
    run->state[slot] = SLOT_COMPUTING;
    pthread_mutex_unlock(&run->lock);
    int status = run->pipe->compute(run->pipe->arg, slot, item, worker);
    pthread_mutex_lock(&run->lock);
    run->state[slot] = SLOT_COMPUTED;
    if (status)
        pipe_stop(run, status);
    return true;
}

static bool pipe_read_next(struct pipe_run *run)
{
    int64_t item = run->n_read;
    int slot = (int)(item % run->pipe->n_slots);
    if (run->reading || run->ended || run->state[slot] != SLOT_FREE)
        return false;
    run->reading = true;
    pthread_mutex_unlock(&run->lock);
    int status = run->pipe->read(run->pipe->arg, slot, item);
    pthread_mutex_lock(&run->lock);
    run->reading = false;
    if (status == 0) {
        run->state[slot] = SLOT_READY;
        run->n_read++;
    } else {
        run->ended = true;
        if (status != FMT_END)
            pipe_stop(run, status);
    }
    return true;
}

static void pipe_worker(void *arg, int64_t item, int worker)
{
    (void)item;
    struct pipe_run *run = arg;
    pthread_mutex_lock(&run->lock);
    while (run->status == 0 && !(run->ended && run->n_written == run->n_read)) {
        if (pipe_write_next(run) || pipe_compute_next(run, worker) || pipe_read_next(run))
            pthread_cond_broadcast(&run->changed);
        else
            pthread_cond_wait(&run->changed, &run->lock);
    }
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
}

int thread_pipe_run(struct thread_pool *pool, const struct thread_pipe *pipe)
{
    struct pipe_run run = {.pipe = pipe};
    run.state = calloc((size_t)pipe->n_slots, sizeof *run.state);
    if (!run.state)
        return FMT_MEMORY;
    pthread_mutex_init(&run.lock, NULL);
    pthread_cond_init(&run.changed, NULL);
    thread_for(pool, thread_workers(pool), pipe_worker, &run);
    pthread_mutex_destroy(&run.lock);
    pthread_cond_destroy(&run.changed);
    free(run.state);
    return run.status;
}
