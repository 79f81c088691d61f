/* world-queue.h - calls of a world that a thread of their own makes, one after another, behind the computation.
 *
 *   world_queue_open(&queue, world, backend, e);      world->queue = queue: world_start_* then use it (world.h)
 *   world_queue_close(queue);                         after the last call
 *
 * The order of calls is that in which they were started, the same in all processes. No two calls are made at a time:
 * who makes one by himself waits for the queue first. Copies are those of the backend, without threads.
 */
#ifndef WORLD_QUEUE_H
#define WORLD_QUEUE_H

#include <stdint.h>

#include "tensor.h"
#include "world.h"

struct backend;
struct world_queue;

struct world_job {
    enum { WORLD_JOB_GATHER, WORLD_JOB_REDUCE } call;
    struct tensor whole;
    struct tensor part[WORLD_SLOTS_MAX]; /* the part, or the slots */
    int n_parts, turn;
    int64_t grain;
};

/* world: must live as long as the queue. */
int world_queue_open(struct world_queue **q, const struct world *world, const struct backend *backend,
                     struct fmt_error *e);
void world_queue_close(struct world_queue *q); /* NULL is allowed */

/* The number of the job: 1, 2, ... Waits while the queue is full. */
int64_t world_queue_add(struct world_queue *q, const struct world_job *job);
/* Returns when this job and those before it are done, or all that there are. *e, unless it is an error already: the
 * first failure of them all. */
void world_queue_wait(struct world_queue *q, int64_t job, struct fmt_error *e);
int64_t world_queue_last(const struct world_queue *q); /* the number of the job that was added last */

#endif
