/* batch-ring.h - batches that threads make before they are asked for. What a batch is made of is the producer's; here
 * are the threads, the slots and the waiting.
 *
 *   batch_ring_open(&ring, &producer, &header, first_step, end_step, n_slots, n_held, e);        starts the threads
 *   while ((slot = batch_ring_next(ring, &stop)))      the batch of the next step, valid for n_held calls
 *       ... slot->status, slot->batch ...
 *   batch_ring_close(ring);
 *
 * Threads take parts in the order of the steps, so the next batch is finished first. n_slots bounds the memory: n_held
 * batches are with the caller, the others are made ahead.
 */
#ifndef BATCH_RING_H
#define BATCH_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "views.h"

struct batch_ring;

struct batch_slot {
    int64_t i; /* 0 .. n_slots-1 */
    struct views_batch batch;
    int status; /* of the first part that failed */
    struct fmt_error error;
    int64_t n_done; /* parts that are made */
};

struct batch_producer {
    void *arg;
    int n_threads;
    int64_t n_parts; /* of a batch; each is made by one thread */
    /* What must happen in the order of steps and parts: one call at a time, before make_part. May be NULL. */
    void (*begin_part)(void *arg, int thread, int64_t step, int64_t part);
    int (*make_part)(void *arg, int thread, int64_t part, struct batch_slot *slot, struct fmt_error *e);
    /* Called by each worker when no steps are left, after its last part. May be NULL. */
    void (*after_last)(void *arg);
    /* Ends the waiting of a make_part or after_last that may not come back; NULL: all come back. */
    void (*cancel)(void *arg);
};

/* end_step 0: no end. The producer's arg must outlive the ring. */
int batch_ring_open(struct batch_ring **ring, const struct batch_producer *producer, const struct views_header *h,
                    int64_t first_step, int64_t end_step, int64_t n_slots, int64_t n_held, struct fmt_error *e);
/* Releases the slot that was returned n_held calls ago. Waits until all parts of the next one are made; NULL: *stop was
 * found to be not 0 (it may be NULL, and is looked at once a second). Not to be called for steps from end_step on. */
struct batch_slot *batch_ring_next(struct batch_ring *r, const _Atomic int *stop);
void batch_ring_close(struct batch_ring *r); /* NULL is allowed */

#endif
