/* gate-image.c - sharpness as Crete et al. (2007) measure it: a picture that is blurred again loses much of the
 * variation from pixel to pixel if it was sharp, and little if it was blurred. Their blur of 9 pixels is 3 here: of the
 * sizes and the measures tried (variance of the Laplacian and of gradients against contrast, differences of Gaussians)
 * this one told sharp photographs from blurred ones best where their contents differ. */
#include "gate-image.h"

#include <stdlib.h>

#include "arena.h"
#include "color.h"
#include "crop.h"
#include "num.h"
#include "resize.h"

/* ------------------------------------------------------------------ the grey picture */
struct grey {
    int64_t height, width;
    uint8_t *luma; /* [height, width], for free() */
};

static void set_luma(const uint8_t *rgb, int64_t n, uint8_t *luma)
{
    for (int64_t i = 0; i < n; i++)
        luma[i] = color_luma(rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]);
}

/* The picture at this size, in grey: colours are resized before they are mixed, which needs no grey copy of a large
 * photograph. */
static int scale_to(const struct image *image, int64_t height, int64_t width, uint8_t *luma, struct fmt_error *e)
{
    int channels = image->components;
    struct resize r = {.in_h = image->height, .in_w = image->width, .out_h = height, .out_w = width, .rows = height,
                       .cols = width, .channels = channels};
    struct arena plan = {0}, scratch;
    int64_t stride = (int64_t)image->width * channels;
    uint8_t *colours = channels == 3 ? malloc((size_t)(height * width * 3)) : luma;
    resize_bicubic(&r, NULL, stride, NULL, &plan);
    if (!colours || arena_init(&scratch, plan.high, NULL)) {
        if (colours != luma)
            free(colours);
        return fmt_no_memory(e);
    }
    resize_bicubic(&r, image->pixels, stride, colours, &scratch);
    if (channels == 3) {
        set_luma(colours, height * width, luma);
        free(colours);
    }
    arena_release(&scratch);
    return 0;
}

static int make_grey(const struct image *image, struct grey *g, struct fmt_error *e)
{
    crop_short_side(image->height, image->width, GATE_SIDE, &g->height, &g->width);
    if (g->height > RESIZE_SIDE_MAX || g->width > RESIZE_SIDE_MAX)
        return fmt_fail(e, FMT_LIMIT, "%d x %d pixels are too long and thin to be measured", image->width,
                        image->height);
    g->luma = malloc((size_t)(g->height * g->width));
    return g->luma ? scale_to(image, g->height, g->width, g->luma, e) : fmt_no_memory(e);
}

/* ------------------------------------------------------------------ what is measured */

/* The sum of absolute differences between neighbours, times 9, of the picture (9 luma) or of its means over 3 x 3
 * pixels: over the pixels that have such means. */
static int64_t nine_times(const struct grey *g, int64_t y, int64_t x, bool blurred)
{
    const uint8_t *p = g->luma + y * g->width + x;
    int64_t w = g->width;
    if (!blurred)
        return 9 * p[0];
    return p[-w - 1] + p[-w] + p[-w + 1] + p[-1] + p[0] + p[1] + p[w - 1] + p[w] + p[w + 1];
}

static int64_t variation(const struct grey *g, bool blurred)
{
    int64_t sum = 0;
    for (int64_t y = 1; y + 1 < g->height; y++)
        for (int64_t x = 1; x + 1 < g->width; x++) {
            int64_t here = nine_times(g, y, x, blurred);
            if (x + 2 < g->width)
                sum += llabs(nine_times(g, y, x + 1, blurred) - here);
            if (y + 2 < g->height)
                sum += llabs(nine_times(g, y + 1, x, blurred) - here);
        }
    return sum;
}

/* The smallest luma that at least 95 % of the pixels do not exceed. Where parts are dark or light by nature it follows
 * the light better than the mean does: dark parts have highlights, too. */
static int highlights_of(const int64_t count[256], int64_t n)
{
    int luma = 0;
    for (int64_t below = count[0]; 20 * below < 19 * n; below += count[luma])
        luma++;
    return luma;
}

static void measure_light(const struct grey *g, struct gate_values *v)
{
    int64_t n = g->height * g->width, sum = 0, black = 0, white = 0, count[256] = {0};
    for (int64_t i = 0; i < n; i++) {
        count[g->luma[i]]++;
        sum += g->luma[i];
        black += g->luma[i] <= GATE_BLACK_LUMA;
        white += g->luma[i] >= GATE_WHITE_LUMA;
    }
    v->value[GATE_BRIGHTNESS] = (double)sum / (255 * (double)n);
    v->value[GATE_HIGHLIGHTS] = highlights_of(count, n) / 255.0;
    v->value[GATE_BLACK] = (double)black / (double)n;
    v->value[GATE_WHITE] = (double)white / (double)n;
}

int gate_image_measure(const struct image *image, struct gate_print *print, struct gate_values *v, struct fmt_error *e)
{
    struct grey g = {0};
    int status = make_grey(image, &g, e);
    if (!status)
        status = scale_to(image, GATE_PRINT_SIDE, GATE_PRINT_SIDE, print->luma, e);
    if (!status) {
        int64_t sharp = variation(&g, false), blurred = variation(&g, true);
        v->value[GATE_SHARPNESS] = sharp > 0 ? 1 - (double)blurred / (double)sharp : 0;
        measure_light(&g, v);
    }
    free(g.luma);
    return status;
}
