/* image-tiff.h - TIFF bytes -> pixels, with libtiff. As jpeg.h.
 *
 *   if (image_tiff_decode(data, bytes, NULL, &im, &notes, &error)) ...   im is reserved here (image.h)
 *
 * Decoded: files of one page, classic or BigTIFF, with whole numbers of 8 or 16 bits; grey (also with white as zero),
 * RGB, a palette of 256 colours (gives RGB), YCbCr within JPEG; in strips or tiles, samples together or in planes;
 * uncompressed, PackBits, LZW, deflate or JPEG. 16 bits become 8 by the rule of image-info.h. One more sample, usually
 * alpha, is dropped where it is opaque everywhere. The orientation tag is obeyed. Colour profiles are not applied.
 *
 * Refused (FMT_UNSUPPORTED): more than one page, floating-point or signed samples, other numbers of bits, CMYK, Lab,
 * transparent pixels, other compressions. FMT_TRUNCATED: strips or tiles are missing, end early or are damaged, or the
 * file is shorter than any coding of so many pixels; FMT_LIMIT: too many pixels, or tiles far larger than the image;
 * both before memory is allocated for them. Not a TIFF file: FMT_MAGIC. No state outside the arguments.
 */
#ifndef IMAGE_TIFF_H
#define IMAGE_TIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"
#include "image-info.h"
#include "image.h"

bool image_tiff_is(const void *data, size_t bytes); /* by its first bytes */

/* Sizes from the header. settings may be NULL (all zero). Errors give the reason only (fmt_prefix). */
int image_tiff_read_info(const void *data, size_t bytes, const struct image_settings *settings,
                         struct image_info *info, struct fmt_error *e);

/* Decodes the whole image. im may be NULL: everything is decoded and checked, and dropped strip by strip. notes may be
 * NULL. On failure the pixels are undefined. */
int image_tiff_decode(const void *data, size_t bytes, const struct image_settings *settings, struct image *im,
                      struct image_notes *notes, struct fmt_error *e);

#endif
