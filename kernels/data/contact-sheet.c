/* contact-sheet.c - layout in cells, then one row after the other: the batch's own crops and masks, enlarged by whole
 * pixels where they are small, and the photograph made smaller to the height of the row. */
#include "contact-sheet.h"

#include <stdlib.h>
#include <string.h>

#include "resize.h"
#include "num.h"

enum {
    GAP = 8,          /* between cells */
    FRAME = 3,        /* thickness of frames of crops, and of boxes of global ones */
    FRAME_LOCAL = 2,  /* of boxes of local crops */
    BACKGROUND = 40,
    CELL_MIN = 160    /* crops smaller than this are enlarged */
};

struct layout {
    int64_t zoom;                 /* of crops */
    int64_t global, local;        /* sides of cells, frames included */
    int64_t height;               /* of a row */
    int64_t photo_width;          /* the most that a photograph gets */
    int64_t local_down, local_across;
};

struct color {
    uint8_t rgb[3];
};

/* Two fixed colours for the global crops; the local ones go round the colour circle between them. */
static struct color color_of(int64_t i_crop, int64_t n_local)
{
    if (i_crop == 0)
        return (struct color){{255, 140, 0}};
    if (i_crop == 1)
        return (struct color){{60, 140, 255}};
    int64_t turn = (i_crop - 2) * 1530 / n_local, part = turn % 255;
    uint8_t up = (uint8_t)(80 + part * 175 / 255), down = (uint8_t)(255 - part * 175 / 255);
    switch (turn / 255) {
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
    l.photo_width = l.height * 3 / 2;
    l.local_down = num_max(1, (l.height + GAP) / (l.local + GAP));
    l.local_across = num_ceil_div(h->n_local, l.local_down);
    return l;
}

static int64_t sheet_width(const struct layout *l)
{
    return GAP + l->photo_width + GAP + 2 * (l->global + GAP) + l->local_across * (l->local + GAP);
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

/* A patch that is masked: three quarters of a violet veil, so that what lies below can be guessed. */
static void veil(const uint8_t from[3], uint8_t to[3])
{
    static const int colour[3] = {120, 60, 150};
    for (int c = 0; c < 3; c++)
        to[c] = (uint8_t)((from[c] + 3 * colour[c]) / 4);
}

struct crop_cell {
    const uint8_t *rgb, *mask; /* mask [grid,grid], or NULL */
    int64_t side, grid;
    struct color color;
};

static void paste_crop(struct image *sheet, const struct layout *l, const struct crop_cell *c, int64_t top,
                       int64_t left)
{
    int64_t shown = c->side * l->zoom;
    struct crop_box b = {top, left, shown + 2 * FRAME, shown + 2 * FRAME};
    int64_t patch = c->mask ? c->side / c->grid : 0;
    frame(sheet, b, FRAME, c->color);
    for (int64_t y = 0; y < shown; y++) {
        uint8_t *to = image_row(sheet, (int)(top + FRAME + y)) + 3 * (left + FRAME);
        int64_t sy = y / l->zoom;
        for (int64_t x = 0; x < shown; x++) {
            int64_t sx = x / l->zoom;
            const uint8_t *from = c->rgb + 3 * (sy * c->side + sx);
            bool inside = c->mask && sy / patch < c->grid && sx / patch < c->grid;
            if (inside && c->mask[sy / patch * c->grid + sx / patch])
                veil(from, to + 3 * x);
            else
                memcpy(to + 3 * x, from, 3);
        }
    }
}

/* The photograph fitted into its cell, centred; `shown` says where it lies on the sheet. */
static int paste_photo(struct image *sheet, const struct layout *l, const struct image *photo, int64_t top,
                       struct crop_box *shown, struct fmt_error *e)
{
    int64_t high = l->height, wide = num_max(1, photo->width * high / photo->height);
    if (wide > l->photo_width) {
        wide = l->photo_width;
        high = num_max(1, photo->height * wide / photo->width);
    }
    struct resize r = {.in_h = photo->height, .in_w = photo->width, .out_h = high, .out_w = wide, .rows = high,
                       .cols = wide, .channels = photo->components};
    struct arena scratch = {0}, memory;
    resize_bicubic(&r, NULL, 0, NULL, &scratch);
    ARENA_TAKE(&scratch, uint8_t, high * wide * 3);
    int status = arena_init(&memory, scratch.used + scratch.high, e);
    if (status)
        return status;
    uint8_t *small = ARENA_TAKE(&memory, uint8_t, high * wide * 3);
    resize_bicubic(&r, photo->pixels, (int64_t)photo->width * photo->components, small, &memory);
    *shown = (struct crop_box){top + (l->height - high) / 2, GAP + (l->photo_width - wide) / 2, high, wide};
    for (int64_t y = 0; y < high; y++)
        for (int64_t x = 0; x < wide; x++)
            for (int64_t c = 0; c < 3; c++)
                image_row(sheet, (int)(shown->top + y))[3 * (shown->left + x) + c] =
                    small[(y * wide + x) * r.channels + (r.channels == 3 ? c : 0)];
    arena_release(&memory);
    return 0;
}

static struct crop_box on_sheet(struct crop_box b, const struct image *photo, struct crop_box shown)
{
    int64_t bottom = b.top + b.height, right = b.left + b.width;
    struct crop_box s = {.top = shown.top + b.top * shown.height / photo->height,
                         .left = shown.left + b.left * shown.width / photo->width};
    s.height = shown.top + bottom * shown.height / photo->height - s.top;
    s.width = shown.left + right * shown.width / photo->width - s.left;
    return s;
}

/* ------------------------------------------------------------ rows */

struct sheet {
    struct crop_sampler *maker;
    struct crop_sampler_worker worker;
    struct views_batch batch;
    struct crop_sampler_report report;
    struct layout layout;
    struct image *out;
};

static void draw_crops(struct sheet *s, int64_t i, int64_t top)
{
    const struct views_header *h = &s->maker->header;
    const struct layout *l = &s->layout;
    int64_t B = h->batch, G = h->global_size, L = h->local_size, N = views_patches(h);
    int64_t left = GAP + l->photo_width + GAP;
    for (int64_t c = 0; c < VIEWS_GLOBAL; c++, left += l->global + GAP) {
        struct crop_cell cell = {s->batch.global + (c * B + i) * G * G * 3, s->batch.mask + (c * B + i) * N, G,
                                 h->grid_w, color_of(c, h->n_local)};
        paste_crop(s->out, l, &cell, top, left);
    }
    for (int64_t c = 0; c < h->n_local; c++) {
        struct crop_cell cell = {s->batch.local + (c * B + i) * L * L * 3, NULL, L, 0,
                                 color_of(c + VIEWS_GLOBAL, h->n_local)};
        paste_crop(s->out, l, &cell, top + c % l->local_down * (l->local + GAP),
                   left + c / l->local_down * (l->local + GAP));
    }
}

static int draw_row(struct sheet *s, const struct contact_sheet_options *options, int64_t i_row, struct fmt_error *e)
{
    const struct views_header *h = &s->maker->header;
    int64_t step = options->first_step + i_row / h->batch, i = i_row % h->batch;
    int64_t top = GAP + i_row * (s->layout.height + GAP);
    struct crop_sampler_place place = crop_sampler_place(s->maker, step, i);
    struct crop_box shown;
    if (i == 0)
        crop_sampler_masks(s->maker, step, &s->batch);
    int status = crop_sampler_make(s->maker, &s->worker, &place, i, &s->batch, &s->report, e);
    if (status || (status = paste_photo(s->out, &s->layout, &s->worker.photo, top, &shown, e)))
        return status;
    for (int64_t c = VIEWS_GLOBAL + h->n_local; c-- > 0;) { /* the global ones last, on top */
        struct augment_crop crop = crop_sampler_draw(s->maker, &s->worker, &place, c);
        frame(s->out, on_sheet(crop.box, &s->worker.photo, shown), c < VIEWS_GLOBAL ? FRAME : FRAME_LOCAL,
              color_of(c, h->n_local));
    }
    draw_crops(s, i, top);
    if (options->row)
        options->row(options->arg, i_row, s->report.key, s->report.bad ? s->report.bad->why.text : NULL);
    free(s->report.bad);
    s->report.bad = NULL;
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

int contact_sheet_draw(struct crop_sampler *m, const struct contact_sheet_options *options, struct image *out,
                       struct fmt_error *e)
{
    struct sheet s = {.maker = m, .layout = layout_of(&m->header), .out = out};
    int status = reserve(&s.layout, options->n_rows, out, e);
    if (status || (status = views_batch_init(&s.batch, &m->header, e)))
        return status;
    status = crop_sampler_worker_init(&s.worker, m, e);
    for (int64_t i = 0; status == 0 && i < options->n_rows; i++)
        status = draw_row(&s, options, i, e);
    free(s.report.key);
    free(s.report.bad);
    crop_sampler_worker_release(&s.worker);
    views_batch_release(&s.batch);
    return status;
}
