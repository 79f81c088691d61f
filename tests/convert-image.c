/* convert-image - writes a photograph again, as PNG or TIFF by the ending of OUT, without change of its pixels; with
 * BITS its samples have 16 bits, of which the low BITS are used: convert-image IN OUT [BITS [ORIENTATION]]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <tiffio.h>

#include "exif.h"
#include "file.h"
#include "image-file.h"
#include "msg.h"

static void load(const char *path, struct image *im)
{
    struct fmt_error e = {0};
    uint8_t *data;
    size_t bytes;
    if (file_load(path, IMAGE_FILE_BYTES_MAX, &data, &bytes, &e) || image_file_decode(data, bytes, NULL, im, NULL, &e))
        msg_die("%s: %s", path, e.text);
    free(data);
}

/* A row in the order of bytes of this machine, with 8 or 16 bits a sample. */
static void row_of(const struct image *im, int y, int bits, void *row)
{
    const uint8_t *from = image_row(im, y);
    int n = im->width * im->components;
    if (bits == 0)
        memcpy(row, from, (size_t)n);
    for (int i = 0; i < n && bits; i++)
        ((uint16_t *)row)[i] = (uint16_t)(from[i] << (bits - 8) | from[i] >> (16 - bits));
}

static void write_png(const struct image *im, const char *path, int bits, int orientation, uint16_t *row)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    FILE *f = fopen(path, "wb");
    uint8_t exif[EXIF_MINIMAL_BYTES];
    if (!f)
        msg_die("%s: cannot be written", path);
    png_init_io(png, f);
    png_set_IHDR(png, info, (png_uint_32)im->width, (png_uint_32)im->height, bits ? 16 : 8,
                 im->components == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, 0, 0, 0);
    exif_minimal(orientation, exif);
    if (orientation)
        png_set_eXIf_1(png, info, EXIF_MINIMAL_BYTES - 6, exif + 6);
    png_write_info(png, info);
    if (bits && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
        png_set_swap(png);
    for (int y = 0; y < im->height; y++) {
        row_of(im, y, bits, row);
        png_write_row(png, (png_const_bytep)row);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(f);
}

static void write_tiff(const struct image *im, const char *path, int bits, int orientation, uint16_t *row)
{
    TIFF *t = TIFFOpen(path, "w");
    if (!t)
        msg_die("%s: cannot be written", path);
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, im->width);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, im->height);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, bits ? 16 : 8);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, im->components);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, im->components == 1 ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB);
    TIFFSetField(t, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(t, TIFFTAG_COMPRESSION, COMPRESSION_LZW);
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, 16);
    if (orientation)
        TIFFSetField(t, TIFFTAG_ORIENTATION, orientation);
    for (int y = 0; y < im->height; y++) {
        row_of(im, y, bits, row);
        TIFFWriteScanline(t, row, (uint32_t)y, 0);
    }
    TIFFClose(t);
}

int main(int argc, char **argv)
{
    struct image im = {0};
    int bits = argc > 3 ? atoi(argv[3]) : 0, orientation = argc > 4 ? atoi(argv[4]) : 0;
    msg_init("convert-image");
    if (argc < 3 || (bits && (bits < 9 || bits > 16)))
        msg_usage("convert-image IN OUT [BITS [ORIENTATION]]");
    load(argv[1], &im);
    uint16_t *row = calloc((size_t)im.width * (size_t)im.components, sizeof *row);
    (strstr(argv[2], ".png") ? write_png : write_tiff)(&im, argv[2], bits, orientation, row);
    free(row);
    image_release(&im);
    return 0;
}
