/* linear-tiles.h - what the products of linear layers share, whatever they compute in: strips of columns, and the end
 * of a tile. */
#ifndef LINEAR_TILES_H
#define LINEAR_TILES_H

#include "cpu.h"

enum {
    LINEAR_STRIP = 192,      /* columns of a strip: as fast as any wider one, and enough items for many threads */
    LINEAR_STRIP_WIDE = 768, /* from WIDE columns on, where wider strips still give enough items */
    LINEAR_WIDE = 3072
};

static inline struct tiling linear_strips(int64_t N)
{
    return tiling_of(N, N > LINEAR_WIDE ? LINEAR_STRIP_WIDE : LINEAR_STRIP);
}

/* Where a product goes: y [T,N] = the sums + bias, or gelu of that; u (optional) = the GELU's input. */
struct linear_out {
    struct tensor y, u, bias; /* F32 or BF16; bias [N] F32 or TENSOR_NONE */
    bool gelu;
};

/* linear-tiles.c: sums of row r, columns c0 .. c0 + n - 1, to y and u. sums is overwritten; it may be the row's own
 * place in y. */
void linear_finish_row(const struct linear_out *out, float *sums, int64_t r, int64_t c0, int64_t n);

#endif
