/* positions.h - the weights with which the stored grid of positions is resampled along one axis, in the published
 * forms. The resampling itself is op_interp_fwd, op_interp_bwd. */
#ifndef POSITIONS_H
#define POSITIONS_H

#include <stdbool.h>
#include <stdint.h>

/* w [out,G]: zero except for the taps:
 *   offset != 0                    bicubic, A = -0.75, 4 taps, step 1 / ((out + offset) / G), even where out == G
 *   offset == 0, antialias         bicubic, A = -0.5, widened when shrinking, normalised again at the edges
 *   offset == 0, no antialias      bicubic, A = -0.75, 4 taps, step G / out
 *
 * In float32, as PyTorch computes it. */
void positions_axis(float *w, int64_t G, int64_t out, double offset, bool antialias);

#endif
