/* heat-map.c - each axis is worked out once: for each pixel the patches around it and their weights. */
#include "heat-map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cubic-grid.h"
#include "num.h"

struct place { /* of a row or column of pixels in the grid */
    struct cubic_place patches;
    bool seen;
};

/* side: of the photograph, resized to `full`, of which n pixels from `first` on are at `at` of an input of n_patches
 * patches. Positions are those of the centres of pixels. */
static void find_places(struct place *place, int64_t side, int64_t full, int64_t first, int64_t n, int64_t at,
                        int64_t n_patches, int64_t net)
{
    double patch = (double)net / (double)n_patches;
    for (int64_t i = 0; i < side; i++) {
        double resized = ((double)i + 0.5) * (double)full / (double)side - (double)first;
        place[i] = (struct place){cubic_place((resized + (double)at) / patch - 0.5, n_patches),
                                  resized >= 0 && resized < (double)n};
    }
}

static void fill(struct heat_map *m, const float *distance, int64_t grid_w, const struct place *rows,
                 const struct place *columns)
{
    for (int64_t y = 0; y < m->height; y++)
        for (int64_t x = 0; x < m->width; x++)
            m->x[y * m->width + x] =
                rows[y].seen && columns[x].seen
                    ? (float)cubic_value(distance, grid_w, &rows[y].patches, &columns[x].patches)
                    : NAN;
}

int heat_map_reserve(struct heat_map *m, int64_t height, int64_t width, struct fmt_error *e)
{
    if (height * width > m->capacity) {
        free(m->x);
        m->capacity = 0;
        m->x = malloc((size_t)(height * width) * sizeof *m->x);
        m->capacity = m->x ? height * width : 0;
    }
    m->height = height;
    m->width = width;
    return m->x ? 0 : fmt_no_memory(e);
}

int heat_map_make(struct heat_map *m, const float *distance, int64_t grid_h, int64_t grid_w,
                  const struct extract_geometry *g, int64_t height, int64_t width, struct fmt_error *e)
{
    struct place *rows = malloc((size_t)(height + width) * sizeof *rows), *columns = rows ? rows + height : NULL;
    int status = rows ? heat_map_reserve(m, height, width, e) : fmt_no_memory(e);
    if (!status) {
        find_places(rows, height, g->full_h, g->top, g->rows, g->at_y + g->net_y, grid_h, g->net_h);
        find_places(columns, width, g->full_w, g->left, g->cols, g->at_x + g->net_x, grid_w, g->net_w);
        fill(m, distance, grid_w, rows, columns);
    }
    free(rows);
    return status;
}

void heat_map_release(struct heat_map *m)
{
    free(m->x);
    *m = (struct heat_map){0};
}

/* ------------------------------------------------------------------ pictures */
/* Colours by heat from 0 to 1, and how much they cover. */
static void blend(uint8_t *rgb, double grey, double heat)
{
    static const double colour[3][3] = {{255, 220, 0}, {230, 0, 0}, {90, 0, 40}};
    int i = heat < 0.5 ? 0 : 1;
    double between = heat * 2 - i, cover = 0.8 * fmin(1, 2 * heat);
    for (int c = 0; c < 3; c++) {
        double hot = colour[i][c] + between * (colour[i + 1][c] - colour[i][c]);
        rgb[c] = (uint8_t)lrint(grey + cover * (hot - grey));
    }
}

/* The grey of a pixel that was not seen: dark, and lighter in every other stripe. */
static double unseen_grey(double grey, int x, int y, const struct image *im)
{
    int longer = im->width > im->height ? im->width : im->height, stripe = longer / 80 > 2 ? longer / 80 : 2;
    return grey / 4 + ((x + y) / stripe % 2 ? 64 : 0);
}

int heat_map_overlay(const struct heat_map *m, const struct image *photograph, double low, double high,
                     struct image *out, struct fmt_error *e)
{
    if (photograph->width != m->width || photograph->height != m->height)
        return fmt_fail(e, FMT_MISMATCH, "a photograph of %d x %d pixels, its map has %lld x %lld", photograph->width,
                        photograph->height, (long long)m->width, (long long)m->height);
    int status = image_reserve(out, photograph->width, photograph->height, 3, e);
    for (int y = 0; !status && y < out->height; y++) {
        const uint8_t *from = image_row(photograph, y);
        uint8_t *to = image_row(out, y);
        for (int x = 0; x < out->width; x++, to += 3, from += photograph->components) {
            double grey = photograph->components == 1 ? from[0] : 0.299 * from[0] + 0.587 * from[1] + 0.114 * from[2];
            float value = m->x[(int64_t)y * m->width + x];
            double heat = high > low ? ((double)value - low) / (high - low) : value > low;
            blend(to, isnan(value) ? unseen_grey(grey, x, y, out) : grey, isnan(value) ? 0 : fmin(fmax(heat, 0), 1));
        }
    }
    return status;
}

int heat_map_npy(const struct heat_map *m, const struct fmt_writer *to, struct fmt_error *e)
{
    enum { HEADER = 128, BEFORE = 10 }; /* the header ends with a newline at a multiple of 64 */
    char text[HEADER - BEFORE + 1];
    struct fmt_buffer b = {0};
    int n = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld), }",
                     (long long)m->height, (long long)m->width);
    memset(text + n, ' ', (size_t)(HEADER - BEFORE - n));
    text[HEADER - BEFORE - 1] = '\n';
    int bad = bytes_put(&b, "\x93NUMPY\1\0", 8);
    bad |= bytes_put_u16(&b, HEADER - BEFORE);
    bad |= bytes_put(&b, text, HEADER - BEFORE);
    bad |= bytes_put_f32s(&b, m->x, m->height * m->width);
    int status = bad ? fmt_no_memory(e) : fmt_write_all(to, b.data, b.bytes, e);
    fmt_buffer_release(&b);
    return status;
}
