/* jpeg.h - JPEG bytes -> pixels, and back, with libjpeg-turbo.
 *
 *   struct image_info info;                                         (image-info.h)
 *   if (jpeg_read_info(data, bytes, NULL, &info, &error)) ...       sizes; nothing large is allocated yet
 *   struct image_notes notes;
 *   if (jpeg_decode(data, bytes, NULL, &im, &notes, &error)) ...    im is reserved here (image.h)
 *   if (notes.n) warn(notes.text);                                  stray bytes, missing end mark
 *
 * Decoded: baseline, extended and progressive Huffman files (arithmetic ones where the library can), 8 bits, any
 * subsampling, restart markers. Grey remains one component; YCbCr and RGB give RGB; CMYK and YCCK (values inverted, as
 * Adobe and all others write them) give RGB. Colour profiles are not applied.
 *
 * Refused: files with coded data missing. An image that is cut short, a scan or restart interval that ends early, a
 * missing component or coefficient, an invalid code: FMT_TRUNCATED with the reason. Not a JPEG file: FMT_MAGIC. 12
 * bits, lossless: FMT_UNSUPPORTED. More pixels than the limit or too many scans: FMT_LIMIT; fewer bytes than any coding
 * of so many pixels has: FMT_TRUNCATED; both before memory is allocated. An invalid header: FMT_INVALID.
 *
 * With settings.fill a file that is cut short is decoded, with notes.filled: sequential files are grey from the cut on,
 * of progressive ones the scans that came are shown. The pixels are those of Pillow (up to 12) with
 * LOAD_TRUNCATED_IMAGES and the same libjpeg, which is given an end mark at the cut (within the header of a later scan:
 * before it). Cut means: the bytes, or an early end mark, end the coded data. All other damage is refused still.
 *
 * notes.decoded_percent says how much of such a picture was decoded: of its rows those of which every coefficient of
 * every component came, in progressive files at least its first bits. Below JPEG_FILLED_PERCENT_MIN the file is
 * refused, too: most of it would be grey, or of a progressive one coarse, and that judges nothing. So is a file with
 * less than a sixteenth of the fewest bytes.
 *
 * The pixels are those of libjpeg-turbo's accurate integer DCT and smooth chroma upsampling, as in the published
 * loader. No state outside the arguments: any number of threads may decode at once.
 */
#ifndef JPEG_H
#define JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"
#include "image-info.h"
#include "image.h"

enum {
    JPEG_SCANS_MAX = 500, /* real files have about 10 */
    JPEG_FILLED_PERCENT_MIN = 50
};

/* settings may be NULL (all zero). Errors give the reason only: the caller adds the name (fmt_prefix). */
int jpeg_read_info(const void *data, size_t bytes, const struct image_settings *settings, struct image_info *info,
                   struct fmt_error *e);

/* Decodes the whole image. im may be NULL: everything is decoded and checked, and dropped row by row, with little
 * memory (but for progressive files). notes may be NULL. On failure the pixels are undefined. */
int jpeg_decode(const void *data, size_t bytes, const struct image_settings *settings, struct image *im,
                struct image_notes *notes, struct fmt_error *e);

/* Sets the EXIF orientation of a JPEG file to 1, in place: every reader will then show the pixels as stored. Nothing
 * else changes; a file without orientation is not changed. */
void jpeg_reset_orientation(uint8_t *data, size_t bytes);

struct jpeg_encoding {
    int quality;          /* 1 .. 100 */
    bool chroma_halved;   /* 4:2:0; else 4:4:4 */
    bool progressive;
    int orientation;      /* 2 .. 8: written as EXIF; the pixels are encoded as they are */
};

/* Appends the file to `out`. One or three components. */
int jpeg_encode(const struct image *im, const struct jpeg_encoding *encoding, struct fmt_buffer *out,
                struct fmt_error *e);

#endif
