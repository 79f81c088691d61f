/* canvas.h - a small painter for drawn photographs: shapes with soft edges on a canvas of float RGB, and a camera that
 * photographs the canvas from a position.
 *
 * A shape is a signed distance function: negative inside, with the edge within half a pixel of zero. canvas_rotate
 * rotates what is painted after it. None of this is exact physics; it only has to look right.
 */
#ifndef CANVAS_H
#define CANVAS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "rng.h"

struct rgb {
    float r, g, b;
};

struct canvas {
    int width, height;
    struct rgb *pixel;
    float pivot_x, pivot_y, cos, sin; /* of the rotation */
};

static inline struct rgb rgb_of(uint32_t hex)
{
    return (struct rgb){(float)(hex >> 16 & 255) / 255, (float)(hex >> 8 & 255) / 255, (float)(hex & 255) / 255};
}

static inline struct rgb rgb_scale(struct rgb c, float f)
{
    return (struct rgb){c.r * f, c.g * f, c.b * f};
}

static inline struct rgb rgb_mix(struct rgb a, struct rgb b, float t)
{
    return (struct rgb){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

static inline float lesser(float a, float b)
{
    return a < b ? a : b;
}

static inline float greater(float a, float b)
{
    return a > b ? a : b;
}

static inline float clamp01(float v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static inline void canvas_rotate(struct canvas *c, float x, float y, float angle)
{
    c->pivot_x = x, c->pivot_y = y, c->cos = cosf(angle), c->sin = sinf(angle);
}

static inline void canvas_blend(struct canvas *c, int x, int y, struct rgb colour, float alpha)
{
    struct rgb *p = &c->pixel[(size_t)y * (size_t)c->width + (size_t)x];
    *p = rgb_mix(*p, colour, clamp01(alpha));
}

/* ---------------------------------------------------------------- shapes */

struct shape {
    float x, y, half_w, half_h, radius; /* a box with round corners, by its centre */
    float soft;                         /* width of the edge; 1 is sharp */
    float alpha;
    struct rgb colour;
    float top, bottom;                  /* brightness at its upper and lower edge */
    float bevel;                        /* how much lighter the upper rim is, and darker the lower one */
};

static inline float box_distance(const struct shape *s, float x, float y)
{
    float dx = fabsf(x - s->x) - s->half_w + s->radius, dy = fabsf(y - s->y) - s->half_h + s->radius;
    float ox = dx > 0 ? dx : 0, oy = dy > 0 ? dy : 0, inside = dx > dy ? dx : dy;
    return sqrtf(ox * ox + oy * oy) + (inside < 0 ? inside : 0) - s->radius;
}

static inline void canvas_shape(struct canvas *c, const struct shape *s)
{
    float reach = s->half_w + s->half_h + s->soft + 2;
    float cx = c->pivot_x + (s->x - c->pivot_x) * c->cos - (s->y - c->pivot_y) * c->sin;
    float cy = c->pivot_y + (s->x - c->pivot_x) * c->sin + (s->y - c->pivot_y) * c->cos;
    float reach_x = c->sin == 0 ? s->half_w + s->soft + 2 : reach;
    float reach_y = c->sin == 0 ? s->half_h + s->soft + 2 : reach;
    int x0 = (int)greater(0, cx - reach_x), x1 = (int)lesser((float)c->width - 1, cx + reach_x);
    int y0 = (int)greater(0, cy - reach_y), y1 = (int)lesser((float)c->height - 1, cy + reach_y);
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++) {
            float dx = (float)x - c->pivot_x, dy = (float)y - c->pivot_y;
            float lx = c->pivot_x + dx * c->cos + dy * c->sin;
            float ly = c->pivot_y - dx * c->sin + dy * c->cos;
            float d = box_distance(s, lx, ly);
            if (d > s->soft)
                continue;
            float t = clamp01((ly - s->y + s->half_h) / (2 * s->half_h));
            float light = s->top + (s->bottom - s->top) * t;
            if (s->bevel != 0 && d > -3)
                light += s->bevel * (d + 3) / 3 * (t < 0.5f ? 1 : -1);
            canvas_blend(c, x, y, rgb_scale(s->colour, light), s->alpha * clamp01(0.5f - d / s->soft));
        }
}

static inline void paint_box(struct canvas *c, float x, float y, float w, float h, float radius, struct rgb colour,
                             float bevel)
{
    struct shape s = {x + w / 2, y + h / 2, w / 2, h / 2, radius, 1, 1, colour, 1, 1, bevel};
    canvas_shape(c, &s);
}

static inline void paint_shadow(struct canvas *c, float x, float y, float w, float h, float soft, float alpha)
{
    struct shape s = {x + w / 2, y + h / 2, w / 2, h / 2, soft / 2, soft, alpha, {0, 0, 0}, 1, 1, 0};
    canvas_shape(c, &s);
}

static inline void paint_disc(struct canvas *c, float x, float y, float r, struct rgb colour, float top, float bottom)
{
    struct shape s = {x, y, r, r, r, 1, 1, colour, top, bottom, 0};
    canvas_shape(c, &s);
}

/* The glow around a lamp. */
static inline void paint_glow(struct canvas *c, float x, float y, float r, struct rgb colour, float strength)
{
    struct shape s = {x, y, r, r, r, 3 * r, strength, colour, 1, 1, 0};
    canvas_shape(c, &s);
}

/* ---------------------------------------------------------------- cables */

enum { CABLE_SEGMENTS = 28 };

struct point {
    float x, y;
};

static inline struct point bezier(const struct point p[4], float t)
{
    float u = 1 - t, a = u * u * u, b = 3 * u * u * t, d = 3 * u * t * t, e = t * t * t;
    return (struct point){a * p[0].x + b * p[1].x + d * p[2].x + e * p[3].x,
                          a * p[0].y + b * p[1].y + d * p[2].y + e * p[3].y};
}

static inline float segment_distance(struct point a, struct point b, float x, float y)
{
    float vx = b.x - a.x, vy = b.y - a.y, wx = x - a.x, wy = y - a.y, n = vx * vx + vy * vy;
    float t = n > 0 ? clamp01((wx * vx + wy * vy) / n) : 0;
    float dx = wx - t * vx, dy = wy - t * vy;
    return sqrtf(dx * dx + dy * dy);
}

static inline void cable_pixel(struct canvas *c, int x, int y, float near, float radius, struct rgb colour, bool shadow)
{
    if (shadow) {
        canvas_blend(c, x, y, (struct rgb){0, 0, 0}, 0.38f * clamp01(1 - (near - radius + 4) / 12));
    } else if (near < radius + 1) {
        float t = clamp01(near / radius), round = sqrtf(1 - t * t), shine = round * round * round;
        struct rgb lit = rgb_scale(colour, 0.42f + 0.62f * round);
        canvas_blend(c, x, y, rgb_mix(lit, (struct rgb){1, 1, 1}, 0.22f * shine * shine * shine),
                     clamp01(radius + 0.5f - near));
    }
}

/* The segments of a curve that are within reach of a row, and the columns within reach of them. */
static inline int segments_of_row(const struct point *p, float y, float reach, int segment[CABLE_SEGMENTS], float *x0,
                                  float *x1)
{
    int n = 0;
    *x0 = 1e9f, *x1 = -1e9f;
    for (int i = 0; i < CABLE_SEGMENTS; i++) {
        if (y < lesser(p[i].y, p[i + 1].y) - reach || y > greater(p[i].y, p[i + 1].y) + reach)
            continue;
        segment[n++] = i;
        *x0 = lesser(*x0, lesser(p[i].x, p[i + 1].x) - reach);
        *x1 = greater(*x1, greater(p[i].x, p[i + 1].x) + reach);
    }
    return n;
}

/* A round cable along a curve, lit from above; or only its shadow. */
static inline void paint_cable(struct canvas *c, const struct point curve[4], float radius, struct rgb colour,
                               bool shadow)
{
    struct point p[CABLE_SEGMENTS + 1];
    float reach = radius + (shadow ? 12 : 2);
    for (int i = 0; i <= CABLE_SEGMENTS; i++) {
        p[i] = bezier(curve, (float)i / CABLE_SEGMENTS);
        if (shadow)
            p[i].x += 5, p[i].y += 9;
    }
    for (int y = 0; y < c->height; y++) {
        int segment[CABLE_SEGMENTS];
        float x0, x1;
        int n = segments_of_row(p, (float)y, reach, segment, &x0, &x1);
        for (int x = (int)greater(0, x0); n && x <= (int)lesser((float)c->width - 1, x1); x++) {
            float near = reach + 1;
            for (int i = 0; i < n; i++)
                near = lesser(near, segment_distance(p[segment[i]], p[segment[i] + 1], (float)x, (float)y));
            cable_pixel(c, x, y, near, radius, colour, shadow);
        }
    }
}

/* ---------------------------------------------------------------- letters */

/* 3 x 5 dots, upper row first: 0-9, A-Z. */
static const uint16_t letters[36] = {
    075557, 026227, 071747, 071717, 055711, 074717, 074757, 071122, 075757, 075717, 025755, 065656,
    034443, 065556, 074647, 074644, 034553, 055755, 072227, 011152, 055655, 044447, 057755, 065555,
    025552, 065644, 025573, 065655, 034216, 072222, 055557, 055522, 055775, 055255, 055222, 071247};

static inline void paint_text(struct canvas *c, float x, float y, float dot, const char *text, struct rgb colour)
{
    for (; *text; text++, x += 4 * dot) {
        int k = *text >= '0' && *text <= '9' ? *text - '0' : *text >= 'A' && *text <= 'Z' ? *text - 'A' + 10 : -1;
        for (int i = 0; k >= 0 && i < 15; i++)
            if (letters[k] >> (14 - i) & 1)
                paint_box(c, x + dot * (float)(i % 3), y + dot * (float)(i / 3), dot, dot, 0, colour, 0);
    }
}

/* ---------------------------------------------------------------- texture */

/* A hash of the arguments, as a number 0 .. 1. */
static inline float lattice(uint32_t seed, int x, int y)
{
    uint32_t h = seed ^ (uint32_t)x * 0x9E3779B1u ^ (uint32_t)y * 0x85EBCA77u;
    h = (h ^ h >> 15) * 0x2C1B3C6Du;
    h = (h ^ h >> 12) * 0x297A2D39u;
    return (float)((h ^ h >> 15) & 0xFFFF) / 65535.0f;
}

/* Smooth noise in 0 .. 1, with cells of this size in pixels. */
static inline float texture(uint32_t seed, float x, float y, float cell_w, float cell_h)
{
    float fx = x / cell_w, fy = y / cell_h;
    int ix = (int)floorf(fx), iy = (int)floorf(fy);
    float tx = fx - (float)ix, ty = fy - (float)iy;
    tx = tx * tx * (3 - 2 * tx), ty = ty * ty * (3 - 2 * ty);
    float a = lattice(seed, ix, iy), b = lattice(seed, ix + 1, iy);
    float d = lattice(seed, ix, iy + 1), e = lattice(seed, ix + 1, iy + 1);
    return (a + (b - a) * tx) * (1 - ty) + (d + (e - d) * tx) * ty;
}

/* Varies the brightness of a part of the canvas by up to `strength`. */
static inline void paint_texture(struct canvas *c, float x, float y, float w, float h, uint32_t seed, float cell_w,
                                 float cell_h, float strength)
{
    for (int iy = (int)greater(0, y); iy < (int)lesser((float)c->height, y + h); iy++)
        for (int ix = (int)greater(0, x); ix < (int)lesser((float)c->width, x + w); ix++) {
            struct rgb *p = &c->pixel[(size_t)iy * (size_t)c->width + (size_t)ix];
            *p = rgb_scale(*p, 1 + strength * (2 * texture(seed, (float)ix, (float)iy, cell_w, cell_h) - 1));
        }
}

/* ---------------------------------------------------------------- the camera */

struct camera {
    float x, y, zoom;         /* the point of the canvas in the middle; canvas pixels across the photograph */
    float yaw, pitch;         /* how much nearer the right and the lower side are */
    float roll_cos, roll_sin;
    float light_x, light_y, light_size, light, ambient; /* a lamp: position and size in canvas pixels, strengths */
    struct rgb tint;          /* of the light */
    float glare, glare_at;    /* strength and position of a band of reflection */
    float blur;               /* radius in photograph pixels */
    float noise;              /* standard deviation at half brightness */
    float vignette;
};

static inline struct rgb canvas_at(const struct canvas *c, float x, float y)
{
    x = lesser(greater(x, 0), (float)c->width - 1.01f), y = lesser(greater(y, 0), (float)c->height - 1.01f);
    int ix = (int)x, iy = (int)y;
    const struct rgb *p = &c->pixel[(size_t)iy * (size_t)c->width + (size_t)ix];
    return rgb_mix(rgb_mix(p[0], p[1], x - (float)ix), rgb_mix(p[c->width], p[c->width + 1], x - (float)ix),
                   y - (float)iy);
}

static inline struct rgb camera_sample(const struct canvas *c, const struct camera *k, float u, float v)
{
    float ru = u * k->roll_cos - v * k->roll_sin, rv = u * k->roll_sin + v * k->roll_cos;
    float nearness = 1 + k->yaw * ru + k->pitch * rv; /* the plane is not parallel to the sensor */
    float x = k->x + k->zoom * ru / nearness, y = k->y + k->zoom * rv / nearness;
    struct rgb p = canvas_at(c, x, y);
    float dx = (x - k->light_x) / k->light_size, dy = (y - k->light_y) / k->light_size;
    float light = k->ambient + k->light / (1 + dx * dx + dy * dy);
    float band = (x * 0.8f + y * 0.6f - k->glare_at) / 70, fade = band * band < 1.5f ? 1 - band * band / 1.5f : 0;
    float glare = k->glare * fade * fade;
    light *= 1 - k->vignette * (u * u + v * v) * 4;
    return (struct rgb){p.r * light * k->tint.r + glare, p.g * light * k->tint.g + glare,
                        p.b * light * k->tint.b + glare};
}

static inline uint8_t develop(float v, float noise)
{
    v = v < 0 ? 0 : v;
    v = v / (1 + 0.18f * v * v) * 1.12f + noise; /* highlights are compressed, as on film */
    return (uint8_t)(255 * clamp01(v) + 0.5f);
}

static inline void camera_capture(const struct canvas *c, const struct camera *k, struct rng *r, struct image *out)
{
    enum { TAPS = 2 };
    float w = (float)out->width, h = (float)out->height;
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            struct rgb sum = {0, 0, 0};
            for (int i = 0; i < TAPS * TAPS; i++) {
                float step = 0.5f + k->blur, ox = ((float)(i % TAPS) - 0.5f) * step,
                      oy = ((float)(i / TAPS) - 0.5f) * step;
                struct rgb p = camera_sample(c, k, ((float)x + 0.5f + ox - w / 2) / w,
                                             ((float)y + 0.5f + oy - h / 2) / w);
                sum.r += p.r, sum.g += p.g, sum.b += p.b;
            }
            uint8_t *to = image_row(out, y) + 3 * x;
            float common = (float)rng_normal(r);
            const float n = TAPS * TAPS, v[3] = {sum.r / n, sum.g / n, sum.b / n};
            for (int j = 0; j < 3; j++)
                to[j] = develop(v[j], k->noise * (0.4f + v[j]) * (0.7f * common + 0.5f * (rng_f32(r) * 2 - 1)));
        }
}

#endif
