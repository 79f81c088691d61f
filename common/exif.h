/* exif.h - one field of EXIF: the orientation of an image. The upright image is the stored one,
 *
 *   1   as it is                      5   mirrored at the falling diagonal
 *   2   mirrored left to right        6   rotated by 90 degrees clockwise
 *   3   rotated by 180 degrees        7   mirrored at the rising diagonal
 *   4   mirrored top to bottom        8   rotated by 90 degrees counter-clockwise
 *
 * EXIF comes from cameras and editors of every kind: a broken field counts as missing, and no byte outside the segment
 * is read.
 */
#ifndef EXIF_H
#define EXIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The orientation in the body of an APP1 segment ("Exif", two zeros, a TIFF structure), or in the bare TIFF structure:
 * 1 .. 8, or 0 if there is none. Some programs write the name before the structure twice. */
int exif_orientation(const uint8_t *segment, size_t bytes);

/* Sets the orientation that exif_orientation finds to 1, in place. Does nothing if there is none. */
void exif_reset_orientation(uint8_t *segment, size_t bytes);

/* The orientation in the body of an APP1 segment of XMP, another form of metadata: 1 .. 8, or 0. It is never
 * applied. */
int exif_xmp_orientation(const uint8_t *segment, size_t bytes);

/* 5 .. 8 swap width and height. */
static inline bool exif_swaps_axes(int orientation)
{
    return orientation >= 5 && orientation <= 8;
}

/* The body of an APP1 segment that says `orientation` and nothing else. */
enum { EXIF_MINIMAL_BYTES = 32 };
void exif_minimal(int orientation, uint8_t out[EXIF_MINIMAL_BYTES]);

#endif
