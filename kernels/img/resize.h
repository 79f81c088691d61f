/* resize.h - bicubic resampling of uint8 images, antialiased, to the bit as Pillow before version 13 does it.
 *
 * Horizontal pass first, then vertical, with an 8-bit image between them; an axis whose size does not change is
 * skipped. The filter reads no pixel outside the given image, so a crop is resized by pointing at its first pixel:
 *
 *   struct resize r = {.in_h = box_h, .in_w = box_w, .out_h = 224, .out_w = 224,
 *                      .rows = 224, .cols = 224, .channels = 3};
 *   resize_bicubic(&r, pixels + top * stride + left * 3, stride, out, &scratch);
 *
 * Scratch comes from an arena and is free again on return. With a planning arena nothing is computed; the scratch grows
 * with every field of struct resize, so a plan for the largest covers all others.
 * top, left, rows, cols select a part of the output (a centre crop, say): only what it needs is computed, with the bits
 * that the whole output would have there.
 */
#ifndef RESIZE_H
#define RESIZE_H

#include <stdint.h>

#include "arena.h"

#define RESIZE_SIDE_MAX 65535 /* of input and of what is computed: the largest JPEG */
#define RESIZE_OUT_MAX ((int64_t)1 << 32) /* a strip of 1 x 65535 pixels with the short side scaled up to 65535 */

struct resize {
    int64_t in_h, in_w;            /* the input, 1 .. RESIZE_SIDE_MAX */
    int64_t out_h, out_w;          /* the whole output, 1 .. RESIZE_OUT_MAX */
    int64_t top, left, rows, cols; /* the part of it that is computed; at most RESIZE_SIDE_MAX a side */
    int channels;                  /* 1 or 3, interleaved */
};

/* src: rows of in_w * channels bytes, stride bytes apart; dst: rows * cols * channels bytes, contiguous. */
void resize_bicubic(const struct resize *r, const uint8_t *src, int64_t stride, uint8_t *dst,
                    struct arena *scratch);

#endif
