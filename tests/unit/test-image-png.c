/* test-image-png.c - PNG: what is written can be read; every kind of pixels is decoded by the stated rules; files with
 * data missing, damaged or transparent are refused; small files take little memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "exif.h"
#include "image-png.h"
#include "tap.h"

enum { W = 37, H = 29 };

struct form {
    int colour, bits, interlace, orientation;
    bool palette_alpha, exif_last;
    unsigned (*sample)(int x, int y, int k); /* as stored: NULL: pattern */
};

static unsigned pattern(int x, int y, int k)
{
    return (unsigned)(x * 1733 + y * 977 + k * 4099 + x * y) & 0xFFFF;
}

static void put(png_structp png, png_bytep data, size_t n)
{
    fmt_buffer_append(png_get_io_ptr(png), data, n);
}

static void flush(png_structp png)
{
    (void)png;
}

static int channels_of(int colour)
{
    return colour == PNG_COLOR_TYPE_RGB ? 3 : colour == PNG_COLOR_TYPE_RGB_ALPHA ? 4
           : colour == PNG_COLOR_TYPE_GRAY_ALPHA ? 2 : 1;
}

static unsigned stored_sample(const struct form *f, int x, int y, int k)
{
    unsigned v = f->sample ? f->sample(x, y, k) : pattern(x, y, k);
    bool alpha = !f->sample && (f->colour & PNG_COLOR_MASK_ALPHA) && k == channels_of(f->colour) - 1;
    unsigned mask = (1u << f->bits) - 1;
    return alpha ? mask : v & mask;
}

/* A file by libpng itself. */
static struct fmt_buffer make(struct form f)
{
    struct fmt_buffer b = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    int n = channels_of(f.colour);
    uint8_t *rows = calloc(H, W * 8), *row[H];
    png_color palette[256];
    png_byte alpha[2] = {255, 0};
    png_set_write_fn(png, &b, put, flush);
    png_set_IHDR(png, info, W, H, f.bits, f.colour, f.interlace, 0, 0);
    for (int i = 0; i < 256; i++)
        palette[i] = (png_color){(png_byte)i, (png_byte)(255 - i), (png_byte)(i * 3)};
    if (f.colour == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 1 << f.bits);
    if (f.palette_alpha)
        png_set_tRNS(png, info, alpha, 2, NULL);
    if (f.orientation && !f.exif_last) {
        uint8_t exif[EXIF_MINIMAL_BYTES];
        exif_minimal(f.orientation, exif);
        png_set_eXIf_1(png, info, EXIF_MINIMAL_BYTES - 6, exif + 6);
    }
    png_write_info(png, info);
    for (int y = 0; y < H; y++) {
        row[y] = rows + (size_t)y * W * 8;
        for (int i = 0; i < W * n; i++) {
            unsigned v = stored_sample(&f, i / n, y, i % n);
            if (f.bits == 16)
                row[y][2 * i] = (uint8_t)(v >> 8), row[y][2 * i + 1] = (uint8_t)v;
            else
                row[y][i * f.bits / 8] |= (uint8_t)(v << (8 - f.bits - i * f.bits % 8));
        }
    }
    png_write_image(png, row);
    if (f.orientation && f.exif_last) {
        uint8_t exif[EXIF_MINIMAL_BYTES];
        exif_minimal(f.orientation, exif);
        png_write_chunk(png, (png_const_bytep) "eXIf", exif + 6, EXIF_MINIMAL_BYTES - 6);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    free(rows);
    return b;
}

static int decode(const struct fmt_buffer *b, const struct image_settings *s, struct image *im,
                  struct image_notes *notes, struct fmt_error *e)
{
    uint8_t *exact = malloc(b->bytes ? b->bytes : 1); /* so that the sanitizer sees a byte too far */
    memcpy(exact, b->data, b->bytes);
    *e = (struct fmt_error){0};
    int status = image_png_decode(exact, b->bytes, s, im, notes, e);
    is_int(image_png_decode(exact, b->bytes, s, NULL, NULL, NULL), status, "the same without an image (%s)", e->text);
    free(exact);
    return status;
}

/* What the rules say of sample k of a pixel. */
static int expected(const struct form *f, int bits, int x, int y, int k)
{
    unsigned v = stored_sample(f, x, y, k);
    if (f->colour == PNG_COLOR_TYPE_PALETTE) {
        v = stored_sample(f, x, y, 0);
        return (uint8_t)(k == 0 ? v : k == 1 ? 255 - v : v * 3);
    }
    if (f->bits == 16)
        return (int)(v >> (bits - 8));
    return (int)(v * 255 / ((1u << f->bits) - 1));
}

static void decodes(struct form f, const char *what)
{
    struct fmt_buffer b = make(f);
    struct image im = {0};
    struct image_notes notes;
    struct image_info info;
    struct fmt_error e;
    int components = f.colour & PNG_COLOR_MASK_COLOR ? 3 : 1, wrong = 0;
    is_int(decode(&b, NULL, &im, &notes, &e), 0, "%s is decoded (%s)", what, e.text);
    is_int(notes.n, 0, "%s: no notes (%s)", what, notes.text);
    ok(image_png_read_info(b.data, b.bytes, NULL, &info, &e) == 0 && info.width == W && info.height == H &&
           info.components == components && info.stored_bits == f.bits &&
           info.stored_components == channels_of(f.colour) && info.progressive == (f.interlace != 0),
       "%s: the header says so", what);
    is_int(im.components, components, "%s: components", what);
    for (int y = 0; y < H && im.pixels; y++)
        for (int i = 0; i < W * components; i++)
            wrong += image_row(&im, y)[i] != expected(&f, 16, i / components, y, i % components);
    is_int(wrong, 0, "%s: every sample is right", what);
    image_release(&im);
    fmt_buffer_release(&b);
}

static void all_forms(void)
{
    static const struct {
        int colour, bits;
        const char *name;
    } form[] = {{PNG_COLOR_TYPE_GRAY, 1, "grey, 1 bit"},      {PNG_COLOR_TYPE_GRAY, 2, "grey, 2 bits"},
                {PNG_COLOR_TYPE_GRAY, 4, "grey, 4 bits"},     {PNG_COLOR_TYPE_GRAY, 8, "grey"},
                {PNG_COLOR_TYPE_GRAY, 16, "grey, 16 bits"},   {PNG_COLOR_TYPE_RGB, 8, "RGB"},
                {PNG_COLOR_TYPE_RGB, 16, "RGB, 16 bits"},     {PNG_COLOR_TYPE_PALETTE, 1, "palette of 2"},
                {PNG_COLOR_TYPE_PALETTE, 4, "palette of 16"}, {PNG_COLOR_TYPE_PALETTE, 8, "palette of 256"},
                {PNG_COLOR_TYPE_GRAY_ALPHA, 8, "opaque grey"}, {PNG_COLOR_TYPE_RGB_ALPHA, 8, "opaque RGB"},
                {PNG_COLOR_TYPE_RGB_ALPHA, 16, "opaque RGB, 16 bits"}};
    char what[64];
    for (size_t i = 0; i < sizeof form / sizeof *form; i++)
        for (int interlace = 0; interlace < 2; interlace++) {
            snprintf(what, sizeof what, "%s%s", form[i].name, interlace ? ", interlaced" : "");
            decodes((struct form){.colour = form[i].colour, .bits = form[i].bits, .interlace = interlace}, what);
        }
}

static unsigned half_transparent(int x, int y, int k)
{
    return k == 3 ? (y == 5 && x == 7 ? 254 : 255) : pattern(x, y, k);
}

static unsigned only_first(int x, int y, int k)
{
    return (void)x, (void)y, (void)k, 0;
}

static void transparency(void)
{
    struct fmt_error e;
    struct image im = {0};
    struct form f = {.colour = PNG_COLOR_TYPE_RGB_ALPHA, .bits = 8, .sample = half_transparent};
    struct fmt_buffer b = make(f);
    is_int(decode(&b, NULL, &im, NULL, &e), FMT_UNSUPPORTED, "one pixel that is not opaque is refused");
    is_text(e.text, "unsupported PNG: transparent pixels (in line 6): save it without transparency", "with its line");
    fmt_buffer_release(&b);
    b = make((struct form){.colour = PNG_COLOR_TYPE_PALETTE, .bits = 1, .palette_alpha = true});
    is_int(decode(&b, NULL, &im, NULL, &e), FMT_UNSUPPORTED, "a transparent colour that is used is refused");
    fmt_buffer_release(&b);
    b = make((struct form){.colour = PNG_COLOR_TYPE_PALETTE, .bits = 1, .palette_alpha = true, .sample = only_first});
    is_int(decode(&b, NULL, &im, NULL, &e), 0, "one that is not used loses nothing");
    fmt_buffer_release(&b);
    image_release(&im);
}

static unsigned twelve_bits(int x, int y, int k)
{
    return x == W - 1 && y == H - 1 ? 4095 : pattern(x, y, k) & 0x7FF;
}

static void sixteen_bits(void)
{
    struct form f = {.colour = PNG_COLOR_TYPE_GRAY, .bits = 16, .sample = twelve_bits};
    struct image_settings s = {.bits = 12};
    struct image_notes notes;
    struct image im = {0};
    struct fmt_error e;
    struct fmt_buffer b = make(f);
    int wrong = 0;
    is_int(decode(&b, &s, &im, &notes, &e), 0, "12 bits of 16 (%s)", e.text);
    is_int(notes.sample_max, 4095, "the largest sample is known");
    for (int i = 0; i < W * H; i++)
        wrong += im.pixels[i] != expected(&f, 12, i % W, i / W, 0);
    is_int(wrong, 0, "they fill the range");
    s.bits = 11;
    is_int(decode(&b, &s, &im, &notes, &e), FMT_LIMIT, "a sample with more bits than stated is refused");
    is_text(e.text, "a sample of 4095 has more than the 11 bits that were stated", "in plain words");
    fmt_buffer_release(&b);
    b = make((struct form){.colour = PNG_COLOR_TYPE_GRAY, .bits = 8});
    is_int(decode(&b, &s, &im, &notes, &e), 0, "8 bits are not touched by the rule");
    is_int(notes.sample_max, 0, "and have no such sample");
    fmt_buffer_release(&b);
    image_release(&im);
}

static void orientation(void)
{
    for (int last = 0; last < 2; last++) {
        struct form f = {.colour = PNG_COLOR_TYPE_GRAY, .bits = 8, .orientation = 6, .exif_last = last};
        struct fmt_buffer b = make(f);
        struct image im = {0};
        struct image_settings as_stored = {.orientation = 1};
        struct image_info info = {0};
        struct fmt_error e;
        const char *where = last ? "behind the pixels" : "before the pixels";
        is_int(decode(&b, NULL, &im, NULL, &e), 0, "turned, %s (%s)", where, e.text);
        ok(im.width == H && im.height == W, "the sides are swapped");
        is_int(image_row(&im, 2)[H - 1 - 3], expected(&f, 8, 2, 3, 0), "by 90 degrees clockwise");
        image_png_read_info(b.data, b.bytes, NULL, &info, NULL);
        ok(info.width == H && info.stored_width == W && info.orientation == 6, "the header says so");
        is_int(decode(&b, &as_stored, &im, NULL, &e) + im.width, W, "or as stored");
        image_release(&im);
        fmt_buffer_release(&b);
    }
}

/* Every prefix is refused, but for those that lack only what follows the last pixel; none crashes. */
static void cut_everywhere(int interlace)
{
    struct fmt_buffer b = make((struct form){.colour = PNG_COLOR_TYPE_RGB, .bits = 8, .interlace = interlace});
    size_t whole = b.bytes, longest_refused = 0;
    int without_note = 0;
    for (size_t n = 0; n < whole; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        struct image im = {0};
        struct image_notes notes;
        struct fmt_error e = {0};
        memcpy(exact, b.data, n);
        if (image_png_decode(exact, n, NULL, &im, &notes, &e))
            longest_refused = n;
        else
            without_note += notes.n == 0;
        image_release(&im);
        free(exact);
    }
    ok(longest_refused > whole - 32 && without_note == 0, "prefixes of %zu bytes are refused up to %zu", whole,
       longest_refused);
    fmt_buffer_release(&b);
}

/* A changed byte is noticed wherever it stands, but for what has no meaning here. */
static void flips(void)
{
    struct fmt_buffer b = make((struct form){.colour = PNG_COLOR_TYPE_GRAY, .bits = 8});
    struct image good = {0}, im = {0};
    struct fmt_error e;
    int unnoticed = 0;
    image_png_decode(b.data, b.bytes, NULL, &good, NULL, NULL);
    for (size_t i = 0; i < b.bytes; i++) {
        struct image_notes notes = {0};
        b.data[i] ^= 0x10;
        e = (struct fmt_error){0};
        if (image_png_decode(b.data, b.bytes, NULL, &im, &notes, &e) == 0 && notes.n == 0)
            unnoticed++;
        else if (e.text[0] == 0 && memcmp(im.pixels, good.pixels, W * H) != 0)
            unnoticed++;
        b.data[i] ^= 0x10;
    }
    is_int(unnoticed, 0, "no change of a byte changes pixels in silence");
    image_release(&good);
    image_release(&im);
    fmt_buffer_release(&b);
}

static void set_header(struct fmt_buffer *b, uint32_t width, uint32_t height)
{
    uint32_t v[2] = {width, height};
    for (int i = 0; i < 8; i++)
        b->data[16 + i] = (uint8_t)(v[i / 4] >> (24 - 8 * (i % 4)));
    uint32_t crc = (uint32_t)crc32(0, b->data + 12, 17);
    for (int i = 0; i < 4; i++)
        b->data[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
}

static void limits(void)
{
    struct fmt_buffer b = make((struct form){.colour = PNG_COLOR_TYPE_RGB, .bits = 8});
    struct image_settings s = {.pixels_max = W * H - 1};
    struct image im = {0};
    struct fmt_error e;
    is_int(decode(&b, &s, &im, NULL, &e), FMT_LIMIT, "more pixels than allowed: %s", e.text);
    s.pixels_max++;
    is_int(decode(&b, &s, &im, NULL, &e), 0, "as many as allowed");
    image_release(&im);
    set_header(&b, 16000, 16000);
    is_int(decode(&b, NULL, &im, NULL, &e), FMT_TRUNCATED, "a bomb within the limit: %s", e.text);
    set_header(&b, 70000, 10);
    is_int(decode(&b, NULL, &im, NULL, &e), FMT_LIMIT, "a side beyond the limit: %s", e.text);
    set_header(&b, 0x7FFFFFFF, 0x7FFFFFFF);
    is_int(decode(&b, NULL, &im, NULL, &e), FMT_LIMIT, "the largest sides: %s", e.text);
    set_header(&b, 0, 10);
    is_int(decode(&b, NULL, &im, NULL, &e), FMT_INVALID, "no width: %s", e.text);
    ok(im.pixels == NULL, "nothing was allocated for them");
    b.bytes = 0;
    is_int(decode(&b, NULL, &im, NULL, &e), FMT_TRUNCATED, "an empty file");
    fmt_buffer_append(&b, "not a picture at all", 20);
    is_int(decode(&b, NULL, &im, NULL, &e), FMT_MAGIC, "another file");
    fmt_buffer_release(&b);
}

static void notes_only(void)
{
    struct fmt_buffer b = make((struct form){.colour = PNG_COLOR_TYPE_GRAY, .bits = 8});
    struct image_notes notes;
    struct image im = {0};
    struct fmt_error e;
    fmt_buffer_append(&b, "tail", 4);
    is_int(decode(&b, NULL, &im, &notes, &e), 0, "bytes after the end are no error");
    is_text(notes.text, "stray bytes after the end mark", "but noted");
    b.bytes -= 4 + 12;
    is_int(decode(&b, NULL, &im, &notes, &e), 0, "nor is a missing end");
    is_text(notes.text, "the end mark is missing", "but noted");
    image_release(&im);
    fmt_buffer_release(&b);
}

static int refuse_write(void *arg, const void *data, size_t n)
{
    (void)data, (void)n;
    return *(int *)arg -= 1, *(int *)arg > 0 ? 0 : -1;
}

static void writing(void)
{
    for (int components = 1; components <= 3; components += 2) {
        struct fmt_buffer a = {0}, b = {0};
        struct fmt_writer to_a = fmt_buffer_writer(&a), to_b = fmt_buffer_writer(&b);
        struct image im = {0}, back = {0};
        struct fmt_error e = {0};
        image_reserve(&im, W, H, components, &e);
        for (int i = 0; i < W * H * components; i++)
            im.pixels[i] = (uint8_t)pattern(i, i / 7, 0);
        is_int(image_png_write(&im, &to_a, &e), 0, "written (%s)", e.text);
        image_png_write(&im, &to_b, &e);
        ok(a.bytes == b.bytes && memcmp(a.data, b.data, a.bytes) == 0, "the same pixels give the same bytes");
        is_int(decode(&a, NULL, &back, NULL, &e), 0, "and read again");
        ok(back.width == W && back.height == H && back.components == components &&
               memcmp(back.pixels, im.pixels, (size_t)(W * H * components)) == 0, "pixel by pixel");
        int calls = 3;
        struct fmt_writer full = {&calls, refuse_write};
        e = (struct fmt_error){0};
        is_int(image_png_write(&im, &full, &e), FMT_IO, "a failing write is an error (%s)", e.text);
        image_release(&im);
        image_release(&back);
        fmt_buffer_release(&a);
        fmt_buffer_release(&b);
    }
    struct image none = {0};
    struct fmt_buffer c = {0};
    struct fmt_writer to = fmt_buffer_writer(&c);
    is_int(image_png_write(&none, &to, NULL), FMT_INVALID, "no image, no file");
    fmt_buffer_release(&c);
}

int main(void)
{
    all_forms();
    transparency();
    sixteen_bits();
    orientation();
    cut_everywhere(0);
    cut_everywhere(1);
    flips();
    limits();
    notes_only();
    writing();
    return tap_done();
}
