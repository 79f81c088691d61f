/* mask.h - which patches of the global crops the student does not see: block masks, as published.
 *
 * Of the 2B global crops the share mask_sample_probability gets a mask. The target counts are stratified between
 * mask_ratio_min and mask_ratio_max of the patches; then the masks are shuffled over the crops. A whole batch is drawn
 * from one stream, (seed, number of the batch, 0, RNG_MASK).
 */
#ifndef MASK_H
#define MASK_H

#include <stdint.h>

#include "rng.h"

struct mask_grid {
    int64_t rows, cols;
    int64_t block_max; /* patches of one block, at most */
};

/* Of a square crop; pixels after the last whole patch belong to none. The one place that says how many patches a global
 * crop has: the header of views, the masks and the training step use it. (Weights have position embeddings of a grid of
 * their own, which are resampled to this one.) */
struct mask_grid mask_grid_of(int64_t crop_size, int64_t patch);
static inline int64_t mask_patches(const struct mask_grid *g) { return g->rows * g->cols; }

/* Sets mask [patches] to 0 and 1; returns the number of ones: at most n_target, and usually exactly that. */
int64_t mask_blocks(struct rng *r, const struct mask_grid *g, int64_t n_target, uint8_t *mask);

struct mask_settings {
    double sample_probability, ratio_min, ratio_max; /* ibot.mask_* */
};
/* Sets masks [n_crops, patches]; returns the number of ones in all of them. */
int64_t mask_batch(struct rng *r, const struct mask_grid *g, const struct mask_settings *s, int64_t n_crops,
                   uint8_t *masks);
/* The largest number of ones that mask_batch can return: the size of a step's buffers. */
int64_t mask_batch_max(const struct mask_grid *g, const struct mask_settings *s, int64_t n_crops);

#endif
