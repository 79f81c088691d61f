/* jpeg.h - JPEG bytes -> pixels in the caller's memory, and back, by libjpeg(-turbo).
 *
 *   struct jpeg_info info;
 *   if (jpeg_read_info(data, bytes, NULL, &info, &error)) ...       sizes; nothing large is allocated yet
 *   struct jpeg_notes notes;
 *   if (jpeg_decode(data, bytes, NULL, &im, &notes, &error)) ...    im is reserved here (image.h)
 *   if (notes.n) warn(notes.text);                                   stray bytes, missing end mark
 *
 * What decodes: baseline, extended and progressive Huffman files (arithmetic ones where the library can),
 * 8 bits, any subsampling, restart markers; grey stays one component; YCbCr and RGB give RGB; CMYK and YCCK
 * (values inverted, as Adobe and everybody writes them) give RGB. Colour profiles are not applied.
 *
 * What is refused: everything whose coded data is not all there. A picture that was cut short, a scan or a
 * restart interval that ended early, a component or coefficient that never came, a code that is none:
 * FMT_TRUNCATED with the reason. Not a JPEG file: FMT_MAGIC. 12 bits, lossless: FMT_UNSUPPORTED. More
 * pixels than the limit, fewer bytes than any coding of so many pixels has, or a senseless number of scans:
 * FMT_LIMIT, before memory is taken. A header that breaks the rules: FMT_INVALID.
 *
 * Numbers are those of libjpeg-turbo's accurate integer DCT and smooth chroma upsampling (the defaults of
 * the published loader too). No state outside the arguments: any number of threads may decode at once.
 */
#ifndef JPEG_H
#define JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"
#include "image.h"

enum {
    JPEG_PIXELS_MAX = 256 * 1024 * 1024, /* default limit of a picture */
    JPEG_SCANS_MAX = 500,                /* real files have about 10 */
    JPEG_FILE_BYTES_MAX = 1 << 30
};

struct jpeg_settings {
    int64_t pixels_max; /* 0: JPEG_PIXELS_MAX */
    int orientation;    /* 0: as the file's EXIF says; 1: pixels as stored; 2 .. 8: this one (exif.h) */
};

struct jpeg_info {
    int width, height;               /* upright: what jpeg_decode gives under the same settings */
    int components;                  /* of the decoded picture: 1 or 3 */
    int stored_width, stored_height; /* before the orientation is applied */
    int stored_components;           /* of the file: 1, 3 or 4 */
    int orientation;                 /* that is applied: 1 .. 8 */
    bool progressive, arithmetic;
};

/* What was odd but lost nothing. */
struct jpeg_notes {
    int n;          /* how many */
    char text[160]; /* the first */
};

/* settings may be NULL (all zero). Errors have the reason only: the caller adds the name (fmt_prefix). */
int jpeg_read_info(const void *data, size_t bytes, const struct jpeg_settings *settings, struct jpeg_info *info,
                   struct fmt_error *e);

/* Decodes the whole picture. im may be NULL: everything is decoded and checked, nothing is kept, and memory
 * stays small (but for progressive files). notes may be NULL. On failure the pixels are not defined. */
int jpeg_decode(const void *data, size_t bytes, const struct jpeg_settings *settings, struct image *im,
                struct jpeg_notes *notes, struct fmt_error *e);

/* Makes the EXIF orientation of a JPEG file 1, in place: its pixels will be taken as they are stored by everybody.
 * Nothing else changes; a file without orientation stays as it is. */
void jpeg_reset_orientation(uint8_t *data, size_t bytes);

struct jpeg_encoding {
    int quality;          /* 1 .. 100 */
    bool chroma_halved;   /* 4:2:0; else 4:4:4 */
    bool progressive;
    int orientation;      /* written as EXIF where 2 .. 8; the pixels go in as they are */
};

/* Appends the file to `out`. One or three components. */
int jpeg_encode(const struct image *im, const struct jpeg_encoding *coding, struct fmt_buffer *out,
                struct fmt_error *e);

#endif
