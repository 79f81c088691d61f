/* image-decode.c - shard record -> pixels. */
#include "image-decode.h"

#include <string.h>

#include "image-png.h"
#include "image-tiff.h"
#include "jpeg.h"

static int copy_pixels(const struct shard_image *s, int components, struct image *im, struct fmt_error *e)
{
    size_t bytes = image_bytes(s->width, s->height, components);
    if (bytes == 0 || s->bytes != bytes)
        return fmt_fail(e, FMT_INVALID, "%s of pixels, %d x %d x %d were expected",
                        FMT_COUNT(s->bytes, "byte", "bytes"), s->width, s->height, components);
    if (image_reserve(im, s->width, s->height, components, e))
        return e ? (int)e->status : FMT_MEMORY;
    memcpy(im->pixels, s->data, bytes);
    return 0;
}

int image_decode(const struct shard_image *s, bool exif, struct image *im, struct image_notes *notes,
                 struct fmt_error *e)
{
    struct image_settings settings = {.pixels_max = (int64_t)s->width * s->height, .orientation = exif ? 0 : 1,
                                      .bits = s->decoding.bits, .fill = s->decoding.filled};
    if (notes)
        *notes = (struct image_notes){.n = 0};
    switch (s->store) {
    case SHARD_JPEG: return jpeg_decode(s->data, s->bytes, &settings, im, notes, e);
    case SHARD_PNG: return image_png_decode(s->data, s->bytes, &settings, im, notes, e);
    case SHARD_TIFF: return image_tiff_decode(s->data, s->bytes, &settings, im, notes, e);
    case SHARD_RGB:
        return copy_pixels(s, 3, im, e);
    case SHARD_GREY:
        return copy_pixels(s, 1, im, e);
    }
    return fmt_fail(e, FMT_UNSUPPORTED, "unknown form of pixels %d", (int)s->store);
}
