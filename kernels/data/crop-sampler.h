/* crop-sampler.h - the samples of a batch: their crops, and the masks. What a batch loader's threads do, without the
 * threads: everything here is a function of the settings, the seed and the number of the batch.
 *
 *   crop_sampler_open(&s, config, paths, n_paths, e);               opens the shards
 *   crop_sampler_worker_init(&w, &s, e);                            one for each thread
 *   struct sample sample = sample_order_at(&s.order, i_batch, i);   one call at a time
 *   crop_sampler_fill(&s, &w, sample, i, &batch, &origin, e);       sets all crops of sample i
 *   crop_sampler_masks(&s, i_batch, &batch);                        sets the masks of the batch
 */
#ifndef CROP_SAMPLER_H
#define CROP_SAMPLER_H

#include <stdint.h>

#include "arena.h"
#include "augment.h"
#include "config.h"
#include "image-loader.h"
#include "mask.h"
#include "sample-order.h"
#include "views.h"

struct crop_sampler { /* but for the order, read only once it is open */
    struct image_loader images;
    struct sample_order order;
    struct views_header header; /* first_step 0 */
    struct augment augment;
    struct mask_grid grid;
    struct mask_settings mask;
};

int crop_sampler_open(struct crop_sampler *s, const struct config *c, const char *const *paths, int n_paths,
                      struct fmt_error *e);
void crop_sampler_close(struct crop_sampler *s);

/* The header of views that are made with these settings, but for first_step and n_images. Refuses crops that are too
 * small to be blurred or have no patch. */
int crop_sampler_header(const struct config *c, struct views_header *h, struct fmt_error *e);

/* Whether a batch depends on this setting. Those that it does depend on are in the provenance of views. */
bool crop_sampler_setting(int config_id);

struct crop_sampler_worker {
    struct image_loaded image;
    struct arena memory; /* the pixels of the image, then scratch */
};
int crop_sampler_worker_init(struct crop_sampler_worker *w, const struct crop_sampler *s, struct fmt_error *e);
void crop_sampler_worker_release(struct crop_sampler_worker *w);
size_t crop_sampler_worker_bytes(const struct crop_sampler *s);

/* Loads the image of a sample into w, or one that replaces it, and sets all crops of sample i and batch->image[i]. The
 * key is left in `origin`: batches take keys in order. Errors as image_loader_load. */
int crop_sampler_fill(const struct crop_sampler *s, struct crop_sampler_worker *w, struct sample sample, int64_t i,
                      struct views_batch *batch, struct sample_origin *origin, struct fmt_error *e);
/* What is drawn for crop i_crop of the image in w. A replacement has the random streams of the image that it replaces,
 * on its own size. */
struct augment_crop crop_sampler_draw(const struct crop_sampler *s, const struct crop_sampler_worker *w,
                                      struct sample sample, int64_t i_crop);
/* Crop i_crop of sample i in the batch: uint8 [side,side,3]. */
uint8_t *crop_sampler_pixels(const struct views_header *h, const struct views_batch *b, int64_t i_crop, int64_t i);

void crop_sampler_masks(const struct crop_sampler *s, int64_t i_batch, struct views_batch *batch);

#endif
