/* foreign-image.h - pictures that are not decoded here: what they are by their first bytes, and what turns them into
 * files that are. For messages. */
#ifndef FOREIGN_IMAGE_H
#define FOREIGN_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"

enum { FOREIGN_IMAGE_BYTES = 256 }; /* to pass of a file's beginning; fewer will do */

struct foreign_image {
    const char *name;    /* "HEIC" */
    const char *command; /* "heif-convert FILE FILE.jpg (package ...)"; NULL: none is known */
};

/* NULL: not recognised, or a kind that is decoded. `path`: the name tells a camera's raw files that begin as TIFF. */
const struct foreign_image *foreign_image_of(const uint8_t *head, size_t n, const char *path);
/* Appends what the picture is, and what makes a readable one of it, to the reason why it is not decoded:
 * "..., but HEIC: heif-convert FILE FILE.jpg (package libheif-examples)"; nothing where it is not recognised. */
void foreign_image_tell(const uint8_t *data, size_t n, const char *path, struct fmt_error *e);
bool foreign_image_is_name(const char *name); /* does it end as such pictures do: .heic, .webp, .nef ... */

#endif
