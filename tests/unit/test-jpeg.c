/* test-jpeg.c - JPEG and EXIF: what is written can be read, upright, by any number of threads; small files take little
 * memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "exif.h"
#include "jpegbed.h"
#include "thread.h"

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
    struct fmt_buffer b = make_jpeg(W, H, components, encoding);
    struct image original = {0}, decoded = {0};
    struct image_notes notes;
    struct fmt_error e = {0};
    fill_picture(&original, W, H, components);
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

static void limits(void)
{
    struct fmt_buffer b = make_jpeg(W, H, 3, (struct jpeg_encoding){.quality = 80});
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
    struct fmt_buffer c = make_jpeg(W, H, 3, (struct jpeg_encoding){.quality = 80});
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
    fill_picture(&im, 64, 64, 1);
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
        struct fmt_buffer b = make_jpeg(37, 21, components, (struct jpeg_encoding){.quality = 90, .orientation = o});
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
    struct fmt_buffer b[2] = {make_jpeg(W, H, 3, (struct jpeg_encoding){.quality = 80}),
                              make_jpeg(W, H, 1, (struct jpeg_encoding){.quality = 80, .progressive = true})};
    struct thread_pool *pool = thread_open(4, NULL);
    thread_for(pool, 200, decode_item, b);
    thread_close(pool);
    ok(true, "four threads decode good and bad files at once");
    fmt_buffer_release(&b[0]);
    fmt_buffer_release(&b[1]);
}

int main(void)
{
    round_trip(3, (struct jpeg_encoding){.quality = 95}, 1.5, "RGB");
    round_trip(3, (struct jpeg_encoding){.quality = 95, .chroma_halved = true}, 3, "RGB with chroma halved");
    round_trip(3, (struct jpeg_encoding){.quality = 95, .progressive = true}, 1.5, "progressive RGB");
    round_trip(1, (struct jpeg_encoding){.quality = 95}, 1, "grey");
    round_trip(1, (struct jpeg_encoding){.quality = 95, .progressive = true, .chroma_halved = true}, 1,
               "progressive grey");
    limits();
    scan_bomb();
    orientations(1);
    orientations(3);
    exif_bytes();
    xmp_bytes();
    threads();
    return tap_done();
}
