/* crop-sampler.c - keys of random streams, order of images, replacement of bad ones, and the way from a shard's record
 * to crops in a batch. */
#include "crop-sampler.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blur.h"
#include "image-decode.h"
#include "num.h"
#include "rng.h"

/* ------------------------------------------------------------ settings */

bool crop_sampler_setting(int config_id)
{
    static const char *const names[] = {"ibot.mask_sample_probability", "ibot.mask_ratio_min_max",
                                        "train.batch_size_per_gpu", "train.seed", "student.patch_size"};
    const char *name = config_key(config_id)->name;
    if (strncmp(name, "crops.", 6) == 0 || strncmp(name, "augment.", 8) == 0)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

int crop_sampler_header(const struct config *c, struct views_header *h, struct fmt_error *e)
{
    int64_t patch = c->student.patch_size, global = c->crops.global_crops_size, local = c->crops.local_crops_size;
    int64_t least = num_max(patch, BLUR_SIDE_MIN);
    if (global < least || local < least)
        return fmt_fail(e, FMT_INVALID, "crops of %ld and %ld pixels: at least %ld are needed", (long)global,
                        (long)local, (long)least);
    struct mask_grid grid = mask_grid_of(global, patch);
    *h = (struct views_header){
        .batch = (int32_t)c->train.batch_size_per_gpu,
        .global_size = (int32_t)global,
        .local_size = (int32_t)local,
        .n_local = (int32_t)c->crops.local_crops_number,
        .grid_h = (int32_t)grid.rows,
        .grid_w = (int32_t)grid.cols,
        .pixel_norm = config_pixel_norm(c),
        .seed = (uint64_t)c->train.seed,
    };
    return 0;
}

/* ------------------------------------------------------------ opening */

/* One set keeps its identity; several have one of their own. */
static void identity_of(const struct shard_set *s, uint8_t out[DIGEST_BYTES])
{
    if (s->n_sets == 1)
        memcpy(out, s->identity[0], DIGEST_BYTES);
    else
        digest_of(s->identity, (size_t)s->n_sets * DIGEST_BYTES, out);
}

static void draw_order(struct crop_sampler *m, int64_t pass)
{
    struct rng r = rng_stream(m->header.seed, (uint64_t)pass, 0, RNG_ORDER);
    rng_permutation(&r, m->shards.n_images, m->order);
    m->order_pass = pass;
}

/* Rounded up, so that one image may be replaced whatever the share, unless it is 0. */
static int64_t share_of(double share, int64_t n)
{
    return num_min(n, (int64_t)ceil(share * (double)n - 1e-9));
}

int crop_sampler_open(struct crop_sampler *m, const struct config *c, const char *const *paths, int n_paths,
                      struct fmt_error *e)
{
    *m = (struct crop_sampler){.exif = c->augment.exif_orientation, .augment = augment_from_config(c)};
    int status = crop_sampler_header(c, &m->header, e);
    if (status || (status = shard_set_open(&m->shards, paths, n_paths, e)))
        return status;
    m->grid = mask_grid_of(c->crops.global_crops_size, c->student.patch_size);
    m->mask = (struct mask_settings){c->ibot.mask_sample_probability, c->ibot.mask_ratio_min_max[0],
                                     c->ibot.mask_ratio_min_max[1]};
    m->header.n_images = m->shards.n_images;
    m->replaced_share = c->train.max_replaced;
    m->replaced_max = share_of(m->replaced_share, m->shards.n_images);
    identity_of(&m->shards, m->identity);
    size_t bytes = 0;
    if (m->shards.n_images == 0)
        status = fmt_fail(e, FMT_INVALID, "%s: no images", paths[0]);
    else if (!num_mul((size_t)m->shards.n_images, sizeof *m->order, &bytes) || !(m->order = malloc(bytes)))
        status = fmt_fail(e, FMT_MEMORY, "out of memory for the order of %ld images", (long)m->shards.n_images);
    else
        draw_order(m, 0);
    if (status)
        crop_sampler_close(m);
    return status;
}

void crop_sampler_close(struct crop_sampler *m)
{
    shard_set_close(&m->shards);
    free(m->order);
    *m = (struct crop_sampler){0};
}

/* The largest picture and the scratch of its crops. */
static uint8_t *carve(const struct crop_sampler *m, struct arena *a, size_t *photo_bytes)
{
    *photo_bytes = (size_t)m->shards.pixels_max * IMAGE_COMPONENTS_MAX;
    uint8_t *photo = ARENA_TAKE(a, uint8_t, *photo_bytes);
    size_t mark = a->used;
    if (arena_planning(a))
        augment_plan(&m->augment, m->shards.height_max, m->shards.width_max, a);
    a->used = mark;
    return photo;
}

size_t crop_sampler_worker_bytes(const struct crop_sampler *m)
{
    struct arena plan = {0};
    size_t photo_bytes;
    carve(m, &plan, &photo_bytes);
    return plan.high;
}

int crop_sampler_worker_init(struct crop_sampler_worker *w, const struct crop_sampler *m, struct fmt_error *e)
{
    *w = (struct crop_sampler_worker){0};
    int status = arena_init(&w->memory, crop_sampler_worker_bytes(m), e);
    if (status)
        return status;
    size_t bytes;
    uint8_t *photo = carve(m, &w->memory, &bytes);
    w->photo = image_borrow(photo, bytes);
    return 0;
}

void crop_sampler_worker_release(struct crop_sampler_worker *w)
{
    block_buffer_release(&w->buffer);
    arena_release(&w->memory);
    *w = (struct crop_sampler_worker){0};
}

/* ------------------------------------------------------------ one sample */

struct crop_sampler_place crop_sampler_place(struct crop_sampler *m, int64_t step, int64_t i)
{
    int64_t s = step * m->header.batch + i, pass = s / m->shards.n_images;
    if (pass != m->order_pass)
        draw_order(m, pass);
    return (struct crop_sampler_place){pass, m->order[s % m->shards.n_images]};
}

/* Reads and decodes an image into w->photo; w->record tells about it. Errors name the shard. */
static int load(const struct crop_sampler *m, struct crop_sampler_worker *w, int64_t image, struct fmt_error *e)
{
    int status = shard_set_read(&m->shards, image, &w->buffer, &w->record, e);
    if (status) {
        w->record = (struct shard_image){0};
        return status;
    }
    status = image_decode(&w->record, m->exif, &w->photo, e);
    if (status == 0 && ((uint32_t)w->photo.width > m->shards.width_max ||
                        (uint32_t)w->photo.height > m->shards.height_max))
        status = fmt_fail(e, FMT_LIMIT, "larger than the largest image that the shards name");
    if (status)
        fmt_prefix(e, shard_set_path(&m->shards, image));
    return status;
}

struct augment_crop crop_sampler_draw(const struct crop_sampler *m, const struct crop_sampler_worker *w,
                                const struct crop_sampler_place *place, int64_t i_crop)
{
    struct rng r = rng_stream(m->header.seed, (uint64_t)place->pass, (uint64_t)place->image,
                              RNG_CROP + (uint32_t)i_crop);
    return augment_draw(&m->augment, augment_kind_of(i_crop), &r, w->photo.height, w->photo.width);
}

static int keep_key(struct crop_sampler_report *report, const char *key, struct fmt_error *e)
{
    size_t bytes = strlen(key) + 1;
    if (bytes > report->key_room) {
        char *grown = realloc(report->key, bytes);
        if (!grown)
            return fmt_fail(e, FMT_MEMORY, "out of memory for a key");
        report->key = grown;
        report->key_room = bytes;
    }
    memcpy(report->key, key, bytes);
    return 0;
}

/* Keeps who could not be loaded. Too little memory is no fault of an image. */
static int keep_bad(const struct crop_sampler *m, struct crop_sampler_worker *w, int64_t image,
                    const struct fmt_error *why, struct crop_sampler_report *report, struct fmt_error *e)
{
    if (why->status == FMT_MEMORY || !(report->bad = malloc(sizeof *report->bad)))
        return fmt_no_memory(e);
    const char *key = w->record.labels.key;
    if (!key) /* nothing of it could be read */
        key = shard_set_salvage_key(&m->shards, image, &w->buffer);
    report->bad->image = image;
    report->bad->why = *why;
    if (key)
        snprintf(report->bad->key, sizeof report->bad->key, "%s", key);
    else
        snprintf(report->bad->key, sizeof report->bad->key, "image %" PRId64, image);
    fmt_prefix(&report->bad->why, report->bad->key);
    return 0;
}

int crop_sampler_too_many(const struct crop_sampler *m, const struct crop_sampler_bad *bad, int64_t n,
                          struct fmt_error *e)
{
    return fmt_fail(e, FMT_LIMIT,
                    "%.280s; with it %" PRId64 " of %s cannot be used, train.max_replaced=%g allows %" PRId64,
                    bad->why.text, n, FMT_COUNT(m->shards.n_images, "image", "images"), m->replaced_share,
                    m->replaced_max);
}

/* A step that has no divisor in common with n: from anywhere, n of them lead to each of n images once. */
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

/* Loads another image than that of this place, which report->bad tells of. */
static int load_other(const struct crop_sampler *m, struct crop_sampler_worker *w,
                      const struct crop_sampler_place *place, struct crop_sampler_report *report, struct fmt_error *e)
{
    struct rng r = rng_stream(m->header.seed, (uint64_t)place->pass, (uint64_t)place->image, RNG_REPLACE);
    int64_t n = m->shards.n_images, n_bad = 1;
    int64_t image = (int64_t)rng_below(&r, (uint64_t)n), stride = draw_stride(&r, n);
    for (int64_t k = 0; k < n && n_bad <= m->replaced_max; k++, image = (image + stride) % n) {
        struct fmt_error why = {0};
        int status = image == place->image ? FMT_INVALID : load(m, w, image, &why);
        report->image = image;
        if (status == 0 || status == FMT_MEMORY)
            return status ? fmt_no_memory(e) : 0;
        n_bad += image != place->image;
    }
    if (n_bad > m->replaced_max)
        return crop_sampler_too_many(m, report->bad, n_bad, e);
    return fmt_fail(e, FMT_INVALID, "no image can be used: %.300s", report->bad->why.text);
}

static int load_or_replace(const struct crop_sampler *m, struct crop_sampler_worker *w,
                           const struct crop_sampler_place *place, struct crop_sampler_report *report,
                           struct fmt_error *e)
{
    struct fmt_error why = {0};
    report->image = place->image;
    if (load(m, w, place->image, &why) == 0)
        return 0;
    int status = keep_bad(m, w, place->image, &why, report, e);
    return status ? status : load_other(m, w, place, report, e);
}

static uint8_t *crop_place(const struct views_header *h, const struct views_batch *b, int64_t i_crop, int64_t i)
{
    int64_t B = h->batch, G = h->global_size, L = h->local_size;
    if (i_crop < VIEWS_GLOBAL)
        return b->global + (i_crop * B + i) * G * G * 3;
    return b->local + ((i_crop - VIEWS_GLOBAL) * B + i) * L * L * 3;
}

int crop_sampler_make(const struct crop_sampler *m, struct crop_sampler_worker *w,
                      const struct crop_sampler_place *place, int64_t i, struct views_batch *batch,
                      struct crop_sampler_report *report, struct fmt_error *e)
{
    int status = load_or_replace(m, w, place, report, e);
    if (status || (status = keep_key(report, w->record.labels.key, e)))
        return status;
    batch->image[i] = report->image;
    for (int64_t c = 0; c < VIEWS_GLOBAL + m->header.n_local; c++) {
        struct augment_crop crop = crop_sampler_draw(m, w, place, c);
        augment_apply(&crop, &w->photo, crop_place(&m->header, batch, c, i), &w->memory);
    }
    return 0;
}

void crop_sampler_masks(const struct crop_sampler *m, int64_t step, struct views_batch *batch)
{
    struct rng r = rng_stream(m->header.seed, (uint64_t)step, 0, RNG_MASK);
    mask_batch(&r, &m->grid, &m->mask, VIEWS_GLOBAL * (int64_t)m->header.batch, batch->mask);
}
