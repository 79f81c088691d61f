/* resize-loops.h - the hot loops of resize.c, one table per instruction set (isa.h). */
#ifndef RESIZE_LOOPS_H
#define RESIZE_LOOPS_H

#include <stdint.h>

enum {
    RESIZE_PRECISION = 22, /* fraction bits of a tap */
    RESIZE_SPLIT = 11,     /* a tap is high * 2^11 + low: both fit 16-bit multiplications */
    RESIZE_LANES = 32      /* rows that the horizontal pass processes at once */
};

/* Two consecutive taps; where their number is odd, the second of the last pair is 0. */
struct resize_pair {
    int16_t low[2], high[2];
};

struct resize_loops {
    /* out[i] = clip((sum_j tap j * rows[j * stride + i] + 1/2) >> RESIZE_PRECISION), i of 0 .. n-1 */
    void (*mix)(const uint8_t *rows, int64_t stride, const struct resize_pair *taps, int64_t n_taps, int64_t n,
                uint8_t *out);
    /* out[b * RESIZE_LANES + l] = row[l][b], b of 0 .. n_bytes-1 */
    void (*to_lanes)(const uint8_t *const row[RESIZE_LANES], int64_t n_bytes, uint8_t *out);
    /* out[l * stride + b] = lanes[b * RESIZE_LANES + l], b of 0 .. n_bytes-1, l of 0 .. n_lanes-1 */
    void (*from_lanes)(const uint8_t *lanes, int64_t n_bytes, int n_lanes, uint8_t *out, int64_t stride);
};

#endif
