/* test-mask-golden.c - block masks: the counts of golden/mask_counts as a distribution (chi-squared over three bins: as
 * many as requested, one fewer, fewer still), and the properties that counts cannot show. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "mask.h"
#include "num.h"

enum { BINS = 3, DRAWS = 20000, SEED = 7 };

static int bin_of(int64_t requested, int64_t n)
{
    int64_t missing = requested - n;
    return missing <= 0 ? 0 : missing == 1 ? 1 : 2;
}

/* Chi-squared of one row against our own frequencies. */
static double chi_squared(const double *histogram, int64_t n_bins, int64_t requested, const struct mask_grid *g,
                          int row)
{
    struct rng r = rng_stream(SEED, (uint64_t)row, 0, RNG_TEST);
    uint8_t mask[4096];
    double seen[BINS] = {0}, ours[BINS] = {0}, total = 0, sum = 0;
    for (int64_t c = 0; c < n_bins; c++)
        seen[bin_of(requested, c)] += histogram[c], total += histogram[c];
    for (int i = 0; i < DRAWS; i++)
        ours[bin_of(requested, mask_blocks(&r, g, requested, mask))] += 1;
    for (int b = 0; b < BINS; b++) {
        double expected = ours[b] / DRAWS * total;
        /* Both frequencies are sampled: the variance is that of their difference. */
        if (expected > 0)
            sum += (seen[b] - expected) * (seen[b] - expected) / (expected * (1 + total / DRAWS));
        else if (seen[b] > 0)
            return INFINITY;
    }
    return sum;
}

static void test_counts(void)
{
    struct golden g;
    if (!golden_open(&g, "mask_counts.safetensors"))
        return;
    int64_t n_rows, n_values;
    double *requested = golden_f64(&g, "requested", &n_rows), *counts = golden_f64(&g, "histogram_of_500", &n_values);
    int64_t n_bins = n_values / n_rows, side = (int64_t)lround(sqrt((double)(n_bins - 1)));
    struct mask_grid grid = {side, side, side * side / 2};
    double sum = 0;
    for (int64_t i = 0; i < n_rows; i++)
        sum += chi_squared(counts + i * n_bins, n_bins, (int64_t)requested[i], &grid, (int)i);
    /* 2 degrees of freedom a row: mean 2, variance 4. The limit is six deviations above the mean. */
    double limit = 2 * (double)n_rows + 6 * sqrt(4 * (double)n_rows);
    ok(sum < limit, "counts of %ld rows: chi-squared %.1f is below %.1f", (long)n_rows, sum, limit);
    golden_close(&g);
}

static void test_grid(void)
{
    ok(mask_grid_of(224, 16).block_max == 98 && mask_grid_of(224, 14).block_max == 128 &&
           mask_grid_of(518, 14).block_max == 666, "largest blocks of the published sizes");
    ok(mask_grid_of(224, 14).rows == 16 && mask_grid_of(230, 14).cols == 16,
       "pixels after the last whole patch are left out");
}

static void test_batch(void)
{
    enum { CROPS = 64, N = 196, BATCHES = 200 };
    struct mask_grid grid = mask_grid_of(224, 16);
    struct mask_settings s = {0.5, 0.1, 0.5};
    static uint8_t masks[CROPS * N], again[CROPS * N];
    double total = 0;
    int64_t n_max = 0, first_crop = 0;
    bool counted = true, halves = true, below = true;
    for (int step = 0; step < BATCHES; step++) {
        struct rng r = rng_stream(SEED, (uint64_t)step, 0, RNG_MASK);
        int64_t n = mask_batch(&r, &grid, &s, CROPS, masks), ones = 0, masked = 0;
        for (int c = 0; c < CROPS; c++) {
            int64_t in_crop = 0;
            for (int i = 0; i < N; i++)
                in_crop += masks[c * N + i];
            ones += in_crop, masked += in_crop > 0;
            below = below && in_crop <= N / 2;
        }
        first_crop += memchr(masks, 1, N) != NULL;
        counted = counted && ones == n;
        halves = halves && masked == CROPS / 2;
        total += (double)n, n_max = num_max(n_max, n);
    }
    ok(counted, "mask_batch returns the number of ones");
    ok(halves, "half of the crops are masked, exactly");
    ok(below, "no crop has more than the largest ratio");
    ok(n_max <= mask_batch_max(&grid, &s, CROPS), "never more than mask_batch_max says");
    double mean = total / (BATCHES * CROPS / 2);
    ok(fabs(mean - 58.2) < 0.4, "mean %.2f patches of 196 in a masked crop (published 58.2)", mean);
    ok(first_crop > BATCHES / 4 && first_crop < 3 * BATCHES / 4, "the masks are shuffled over the crops");
    struct rng r = rng_stream(SEED, BATCHES - 1, 0, RNG_MASK);
    mask_batch(&r, &grid, &s, CROPS, again);
    ok(memcmp(masks, again, sizeof masks) == 0, "the same stream gives the same masks");
}

static void test_upper_bounds(void)
{
    struct mask_settings s = {0.5, 0.1, 0.5};
    struct {
        int64_t size, patch, batch, bound;
    } known[] = {{224, 16, 64, 3771}, {224, 14, 32, 2496}, {224, 14, 12, 967}, {64, 16, 4, 21}};
    for (int i = 0; i < 4; i++) {
        struct mask_grid g = mask_grid_of(known[i].size, known[i].patch);
        is_int(mask_batch_max(&g, &s, 2 * known[i].batch), known[i].bound, "published upper bound, batch %ld",
               (long)known[i].batch);
    }
}

static void test_small_grids(void)
{
    bool in_range = true;
    for (int side = 1; side <= 6; side++) {
        struct mask_grid g = {side, side, side * side / 2};
        for (int i = 0; i < 200; i++) {
            struct rng r = rng_stream(SEED, (uint64_t)i, (uint64_t)side, RNG_TEST);
            uint8_t mask[36];
            int64_t n = mask_blocks(&r, &g, side * side / 2, mask);
            in_range = in_range && n >= 0 && n <= side * side / 2;
        }
    }
    ok(in_range, "grids of 1 to 6 patches a side: never too many");
}

int main(void)
{
    test_counts();
    test_grid();
    test_batch();
    test_upper_bounds();
    test_small_grids();
    return tap_done();
}
