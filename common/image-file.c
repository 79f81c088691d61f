/* image-file.c - which decoder. */
#include "image-file.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "exif.h"
#include "foreign-image.h"
#include "image-png.h"
#include "image-tiff.h"
#include "jpeg.h"

enum image_kind image_file_kind(const void *data, size_t bytes)
{
    if (bytes >= 2 && memcmp(data, "\xFF\xD8", 2) == 0)
        return IMAGE_JPEG;
    if (image_png_is(data, bytes))
        return IMAGE_PNG;
    return image_tiff_is(data, bytes) ? IMAGE_TIFF : IMAGE_NONE;
}

static const struct foreign_image *foreign_of(const void *data, size_t bytes, const char *path)
{
    return foreign_image_of(data, bytes < FOREIGN_IMAGE_BYTES ? bytes : FOREIGN_IMAGE_BYTES, path);
}

enum image_kind image_file_kind_of(const void *data, size_t bytes, const char *path)
{
    return foreign_of(data, bytes, path) ? IMAGE_NONE : image_file_kind(data, bytes);
}

bool image_file_is_name(const char *name)
{
    static const char *const endings[] = {".jpeg", ".jpg", ".jpe", ".jfif", ".png", ".tif", ".tiff"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return foreign_image_is_name(name);
}

int image_file_reset_orientation(uint8_t *data, size_t bytes, struct fmt_error *e)
{
    struct image_info info;
    enum image_kind kind = image_file_kind(data, bytes);
    if (kind == IMAGE_JPEG)
        jpeg_reset_orientation(data, bytes);
    else if (kind == IMAGE_PNG)
        image_png_reset_orientation(data, bytes);
    else if (kind == IMAGE_TIFF)
        exif_reset_orientation(data, bytes); /* the same structure */
    if (kind != IMAGE_TIFF || image_tiff_read_info(data, bytes, NULL, &info, NULL) || info.orientation == 1)
        return 0;
    return fmt_fail(e, FMT_UNSUPPORTED, "the orientation of a BigTIFF is not reset: store pixels");
}

static int refuse(size_t bytes, struct fmt_error *e)
{
    return bytes == 0 ? fmt_fail(e, FMT_TRUNCATED, "the file is empty")
                      : fmt_fail(e, FMT_MAGIC, "not a JPEG, PNG or TIFF file");
}

int image_file_read_info(const void *data, size_t bytes, const struct image_settings *settings,
                         struct image_info *info, struct fmt_error *e)
{
    switch (image_file_kind(data, bytes)) {
    case IMAGE_JPEG: return jpeg_read_info(data, bytes, settings, info, e);
    case IMAGE_PNG: return image_png_read_info(data, bytes, settings, info, e);
    case IMAGE_TIFF: return image_tiff_read_info(data, bytes, settings, info, e);
    case IMAGE_NONE: break;
    }
    return refuse(bytes, e);
}

int image_file_decode(const void *data, size_t bytes, const struct image_settings *settings, struct image *im,
                      struct image_notes *notes, struct fmt_error *e)
{
    switch (image_file_kind(data, bytes)) {
    case IMAGE_JPEG: return jpeg_decode(data, bytes, settings, im, notes, e);
    case IMAGE_PNG: return image_png_decode(data, bytes, settings, im, notes, e);
    case IMAGE_TIFF: return image_tiff_decode(data, bytes, settings, im, notes, e);
    case IMAGE_NONE: break;
    }
    return refuse(bytes, e);
}
