/* image-decode.h - an image out of a shard as pixels: JPEG decoded, pixels as they are. */
#ifndef IMAGE_DECODE_H
#define IMAGE_DECODE_H

#include <stdbool.h>

#include "image.h"
#include "shard.h"

/* exif: turn a JPEG upright as its EXIF says (stored pixels are upright already). im keeps its memory from call to
 * call. Errors have the reason only: the caller adds the key. */
int image_decode(const struct shard_image *s, bool exif, struct image *im, struct fmt_error *e);

#endif
