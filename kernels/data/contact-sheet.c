/* contact-sheet.c - a layout of cells, then row after row: the crops and masks of the batch itself, enlarged by whole
 * pixels where they are small, and the image scaled down to the height of the row. */
#include "contact-sheet.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "resize.h"

enum {
    GAP = 8,         /* between cells */
    FRAME = 3,       /* thickness of the frames of crops, and of the boxes of global ones */
    FRAME_LOCAL = 2, /* of the boxes of local crops */
    BACKGROUND = 40,
    CELL_MIN = 160   /* crops smaller than this are enlarged */
};

struct layout {
    int64_t zoom;                      /* of crops */
    int64_t global, local;             /* sides of cells, frames included */
    int64_t height;                    /* of a row */
    int64_t image_width;               /* of the cell of the image */
    int64_t local_rows, local_columns; /* of the cells of local crops in a row of the sheet */
};

struct color {
    uint8_t rgb[3];
};

/* Two fixed colours for the global crops; the local ones go round the hue circle, 255 steps for each of its sixths. */
static struct color color_of(int64_t i_crop, int64_t n_local)
{
    if (i_crop == 0)
        return (struct color){{255, 140, 0}};
    if (i_crop == 1)
        return (struct color){{60, 140, 255}};
    int64_t hue = (i_crop - 2) * 6 * 255 / n_local, part = hue % 255;
    uint8_t up = (uint8_t)(80 + part * 175 / 255), down = (uint8_t)(255 - part * 175 / 255);
    switch (hue / 255) {
    case 0: return (struct color){{255, up, 80}};
    case 1: return (struct color){{down, 255, 80}};
    case 2: return (struct color){{80, 255, up}};
    case 3: return (struct color){{80, down, 255}};
    case 4: return (struct color){{up, 80, 255}};
    default: return (struct color){{255, 80, down}};
    }
}

static struct layout layout_of(const struct views_header *h)
{
    struct layout l = {.zoom = num_max(1, CELL_MIN / h->global_size)};
    l.global = h->global_size * l.zoom + 2 * FRAME;
    l.local = h->local_size * l.zoom + 2 * FRAME;
    l.height = num_max(l.global, l.local);
    l.image_width = l.height * 3 / 2;
    l.local_rows = num_max(1, (l.height + GAP) / (l.local + GAP));
    l.local_columns = num_ceil_div(h->n_local, l.local_rows);
    return l;
}

static int64_t sheet_width(const struct layout *l)
{
    return GAP + l->image_width + GAP + 2 * (l->global + GAP) + l->local_columns * (l->local + GAP);
}

/* ------------------------------------------------------------ drawing */

static void fill(struct image *sheet, int64_t top, int64_t left, int64_t height, int64_t width, struct color c)
{
    for (int64_t y = num_max(top, 0); y < num_min(top + height, sheet->height); y++)
        for (int64_t x = num_max(left, 0); x < num_min(left + width, sheet->width); x++)
            memcpy(image_row(sheet, (int)y) + 3 * x, c.rgb, 3);
}

static void frame(struct image *sheet, struct crop_box b, int64_t thick, struct color c)
{
    fill(sheet, b.top, b.left, thick, b.width, c);
    fill(sheet, b.top + b.height - thick, b.left, thick, b.width, c);
    fill(sheet, b.top, b.left, b.height, thick, c);
    fill(sheet, b.top, b.left + b.width - thick, b.height, thick, c);
}

/* A masked patch: three quarters violet, so that what is below can be guessed. */
static void tint(const uint8_t from[3], uint8_t to[3])
{
    static const int violet[3] = {120, 60, 150};
    for (int c = 0; c < 3; c++)
        to[c] = (uint8_t)((from[c] + 3 * violet[c]) / 4);
}

struct crop_cell {
    const uint8_t *rgb, *mask; /* mask [grid,grid], or NULL */
    int64_t side, grid;
    struct color color;
};

static bool is_masked(const struct crop_cell *c, int64_t y, int64_t x)
{
    if (!c->mask)
        return false;
    int64_t patch = c->side / c->grid, row = y / patch, column = x / patch;
    return row < c->grid && column < c->grid && c->mask[row * c->grid + column];
}

static void paste_crop(struct image *sheet, const struct layout *l, const struct crop_cell *c, int64_t top,
                       int64_t left)
{
    int64_t shown = c->side * l->zoom;
    struct crop_box box = {top, left, shown + 2 * FRAME, shown + 2 * FRAME};
    frame(sheet, box, FRAME, c->color);
    for (int64_t y = 0; y < shown; y++) {
        uint8_t *to = image_row(sheet, (int)(top + FRAME + y)) + 3 * (left + FRAME);
        for (int64_t x = 0; x < shown; x++, to += 3) {
            int64_t from_y = y / l->zoom, from_x = x / l->zoom;
            const uint8_t *from = c->rgb + 3 * (from_y * c->side + from_x);
            if (is_masked(c, from_y, from_x))
                tint(from, to);
            else
                memcpy(to, from, 3);
        }
    }
}

/* Where an image of this size is on the sheet: fitted into its cell, centred. */
static struct crop_box fit_image(const struct layout *l, const struct image *im, int64_t top)
{
    int64_t height = l->height, width = num_max(1, im->width * height / im->height);
    if (width > l->image_width) {
        width = l->image_width;
        height = num_max(1, im->height * width / im->width);
    }
    return (struct crop_box){top + (l->height - height) / 2, GAP + (l->image_width - width) / 2, height, width};
}

static int paste_image(struct image *sheet, const struct image *im, struct crop_box to, struct fmt_error *e)
{
    struct resize r = {.in_h = im->height, .in_w = im->width, .out_h = to.height, .out_w = to.width,
                       .rows = to.height, .cols = to.width, .channels = im->components};
    struct arena plan = {0}, memory;
    resize_bicubic(&r, NULL, 0, NULL, &plan);
    ARENA_TAKE(&plan, uint8_t, to.height * to.width * 3);
    int status = arena_init(&memory, plan.used + plan.high, e);
    if (status)
        return status;
    uint8_t *small = ARENA_TAKE(&memory, uint8_t, to.height * to.width * 3);
    resize_bicubic(&r, im->pixels, (int64_t)im->width * im->components, small, &memory);
    for (int64_t y = 0; y < to.height; y++)
        for (int64_t x = 0; x < to.width; x++)
            for (int64_t c = 0; c < 3; c++)
                image_row(sheet, (int)(to.top + y))[3 * (to.left + x) + c] =
                    small[(y * to.width + x) * r.channels + (r.channels == 3 ? c : 0)];
    arena_release(&memory);
    return 0;
}

/* A box in the image -> on the sheet, where the image is at `shown`. */
static struct crop_box box_on_sheet(struct crop_box b, const struct image *im, struct crop_box shown)
{
    int64_t bottom = b.top + b.height, right = b.left + b.width;
    struct crop_box s = {.top = shown.top + b.top * shown.height / im->height,
                         .left = shown.left + b.left * shown.width / im->width};
    s.height = shown.top + bottom * shown.height / im->height - s.top;
    s.width = shown.left + right * shown.width / im->width - s.left;
    return s;
}

/* ------------------------------------------------------------ rows */

struct sheet {
    struct crop_sampler *sampler;
    struct crop_sampler_worker worker;
    struct views_batch batch;
    struct sample_origin origin;
    struct layout layout;
    struct image *out;
};

static void draw_crops(struct sheet *s, int64_t i, int64_t top)
{
    const struct views_header *h = &s->sampler->header;
    const struct layout *l = &s->layout;
    int64_t left = GAP + l->image_width + GAP;
    for (int64_t c = 0; c < VIEWS_GLOBAL; c++, left += l->global + GAP) {
        struct crop_cell cell = {.rgb = crop_sampler_pixels(h, &s->batch, c, i),
                                 .mask = s->batch.mask + (c * h->batch + i) * views_patches(h),
                                 .side = h->global_size, .grid = h->grid_w, .color = color_of(c, h->n_local)};
        paste_crop(s->out, l, &cell, top, left);
    }
    for (int64_t k = 0; k < h->n_local; k++) {
        struct crop_cell cell = {.rgb = crop_sampler_pixels(h, &s->batch, VIEWS_GLOBAL + k, i),
                                 .side = h->local_size, .color = color_of(VIEWS_GLOBAL + k, h->n_local)};
        paste_crop(s->out, l, &cell, top + k % l->local_rows * (l->local + GAP),
                   left + k / l->local_rows * (l->local + GAP));
    }
}

static int draw_row(struct sheet *s, const struct contact_sheet_options *options, int64_t i_row, struct fmt_error *e)
{
    const struct views_header *h = &s->sampler->header;
    const struct image *im = &s->worker.image.decoded;
    int64_t step = options->first_step + i_row / h->batch, i = i_row % h->batch;
    int64_t top = GAP + i_row * (s->layout.height + GAP);
    struct sample sample = sample_order_at(&s->sampler->order, step, i);
    if (i == 0)
        crop_sampler_masks(s->sampler, step, &s->batch);
    int status = crop_sampler_fill(s->sampler, &s->worker, sample, i, &s->batch, &s->origin, e);
    if (status)
        return status;
    struct crop_box shown = fit_image(&s->layout, im, top);
    if ((status = paste_image(s->out, im, shown, e)))
        return status;
    for (int64_t c = VIEWS_GLOBAL + h->n_local; c-- > 0;) { /* the global ones last, on top */
        struct crop_box box = crop_sampler_draw(s->sampler, &s->worker, sample, c).box;
        frame(s->out, box_on_sheet(box, im, shown), c < VIEWS_GLOBAL ? FRAME : FRAME_LOCAL, color_of(c, h->n_local));
    }
    draw_crops(s, i, top);
    const struct unusable_image *u = s->origin.unusable;
    if (options->on_row)
        options->on_row(options->arg, i_row, s->origin.key, u ? u->why.text : NULL);
    free(s->origin.unusable);
    s->origin.unusable = NULL;
    return 0;
}

static int reserve(const struct layout *l, int64_t n_rows, struct image *out, struct fmt_error *e)
{
    int64_t width = sheet_width(l), height = GAP + n_rows * (l->height + GAP);
    if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX)
        return fmt_fail(e, FMT_LIMIT, "a sheet of %ld x %ld pixels; the largest side is %d: fewer rows, please",
                        (long)width, (long)height, IMAGE_SIDE_MAX);
    int status = image_reserve(out, (int)width, (int)height, 3, e);
    if (status == 0)
        memset(out->pixels, BACKGROUND, image_bytes(out->width, out->height, 3));
    return status;
}

int contact_sheet_draw(struct crop_sampler *sampler, const struct contact_sheet_options *options, struct image *out,
                       struct fmt_error *e)
{
    struct sheet s = {.sampler = sampler, .layout = layout_of(&sampler->header), .out = out};
    int status = reserve(&s.layout, options->n_rows, out, e);
    if (status || (status = views_batch_init(&s.batch, &sampler->header, e)))
        return status;
    status = crop_sampler_worker_init(&s.worker, sampler, e);
    for (int64_t i = 0; status == 0 && i < options->n_rows; i++)
        status = draw_row(&s, options, i, e);
    free(s.origin.key);
    free(s.origin.unusable);
    crop_sampler_worker_release(&s.worker);
    views_batch_release(&s.batch);
    return status;
}
