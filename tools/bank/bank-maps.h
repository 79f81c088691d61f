/* bank-maps.h - maps of scored photographs: pictures, arrays, and how well they find the pixels of masks.
 *
 *   struct bank_maps m = {.photographs = "shards", .folder = "maps", .header = &set.header, .rows = &rows, ...};
 *   bank_maps_run(&m, pool, e);
 *
 * A photograph is found by its key: in shards, or as a file of that name in a folder. With `folder` a map is written
 * for each as KEY.png (heat-map.h, with the scale low .. high) and KEY.npy. With `masks` a photograph's mask is the PNG
 * file in that folder whose name is the key with the ending .png; a photograph without one has no fault, which is an
 * error where its label says that it has. Rows of tiles or regions, which share their key and follow one another, make
 * one map of the photograph.
 */
#ifndef BANK_MAPS_H
#define BANK_MAPS_H

#include "feat.h"
#include "image-set.h"
#include "pixel-scores.h"
#include "rows.h"
#include "thread.h"

struct bank_maps {
    const char *photographs, *folder, *masks; /* folder, masks: or NULL */
    const struct feat_header *header;
    const struct rows *rows;  /* columns key, label, group */
    const float *distance;    /* [rows->n,n_tokens] */
    double low, high;         /* the scale of the pictures; both 0: from the median to the largest of all distances */
    int positive;             /* the class of faults */
    struct bootstrap bootstrap;
    void (*step)(void *arg, int64_t n_done); /* or NULL */
    void *arg;
    /* results */
    int64_t n_maps;             /* photographs */
    struct pixel_scores pixels; /* with masks; for pixel_scores_close */
    struct pixel_result result;
};

/* Errors name the photograph. */
int bank_maps_run(struct bank_maps *m, struct thread_pool *pool, struct fmt_error *e);

#endif
