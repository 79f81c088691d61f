/* test-image-tiff.c - TIFF: every kind of pixels, layout and compression that is decoded gives what was stored, by the
 * stated rules; what is not decoded is refused with its reason; damaged and hostile files take neither pixels nor
 * memory. The files are made by libtiff itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "image-tiff.h"
#include "tap.h"

enum { W = 83, H = 45, TILE = 32 };

struct form {
    int photometric, n_samples, bits, compression, planar, orientation, predictor;
    int rows; /* of a strip; 0: tiles */
    const char *mode; /* NULL: "wl" */
    int format, pages;
    unsigned (*sample)(int x, int y, int k);
};

static unsigned pattern(int x, int y, int k)
{
    return (unsigned)(x * 1733 + y * 977 + k * 4099 + x * y) & 0xFFFF;
}

static unsigned flat(int x, int y, int k)
{
    (void)x, (void)y, (void)k;
    return 77;
}

static unsigned smooth(int x, int y, int k)
{
    return (unsigned)(x * 2 + y + k * 20);
}

static unsigned sample_of(const struct form *f, int x, int y, int k)
{
    int n_colours = f->photometric == PHOTOMETRIC_RGB || f->photometric == PHOTOMETRIC_YCBCR ? 3
                    : f->photometric == PHOTOMETRIC_SEPARATED ? 4 : 1;
    unsigned v = f->sample ? f->sample(x, y, k) : k >= n_colours ? 0xFFFF : pattern(x, y, k);
    return f->bits >= 16 ? v : v & ((1u << f->bits) - 1);
}

/* ------------------------------------------------------------------ a file in memory */
struct memory {
    uint8_t *data;
    size_t bytes, at;
};

static tmsize_t memory_read(thandle_t h, void *to, tmsize_t n)
{
    struct memory *m = h;
    size_t left = m->at < m->bytes ? m->bytes - m->at : 0, take = (size_t)n < left ? (size_t)n : left;
    memcpy(to, m->data + m->at, take);
    m->at += take;
    return (tmsize_t)take;
}

static tmsize_t memory_write(thandle_t h, void *from, tmsize_t n)
{
    struct memory *m = h;
    if (m->at + (size_t)n > m->bytes) {
        m->data = realloc(m->data, m->at + (size_t)n);
        if (m->at > m->bytes)
            memset(m->data + m->bytes, 0, m->at - m->bytes);
        m->bytes = m->at + (size_t)n;
    }
    memcpy(m->data + m->at, from, (size_t)n);
    m->at += (size_t)n;
    return n;
}

static toff_t memory_seek(thandle_t h, toff_t offset, int whence)
{
    struct memory *m = h;
    m->at = (size_t)(whence == SEEK_SET ? offset : whence == SEEK_CUR ? m->at + offset : m->bytes + offset);
    return m->at;
}

static int memory_close(thandle_t h)
{
    return (void)h, 0;
}

static toff_t memory_size(thandle_t h)
{
    return ((struct memory *)h)->bytes;
}

static void set_tags(TIFF *t, const struct form *f)
{
    uint16_t palette[3][256], alpha = EXTRASAMPLE_UNASSALPHA;
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, W);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, H);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, f->bits);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, f->n_samples);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, f->photometric);
    TIFFSetField(t, TIFFTAG_PLANARCONFIG, f->planar);
    TIFFSetField(t, TIFFTAG_COMPRESSION, f->compression);
    if (f->n_samples == 2 || (f->n_samples == 4 && f->photometric == PHOTOMETRIC_RGB))
        TIFFSetField(t, TIFFTAG_EXTRASAMPLES, 1, &alpha);
    if (f->predictor)
        TIFFSetField(t, TIFFTAG_PREDICTOR, f->predictor);
    if (f->format)
        TIFFSetField(t, TIFFTAG_SAMPLEFORMAT, f->format);
    if (f->orientation)
        TIFFSetField(t, TIFFTAG_ORIENTATION, f->orientation);
    if (f->photometric == PHOTOMETRIC_YCBCR)
        TIFFSetField(t, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    if (f->compression == COMPRESSION_JPEG)
        TIFFSetField(t, TIFFTAG_JPEGQUALITY, 98);
    if (f->photometric == PHOTOMETRIC_PALETTE) {
        for (int i = 0; i < 256; i++)
            palette[0][i] = (uint16_t)(i * 257), palette[1][i] = (uint16_t)(65535 - i * 257),
            palette[2][i] = (uint16_t)(i * 3 * 256);
        TIFFSetField(t, TIFFTAG_COLORMAP, palette[0], palette[1], palette[2]);
    }
    if (f->rows) {
        TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, f->rows);
    } else {
        TIFFSetField(t, TIFFTAG_TILEWIDTH, TILE);
        TIFFSetField(t, TIFFTAG_TILELENGTH, TILE);
    }
}

static void store(uint8_t *to, size_t i, int bits, unsigned v)
{
    uint16_t v16 = (uint16_t)v;
    if (bits == 32)
        memcpy(to + 4 * i, &v, 4);
    else if (bits == 16)
        memcpy(to + 2 * i, &v16, 2);
    else
        to[i * (size_t)bits / 8] |= (uint8_t)(v << (8 - bits - (int)(i * (size_t)bits % 8)));
}

static void write_block(TIFF *t, const struct form *f, int x0, int y0, int width, int height, int plane)
{
    bool together = f->planar == PLANARCONFIG_CONTIG;
    int n = together ? f->n_samples : 1;
    size_t row = ((size_t)(width * n * f->bits) + 7) / 8, bytes = row * (size_t)height;
    uint8_t *block = calloc(bytes, 1);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int k = 0; k < n; k++)
                store(block + (size_t)y * row, (size_t)(x * n + k), f->bits,
                      sample_of(f, x0 + x, y0 + y, together ? k : plane));
    if (f->rows)
        TIFFWriteEncodedStrip(t, TIFFComputeStrip(t, (uint32_t)y0, (uint16_t)plane), block, (tmsize_t)bytes);
    else
        TIFFWriteEncodedTile(t, TIFFComputeTile(t, (uint32_t)x0, (uint32_t)y0, 0, (uint16_t)plane), block,
                             (tmsize_t)bytes);
    free(block);
}

static struct memory make(struct form f)
{
    struct memory m = {0};
    TIFF *t = TIFFClientOpen("", f.mode ? f.mode : "wl", &m, memory_read, memory_write, memory_seek, memory_close,
                             memory_size, NULL, NULL);
    for (int page = 0; page < (f.pages ? f.pages : 1); page++) {
        set_tags(t, &f);
        for (int plane = 0; plane < (f.planar == PLANARCONFIG_CONTIG ? 1 : f.n_samples); plane++)
            for (int y = 0; y < H; y += f.rows ? f.rows : TILE)
                for (int x = 0; x < W; x += f.rows ? W : TILE)
                    write_block(t, &f, x, y, f.rows ? W : TILE, f.rows ? (H - y < f.rows ? H - y : f.rows) : TILE,
                                plane);
        TIFFWriteDirectory(t);
    }
    TIFFClose(t);
    return m;
}

static const struct form grey = {.photometric = PHOTOMETRIC_MINISBLACK, .n_samples = 1, .bits = 8,
                                 .compression = COMPRESSION_NONE, .planar = PLANARCONFIG_CONTIG, .rows = 7};

/* ------------------------------------------------------------------ decoding */
static int decode(const struct memory *m, const struct image_settings *s, struct image *im, struct image_notes *notes,
                  struct fmt_error *e)
{
    uint8_t *exact = malloc(m->bytes ? m->bytes : 1); /* so that the sanitizer sees a byte too far */
    memcpy(exact, m->data, m->bytes);
    *e = (struct fmt_error){0};
    int status = image_tiff_decode(exact, m->bytes, s, im, notes, e);
    is_int(image_tiff_decode(exact, m->bytes, s, NULL, NULL, NULL), status, "the same without an image (%s)", e->text);
    free(exact);
    return status;
}

static int expected(const struct form *f, int bits, int x, int y, int k)
{
    unsigned v = sample_of(f, x, y, f->photometric == PHOTOMETRIC_PALETTE ? 0 : k);
    if (f->photometric == PHOTOMETRIC_PALETTE)
        return (uint8_t)(k == 0 ? v : k == 1 ? 255 - v : v * 3);
    v = f->bits == 16 ? v >> (bits - 8) : v;
    return (int)(f->photometric == PHOTOMETRIC_MINISWHITE ? 255 - v : v);
}

static void decodes(struct form f, int tolerance, const char *what)
{
    struct memory m = make(f);
    struct image im = {0};
    struct image_notes notes = {0};
    struct image_info info = {0};
    struct fmt_error e;
    int components = f.photometric == PHOTOMETRIC_MINISBLACK || f.photometric == PHOTOMETRIC_MINISWHITE ? 1 : 3;
    int wrong = 0;
    is_int(decode(&m, NULL, &im, &notes, &e), 0, "%s is decoded (%s)", what, e.text);
    is_int(notes.n, 0, "%s: no notes (%s)", what, notes.text);
    ok(image_tiff_read_info(m.data, m.bytes, NULL, &info, &e) == 0 && info.width == W && info.height == H &&
           info.components == components && info.stored_bits == f.bits && info.stored_components == f.n_samples,
       "%s: the header says so", what);
    is_int(im.components, components, "%s: components", what);
    for (int y = 0; y < H && im.pixels; y++)
        for (int i = 0; i < W * components; i++)
            wrong += abs(image_row(&im, y)[i] - expected(&f, 16, i / components, y, i % components)) > tolerance;
    is_int(wrong, 0, "%s: every sample is right", what);
    image_release(&im);
    free(m.data);
}

/* Kinds of pixels times layouts. */
static void all_forms(void)
{
    static const struct {
        int photometric, n_samples, bits;
        const char *name;
    } kind[] = {{PHOTOMETRIC_MINISBLACK, 1, 8, "grey"},          {PHOTOMETRIC_MINISBLACK, 1, 16, "grey, 16 bits"},
                {PHOTOMETRIC_MINISWHITE, 1, 8, "white is zero"}, {PHOTOMETRIC_MINISWHITE, 1, 16, "white is zero, 16"},
                {PHOTOMETRIC_MINISBLACK, 2, 8, "opaque grey"},   {PHOTOMETRIC_RGB, 3, 8, "RGB"},
                {PHOTOMETRIC_RGB, 3, 16, "RGB, 16 bits"},        {PHOTOMETRIC_RGB, 4, 8, "opaque RGB"},
                {PHOTOMETRIC_RGB, 4, 16, "opaque RGB, 16 bits"}, {PHOTOMETRIC_PALETTE, 1, 8, "palette"}};
    static const struct {
        int planar, rows;
        const char *mode, *name;
    } layout[] = {{PLANARCONFIG_CONTIG, 7, "wl", "strips"},
                  {PLANARCONFIG_CONTIG, H, "wb", "one strip, big-endian"},
                  {PLANARCONFIG_CONTIG, 0, "wl8", "tiles, BigTIFF"},
                  {PLANARCONFIG_SEPARATE, 7, "wb", "planes"},
                  {PLANARCONFIG_SEPARATE, 0, "wl", "planes of tiles"}};
    char what[96];
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
        for (size_t k = 0; k < sizeof layout / sizeof *layout; k++) {
            struct form f = grey;
            f.photometric = kind[i].photometric, f.n_samples = kind[i].n_samples, f.bits = kind[i].bits;
            f.planar = layout[k].planar, f.rows = layout[k].rows, f.mode = layout[k].mode;
            snprintf(what, sizeof what, "%s, %s", kind[i].name, layout[k].name);
            decodes(f, 0, what);
        }
}

static void compressions(void)
{
    static const struct {
        int compression, predictor;
        const char *name;
    } way[] = {{COMPRESSION_PACKBITS, 0, "PackBits"}, {COMPRESSION_LZW, 0, "LZW"},
               {COMPRESSION_LZW, PREDICTOR_HORIZONTAL, "LZW of differences"},
               {COMPRESSION_ADOBE_DEFLATE, PREDICTOR_HORIZONTAL, "deflate of differences"},
               {COMPRESSION_DEFLATE, 0, "deflate, by its old number"}};
    for (size_t i = 0; i < sizeof way / sizeof *way; i++)
        for (int bits = 8; bits <= 16; bits += 8) {
            struct form f = grey;
            f.bits = bits, f.compression = way[i].compression, f.predictor = way[i].predictor;
            f.photometric = PHOTOMETRIC_RGB, f.n_samples = 3;
            decodes(f, 0, way[i].name);
        }
    struct form f = grey;
    f.compression = COMPRESSION_JPEG, f.rows = 16, f.sample = smooth;
    decodes(f, 3, "grey JPEG");
    f.photometric = PHOTOMETRIC_YCBCR, f.n_samples = 3;
    decodes(f, 8, "JPEG in YCbCr");
    f.rows = 0;
    decodes(f, 8, "JPEG in tiles");
}

static void refused(struct form f, enum fmt_status status, const char *reason)
{
    struct memory m = make(f);
    struct image im = {0};
    struct fmt_error e;
    is_int(decode(&m, NULL, &im, NULL, &e), status, "%s is refused", reason);
    ok(strstr(e.text, reason) != NULL, "with its reason: %s", e.text);
    image_release(&im);
    free(m.data);
}

static unsigned half_transparent(int x, int y, int k)
{
    return k == 3 ? (y == 5 && x == 7 ? 0xFFFE : 0xFFFF) : pattern(x, y, k);
}

static void refusals(void)
{
    struct form f = grey;
    f.pages = 2;
    refused(f, FMT_UNSUPPORTED, "more than one page");
    f = grey, f.bits = 32, f.format = SAMPLEFORMAT_IEEEFP;
    refused(f, FMT_UNSUPPORTED, "floating-point samples");
    f = grey, f.format = SAMPLEFORMAT_INT;
    refused(f, FMT_UNSUPPORTED, "signed or complex samples");
    f = grey, f.bits = 1;
    refused(f, FMT_UNSUPPORTED, "1 bit a sample");
    f = grey, f.bits = 4;
    refused(f, FMT_UNSUPPORTED, "4 bits a sample");
    f = grey, f.photometric = PHOTOMETRIC_SEPARATED, f.n_samples = 4;
    refused(f, FMT_UNSUPPORTED, "CMYK colours");
    f = grey, f.photometric = PHOTOMETRIC_CIELAB, f.n_samples = 3;
    refused(f, FMT_UNSUPPORTED, "Lab colours");
    f = grey, f.photometric = PHOTOMETRIC_RGB, f.n_samples = 1;
    refused(f, FMT_UNSUPPORTED, "a number of samples");
    for (int planar = PLANARCONFIG_CONTIG; planar <= PLANARCONFIG_SEPARATE; planar++) {
        f = grey, f.photometric = PHOTOMETRIC_RGB, f.n_samples = 4, f.sample = half_transparent, f.planar = planar;
        refused(f, FMT_UNSUPPORTED, "transparent pixels");
        f.bits = 16;
        refused(f, FMT_UNSUPPORTED, "transparent pixels");
    }
}

static unsigned twelve_bits(int x, int y, int k)
{
    return x == W - 1 && y == H - 1 ? 4095 : pattern(x, y, k) & 0x7FF;
}

static void sixteen_bits(void)
{
    struct form f = grey;
    struct image_settings s = {.bits = 12};
    struct image_notes notes;
    struct image im = {0};
    struct fmt_error e;
    int wrong = 0;
    f.bits = 16, f.sample = twelve_bits, f.mode = "wb";
    struct memory m = make(f);
    is_int(decode(&m, &s, &im, &notes, &e), 0, "12 bits of 16 (%s)", e.text);
    is_int(notes.sample_max, 4095, "the largest sample is known");
    for (int i = 0; i < W * H; i++)
        wrong += im.pixels[i] != expected(&f, 12, i % W, i / W, 0);
    is_int(wrong, 0, "they fill the range");
    s.bits = 11;
    is_int(decode(&m, &s, &im, &notes, &e), FMT_LIMIT, "a sample with more bits than stated: %s", e.text);
    image_release(&im);
    free(m.data);
}

static void orientation(void)
{
    struct form f = grey;
    struct image im = {0};
    struct image_settings as_stored = {.orientation = 1};
    struct fmt_error e;
    f.orientation = 6;
    struct memory m = make(f);
    is_int(decode(&m, NULL, &im, NULL, &e), 0, "turned (%s)", e.text);
    ok(im.width == H && im.height == W, "the sides are swapped");
    is_int(image_row(&im, 2)[H - 1 - 3], expected(&f, 8, 2, 3, 0), "by 90 degrees clockwise");
    is_int(decode(&m, &as_stored, &im, NULL, &e) + im.width, W, "or as stored");
    image_release(&im);
    free(m.data);
}

/* ------------------------------------------------------------------ damage */
/* Cut anywhere: refused, with a reason (libtiff writes the directory last). */
static void cut_everywhere(struct form f, const char *what)
{
    struct memory m = make(f);
    int decoded = 0, silent = 0;
    for (size_t n = 0; n < m.bytes; n += n < 64 || n + 64 > m.bytes ? 1 : 13) {
        uint8_t *exact = malloc(n ? n : 1);
        struct image im = {0};
        struct fmt_error e = {0};
        memcpy(exact, m.data, n);
        if (image_tiff_decode(exact, n, NULL, &im, NULL, &e) == 0)
            decoded++;
        else
            silent += e.text[0] == 0;
        image_release(&im);
        free(exact);
    }
    is_int(decoded, 0, "%s: no prefix is decoded", what);
    is_int(silent, 0, "%s: each has its reason", what);
    free(m.data);
}

/* Any byte changed: no crash, and an image of the stated size or a reason. */
static void flips(struct form f, const char *what)
{
    struct memory m = make(f);
    int bad = 0, n_refused = 0;
    for (size_t i = 0; i < m.bytes; i++) {
        struct image im = {0};
        struct image_info info = {0};
        struct image_settings s = {.pixels_max = 1 << 20};
        struct fmt_error e = {0};
        m.data[i] ^= 0xFF;
        int header = image_tiff_read_info(m.data, m.bytes, &s, &info, NULL);
        int status = image_tiff_decode(m.data, m.bytes, &s, &im, NULL, &e);
        bad += status ? e.text[0] == 0 || strchr(e.text, '\n') != NULL : header || im.width != info.width;
        n_refused += status != 0;
        m.data[i] ^= 0xFF;
        image_release(&im);
    }
    is_int(bad, 0, "%s: each changed byte gives an image or a reason", what);
    ok(n_refused > 20, "%s: %d are refused", what, n_refused);
    free(m.data);
}

/* Of JPEG libtiff only warns when coded data are damaged: pixels come, but not those of the photograph. */
static void damaged_jpeg(struct form f)
{
    struct memory m = make(f);
    struct image im = {0};
    struct fmt_error e = {0};
    size_t scan = 0, end;
    while (scan + 1 < m.bytes && !(m.data[scan] == 0xFF && m.data[scan + 1] == 0xDA))
        scan++;
    scan += 2 + m.data[scan + 3]; /* behind its header */
    for (end = scan; end + 1 < m.bytes && !(m.data[end] == 0xFF && m.data[end + 1] == 0xD9);)
        end++;
    ok(end > scan + 8 && end + 1 < m.bytes, "%zu bytes of coded data", end - scan);
    memset(m.data + scan + 4, 0, end - scan - 4);
    is_int(decode(&m, NULL, &im, NULL, &e), FMT_TRUNCATED, "JPEG in tiles: zeros instead of coded data");
    ok(strstr(e.text, "image data is missing or damaged (") != NULL, "... are damage: %s", e.text);
    image_release(&im);
    free(m.data);
}

/* The value of an entry of the first directory (little-endian, classic), in place. */
static void set_entry(struct memory *m, int tag, uint32_t value)
{
    uint32_t at;
    memcpy(&at, m->data + 4, 4);
    int n = m->data[at] | m->data[at + 1] << 8;
    for (int i = 0; i < n; i++) {
        uint8_t *entry = m->data + at + 2 + 12 * i;
        if ((entry[0] | entry[1] << 8) == tag) {
            entry[2] = TIFF_LONG, entry[3] = 0;
            memcpy(entry + 8, &value, 4);
        }
    }
}

/* Deflated data of which some were lost, as a disc gives zeros: mostly they give more bytes than there are pixels, and
 * libtiff alone would take those. */
static void lost_deflated(struct form f, const char *what)
{
    struct memory m = make(f);
    struct image whole = {0};
    struct fmt_error e;
    int n_taken = 0, n = 0;
    is_int(decode(&m, NULL, &whole, NULL, &e), 0, "%s, whole", what);
    for (size_t at = 8, lost = 24; at + lost < m.bytes; at += 7) {
        struct image im = {0};
        uint8_t kept[24];
        memcpy(kept, m.data + at, lost);
        memset(m.data + at, 0, lost);
        if (decode(&m, NULL, &im, NULL, &e) == 0 && im.width == W && im.height == H)
            n_taken += memcmp(im.pixels, whole.pixels, (size_t)W * H) != 0;
        n++;
        memcpy(m.data + at, kept, lost);
        image_release(&im);
    }
    is_int(n_taken, 0, "%s: other pixels are not taken, wherever of %d places bytes are lost", what, n);
    image_release(&whole);
    free(m.data);
}

/* A run of PackBits that became longer: the strip gives more than its rows. */
static void longer_run(void)
{
    struct form f = grey;
    struct image im = {0};
    struct fmt_error e = {0};
    f.compression = COMPRESSION_PACKBITS, f.sample = flat;
    struct memory m = make(f);
    size_t at = 8; /* the first strip follows the header: runs of -(n - 1) and a byte */
    is_int(decode(&m, NULL, &im, NULL, &e), 0, "runs are decoded (%s)", e.text);
    ok((int8_t)m.data[at] < -1 && (int8_t)m.data[at] > -127, "the strip begins with a run");
    m.data[at] = (uint8_t)-127;
    is_int(decode(&m, NULL, &im, NULL, &e), FMT_TRUNCATED, "a longer one is damage: %s", e.text);
    image_release(&im);
    free(m.data);
}

static void hostile(void)
{
    struct form f = grey;
    struct image im = {0};
    struct fmt_error e;
    f.rows = H;
    struct memory m = make(f);
    struct image_settings s = {.pixels_max = W * H - 1};
    is_int(decode(&m, &s, &im, NULL, &e), FMT_LIMIT, "more pixels than allowed: %s", e.text);
    s.pixels_max++;
    is_int(decode(&m, &s, &im, NULL, &e), 0, "as many as allowed");
    image_release(&im);
    set_entry(&m, TIFFTAG_IMAGELENGTH, 60000);
    is_int(decode(&m, NULL, &im, NULL, &e), FMT_TRUNCATED, "a bomb within the limit: %s", e.text);
    set_entry(&m, TIFFTAG_IMAGEWIDTH, 60000);
    is_int(decode(&m, NULL, &im, NULL, &e), FMT_LIMIT, "a bomb: %s", e.text);
    set_entry(&m, TIFFTAG_IMAGEWIDTH, 0xFFFFFFFF);
    is_int(decode(&m, NULL, &im, NULL, &e), FMT_LIMIT, "the largest side: %s", e.text);
    set_entry(&m, TIFFTAG_IMAGEWIDTH, 0);
    ok(decode(&m, NULL, &im, NULL, &e) != 0, "no width: %s", e.text);
    uint32_t at;
    memcpy(&at, m.data + 4, 4);
    m.data[at] = m.data[at + 1] = 0;
    is_int(decode(&m, NULL, &im, NULL, &e), FMT_INVALID, "a directory of no entries is not for want of memory: %s",
           e.text);
    free(m.data);
    f = grey, f.rows = 0;
    m = make(f);
    set_entry(&m, TIFFTAG_TILEWIDTH, 1 << 30);
    ok(decode(&m, NULL, &im, NULL, &e) != 0, "huge tiles: %s", e.text);
    set_entry(&m, TIFFTAG_TILEWIDTH, 1 << 20);
    set_entry(&m, TIFFTAG_TILELENGTH, 1 << 20);
    ok(decode(&m, NULL, &im, NULL, &e) != 0, "a tile larger than any image: %s", e.text);
    free(m.data);
    f = grey, f.rows = H;
    m = make(f);
    set_entry(&m, TIFFTAG_STRIPOFFSETS, 0x7FFFFFFF);
    is_int(decode(&m, NULL, &im, NULL, &e), FMT_TRUNCATED, "pixels beyond the file: %s", e.text);
    ok(strchr(e.text, '\n') == NULL, "in one line");
    ok(im.pixels == NULL || im.width == W, "nothing larger was allocated");
    image_release(&im);
    m.bytes = 0;
    is_int(decode(&m, NULL, &im, NULL, &e), FMT_TRUNCATED, "an empty file");
    free(m.data);
    m = (struct memory){malloc(5), 5, 0};
    memcpy(m.data, "MM\0#x", 5);
    is_int(decode(&m, NULL, &im, NULL, &e), FMT_MAGIC, "another file");
    memcpy(m.data, "II*\0x", 5);
    ok(decode(&m, NULL, &im, NULL, &e) != 0, "a signature alone: %s", e.text);
    free(m.data);
}

int main(void)
{
    TIFFSetErrorHandler(NULL);
    TIFFSetWarningHandler(NULL);
    all_forms();
    compressions();
    refusals();
    sixteen_bits();
    orientation();
    struct form f = grey;
    cut_everywhere(f, "strips");
    flips(f, "strips");
    f.compression = COMPRESSION_LZW, f.rows = 0;
    flips(f, "LZW in tiles");
    f.compression = COMPRESSION_ADOBE_DEFLATE;
    flips(f, "deflate in tiles");
    f.rows = H;
    lost_deflated(f, "deflate");
    f.rows = 0;
    f.compression = COMPRESSION_JPEG, f.photometric = PHOTOMETRIC_YCBCR, f.n_samples = 3, f.sample = smooth;
    cut_everywhere(f, "JPEG in tiles");
    flips(f, "JPEG in tiles");
    damaged_jpeg(f);
    longer_run();
    hostile();
    return tap_done();
}
