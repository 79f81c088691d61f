/* image-decode.h - the pixels of an image in a shard: files are decoded, stored pixels are copied. */
#ifndef IMAGE_DECODE_H
#define IMAGE_DECODE_H

#include <stdbool.h>

#include "image-info.h"
#include "image.h"
#include "shard.h"

/* exif: apply the orientation that a file says (stored pixels have theirs applied). im keeps its memory
 * from call to call. notes may be NULL; of stored pixels there are none. Errors give the reason only: the caller adds
 * the key. */
int image_decode(const struct shard_image *s, bool exif, struct image *im, struct image_notes *notes,
                 struct fmt_error *e);

#endif
