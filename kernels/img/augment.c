/* augment.c - first the draws, then the pixels. Draws that the published code does not have (vertical flip, rotation)
 * come last, so that switching them on changes no other draw. */
#include "augment.h"

#include <string.h>

#include "blur.h"
#include "color.h"
#include "resize.h"

/* The published recipe says 1.0, 0.1 and 0.5; the published code blurs with one minus these probabilities. */
static double blur_probability(const struct config *c, double setting)
{
    return c->augment.blur_rule == BLUR_PUBLISHED ? 1 - setting : setting;
}

struct augment augment_from_config(const struct config *c)
{
    int64_t global = c->crops.global_crops_size, local = c->crops.local_crops_size;
    struct augment a = {
        .side = {global, global, local},
        .flip_horizontal = c->augment.horizontal_flip,
        .flip_vertical = c->augment.vertical_flip,
        .rotate90 = c->augment.rotate90,
        .jitter = c->augment.jitter_probability,
        .brightness = c->augment.brightness,
        .contrast = c->augment.contrast,
        .saturation = c->augment.saturation,
        .hue = c->augment.hue,
        .grey = c->augment.gray_probability,
        .blur = {blur_probability(c, c->augment.blur_probability_global1),
                 blur_probability(c, c->augment.blur_probability_global2),
                 blur_probability(c, c->augment.blur_probability_local)},
        .solarize = {[AUGMENT_GLOBAL2] = c->augment.solarize_probability},
        .solarize_threshold = (int)c->augment.solarize_threshold,
    };
    for (int kind = 0; kind < AUGMENT_KINDS; kind++) {
        const double *scale = kind == AUGMENT_LOCAL ? c->crops.local_crops_scale : c->crops.global_crops_scale;
        memcpy(a.scale[kind], scale, sizeof a.scale[kind]);
    }
    memcpy(a.ratio, c->augment.aspect_ratio, sizeof a.ratio);
    memcpy(a.sigma, c->augment.blur_sigma, sizeof a.sigma);
    return a;
}

/* Flip, grey, solarize: applied when the draw is below p. */
static bool happens(struct rng *r, double p)
{
    return rng_f32(r) < (float)p;
}

/* Jitter and blur are in RandomApply, which skips them when the draw is above p. Unlike PyTorch, p = 0 means never. */
static bool random_apply(struct rng *r, double p)
{
    return !((float)p < rng_f32(r)) && p > 0;
}

static double uniform(struct rng *r, double low, double high)
{
    return (double)((float)low + rng_f32(r) * (float)(high - low));
}

static float factor(struct rng *r, double strength)
{
    return (float)uniform(r, strength < 1 ? 1 - strength : 0, 1 + strength);
}

static void draw_jitter(const struct augment *a, struct rng *r, struct augment_crop *c)
{
    int64_t order[AUGMENT_COLORS];
    rng_permutation(r, AUGMENT_COLORS, order);
    for (int i = 0; i < AUGMENT_COLORS; i++)
        c->order[i] = (uint8_t)order[i];
    c->brightness = factor(r, a->brightness);
    c->contrast = factor(r, a->contrast);
    c->saturation = factor(r, a->saturation);
    c->hue = uniform(r, -a->hue, a->hue);
}

struct augment_crop augment_draw(const struct augment *a, enum augment_kind kind, struct rng *r, int64_t height,
                                 int64_t width)
{
    struct augment_crop c = {.side = a->side[kind], .solarize_threshold = a->solarize_threshold};
    c.box = crop_random(r, height, width, a->scale[kind], a->ratio);
    c.flip_horizontal = happens(r, a->flip_horizontal);
    c.jitter = random_apply(r, a->jitter);
    if (c.jitter)
        draw_jitter(a, r, &c);
    c.grey = happens(r, a->grey);
    c.blur = random_apply(r, a->blur[kind]);
    if (c.blur)
        c.sigma = uniform(r, a->sigma[0], a->sigma[1]);
    if (kind == AUGMENT_GLOBAL2)
        c.solarize = happens(r, a->solarize[kind]);
    c.flip_vertical = happens(r, a->flip_vertical);
    c.n_rotate90 = happens(r, a->rotate90) ? 1 + (int)rng_below(r, 3) : 0;
    return c;
}

static void resized_crop(const struct augment_crop *c, const struct image *im, uint8_t *out, struct arena *scratch)
{
    int64_t n = c->side * c->side;
    struct resize r = {.in_h = c->box.height, .in_w = c->box.width, .out_h = c->side, .out_w = c->side,
                       .rows = c->side, .cols = c->side, .channels = im->components};
    int64_t stride = (int64_t)im->width * im->components;
    resize_bicubic(&r, im->pixels + c->box.top * stride + c->box.left * im->components, stride, out, scratch);
    /* A grey crop fills the first third of out. It is spread to three components in place, from the end. */
    for (int64_t i = n; im->components == 1 && i-- > 0;)
        out[3 * i + 2] = out[3 * i + 1] = out[3 * i] = out[i];
}

static void jitter(const struct augment_crop *c, uint8_t *rgb)
{
    int64_t n = c->side * c->side;
    for (int i = 0; i < AUGMENT_COLORS; i++)
        switch (c->order[i]) {
        case AUGMENT_BRIGHTNESS:
            color_brightness(rgb, n, c->brightness);
            break;
        case AUGMENT_CONTRAST:
            color_contrast(rgb, n, c->contrast);
            break;
        case AUGMENT_SATURATION:
            color_saturation(rgb, n, c->saturation);
            break;
        case AUGMENT_HUE:
            if (c->hue != 0) /* a shift by 0 would still round colours to 8-bit HSV */
                color_hue(rgb, n, c->hue);
            break;
        }
}

void augment_apply(const struct augment_crop *c, const struct image *im, uint8_t *out, struct arena *scratch)
{
    resized_crop(c, im, out, scratch);
    if (c->flip_horizontal)
        crop_flip_horizontal(out, c->side, c->side);
    if (c->flip_vertical)
        crop_flip_vertical(out, c->side, c->side);
    crop_rotate90(out, c->side, c->n_rotate90);
    if (c->jitter)
        jitter(c, out);
    if (c->grey)
        color_grey(out, c->side * c->side);
    if (c->blur)
        blur_gaussian(out, c->side, c->side, c->sigma, scratch);
    if (c->solarize)
        color_solarize(out, c->side * c->side, c->solarize_threshold);
}

void augment_plan(const struct augment *a, int64_t height_max, int64_t width_max, struct arena *plan)
{
    for (int kind = 0; kind < AUGMENT_KINDS; kind++) {
        int64_t side = a->side[kind];
        struct resize r = {.in_h = height_max, .in_w = width_max, .out_h = side, .out_w = side, .rows = side,
                           .cols = side, .channels = 3};
        resize_bicubic(&r, NULL, 0, NULL, plan);
        blur_gaussian(NULL, side, side, 1, plan);
    }
}
