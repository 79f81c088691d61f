/* test-jpeg.c - JPEG and EXIF: what is written can be read; files with data missing are refused; small files take
 * little memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <jpeglib.h>

#include "exif.h"
#include "file.h"
#include "jpeg.h"
#include "rng.h"
#include "tap.h"
#include "thread.h"

enum { W = 83, H = 61 };

/* Smooth, with something in every channel. */
static void fill(struct image *im, int width, int height, int components)
{
    image_reserve(im, width, height, components, NULL);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int k = 0; k < components; k++)
                image_row(im, y)[x * components + k] =
                    (uint8_t)(127 + 100 * sin(0.05 * (x + 1) * (k + 1)) * cos(0.07 * y + k));
}

static struct fmt_buffer make(int width, int height, int components, struct jpeg_encoding encoding)
{
    struct image im = {0};
    struct fmt_buffer b = {0};
    struct fmt_error e = {0};
    fill(&im, width, height, components);
    if (jpeg_encode(&im, &encoding, &b, &e))
        ok(false, "encode: %s", e.text);
    image_release(&im);
    return b;
}

static double mean_difference(const struct image *a, const struct image *b)
{
    double sum = 0;
    size_t n = image_bytes(a->width, a->height, a->components);
    if (a->width != b->width || a->height != b->height || a->components != b->components)
        return 1e9;
    for (size_t i = 0; i < n; i++)
        sum += abs(a->pixels[i] - b->pixels[i]);
    return sum / (double)n;
}

static void round_trip(int components, struct jpeg_encoding encoding, double limit, const char *what)
{
    struct fmt_buffer b = make(W, H, components, encoding);
    struct image original = {0}, decoded = {0};
    struct image_notes notes;
    struct fmt_error e = {0};
    fill(&original, W, H, components);
    int status = jpeg_decode(b.data, b.bytes, NULL, &decoded, &notes, &e);
    ok(status == 0 && mean_difference(&original, &decoded) < limit, "%s is decoded (%s)", what, e.text);
    is_int(notes.n, 0, "%s: no notes", what);
    struct image_info info;
    ok(jpeg_read_info(b.data, b.bytes, NULL, &info, &e) == 0 && info.width == W && info.height == H &&
           info.components == components && info.progressive == encoding.progressive, "%s: the header says so", what);
    image_release(&original);
    image_release(&decoded);
    fmt_buffer_release(&b);
}

/* Every prefix is refused, but for those that lack only the end mark; none crashes. */
static void cut_everywhere(int components, bool progressive, const char *what)
{
    struct fmt_buffer b = make(40, 33, components, (struct jpeg_encoding){.quality = 80, .progressive = progressive});
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
    struct fmt_buffer b = make(W, H, components, (struct jpeg_encoding){.quality = 90, .progressive = progressive});
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
    struct fmt_buffer b = make(W, H, 3, (struct jpeg_encoding){.quality = 90, .progressive = true});
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
    struct fmt_buffer b = make(400, 300, 3, (struct jpeg_encoding){.quality = 90});
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
    struct fmt_buffer b = make(400, 300, 3, (struct jpeg_encoding){.quality = 95});
    struct image im = {0};
    struct fmt_error e = {0};
    memset(b.data + b.bytes / 4, 0, b.bytes - b.bytes / 4 - (end_mark ? 2 : 0));
    is_int(jpeg_decode(b.data, b.bytes, NULL, &im, NULL, &e), FMT_TRUNCATED, "%s: refused: %s", what, e.text);
    image_release(&im);
    fmt_buffer_release(&b);
}

static void stray_bytes(void)
{
    struct fmt_buffer b = make(W, H, 3, (struct jpeg_encoding){.quality = 80});
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

static void limits(void)
{
    struct fmt_buffer b = make(W, H, 3, (struct jpeg_encoding){.quality = 80});
    struct image_settings settings = {.pixels_max = W * H - 1};
    struct image_info info;
    struct fmt_error e = {0};
    is_int(jpeg_read_info(b.data, b.bytes, &settings, &info, &e), FMT_LIMIT, "more pixels than allowed: %s", e.text);
    settings.pixels_max++;
    is_int(jpeg_read_info(b.data, b.bytes, &settings, &info, NULL), 0, "as many as allowed");
    size_t sof = 0;
    for (size_t i = 0; i + 9 < b.bytes && !sof; i++)
        if (b.data[i] == 0xFF && b.data[i + 1] == 0xC0)
            sof = i;
    b.data[sof + 5] = 0x3F, b.data[sof + 7] = 0x3F; /* 16,000 lines and columns: below the limit of pixels */
    struct image im = {0};
    e = (struct fmt_error){0};
    is_int(jpeg_decode(b.data, b.bytes, NULL, &im, NULL, &e), FMT_TRUNCATED, "a bomb within the limit: %s", e.text);
    ok(im.pixels == NULL, "nothing was allocated for it");
    uint8_t memory[64];
    struct image small = image_borrow(memory, sizeof memory);
    struct fmt_buffer c = make(W, H, 3, (struct jpeg_encoding){.quality = 80});
    is_int(jpeg_decode(c.data, c.bytes, NULL, &small, NULL, NULL), FMT_LIMIT, "borrowed memory is not exceeded");
    is_int(jpeg_decode(c.data, c.bytes, NULL, NULL, NULL, NULL), 0, "decoding without an image");
    fmt_buffer_release(&b);
    fmt_buffer_release(&c);
}

/* A grey image in two scans: the means, then the other coefficients. */
static struct fmt_buffer make_two_scans(void)
{
    static const jpeg_scan_info scans[] = {{1, {0}, 0, 0, 0, 0}, {1, {0}, 1, 63, 0, 0}};
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    struct image im = {0};
    struct fmt_buffer b = {0};
    unsigned char *bytes = NULL;
    unsigned long n = 0;
    fill(&im, 64, 64, 1);
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &n);
    c.image_width = c.image_height = 64, c.input_components = 1, c.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&c);
    c.scan_info = scans, c.num_scans = 2;
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < 64) {
        JSAMPROW row = image_row(&im, (int)c.next_scanline);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    fmt_buffer_append(&b, bytes, n);
    free(bytes);
    image_release(&im);
    return b;
}

/* A progressive file that repeats its last scan many times. */
static void scan_bomb(void)
{
    struct fmt_buffer b = make_two_scans(), bomb = {0};
    is_int(jpeg_decode(b.data, b.bytes, NULL, NULL, NULL, NULL), 0, "a file of two scans");
    size_t last = 0;
    for (size_t i = 0; i + 1 < b.bytes; i++)
        if (b.data[i] == 0xFF && b.data[i + 1] == 0xDA)
            last = i;
    fmt_buffer_append(&bomb, b.data, b.bytes - 2);
    for (int i = 0; i < 2 * JPEG_SCANS_MAX; i++)
        fmt_buffer_append(&bomb, b.data + last, b.bytes - 2 - last);
    fmt_buffer_append(&bomb, b.data + b.bytes - 2, 2);
    struct fmt_error e = {0};
    is_int(jpeg_decode(bomb.data, bomb.bytes, NULL, NULL, NULL, &e), FMT_LIMIT, "a bomb of scans is refused: %s",
           e.text);
    fmt_buffer_release(&b);
    fmt_buffer_release(&bomb);
}

/* The pixel (x, y) of the upright image, by the definition in exif.h. */
static const uint8_t *stored_pixel(const struct image *im, int o, int x, int y)
{
    int w = im->width - 1, h = im->height - 1, sx, sy;
    switch (o) {
    case 2: sx = w - x, sy = y; break;
    case 3: sx = w - x, sy = h - y; break;
    case 4: sx = x, sy = h - y; break;
    case 5: sx = y, sy = x; break;
    case 6: sx = y, sy = h - x; break;
    case 7: sx = w - y, sy = h - x; break;
    case 8: sx = w - y, sy = x; break;
    default: sx = x, sy = y; break;
    }
    return image_row(im, sy) + sx * im->components;
}

static void orientations(int components)
{
    for (int o = 1; o <= 8; o++) {
        struct fmt_buffer b = make(37, 21, components, (struct jpeg_encoding){.quality = 90, .orientation = o});
        struct image_settings as_stored = {.orientation = 1}, other = {.orientation = o};
        struct image raw = {0}, upright = {0}, again = {0};
        struct image_info info;
        struct fmt_error e = {0};
        int bad = jpeg_decode(b.data, b.bytes, &as_stored, &raw, NULL, &e);
        bad |= jpeg_decode(b.data, b.bytes, NULL, &upright, NULL, &e);
        bad |= jpeg_read_info(b.data, b.bytes, NULL, &info, &e);
        bool same = bad == 0 && info.orientation == o && info.width == upright.width && info.height == upright.height &&
                    upright.width == (o >= 5 ? 21 : 37);
        for (int y = 0; same && y < upright.height; y++)
            for (int x = 0; x < upright.width; x++)
                same &= memcmp(image_row(&upright, y) + x * components, stored_pixel(&raw, o, x, y),
                               (size_t)components) == 0;
        jpeg_reset_orientation(b.data, b.bytes);
        same &= jpeg_decode(b.data, b.bytes, NULL, &again, NULL, &e) == 0 && mean_difference(&again, &raw) == 0;
        same &= jpeg_decode(b.data, b.bytes, &other, &again, NULL, &e) == 0 && mean_difference(&again, &upright) == 0;
        ok(same, "orientation %d, %d components: as exif.h says, as stored, reset, as requested", o, components);
        image_release(&raw);
        image_release(&upright);
        image_release(&again);
        fmt_buffer_release(&b);
    }
}

static void exif_bytes(void)
{
    uint8_t good[EXIF_MINIMAL_BYTES], big[] = "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    exif_minimal(6, good);
    is_int(exif_orientation(good, sizeof good), 6, "the smallest EXIF");
    is_int(exif_orientation(big, sizeof big - 1), 6, "big-endian, without the name before");
    int n_other = 0;
    for (size_t n = 0; n < sizeof good; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        memcpy(exact, good, n);
        int o = exif_orientation(exact, n);
        n_other += o != 0 && o != 6;
        free(exact);
    }
    is_int(n_other, 0, "cut anywhere: none, or the right one");
    for (size_t i = 0; i < sizeof good; i++)
        for (int v = 0; v < 256; v++) {
            uint8_t copy[EXIF_MINIMAL_BYTES];
            memcpy(copy, good, sizeof copy);
            copy[i] = (uint8_t)v;
            int o = exif_orientation(copy, sizeof copy);
            n_other += o < 0 || o > 8;
            exif_reset_orientation(copy, sizeof copy);
        }
    is_int(n_other, 0, "any byte changed: 0 to 8");
    static const uint8_t name[6] = {'E', 'x', 'i', 'f', 0, 0};
    uint8_t twice[2 * sizeof name + EXIF_MINIMAL_BYTES];
    for (int i = 0; i < 2; i++)
        memcpy(twice + i * (int)sizeof name, name, sizeof name);
    exif_minimal(8, twice + 2 * sizeof name);
    is_int(exif_orientation(twice, sizeof twice), 8, "the name before the structure three times");
    exif_reset_orientation(twice, sizeof twice);
    is_int(exif_orientation(twice, sizeof twice), 1, "is reset, too");
    is_int(exif_orientation(twice, sizeof name), 0, "the name alone");
    exif_minimal(9, good);
    is_int(exif_orientation(good, sizeof good), 0, "9 is no orientation");
}

static void xmp_bytes(void)
{
#define XMP "http://ns.adobe.com/xap/1.0/\0<rdf:Description "
    static const struct {
        const char *text;
        size_t n;
        int orientation;
    } cases[] = {
#define CASE(text, orientation) {text, sizeof(text) - 1, orientation}
        CASE(XMP "tiff:Orientation=\"6\"/>", 6), CASE(XMP "tiff:Orientation = '3'", 3),
        CASE(XMP "><tiff:Orientation>8</tiff:Orientation>", 8), CASE(XMP "tiff:Orientation=\"9\"", 0),
        CASE(XMP "tiff:Orientation=\"", 0), CASE(XMP "tiff:Orientation", 0), CASE(XMP, 0),
        CASE("tiff:Orientation=\"6\"", 0),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *exact = malloc(cases[i].n);
        memcpy(exact, cases[i].text, cases[i].n);
        is_int(exif_xmp_orientation(exact, cases[i].n), cases[i].orientation, "XMP, case %d", (int)i);
        free(exact);
    }
}

static void decode_item(void *arg, int64_t i, int worker)
{
    struct fmt_buffer *b = arg;
    struct image im = {0};
    (void)worker;
    int status = jpeg_decode(b[i % 2].data, b[i % 2].bytes - (i % 5 == 0 ? 40 : 0), NULL, &im, NULL, NULL);
    if ((status == 0) != (i % 5 != 0))
        ok(false, "item %d", (int)i);
    image_release(&im);
}

static void threads(void)
{
    struct fmt_buffer b[2] = {make(W, H, 3, (struct jpeg_encoding){.quality = 80}),
                              make(W, H, 1, (struct jpeg_encoding){.quality = 80, .progressive = true})};
    struct thread_pool *pool = thread_open(4, NULL);
    thread_for(pool, 200, decode_item, b);
    thread_close(pool);
    ok(true, "four threads decode good and bad files at once");
    fmt_buffer_release(&b[0]);
    fmt_buffer_release(&b[1]);
}

static void changed_bytes(void)
{
    struct fmt_buffer b = make(40, 33, 3, (struct jpeg_encoding){.quality = 60, .progressive = true});
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

static const char *odd_folder(void)
{
    static const char *const places[] = {"../shared/data/odd-jpegs", "../../shared/data/odd-jpegs"};
    for (int i = 0; i < 2; i++)
        if (file_is_dir(places[i]))
            return places[i];
    return NULL;
}

static const char *const must_refuse[] = {"truncated_baseline", "truncated_progressive", "height_doubled", "ultrahdr",
                                          "restart_interval_zeroed", "restart_marker_missing", "partial_progressive",
                                          "progressive-missing", "hopper_bad_exif", "junk_before_soi",
                                          "bit_flips_progressive"};
static const char *const must_note[] = {"no_eoi", "junk_after_eoi", "extraneous-data", "truncated_app14",
                                        "jpeg_ff00", "junk_jpeg_header"};

static bool in(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strncmp(name, list[i], strlen(list[i])) == 0)
            return true;
    return false;
}

static void odd_file(const char *kind, const char *name, const char *path)
{
    uint8_t *data;
    size_t bytes;
    struct fmt_error e = {0};
    struct image im = {0};
    struct image_notes notes = {0};
    if (file_load(path, IMAGE_FILE_BYTES_MAX, &data, &bytes, &e)) {
        ok(false, "%s", e.text);
        return;
    }
    int status = jpeg_decode(data, bytes, NULL, &im, &notes, &e);
    if (strcmp(kind, "ok") == 0)
        ok(status == 0 && notes.n == 0, "%s/%s decodes without a note %s%s", kind, name, e.text, notes.text);
    else if (strcmp(kind, "hostile") == 0)
        ok(status != 0 && im.capacity < 4000000, "%s/%s is refused: %s", kind, name, e.text);
    else if (in(name, must_refuse, sizeof must_refuse / sizeof *must_refuse))
        ok(status != 0, "%s/%s is refused: %s", kind, name, e.text);
    else if (in(name, must_note, sizeof must_note / sizeof *must_note))
        ok(status == 0 && notes.n > 0, "%s/%s decodes with a note: %s%s", kind, name, notes.text, e.text);
    else
        ok(true, "%s/%s: %s%s", kind, name, status ? e.text : "decodes ", notes.text);
    image_release(&im);
    free(data);
}

static void odd_files(void)
{
    static const char *const kinds[] = {"ok", "rare", "damaged", "hostile"};
    const char *folder = odd_folder();
    if (!folder) {
        skip("shared/data/odd-jpegs is not here", "hard cases of other projects");
        return;
    }
    for (int k = 0; k < 4; k++) {
        char **names, *below = file_join(folder, kinds[k]);
        int64_t n;
        if (!below || file_list(below, &names, &n, NULL))
            continue;
        for (int64_t i = 0; i < n; i++) {
            char *path = file_join(below, names[i]);
            odd_file(kinds[k], names[i], path);
            free(path);
        }
        file_list_free(names, n);
        free(below);
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
#ifndef __SANITIZE_ADDRESS__
    ok(used.ru_maxrss < 200 << 10, "at most 200 MiB for all of them (%ld KiB)", used.ru_maxrss);
#endif
}

int main(void)
{
    round_trip(3, (struct jpeg_encoding){.quality = 95}, 1.5, "RGB");
    round_trip(3, (struct jpeg_encoding){.quality = 95, .chroma_halved = true}, 3, "RGB with chroma halved");
    round_trip(3, (struct jpeg_encoding){.quality = 95, .progressive = true}, 1.5, "progressive RGB");
    round_trip(1, (struct jpeg_encoding){.quality = 95}, 1, "grey");
    round_trip(1, (struct jpeg_encoding){.quality = 95, .progressive = true, .chroma_halved = true}, 1,
               "progressive grey");
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
    limits();
    scan_bomb();
    orientations(1);
    orientations(3);
    exif_bytes();
    xmp_bytes();
    threads();
    changed_bytes();
    odd_files();
    return tap_done();
}
