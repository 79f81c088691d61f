/* simd-color.c - point operations, written so that the compiler makes vectors of them: each works on blocks of
 * pixels taken apart into channels; choices are selections, not branches.
 *
 * Which steps are float32 and which double is part of the result: HSV with all in either differs in values by up
 * to 6. A hue in [0, 6) and its remainders are found by truncation, as everything is positive.
 */
#include "cpu/isa.h"
#include "img/color-loops.h"

enum { BLOCK = 128 };

static inline uint8_t cut(float v) /* 0 .. 255, the fraction is lost */
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
        v[i] = cut(base + factor * ((float)v[i] - base));
}

static void saturation(uint8_t *rgb, int64_t n, float factor)
{
    for (int64_t i = 0; i < n; i++) {
        uint8_t *p = rgb + 3 * i;
        float base = (float)luma(p[0], p[1], p[2]);
        p[0] = cut(base + factor * ((float)p[0] - base));
        p[1] = cut(base + factor * ((float)p[1] - base));
        p[2] = cut(base + factor * ((float)p[2] - base));
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

/* H [0,255], S [0,255]; V is the largest. H and S are 0 where all are equal. */
static inline void to_hsv(float r, float g, float b, int32_t *h, float *s, float *v)
{
    float high = r > g ? r : g, low = r < g ? r : g;
    high = high > b ? high : b;
    low = low < b ? low : b;
    float range = high - low, divisor = range > 0 ? range : 1;
    float rc = (high - r) / divisor, gc = (high - g) / divisor, bc = (high - b) / divisor;
    double of_g = 2.0 + (double)rc - (double)bc, of_b = 4.0 + (double)gc - (double)rc;
    float of_rest = (float)(g == high ? of_g : of_b);
    float sector = r == high ? bc - gc : of_rest;
    double turn = (double)sector / 6.0 + 1.0;
    float part = (float)(turn >= 1.0 ? turn - 1.0 : turn);
    int32_t hue = (int32_t)((double)part * 255.0);
    float share = (float)(int32_t)(255.0f * range / (high > 0 ? high : 1));
    *h = range > 0 ? hue : 0;
    *s = range > 0 ? share : 0;
    *v = high;
}

static inline int32_t round_half_up(double v)
{
    return (int32_t)(v + 0.5);
}

static inline void from_hsv(int32_t h, float s, float v, int32_t *r, int32_t *g, int32_t *b)
{
    double sixths = 6.0 * (double)h / 255.0;
    int32_t i = (int32_t)sixths;
    double phase = (double)(float)(sixths - (double)i), share = (double)(float)((double)s / 255.0);
    int32_t V = (int32_t)v;
    int32_t p = round_half_up((double)v * (1.0 - share));
    int32_t q = round_half_up((double)v * (1.0 - share * phase));
    int32_t t = round_half_up((double)v * (1.0 - share * (1.0 - phase)));
    i = i == 6 ? 0 : i;
    int32_t red = i == 0 || i == 5 ? V : i == 1 ? q : i == 4 ? t : p;
    int32_t green = i == 1 || i == 2 ? V : i == 3 ? q : i == 0 ? t : p;
    int32_t blue = i == 3 || i == 4 ? V : i == 5 ? q : i == 2 ? t : p;
    *r = s > 0 ? red : V;
    *g = s > 0 ? green : V;
    *b = s > 0 ? blue : V;
}

static void hue(uint8_t *rgb, int64_t n, int shift)
{
    int32_t r[BLOCK], g[BLOCK], b[BLOCK];
    for (int64_t first = 0; first < n; first += BLOCK) {
        int m = (int)(n - first < BLOCK ? n - first : BLOCK);
        uint8_t *p = rgb + 3 * first;
        for (int i = 0; i < m; i++)
            r[i] = p[3 * i], g[i] = p[3 * i + 1], b[i] = p[3 * i + 2];
        for (int i = 0; i < m; i++) {
            int32_t h;
            float s, v;
            to_hsv((float)r[i], (float)g[i], (float)b[i], &h, &s, &v);
            from_hsv((h + shift) & 255, s, v, &r[i], &g[i], &b[i]);
        }
        for (int i = 0; i < m; i++)
            p[3 * i] = (uint8_t)r[i], p[3 * i + 1] = (uint8_t)g[i], p[3 * i + 2] = (uint8_t)b[i];
    }
}

const struct color_loops ISA_NAME(color_loops) = {blend, saturation, hue, grey, luma_sum};
