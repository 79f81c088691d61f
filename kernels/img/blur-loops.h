/* blur-loops.h - the hot loop of blur.c, one table per instruction set (isa.h). */
#ifndef BLUR_LOOPS_H
#define BLUR_LOOPS_H

#include <stdint.h>

#include "blur.h"

enum { BLUR_TAPS = 2 * BLUR_RADIUS + 1 };

struct blur_loops {
    /* out[y * n + i] = round(sum over the taps [9,9] of tap * padded[(y + ty) * stride + 3 * tx + i]), y of
     * 0 .. n_rows-1, i of 0 .. n-1 */
    void (*convolve)(const float *padded, int64_t stride, const float *taps, int64_t n_rows, int64_t n, uint8_t *out);
};

#endif
