/* batch-loader.h - batches for training: made from shards by threads, before the step that needs them, or read from a
 * file or pipe of views. A batch is a function of settings, seed and its number only; where it comes from, how many
 * threads make it and where the run began make no difference to a bit of it.
 *
 *   struct batch_loader_options options = {.config = &config, .paths = paths, .n_paths = 1, .n_threads = 2};
 *   batch_loader_open(&loader, &options, e);              opens and checks; threads start with the first batch
 *   while (batch_loader_next(loader, &batch, e) == 0 &&   FMT_END: views have no more, or end_step is reached
 *          batch_loader_count_replaced(loader, e) == 0)
 *       ... batch is valid until the next call, with turns for as many calls as there are turns ...
 *   batch_loader_close(loader);
 *
 * Batches are numbered over all ranks of a run: at a step, rank r of a world takes batch step * ranks + r. A process
 * that computes several ranks asks once for each turn. So all ranks together see each image once in an epoch, and the
 * same batches whatever the number of processes.
 *
 * Sample i of a batch: sample-order.h says which image it is, crop-sampler.h what its crops are. An image that cannot
 * be read or decoded is replaced by another (image-loader.h). That is counted over all processes, and bad_image called
 * in all of them, when each has the batches of a step. With more than train.max_replaced of the images unusable there
 * are no more batches: FMT_LIMIT.
 *
 * Views must fit the settings: batch size, crops, masks, normalisation, and, where they carry their provenance, every
 * setting that they depend on but the seed. Batches before first_step are skipped, and those of other ranks; a pipe can
 * be read by one process only.
 */
#ifndef BATCH_LOADER_H
#define BATCH_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "replaced-images.h"
#include "views.h"
#include "world.h"

#define BATCH_LOADER_PREFETCH 3

struct batch_loader;

struct batch_loader_options {
    const struct world *world;   /* NULL: one process */
    const struct config *config; /* crops, augment, ibot masks, batch size of a process, patch, seed */
    const char *const *paths;    /* shards (folders, files, patterns), or one file or pipe of views ("-") */
    int n_paths;
    bool shards_only; /* views are refused */
    int64_t first_step;
    int64_t end_step; /* no batch is made from this step on; 0: no end */
    int n_threads;    /* 0: one per processor */
    int n_prefetch;   /* batches made before they are asked for; 0: BATCH_LOADER_PREFETCH */
    /* Checked while batch_loader_open waits for the header of a pipe, and batch_loader_next for a batch: once it is not
     * 0, FMT_STOPPED (a pipe may be silent for ever). May be NULL. */
    const _Atomic int *stop;
    /* Called once for each image that cannot be used, from within batch_loader_count_replaced. May be NULL. */
    void (*bad_image)(void *arg, const char *reason, const char *replaced_by);
    void *arg;
};

int batch_loader_open(struct batch_loader **loader, const struct batch_loader_options *options, struct fmt_error *e);
int batch_loader_next(struct batch_loader *l, const struct views_batch **batch, struct fmt_error *e);
/* Counts what was replaced in the batches that were given since the last call, at most one for each turn. All processes
 * call it, once each of them has been given the batches of a step, and make that step then. What fails in one fails in
 * all, and nothing of the step is counted. */
int batch_loader_count_replaced(struct batch_loader *l, struct fmt_error *e);
/* Before the first batch: continues the count of what an earlier part of the run replaced. same_data: its images are
 * numbers in these data; they are not reported again. */
int batch_loader_restore_replaced(struct batch_loader *l, const struct replaced_images *before, bool same_data,
                                  struct fmt_error *e);
/* NULL is allowed. Does not wait for a pipe that is silent. */
void batch_loader_close(struct batch_loader *l);

/* "-", or something that is neither a file nor a folder: it can be opened once. */
bool batch_loader_is_pipe(const char *path);

const uint8_t *batch_loader_identity(const struct batch_loader *l); /* [DIGEST_BYTES] of the shards or of the views */
const struct views_header *batch_loader_header(const struct batch_loader *l);
/* What was replaced, in all processes, as it was counted last. */
const struct replaced_images *batch_loader_replaced(const struct batch_loader *l);
double batch_loader_wait_seconds(const struct batch_loader *l); /* that batch_loader_next has waited, in all */
/* Of the batches, and of the images and scratch of all threads. */
int64_t batch_loader_memory_bytes(const struct batch_loader *l);

#endif
