/* crop.h - where crops lie: the random resized crop of training and the centre crop of evaluation; and the
 * moves that only change places: flips and quarter turns. */
#ifndef CROP_H
#define CROP_H

#include <stdint.h>

#include "rng.h"

struct crop_box {
    int64_t top, left, height, width;
};

/* A box whose share of the area is uniform in scale and the logarithm of whose width / height is uniform in ratio;
 * after ten boxes that do not fit, the largest centred one whose ratio is allowed. */
struct crop_box crop_random(struct rng *r, int64_t height, int64_t width, const double scale[2],
                            const double ratio[2]);

/* Sizes after the shorter side is made `side`: the longer one is cut down to a whole number. */
void crop_short_side(int64_t height, int64_t width, int64_t side, int64_t *out_h, int64_t *out_w);
/* First row or column of a centre crop of `part` out of `whole` (>= part): half a pixel goes to the even side. */
int64_t crop_centre(int64_t whole, int64_t part);

/* In place, pixels of 3 bytes. A turn goes counter-clockwise by quarter turns; the image is square. */
void crop_flip_horizontal(uint8_t *pixels, int64_t height, int64_t width);
void crop_flip_vertical(uint8_t *pixels, int64_t height, int64_t width);
void crop_rotate90(uint8_t *pixels, int64_t side, int quarter_turns);

#endif
