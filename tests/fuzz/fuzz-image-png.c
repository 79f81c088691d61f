/* fuzz-image-png - any bytes as a PNG file. */
#include "fuzz-image.h"
#include "image-png.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_image(&(struct fuzz_image){image_png_read_info, image_png_decode}, data, n);
    return 0;
}
