/* crop.c - boxes are drawn in the published order; pixels are moved in place. */
#include "crop.h"

#include <math.h>
#include <string.h>

#include "num.h"

enum { ATTEMPTS = 10, PIXEL = 3 };

/* float32 where PyTorch computes with tensors. */
static float between_f32(struct rng *r, float low, float high)
{
    return low + rng_f32(r) * (high - low);
}

static struct crop_box largest_allowed(int64_t height, int64_t width, const double ratio[2])
{
    struct crop_box b = {.height = height, .width = width};
    double shape = (double)width / (double)height;
    if (shape < ratio[0])
        b.height = num_min(height, num_max(1, llrint((double)width / ratio[0])));
    else if (shape > ratio[1])
        b.width = num_min(width, num_max(1, llrint((double)height * ratio[1])));
    b.top = (height - b.height) / 2;
    b.left = (width - b.width) / 2;
    return b;
}

struct crop_box crop_random(struct rng *r, int64_t height, int64_t width, const double scale[2],
                            const double ratio[2])
{
    double area = (double)height * (double)width;
    float log_low = (float)log((float)ratio[0]), log_high = (float)log((float)ratio[1]);
    for (int i = 0; i < ATTEMPTS; i++) {
        double part = area * (double)between_f32(r, (float)scale[0], (float)scale[1]);
        double shape = (double)(float)exp((double)between_f32(r, log_low, log_high));
        int64_t w = llrint(sqrt(part * shape)), h = llrint(sqrt(part / shape));
        if (w <= 0 || w > width || h <= 0 || h > height)
            continue;
        struct crop_box b = {.height = h, .width = w};
        b.top = (int64_t)rng_below(r, (uint64_t)(height - h + 1));
        b.left = (int64_t)rng_below(r, (uint64_t)(width - w + 1));
        return b;
    }
    return largest_allowed(height, width, ratio);
}

void crop_short_side(int64_t height, int64_t width, int64_t side, int64_t *out_h, int64_t *out_w)
{
    bool tall = height > width;
    int64_t longer = tall ? side * height / width : side * width / height;
    *out_h = tall ? longer : side;
    *out_w = tall ? side : longer;
}

int64_t crop_centre(int64_t whole, int64_t part)
{
    int64_t spare = whole - part, half = spare / 2;
    return half + (spare % 2 && half % 2 ? 1 : 0);
}

static void swap_pixels(uint8_t *a, uint8_t *b)
{
    uint8_t t[PIXEL];
    memcpy(t, a, PIXEL), memcpy(a, b, PIXEL), memcpy(b, t, PIXEL);
}

void crop_flip_horizontal(uint8_t *pixels, int64_t height, int64_t width)
{
    for (int64_t y = 0; y < height; y++) {
        uint8_t *row = pixels + y * width * PIXEL;
        for (int64_t x = 0; x < width / 2; x++)
            swap_pixels(row + x * PIXEL, row + (width - 1 - x) * PIXEL);
    }
}

void crop_flip_vertical(uint8_t *pixels, int64_t height, int64_t width)
{
    int64_t bytes = width * PIXEL;
    for (int64_t y = 0; y < height / 2; y++) {
        uint8_t *a = pixels + y * bytes, *b = pixels + (height - 1 - y) * bytes;
        for (int64_t i = 0; i < bytes; i++) {
            uint8_t t = a[i];
            a[i] = b[i];
            b[i] = t;
        }
    }
}

static void swap_axes(uint8_t *pixels, int64_t side)
{
    for (int64_t y = 0; y < side; y++)
        for (int64_t x = y + 1; x < side; x++)
            swap_pixels(pixels + (y * side + x) * PIXEL, pixels + (x * side + y) * PIXEL);
}

/* 90 degrees counter-clockwise: swap the axes, then flip vertically. 180: both flips. 270: swap, flip horizontally. */
void crop_rotate90(uint8_t *pixels, int64_t side, int n)
{
    n = (n % 4 + 4) % 4;
    if (n % 2)
        swap_axes(pixels, side);
    if (n == 1 || n == 2)
        crop_flip_vertical(pixels, side, side);
    if (n == 3 || n == 2)
        crop_flip_horizontal(pixels, side, side);
}
