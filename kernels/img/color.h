/* color.h - the point operations of the published augmentation, on n interleaved RGB pixels (uint8), in place and to
 * the bit: each operation ends by rounding or truncating to 8 bits, as in the published pipeline. */
#ifndef COLOR_H
#define COLOR_H

#include <stdint.h>

/* blend(base, v, f) = base + f * (v - base) in float32, each operation rounded; clamped to 0 .. 255 and truncated to
 * uint8. The base is black for brightness, one grey (the rounded mean luma) for contrast, each pixel's own luma for
 * saturation. A factor of 1 changes nothing. */
void color_brightness(uint8_t *rgb, int64_t n, float factor);
void color_contrast(uint8_t *rgb, int64_t n, float factor);
void color_saturation(uint8_t *rgb, int64_t n, float factor);

/* Through 8-bit HSV, with trunc(255 * shift) added to H modulo 256. Shift 0 is not the identity: HSV is coarse. */
void color_hue(uint8_t *rgb, int64_t n, double shift);

void color_grey(uint8_t *rgb, int64_t n);                    /* luma in all three channels */
void color_solarize(uint8_t *rgb, int64_t n, int threshold); /* v >= threshold becomes 255 - v */

/* (19595 R + 38470 G + 7471 B + 32768) >> 16 */
static inline uint8_t color_luma(uint32_t r, uint32_t g, uint32_t b)
{
    return (uint8_t)((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
}

#endif
