/* heat-map.h - distances of tokens as pictures: the grid of the network's input, carried back to the photograph's own
 * pixels.
 *
 *   extract_geometry(&settings, patch, height, width, &g, e);
 *   heat_map_make(&m, distance, grid_h, grid_w, &g, height, width, e);
 *   heat_map_overlay(&m, &photograph, low, high, &picture, e);   heat_map_npy(&m, &writer, e);
 *   heat_map_release(&m);
 *
 * Between the centres of patches values are interpolated by cubics (cubic-grid.h), outside of them they are those of
 * the nearest place between them.
 * Pixels that the network did not see, as the sides of a photograph whose middle was cut out, are NAN.
 */
#ifndef HEAT_MAP_H
#define HEAT_MAP_H

#include "extract.h"
#include "image.h"

struct heat_map {
    int64_t height, width;
    float *x; /* [height,width] */
    int64_t capacity; /* reused from map to map */
};

/* distance [grid_h,grid_w]: of the patches of an input of g->net_h x g->net_w pixels. m: zeroed, or of an earlier
 * map. */
int heat_map_make(struct heat_map *m, const float *distance, int64_t grid_h, int64_t grid_w,
                  const struct extract_geometry *g, int64_t height, int64_t width, struct fmt_error *e);
int heat_map_reserve(struct heat_map *m, int64_t height, int64_t width, struct fmt_error *e); /* undefined pixels */
void heat_map_release(struct heat_map *m);

/* The photograph in grey, under colours from yellow (just above low, hardly visible) over red to dark red (high and
 * above): one scale for all photographs whose pictures are to be compared. Pixels that were not seen are dark and
 * striped, so that nobody takes them for ones where nothing was found.
 * out is reserved here. FMT_MISMATCH: of another size. */
int heat_map_overlay(const struct heat_map *m, const struct image *photograph, double low, double high,
                     struct image *out, struct fmt_error *e);
/* A file of NumPy, version 1.0: float32 [height,width]. */
int heat_map_npy(const struct heat_map *m, const struct fmt_writer *to, struct fmt_error *e);

#endif
