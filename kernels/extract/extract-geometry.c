/* extract-geometry.c - sizes: which part of an image the network sees, and at which size. Pure arithmetic. */
#include "crop.h"
#include "extract.h"
#include "num.h"
#include "resize.h"

/* A multiple of the patch near a side. */
static int64_t fit_side(enum extract_fit fit, int64_t side, int64_t patch)
{
    int64_t down = side / patch * patch, up = num_ceil_div(side, patch) * patch;
    if (fit == EXTRACT_PAD)
        return up;
    if (fit == EXTRACT_CROP || fit == EXTRACT_TILES)
        return down;
    return down > 0 && side - down <= up - side ? down : up;
}

/* The size of the whole image, resized. */
static void set_full_size(struct extract_geometry *g, int64_t height, int64_t width, int64_t shorter)
{
    g->full_h = height;
    g->full_w = width;
    if (shorter > 0)
        crop_short_side(height, width, shorter, &g->full_h, &g->full_w);
}

/* The square in the middle. Where `size` is rounded to a multiple of the patch, the image is scaled by the same factor:
 * this avoids a second resampling. */
static void set_square(const struct extract_settings *s, int64_t patch, int64_t height, int64_t width,
                       struct extract_geometry *g)
{
    int64_t net = fit_side(s->fit, s->size, patch), shorter = s->resize;
    g->canvas_h = g->canvas_w = s->fit == EXTRACT_PAD ? s->size : net;
    g->net_h = g->net_w = net;
    if (s->fit == EXTRACT_RESIZE && net != s->size) {
        if (shorter == 0)
            shorter = num_min(height, width);
        shorter = num_max(1, (shorter * net + s->size / 2) / s->size);
    }
    set_full_size(g, height, width, shorter);
}

/* Both sides become the same, whatever they were: nothing is cut away, proportions change. */
static void set_squeezed(const struct extract_settings *s, int64_t patch, struct extract_geometry *g)
{
    int64_t net = fit_side(s->fit, s->size, patch);
    g->full_h = g->full_w = g->canvas_h = g->canvas_w = g->net_h = g->net_w = net;
}

static void set_whole(const struct extract_settings *s, int64_t patch, int64_t height, int64_t width,
                      struct extract_geometry *g)
{
    set_full_size(g, height, width, s->resize);
    g->net_h = fit_side(s->fit, g->full_h, patch);
    g->net_w = fit_side(s->fit, g->full_w, patch);
    if (s->fit == EXTRACT_RESIZE) {
        g->full_h = g->net_h;
        g->full_w = g->net_w;
    }
    g->canvas_h = num_min(g->full_h, g->net_h);
    g->canvas_w = num_min(g->full_w, g->net_w);
}

/* Along one axis: which part of the image is placed on the canvas, and where. A smaller image is centred. */
static void set_axis(int64_t full, int64_t canvas, int64_t *first, int64_t *n, int64_t *at)
{
    *n = num_min(full, canvas);
    *first = full > canvas ? crop_centre(full, canvas) : 0;
    *at = (canvas - *n) / 2;
}

int extract_geometry(const struct extract_settings *s, int64_t patch, int64_t height, int64_t width,
                     struct extract_geometry *g, struct fmt_error *e)
{
    *g = (struct extract_geometry){0};
    if (s->fit == EXTRACT_SQUEEZE)
        set_squeezed(s, patch, g);
    else if (s->size > 0)
        set_square(s, patch, height, width, g);
    else
        set_whole(s, patch, height, width, g);
    if (g->net_h < patch || g->net_w < patch)
        return fmt_fail(e, FMT_INVALID, "%lld x %lld pixels are less than a patch of %lld", (long long)g->full_w,
                        (long long)g->full_h, (long long)patch);
    if (g->full_h < 1 || g->full_w < 1 || g->full_h > RESIZE_OUT_MAX || g->full_w > RESIZE_OUT_MAX ||
        g->net_h > RESIZE_SIDE_MAX || g->net_w > RESIZE_SIDE_MAX)
        return fmt_fail(e, FMT_LIMIT, "a picture of %lld x %lld would become one of %lld x %lld for the network",
                        (long long)width, (long long)height, (long long)g->net_w, (long long)g->net_h);
    set_axis(g->full_h, g->canvas_h, &g->top, &g->rows, &g->at_y);
    set_axis(g->full_w, g->canvas_w, &g->left, &g->cols, &g->at_x);
    g->net_y = (g->net_h - g->canvas_h) / 2;
    g->net_x = (g->net_w - g->canvas_w) / 2;
    g->cropped = 1 - (double)g->rows * (double)g->cols / ((double)g->full_h * (double)g->full_w);
    return 0;
}
