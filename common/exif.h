/* exif.h - one field of EXIF: which way up a photograph was taken.
 *
 *   value   the stored picture is to be           value   the stored picture is to be
 *   1       shown as it is                         5       mirrored along the falling diagonal
 *   2       mirrored left to right                 6       turned by 90 degrees clockwise
 *   3       turned by 180 degrees                  7       mirrored along the rising diagonal
 *   4       mirrored top to bottom                 8       turned by 90 degrees anticlockwise
 *
 * EXIF comes from cameras and editors of every kind: whatever is broken counts as not there, and no
 * byte outside the segment is read.
 */
#ifndef EXIF_H
#define EXIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The orientation in the body of an APP1 segment ("Exif", two zeros, a TIFF structure), or in the bare TIFF
 * structure: 1 .. 8, or 0 if there is none. Some programs write the name before the structure twice. */
int exif_orientation(const uint8_t *segment, size_t bytes);

/* Makes the orientation that exif_orientation finds 1, in place. Nothing happens where there is none. */
void exif_reset_orientation(uint8_t *segment, size_t bytes);

/* What XMP, another form of such notes, says in the body of an APP1 segment: 1 .. 8, or 0. Nothing here applies it. */
int exif_xmp_orientation(const uint8_t *segment, size_t bytes);

/* 5 .. 8 exchange width and height. */
static inline bool exif_swaps_axes(int orientation)
{
    return orientation >= 5 && orientation <= 8;
}

/* The body of an APP1 segment that says `orientation` and nothing else. */
enum { EXIF_MINIMAL_BYTES = 32 };
void exif_minimal(int orientation, uint8_t out[EXIF_MINIMAL_BYTES]);

#endif
