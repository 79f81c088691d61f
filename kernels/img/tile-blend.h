/* tile-blend.h - maps of overlapping tiles become one map without seams.
 *
 *   struct tile_blend b;
 *   tile_blend_init(&b, height, width, e);
 *   tile_blend_add(&b, &tile) ...                       in any order
 *   tile_blend_finish(&b, out);                         out [height, width]
 *   tile_blend_release(&b);
 *
 * A value of a map stands in the middle of its cell; between the middles cubics interpolate it (cubic-grid.h).
 * Each pixel is the mean of the tiles over it, weighted by how far inside of a tile it lies (weights sum to one): from
 * the edge, where a tile knows least, its weight grows evenly to its middle. Beyond the outer middles a tile has no say
 * where another one has: so a constant stays as it is, and so does a ramp, if tiles overlap by a cell at least.
 * Memory: 16 bytes a pixel.
 */
#ifndef TILE_BLEND_H
#define TILE_BLEND_H

#include <stdint.h>

#include "fmt.h"

struct tile_blend {
    int64_t height, width;
    double *sum, *weight;      /* [height, width] */
    struct tile_place *column; /* [width] of the tile that is added */
};

struct tile_map {
    const float *map; /* [rows, columns] */
    int64_t rows, columns;
    double top, left, height, width; /* where it lies, in pixels of the whole; it may reach beyond */
};

int tile_blend_init(struct tile_blend *b, int64_t height, int64_t width, struct fmt_error *e);
void tile_blend_add(struct tile_blend *b, const struct tile_map *tile);
void tile_blend_finish(const struct tile_blend *b, float *out); /* NAN where there is no tile */
void tile_blend_release(struct tile_blend *b);

#endif
