/* extract-regions.h - named rectangles of a photograph, each of which becomes a row of its own.
 *
 * A region is a line of words: NAME X Y WIDTH HEIGHT [VIEW]. The four numbers are pixels of the upright photograph, as
 * whole numbers, or shares of its sides from 0.0 to 1.0, all with a point. With VIEW the region is only in photographs
 * of this number within their group. '#' begins a comment.
 *
 *   label 0.1 0.05 0.3 0.2
 *   pin   1200 800 518 518 2
 */
#ifndef EXTRACT_REGIONS_H
#define EXTRACT_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"

enum { EXTRACT_REGIONS_MAX = 32, EXTRACT_REGION_NAME_MAX = 32, EXTRACT_REGIONS_TEXT_MAX = 1024 };

struct extract_region {
    char name[EXTRACT_REGION_NAME_MAX]; /* letters, digits, '-', '_' */
    double x, y, width, height;
    bool in_pixels; /* else shares */
    int view;       /* -1: in all */
};

struct extract_regions {
    int n; /* 0: the whole photograph */
    struct extract_region item[EXTRACT_REGIONS_MAX];
};

/* Lines end with a newline or ';'. FMT_INVALID with the line, FMT_LIMIT: too many, or more text than the recipe of
 * features can hold. */
int extract_regions_parse(const char *text, size_t bytes, struct extract_regions *r, struct fmt_error *e);
/* In the same form, one region after the other with "; " between: for the recipe. */
void extract_regions_text(const struct extract_regions *r, char text[EXTRACT_REGIONS_TEXT_MAX]);

/* "518:64": side and overlap of tiles; without the overlap an eighth of the side. */
int extract_tiles_parse(const char *text, int64_t *side, int64_t *overlap, struct fmt_error *e);

#endif
