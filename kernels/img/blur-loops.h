/* blur-loops.h - the hot loop of blur.c, one table per instruction set (isa.h). */
#ifndef BLUR_LOOPS_H
#define BLUR_LOOPS_H

#include <stdint.h>

#include "img/blur.h"

enum { BLUR_TAPS = 2 * BLUR_RADIUS + 1 };

struct blur_loops {
    /* out[i] = round(sum over the taps [9,9] of tap * padded[y * stride + 3 * x + i]), i of 0 .. n-1 */
    void (*row)(const float *padded, int64_t stride, const float *taps, int64_t n, uint8_t *out);
};

#endif
