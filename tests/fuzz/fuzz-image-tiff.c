/* fuzz-image-tiff - any bytes as a TIFF file. */
#include "fuzz-image.h"
#include "image-tiff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_image(&(struct fuzz_image){image_tiff_read_info, image_tiff_decode}, data, n);
    return 0;
}
