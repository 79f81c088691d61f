/* color-loops.h - the hot loops of color.c, one table per instruction set (isa.h). */
#ifndef COLOR_LOOPS_H
#define COLOR_LOOPS_H

#include <stdint.h>

struct color_loops {
    void (*blend)(uint8_t *v, int64_t n_values, float base, float factor);
    void (*saturation)(uint8_t *rgb, int64_t n, float factor);
    void (*hue)(uint8_t *rgb, int64_t n, int shift); /* of the 8-bit H, modulo 256 */
    void (*grey)(uint8_t *rgb, int64_t n);
    int64_t (*luma_sum)(const uint8_t *rgb, int64_t n);
};

#endif
