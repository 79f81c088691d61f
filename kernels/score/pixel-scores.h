/* pixel-scores.h - how well maps find the pixels of faults, by masks: the area under the ROC curve over pixels, and
 * AUPRO, the area under the curve of the per-region overlap, as MVTec's published evaluation defines it (Bergmann et
 * al. 2021, "The MVTec Anomaly Detection Dataset", IJCV 129).
 *
 *   pixel_scores_open(&s, low, high, n_groups, e);              every value of the maps is from low to high
 *   pixel_scores_add(&s, group, map, mask, height, width, e);   photograph by photograph
 *   pixel_scores_compute(&s, 0.3, &bootstrap, pool, &r, e);
 *   pixel_scores_close(&s);
 *
 * PRO at a threshold is the mean, over all regions of all masks, of the share of the region's pixels that reach it; a
 * region is a set of pixels that touch, also at corners. AUPRO is its area over the share of good pixels that reach the
 * threshold, up to fpr_limit, divided by that limit; straight lines between thresholds.
 *
 * Values are rounded to PIXEL_SCORES_LEVELS levels from low to high, equal ones count as ties. Intervals resample
 * groups (bootstrap.h), with PIXEL_SCORES_COARSE levels. Memory: 24 MiB, and 48 KiB for each group.
 */
#ifndef PIXEL_SCORES_H
#define PIXEL_SCORES_H

#include <stdint.h>

#include "bootstrap.h"
#include "fmt.h"
#include "thread.h"

enum { PIXEL_SCORES_LEVELS = 1 << 20, PIXEL_SCORES_COARSE = 1 << 11 };
#define PIXEL_SCORES_FPR 0.3 /* the published limit */

/* Pixels by level: how many good ones, how many of faults, and of these the sum of 1 / pixels of their region. */
struct pixel_counts {
    double *good, *faulty, *overlap; /* [n_levels] */
    double n_regions;
};

struct pixel_scores {
    double low, high;
    int64_t n_groups;
    struct pixel_counts all;   /* PIXEL_SCORES_LEVELS */
    struct pixel_counts *group; /* [n_groups] PIXEL_SCORES_COARSE; memory only where there are pixels */
    int64_t n_photographs, n_pixels, n_faulty_pixels, n_unseen_pixels, n_unseen_faulty_pixels, n_unseen_regions;
    int32_t *region, *stack; /* of a photograph */
    int64_t capacity;
};

struct pixel_result {
    double auroc, auroc_low, auroc_high; /* NAN: no faulty or no good pixels; no interval */
    double aupro, aupro_low, aupro_high;
    int64_t n_regions;
};

int pixel_scores_open(struct pixel_scores *s, double low, double high, int64_t n_groups, struct fmt_error *e);
/* map [height,width]: NAN where the network did not see the photograph; these pixels do not count, nor does a region of
 * which no pixel was seen. mask [height,width]: not 0 where a fault is; NULL: no fault. */
int pixel_scores_add(struct pixel_scores *s, int64_t group, const float *map, const uint8_t *mask, int64_t height,
                     int64_t width, struct fmt_error *e);
int pixel_scores_compute(const struct pixel_scores *s, double fpr_limit, const struct bootstrap *b,
                         struct thread_pool *pool, struct pixel_result *r, struct fmt_error *e);
void pixel_scores_close(struct pixel_scores *s);

#endif
