/* image-tiff.c - libtiff over memory, with handlers of its own: its first error becomes the reason, warnings become
 * notes (but for unknown tags, which all cameras and microscopes write). In JPEG data a warning means that pixels are
 * missing, as in jpeg.c; in PackBits, that a strip holds more than its rows ("Discarding %d bytes to avoid buffer
 * overrun"): a run was changed, and the pixels behind it are not where they belong.
 *
 * Strips are taken as tiles of the image's width. A band, a row of tiles, is put together with 8 bits, upright rows of
 * pixels, and then goes into the image. */
#include "image-tiff.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>
#include <zlib.h>

#include "num.h"

enum {
    COLOURS = 256,                 /* of a palette */
    ALLOCATION_MAX = 1 << 30,      /* of libtiff, one */
    TILE_SLACK = 16 * 1024 * 1024, /* a tile may be larger than the image, but not by more */
};

struct decoder {
    TIFF *tif;
    struct fmt_error *e;
    struct image_notes notes;
    const uint8_t *file;
    size_t bytes;
    uint64_t at;
    int status;   /* of the first error */
    bool ran_out; /* bytes beyond the end were asked for */
    bool reading; /* strips or tiles: no longer the header */
    /* from the header */
    uint16_t compression, photometric, n_samples, bits, planar;
    bool tiled, has_alpha;
    uint32_t tile_width, tile_height;
    const uint16_t *colour[3];  /* [COLOURS] of a palette */
    uint8_t *tile; /* [tile_height, tile_width, samples, bits / 8] */
    uint8_t *band; /* [tile_height, width, components] */
    uint8_t *row;  /* of a tile, with 8 bits */
    size_t tile_bytes;
    int significant; /* bits of image_settings */
};

/* ------------------------------------------------------------------ libtiff's callbacks */
static tmsize_t read_bytes(thandle_t handle, void *to, tmsize_t n)
{
    struct decoder *d = handle;
    size_t left = d->at < d->bytes ? d->bytes - (size_t)d->at : 0, take = (size_t)n < left ? (size_t)n : left;
    d->ran_out = d->ran_out || take < (size_t)n;
    memcpy(to, d->file + (d->at < d->bytes ? d->at : 0), take);
    d->at += take;
    return (tmsize_t)take;
}

static tmsize_t write_nothing(thandle_t handle, void *from, tmsize_t n)
{
    (void)handle, (void)from, (void)n;
    return -1;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence)
{
    struct decoder *d = handle;
    d->at = whence == SEEK_SET ? offset : whence == SEEK_CUR ? d->at + offset : d->bytes + offset;
    return d->at;
}

static int close_nothing(thandle_t handle)
{
    return (void)handle, 0;
}

static toff_t size_of(thandle_t handle)
{
    return ((struct decoder *)handle)->bytes;
}

/* libtiff's words for a size that a damaged file claims, none or too much, are those for memory that ran out. */
static bool is_there(size_t bytes)
{
    void *volatile memory = malloc(bytes);
    free(memory);
    return memory != NULL;
}

static void fail_with(struct decoder *d, const char *format, va_list args)
{
    char text[200];
    vsnprintf(text, sizeof text, format, args);
    for (char *c = text; *c; c++)
        *c = *c == '\n' ? ' ' : *c;
    for (size_t n = strlen(text); n > 0 && (text[n - 1] == '.' || text[n - 1] == ' '); n--)
        text[n - 1] = 0;
    if (d->status)
        return;
    bool memory = strstr(text, "memory") || strstr(text, "Memory");
    if (memory && !is_there(ALLOCATION_MAX))
        d->status = fmt_fail(d->e, FMT_MEMORY, "out of memory (TIFF: %.120s)", text);
    else if (d->reading || d->ran_out)
        d->status = fmt_fail(d->e, FMT_TRUNCATED, "image data is missing or damaged (%.120s%s)", text,
                             d->ran_out ? "; the file is cut short" : "");
    else
        d->status = fmt_fail(d->e, FMT_INVALID, "broken TIFF: %.120s", text);
}

static int on_error(TIFF *tif, void *arg, const char *module, const char *format, va_list args)
{
    (void)tif, (void)module;
    fail_with(arg, format, args);
    return 1;
}

static int on_warning(TIFF *tif, void *arg, const char *module, const char *format, va_list args)
{
    struct decoder *d = arg;
    char text[160];
    (void)tif, (void)module;
    bool of_data = d->compression == COMPRESSION_JPEG || d->compression == COMPRESSION_PACKBITS;
    if (d->reading && of_data) {
        fail_with(d, format, args);
    } else if (strncmp(format, "Unknown field", 13) != 0) {
        vsnprintf(text, sizeof text, format, args);
        image_note(&d->notes, "%s", text);
    }
    return 1;
}

static int open_tiff(struct decoder *d)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return fmt_no_memory(d->e);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, ALLOCATION_MAX);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, d);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, d);
    d->tif = TIFFClientOpenExt("", "rm", d, read_bytes, write_nothing, seek, close_nothing, size_of, NULL, NULL,
                               options);
    TIFFOpenOptionsFree(options);
    if (!d->tif && d->status == 0)
        d->status = fmt_fail(d->e, FMT_INVALID, "broken TIFF");
    return d->status;
}

/* ------------------------------------------------------------------ header */
static int unsupported(struct decoder *d, const char *what)
{
    return fmt_fail(d->e, FMT_UNSUPPORTED, "unsupported TIFF: %s", what);
}

/* The most bytes of samples that one byte of coded data gives: all of deflate's 1032, LZW's longest text for a code of
 * 12 bits, JPEG's block of 64 samples in one bit, with components of fewer. 0: a compression that is not decoded. */
static uint64_t largest_ratio(uint16_t compression)
{
    switch (compression) {
    case COMPRESSION_NONE: return 1;
    case COMPRESSION_PACKBITS: return 64;
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE: return 1040;
    case COMPRESSION_LZW: return 2800;
    case COMPRESSION_JPEG: return 1600;
    default: return 0;
    }
}

static int check_colours(struct decoder *d)
{
    unsigned n_extra = 0;
    switch (d->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK: n_extra = d->n_samples - 1u; break;
    case PHOTOMETRIC_PALETTE:
        n_extra = d->n_samples - 1u;
        if (d->bits != 8)
            return unsupported(d, "a palette of 16 bits");
        uint16_t *c[3];
        if (!TIFFGetField(d->tif, TIFFTAG_COLORMAP, &c[0], &c[1], &c[2]))
            return fmt_fail(d->e, FMT_INVALID, "broken TIFF: the palette is missing");
        memcpy(d->colour, c, sizeof d->colour);
        break;
    case PHOTOMETRIC_YCBCR:
        if (d->compression != COMPRESSION_JPEG)
            return unsupported(d, "YCbCr without JPEG compression");
        /* fall through */
    case PHOTOMETRIC_RGB: n_extra = d->n_samples - 3u; break;
    case PHOTOMETRIC_SEPARATED: return unsupported(d, "CMYK colours");
    case PHOTOMETRIC_CIELAB:
    case PHOTOMETRIC_ICCLAB:
    case PHOTOMETRIC_ITULAB: return unsupported(d, "Lab colours");
    default: return unsupported(d, "colours of another kind (PhotometricInterpretation)");
    }
    d->has_alpha = n_extra == 1;
    return n_extra > 1 ? unsupported(d, "a number of samples that its kind of colours does not have") : 0;
}

static int check_kind(struct decoder *d)
{
    uint16_t format = SAMPLEFORMAT_UINT;
    char text[64];
    TIFFGetFieldDefaulted(d->tif, TIFFTAG_COMPRESSION, &d->compression);
    TIFFGetFieldDefaulted(d->tif, TIFFTAG_BITSPERSAMPLE, &d->bits);
    TIFFGetFieldDefaulted(d->tif, TIFFTAG_SAMPLESPERPIXEL, &d->n_samples);
    TIFFGetFieldDefaulted(d->tif, TIFFTAG_PLANARCONFIG, &d->planar);
    TIFFGetFieldDefaulted(d->tif, TIFFTAG_SAMPLEFORMAT, &format);
    if (!TIFFLastDirectory(d->tif))
        return unsupported(d, "more than one page: save the one that counts as a file of its own");
    if (format == SAMPLEFORMAT_IEEEFP)
        return unsupported(d, "floating-point samples: what is white, only their maker knows; save 8 or 16 bits");
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID)
        return unsupported(d, "signed or complex samples");
    if (d->bits != 8 && d->bits != 16) {
        snprintf(text, sizeof text, "%d %s a sample", d->bits, d->bits == 1 ? "bit" : "bits");
        return unsupported(d, text);
    }
    if (!largest_ratio(d->compression)) {
        const TIFFCodec *codec = TIFFFindCODEC(d->compression);
        snprintf(text, sizeof text, "compression %.40s (%d)", codec ? codec->name : "unknown", d->compression);
        return unsupported(d, text);
    }
    if (!TIFFGetField(d->tif, TIFFTAG_PHOTOMETRIC, &d->photometric))
        return fmt_fail(d->e, FMT_INVALID, "broken TIFF: no PhotometricInterpretation");
    return check_colours(d);
}

/* Sizes of the image and its tiles, before memory is allocated. */
static int check_size(struct decoder *d, const struct image_settings *settings, uint32_t width, uint32_t height)
{
    int status = image_check_size(width, height, settings, d->e);
    if (status)
        return status;
    if (d->compression == COMPRESSION_JPEG && d->photometric == PHOTOMETRIC_YCBCR)
        TIFFSetField(d->tif, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    d->tiled = TIFFIsTiled(d->tif);
    d->tile_width = width, d->tile_height = height;
    if (d->tiled) {
        TIFFGetField(d->tif, TIFFTAG_TILEWIDTH, &d->tile_width);
        TIFFGetField(d->tif, TIFFTAG_TILELENGTH, &d->tile_height);
    } else {
        uint32_t rows = height;
        TIFFGetFieldDefaulted(d->tif, TIFFTAG_ROWSPERSTRIP, &rows);
        d->tile_height = rows < height ? rows : height;
    }
    uint64_t pixel = (uint64_t)(d->planar == PLANARCONFIG_CONTIG ? d->n_samples : 1) * d->bits / 8;
    uint64_t raw = (uint64_t)width * height * d->n_samples * d->bits / 8;
    if (raw / largest_ratio(d->compression) > d->bytes)
        return fmt_fail(d->e, FMT_TRUNCATED, "%zu bytes cannot hold the image data of %u x %u pixels", d->bytes, width,
                        height);
    if (d->tile_width == 0 || d->tile_height == 0)
        return fmt_fail(d->e, FMT_INVALID, "broken TIFF: strips or tiles without pixels");
    if (d->tile_width > INT32_MAX || d->tile_height > INT32_MAX ||
        (uint64_t)d->tile_width * d->tile_height > (2 * raw + TILE_SLACK) / pixel)
        return fmt_fail(d->e, FMT_LIMIT, "tiles of %u x %u for %u x %u pixels", d->tile_width, d->tile_height, width,
                        height);
    d->tile_bytes = (size_t)((uint64_t)d->tile_width * d->tile_height * pixel);
    uint64_t theirs = d->tiled ? TIFFTileSize64(d->tif) : TIFFVStripSize64(d->tif, d->tile_height);
    return theirs == d->tile_bytes ? 0 : fmt_fail(d->e, FMT_INVALID, "broken TIFF: strips or tiles of an unclear size");
}

static int read_header(struct decoder *d, const struct image_settings *settings, struct image_info *info)
{
    uint32_t width = 0, height = 0;
    uint16_t orientation = 1;
    int status = open_tiff(d);
    if (!status)
        status = check_kind(d);
    if (status)
        return status;
    TIFFGetField(d->tif, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(d->tif, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetFieldDefaulted(d->tif, TIFFTAG_ORIENTATION, &orientation);
    if ((status = check_size(d, settings, width, height)) || (status = d->status))
        return status;
    bool grey = d->photometric == PHOTOMETRIC_MINISBLACK || d->photometric == PHOTOMETRIC_MINISWHITE;
    orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
    *info = (struct image_info){.components = grey ? 1 : 3,
                                .stored_width = (int)width,
                                .stored_height = (int)height,
                                .stored_components = d->n_samples,
                                .stored_bits = d->bits,
                                .orientation = settings->orientation ? settings->orientation : orientation};
    image_info_turn(info);
    d->significant = settings->bits;
    return 0;
}

/* ------------------------------------------------------------------ pixels */
/* n samples of a tile -> 8 bits. */
static int to_8(struct decoder *d, const uint8_t *from, int64_t n, uint8_t *to)
{
    if (d->bits == 16)
        return image_samples_to_8((const uint16_t *)(const void *)from, n, d->significant, to, &d->notes.sample_max,
                                  d->e);
    memcpy(to, from, (size_t)n);
    return 0;
}

/* n pixels of a tile, with n_colours samples each, -> pixels of the image, from component k on. */
static int put_pixels(struct decoder *d, const uint8_t *from, int n, int n_colours, int k, int components, uint8_t *to)
{
    int status = to_8(d, from, (int64_t)n * n_colours, d->row);
    uint8_t invert = d->photometric == PHOTOMETRIC_MINISWHITE ? UINT8_MAX : 0;
    for (int x = 0; x < n; x++, to += components) {
        const uint8_t *in = d->row + x * n_colours;
        for (int i = 0; i < 3 && d->colour[0]; i++)
            to[i] = (uint8_t)(d->colour[i][*in] >> 8);
        for (int i = 0; i < n_colours && !d->colour[0]; i++)
            to[k + i] = in[i] ^ invert;
    }
    return status;
}

/* Whether deflated data end where a tile or strip of that many bytes does, with the checksum that they were written
 * with. */
static bool is_whole(const uint8_t *data, size_t bytes, size_t most)
{
    uint8_t piece[4096];
    z_stream z = {.next_in = (uint8_t *)data, .avail_in = (uInt)bytes};
    int state = inflateInit(&z);
    if (state != Z_OK) /* no memory, which libtiff had */
        return true;
    while (state == Z_OK && z.total_out <= most) {
        z.next_out = piece;
        z.avail_out = sizeof piece;
        state = inflate(&z, Z_NO_FLUSH);
    }
    inflateEnd(&z);
    return state == Z_STREAM_END && z.total_out <= most;
}

/* libtiff is content when it has all pixels: damaged data that give more than those have a checksum that it does not
 * come to. */
static void check_deflated(struct decoder *d, uint32_t i, uint32_t y)
{
    bool deflated = d->compression == COMPRESSION_ADOBE_DEFLATE || d->compression == COMPRESSION_DEFLATE;
    uint16_t order = FILLORDER_MSB2LSB;
    uint64_t at = TIFFGetStrileOffset(d->tif, i), n = TIFFGetStrileByteCount(d->tif, i);
    TIFFGetFieldDefaulted(d->tif, TIFFTAG_FILLORDER, &order);
    if (!deflated || order != FILLORDER_MSB2LSB || at > d->bytes || n > d->bytes - at || n > UINT32_MAX)
        return;
    if (!is_whole(d->file + at, (size_t)n, d->tile_bytes))
        d->status = fmt_fail(d->e, FMT_TRUNCATED, "image data is damaged (its checksum, near line %u)", y + 1);
}

static int read_tile(struct decoder *d, uint32_t x, uint32_t y, uint16_t plane, size_t bytes)
{
    uint32_t i = d->tiled ? TIFFComputeTile(d->tif, x, y, 0, plane) : TIFFComputeStrip(d->tif, y, plane);
    tmsize_t got = d->tiled ? TIFFReadEncodedTile(d->tif, i, d->tile, (tmsize_t)bytes)
                            : TIFFReadEncodedStrip(d->tif, i, d->tile, (tmsize_t)bytes);
    if (d->status == 0 && got != (tmsize_t)bytes)
        d->status = fmt_fail(d->e, FMT_TRUNCATED, "image data is missing (near line %u)", y + 1);
    if (d->status == 0)
        check_deflated(d, i, y);
    return d->status;
}

/* The tile at column x and row y of the image, plane or all samples, into the band. */
static int take_tile(struct decoder *d, const struct image_info *info, int x, int y, uint16_t plane, int n_rows)
{
    bool together = d->planar == PLANARCONFIG_CONTIG;
    int n_all = d->n_samples - d->has_alpha, n_colours = together ? n_all : plane < n_all ? 1 : 0;
    int n = (int)num_min(d->tile_width, info->stored_width - x);
    size_t row_bytes = (size_t)d->tile_width * (together ? d->n_samples : 1u) * d->bits / 8;
    size_t pixel = (size_t)info->components, width = (size_t)info->stored_width;
    int status = read_tile(d, (uint32_t)x, (uint32_t)y, plane, d->tiled ? d->tile_bytes : (size_t)n_rows * row_bytes);
    for (int i = 0; i < n_rows && status == 0; i++) {
        uint8_t *from = d->tile + (size_t)i * row_bytes, *to = d->band + ((size_t)i * width + (size_t)x) * pixel;
        if (d->has_alpha && (together || n_colours == 0) && !image_drop_alpha(from, n, n_colours, d->bits))
            return unsupported(d, "transparent pixels: save it without transparency");
        if (n_colours > 0)
            status = put_pixels(d, from, n, n_colours, plane, info->components, to);
    }
    return status;
}

static int read_bands(struct decoder *d, const struct image_info *info, struct image *im)
{
    int n_planes = d->planar == PLANARCONFIG_CONTIG ? 1 : d->n_samples, status = 0;
    for (int y = 0; y < info->stored_height && status == 0; y += (int)d->tile_height) {
        int n_rows = (int)num_min(d->tile_height, info->stored_height - y);
        for (int x = 0; x < info->stored_width && status == 0; x += (int)d->tile_width)
            for (int plane = 0; plane < n_planes && status == 0; plane++)
                status = take_tile(d, info, x, y, (uint16_t)plane, n_rows);
        if (im && status == 0)
            image_put_rows(im, info->orientation, info->stored_height, y, n_rows, d->band);
    }
    return status;
}

static int prepare(struct decoder *d, const struct image_info *info)
{
    size_t rows = (size_t)num_min(d->tile_height, info->stored_height);
    d->tile = malloc(d->tile_bytes);
    d->band = malloc(rows * (size_t)info->stored_width * (size_t)info->components);
    d->row = malloc((size_t)d->tile_width * d->n_samples);
    return d->tile && d->band && d->row ? 0 : fmt_no_memory(d->e);
}

static int decode(struct decoder *d, const struct image_settings *settings, struct image *im)
{
    struct image_info info;
    int status = read_header(d, settings, &info);
    if (status == 0 && im)
        status = image_reserve(im, info.width, info.height, info.components, d->e);
    if (status == 0)
        status = prepare(d, &info);
    d->reading = true;
    return status ? status : read_bands(d, &info, im);
}

static int check_start(const uint8_t *data, size_t bytes, struct fmt_error *e)
{
    if (bytes == 0)
        return fmt_fail(e, FMT_TRUNCATED, "the file is empty");
    return image_tiff_is(data, bytes) ? 0 : fmt_fail(e, FMT_MAGIC, "not a TIFF file");
}

static void decoder_release(struct decoder *d)
{
    if (d->tif)
        TIFFClose(d->tif);
    free(d->tile);
    free(d->band);
    free(d->row);
}

bool image_tiff_is(const void *data, size_t bytes)
{
    return bytes >= 4 && (memcmp(data, "II*\0", 4) == 0 || memcmp(data, "MM\0*", 4) == 0 ||
                          memcmp(data, "II+\0", 4) == 0 || memcmp(data, "MM\0+", 4) == 0);
}

int image_tiff_decode(const void *data, size_t bytes, const struct image_settings *settings, struct image *im,
                      struct image_notes *notes, struct fmt_error *e)
{
    static const struct image_settings none;
    struct decoder d = {.e = e, .file = data, .bytes = bytes};
    int status = check_start(data, bytes, e);
    if (status)
        return status;
    status = decode(&d, settings ? settings : &none, im);
    decoder_release(&d);
    if (notes)
        *notes = d.notes;
    return status;
}

int image_tiff_read_info(const void *data, size_t bytes, const struct image_settings *settings,
                         struct image_info *info, struct fmt_error *e)
{
    static const struct image_settings none;
    struct decoder d = {.e = e, .file = data, .bytes = bytes};
    struct image_info found = {0};
    int status = check_start(data, bytes, e);
    if (status)
        return status;
    status = read_header(&d, settings ? settings : &none, &found);
    if (status == 0)
        *info = found;
    decoder_release(&d);
    return status;
}
