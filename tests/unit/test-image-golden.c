/* test-image-golden.c - image operations against golden/image_ops: every uint8 value, bit for bit. The names in the
 * file say what is tested: "hue.-0.1", "resized_crop.2", "resize_short_64". (tests/cli/dino-augment.sh runs this again
 * in every instruction set.) */
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "blur.h"
#include "color.h"
#include "crop.h"
#include "device-copies.h"
#include "resize.h"
#include "op.h"
#include "test-device.h"

struct rgb {
    uint8_t *pixels;
    int64_t height, width;
};

static void *take(size_t bytes)
{
    void *p = calloc(bytes ? bytes : 1, 1);
    if (!p)
        abort();
    return p;
}

static uint8_t *as_bytes(struct golden *g, const char *name, int64_t *n)
{
    float *f = golden_f32(g, name, n);
    uint8_t *b = take((size_t)*n);
    for (int64_t i = 0; i < *n; i++)
        b[i] = (uint8_t)f[i];
    return b;
}

static struct rgb rgb_of(struct golden *g, const char *name)
{
    const struct named_tensor *t = golden_find(g, name);
    int64_t n;
    struct rgb p = {as_bytes(g, name, &n), t->dims[0], t->dims[1]};
    return p;
}

static struct rgb copy(const struct rgb *p)
{
    struct rgb c = *p;
    c.pixels = take((size_t)(p->height * p->width * 3));
    memcpy(c.pixels, p->pixels, (size_t)(p->height * p->width * 3));
    return c;
}

static struct rgb resized(const struct rgb *p, const struct crop_box *box, int64_t out_h, int64_t out_w,
                          const struct crop_box *part)
{
    struct resize r = {.in_h = box->height, .in_w = box->width, .out_h = out_h, .out_w = out_w, .top = part->top,
                       .left = part->left, .rows = part->height, .cols = part->width, .channels = 3};
    struct arena scratch = {0};
    resize_bicubic(&r, NULL, 0, NULL, &scratch);
    if (arena_init(&scratch, scratch.high, NULL))
        abort();
    struct rgb out = {take((size_t)(r.rows * r.cols * 3)), r.rows, r.cols};
    resize_bicubic(&r, p->pixels + (box->top * p->width + box->left) * 3, p->width * 3, out.pixels, &scratch);
    arena_release(&scratch);
    return out;
}

static struct rgb resized_crop(const struct rgb *p, const struct crop_box *box, int64_t side)
{
    return resized(p, box, side, side, &(struct crop_box){0, 0, side, side});
}

static struct rgb short_side(const struct rgb *p, int64_t side, int64_t part)
{
    int64_t h, w;
    crop_short_side(p->height, p->width, side, &h, &w);
    struct crop_box all = {0, 0, h, w}, centre = {crop_centre(h, part), crop_centre(w, part), part, part};
    return resized(p, &(struct crop_box){0, 0, p->height, p->width}, h, w, part ? &centre : &all);
}

static void blurred(struct rgb *p, double sigma)
{
    struct arena scratch = {0};
    blur_gaussian(NULL, p->height, p->width, sigma, &scratch);
    if (arena_init(&scratch, scratch.high, NULL))
        abort();
    blur_gaussian(p->pixels, p->height, p->width, sigma, &scratch);
    arena_release(&scratch);
}

static void compare(struct golden *g, const char *name, const struct rgb *result)
{
    struct rgb expected = rgb_of(g, name);
    int64_t n = expected.height * expected.width * 3, wrong = 0;
    bool shape = expected.height == result->height && expected.width == result->width;
    for (int64_t i = 0; shape && i < n; i++)
        wrong += expected.pixels[i] != result->pixels[i];
    ok(shape && wrong == 0, "%s: [%ld,%ld] of [%ld,%ld], %ld of %ld values differ", name, (long)result->height,
       (long)result->width, (long)expected.height, (long)expected.width, (long)wrong, (long)n);
    free(expected.pixels);
}

/* Applies the operation NAME of "NAME.VALUE"; false: it is none of these. */
static bool point_operation(const char *name, struct rgb *p)
{
    int64_t n = p->height * p->width;
    const char *dot = strchr(name, '.');
    double value = dot ? strtod(dot + 1, NULL) : 0;
    size_t length = dot ? (size_t)(dot - name) : strlen(name);
#define NAMED(word) (length == strlen(word) && memcmp(name, word, length) == 0)
    if (NAMED("brightness"))
        color_brightness(p->pixels, n, (float)value);
    else if (NAMED("contrast"))
        color_contrast(p->pixels, n, (float)value);
    else if (NAMED("saturation"))
        color_saturation(p->pixels, n, (float)value);
    else if (NAMED("hue"))
        color_hue(p->pixels, n, value);
    else if (NAMED("solarize"))
        color_solarize(p->pixels, n, (int)value);
    else if (NAMED("blur9"))
        blurred(p, value);
    else if (NAMED("grayscale3"))
        color_grey(p->pixels, n);
    else if (NAMED("hflip"))
        crop_flip_horizontal(p->pixels, p->height, p->width);
    else
        return false;
    return true;
#undef NAMED
}

static void test_crop(struct golden *g, const char *name, const struct rgb *image)
{
    char box_name[80];
    snprintf(box_name, sizeof box_name, "%.60s.box_out", name);
    double *b = golden_f64(g, box_name, NULL);
    struct crop_box box = {(int64_t)b[0], (int64_t)b[1], (int64_t)b[2], (int64_t)b[3]};
    struct rgb result = resized_crop(image, &box, (int64_t)b[4]);
    compare(g, name, &result);
    free(result.pixels);
}

static void test_chain(struct golden *g, const struct rgb *image)
{
    const char *text = named_tensor_meta_find(&g->set, "chain");
    struct crop_box box;
    int64_t side;
    double brightness, contrast, saturation, hue, sigma;
    int n = sscanf(text ? text : "",
                   "crop %ld %ld %ld %ld to %ld, flip, brightness %lf, contrast %lf, saturation %lf, hue %lf, "
                   "blur 9 taps sigma %lf", &box.top, &box.left, &box.height, &box.width, &side, &brightness,
                   &contrast, &saturation, &hue, &sigma);
    if (!ok(n == 10, "the chain is described in the metadata"))
        return;
    struct rgb p = resized_crop(image, &box, side);
    crop_flip_horizontal(p.pixels, side, side);
    color_brightness(p.pixels, side * side, (float)brightness);
    color_contrast(p.pixels, side * side, (float)contrast);
    color_saturation(p.pixels, side * side, (float)saturation);
    color_hue(p.pixels, side * side, hue);
    blurred(&p, sigma);
    compare(g, "chain", &p);
    free(p.pixels);
}

/* The operation that brings pixels to the network, with patches of one pixel. */
static void test_normalised(struct golden *g, const struct rgb *image)
{
    static const struct pixel_norm norm = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
    int64_t n, H = image->height, W = image->width;
    const float *expected = golden_f32(g, "normalized", &n); /* [3,H,W] */
    float *y = take((size_t)(3 * H * W) * sizeof *y), *result = take((size_t)(3 * H * W) * sizeof *result);
    struct device_arena scratch = {0};
    struct op_ctx c = {.backend = test_backend(), .scratch = &scratch};
    if (device_arena_init(&scratch, test_backend(), 1 << 20, NULL))
        abort();
    ON_DEVICE(&c, op_patchify_u8_fwd(&c, COPY(y, H * W, 3), COPY(image->pixels, 1, H, W, 3), 1, norm));
    for (int64_t i = 0; i < 3 * H * W; i++)
        result[i % 3 * H * W + i / 3] = y[i];
    is_int(n, 3 * H * W, "normalized: its size");
    is_close(result, expected, n, 1e-5, 1e-4, "normalized");
    free(result), free(y);
    device_arena_release(&scratch);
}

static int test_named(struct golden *g, const char *name, const struct rgb *image)
{
    long side = 0, part = 0;
    struct rgb p;
    if (strstr(name, ".box_out") || strcmp(name, "image") == 0)
        return 0;
    if (strncmp(name, "resized_crop.", 13) == 0) {
        test_crop(g, name, image);
    } else if (sscanf(name, "resize_short_%ld_center_%ld", &side, &part) >= 1) {
        p = short_side(image, side, part);
        compare(g, name, &p);
        free(p.pixels);
    } else if (strcmp(name, "normalized") == 0) {
        test_normalised(g, image);
    } else if (strcmp(name, "chain") == 0) {
        test_chain(g, image);
    } else {
        p = copy(image);
        if (ok(point_operation(name, &p), "%s is an operation", name))
            compare(g, name, &p);
        free(p.pixels);
    }
    return 1;
}

int main(void)
{
    struct golden g;
    if (!golden_open(&g, "image_ops.safetensors"))
        return tap_done();
    struct rgb image = rgb_of(&g, "image");
    int n = 0;
    for (int64_t i = 0; i < g.set.n; i++)
        n += test_named(&g, g.set.item[i].name, &image);
    ok(n > 0, "%d operations", n);
    free(image.pixels);
    golden_close(&g);
    return tap_done();
}
