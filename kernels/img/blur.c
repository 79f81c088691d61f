/* blur.c - the direct sum over 9 x 9 taps, as the published convolution forms it: rows of taps from the top, taps from
 * the left, each product and each sum rounded. A separable blur (9 taps across, then 9 down) would be faster, but
 * differ in a few values. */
#include "blur.h"

#include <math.h>

#include "blur-loops.h"
#include "isa.h"

ISA_TABLE(const struct blur_loops, blur_loops)

static void taps_init(double sigma, float taps[BLUR_TAPS * BLUR_TAPS])
{
    float line[BLUR_TAPS], sum = 0;
    float twice = (float)(2 * sigma * sigma);
    for (int i = 0; i < BLUR_TAPS; i++) {
        float x = (float)(i - BLUR_RADIUS);
        line[i] = (float)exp((double)(-(x * x) / twice));
        sum += line[i];
    }
    for (int i = 0; i < BLUR_TAPS; i++)
        line[i] /= sum;
    for (int y = 0; y < BLUR_TAPS; y++)
        for (int x = 0; x < BLUR_TAPS; x++)
            taps[y * BLUR_TAPS + x] = line[y] * line[x];
}

/* A position beyond the edges is mirrored at the edge pixel, which is not repeated. */
static int64_t mirror(int64_t i, int64_t n)
{
    if (i < 0)
        i = -i;
    return i < n ? i : 2 * (n - 1) - i;
}

/* [height,width,3] bytes -> [height + 8, width + 8, 3] floats */
static void pad(const uint8_t *rgb, int64_t height, int64_t width, float *padded)
{
    int64_t row = (width + 2 * BLUR_RADIUS) * 3;
    for (int64_t y = 0; y < height + 2 * BLUR_RADIUS; y++) {
        const uint8_t *from = rgb + mirror(y - BLUR_RADIUS, height) * width * 3;
        float *to = padded + y * row;
        for (int64_t i = 0; i < width * 3; i++)
            to[BLUR_RADIUS * 3 + i] = from[i];
        for (int64_t x = 0; x < BLUR_RADIUS; x++)
            for (int64_t c = 0; c < 3; c++) {
                to[x * 3 + c] = from[mirror(x - BLUR_RADIUS, width) * 3 + c];
                to[(BLUR_RADIUS + width + x) * 3 + c] = from[mirror(width + x, width) * 3 + c];
            }
    }
}

void blur_gaussian(uint8_t *rgb, int64_t height, int64_t width, double sigma, struct arena *scratch)
{
    size_t mark = scratch->used;
    int64_t padded_row = (width + 2 * BLUR_RADIUS) * 3;
    float *padded = ARENA_TAKE(scratch, float, (height + 2 * BLUR_RADIUS) * padded_row);
    scratch->used = mark;
    if (arena_planning(scratch))
        return;
    float taps[BLUR_TAPS * BLUR_TAPS];
    taps_init(sigma, taps);
    pad(rgb, height, width, padded);
    blur_loops()->convolve(padded, padded_row, taps, height, width * 3, rgb);
}
