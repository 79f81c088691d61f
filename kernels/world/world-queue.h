/* world-queue.h - a thread that makes calls of a world, one after another, while the caller computes.
 *
 *   world_queue_open(&queue, world, backend, e);      world->queue = queue: world_start_* then use it (world.h)
 *   world_queue_close(queue);                         after the last call
 *
 * Calls are made in the order in which they were started, the same in all processes, and never two at a time: a call
 * that the caller makes itself first waits until the queue is empty. Copies are the backend's, on one thread.
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
/* Returns when this job and those before it are done; a number beyond the last job waits for all. Unless *e is an error
 * already, it gets the first failure of any job so far. */
void world_queue_wait(struct world_queue *q, int64_t job, struct fmt_error *e);
int64_t world_queue_last(const struct world_queue *q); /* the number of the job that was added last */

#endif
