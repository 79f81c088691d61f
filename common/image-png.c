/* image-png.c - libpng with its own error functions: errors end in a longjmp, warnings become notes. The library skips
 * all chunks that do not matter for the pixels; the orientation is found by walking over the chunks, because eXIf may
 * stand behind the image data. */
#include "image-png.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "exif.h"
#include "num.h"

enum { SIGNATURE_BYTES = 8, CHUNK_AROUND = 12, DEFLATE_RATIO_MAX = 1040 /* 1032, and rounding */, LEVEL = 6 };
static const uint8_t signature[SIGNATURE_BYTES] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

/* ------------------------------------------------------------------ chunks */
struct chunk {
    const uint8_t *type, *data; /* data: `bytes` of them; NULL before the first */
    size_t bytes;
};

static uint32_t big_endian_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The chunk after c, if it is in the file whole. */
static bool next_chunk(const uint8_t *file, size_t bytes, struct chunk *c)
{
    size_t at = c->data ? (size_t)(c->data - file) + c->bytes + 4 : SIGNATURE_BYTES;
    if (at > bytes || bytes - at < CHUNK_AROUND)
        return false;
    size_t n = big_endian_u32(file + at);
    if (n > bytes - at - CHUNK_AROUND)
        return false;
    *c = (struct chunk){.type = file + at + 4, .data = file + at + 8, .bytes = n};
    return true;
}

static bool is_intact(const struct chunk *c)
{
    return crc32(0, c->type, (uInt)(c->bytes + 4)) == big_endian_u32(c->data + c->bytes);
}

/* What the chunks say that libpng is told to skip. */
static int walk_chunks(const uint8_t *file, size_t bytes, struct image_notes *notes)
{
    int orientation = 0;
    for (struct chunk c = {0}; next_chunk(file, bytes, &c);) {
        if (orientation == 0 && memcmp(c.type, "eXIf", 4) == 0 && is_intact(&c))
            orientation = exif_orientation(c.data, c.bytes);
        else if (memcmp(c.type, "acTL", 4) == 0)
            image_note(notes, "an animation: its first picture is taken");
    }
    return orientation ? orientation : 1;
}

void image_png_reset_orientation(uint8_t *data, size_t bytes)
{
    for (struct chunk c = {0}; next_chunk(data, bytes, &c);) {
        if (memcmp(c.type, "eXIf", 4) != 0 || !is_intact(&c))
            continue;
        uint8_t *body = data + (c.data - data);
        exif_reset_orientation(body, c.bytes);
        uint32_t crc = (uint32_t)crc32(0, c.type, (uInt)(c.bytes + 4));
        for (int i = 0; i < 4; i++)
            body[c.bytes + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    }
}

/* ------------------------------------------------------------------ decoder */
struct decoder {
    png_structp png;
    png_infop info;
    jmp_buf escape;
    struct fmt_error *e;
    struct image_notes notes;
    const uint8_t *file;
    size_t bytes, at;
    int status;    /* of the error that it escaped from */
    bool ran_out;  /* the bytes ended before the end mark */
    bool complete; /* all pixels are decoded */
    bool has_alpha;
    uint8_t *row;  /* as libpng gives it, 8 or 16 bits: of an interlaced image all rows */
    uint8_t *flat; /* a row of the image */
    int bits;      /* of image_settings */
};

static bool has_words(const char *text, const char *words)
{
    return strstr(text, words) != NULL;
}

static enum fmt_status status_of(const struct decoder *d, const char *text)
{
    if (d->ran_out || has_words(text, "Not enough image data"))
        return FMT_TRUNCATED;
    if (has_words(text, "CRC error") || has_words(text, "incorrect data check"))
        return FMT_CHECKSUM;
    return has_words(text, "memory") ? FMT_MEMORY : FMT_INVALID;
}

static void on_error(png_structp png, const char *text)
{
    struct decoder *d = png_get_error_ptr(png);
    enum fmt_status status = status_of(d, text);
    if (d->complete && status != FMT_CHECKSUM && status != FMT_MEMORY)
        image_note(&d->notes, d->ran_out ? "the end mark is missing" : "after the image: %.120s", text);
    else if (status == FMT_TRUNCATED)
        d->status = fmt_fail(d->e, status, "%s", d->ran_out ? "image data is missing; the file is cut short"
                                                             : "image data is missing");
    else
        d->status = fmt_fail(d->e, status, "broken PNG: %.120s", text);
    longjmp(d->escape, 1);
}

static void on_warning(png_structp png, const char *text)
{
    struct decoder *d = png_get_error_ptr(png);
    image_note(&d->notes, "%.150s", text);
}

static void read_bytes(png_structp png, png_bytep to, size_t n)
{
    struct decoder *d = png_get_io_ptr(png);
    if (n > d->bytes - d->at) {
        d->ran_out = true;
        png_error(png, "the file ends");
    }
    memcpy(to, d->file + d->at, n);
    d->at += n;
}

/* Deflate makes at most 1032 bytes of one, so a header that claims too large an image is found before memory is
 * allocated. */
static int check_size(struct decoder *d, const struct image_settings *settings)
{
    uint64_t width = png_get_image_width(d->png, d->info), height = png_get_image_height(d->png, d->info);
    int status = image_check_size(width, height, settings, d->e);
    if (status)
        return status;
    uint64_t raw = height * (1 + (uint64_t)png_get_rowbytes(d->png, d->info));
    if (raw / DEFLATE_RATIO_MAX > d->bytes)
        return fmt_fail(d->e, FMT_TRUNCATED, "%zu bytes cannot hold the image data of %llu x %llu pixels", d->bytes,
                        (unsigned long long)width, (unsigned long long)height);
    return 0;
}

/* Reads up to the image data; may escape. */
static int read_header(struct decoder *d, const struct image_settings *settings, struct image_info *info)
{
    d->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, d, on_error, on_warning);
    d->info = d->png ? png_create_info_struct(d->png) : NULL;
    if (!d->info)
        return fmt_no_memory(d->e);
    png_set_read_fn(d->png, d, read_bytes);
    png_set_benign_errors(d->png, 1);
    png_set_user_limits(d->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* the image's size is checked below */
    png_set_keep_unknown_chunks(d->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(d->png, d->info);
    int status = check_size(d, settings), colour = png_get_color_type(d->png, d->info);
    if (status)
        return status;
    int orientation = walk_chunks(d->file, d->bytes, &d->notes);
    *info = (struct image_info){.components = colour & PNG_COLOR_MASK_COLOR ? 3 : 1,
                                .stored_width = (int)png_get_image_width(d->png, d->info),
                                .stored_height = (int)png_get_image_height(d->png, d->info),
                                .stored_components = png_get_channels(d->png, d->info),
                                .stored_bits = png_get_bit_depth(d->png, d->info),
                                .orientation = settings->orientation ? settings->orientation : orientation,
                                .progressive = png_get_interlace_type(d->png, d->info) != PNG_INTERLACE_NONE};
    image_info_turn(info);
    d->bits = settings->bits;
    return 0;
}

static const bool is_little_endian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

/* Palette -> RGB, few bits -> 8, a transparent colour -> alpha; memory for rows. */
static int prepare(struct decoder *d, const struct image_info *info)
{
    png_set_palette_to_rgb(d->png);
    if (info->components == 1 && info->stored_bits < 8)
        png_set_expand_gray_1_2_4_to_8(d->png);
    if (png_get_valid(d->png, d->info, PNG_INFO_tRNS))
        png_set_tRNS_to_alpha(d->png);
    if (info->stored_bits == 16 && is_little_endian)
        png_set_swap(d->png);
    png_set_interlace_handling(d->png);
    png_read_update_info(d->png, d->info);
    d->has_alpha = png_get_channels(d->png, d->info) > info->components;
    size_t n_rows = info->progressive ? (size_t)info->stored_height : 1, bytes;
    if (num_mul(n_rows, png_get_rowbytes(d->png, d->info), &bytes))
        d->row = malloc(bytes);
    d->flat = malloc((size_t)info->stored_width * (size_t)info->components);
    return d->row && d->flat ? 0 : fmt_no_memory(d->e);
}

static int finish_row(struct decoder *d, const struct image_info *info, uint8_t *row, int y, struct image *im)
{
    int width = info->stored_width, status = 0;
    bool wide = info->stored_bits == 16;
    if (d->has_alpha && !image_drop_alpha(row, width, info->components, wide ? 16 : 8))
        return fmt_fail(d->e, FMT_UNSUPPORTED,
                        "unsupported PNG: transparent pixels (in line %d): save it without transparency", y + 1);
    if (wide)
        status = image_samples_to_8((uint16_t *)(void *)row, (int64_t)width * info->components, d->bits, d->flat,
                                    &d->notes.sample_max, d->e);
    if (im && status == 0)
        image_put_rows(im, info->orientation, info->stored_height, y, 1, wide ? d->flat : row);
    return status;
}

/* libpng needs the rows of the passes before for each pass of an interlaced image. */
static int read_rows(struct decoder *d, const struct image_info *info, struct image *im)
{
    size_t row_bytes = info->progressive ? png_get_rowbytes(d->png, d->info) : 0;
    int n_passes = info->progressive ? PNG_INTERLACE_ADAM7_PASSES : 1, status = 0;
    for (int pass = 0; pass < n_passes; pass++)
        for (int y = 0; y < info->stored_height && status == 0; y++) {
            uint8_t *row = d->row + (size_t)y * row_bytes;
            png_read_row(d->png, row, NULL);
            if (pass == n_passes - 1)
                status = finish_row(d, info, row, y, im);
        }
    return status;
}

static int decode(struct decoder *d, const struct image_settings *settings, struct image *im)
{
    struct image_info info;
    int status = read_header(d, settings, &info);
    if (status == 0 && im)
        status = image_reserve(im, info.width, info.height, info.components, d->e);
    if (status == 0)
        status = prepare(d, &info);
    if (status == 0)
        status = read_rows(d, &info, im);
    if (status)
        return status;
    d->complete = true;
    png_read_end(d->png, NULL);
    if (d->at < d->bytes)
        image_note(&d->notes, "stray bytes after the end mark");
    return 0;
}

bool image_png_is(const void *data, size_t bytes)
{
    return bytes >= SIGNATURE_BYTES && memcmp(data, signature, SIGNATURE_BYTES) == 0;
}

static int check_start(const void *data, size_t bytes, struct fmt_error *e)
{
    if (bytes == 0)
        return fmt_fail(e, FMT_TRUNCATED, "the file is empty");
    return image_png_is(data, bytes) ? 0 : fmt_fail(e, FMT_MAGIC, "not a PNG file");
}

static void decoder_release(struct decoder *d)
{
    png_destroy_read_struct(&d->png, &d->info, NULL);
    free(d->row);
    free(d->flat);
}

int image_png_decode(const void *data, size_t bytes, const struct image_settings *settings, struct image *im,
                     struct image_notes *notes, struct fmt_error *e)
{
    static const struct image_settings none;
    struct decoder d = {.e = e, .file = data, .bytes = bytes};
    int status = check_start(data, bytes, e);
    if (status)
        return status;
    if (setjmp(d.escape) == 0)
        d.status = decode(&d, settings ? settings : &none, im);
    decoder_release(&d);
    if (notes)
        *notes = d.notes;
    return d.status;
}

int image_png_read_info(const void *data, size_t bytes, const struct image_settings *settings,
                        struct image_info *info, struct fmt_error *e)
{
    static const struct image_settings none;
    struct decoder d = {.e = e, .file = data, .bytes = bytes};
    struct image_info found = {0};
    int status = check_start(data, bytes, e);
    if (status)
        return status;
    if (setjmp(d.escape) == 0) {
        d.status = read_header(&d, settings ? settings : &none, &found);
        if (d.status == 0)
            *info = found;
    }
    decoder_release(&d);
    return d.status;
}

/* ------------------------------------------------------------------ encoder */
struct encoder {
    png_structp png;
    png_infop info;
    jmp_buf escape;
    const struct fmt_writer *to;
    struct fmt_error *e;
    int status;
};

static void on_encoder_error(png_structp png, const char *text)
{
    struct encoder *enc = png_get_error_ptr(png);
    if (enc->status == 0)
        enc->status = fmt_fail(enc->e, has_words(text, "memory") ? FMT_MEMORY : FMT_INVALID, "PNG coder: %.120s", text);
    longjmp(enc->escape, 1);
}

static void on_encoder_warning(png_structp png, const char *text)
{
    (void)png, (void)text;
}

static void write_bytes(png_structp png, png_bytep from, size_t n)
{
    struct encoder *enc = png_get_io_ptr(png);
    enc->status = fmt_write_all(enc->to, from, n, enc->e);
    if (enc->status)
        png_error(png, "writing failed");
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

static int encode(struct encoder *enc, const struct image *im)
{
    enc->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, enc, on_encoder_error, on_encoder_warning);
    enc->info = enc->png ? png_create_info_struct(enc->png) : NULL;
    if (!enc->info)
        return fmt_no_memory(enc->e);
    png_set_write_fn(enc->png, enc, write_bytes, flush_nothing);
    png_set_compression_level(enc->png, LEVEL);
    png_set_filter(enc->png, PNG_FILTER_TYPE_BASE, PNG_ALL_FILTERS);
    png_set_IHDR(enc->png, enc->info, (png_uint_32)im->width, (png_uint_32)im->height, 8,
                 im->components == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(enc->png, enc->info);
    for (int y = 0; y < im->height; y++)
        png_write_row(enc->png, image_row(im, y));
    png_write_end(enc->png, NULL);
    return 0;
}

int image_png_write(const struct image *im, const struct fmt_writer *to, struct fmt_error *e)
{
    struct encoder enc = {.to = to, .e = e};
    if (image_bytes(im->width, im->height, im->components) == 0)
        return fmt_fail(e, FMT_INVALID, "PNG coder: %d x %d x %d pixels", im->width, im->height, im->components);
    if (setjmp(enc.escape) == 0)
        enc.status = encode(&enc, im);
    png_destroy_write_struct(&enc.png, &enc.info);
    return enc.status;
}
