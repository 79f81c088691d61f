/* crop-sampler.h - one sample of a batch: which image it is, its crops; and the masks of the batch. The work of a batch
 * source, without its threads: everything here is a function of settings, seed, step and place in the batch.
 *
 *   crop_sampler_open(&m, config, paths, n_paths, e);           opens the shards
 *   crop_sampler_worker_init(&w, &m, e);                              one for each thread
 *   crop_sampler_make(&m, &w, place, i, &batch, &report, e);          fills crops i of all kinds
 *   crop_sampler_masks(&m, step, &batch);
 */
#ifndef CROP_SAMPLER_H
#define CROP_SAMPLER_H

#include <stdint.h>

#include "arena.h"
#include "config.h"
#include "image.h"
#include "augment.h"
#include "mask.h"
#include "shard-set.h"
#include "views.h"

#define CROP_SAMPLER_KEY_ROOM 512

struct crop_sampler { /* read only while workers work */
    struct shard_set shards;
    struct views_header header; /* first_step 0 */
    struct augment augment;
    struct mask_grid grid;
    struct mask_settings mask;
    bool exif;
    double replaced_share; /* train.max_replaced */
    int64_t replaced_max;  /* so many of the images, rounded up */
    int64_t *order; /* [n_images] of pass order_pass */
    int64_t order_pass;
    uint8_t identity[DIGEST_BYTES]; /* of the shard sets together */
};

int crop_sampler_open(struct crop_sampler *m, const struct config *c, const char *const *paths, int n_paths,
                      struct fmt_error *e);
void crop_sampler_close(struct crop_sampler *m);

/* What a views file made with these settings says in its header, but for first_step and n_images. Refuses crops that
 * are too small to be blurred or have no patch. */
int crop_sampler_header(const struct config *c, struct views_header *h, struct fmt_error *e);

/* The settings that a batch depends on, by their id; 0 for the others. They stand in the provenance of views. */
bool crop_sampler_setting(int config_id);

/* Where sample i of a step stands: serial, it may draw the order of a new pass. */
struct crop_sampler_place {
    int64_t pass, image;
};
struct crop_sampler_place crop_sampler_place(struct crop_sampler *m, int64_t step, int64_t i);

struct crop_sampler_worker {
    struct block_buffer buffer;
    struct shard_image record; /* texts point into the buffer */
    struct image photo;
    struct arena memory;       /* of the photo, then scratch */
};
int crop_sampler_worker_init(struct crop_sampler_worker *w, const struct crop_sampler *m, struct fmt_error *e);
void crop_sampler_worker_release(struct crop_sampler_worker *w);
size_t crop_sampler_worker_bytes(const struct crop_sampler *m);

/* What happens to crop i_crop of the photo in w. `image` keys the draws: of a replacement, the image replaced. */
struct augment_crop crop_sampler_draw(const struct crop_sampler *m, const struct crop_sampler_worker *w,
                                const struct crop_sampler_place *place, int64_t i_crop);

/* An image that cannot be used. */
struct crop_sampler_bad {
    int64_t image;
    char key[CROP_SAMPLER_KEY_ROOM]; /* cut if it is longer */
    struct fmt_error why;      /* "KEY: SHARD: REASON"; where no key can be read it is "image N" */
};

/* Who is in the batch; texts are kept from call to call. */
struct crop_sampler_report {
    char *key; /* of the image used */
    size_t key_room;
    int64_t image;
    struct crop_sampler_bad *bad; /* NULL, or the image of this place, which was replaced: the caller frees it */
};

/* An image that cannot be used is replaced by one that is drawn from all, for (seed, pass, image). FMT_LIMIT: more than
 * replaced_max cannot be used. FMT_INVALID: none can. */
int crop_sampler_make(const struct crop_sampler *m, struct crop_sampler_worker *w,
                      const struct crop_sampler_place *place, int64_t i, struct views_batch *batch,
                      struct crop_sampler_report *report, struct fmt_error *e);
void crop_sampler_masks(const struct crop_sampler *m, int64_t step, struct views_batch *batch);

/* FMT_LIMIT: with this one, n images are known that cannot be used. */
int crop_sampler_too_many(const struct crop_sampler *m, const struct crop_sampler_bad *bad, int64_t n,
                          struct fmt_error *e);

#endif
