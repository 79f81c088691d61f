/* exif.c - a TIFF structure has a byte order, the offset of its first directory, and entries of 12 bytes; the
 * orientation (tag 0x0112, one 16-bit number) is in the entry itself, so no second offset is followed. */
#include "exif.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, TYPE_LONG = 4 };

static const uint8_t exif_name[6] = {'E', 'x', 'i', 'f', 0, 0};

struct tiff {
    const uint8_t *data;
    size_t bytes;
    bool big_endian;
};

/* n bytes at an offset as a number; 0 outside. */
static uint32_t tiff_uint(const struct tiff *t, size_t at, size_t n)
{
    uint32_t v = 0;
    if (at > t->bytes || n > t->bytes - at)
        return 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint32_t)t->data[at + i] << (8 * (t->big_endian ? n - 1 - i : i));
    return v;
}

/* The offset of the orientation's value, and its size in bytes. False if there is none. */
static bool find_orientation(struct tiff *t, size_t *at, size_t *n)
{
    while (t->bytes >= sizeof exif_name && memcmp(t->data, exif_name, sizeof exif_name) == 0)
        t->data += sizeof exif_name, t->bytes -= sizeof exif_name;
    if (t->bytes < 8 || (t->data[0] != 'M' && t->data[0] != 'I') || t->data[1] != t->data[0])
        return false;
    t->big_endian = t->data[0] == 'M';
    size_t directory = tiff_uint(t, 4, 4);
    if (tiff_uint(t, 2, 2) != 42 || directory > t->bytes - 2)
        return false;
    size_t n_entries = tiff_uint(t, directory, 2);
    for (size_t i = 0; i < n_entries; i++) {
        size_t entry = directory + 2 + 12 * i;
        if (entry > t->bytes || t->bytes - entry < 12)
            return false;
        if (tiff_uint(t, entry, 2) != TAG_ORIENTATION)
            continue;
        uint32_t type = tiff_uint(t, entry + 2, 2), count = tiff_uint(t, entry + 4, 4);
        *at = entry + 8;
        *n = type == TYPE_SHORT ? 2 : 4;
        return count == 1 && (type == TYPE_SHORT || type == TYPE_LONG);
    }
    return false;
}

int exif_orientation(const uint8_t *segment, size_t bytes)
{
    struct tiff t = {segment, bytes, false};
    size_t at, n;
    if (!find_orientation(&t, &at, &n))
        return 0;
    uint32_t v = tiff_uint(&t, at, n);
    return v >= 1 && v <= 8 ? (int)v : 0;
}

void exif_reset_orientation(uint8_t *segment, size_t bytes)
{
    struct tiff t = {segment, bytes, false};
    size_t at, n;
    if (!find_orientation(&t, &at, &n))
        return;
    uint8_t *value = segment + (t.data - segment) + at;
    memset(value, 0, n);
    value[t.big_endian ? n - 1 : 0] = 1;
}

int exif_xmp_orientation(const uint8_t *segment, size_t bytes)
{
    static const char start[] = "http://ns.adobe.com/xap/1.0/", name[] = "tiff:Orientation";
    const uint8_t *end = segment + bytes;
    if (bytes < sizeof start || memcmp(segment, start, sizeof start) != 0)
        return 0;
    const uint8_t *at = memmem(segment, bytes, name, sizeof name - 1);
    if (!at)
        return 0;
    at += sizeof name - 1;
    while (at < end && *at && strchr(" \t\r\n=>\"'", *at)) /* ="6", or >6< */
        at++;
    return at < end && *at >= '1' && *at <= '8' ? *at - '0' : 0;
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
