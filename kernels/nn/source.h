/* source.h - batches for training: from shards, augmented in threads of its own ahead of the step that wants them, or
 * from a file or pipe of views. A batch is a function of settings, seed and step alone; where it comes from, how
 * many threads make it and where the run began make no difference to a bit of it.
 *
 *   struct source_wish wish = {.config = &config, .path = "shards", .first_step = 0, .n_threads = 2, .n_ahead = 3};
 *   source_open(&source, &wish, e);
 *   while (source_next(source, &batch, e) == 0)    FMT_END: views ended
 *       ... batch is valid until the next call ...
 *   source_close(source);
 *
 * The order of the samples: running number s = step * B + i; pass = s / n_images; its place in the pass's order is
 * s % n_images; the order is drawn from (seed, pass, 0, RNG_ORDER). An image that cannot be decoded is replaced by
 * the next one in the shards that can, with the random choices of the one it stands for, and is told to bad_image.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "views.h"

struct source;

struct source_wish {
    const struct config *config; /* crops, augment, ibot masks, batch size, patch, seed */
    const char *const *paths;    /* shards (folders, files, patterns), or one file of views; "-": views from a pipe */
    int n_paths;
    int64_t first_step;
    int n_threads; /* 0: one per processor */
    int n_ahead;   /* batches made before they are asked for; 0: 3 */
    /* Once for each image that could not be used, from within source_next. May be NULL. */
    void (*bad_image)(void *arg, const char *key, const char *reason, const char *replaced_by);
    void *arg;
};

int source_open(struct source **s, const struct source_wish *wish, struct fmt_error *e);
/* *batch stays valid until the next call. FMT_END when views have no more. */
int source_next(struct source *s, const struct views_batch **batch, struct fmt_error *e);
void source_close(struct source *s); /* NULL is allowed */

bool source_is_views(const struct source *s);
const uint8_t *source_identity(const struct source *s); /* [DIGEST_BYTES], of the shards or of the views */
int64_t source_n_images(const struct source *s);        /* in the shards; of views what their header says */
double source_waited(const struct source *s);           /* seconds that source_next waited, all in all */

/* Memory that a source of these settings takes, for --plan; largest: bytes of the largest decoded image. */
int64_t source_memory_bytes(const struct source_wish *wish, int64_t largest_height, int64_t largest_width);

#endif
