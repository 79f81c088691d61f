/* image.h - 8-bit pixels in memory: rows from the top, components interleaved.
 *
 *   struct image im = {0};
 *   if (image_reserve(&im, 640, 480, 3, &error)) ...    grows; keeps its memory for the next image
 *   uint8_t *row = image_row(&im, y);
 *   image_release(&im);
 *
 * One component is grey, three are red, green, blue. A struct image owns its pixels, unless it borrows memory of the
 * caller (image_borrow): then image_reserve refuses a size that does not fit.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"

enum { IMAGE_SIDE_MAX = 65535, IMAGE_COMPONENTS_MAX = 3 };

struct image {
    int width, height, components; /* components 1 or 3 */
    uint8_t *pixels;               /* [height, width, components] */
    size_t capacity;               /* bytes of memory at pixels */
    bool borrowed;                 /* pixels belong to the caller: never moved, never freed */
};

/* width * height * components; 0 if a side or the components are out of range. */
size_t image_bytes(int width, int height, int components);

/* Sets the size, with memory for it; the pixels are undefined afterwards. */
int image_reserve(struct image *im, int width, int height, int components, struct fmt_error *e);
void image_release(struct image *im);

/* An image in memory of the caller, for image_reserve and the decoders. */
static inline struct image image_borrow(void *memory, size_t bytes)
{
    return (struct image){.pixels = (uint8_t *)memory, .capacity = bytes, .borrowed = true};
}

static inline uint8_t *image_row(const struct image *im, int y)
{
    return im->pixels + (size_t)y * (size_t)im->width * (size_t)im->components;
}

/* Copies rows first .. first + n_rows - 1 of a stored image of stored_height rows to where they belong in the upright
 * one. `orientation` is the EXIF value (1 .. 8: exif.h); `out` has the upright size, so width and height are swapped
 * for 5 .. 8. */
void image_put_rows(struct image *out, int orientation, int stored_height, int first, int n_rows,
                    const uint8_t *rows);

#endif
