/* mask.h - which patches of the global crops the student does not see: block masks, as published.
 *
 * Of 2B global crops the share mask_sample_probability gets a mask; the wanted counts are stratified between
 * mask_ratio_min and _max of the patches; then the masks are shuffled over the crops. All is drawn for a whole batch
 * from one stream (seed, step, 0, RNG_MASK).
 */
#ifndef MASK_H
#define MASK_H

#include <stdint.h>

#include "rng.h"

struct mask_grid {
    int64_t rows, cols;
    int64_t block_max; /* patches in one block at most */
};

/* Of a square crop; patch divides image_size or the rest of the crop has no patch. How many patches a global crop has
 * is said here alone: the header of views, the rows that are drawn and the step that reads them all ask here. (The
 * grid of positions that the weights have is another; it is resampled to this one.) */
struct mask_grid mask_grid_of(int64_t image_size, int64_t patch);
static inline int64_t mask_patches(const struct mask_grid *g) { return g->rows * g->cols; }

/* Sets mask [patches] to 0 and 1; returns the ones: at most n_wanted, mostly just as many. */
int64_t mask_blocks(struct rng *r, const struct mask_grid *g, int64_t n_wanted, uint8_t *mask);

struct mask_settings {
    double sample_probability, ratio_min, ratio_max; /* ibot.mask_* */
};
/* masks [n_crops, patches]; returns the ones in all of it. */
int64_t mask_batch(struct rng *r, const struct mask_grid *g, const struct mask_settings *s, int64_t n_crops,
                   uint8_t *masks);
/* The most ones that mask_batch can set: sizes the buffers of a step. */
int64_t mask_batch_max(const struct mask_grid *g, const struct mask_settings *s, int64_t n_crops);

#endif
