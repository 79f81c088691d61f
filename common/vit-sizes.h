/* vit-sizes.h - what the settings of a run and the networks agree on about the sizes of a vision transformer: limits,
 * and the width of the feed-forward layers. */
#ifndef VIT_SIZES_H
#define VIT_SIZES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    VIT_WIDTH_MAX = 16384, /* channels of a token */
    VIT_DEPTH_MAX = 64,    /* blocks of a network: files of features name them in a mask of 64 bits */
    VIT_DEPTH_SETTING_MAX = 256, /* that student.depth takes; the network refuses what is beyond VIT_DEPTH_MAX */
    VIT_PATCH_MAX = 256,   /* pixels, a patch's side */
    VIT_GRID_MAX = 4096    /* stored positions, a side */
};

/* Inner width of the feed-forward layers for `ratio` (published: 4): int(C ratio); of SwiGLU (gated), 2/3 of it rounded
 * up to a multiple of 8. */
static inline int64_t vit_sizes_hidden(int64_t C, double ratio, bool gated)
{
    int64_t hidden = (int64_t)((double)C * ratio);
    return gated ? ((int64_t)((double)hidden * 2 / 3) + 7) / 8 * 8 : hidden;
}

#endif
