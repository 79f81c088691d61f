/* crop.h - where crops are: the random resized crop of training and the centre crop of evaluation. And what only moves
 * pixels: flips and rotations by 90 degrees. */
#ifndef CROP_H
#define CROP_H

#include <stdint.h>

#include "rng.h"

struct crop_box {
    int64_t top, left, height, width;
};

/* As RandomResizedCrop: a box whose share of the area is uniform in `scale`, and the logarithm of whose width / height
 * is uniform in the logarithms of `ratio`. After ten boxes that do not fit, the largest centred one of an allowed
 * ratio. */
struct crop_box crop_random(struct rng *r, int64_t height, int64_t width, const double scale[2],
                            const double ratio[2]);

/* The size with the shorter side scaled to `side`; the longer one is rounded down. */
void crop_short_side(int64_t height, int64_t width, int64_t side, int64_t *out_h, int64_t *out_w);
/* First row or column of a centre crop of `part` out of `whole` (>= part) pixels: half the rest, rounded half to
 * even. */
int64_t crop_centre(int64_t whole, int64_t part);

/* In place, pixels of 3 bytes. Rotation is counter-clockwise by n times 90 degrees; the image is square. */
void crop_flip_horizontal(uint8_t *pixels, int64_t height, int64_t width);
void crop_flip_vertical(uint8_t *pixels, int64_t height, int64_t width);
void crop_rotate90(uint8_t *pixels, int64_t side, int n);

#endif
