/* crop-sampler.h - one sample of a batch: which image it is, its crops; and the masks of the batch. The work of a batch
 * source, without its threads: everything here is a function of settings, seed, step and place in the batch.
 *
 *   sample_maker_open(&m, config, paths, n_paths, e);           opens the shards
 *   sample_worker_init(&w, &m, e);                              one for each thread
 *   sample_make(&m, &w, place, i, &batch, &report, e);          fills crops i of all kinds
 *   sample_masks(&m, step, &batch);
 */
#ifndef CROP_SAMPLER_H
#define CROP_SAMPLER_H

#include <stdint.h>

#include "arena.h"
#include "config.h"
#include "image.h"
#include "augment.h"
#include "mask.h"
#include "shardset.h"
#include "views.h"

#define SAMPLE_KEY_ROOM 512

struct sample_maker { /* read only while workers work */
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

int sample_maker_open(struct sample_maker *m, const struct config *c, const char *const *paths, int n_paths,
                      struct fmt_error *e);
void sample_maker_close(struct sample_maker *m);

/* What a views file made with these settings says in its header, but for first_step and n_images. Refuses crops that
 * are too small to be blurred or have no patch. */
int sample_header(const struct config *c, struct views_header *h, struct fmt_error *e);

/* The settings that a batch depends on, by their id; 0 for the others. They stand in the provenance of views. */
bool sample_setting(int config_id);

/* Where sample i of a step stands: serial, it may draw the order of a new pass. */
struct sample_place {
    int64_t pass, image;
};
struct sample_place sample_place(struct sample_maker *m, int64_t step, int64_t i);

struct sample_worker {
    struct block_buffer buffer;
    struct shard_image record; /* texts point into the buffer */
    struct image photo;
    struct arena memory;       /* of the photo, then scratch */
};
int sample_worker_init(struct sample_worker *w, const struct sample_maker *m, struct fmt_error *e);
void sample_worker_release(struct sample_worker *w);
size_t sample_worker_bytes(const struct sample_maker *m);

/* What happens to crop i_crop of the photo in w. `image` keys the draws: of a replacement, the image replaced. */
struct augment_crop sample_draw(const struct sample_maker *m, const struct sample_worker *w,
                                const struct sample_place *place, int64_t i_crop);

/* An image that cannot be used. */
struct sample_bad {
    int64_t image;
    char key[SAMPLE_KEY_ROOM]; /* cut if it is longer */
    struct fmt_error why;      /* "KEY: SHARD: REASON"; where no key can be read it is "image N" */
};

/* Who is in the batch; texts are kept from call to call. */
struct sample_report {
    char *key; /* of the image used */
    size_t key_room;
    int64_t image;
    struct sample_bad *bad; /* NULL, or the image of this place, which was replaced: the caller frees it */
};

/* An image that cannot be used is replaced by one that is drawn from all, for (seed, pass, image). FMT_LIMIT: more than
 * replaced_max cannot be used. FMT_INVALID: none can. */
int sample_make(const struct sample_maker *m, struct sample_worker *w, const struct sample_place *place, int64_t i,
                struct views_batch *batch, struct sample_report *report, struct fmt_error *e);
void sample_masks(const struct sample_maker *m, int64_t step, struct views_batch *batch);

/* FMT_LIMIT: with this one, n images are known that cannot be used. */
int sample_too_many(const struct sample_maker *m, const struct sample_bad *bad, int64_t n, struct fmt_error *e);

#endif
