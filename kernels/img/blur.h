/* blur.h - Gaussian blur of RGB uint8 images, 9 x 9 taps in float32, edges mirrored (edge pixel not repeated),
 * rounded half to even. */
#ifndef BLUR_H
#define BLUR_H

#include <stdint.h>

#include "arena.h"

#define BLUR_RADIUS 4
#define BLUR_SIDE_MIN (BLUR_RADIUS + 1) /* mirroring needs that many pixels */

/* In place. height and width at least BLUR_SIDE_MIN. Scratch is free again on return; a planning arena only counts. */
void blur_gaussian(uint8_t *rgb, int64_t height, int64_t width, double sigma, struct arena *scratch);

#endif
