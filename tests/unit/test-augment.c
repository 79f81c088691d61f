/* test-augment.c - crops: the draws (ranges, probabilities, order, settings), flips and rotations, grey images,
 * scratch. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "augment.h"
#include "color.h"
#include "tap.h"

enum { SEED = 11, MANY = 20000 };

static void *take(size_t bytes)
{
    void *p = calloc(bytes ? bytes : 1, 1);
    if (!p)
        abort();
    return p;
}

static struct image noise(int height, int width, int components)
{
    struct image im = {0};
    struct rng r = rng_stream(SEED, (uint64_t)height, (uint64_t)width, RNG_TEST);
    if (image_reserve(&im, width, height, components, NULL))
        abort();
    for (size_t i = 0; i < image_bytes(width, height, components); i++)
        im.pixels[i] = (uint8_t)rng_below(&r, 256);
    return im;
}

static struct augment published(void)
{
    struct config c;
    config_init(&c);
    struct augment a = augment_from_config(&c);
    config_release(&c);
    return a;
}

static struct augment_crop draw(const struct augment *a, enum augment_kind kind, int64_t i, int64_t h, int64_t w)
{
    struct rng r = rng_stream(SEED, 0, (uint64_t)i, RNG_CROP + (uint32_t)kind);
    return augment_draw(a, kind, &r, h, w);
}

/* ------------------------------------------------------------ draws */

static void is_share(int64_t n, double expected, const char *what)
{
    double share = (double)n / MANY;
    ok(fabs(share - expected) < 5 * sqrt(expected * (1 - expected) / MANY) + 1e-9, "%s: share %.4f, expected %.2f",
       what, share, expected);
}

static void test_probabilities(void)
{
    struct augment a = published();
    int64_t flip = 0, jitter = 0, grey = 0, blur[AUGMENT_KINDS] = {0}, solarize[AUGMENT_KINDS] = {0}, extra = 0;
    for (int kind = 0; kind < AUGMENT_KINDS; kind++)
        for (int64_t i = 0; i < MANY; i++) {
            struct augment_crop c = draw(&a, (enum augment_kind)kind, i, 480, 640);
            blur[kind] += c.blur, solarize[kind] += c.solarize;
            extra += c.flip_vertical || c.n_rotate90;
            if (kind == AUGMENT_LOCAL)
                flip += c.flip_horizontal, jitter += c.jitter, grey += c.grey;
        }
    is_share(flip, 0.5, "flip"), is_share(jitter, 0.8, "colour jitter"), is_share(grey, 0.2, "grey");
    is_int(blur[AUGMENT_GLOBAL1], 0, "the first global crop is never blurred (probability inverted, as published)");
    is_share(blur[AUGMENT_GLOBAL2], 0.9, "blur of the second global crop");
    is_share(blur[AUGMENT_LOCAL], 0.5, "blur of local crops");
    is_share(solarize[AUGMENT_GLOBAL2], 0.2, "solarize of the second global crop");
    is_int(solarize[AUGMENT_GLOBAL1] + solarize[AUGMENT_LOCAL], 0, "no other crop is solarized");
    is_int(extra, 0, "no vertical flip, no rotation by default");
}

static void test_blur_rule(void)
{
    struct config c;
    config_init(&c);
    c.augment.blur_rule = BLUR_PAPER;
    struct augment a = augment_from_config(&c);
    ok(a.blur[AUGMENT_GLOBAL1] == 1.0 && a.blur[AUGMENT_GLOBAL2] == 0.1 && a.blur[AUGMENT_LOCAL] == 0.5,
       "augment.blur_rule=paper takes the probabilities as the recipe has them");
    config_release(&c);
}

static void test_boxes(void)
{
    struct augment a = published();
    bool inside = true, allowed = true;
    double smallest = 1, largest = 0, sum = 0;
    for (int64_t i = 0; i < MANY; i++) {
        struct crop_box b = draw(&a, AUGMENT_LOCAL, i, 480, 640).box;
        double share = (double)(b.height * b.width) / (480 * 640), shape = (double)b.width / (double)b.height;
        inside = inside && b.top >= 0 && b.left >= 0 && b.top + b.height <= 480 && b.left + b.width <= 640;
        allowed = allowed && shape > 0.74 && shape < 1.35;
        smallest = fmin(smallest, share), largest = fmax(largest, share), sum += share;
    }
    ok(inside && allowed, "boxes are inside and have shapes from 3/4 to 4/3");
    ok(smallest > 0.049 && smallest < 0.053 && largest > 0.315 && largest < 0.322, "shares from %.4f to %.4f", smallest,
       largest);
    ok(fabs(sum / MANY - 0.185) < 0.002, "mean share %.4f of 0.05 .. 0.32", sum / MANY);
    struct crop_box wide = draw(&a, AUGMENT_GLOBAL1, 1, 10, 1000).box;
    struct crop_box tall = draw(&a, AUGMENT_GLOBAL1, 1, 1000, 10).box;
    ok(wide.height == 10 && wide.width == 13 && wide.left == 493 && tall.width == 10 && tall.height == 13,
       "what is far too wide or tall gives the largest centred box of an allowed shape");
    struct crop_box dot = draw(&a, AUGMENT_LOCAL, 1, 1, 1).box;
    ok(dot.height == 1 && dot.width == 1, "an image of one pixel");
}

static void test_jitter_draws(void)
{
    struct augment a = published();
    int64_t first[AUGMENT_COLORS] = {0}, n = 0;
    bool ranges = true;
    for (int64_t i = 0; i < MANY; i++) {
        struct augment_crop c = draw(&a, AUGMENT_GLOBAL2, i, 480, 640);
        if (!c.jitter)
            continue;
        n++, first[c.order[0]]++;
        ranges = ranges && c.brightness >= 0.6f && c.brightness <= 1.4f && c.contrast >= 0.6f && c.contrast <= 1.4f &&
                 c.saturation >= 0.8f && c.saturation <= 1.2f && fabs(c.hue) <= 0.1 && (!c.blur || c.sigma >= 0.1) &&
                 c.sigma <= 2.0;
    }
    ok(ranges, "factors and deviations stay in their ranges");
    for (int k = 0; k < AUGMENT_COLORS; k++)
        ok(fabs((double)first[k] / (double)n - 0.25) < 0.02, "operation %d comes first in a quarter of the jitters", k);
}

static void test_unpublished_draws(void)
{
    struct augment a = published(), b = a;
    b.flip_vertical = b.rotate90 = 1;
    int64_t rotations[4] = {0};
    bool equal = true;
    for (int64_t i = 0; i < 1000; i++) {
        struct augment_crop x = draw(&a, AUGMENT_GLOBAL2, i, 480, 640), y = draw(&b, AUGMENT_GLOBAL2, i, 480, 640);
        rotations[y.n_rotate90]++;
        equal = equal && y.flip_vertical;
        y.flip_vertical = x.flip_vertical, y.n_rotate90 = x.n_rotate90;
        equal = equal && memcmp(&x.box, &y.box, sizeof x.box) == 0 && x.sigma == y.sigma && x.hue == y.hue &&
                x.flip_horizontal == y.flip_horizontal && x.grey == y.grey && x.solarize == y.solarize;
    }
    ok(equal, "vertical flip and rotation change no other draw");
    ok(rotations[0] == 0 && rotations[1] > 250 && rotations[2] > 250 && rotations[3] > 250,
       "rotations by 90, 180 and 270 degrees are equally frequent");
}

/* ------------------------------------------------------------ pixels */

static void test_flips_and_rotations(void)
{
    enum { SIDE = 5 };
    struct image im = noise(SIDE, SIDE, 3);
    uint8_t p[SIDE * SIDE * 3], q[SIDE * SIDE * 3];
    size_t bytes = sizeof p;
    memcpy(p, im.pixels, bytes);
    crop_rotate90(p, SIDE, 1);
    bool left = true;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) /* counter-clockwise: the right column becomes the top row */
            left = left && memcmp(p + (y * SIDE + x) * 3, im.pixels + (x * SIDE + SIDE - 1 - y) * 3, 3) == 0;
    ok(left, "rotation is counter-clockwise");
    crop_rotate90(p, SIDE, 3);
    ok(memcmp(p, im.pixels, bytes) == 0, "90 and 270 degrees make none");
    crop_rotate90(p, SIDE, 2);
    memcpy(q, im.pixels, bytes);
    crop_flip_horizontal(q, SIDE, SIDE), crop_flip_vertical(q, SIDE, SIDE);
    ok(memcmp(p, q, bytes) == 0, "180 degrees are both flips");
    image_release(&im);
}

static struct arena plan_for(const struct augment *a, int64_t height, int64_t width)
{
    struct arena plan = {0}, memory;
    augment_plan(a, height, width, &plan);
    if (arena_init(&memory, plan.high, NULL))
        abort();
    return memory;
}

/* Crops of each kind of images of many shapes, in the scratch planned for the largest: an overrun aborts. */
static void test_scratch(void)
{
    struct augment a = published();
    struct arena scratch = plan_for(&a, 300, 400);
    uint8_t *out = take(224 * 224 * 3);
    const int sizes[][2] = {{300, 400}, {300, 1}, {1, 400}, {1, 1}, {224, 224}, {96, 96}, {37, 400}, {299, 13}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int k = 0; k < 30; k++) {
            struct image im = noise(sizes[i][0], sizes[i][1], k % 2 ? 1 : 3);
            struct augment_crop c = draw(&a, augment_kind_of(k % 3), k, im.height, im.width);
            augment_apply(&c, &im, out, &scratch);
            image_release(&im);
        }
    ok(scratch.used == 0, "scratch is free again, and a plan for the largest covers all");
    free(out);
    arena_release(&scratch);
}

static void test_grey(void)
{
    struct augment a = published();
    struct arena scratch = plan_for(&a, 150, 170);
    struct image grey = noise(150, 170, 1), rgb = noise(150, 170, 3);
    for (size_t i = 0; i < image_bytes(150, 170, 1); i++)
        memset(rgb.pixels + 3 * i, grey.pixels[i], 3);
    uint8_t *x = take(224 * 224 * 3), *y = take(224 * 224 * 3);
    bool equal = true;
    for (int64_t i = 0; i < 40; i++) {
        struct augment_crop c = draw(&a, augment_kind_of(i % 3), i, 150, 170);
        augment_apply(&c, &grey, x, &scratch);
        augment_apply(&c, &rgb, y, &scratch);
        equal = equal && memcmp(x, y, (size_t)(c.side * c.side * 3)) == 0;
    }
    ok(equal, "a grey image gives the bits of three equal components");
    free(x), free(y);
    image_release(&grey), image_release(&rgb);
    arena_release(&scratch);
}

static void test_off(void)
{
    struct augment a = published();
    a.flip_horizontal = a.jitter = a.grey = 0;
    memset(a.blur, 0, sizeof a.blur), memset(a.solarize, 0, sizeof a.solarize);
    struct arena scratch = plan_for(&a, 224, 224);
    struct image im = noise(224, 224, 3);
    uint8_t *x = take(224 * 224 * 3);
    struct augment_crop c = draw(&a, AUGMENT_GLOBAL2, 0, 224, 224);
    c.box = (struct crop_box){0, 0, 224, 224};
    augment_apply(&c, &im, x, &scratch);
    ok(memcmp(x, im.pixels, 224 * 224 * 3) == 0, "with all probabilities 0 a whole crop is the image");
    c.jitter = true;
    a.brightness = a.contrast = a.saturation = a.hue = 0;
    struct augment no_strength = a;
    no_strength.jitter = 1;
    c = draw(&no_strength, AUGMENT_GLOBAL2, 0, 224, 224);
    c.box = (struct crop_box){0, 0, 224, 224};
    augment_apply(&c, &im, x, &scratch);
    ok(c.jitter && memcmp(x, im.pixels, 224 * 224 * 3) == 0, "a jitter of strength 0 changes nothing");
    free(x);
    image_release(&im);
    arena_release(&scratch);
}

static void test_known_colors(void)
{
    uint8_t p[3] = {200, 100, 50}, q[3] = {12, 250, 128};
    is_int(color_luma(200, 100, 50), 124, "luma of (200,100,50)");
    is_int(color_luma(12, 250, 128), 165, "luma of (12,250,128)");
    color_hue(p, 1, 0.05);
    ok(p[0] == 200 && p[1] == 142 && p[2] == 50, "hue + 0.05");
    color_hue(q, 1, 0);
    ok(q[0] == 13 && q[1] == 250 && q[2] == 124, "HSV is coarse: hue + 0 is not the identity");
    uint8_t g[3] = {77, 77, 77};
    color_hue(g, 1, 0.1);
    ok(g[0] == 77 && g[1] == 77 && g[2] == 77, "grey has no hue");
    ok(crop_centre(7, 4) == 2 && crop_centre(5, 4) == 0 && crop_centre(10, 4) == 3, "centres: halves go to even");
}

int main(void)
{
    test_probabilities();
    test_blur_rule();
    test_boxes();
    test_jitter_draws();
    test_unpublished_draws();
    test_flips_and_rotations();
    test_scratch();
    test_grey();
    test_off();
    test_known_colors();
    return tap_done();
}
