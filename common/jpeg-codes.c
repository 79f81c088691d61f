/* jpeg-codes.c - the decoding of ITU-T T.81, F.2.2, without transform and pixels: blocks are read one after the other
 * in the order of the scan, and only what they must not be is looked at. */
#include "jpeg-codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"

enum {
    SIDE = 8,
    COEFFICIENTS = SIDE * SIDE,
    COMPONENTS = 4,
    TABLES = 4,
    LENGTH_MAX = 16,      /* of a code, bits */
    LOOK = 9,             /* bits of a code that one step finds */
    COEFFICIENT_MAX = 1024 /* of samples from -128 to 127: 8 x 8 x 128 / 8 */
};

enum { SOF0 = 0xC0, SOF1 = 0xC1, DHT = 0xC4, RST0 = 0xD0, RST7 = 0xD7, EOI = 0xD9, SOS = 0xDA, DQT = 0xDB, DRI = 0xDD };

struct huffman {
    bool is_there;
    uint8_t value[256];
    uint16_t look[1 << LOOK]; /* length << 8 | value; 0: a longer code */
    int32_t code_end[LENGTH_MAX + 2]; /* codes of a length are below it */
    int32_t first[LENGTH_MAX + 2];    /* of a length: index of its first value, less its first code */
};

struct component {
    int id, across, down, quantiser; /* sampling factors; table */
    const struct huffman *dc, *ac;   /* of the scan */
    int mean;                        /* of the block before, quantised */
};

struct codes {
    const uint8_t *data, *end; /* `data`: what follows */
    uint64_t bits;             /* the lowest n_bits of it come next */
    int n_bits;
    bool ran_out; /* at a marker, or the end */
    struct huffman dc[TABLES], ac[TABLES];
    uint16_t step[TABLES][COEFFICIENTS]; /* of quantisers, in the order of the file */
    struct component component[COMPONENTS];
    int n_components, width, height, across, down; /* the largest sampling factors */
    int64_t interval;                              /* of restart marks, in MCUs; 0: none */
    int64_t row;                                   /* of MCUs, in which a sign was found */
    const char *sign;                              /* NULL: none */
    int64_t n_left;                                /* whole bytes that are left over, of that sign */
};

/* ------------------------------------------------------------------ bits */
/* Four bytes at once, where none of them is 0xFF, which a zero or a marker follows. */
static bool fill_word(struct codes *c)
{
    if (c->end - c->data < 4)
        return false;
    uint32_t w = (uint32_t)c->data[0] << 24 | (uint32_t)c->data[1] << 16 | (uint32_t)c->data[2] << 8 | c->data[3];
    if ((~w - 0x01010101u) & w & 0x80808080u)
        return false;
    c->bits = c->bits << 32 | w;
    c->n_bits += 32;
    c->data += 4;
    return true;
}

static void fill_bits(struct codes *c)
{
    if (c->n_bits < 32 && !c->ran_out && fill_word(c))
        return;
    while (c->n_bits <= 48 && !c->ran_out) {
        if (c->data >= c->end || (*c->data == 0xFF && (c->data + 1 >= c->end || c->data[1] != 0))) {
            c->ran_out = true;
            return;
        }
        c->bits = c->bits << 8 | *c->data;
        c->n_bits += 8;
        c->data += *c->data == 0xFF ? 2 : 1;
    }
}

static int take_bits(struct codes *c, int n)
{
    if (c->n_bits < n) {
        c->n_bits = 0;
        return 0;
    }
    c->n_bits -= n;
    return (int)(c->bits >> c->n_bits & ((1u << n) - 1));
}

/* The value of the next code; -1: none, or the bits have ended. */
static int take_code(struct codes *c, const struct huffman *h)
{
    if (c->n_bits < 32)
        fill_bits(c);
    if (c->n_bits >= LOOK) {
        unsigned found = h->look[c->bits >> (c->n_bits - LOOK) & ((1u << LOOK) - 1)];
        if (found) {
            c->n_bits -= (int)(found >> 8);
            return (int)(found & 0xFF);
        }
    }
    int32_t code = 0;
    for (int n = 1; n <= LENGTH_MAX && c->n_bits > 0; n++) {
        code = code << 1 | take_bits(c, 1);
        if (code < h->code_end[n])
            return h->value[(h->first[n] + code) & 0xFF];
    }
    return -1;
}

/* A number of so many bits: without a one at the head it is negative. */
static int take_number(struct codes *c, int n)
{
    if (n == 0)
        return 0;
    int v = take_bits(c, n);
    return v < 1 << (n - 1) ? v - (1 << n) + 1 : v;
}

/* ------------------------------------------------------------------ blocks */
static bool is_too_large(const struct codes *c, const struct component *of, int k, int v)
{
    int64_t step = c->step[of->quantiser][k];
    return llabs(v * step) > COEFFICIENT_MAX + step;
}

/* False: the bits have ended, or there is a sign. */
static bool read_block(struct codes *c, struct component *of)
{
    int n = take_code(c, of->dc);
    if (n < 0 || n > LENGTH_MAX - 1)
        return false;
    of->mean += take_number(c, n);
    if (is_too_large(c, of, 0, of->mean))
        c->sign = "a brightness beyond black or white";
    for (int k = 1; k < COEFFICIENTS && !c->sign; k++) {
        int code = take_code(c, of->ac);
        if (code < 0)
            return false;
        if (code == 0)
            break;
        k += code >> 4;
        if (k >= COEFFICIENTS)
            c->sign = "a block with more than 64 coefficients";
        else if ((code & 15) && is_too_large(c, of, k, take_number(c, code & 15)))
            c->sign = "a coefficient beyond all pictures";
    }
    return !c->sign;
}

/* After the last code of a scan or an interval only the rest of a byte is there, or zeros. */
static bool ends_here(struct codes *c)
{
    bool zeros = true;
    int64_t n = 0;
    c->n_bits -= c->n_bits % 8;
    for (fill_bits(c); c->n_bits >= 8; fill_bits(c), n++)
        zeros = take_bits(c, 8) == 0 && zeros;
    if (n > 0 && !zeros) {
        c->sign = "codes are left over";
        c->n_left = n;
    }
    c->n_bits = 0;
    return !c->sign;
}

static bool restart(struct codes *c)
{
    if (!ends_here(c))
        return false;
    while (c->end - c->data > 1 && c->data[0] == 0xFF && c->data[1] == 0xFF)
        c->data++;
    if (c->end - c->data < 2 || c->data[1] < RST0 || c->data[1] > RST7)
        return false;
    c->data += 2;
    c->ran_out = false;
    for (int i = 0; i < c->n_components; i++)
        c->component[i].mean = 0;
    return true;
}

static bool read_mcu(struct codes *c, struct component *const *of, int n)
{
    for (int i = 0; i < n; i++)
        for (int k = n > 1 ? of[i]->across * of[i]->down : 1; k > 0; k--)
            if (!read_block(c, of[i]))
                return false;
    return true;
}

/* A scan of one component has its blocks alone; of several, as many of each as its sampling says. */
static bool read_scan(struct codes *c, struct component *const *of, int n)
{
    int64_t wide = SIDE * c->across, high = SIDE * c->down;
    int64_t n_across = num_ceil_div(c->width * (n > 1 ? 1 : of[0]->across), wide);
    int64_t n_down = num_ceil_div(c->height * (n > 1 ? 1 : of[0]->down), high), n_read = 0;
    c->n_bits = 0;
    c->ran_out = false;
    for (int i = 0; i < n; i++)
        of[i]->mean = 0;
    for (c->row = 0; c->row < n_down; c->row++)
        for (int64_t x = 0; x < n_across; x++, n_read++) {
            if (c->interval && n_read > 0 && n_read % c->interval == 0 && !restart(c))
                return false;
            if (!read_mcu(c, of, n))
                return false;
        }
    return ends_here(c);
}

/* ------------------------------------------------------------------ segments */
/* Codes of a length follow one another (T.81, annex C). */
static bool set_huffman(struct huffman *h, const uint8_t *n_of_length, const uint8_t *value, int n_values)
{
    int32_t code = 0;
    int i = 0;
    memset(h, 0, sizeof *h);
    memcpy(h->value, value, (size_t)n_values);
    for (int n = 1; n <= LENGTH_MAX; n++, code <<= 1) {
        h->first[n] = i - code;
        for (int k = 0; k < n_of_length[n - 1]; k++, i++, code++) {
            if (code >= 1 << n)
                return false;
            for (int rest = 0; n <= LOOK && rest < 1 << (LOOK - n); rest++)
                h->look[(code << (LOOK - n)) + rest] = (uint16_t)(n << 8 | value[i]);
        }
        h->code_end[n] = code;
    }
    return h->is_there = true;
}

static bool read_huffman(struct codes *c, const uint8_t *s, size_t n)
{
    while (n > 0) {
        int n_values = 0;
        if (n < 1 + LENGTH_MAX || (s[0] & 0xEF) >= TABLES)
            return false;
        for (int i = 1; i <= LENGTH_MAX; i++)
            n_values += s[i];
        size_t used = 1 + LENGTH_MAX + (size_t)n_values;
        struct huffman *h = s[0] & 0x10 ? &c->ac[s[0] & 3] : &c->dc[s[0] & 3];
        if (n_values > 256 || n < used || !set_huffman(h, s + 1, s + 1 + LENGTH_MAX, n_values))
            return false;
        s += used, n -= used;
    }
    return true;
}

static bool read_quantisers(struct codes *c, const uint8_t *s, size_t n)
{
    while (n > 0) {
        size_t wide = s[0] >> 4 ? 2 : 1, used = 1 + COEFFICIENTS * wide;
        if (n < used || (s[0] & 15) >= TABLES)
            return false;
        for (size_t k = 0; k < COEFFICIENTS; k++)
            c->step[s[0] & 15][k] = (uint16_t)(wide == 1 ? s[1 + k] : s[1 + 2 * k] << 8 | s[2 + 2 * k]);
        s += used, n -= used;
    }
    return true;
}

static bool read_frame(struct codes *c, const uint8_t *s, size_t n)
{
    if (n < 6 || c->n_components > 0 || s[0] != 8 || s[5] < 1 || s[5] > COMPONENTS || n < 6 + 3 * (size_t)s[5])
        return false;
    c->height = s[1] << 8 | s[2];
    c->width = s[3] << 8 | s[4];
    c->n_components = s[5];
    for (int i = 0; i < c->n_components; i++) {
        const uint8_t *of = s + 6 + 3 * i;
        c->component[i] = (struct component){.id = of[0], .across = of[1] >> 4, .down = of[1] & 15, .quantiser = of[2]};
        if (of[1] >> 4 < 1 || of[1] >> 4 > 4 || (of[1] & 15) < 1 || (of[1] & 15) > 4 || of[2] >= TABLES)
            return false;
        c->across = (int)num_max(c->across, of[1] >> 4);
        c->down = (int)num_max(c->down, of[1] & 15);
    }
    return c->width > 0 && c->height > 0;
}

/* The header of a scan, and the scan. */
static bool read_scan_of(struct codes *c, const uint8_t *s, size_t n)
{
    struct component *of[COMPONENTS];
    if (n < 1 || s[0] < 1 || s[0] > c->n_components || n < 4 + 2 * (size_t)s[0])
        return false;
    for (int i = 0; i < s[0]; i++) {
        int id = s[1 + 2 * i], tables = s[2 + 2 * i], k = 0;
        while (k < c->n_components && c->component[k].id != id)
            k++;
        if (k == c->n_components || tables >> 4 >= TABLES || (tables & 15) >= TABLES)
            return false;
        of[i] = &c->component[k];
        of[i]->dc = &c->dc[tables >> 4];
        of[i]->ac = &c->ac[tables & 15];
        if (!of[i]->dc->is_there || !of[i]->ac->is_there)
            return false;
    }
    return read_scan(c, of, s[0]);
}

/* False: nothing further is understood, or there is a sign. */
static bool read_segment(struct codes *c, int marker, const uint8_t *s, size_t n)
{
    switch (marker) {
    case SOF0:
    case SOF1: return read_frame(c, s, n);
    case DHT: return read_huffman(c, s, n);
    case DQT: return read_quantisers(c, s, n);
    case DRI:
        c->interval = n == 2 ? s[0] << 8 | s[1] : 0;
        return n == 2;
    case SOS: return read_scan_of(c, s, n);
    default: return marker < SOF0 || marker > 0xCF; /* other kinds of frames are not read */
    }
}

static void read_file(struct codes *c)
{
    bool more = true;
    while (more && c->end - c->data > 3) {
        int marker = c->data[1];
        if (c->data[0] != 0xFF || marker == 0xFF || marker == 0) {
            c->data++;
            continue;
        }
        size_t n = (size_t)c->data[2] << 8 | c->data[3];
        if (marker == EOI || n < 2 || n > (size_t)(c->end - c->data) - 2)
            return;
        const uint8_t *s = c->data + 4;
        c->data += 2 + n;
        more = read_segment(c, marker, s, n - 2);
    }
}

bool jpeg_codes_sign(const uint8_t *data, size_t bytes, char *text, size_t text_bytes)
{
    struct codes *c = bytes > 2 ? calloc(1, sizeof *c) : NULL;
    if (!c)
        return false;
    c->data = data + 2; /* after the start mark */
    c->end = data + bytes;
    read_file(c);
    bool found = c->sign != NULL;
    if (found && c->n_left > 0)
        snprintf(text, text_bytes, "%s (%lld %s)", c->sign, (long long)c->n_left, c->n_left == 1 ? "byte" : "bytes");
    else if (found)
        snprintf(text, text_bytes, "%s (near line %lld)", c->sign, (long long)c->row * SIDE * c->down);
    free(c);
    return found;
}
