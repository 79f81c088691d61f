/* tile-blend.c - sums of weighted values, and of weights. */
#include "tile-blend.h"

#include <math.h>
#include <stdlib.h>

#include "num.h"

/* The weight beyond the outer middles of cells: nothing beside any other, all where there is no other. */
static const double last_resort = 1e-12;

int tile_blend_init(struct tile_blend *b, int64_t height, int64_t width, struct fmt_error *e)
{
    *b = (struct tile_blend){.height = height, .width = width};
    size_t n = (size_t)height * (size_t)width;
    b->sum = calloc(n, sizeof *b->sum);
    b->weight = calloc(n, sizeof *b->weight);
    if (b->sum && b->weight)
        return 0;
    tile_blend_release(b);
    return fmt_no_memory(e);
}

void tile_blend_release(struct tile_blend *b)
{
    free(b->sum);
    free(b->weight);
    *b = (struct tile_blend){0};
}

/* Where a pixel lies along one axis of n cells. */
struct place {
    int64_t cell;  /* of the two, the first */
    double behind; /* share of the second */
    double weight; /* of this axis */
};

/* pixel: its middle, from the tile's first edge; side: of the tile. The weight is the distance from the nearer outer
 * middle, in cells. */
static struct place place_of(double pixel, double side, int64_t n)
{
    double at = pixel / side * (double)n - 0.5, last = (double)n - 1, inside = fmin(at, last - at);
    struct place p = {.weight = inside > 0 ? inside : last_resort};
    at = fmin(fmax(at, 0), last);
    p.cell = num_min((int64_t)at, num_max(0, n - 2));
    p.behind = at - (double)p.cell;
    return p;
}

static double value_at(const struct tile_map *t, const struct place *y, const struct place *x)
{
    int64_t right = x->cell + (t->columns > 1), down = y->cell + (t->rows > 1);
    const float *first = t->map + y->cell * t->columns, *second = t->map + down * t->columns;
    double up = (double)first[x->cell] + x->behind * ((double)first[right] - (double)first[x->cell]);
    double low = (double)second[x->cell] + x->behind * ((double)second[right] - (double)second[x->cell]);
    return up + y->behind * (low - up);
}

/* The first pixel whose middle lies at `edge` or behind, within 0 .. n. */
static int64_t first_pixel(double edge, int64_t n)
{
    return (int64_t)fmin(fmax(ceil(edge - 0.5), 0), (double)n);
}

void tile_blend_add(struct tile_blend *b, const struct tile_map *t)
{
    int64_t bottom = first_pixel(t->top + t->height, b->height), right = first_pixel(t->left + t->width, b->width);
    for (int64_t i = first_pixel(t->top, b->height); i < bottom; i++) {
        struct place y = place_of((double)i + 0.5 - t->top, t->height, t->rows);
        for (int64_t k = first_pixel(t->left, b->width); k < right; k++) {
            struct place x = place_of((double)k + 0.5 - t->left, t->width, t->columns);
            double weight = x.weight * y.weight;
            b->sum[i * b->width + k] += weight * value_at(t, &y, &x);
            b->weight[i * b->width + k] += weight;
        }
    }
}

void tile_blend_finish(const struct tile_blend *b, float *out)
{
    for (int64_t i = 0; i < b->height * b->width; i++)
        out[i] = b->weight[i] > 0 ? (float)(b->sum[i] / b->weight[i]) : NAN;
}
