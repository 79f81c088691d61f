/* simd-color.c - point operations, written so that the compiler vectorises them: HSV works on blocks of pixels split
 * into channels, with selections instead of branches.
 *
 * Which steps are float32 and which are double is part of the result: all in float32, or all in double, HSV differs by
 * up to 6 in 255. Remainders are taken by truncation, as everything is positive.
 */
#include "color-loops.h"
#include "isa.h"

enum { BLOCK = 128 };

static inline uint8_t clamp_u8(float v) /* to 0 .. 255, truncated */
{
    v = v < 0 ? 0 : v;
    return (uint8_t)(int32_t)(v > 255 ? 255 : v);
}

static inline int32_t luma(int32_t r, int32_t g, int32_t b)
{
    return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
}

static void blend(uint8_t *v, int64_t n_values, float base, float factor)
{
    for (int64_t i = 0; i < n_values; i++)
        v[i] = clamp_u8(base + factor * ((float)v[i] - base));
}

static void saturation(uint8_t *rgb, int64_t n, float factor)
{
    for (int64_t i = 0; i < n; i++) {
        uint8_t *p = rgb + 3 * i;
        float base = (float)luma(p[0], p[1], p[2]);
        p[0] = clamp_u8(base + factor * ((float)p[0] - base));
        p[1] = clamp_u8(base + factor * ((float)p[1] - base));
        p[2] = clamp_u8(base + factor * ((float)p[2] - base));
    }
}

static void grey(uint8_t *rgb, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint8_t *p = rgb + 3 * i;
        p[0] = p[1] = p[2] = (uint8_t)luma(p[0], p[1], p[2]);
    }
}

static int64_t luma_sum(const uint8_t *rgb, int64_t n)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += luma(rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]);
    return sum;
}

/* A block of pixels on its way through HSV. Each step is a loop of its own over arrays, without a branch, so that the
 * compiler vectorises all of them. */
struct hsv {
    float r[BLOCK], g[BLOCK], b[BLOCK];
    float v[BLOCK], range[BLOCK];                      /* V, the largest of r, g, b; V - the smallest */
    float from_r[BLOCK], from_g[BLOCK], from_b[BLOCK]; /* the hue in sixths, where r, g or b is the largest */
    int32_t h[BLOCK];                                  /* H, 0 .. 255; later its sixth, 0 .. 6 */
    float s[BLOCK];                                    /* S, 0 .. 255 */
    int32_t p[BLOCK], q[BLOCK], t[BLOCK];              /* the values of the other two channels: find_values */
};

static void load_block(struct hsv *k, const uint8_t *rgb, int n)
{
    for (int i = 0; i < n; i++)
        k->r[i] = rgb[3 * i], k->g[i] = rgb[3 * i + 1], k->b[i] = rgb[3 * i + 2];
    for (int i = n; i < BLOCK; i++)
        k->r[i] = k->g[i] = k->b[i] = 0;
}

/* rc, gc, bc and the hue are float32; 2 + rc - bc and 4 + gc - rc are double. */
static void find_sixths(struct hsv *k)
{
    float rc[BLOCK], gc[BLOCK], bc[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
        float r = k->r[i], g = k->g[i], b = k->b[i];
        float high = r > g ? r : g, low = r < g ? r : g;
        high = high > b ? high : b;
        low = low < b ? low : b;
        float range = high - low, divisor = range > 0 ? range : 1;
        rc[i] = (high - r) / divisor, gc[i] = (high - g) / divisor, bc[i] = (high - b) / divisor;
        k->from_r[i] = bc[i] - gc[i];
        k->v[i] = high, k->range[i] = range;
    }
    for (int i = 0; i < BLOCK; i++) {
        k->from_g[i] = (float)(2.0 + (double)rc[i] - (double)bc[i]);
        k->from_b[i] = (float)(4.0 + (double)gc[i] - (double)rc[i]);
    }
}

/* H and S as whole numbers 0 .. 255; both are 0 where the range is. */
static void find_hue(struct hsv *k)
{
    float sixths[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
        float of_rest = k->g[i] == k->v[i] ? k->from_g[i] : k->from_b[i];
        sixths[i] = k->r[i] == k->v[i] ? k->from_r[i] : of_rest;
    }
    for (int i = 0; i < BLOCK; i++) {
        double hue = (double)sixths[i] / 6.0 + 1.0; /* 0.83 .. 1.84: fmod by 1 is subtracting the whole part */
        k->h[i] = (int32_t)((double)(float)(hue - (double)(int32_t)hue) * 255.0);
    }
    for (int i = 0; i < BLOCK; i++) {
        float divisor = k->v[i] > 0 ? k->v[i] : 1;
        k->s[i] = (float)(int32_t)(255.0f * k->range[i] / divisor);
        k->h[i] = k->range[i] > 0 ? k->h[i] : 0;
    }
}

static inline int32_t round_half_up(double v)
{
    return (int32_t)(v + 0.5);
}

/* p is the smallest channel; the third one is q where it falls as the hue grows, t where it rises. */
static void find_values(struct hsv *k, int shift)
{
    for (int i = 0; i < BLOCK; i++)
        k->h[i] = (k->h[i] + shift) & 255;
    for (int i = 0; i < BLOCK; i++) {
        double sixths = 6.0 * (double)k->h[i] / 255.0;
        int32_t whole = (int32_t)sixths;
        double phase = (double)(float)(sixths - (double)whole), share = (double)(float)((double)k->s[i] / 255.0);
        double v = (double)k->v[i];
        k->p[i] = round_half_up(v * (1.0 - share));
        k->q[i] = round_half_up(v * (1.0 - share * phase));
        k->t[i] = round_half_up(v * (1.0 - share * (1.0 - phase)));
        k->h[i] = whole;
    }
}

/* With saturation 0 p, q and t are all V, so grey needs no case of its own. */
static void store_block(const struct hsv *k, uint8_t *rgb, int n)
{
    int32_t r[BLOCK], g[BLOCK], b[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
        int32_t v = (int32_t)k->v[i], p = k->p[i], q = k->q[i], t = k->t[i], h = k->h[i];
        r[i] = ((h == 0) | (h >= 5)) ? v : h == 1 ? q : h == 4 ? t : p; /* 6 is 0 with phase 0, where t is p */
        g[i] = ((h == 1) | (h == 2)) ? v : h == 3 ? q : h == 0 ? t : p;
        b[i] = ((h == 3) | (h == 4)) ? v : h == 5 ? q : h == 2 ? t : p;
    }
    for (int i = 0; i < n; i++)
        rgb[3 * i] = (uint8_t)r[i], rgb[3 * i + 1] = (uint8_t)g[i], rgb[3 * i + 2] = (uint8_t)b[i];
}

static void hue(uint8_t *rgb, int64_t n, int shift)
{
    struct hsv block;
    for (int64_t first = 0; first < n; first += BLOCK) {
        int m = (int)(n - first < BLOCK ? n - first : BLOCK);
        load_block(&block, rgb + 3 * first, m);
        find_sixths(&block);
        find_hue(&block);
        find_values(&block, shift);
        store_block(&block, rgb + 3 * first, m);
    }
}

const struct color_loops ISA_NAME(color_loops) = {blend, saturation, hue, grey, luma_sum};
