/* jpegbed.h - JPEG files that tests make: smooth pictures, coded here. */
#ifndef JPEGBED_H
#define JPEGBED_H

#include <math.h>

#include "jpeg.h"
#include "tap.h"

enum { W = 83, H = 61 };

/* Smooth, with something in every channel. */
static inline void fill_picture(struct image *im, int width, int height, int components)
{
    image_reserve(im, width, height, components, NULL);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int k = 0; k < components; k++)
                image_row(im, y)[x * components + k] =
                    (uint8_t)(127 + 100 * sin(0.05 * (x + 1) * (k + 1)) * cos(0.07 * y + k));
}

static inline struct fmt_buffer make_jpeg(int width, int height, int components, struct jpeg_encoding encoding)
{
    struct image im = {0};
    struct fmt_buffer b = {0};
    struct fmt_error e = {0};
    fill_picture(&im, width, height, components);
    if (jpeg_encode(&im, &encoding, &b, &e))
        ok(false, "encode: %s", e.text);
    image_release(&im);
    return b;
}

#endif
