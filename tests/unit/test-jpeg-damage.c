/* test-jpeg-damage.c - JPEG files that are damaged: with data missing they are refused, or filled where that is asked
 * for; signs of damage, of which nothing is lost for certain, are told apart from what is only unusual. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "jpegbed.h"
#include "rng.h"

/* Every prefix is refused, but for those that lack only the end mark; none crashes. */
static void cut_everywhere(int components, bool progressive, const char *what)
{
    struct jpeg_encoding encoding = {.quality = 80, .progressive = progressive};
    struct fmt_buffer b = make_jpeg(40, 33, components, encoding);
    size_t n_decoded = 0, longest_refused = 0;
    for (size_t n = 0; n < b.bytes; n++) {
        uint8_t *exact = malloc(n ? n : 1); /* so that the sanitizer sees a byte too far */
        struct image im = {0};
        struct image_notes notes;
        struct fmt_error e = {0};
        memcpy(exact, b.data, n);
        if (jpeg_decode(exact, n, NULL, &im, &notes, &e) == 0)
            n_decoded += notes.n > 0 ? 1 : 100;
        else
            longest_refused = n;
        image_release(&im);
        free(exact);
    }
    ok(n_decoded >= 1 && n_decoded <= 4 && longest_refused >= b.bytes - 6,
       "%s: of all prefixes only those without the end mark are decoded, with a note (%zu)", what, n_decoded);
    fmt_buffer_release(&b);
}

static void ignore_message(j_common_ptr c, int level)
{
    (void)c, (void)level;
}

/* A cut file with an end mark, as any reader of libjpeg sees it: what jpeg_decode fills must be equal to it. */
static void plain_decode(const uint8_t *data, size_t n, struct image *im)
{
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr errors;
    struct fmt_buffer b = {0};
    fmt_buffer_append(&b, data, n);
    fmt_buffer_append(&b, "\xFF\xD9", 2);
    c.err = jpeg_std_error(&errors);
    c.err->emit_message = ignore_message;
    jpeg_create_decompress(&c);
    jpeg_mem_src(&c, b.data, b.bytes);
    jpeg_read_header(&c, TRUE);
    jpeg_start_decompress(&c);
    image_reserve(im, (int)c.output_width, (int)c.output_height, c.output_components, NULL);
    while (c.output_scanline < c.output_height) {
        JSAMPROW row = image_row(im, (int)c.output_scanline);
        jpeg_read_scanlines(&c, &row, 1);
    }
    jpeg_destroy_decompress(&c);
    fmt_buffer_release(&b);
}

static size_t last_marker(const struct fmt_buffer *b, int marker, size_t before)
{
    while (before > 2 && (b->data[before - 2] != 0xFF || b->data[before - 1] != marker))
        before--;
    return before - 2;
}

/* Cut after most of the coded data: refused, or filled. */
static void filling(int components, bool progressive, const char *what)
{
    struct jpeg_encoding encoding = {.quality = 90, .progressive = progressive};
    struct fmt_buffer b = make_jpeg(W, H, components, encoding);
    struct image_settings fill = {.fill = true};
    struct image_notes notes = {0};
    struct image im = {0}, plain = {0}, whole = {0};
    struct fmt_error e = {0};
    size_t scan = last_marker(&b, 0xDA, b.bytes), cut = progressive ? scan + 20 : b.bytes * 8 / 10;
    is_int(jpeg_decode(b.data, cut, NULL, &im, NULL, &e), FMT_TRUNCATED, "%s, cut: refused (%s)", what, e.text);
    e = (struct fmt_error){0};
    is_int(jpeg_decode(b.data, cut, &fill, &im, &notes, &e), 0, "%s, cut: filled on request (%s)", what, e.text);
    ok(notes.filled && strncmp(notes.text, "cut short (", 11) == 0, "%s: it says so: %s", what, notes.text);
    plain_decode(b.data, cut, &plain);
    ok(im.width == W && im.height == H && memcmp(im.pixels, plain.pixels, image_bytes(W, H, components)) == 0,
       "%s: pixels as libjpeg gives them", what);
    is_int(jpeg_decode(b.data, b.bytes, NULL, &whole, NULL, &e), 0, "%s: whole", what);
    is_int(jpeg_decode(b.data, b.bytes, &fill, &im, &notes, &e), 0, "%s: whole, with the setting", what);
    ok(!notes.filled && notes.n == 0 && memcmp(im.pixels, whole.pixels, image_bytes(W, H, components)) == 0,
       "%s: a whole file is not changed by the setting", what);
    if (!progressive) {
        is_int(image_row(&plain, H - 1)[0], 128, "%s: the last line is grey", what);
        ok(memcmp(plain.pixels, whole.pixels, (size_t)(W * components * 8)) == 0, "%s: the first are right", what);
    }
    if (progressive) {
        size_t table = last_marker(&b, 0xC4, scan);
        plain_decode(b.data, table, &plain);
        is_int(jpeg_decode(b.data, table + 9, &fill, &im, NULL, &e), 0, "%s: cut within a later table", what);
        ok(memcmp(im.pixels, plain.pixels, image_bytes(W, H, components)) == 0, "%s: as before the table", what);
    }
    is_int(jpeg_decode(b.data, 20, &fill, &im, NULL, NULL), FMT_TRUNCATED, "%s: a cut in the header is refused", what);
    image_release(&im);
    image_release(&plain);
    image_release(&whole);
    fmt_buffer_release(&b);
}

/* The share that was decoded, of a file cut after `bytes`, which is `percent`, or too little. */
static void share(const struct fmt_buffer *b, size_t bytes, int least, int most, const char *what)
{
    struct image_settings fill = {.fill = true};
    struct image_notes notes = {0};
    struct fmt_error e = {0};
    int status = jpeg_decode(b->data, bytes, &fill, NULL, &notes, &e);
    if (most < JPEG_FILLED_PERCENT_MIN)
        ok(status == FMT_TRUNCATED && strstr(e.text, "too few to fill the rest"), "%s: refused: %s", what, e.text);
    else
        is_int(status, 0, "%s: filled (%s)", what, e.text);
    ok(notes.filled && notes.decoded_percent >= least && notes.decoded_percent <= most,
       "%s: %d %% of the rows came (%d to %d)", what, notes.decoded_percent, least, most);
}

/* A flat picture has the same few bytes in each row of blocks: what is cut from them is what is cut from the rows. */
static void shares(void)
{
    struct image im = {0}, filled = {0};
    struct fmt_buffer b = {0};
    struct image_settings fill = {.fill = true};
    image_reserve(&im, 160, 1600, 1, NULL);
    memset(im.pixels, 90, image_bytes(160, 1600, 1));
    jpeg_encode(&im, &(struct jpeg_encoding){.quality = 90}, &b, NULL);
    size_t data = last_marker(&b, 0xDA, b.bytes) + 10, coded = b.bytes - 2 - data; /* after the header of the scan */
    share(&b, data + coded * 9 / 10, 89, 90, "cut at nine tenths");
    share(&b, data + coded * 6 / 10, 59, 60, "at six tenths");
    share(&b, data + coded * 4 / 10, 39, 40, "at four tenths");
    share(&b, data + coded / 10, 9, 10, "at a tenth");
    struct image_notes notes = {0};
    jpeg_decode(b.data, data + coded * 6 / 10, &fill, &filled, &notes, NULL);
    int rows = 0;
    while (rows < 1600 && image_row(&filled, rows)[0] == 90 && image_row(&filled, rows)[159] == 90)
        rows++;
    is_int(notes.decoded_percent, 100 * rows / 1600, "it is the share of rows with their colour: %d of 1600", rows);
    jpeg_decode(b.data, b.bytes, &fill, NULL, &notes, NULL);
    ok(!notes.filled && notes.decoded_percent == 0, "a whole file has no such share");
    fmt_buffer_release(&b);
    image_release(&im);
    image_release(&filled);
}

/* Of a progressive file: refinements alone may be missing, scans of first bits not. */
static void shares_of_scans(void)
{
    struct fmt_buffer b = make_jpeg(W, H, 3, (struct jpeg_encoding){.quality = 90, .progressive = true});
    size_t last = last_marker(&b, 0xDA, b.bytes), fourth = b.bytes, scan = 0;
    int n = 0;
    share(&b, last + 20, 100, 100, "the last scan, of refinements, is cut");
    for (size_t i = 2; i + 1 < b.bytes && n < 4; i++)
        if (b.data[i] == 0xFF && b.data[i + 1] == 0xDA) {
            n++;
            scan = n == 1 ? i : scan;
            fourth = i;
        }
    share(&b, fourth, 0, 0, "only three scans came");
    share(&b, scan + 40, 0, 30, "the first scan is cut");
    fmt_buffer_release(&b);
}

/* Damage within a whole file is no cut, nor is a bomb. */
static void not_filled(void)
{
    struct fmt_buffer b = make_jpeg(400, 300, 3, (struct jpeg_encoding){.quality = 90});
    struct image_settings fill = {.fill = true};
    struct image im = {0};
    struct fmt_error e = {0};
    b.data[b.bytes / 2] = 0xFF, b.data[b.bytes / 2 + 1] = 0xD3; /* a restart marker where there are none */
    is_int(jpeg_decode(b.data, b.bytes, &fill, &im, NULL, &e), FMT_TRUNCATED, "damage is not filled: %s", e.text);
    for (size_t i = 0; i + 9 < b.bytes; i++)
        if (b.data[i] == 0xFF && b.data[i + 1] == 0xC0) {
            b.data[i + 5] = 0x3F, b.data[i + 7] = 0x3F;
            break;
        }
    image_release(&im);
    e = (struct fmt_error){0};
    is_int(jpeg_decode(b.data, b.bytes, &fill, &im, NULL, &e), FMT_TRUNCATED, "nor are bombs: %s", e.text);
    ok(im.pixels == NULL, "nothing was allocated for it");
    fmt_buffer_release(&b);
}

/* Zeros are codes of flat blocks: a file whose end never came, or a hole in it, can give all pixels. */
static void zeros_within(bool end_mark, const char *what)
{
    struct fmt_buffer b = make_jpeg(400, 300, 3, (struct jpeg_encoding){.quality = 95});
    struct image im = {0};
    struct fmt_error e = {0};
    memset(b.data + b.bytes / 4, 0, b.bytes - b.bytes / 4 - (end_mark ? 2 : 0));
    is_int(jpeg_decode(b.data, b.bytes, NULL, &im, NULL, &e), FMT_TRUNCATED, "%s: refused: %s", what, e.text);
    image_release(&im);
    fmt_buffer_release(&b);
}

/* A grey image with a restart mark behind every second block. */
static struct fmt_buffer make_restarts(void)
{
    struct fmt_buffer b = {0};
    struct image im = {0};
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr m;
    unsigned char *file = NULL;
    unsigned long bytes = 0;
    fill_picture(&im, W, H, 1);
    c.err = jpeg_std_error(&m);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &file, &bytes);
    c.image_width = W, c.image_height = H;
    c.input_components = 1, c.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&c);
    c.restart_interval = 2;
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < H) {
        JSAMPROW row = image_row(&im, (int)c.next_scanline);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    fmt_buffer_append(&b, file, bytes);
    free(file);
    image_release(&im);
    return b;
}

/* Before the end mark a few stray bytes are padding; before a restart mark there is none. */
static void few_bytes_left_over(void)
{
    struct fmt_buffer b = make_restarts(), longer = {0};
    struct image im = {0};
    struct image_notes notes;
    struct fmt_error e = {0};
    size_t at = 2;
    is_int(jpeg_decode(b.data, b.bytes, NULL, &im, &notes, &e) + notes.n, 0, "restart marks are no damage %s", e.text);
    while (at + 1 < b.bytes && !(b.data[at] == 0xFF && b.data[at + 1] == 0xD2))
        at++;
    fmt_buffer_append(&longer, b.data, at);
    fmt_buffer_append(&longer, "sixteen bytes...", 16); /* more than the decoder reads ahead */
    fmt_buffer_append(&longer, b.data + at, b.bytes - at);
    is_int(jpeg_decode(longer.data, longer.bytes, NULL, &im, NULL, &e), FMT_TRUNCATED, "bytes before a restart mark");
    is_text(e.text, "coded data is damaged (16 bytes are left over before marker d2)", "... are refused");
    image_release(&im);
    fmt_buffer_release(&longer);
    fmt_buffer_release(&b);
}

static void stray_bytes(void)
{
    struct fmt_buffer b = make_jpeg(W, H, 3, (struct jpeg_encoding){.quality = 80});
    struct image im = {0};
    struct image_notes notes;
    struct fmt_error e = {0};
    fmt_buffer_append(&b, "tail", 4);
    is_int(jpeg_decode(b.data, b.bytes, NULL, &im, &notes, &e), 0, "bytes after the end mark are no error");
    is_text(notes.text, "stray bytes after the end mark", "but noted");
    b.bytes -= 4;
    size_t one = b.bytes;
    uint8_t *copy = malloc(one);
    memcpy(copy, b.data, one);
    fmt_buffer_append(&b, copy, one);
    free(copy);
    is_int(jpeg_decode(b.data, b.bytes, NULL, &im, &notes, &e) + notes.n, 0, "a second image after it is not noted");
    fmt_buffer_append(&b, "x", 1);
    is_int(jpeg_decode(b.data + 1, b.bytes - 1, NULL, &im, &notes, &e), FMT_MAGIC, "bytes before the start: no JPEG");
    image_release(&im);
    fmt_buffer_release(&b);
}

static void changed_bytes(void)
{
    struct fmt_buffer b = make_jpeg(40, 33, 3, (struct jpeg_encoding){.quality = 60, .progressive = true});
    struct rng r = rng_stream(1, 0, 0, RNG_TEST);
    struct image im = {0};
    for (int i = 0; i < 3000; i++) {
        size_t at = 2 + (size_t)rng_below(&r, b.bytes - 2);
        uint8_t was = b.data[at];
        b.data[at] = (uint8_t)rng_u32(&r);
        struct image_settings settings = {.pixels_max = 1 << 20};
        jpeg_decode(b.data, b.bytes, &settings, &im, NULL, NULL);
        b.data[at] = was;
    }
    ok(true, "3,000 files with a changed byte");
    image_release(&im);
    fmt_buffer_release(&b);
}

/* ---------------------------------------------------------------- hard cases of other projects, where they are at
 * hand */

/* ---------------------------------------------------------------- signs of damage */
/* n bytes, of the file, come before the end of it: `before` the end mark or behind all. */
static void sign(size_t before, const char *bytes, size_t n, bool damaged, const char *text, const char *what)
{
    struct fmt_buffer b = make_jpeg(W, H, 3, (struct jpeg_encoding){.quality = 80}), changed = {0};
    struct image_notes notes;
    struct fmt_error e = {0};
    fmt_buffer_append(&changed, b.data, b.bytes - before);
    fmt_buffer_append(&changed, bytes, n);
    fmt_buffer_append(&changed, b.data + b.bytes - before, before);
    is_int(jpeg_decode(changed.data, changed.bytes, NULL, NULL, &notes, &e), 0, "%s: decoded (%s)", what, e.text);
    is_text(notes.text, text, what);
    ok(notes.damaged == damaged, "%s: %s", what, damaged ? "a sign of damage" : "only unusual");
    fmt_buffer_release(&b);
    fmt_buffer_release(&changed);
}

static void no_end_mark(void)
{
    struct fmt_buffer b = make_jpeg(W, H, 1, (struct jpeg_encoding){.quality = 80});
    struct image_notes notes;
    is_int(jpeg_decode(b.data, b.bytes - 2, NULL, NULL, &notes, NULL), 0, "without the end mark it is decoded");
    ok(notes.damaged, "with a sign of damage: %s", notes.text);
    fmt_buffer_release(&b);
}

/* Adobe's marker says how colours are coded, where JFIF does not say it; 9 is nothing. */
static void unknown_colours(void)
{
    static const uint8_t adobe[16] = {0xFF, 0xEE, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 9};
    struct fmt_buffer b = make_jpeg(W, H, 3, (struct jpeg_encoding){.quality = 80}), changed = {0};
    struct image_notes notes;
    memcpy(b.data + 6, "none", 4);
    fmt_buffer_append(&changed, b.data, 2);
    fmt_buffer_append(&changed, adobe, sizeof adobe);
    fmt_buffer_append(&changed, b.data + 2, b.bytes - 2);
    fmt_buffer_append(&changed, "tail", 4);
    is_int(jpeg_decode(changed.data, changed.bytes, NULL, NULL, &notes, NULL), 0, "unknown colours are decoded");
    ok(notes.damaged && notes.n == 2, "with a sign of damage: %s", notes.text);
    fmt_buffer_release(&b);
    fmt_buffer_release(&changed);
}

/* Bytes that are put into the coded data, or changed there: how many of the files that are decoded all the same have no
 * sign and other pixels. Without a look at the codes it is 116, 98 and 342 of them. */
static void signs_of_codes(int components, bool insert, int at_most, const char *what)
{
    struct fmt_buffer b = make_jpeg(320, 240, components, (struct jpeg_encoding){.quality = 90});
    struct image whole = {0}, im = {0};
    int n_silent = 0, n_decoded = 0;
    jpeg_decode(b.data, b.bytes, NULL, &whole, NULL, NULL);
    for (uint64_t i = 0; i < 400; i++) {
        struct rng r = rng_stream(1, i, 0, RNG_TEST);
        struct fmt_buffer changed = {0};
        struct image_notes notes;
        size_t at = 700 + (size_t)rng_below(&r, b.bytes - 800);
        fmt_buffer_append(&changed, b.data, at);
        for (unsigned k = 0, n = 1 + (unsigned)rng_below(&r, 32); insert && k < n; k++)
            fmt_buffer_append(&changed, &(uint8_t){(uint8_t)rng_below(&r, 255)}, 1);
        fmt_buffer_append(&changed, b.data + at, b.bytes - at);
        if (!insert)
            changed.data[at] ^= (uint8_t)(1u << rng_below(&r, 8));
        if (jpeg_decode(changed.data, changed.bytes, NULL, &im, &notes, NULL) == 0) {
            n_decoded++;
            n_silent += !notes.damaged && memcmp(im.pixels, whole.pixels, image_bytes(320, 240, components)) != 0;
        }
        fmt_buffer_release(&changed);
    }
    ok(n_decoded > 50 && n_silent <= at_most, "%s: of %d that are decoded %d are silent", what, n_decoded, n_silent);
    image_release(&whole);
    image_release(&im);
    fmt_buffer_release(&b);
}

int main(void)
{
    cut_everywhere(3, false, "baseline RGB");
    cut_everywhere(1, false, "baseline grey");
    cut_everywhere(3, true, "progressive RGB");
    cut_everywhere(1, true, "progressive grey");
    filling(3, false, "RGB");
    filling(1, false, "grey");
    filling(3, true, "progressive");
    shares();
    shares_of_scans();
    not_filled();
    stray_bytes();
    zeros_within(false, "zeros instead of the rest");
    zeros_within(true, "zeros before the end mark");
    few_bytes_left_over();
    changed_bytes();
    sign(2, "abcdefghijkl", 12, true, "11 stray bytes before marker d9", "codes that are left over");
    sign(2, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, false, "15 stray bytes before marker d9", "zeros as padding");
    sign(0, "tail", 4, false, "stray bytes after the end mark", "bytes behind the file");
    no_end_mark();
    unknown_colours();
    signs_of_codes(3, true, 90, "bytes more, RGB");
    signs_of_codes(1, true, 94, "bytes more, grey");
    signs_of_codes(3, false, 320, "a bit changed, RGB");
    return tap_done();
}
