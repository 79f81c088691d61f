/* fuzz-jpeg - any bytes as a JPEG file: header and image agree, a file that decodes does so with its orientation reset,
 * and filling changes only files that are refused otherwise. */
#include <stdlib.h>
#include <string.h>

#include "jpeg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_reset(const uint8_t *data, size_t n, const struct image_settings *limit)
{
    struct image_info info;
    uint8_t *copy = malloc(n);
    if (!copy)
        return;
    memcpy(copy, data, n);
    jpeg_reset_orientation(copy, n);
    if (jpeg_read_info(copy, n, limit, &info, NULL) != 0)
        abort();
    free(copy);
}

/* What decodes as it is, decodes to the same pixels where cut files are filled. */
static void check_fill(const uint8_t *data, size_t n, struct image_settings limit, int status, const struct image *im)
{
    struct image_notes notes;
    struct image filled = {0};
    limit.fill = true;
    int again = jpeg_decode(data, n, &limit, &filled, &notes, NULL);
    if (status == 0 && (again || notes.filled ||
                        memcmp(filled.pixels, im->pixels, image_bytes(im->width, im->height, im->components)) != 0))
        abort();
    if (status && again == 0 && !notes.filled)
        abort();
    image_release(&filled);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct image_settings limit = {.pixels_max = 1 << 18};
    struct image_info info;
    struct image_notes notes;
    struct image im = {0};
    struct fmt_error e = {0};
    int header = jpeg_read_info(data, n, &limit, &info, &e);
    if (header && e.text[0] == 0)
        abort();
    int status = jpeg_decode(data, n, &limit, &im, &notes, NULL);
    if (status == 0 &&
        (header || im.width != info.width || im.height != info.height || im.components != info.components))
        abort();
    if (status != jpeg_decode(data, n, &limit, NULL, NULL, NULL))
        abort();
    if (status == 0)
        check_reset(data, n, &limit);
    check_fill(data, n, limit, status, &im);
    image_release(&im);
    return 0;
}
