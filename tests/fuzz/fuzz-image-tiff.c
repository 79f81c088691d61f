/* fuzz-image-tiff - any bytes as a TIFF file: header and image agree, every refusal has its reason in one line, and
 * decoding without an image, with other significant bits and as stored finds the same. */
#include <stdlib.h>
#include <string.h>

#include "image-tiff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct image_settings limit = {.pixels_max = 1 << 18}, other = limit;
    struct image_info info;
    struct image_notes notes = {0};
    struct image im = {0}, stored = {0};
    struct fmt_error e = {0};
    other.orientation = 1, other.bits = 12;
    int header = image_tiff_read_info(data, n, &limit, &info, &e);
    if (header && (e.text[0] == 0 || strchr(e.text, '\n')))
        abort();
    int status = image_tiff_decode(data, n, &limit, &im, &notes, NULL);
    if (status == 0 &&
        (header || im.width != info.width || im.height != info.height || im.components != info.components))
        abort();
    if (status != image_tiff_decode(data, n, &limit, NULL, NULL, NULL))
        abort();
    int again = image_tiff_decode(data, n, &other, &stored, NULL, NULL);
    if (status == 0 && again != (notes.sample_max > 4095 ? FMT_LIMIT : 0))
        abort();
    image_release(&im);
    image_release(&stored);
    return 0;
}
