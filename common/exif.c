/* exif.c - a TIFF structure has a byte order, an offset to its first directory, and entries of 12 bytes; the
 * orientation (tag 0x0112, one 16-bit number) stands in the entry itself, so no second offset is followed. */
#include "exif.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, TYPE_LONG = 4 };

static const uint8_t exif_name[6] = {'E', 'x', 'i', 'f', 0, 0};

struct tiff {
    const uint8_t *data;
    size_t bytes;
    bool big;
};

/* n bytes at an offset as a number; 0 outside. */
static uint32_t tiff_uint(const struct tiff *t, size_t at, size_t n)
{
    uint32_t v = 0;
    if (at > t->bytes || n > t->bytes - at)
        return 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint32_t)t->data[at + i] << (8 * (t->big ? n - 1 - i : i));
    return v;
}

int exif_orientation(const uint8_t *segment, size_t bytes)
{
    if (bytes >= sizeof exif_name && memcmp(segment, exif_name, sizeof exif_name) == 0)
        segment += sizeof exif_name, bytes -= sizeof exif_name;
    struct tiff t = {segment, bytes, false};
    if (bytes < 8)
        return 0;
    t.big = segment[0] == 'M';
    if ((segment[0] != 'M' && segment[0] != 'I') || segment[1] != segment[0] || tiff_uint(&t, 2, 2) != 42)
        return 0;
    size_t directory = tiff_uint(&t, 4, 4);
    if (directory > bytes - 2)
        return 0;
    size_t n_entries = tiff_uint(&t, directory, 2);
    for (size_t i = 0; i < n_entries; i++) {
        size_t at = directory + 2 + 12 * i;
        if (at > bytes || bytes - at < 12)
            return 0;
        if (tiff_uint(&t, at, 2) != TAG_ORIENTATION)
            continue;
        uint32_t type = tiff_uint(&t, at + 2, 2), count = tiff_uint(&t, at + 4, 4);
        if (count != 1 || (type != TYPE_SHORT && type != TYPE_LONG))
            return 0;
        uint32_t v = tiff_uint(&t, at + 8, type == TYPE_SHORT ? 2 : 4);
        return v >= 1 && v <= 8 ? (int)v : 0;
    }
    return 0;
}

void exif_minimal(int orientation, uint8_t out[EXIF_MINIMAL_BYTES])
{
    static const uint8_t form[EXIF_MINIMAL_BYTES] = {
        'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0,        /* little-endian; directory at 8 */
        1, 0, 0x12, 0x01, TYPE_SHORT, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 /* one entry; no next directory */
    };
    memcpy(out, form, sizeof form);
    out[24] = (uint8_t)orientation;
}
