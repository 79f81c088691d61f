/* fuzz-exif - any bytes as an EXIF segment. */
#include <stdlib.h>
#include <string.h>

#include "exif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    int before = exif_orientation(data, n), xmp = exif_xmp_orientation(data, n);
    if (before < 0 || before > 8 || xmp < 0 || xmp > 8)
        abort();
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, n);
    exif_reset_orientation(copy, n);
    if (before && exif_orientation(copy, n) != 1)
        abort();
    free(copy);
    return 0;
}
