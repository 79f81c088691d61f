/* extract-geometry.c - sizes: what of a picture the network sees, and how large. Pure arithmetic. */
#include <stdlib.h>
#include <string.h>

#include "crop.h"
#include "resize.h"
#include "extract.h"
#include "num.h"

struct extract_settings extract_published_settings(void)
{
    return (struct extract_settings){.kind = FEAT_CLS, .resize = 256, .size = 224, .fit = EXTRACT_RESIZE};
}

int extract_check_depth(int64_t depth, struct fmt_error *e)
{
    return depth <= EXTRACT_DEPTH_MAX
               ? 0
               : fmt_fail(e, FMT_LIMIT, "backbone: %lld blocks; features can be of networks of 1 to %d",
                          (long long)depth, EXTRACT_DEPTH_MAX);
}

int extract_parse_layers(const char *text, int64_t depth, uint64_t *layers, struct fmt_error *e)
{
    char *copy = strdup(text), *rest = copy, *word;
    int status = copy ? 0 : fmt_no_memory(e);
    bool list = strchr(text, ',') != NULL;
    *layers = 0;
    if (!status)
        status = extract_check_depth(depth, e);
    while (!status && (word = strsep(&rest, ",")) != NULL) {
        int64_t v;
        if (list && *word == 0 && !rest && *layers)
            break; /* "11," */
        if (!num_i64(word, &v) || v < (list ? 0 : 1) || v > (list ? depth - 1 : depth))
            status = fmt_fail(e, FMT_INVALID, "layers %.60s: a count, 1 to %lld, or a list of blocks, 0 to %lld", text,
                              (long long)depth, (long long)depth - 1);
        else if (!list)
            for (int64_t i = depth - v; i < depth; i++)
                *layers |= (uint64_t)1 << i;
        else if (*layers >> v & 1)
            status = fmt_fail(e, FMT_INVALID, "layers %.60s: block %lld twice", text, (long long)v);
        else
            *layers |= (uint64_t)1 << v;
    }
    free(copy);
    return status;
}

/* A multiple of the patch near a side. */
static int64_t fit_side(enum extract_fit fit, int64_t side, int64_t patch)
{
    int64_t down = side / patch * patch, up = num_ceil_div(side, patch) * patch;
    if (fit == EXTRACT_PAD)
        return up;
    if (fit == EXTRACT_CROP)
        return down;
    return down > 0 && side - down <= up - side ? down : up;
}

/* The size of the whole picture, resized. */
static void scale(int64_t height, int64_t width, int64_t shorter, int64_t *full_h, int64_t *full_w)
{
    *full_h = height;
    *full_w = width;
    if (shorter > 0)
        crop_short_side(height, width, shorter, full_h, full_w);
}

/* The square in the middle. `size` becomes net_side without a second resampling: the picture is scaled by as much. */
static void place_square(const struct extract_settings *s, int64_t patch, int64_t height, int64_t width,
                         struct extract_geometry *p)
{
    int64_t net = fit_side(s->fit, s->size, patch), shorter = s->resize;
    p->canvas_h = p->canvas_w = s->fit == EXTRACT_PAD ? s->size : net;
    p->net_h = p->net_w = net;
    if (s->fit == EXTRACT_RESIZE && net != s->size) {
        if (shorter == 0)
            shorter = num_min(height, width);
        shorter = num_max(1, (shorter * net + s->size / 2) / s->size);
    }
    scale(height, width, shorter, &p->full_h, &p->full_w);
}

static void place_whole(const struct extract_settings *s, int64_t patch, int64_t height, int64_t width,
                        struct extract_geometry *p)
{
    scale(height, width, s->resize, &p->full_h, &p->full_w);
    p->net_h = fit_side(s->fit, p->full_h, patch);
    p->net_w = fit_side(s->fit, p->full_w, patch);
    if (s->fit == EXTRACT_RESIZE) {
        p->full_h = p->net_h;
        p->full_w = p->net_w;
    }
    p->canvas_h = num_min(p->full_h, p->net_h);
    p->canvas_w = num_min(p->full_w, p->net_w);
}

/* Along one axis: what of the picture falls on the canvas, and where. A smaller one stands in the middle. */
static void place_axis(int64_t full, int64_t canvas, int64_t *first, int64_t *n, int64_t *at)
{
    *n = num_min(full, canvas);
    *first = full > canvas ? crop_centre(full, canvas) : 0;
    *at = (canvas - *n) / 2;
}

int extract_geometry(const struct extract_settings *s, int64_t patch, int64_t height, int64_t width,
                  struct extract_geometry *p, struct fmt_error *e)
{
    *p = (struct extract_geometry){0};
    if (s->size > 0)
        place_square(s, patch, height, width, p);
    else
        place_whole(s, patch, height, width, p);
    if (p->net_h < patch || p->net_w < patch)
        return fmt_fail(e, FMT_INVALID, "%lld x %lld pixels are less than a patch of %lld", (long long)p->full_w,
                        (long long)p->full_h, (long long)patch);
    if (p->full_h < 1 || p->full_w < 1 || p->full_h > RESIZE_OUT_MAX || p->full_w > RESIZE_OUT_MAX ||
        p->net_h > RESIZE_SIDE_MAX || p->net_w > RESIZE_SIDE_MAX)
        return fmt_fail(e, FMT_LIMIT, "a picture of %lld x %lld would become one of %lld x %lld for the network",
                        (long long)width, (long long)height, (long long)p->net_w, (long long)p->net_h);
    place_axis(p->full_h, p->canvas_h, &p->top, &p->rows, &p->at_y);
    place_axis(p->full_w, p->canvas_w, &p->left, &p->cols, &p->at_x);
    p->net_y = (p->net_h - p->canvas_h) / 2;
    p->net_x = (p->net_w - p->canvas_w) / 2;
    p->cut_away = 1 - (double)p->rows * (double)p->cols / ((double)p->full_h * (double)p->full_w);
    return 0;
}
