/* image-file.h - a photograph's file -> pixels: JPEG, PNG or TIFF, by its first bytes. What each of them decodes and
 * refuses: jpeg.h, image-png.h, image-tiff.h; settings, info and notes: image-info.h.
 *
 *   image_file_read_info(data, bytes, &settings, &info, e);
 *   image_file_decode(data, bytes, &settings, &im, &notes, e);
 */
#ifndef IMAGE_FILE_H
#define IMAGE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"
#include "image-info.h"
#include "image.h"

enum image_kind { IMAGE_NONE, IMAGE_JPEG, IMAGE_PNG, IMAGE_TIFF };

enum image_kind image_file_kind(const void *data, size_t bytes);
/* The contents decide, whatever a file is called; but a camera's raw file, which begins as a TIFF, is known by its
 * name, and is none. */
enum image_kind image_file_kind_of(const void *data, size_t bytes, const char *path);
/* Whether a file of this name is looked into, where a folder is searched: its ending is one of JPEG, PNG or TIFF, or of
 * a format that is not decoded here (foreign-image.h). */
bool image_file_is_name(const char *name);

/* As jpeg_read_info and jpeg_decode. Another kind of file: FMT_MAGIC. */
int image_file_read_info(const void *data, size_t bytes, const struct image_settings *settings,
                         struct image_info *info, struct fmt_error *e);
int image_file_decode(const void *data, size_t bytes, const struct image_settings *settings, struct image *im,
                      struct image_notes *notes, struct fmt_error *e);

/* Sets the orientation that the file says to 1, in place, as jpeg_reset_orientation. FMT_UNSUPPORTED: a BigTIFF. */
int image_file_reset_orientation(uint8_t *data, size_t bytes, struct fmt_error *e);

#endif
