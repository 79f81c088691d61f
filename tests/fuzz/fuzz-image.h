/* fuzz-image.h - any bytes as an image file of one kind: header and image agree, every refusal has its reason in one
 * line, and decoding without an image, with other significant bits and as stored finds the same. */
#ifndef FUZZ_IMAGE_H
#define FUZZ_IMAGE_H

#include <stdlib.h>
#include <string.h>

#include "image-info.h"
#include "image.h"

struct fuzz_image {
    int (*read_info)(const void *data, size_t bytes, const struct image_settings *settings, struct image_info *info,
                     struct fmt_error *e);
    int (*decode)(const void *data, size_t bytes, const struct image_settings *settings, struct image *im,
                  struct image_notes *notes, struct fmt_error *e);
};

static inline void fuzz_image(const struct fuzz_image *kind, const uint8_t *data, size_t n)
{
    struct image_settings limit = {.pixels_max = 1 << 18}, other = limit;
    struct image_info info;
    struct image_notes notes = {0};
    struct image im = {0}, stored = {0};
    struct fmt_error e = {0};
    other.orientation = 1, other.bits = 12;
    int header = kind->read_info(data, n, &limit, &info, &e);
    if (header && (e.text[0] == 0 || strchr(e.text, '\n')))
        abort();
    int status = kind->decode(data, n, &limit, &im, &notes, NULL);
    if (status == 0 &&
        (header || im.width != info.width || im.height != info.height || im.components != info.components))
        abort();
    if (status != kind->decode(data, n, &limit, NULL, NULL, NULL))
        abort();
    int again = kind->decode(data, n, &other, &stored, NULL, NULL);
    if (status == 0 && again != (notes.sample_max > 4095 ? FMT_LIMIT : 0))
        abort();
    image_release(&im);
    image_release(&stored);
}

#endif
