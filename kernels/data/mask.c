/* mask.c - block masks: boxes of random area and shape are added until enough patches are covered; a box counts those
 * that it newly covers. The last few are not filled up: a mask may have fewer ones than its target. */
#include "mask.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "num.h"

enum { AREA_MIN = 4, ATTEMPTS = 10 };
#define SHAPE_MIN 0.3 /* height / width of a box; the largest is its inverse */

struct mask_grid mask_grid_of(int64_t crop_size, int64_t patch)
{
    int64_t side = crop_size / patch;
    double half = floor(0.5 * (double)crop_size / (double)patch); /* patches in half a side */
    return (struct mask_grid){side, side, (int64_t)floor(half * (double)crop_size / (double)patch)};
}

struct box {
    int64_t top, left, height, width;
};

static int64_t count_free(const struct mask_grid *g, const struct box *b, const uint8_t *mask)
{
    int64_t n = 0;
    for (int64_t y = b->top; y < b->top + b->height; y++)
        for (int64_t x = b->left; x < b->left + b->width; x++)
            n += !mask[y * g->cols + x];
    return n;
}

static void cover(const struct mask_grid *g, const struct box *b, uint8_t *mask)
{
    for (int64_t y = b->top; y < b->top + b->height; y++)
        memset(mask + y * g->cols + b->left, 1, (size_t)b->width);
}

/* Adds one box that newly covers 1 .. limit patches, if one is found; returns how many. */
static int64_t add_box(struct rng *r, const struct mask_grid *g, int64_t limit, uint8_t *mask)
{
    double log_min = log(SHAPE_MIN), log_max = log(1 / SHAPE_MIN);
    for (int i = 0; i < ATTEMPTS; i++) {
        double area = rng_between(r, AREA_MIN, (double)limit); /* limit may be below AREA_MIN */
        double shape = exp(rng_between(r, log_min, log_max));
        struct box b = {.height = llrint(sqrt(area * shape)), .width = llrint(sqrt(area / shape))};
        if (b.width >= g->cols || b.height >= g->rows)
            continue;
        b.top = (int64_t)rng_below(r, (uint64_t)(g->rows - b.height + 1));
        b.left = (int64_t)rng_below(r, (uint64_t)(g->cols - b.width + 1));
        int64_t n = count_free(g, &b, mask);
        if (n > 0 && n <= limit) {
            cover(g, &b, mask);
            return n;
        }
    }
    return 0;
}

int64_t mask_blocks(struct rng *r, const struct mask_grid *g, int64_t n_target, uint8_t *mask)
{
    memset(mask, 0, (size_t)mask_patches(g));
    int64_t n = 0;
    while (n < n_target) {
        int64_t added = add_box(r, g, num_min(n_target - n, g->block_max), mask);
        if (added == 0)
            break;
        n += added;
    }
    return n;
}

/* Edge i of n strata, in float32 and from the nearer end, as PyTorch's linspace computes it. */
static float stratum_edge(const struct mask_settings *s, int64_t i, int64_t n)
{
    float low = (float)s->ratio_min, high = (float)s->ratio_max;
    float step = (high - low) / (float)n;
    return i < (n + 1) / 2 ? low + step * (float)i : high - step * (float)(n - i);
}

static int64_t n_masked_crops(const struct mask_settings *s, int64_t n_crops)
{
    return (int64_t)((double)n_crops * s->sample_probability);
}

static void shuffle(struct rng *r, int64_t n, int64_t bytes, uint8_t *rows)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)rng_below(r, (uint64_t)i + 1);
        for (int64_t k = 0; j != i && k < bytes; k++) {
            uint8_t t = rows[i * bytes + k];
            rows[i * bytes + k] = rows[j * bytes + k];
            rows[j * bytes + k] = t;
        }
    }
}

int64_t mask_batch(struct rng *r, const struct mask_grid *g, const struct mask_settings *s, int64_t n_crops,
                   uint8_t *masks)
{
    int64_t n_patches = mask_patches(g), n_masked = n_masked_crops(s, n_crops), n = 0;
    memset(masks, 0, (size_t)(n_crops * n_patches));
    for (int64_t i = 0; i < n_masked; i++) {
        float low = stratum_edge(s, i, n_masked), high = stratum_edge(s, i + 1, n_masked);
        float ratio = low + (high - low) * (float)rng_f64(r);
        n += mask_blocks(r, g, (int64_t)((float)n_patches * ratio), masks + i * n_patches);
    }
    shuffle(r, n_crops, n_patches, masks);
    return n;
}

int64_t mask_batch_max(const struct mask_grid *g, const struct mask_settings *s, int64_t n_crops)
{
    int64_t n_masked = n_masked_crops(s, n_crops), n = 0;
    for (int64_t i = 0; i < n_masked; i++)
        n += (int64_t)((float)mask_patches(g) * stratum_edge(s, i + 1, n_masked));
    return n;
}
