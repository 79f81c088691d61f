/* image-loader.h - the image of a sample, read from its shard and decoded; or another in its place.
 *
 * An image that cannot be read or decoded is replaced: by one that is drawn from all images, for (seed, epoch, image,
 * RNG_REPLACE). A full cycle through the images begins there, so a replacement is found if there is one. With more
 * than train.max_replaced of the images unusable, loading fails.
 *
 *   image_loader_open(&l, config, paths, n_paths, e);
 *   image_loader_load(&l, sample, &loaded, &origin, e);      in any number of threads, each with its own `loaded`
 *   image_loader_close(&l);
 */
#ifndef IMAGE_LOADER_H
#define IMAGE_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "image.h"
#include "sample-order.h"
#include "shard-set.h"

#define IMAGE_LOADER_KEY_MAX 512 /* bytes of a key in messages, its end included */

struct image_loader { /* read only once it is open */
    struct shard_set shards;
    uint8_t identity[DIGEST_BYTES]; /* of the shard sets together */
    bool exif;                      /* apply the orientation that EXIF says */
    uint64_t seed;
    double replaced_share;          /* train.max_replaced */
    int64_t replaced_max;           /* that share of the images, rounded up */
};

/* Refuses shards without images: FMT_INVALID. */
int image_loader_open(struct image_loader *l, const struct config *c, const char *const *paths, int n_paths,
                      struct fmt_error *e);
void image_loader_close(struct image_loader *l);

/* Of one thread; zero-initialise and give `decoded` its memory: image_loader_pixel_bytes. */
struct image_loaded {
    struct block_buffer buffer;
    struct shard_image record; /* texts point into the buffer */
    struct image decoded;
};
size_t image_loader_pixel_bytes(const struct image_loader *l); /* of the largest image */

/* An image that cannot be used. */
struct unusable_image {
    int64_t image;
    char key[IMAGE_LOADER_KEY_MAX]; /* cut if it is longer; "image N" where no key can be read */
    struct fmt_error why;           /* "KEY: SHARD: REASON" */
};

/* Which image a sample was made of. Zero-initialise; the key's memory is reused, and the caller's to free. */
struct sample_origin {
    int64_t image;
    char *key;
    size_t key_capacity;
    struct unusable_image *unusable; /* NULL, or the sample's own image, which was replaced: the caller frees it */
};

/* FMT_LIMIT: more than replaced_max images cannot be used. FMT_INVALID: none can. */
int image_loader_load(const struct image_loader *l, struct sample sample, struct image_loaded *loaded,
                      struct sample_origin *origin, struct fmt_error *e);

/* The error for exceeding replaced_max: with this one, n images are known to be unusable. FMT_LIMIT. */
int image_loader_too_many(const struct image_loader *l, const struct unusable_image *unusable, int64_t n,
                          struct fmt_error *e);

#endif
