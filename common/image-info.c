/* image-info.c - limits, notes and the rule for 16 bits, once for all kinds of files. */
#include "image-info.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "exif.h"
#include "image.h"

void image_info_turn(struct image_info *info)
{
    bool swaps = exif_swaps_axes(info->orientation);
    info->width = swaps ? info->stored_height : info->stored_width;
    info->height = swaps ? info->stored_width : info->stored_height;
}

void image_note(struct image_notes *n, const char *format, ...)
{
    if (n->n++ > 0)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(n->text, sizeof n->text, format, args);
    va_end(args);
}

void image_note_damage(struct image_notes *n, const char *format, ...)
{
    n->n++;
    if (n->damaged || n->filled)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(n->text, sizeof n->text, format, args);
    va_end(args);
    n->damaged = true;
}

int image_check_size(uint64_t width, uint64_t height, const struct image_settings *s, struct fmt_error *e)
{
    uint64_t most = s->pixels_max > 0 ? (uint64_t)s->pixels_max : IMAGE_PIXELS_MAX;
    if (width == 0 || height == 0)
        return fmt_fail(e, FMT_INVALID, "an image without pixels (%llu x %llu)", (unsigned long long)width,
                        (unsigned long long)height);
    if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX || width * height > most)
        return fmt_fail(e, FMT_LIMIT, "%llu x %llu pixels are more than the limit of %llu", (unsigned long long)width,
                        (unsigned long long)height, (unsigned long long)most);
    return 0;
}

bool image_drop_alpha(void *row, int n, int components, int bits)
{
    size_t sample = (size_t)bits / 8, pixel = (size_t)components * sample;
    const uint8_t *from = row;
    uint8_t *to = row;
    for (int x = 0; x < n; x++, from += pixel + sample, to += pixel) {
        if (from[pixel] != UINT8_MAX || from[pixel + sample - 1] != UINT8_MAX)
            return false;
        memmove(to, from, pixel);
    }
    return true;
}

int image_samples_to_8(const uint16_t *from, int64_t n, int bits, uint8_t *to, int *sample_max, struct fmt_error *e)
{
    unsigned shift = (unsigned)(bits ? bits : IMAGE_BITS_MAX) - 8, largest = 0;
    for (int64_t i = 0; i < n; i++) {
        largest = from[i] > largest ? from[i] : largest;
        to[i] = (uint8_t)(from[i] >> shift);
    }
    *sample_max = (int)largest > *sample_max ? (int)largest : *sample_max;
    if (largest >> shift > 255)
        return fmt_fail(e, FMT_LIMIT, "a sample of %u has more than the %d bits that were stated", largest, bits);
    return 0;
}
