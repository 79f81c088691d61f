/* image-loader.c - load; where that fails, note why, then try the others in a drawn order. */
#include "image-loader.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image-decode.h"
#include "num.h"
#include "rng.h"

/* ------------------------------------------------------------ opening */

/* One set has its identity already; several get one of their own. */
static void identity_of(const struct shard_set *s, uint8_t out[DIGEST_BYTES])
{
    if (s->n_sets == 1)
        memcpy(out, s->identity[0], DIGEST_BYTES);
    else
        digest_of(s->identity, (size_t)s->n_sets * DIGEST_BYTES, out);
}

/* Rounded up, so that one image may be replaced whatever the share, unless it is 0. */
static int64_t share_of(double share, int64_t n)
{
    return num_min(n, (int64_t)ceil(share * (double)n - 1e-9));
}

int image_loader_open(struct image_loader *l, const struct config *c, const char *const *paths, int n_paths,
                      struct fmt_error *e)
{
    *l = (struct image_loader){.exif = c->augment.exif_orientation,
                               .seed = (uint64_t)c->train.seed,
                               .replaced_share = c->train.max_replaced};
    int status = shard_set_open(&l->shards, paths, n_paths, e);
    if (status)
        return status;
    l->replaced_max = share_of(l->replaced_share, l->shards.n_images);
    identity_of(&l->shards, l->identity);
    if (l->shards.n_images == 0) {
        image_loader_close(l);
        return fmt_fail(e, FMT_INVALID, "%s: no images", paths[0]);
    }
    return 0;
}

void image_loader_close(struct image_loader *l)
{
    shard_set_close(&l->shards);
    *l = (struct image_loader){0};
}

size_t image_loader_pixel_bytes(const struct image_loader *l)
{
    return (size_t)l->shards.pixels_max * IMAGE_COMPONENTS_MAX;
}

/* ------------------------------------------------------------ one image */

/* Errors name the shard. */
static int load(const struct image_loader *l, int64_t image, struct image_loaded *loaded, struct fmt_error *e)
{
    const struct shard_set *s = &l->shards;
    struct image *im = &loaded->decoded;
    int status = shard_set_read(s, image, &loaded->buffer, &loaded->record, e);
    if (status) {
        loaded->record = (struct shard_image){0};
        return status;
    }
    status = image_decode(&loaded->record, l->exif, im, NULL, e);
    if (status == 0 && ((uint32_t)im->width > s->width_max || (uint32_t)im->height > s->height_max))
        status = fmt_fail(e, FMT_LIMIT, "larger than the largest image that the shards name");
    if (status)
        fmt_prefix(e, shard_set_path(s, image));
    return status;
}

static int copy_key(struct sample_origin *origin, const char *key, struct fmt_error *e)
{
    size_t bytes = strlen(key) + 1;
    if (bytes > origin->key_capacity) {
        char *grown = realloc(origin->key, bytes);
        if (!grown)
            return fmt_fail(e, FMT_MEMORY, "out of memory for a key");
        origin->key = grown;
        origin->key_capacity = bytes;
    }
    memcpy(origin->key, key, bytes);
    return 0;
}

/* ------------------------------------------------------------ replacement */

/* Notes which image could not be loaded, and why. Too little memory is no fault of an image. */
static int note_unusable(const struct image_loader *l, int64_t image, struct image_loaded *loaded,
                         const struct fmt_error *why, struct sample_origin *origin, struct fmt_error *e)
{
    struct unusable_image *u = why->status == FMT_MEMORY ? NULL : malloc(sizeof *u);
    if (!u)
        return fmt_no_memory(e);
    const char *key = loaded->record.labels.key;
    if (!key) /* the record could not be read */
        key = shard_set_salvage_key(&l->shards, image, &loaded->buffer);
    *u = (struct unusable_image){.image = image, .why = *why};
    if (key)
        snprintf(u->key, sizeof u->key, "%s", key);
    else
        snprintf(u->key, sizeof u->key, "image %" PRId64, image);
    fmt_prefix(&u->why, u->key);
    origin->unusable = u;
    return 0;
}

int image_loader_too_many(const struct image_loader *l, const struct unusable_image *unusable, int64_t n,
                          struct fmt_error *e)
{
    return fmt_fail(e, FMT_LIMIT,
                    "%.280s; with it %" PRId64 " of %s cannot be used, train.max_replaced=%g allows %" PRId64,
                    unusable->why.text, n, FMT_COUNT(l->shards.n_images, "image", "images"), l->replaced_share,
                    l->replaced_max);
}

/* A stride that has no divisor in common with n: from anywhere, n strides visit each of n images once. */
static int64_t draw_stride(struct rng *r, int64_t n)
{
    for (;;) {
        int64_t stride = 1 + (int64_t)rng_below(r, (uint64_t)n), a = n, b = stride;
        while (b) {
            int64_t rest = a % b;
            a = b, b = rest;
        }
        if (a == 1)
            return stride;
    }
}

/* Loads another image than the sample's own, which is origin->unusable. */
static int load_replacement(const struct image_loader *l, struct sample sample, struct image_loaded *loaded,
                            struct sample_origin *origin, struct fmt_error *e)
{
    struct rng r = rng_stream(l->seed, (uint64_t)sample.epoch, (uint64_t)sample.image, RNG_REPLACE);
    int64_t n = l->shards.n_images, n_unusable = 1;
    int64_t image = (int64_t)rng_below(&r, (uint64_t)n), stride = draw_stride(&r, n);
    for (int64_t k = 0; k < n && n_unusable <= l->replaced_max; k++, image = (image + stride) % n) {
        struct fmt_error why = {0};
        int status = image == sample.image ? FMT_INVALID : load(l, image, loaded, &why);
        origin->image = image;
        if (status == 0 || status == FMT_MEMORY)
            return status ? fmt_no_memory(e) : 0;
        n_unusable += image != sample.image;
    }
    if (n_unusable > l->replaced_max)
        return image_loader_too_many(l, origin->unusable, n_unusable, e);
    return fmt_fail(e, FMT_INVALID, "no image can be used: %.300s", origin->unusable->why.text);
}

int image_loader_load(const struct image_loader *l, struct sample sample, struct image_loaded *loaded,
                      struct sample_origin *origin, struct fmt_error *e)
{
    struct fmt_error why = {0};
    origin->image = sample.image;
    int status = load(l, sample.image, loaded, &why);
    if (status && (status = note_unusable(l, sample.image, loaded, &why, origin, e)) == 0)
        status = load_replacement(l, sample, loaded, origin, e);
    return status ? status : copy_key(origin, loaded->record.labels.key, e);
}
