/* extract-parts.h - which parts of a photograph become rows: its regions, or the whole of it; each as one input of the
 * network, or as tiles.
 *
 * Tiles are squares of `size` pixels of the resized photograph (or region). Neighbours overlap by at least `overlap`
 * pixels, and they are spread evenly: the first begins at one edge, the last ends at the other. A side that is shorter
 * than a tile is in the middle of a tile that is black around it.
 */
#ifndef EXTRACT_PARTS_H
#define EXTRACT_PARTS_H

#include "extract.h"

enum { EXTRACT_PART_NAME_MAX = 64, EXTRACT_PARTS_MAX = 65536 };

struct extract_part {
    char name[EXTRACT_PART_NAME_MAX]; /* "label", "2,0": row and column of a tile, from 0; "label/2,0"; "": all */
    int64_t top, left, height, width; /* of the region, in pixels of the photograph */
    struct extract_geometry geometry; /* how these pixels become the network's input */
    double x, y, w, h;                /* what the network sees, in pixels of the photograph */
};

/* Zero-initialise; reuse; free(part). */
struct extract_part_list {
    struct extract_part *part;
    int64_t n, capacity;
};

bool extract_has_parts(const struct extract_settings *s); /* else a photograph is one row */
/* The parts of a photograph of this size, regions in their order, tiles by rows. view: its number in its group, -1
 * unknown. FMT_INVALID: a region leaves the photograph, or none is of this view; FMT_LIMIT: more than
 * EXTRACT_PARTS_MAX. */
int extract_parts(const struct extract_settings *s, int64_t patch, int64_t height, int64_t width, int view,
                  struct extract_part_list *list, struct fmt_error *e);

/* Where the network's whole input lies, in pixels of the photograph: it may reach beyond what is seen of it, and beyond
 * the photograph. For maps. */
void extract_part_input(const struct extract_part *p, double *top, double *left, double *height, double *width);

#endif
