/* image.c - sizes are checked here once; all eight orientations are one loop with two strides. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

#include "exif.h"
#include "num.h"

size_t image_bytes(int width, int height, int components)
{
    size_t bytes;
    if (width < 1 || height < 1 || width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX)
        return 0;
    if (components != 1 && components != 3)
        return 0;
    if (!num_mul((size_t)width, (size_t)height, &bytes) || !num_mul(bytes, (size_t)components, &bytes))
        return 0;
    return bytes;
}

int image_reserve(struct image *im, int width, int height, int components, struct fmt_error *e)
{
    size_t bytes = image_bytes(width, height, components);
    if (bytes == 0)
        return fmt_fail(e, FMT_LIMIT, "an image of %d x %d x %d pixels", width, height, components);
    if (bytes > im->capacity) {
        if (im->borrowed)
            return fmt_fail(e, FMT_LIMIT, "%d x %d x %d pixels do not fit into %zu bytes", width, height, components,
                            im->capacity);
        free(im->pixels);
        *im = (struct image){.pixels = malloc(bytes)};
        if (!im->pixels)
            return fmt_fail(e, FMT_MEMORY, "no memory for %d x %d x %d pixels", width, height, components);
        im->capacity = bytes;
    }
    im->width = width, im->height = height, im->components = components;
    return 0;
}

void image_release(struct image *im)
{
    if (!im->borrowed)
        free(im->pixels);
    *im = (struct image){0};
}

/* Where stored pixel (0, 0) goes, and the strides in bytes from there to its neighbours in the stored row and
 * column. */
struct mapping {
    uint8_t *origin;
    ptrdiff_t stride_x, stride_y;
};

static struct mapping map_orientation(const struct image *out, int orientation)
{
    ptrdiff_t pixel = out->components, row = pixel * out->width;
    bool right = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
    bool bottom = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
    uint8_t *origin = out->pixels + (right ? row - pixel : 0) + (bottom ? row * (out->height - 1) : 0);
    ptrdiff_t across = right ? -pixel : pixel, down = bottom ? -row : row;
    if (exif_swaps_axes(orientation))
        return (struct mapping){origin, down, across};
    return (struct mapping){origin, across, down};
}

void image_put_rows(struct image *out, int orientation, int stored_height, int first, int n_rows,
                    const uint8_t *rows)
{
    struct mapping m = map_orientation(out, orientation);
    int stored_width = exif_swaps_axes(orientation) ? out->height : out->width;
    size_t pixel = (size_t)out->components, row_bytes = pixel * (size_t)stored_width;
    if (first < 0 || n_rows > stored_height - first)
        return;
    if (m.stride_x == (ptrdiff_t)pixel) {
        for (int y = 0; y < n_rows; y++)
            memcpy(m.origin + (first + y) * m.stride_y, rows + (size_t)y * row_bytes, row_bytes);
        return;
    }
    /* Columns in the outer loop: with swapped axes, each column of the strip becomes a short run along a row of
     * `out`. */
    for (int x = 0; x < stored_width; x++) {
        const uint8_t *from = rows + (size_t)x * pixel;
        uint8_t *to = m.origin + x * m.stride_x + first * m.stride_y;
        for (int y = 0; y < n_rows; y++, from += row_bytes, to += m.stride_y)
            for (size_t k = 0; k < pixel; k++)
                to[k] = from[k];
    }
}
