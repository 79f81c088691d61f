/* color.c - factors that change nothing, and the mean luma; the loops are in simd-color.c. */
#include "color.h"

#include "color-loops.h"
#include "isa.h"

ISA_TABLE(const struct color_loops, color_loops)

void color_brightness(uint8_t *rgb, int64_t n, float factor)
{
    if (factor != 1)
        color_loops()->blend(rgb, 3 * n, 0, factor);
}

void color_contrast(uint8_t *rgb, int64_t n, float factor)
{
    if (factor == 1)
        return;
    double mean = (double)color_loops()->luma_sum(rgb, n) / (double)n;
    color_loops()->blend(rgb, 3 * n, (float)(int)(mean + 0.5), factor);
}

void color_saturation(uint8_t *rgb, int64_t n, float factor)
{
    if (factor != 1)
        color_loops()->saturation(rgb, n, factor);
}

void color_hue(uint8_t *rgb, int64_t n, double shift)
{
    color_loops()->hue(rgb, n, (int)(shift * 255) & 255);
}

void color_grey(uint8_t *rgb, int64_t n)
{
    color_loops()->grey(rgb, n);
}

void color_solarize(uint8_t *rgb, int64_t n, int threshold)
{
    for (int64_t i = 0; i < 3 * n; i++)
        rgb[i] = (uint8_t)(rgb[i] < threshold ? rgb[i] : 255 - rgb[i]);
}
