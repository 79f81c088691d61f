/* image-png.h - PNG bytes -> pixels, and back, with libpng. As jpeg.h; the name keeps clear of libpng's png.h.
 *
 *   if (image_png_decode(data, bytes, NULL, &im, &notes, &error)) ...   im is reserved here (image.h)
 *   if (image_png_write(&im, &writer, &error)) ...                      to a file: file_writer; to memory:
 *                                                                       fmt_buffer_writer
 *
 * Decoded: 1, 2, 4, 8 and 16 bits, interlaced or not. Grey remains one component, of 1, 2 and 4 bits stretched to
 * 0 .. 255; a palette gives RGB; 16 bits become 8 by the rule of image-info.h. Gamma and colour profiles are not
 * applied. An alpha channel, or a transparent colour, is dropped where all pixels are opaque; a pixel that is not is
 * FMT_UNSUPPORTED: what should be seen through it, only its maker knows. The orientation comes from the eXIf chunk. Of
 * an animation the first picture is taken, with a note.
 *
 * Refused: files with data missing or damaged (FMT_TRUNCATED, FMT_CHECKSUM, FMT_INVALID); too many pixels (FMT_LIMIT)
 * and fewer bytes than deflate needs for so many (FMT_TRUNCATED), both before memory is allocated. A missing end mark
 * after the whole image is a note. Not a PNG file: FMT_MAGIC. No state outside the arguments.
 */
#ifndef IMAGE_PNG_H
#define IMAGE_PNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"
#include "image-info.h"
#include "image.h"

bool image_png_is(const void *data, size_t bytes); /* by its first bytes */

/* Sizes from the header. settings may be NULL (all zero). Errors give the reason only (fmt_prefix). */
int image_png_read_info(const void *data, size_t bytes, const struct image_settings *settings,
                        struct image_info *info, struct fmt_error *e);

/* Decodes the whole image. im may be NULL: everything is decoded and checked, and dropped row by row, with little
 * memory (but for interlaced files). notes may be NULL. On failure the pixels are undefined. */
int image_png_decode(const void *data, size_t bytes, const struct image_settings *settings, struct image *im,
                     struct image_notes *notes, struct fmt_error *e);

/* Sets the orientation of a PNG file to 1, in place, as jpeg_reset_orientation. */
void image_png_reset_orientation(uint8_t *data, size_t bytes);

/* Writes grey or RGB of 8 bits, not interlaced. The same pixels give the same bytes (with the same zlib): no time, no
 * name, fixed filters and level. */
int image_png_write(const struct image *im, const struct fmt_writer *to, struct fmt_error *e);

#endif
