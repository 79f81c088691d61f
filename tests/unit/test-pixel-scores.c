/* Pixel AUROC and AUPRO against a numpy reading of MVTec's published evaluation, and by hand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pixel-scores.h"
#include "tap.h"

enum { H = 40, W = 50, PHOTOGRAPHS = 3 };

static void rectangle(uint8_t *mask, int top, int bottom, int left, int right)
{
    for (int y = top; y < bottom; y++)
        memset(mask + y * W + left, 1, (size_t)(right - left));
}

/* Two rectangles that touch at a corner, are so one region, and two more; the last photograph has none. Values are
 * multiples of 1 / 2048, many of them equal. */
static void draw(int p, float *map, uint8_t *mask)
{
    memset(mask, 0, H * W);
    if (p < 2) {
        rectangle(mask, 5, 10, 5 + p, 12);
        rectangle(mask, 10, 12, 12, 20);
        rectangle(mask, 25, 26, 40, 45);
        rectangle(mask, 30 + p, 39, 3, 5);
    }
    for (int i = 0; i < H * W; i++) {
        int v = (i * 7919 + p * 104729) % 1009 + mask[i] * (300 + 50 * p);
        v -= mask[i] ? v % 7 * 40 : 0;
        map[i] = (float)v / 2048;
    }
}

static int add_all(struct pixel_scores *s, struct fmt_error *e)
{
    static float map[H * W];
    static uint8_t mask[H * W];
    int status = pixel_scores_open(s, -0.25, 1, PHOTOGRAPHS, e);
    for (int p = 0; p < PHOTOGRAPHS && !status; p++) {
        draw(p, map, mask);
        status = pixel_scores_add(s, p, map, p < 2 ? mask : NULL, H, W, e);
    }
    return status;
}

static void test_golden(void)
{
    struct pixel_scores s;
    struct pixel_result r, all, again;
    struct bootstrap none = {.n_resamples = 0}, b = {300, 0.95, 1};
    struct fmt_error e = {0};
    struct thread_pool *pool = thread_open(3, NULL);
    ok(add_all(&s, &e) == 0, "three photographs %s", e.text);
    ok(pixel_scores_compute(&s, PIXEL_SCORES_FPR, &none, NULL, &r, &e) == 0, "scores %s", e.text);
    is_int(r.n_regions, 6, "regions");
    ok(fabs(r.auroc - 0.6657594123848986) < 1e-12, "AUROC %.15g", r.auroc);
    ok(fabs(r.aupro - 0.3524577716785774) < 1e-12, "AUPRO up to 0.3: %.15g", r.aupro);
    ok(isnan(r.auroc_low) && isnan(r.aupro_high), "no intervals without resamples");
    ok(pixel_scores_compute(&s, 1, &b, NULL, &all, &e) == 0 && fabs(all.aupro - 0.66181906556105) < 1e-12,
       "up to 1: %.15g", all.aupro);
    ok(all.auroc_low < all.auroc && all.auroc < all.auroc_high && all.aupro_low < all.aupro &&
           all.aupro < all.aupro_high, "intervals: %g %g, %g %g", all.auroc_low, all.auroc_high, all.aupro_low,
       all.aupro_high);
    ok(pixel_scores_compute(&s, 1, &b, pool, &again, &e) == 0 && memcmp(&again, &all, sizeof all) == 0,
       "the same with three threads");
    is_int(s.n_pixels, H * W * PHOTOGRAPHS, "pixels");
    pixel_scores_close(&s);
    thread_close(pool);
}

/* A row of eight pixels: the first two were not seen. */
static void test_by_hand(void)
{
    struct pixel_scores s;
    struct pixel_result r;
    struct bootstrap none = {.n_resamples = 0};
    const float map[8] = {NAN, NAN, 5, 4, 3, 2, 1, 0};
    const uint8_t mask[8] = {255, 0, 0, 255, 255, 0, 0, 0};
    ok(pixel_scores_open(&s, 0, 5, 1, NULL) == 0 && pixel_scores_add(&s, 0, map, mask, 1, 8, NULL) == 0, "a row");
    pixel_scores_compute(&s, 1, &none, NULL, &r, NULL);
    is_int(r.n_regions, 1, "a region that was not seen does not count");
    ok(s.n_unseen_pixels == 2 && s.n_unseen_faulty_pixels == 1 && s.n_unseen_regions == 1 && s.n_faulty_pixels == 3,
       "what was not seen");
    /* Of 2 x 4 pairs the two with the good pixel of value 5 are wrong. */
    ok(fabs(r.auroc - 0.75) < 1e-12 && fabs(r.aupro - 0.75) < 1e-12, "AUROC %g, AUPRO %g", r.auroc, r.aupro);
    pixel_scores_compute(&s, 0.5, &none, NULL, &r, NULL);
    ok(fabs(r.aupro - 0.5) < 1e-12, "AUPRO up to 0.5: %g", r.aupro);
    pixel_scores_close(&s);
    ok(pixel_scores_open(&s, 0, 5, 1, NULL) == 0 && pixel_scores_add(&s, 0, map, NULL, 1, 8, NULL) == 0, "no fault");
    pixel_scores_compute(&s, 0.3, &none, NULL, &r, NULL);
    ok(isnan(r.auroc) && isnan(r.aupro), "no scores without faults");
    pixel_scores_close(&s);
}

/* All equal: ties count a half, whatever the range. */
static void test_equal(void)
{
    struct pixel_scores s;
    struct pixel_result r;
    struct bootstrap none = {.n_resamples = 0};
    const float map[4] = {2, 2, 2, 2};
    const uint8_t mask[4] = {1, 0, 0, 1};
    ok(pixel_scores_open(&s, 2, 2, 1, NULL) == 0 && pixel_scores_add(&s, 0, map, mask, 2, 2, NULL) == 0, "equal");
    pixel_scores_compute(&s, 0.3, &none, NULL, &r, NULL);
    ok(fabs(r.auroc - 0.5) < 1e-12 && fabs(r.aupro - 0.15) < 1e-12, "AUROC %g, AUPRO %g", r.auroc, r.aupro);
    is_int(r.n_regions, 1, "pixels that touch at a corner are one region");
    pixel_scores_close(&s);
}

int main(void)
{
    test_golden();
    test_by_hand();
    test_equal();
    return tap_done();
}
