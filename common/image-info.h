/* image-info.h - what the decoders of JPEG, PNG and TIFF files share: settings, what a header says, notes.
 *
 * Samples of 16 bits become 8 by one rule, stated for a whole dataset and never guessed from a single file: of `bits`
 * significant bits the high 8 are kept, v >> (bits - 8). With 16, the default, an 8-bit photograph that was saved with
 * 16 bits comes back exactly, by whichever factor (256 or 257), and the pixels are those of Pillow (RGB), OpenCV and
 * libpng. A camera of 12 bits that writes 0 .. 4095 needs 12: its pictures would be almost black. A sample that does
 * not fit into `bits` is an error, not white: the setting is wrong then.
 */
#ifndef IMAGE_INFO_H
#define IMAGE_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

enum {
    IMAGE_PIXELS_MAX = 256 * 1024 * 1024, /* of an image, by default */
    IMAGE_FILE_BYTES_MAX = 1 << 30,
    IMAGE_BITS_MIN = 9, IMAGE_BITS_MAX = 16,
    IMAGE_DARK_BELOW = 1 << 14 /* where no sample reaches a quarter of the range, 16 bits are too many */
};

struct image_settings { /* all zero: the defaults */
    int64_t pixels_max; /* 0: IMAGE_PIXELS_MAX */
    int orientation;    /* 0: as the EXIF of the file says; 1: pixels as stored; 2 .. 8: this one (exif.h) */
    int bits;           /* significant bits of samples of 16: 9 .. 16; 0: 16. Samples of 8 bits are not changed */
    bool fill;          /* of a JPEG that is cut short what is missing is grey; else such a file is refused (jpeg.h) */
};

struct image_info {
    int width, height;               /* upright: what is decoded under the same settings */
    int components;                  /* of the decoded image: 1 or 3 */
    int stored_width, stored_height; /* before the orientation is applied */
    int stored_components;           /* of the file: 1 .. 4 */
    int stored_bits;                 /* of a sample in the file: 1 .. 16 */
    int orientation;                 /* the one that is applied: 1 .. 8 */
    bool progressive, arithmetic;    /* JPEG; an interlaced PNG is progressive, too */
};

/* Sets width and height of the upright image from those stored and the orientation. */
void image_info_turn(struct image_info *info);

/* What is unusual about a file. */
struct image_notes {
    int n;          /* how many */
    char text[160]; /* the first; the first of damage, if there is one */
    bool damaged;   /* the decoder met signs of damage: the picture is whole, but pixels of it may be wrong */
    int sample_max; /* the largest sample of an image with 16 bits, as stored; 0: it has not more than 8 */
    bool filled;    /* the file is cut short; the first note says so */
    int decoded_percent; /* of a filled one: the share of its rows that came whole, rounded down (jpeg.h); else 0 */
};

void image_note(struct image_notes *n, const char *format, ...) __attribute__((format(printf, 2, 3)));
void image_note_damage(struct image_notes *n, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* FMT_LIMIT if the sides or the pixels exceed the limits. */
int image_check_size(uint64_t width, uint64_t height, const struct image_settings *s, struct fmt_error *e);

/* Drops alpha, the last sample, from n pixels with `components` samples before it, of 8 or 16 bits, in place. False: a
 * pixel is not opaque. */
bool image_drop_alpha(void *row, int n, int components, int bits);

/* n samples of 16 bits -> 8, by the rule above; *sample_max grows to the largest. FMT_LIMIT: one has more bits. */
int image_samples_to_8(const uint16_t *from, int64_t n, int bits, uint8_t *to, int *sample_max, struct fmt_error *e);

#endif
