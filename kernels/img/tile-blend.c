/* tile-blend.c - sums of weighted values, and of weights. */
#include "tile-blend.h"

#include <math.h>
#include <stdlib.h>

#include "cubic-grid.h"

/* The weight beyond the outer middles of cells: nothing beside any other, all where there is no other. */
static const double last_resort = 1e-12;

/* Where a pixel lies along one axis of n cells. */
struct tile_place {
    struct cubic_place cells;
    double weight; /* of this axis */
};

int tile_blend_init(struct tile_blend *b, int64_t height, int64_t width, struct fmt_error *e)
{
    *b = (struct tile_blend){.height = height, .width = width};
    size_t n = (size_t)height * (size_t)width;
    b->sum = calloc(n, sizeof *b->sum);
    b->weight = calloc(n, sizeof *b->weight);
    b->column = calloc((size_t)width, sizeof *b->column);
    if (b->sum && b->weight && b->column)
        return 0;
    tile_blend_release(b);
    return fmt_no_memory(e);
}

void tile_blend_release(struct tile_blend *b)
{
    free(b->sum);
    free(b->weight);
    free(b->column);
    *b = (struct tile_blend){0};
}

/* pixel: its middle, from the tile's first edge; side: of the tile. The weight is the distance from the nearer outer
 * middle, in cells. */
static struct tile_place place_of(double pixel, double side, int64_t n)
{
    double at = pixel / side * (double)n - 0.5, inside = fmin(at, (double)n - 1 - at);
    return (struct tile_place){cubic_place(at, n), inside > 0 ? inside : last_resort};
}

/* The first pixel whose middle lies at `edge` or behind, within 0 .. n. */
static int64_t first_pixel(double edge, int64_t n)
{
    return (int64_t)fmin(fmax(ceil(edge - 0.5), 0), (double)n);
}

void tile_blend_add(struct tile_blend *b, const struct tile_map *t)
{
    int64_t bottom = first_pixel(t->top + t->height, b->height);
    int64_t left = first_pixel(t->left, b->width), right = first_pixel(t->left + t->width, b->width);
    for (int64_t k = left; k < right; k++)
        b->column[k] = place_of((double)k + 0.5 - t->left, t->width, t->columns);
    for (int64_t i = first_pixel(t->top, b->height); i < bottom; i++) {
        struct tile_place y = place_of((double)i + 0.5 - t->top, t->height, t->rows);
        for (int64_t k = left; k < right; k++) {
            const struct tile_place *x = &b->column[k];
            double weight = x->weight * y.weight;
            b->sum[i * b->width + k] += weight * cubic_value(t->map, t->columns, &y.cells, &x->cells);
            b->weight[i * b->width + k] += weight;
        }
    }
}

void tile_blend_finish(const struct tile_blend *b, float *out)
{
    for (int64_t i = 0; i < b->height * b->width; i++)
        out[i] = b->weight[i] > 0 ? (float)(b->sum[i] / b->weight[i]) : NAN;
}
