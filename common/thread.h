/* thread.h - a pool of threads: parallel loops over items, and an ordered pipeline; a task beside them.
 *
 * Results never depend on the number of threads: the work on an item may depend only on its index, the problem
 * determines the items and not the pool, and sums over items are made afterwards in the order of indices. `worker`
 * (0 .. n_workers-1) is only for selecting scratch memory.
 */
#ifndef THREAD_H
#define THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

struct thread_pool;

int thread_processors(void); /* that this process may use, by affinity and quotas of control groups */

/* Before threads are started (thread_open does it): where address space is limited (ulimit -v) they share one heap, as
 * the C library reserves 64 MiB of it for that of each thread. */
void thread_share_heap(void);

/* n_workers 0: one per processor. The caller is worker 0, so a pool of 1 starts no thread. NULL: failed. */
struct thread_pool *thread_open(int n_workers, struct fmt_error *e);
void thread_close(struct thread_pool *pool); /* NULL is allowed */
int thread_workers(const struct thread_pool *pool); /* of NULL: 1 */

/* Calls work(arg, item, worker) once for each item of 0 .. n_items-1 and returns when all are done. pool NULL: in this
 * thread. A call from inside a work function runs in that worker only. */
void thread_for(struct thread_pool *pool, int64_t n_items,
                void (*work)(void *arg, int64_t item, int worker), void *arg);

/* One function that runs in a thread of its own, beside the caller and its pool. Where no thread can be started,
 * thread_task_wait runs it. A zeroed struct is a task that has ended. Wait for it before the process exits: libraries
 * take down at exit what the function may be using. */
struct thread_task {
    void (*run)(void *arg);
    void *arg;
    pthread_t thread;
    bool started;
};
void thread_task_start(struct thread_task *t, void (*run)(void *arg), void *arg);
void thread_task_wait(struct thread_task *t);

/* An ordered pipeline: read fills slots in order (serial; returns 0 to continue, FMT_END at the end, else a status),
 * compute works on slots in parallel, write takes them in the order of reading (serial). The n_slots slots are reused,
 * so memory is bounded. The first nonzero status stops the pipeline and is returned. slot is 0 .. n_slots-1, item the
 * running number. */
struct thread_pipe {
    void *arg;
    int n_slots;
    int (*read)(void *arg, int slot, int64_t item);
    int (*compute)(void *arg, int slot, int64_t item, int worker);
    int (*write)(void *arg, int slot, int64_t item);
};
int thread_pipe_run(struct thread_pool *pool, const struct thread_pipe *pipe);

#endif
