/* test-tile-blend.c - constants and ramps stay as they are; tiles meet without a step; places without a tile. */
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "tap.h"
#include "tile-blend.h"

enum { H = 182, W = 198, TILE = 98, CELLS = 7, CELL = TILE / CELLS };
static const double starts_y[] = {0, 42, 84}, starts_x[] = {0, 50, 100};

static double ramp(double y, double x)
{
    return 3 + 0.25 * x - 0.5 * y;
}

/* All tiles, each with values from `value` at the middles of its cells. */
static void blend(double (*value)(double y, double x), float *out)
{
    struct tile_blend b;
    float map[CELLS * CELLS];
    if (tile_blend_init(&b, H, W, NULL))
        exit(1);
    for (int i = 0; i < 9; i++) {
        struct tile_map t = {map, CELLS, CELLS, starts_y[i / 3], starts_x[i % 3], TILE, TILE};
        for (int k = 0; k < CELLS * CELLS; k++)
            map[k] = (float)value(t.top + (k / CELLS + 0.5) * CELL, t.left + (k % CELLS + 0.5) * CELL);
        tile_blend_add(&b, &t);
    }
    tile_blend_finish(&b, out);
    tile_blend_release(&b);
}

static double constant(double y, double x)
{
    (void)y;
    (void)x;
    return 0.1;
}

static double noise(double y, double x)
{
    struct rng r = rng_stream(1, (uint64_t)(y * 16), (uint64_t)(x * 16), 0);
    return rng_f64(&r);
}

static float out[H * W];

static void exact(void)
{
    int right = 0;
    blend(constant, out);
    for (int i = 0; i < H * W; i++)
        right += out[i] == 0.1f;
    is_int(right, H * W, "a constant stays");
    blend(ramp, out);
    double worst = 0;
    for (int y = CELL / 2; y < H - CELL / 2; y++)
        for (int x = CELL / 2; x < W - CELL / 2; x++)
            worst = worse(worst, fabs((double)out[y * W + x] - ramp(y + 0.5, x + 0.5)));
    ok(worst < 1e-5, "a ramp stays, up to half a cell from the edges of the photograph: %.2g", worst);
}

/* From pixel to pixel a map of noise changes by what a cell allows, across seams as elsewhere. */
static void seams(void)
{
    blend(noise, out);
    double most = 0;
    for (int y = 0; y < H; y++)
        for (int x = 0; x + 1 < W; x++)
            most = worse(most, fabs((double)out[y * W + x + 1] - (double)out[y * W + x]));
    ok(most < 2.5 / CELL, "no step at a seam: %.3f", most);
}

static void edges(void)
{
    struct tile_blend b;
    float one = 7, two[] = {1, 2};
    if (tile_blend_init(&b, 4, 6, NULL))
        exit(1);
    tile_blend_add(&b, &(struct tile_map){&one, 1, 1, -1, -1, 3, 3});
    tile_blend_add(&b, &(struct tile_map){two, 1, 2, 2, 2, 2, 4});
    tile_blend_finish(&b, out);
    ok(out[0] == 7 && out[1] == 7 && out[7] == 7 && isnan(out[2]) && isnan(out[12]), "one cell, partly outside");
    ok(fabsf(out[2 * 6 + 2] - 1) < 1e-6f && fabsf(out[2 * 6 + 3] - 1.25f) < 1e-6f && fabsf(out[3 * 6 + 5] - 2) < 1e-6f,
       "two cells, linear between their middles");
    tile_blend_release(&b);
}

int main(void)
{
    exact();
    seams();
    edges();
    return tap_done();
}
