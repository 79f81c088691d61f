/* batch-loader.h - batches for training: from shards, augmented in threads of its own ahead of the step that wants
 * them, or from a file or pipe of views. A batch is a function of settings, seed and step alone; where it comes from,
 * how many threads make it and where the run began make no difference to a bit of it.
 *
 *   struct batch_loader_options options = {.config = &config, .paths = paths, .n_paths = 1, .first_step = 0,
 * .n_threads = 2};
 *   batch_loader_open(&source, &options, e);                      opens and checks; threads start with the first batch
 *   while (batch_loader_next(source, &batch, e) == 0)          FMT_END: views have no more
 *       ... batch is valid until the next call ...
 *   batch_loader_close(source);
 *
 * The order of the samples: running number s = step * B + i; pass = s / n_images; its place in the pass is
 * s % n_images; the order of a pass is drawn from (seed, pass, 0, RNG_ORDER). An image that cannot be read or decoded
 * is replaced by another one, drawn from (seed, pass, image, RNG_REPLACE), with the random choices of the one it stands
 * for; bad_image is told. Where more than train.max_replaced of the images cannot be used, batch_loader_next ends:
 * FMT_LIMIT.
 *
 * Views must fit the settings: batch size, crops, masks, normalisation, and, where they carry their provenance, every
 * setting that they depend on but the seed. Batches before first_step are skipped.
 */
#ifndef BATCH_LOADER_H
#define BATCH_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "replaced-images.h"
#include "views.h"

#define BATCH_LOADER_PREFETCH 3

struct batch_loader;

struct batch_loader_options {
    const struct config *config; /* crops, augment, ibot masks, batch size, patch, seed */
    const char *const *paths;    /* shards (folders, files, patterns), or one file or pipe of views ("-") */
    int n_paths;
    bool shards_only; /* views are refused */
    int64_t first_step;
    int64_t end_step; /* no batch from here on is made; 0: without end */
    int n_threads;    /* 0: one per processor */
    int n_prefetch;   /* batches made before they are asked for; 0: BATCH_LOADER_PREFETCH */
    /* Looked at while batch_loader_open waits for the header of a pipe, and batch_loader_next for a batch: once it
     * is not 0, FMT_STOPPED (a pipe may be silent for ever). May be NULL. */
    const _Atomic int *stop;
    /* Once for each image that could not be used, from within batch_loader_next. May be NULL. */
    void (*bad_image)(void *arg, const char *reason, const char *replaced_by);
    void *arg;
};

int batch_loader_open(struct batch_loader **s, const struct batch_loader_options *options, struct fmt_error *e);
int batch_loader_next(struct batch_loader *s, const struct views_batch **batch, struct fmt_error *e);
/* Before the first batch: goes on counting from what an earlier part of the run had replaced. same_data: its images are
 * numbers in these data; they are not told again. */
int batch_loader_restore_replaced(struct batch_loader *s, const struct replaced_images *before, bool same_data,
                                  struct fmt_error *e);
void batch_loader_close(struct batch_loader *s); /* NULL is allowed; a thread that waits for a pipe is not waited for */

/* "-", or something that is neither a file nor a folder: it can be opened once. */
bool batch_loader_is_pipe(const char *path);

const uint8_t *batch_loader_identity(const struct batch_loader *s); /* [DIGEST_BYTES] of the shards or of the views */
const struct views_header *batch_loader_header(const struct batch_loader *s);
/* What was replaced up to the batch given last: read from it after batch_loader_next, valid until the next call. */
const struct replaced_images *batch_loader_replaced(const struct batch_loader *s);
double batch_loader_wait_seconds(const struct batch_loader *s); /* seconds that batch_loader_next waited, all in all */
int64_t batch_loader_memory_bytes(const struct batch_loader *s); /* batches, and pictures and scratch of all threads */

#endif
