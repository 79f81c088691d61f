/* pixel-norm.h - how pixels are normalised: a value v in 0 .. 255 of channel c (red, green, blue) becomes
 * (v / 255 - mean[c]) / std[c]. Settings, files of views, weights and extraction all carry this struct. */
#ifndef PIXEL_NORM_H
#define PIXEL_NORM_H

struct pixel_norm {
    float mean[3], std[3]; /* of values in 0 .. 1 */
};

#endif
