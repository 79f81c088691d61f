/* extract-input.c - pixels: from a decoded image to the network's input. */
#include <stdlib.h>
#include <string.h>

#include "extract-internal.h"
#include "resize.h"

enum { ALIGN = 64 };

int extract_buffer_reserve(struct extract_buffer *b, size_t bytes, struct fmt_error *e)
{
    if (bytes <= b->bytes)
        return 0;
    free(b->p);
    *b = (struct extract_buffer){aligned_alloc(ALIGN, (bytes + ALIGN - 1) / ALIGN * ALIGN), bytes};
    if (b->p)
        return 0;
    b->bytes = 0;
    return fmt_no_memory(e);
}

/* Makes the scratch empty, with at least this many bytes. */
static int reserve_scratch(struct arena *a, size_t bytes, struct fmt_error *e)
{
    a->used = 0;
    if (a->base && bytes <= a->size)
        return 0;
    arena_release(a);
    return arena_init(a, bytes, e);
}

static size_t rgb_values(int64_t rows, int64_t cols)
{
    return (size_t)rows * (size_t)cols * 3;
}

/* Copies the part [rows,cols,channels], grey or RGB, from the end of the canvas's memory to its position on the canvas.
 * Each byte moves towards the start of the canvas or stays, and rows are copied in ascending order: no byte is
 * overwritten before it is read. */
static void spread_part(const struct extract_geometry *g, const uint8_t *part, int channels, uint8_t *canvas)
{
    for (int64_t y = 0; y < g->rows; y++) {
        const uint8_t *from = part + (size_t)(y * g->cols) * (size_t)channels;
        uint8_t *to = canvas + (size_t)((g->at_y + y) * g->canvas_w + g->at_x) * 3;
        if (channels == 3) {
            memmove(to, from, (size_t)g->cols * 3);
            continue;
        }
        for (int64_t x = 0; x < g->cols; x++) {
            uint8_t grey = from[x];
            to[3 * x] = to[3 * x + 1] = to[3 * x + 2] = grey;
        }
    }
}

/* Makes the canvas black around the part, as the published crop does for an image that is too small. */
static void blacken_margins(const struct extract_geometry *g, uint8_t *canvas)
{
    size_t row = rgb_values(1, g->canvas_w), left = rgb_values(1, g->at_x), end = left + rgb_values(1, g->cols);
    for (int64_t y = 0; y < g->canvas_h; y++) {
        uint8_t *at = canvas + (size_t)y * row;
        bool inside = y >= g->at_y && y < g->at_y + g->rows;
        memset(at, 0, inside ? left : row);
        memset(at + end, 0, inside ? row - end : 0);
    }
}

static struct resize resize_of(const struct extract_geometry *g, int64_t height, int64_t width, int channels)
{
    return (struct resize){.in_h = height, .in_w = width, .out_h = g->full_h, .out_w = g->full_w, .top = g->top,
                           .left = g->left, .rows = g->rows, .cols = g->cols, .channels = channels};
}

/* Resizes the image onto its canvas. */
static int make_canvas(struct extract_worker *w, const struct extract_window *image, struct extract_input *in,
                       struct fmt_error *e)
{
    const struct extract_geometry *g = &in->geometry;
    struct resize r = resize_of(g, image->height, image->width, image->components);
    size_t bytes = rgb_values(g->canvas_h, g->canvas_w);
    size_t part_bytes = (size_t)g->rows * (size_t)g->cols * (size_t)image->components;
    struct arena plan = {0};
    resize_bicubic(&r, NULL, image->stride, NULL, &plan);
    if (reserve_scratch(&w->scratch, plan.high, e) || extract_buffer_reserve(&in->canvas, bytes, e))
        return FMT_MEMORY;
    uint8_t *canvas = in->canvas.p, *part = canvas + bytes - part_bytes;
    resize_bicubic(&r, image->pixels, image->stride, part, &w->scratch);
    if (part == canvas)
        return 0; /* RGB, and it fills the canvas */
    spread_part(g, part, image->components, canvas);
    blacken_margins(g, canvas);
    return 0;
}

/* Normalises the canvas and surrounds it with zeros. */
static int pad(const struct pixel_norm *norm, struct extract_input *in, struct fmt_error *e)
{
    const struct extract_geometry *g = &in->geometry;
    size_t n = rgb_values(g->net_h, g->net_w);
    if (extract_buffer_reserve(&in->values, n * sizeof(float), e))
        return FMT_MEMORY;
    float *values = in->values.p;
    const uint8_t *canvas = in->canvas.p;
    memset(values, 0, n * sizeof *values);
    for (int64_t c = 0; c < 3; c++)
        for (int64_t y = 0; y < g->canvas_h; y++)
            for (int64_t x = 0; x < g->canvas_w; x++)
                values[(c * g->net_h + g->net_y + y) * g->net_w + g->net_x + x] =
                    ((float)canvas[(y * g->canvas_w + x) * 3 + c] / 255.0f - norm->mean[c]) / norm->std[c];
    return 0;
}

bool extract_is_padded(const struct extract_geometry *g)
{
    return g->net_h != g->canvas_h || g->net_w != g->canvas_w;
}

int extract_prepare_window(const struct extract *x, struct extract_worker *w, const struct extract_window *window,
                           struct extract_input *in, struct fmt_error *e)
{
    int status = make_canvas(w, window, in, e);
    in->padded = !status && extract_is_padded(&in->geometry);
    return in->padded ? pad(&x->model.pixel_norm, in, e) : status;
}

int extract_prepare(const struct extract *x, struct extract_worker *w, const struct image *image,
                    struct extract_input *in, struct fmt_error *e)
{
    int status = extract_geometry(&x->settings, x->model.vit->config.patch, image->height, image->width,
                                  &in->geometry, e);
    struct extract_window whole = {image->pixels, (int64_t)image->width * image->components, image->height,
                                   image->width, image->components};
    return status ? status : extract_prepare_window(x, w, &whole, in, e);
}

size_t extract_input_bytes(const struct extract_geometry *g, int64_t height, int64_t width)
{
    struct arena plan = {0};
    struct resize r = resize_of(g, height, width, 3);
    resize_bicubic(&r, NULL, width * 3, NULL, &plan);
    return plan.high + rgb_values(g->canvas_h, g->canvas_w) +
           (extract_is_padded(g) ? rgb_values(g->net_h, g->net_w) * sizeof(float) : 0);
}
