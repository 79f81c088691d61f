/* part-extra.h - what a row says of the part of a photograph that it is of: in the further keys of the entry, "tile"
 * has its name and "tile_box" left, top, width and height in pixels of the upright photograph.
 *
 *   {"tile":"2,0","tile_box":[0,908,518,518],"camera":"left"}
 */
#ifndef PART_EXTRA_H
#define PART_EXTRA_H

#include "extract-parts.h"

/* Sets *text, in `to`, which is overwritten: extra ("" or an object) with both keys before the others. FMT_MEMORY. */
int part_extra(const char *extra, const struct extract_part *part, struct fmt_buffer *to, const char **text,
               struct fmt_error *e);

#endif
