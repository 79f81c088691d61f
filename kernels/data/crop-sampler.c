/* crop-sampler.c - from settings to what may be drawn, and from an image to its crops in a batch. */
#include "crop-sampler.h"

#include <string.h>

#include "blur.h"
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
    int64_t side_min = num_max(patch, BLUR_SIDE_MIN);
    if (global < side_min || local < side_min)
        return fmt_fail(e, FMT_INVALID, "crops of %ld and %ld pixels: at least %ld are needed", (long)global,
                        (long)local, (long)side_min);
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

int crop_sampler_open(struct crop_sampler *s, const struct config *c, const char *const *paths, int n_paths,
                      struct fmt_error *e)
{
    *s = (struct crop_sampler){
        .augment = augment_from_config(c),
        .grid = mask_grid_of(c->crops.global_crops_size, c->student.patch_size),
        .mask = {c->ibot.mask_sample_probability, c->ibot.mask_ratio_min_max[0], c->ibot.mask_ratio_min_max[1]},
    };
    int status = crop_sampler_header(c, &s->header, e);
    if (status || (status = image_loader_open(&s->images, c, paths, n_paths, e)))
        return status;
    s->header.n_images = s->images.shards.n_images;
    status = sample_order_open(&s->order, s->header.seed, s->header.n_images, s->header.batch, e);
    if (status)
        image_loader_close(&s->images);
    return status;
}

void crop_sampler_close(struct crop_sampler *s)
{
    image_loader_close(&s->images);
    sample_order_close(&s->order);
}

/* ------------------------------------------------------------ a thread's memory */

/* The pixels of the largest image. A plan also counts the scratch of its crops, which follows. */
static uint8_t *carve(const struct crop_sampler *s, struct arena *a)
{
    const struct shard_set *shards = &s->images.shards;
    uint8_t *pixels = ARENA_TAKE(a, uint8_t, image_loader_pixel_bytes(&s->images));
    size_t mark = a->used;
    if (arena_planning(a))
        augment_plan(&s->augment, shards->height_max, shards->width_max, a);
    a->used = mark;
    return pixels;
}

size_t crop_sampler_worker_bytes(const struct crop_sampler *s)
{
    struct arena plan = {0};
    carve(s, &plan);
    return plan.high;
}

int crop_sampler_worker_init(struct crop_sampler_worker *w, const struct crop_sampler *s, struct fmt_error *e)
{
    *w = (struct crop_sampler_worker){0};
    int status = arena_init(&w->memory, crop_sampler_worker_bytes(s), e);
    if (status == 0)
        w->image.decoded = image_borrow(carve(s, &w->memory), image_loader_pixel_bytes(&s->images));
    return status;
}

void crop_sampler_worker_release(struct crop_sampler_worker *w)
{
    block_buffer_release(&w->image.buffer);
    arena_release(&w->memory);
    *w = (struct crop_sampler_worker){0};
}

/* ------------------------------------------------------------ crops and masks */

struct augment_crop crop_sampler_draw(const struct crop_sampler *s, const struct crop_sampler_worker *w,
                                      struct sample sample, int64_t i_crop)
{
    struct rng r = rng_stream(s->header.seed, (uint64_t)sample.epoch, (uint64_t)sample.image,
                              RNG_CROP + (uint32_t)i_crop);
    const struct image *im = &w->image.decoded;
    return augment_draw(&s->augment, augment_kind_of(i_crop), &r, im->height, im->width);
}

uint8_t *crop_sampler_pixels(const struct views_header *h, const struct views_batch *b, int64_t i_crop, int64_t i)
{
    int64_t B = h->batch, G = h->global_size, L = h->local_size;
    if (i_crop < VIEWS_GLOBAL)
        return b->global + (i_crop * B + i) * G * G * 3;
    return b->local + ((i_crop - VIEWS_GLOBAL) * B + i) * L * L * 3;
}

int crop_sampler_fill(const struct crop_sampler *s, struct crop_sampler_worker *w, struct sample sample, int64_t i,
                      struct views_batch *batch, struct sample_origin *origin, struct fmt_error *e)
{
    int status = image_loader_load(&s->images, sample, &w->image, origin, e);
    if (status)
        return status;
    batch->image[i] = origin->image;
    for (int64_t c = 0; c < VIEWS_GLOBAL + s->header.n_local; c++) {
        struct augment_crop crop = crop_sampler_draw(s, w, sample, c);
        augment_apply(&crop, &w->image.decoded, crop_sampler_pixels(&s->header, batch, c, i), &w->memory);
    }
    return 0;
}

void crop_sampler_masks(const struct crop_sampler *s, int64_t i_batch, struct views_batch *batch)
{
    struct rng r = rng_stream(s->header.seed, (uint64_t)i_batch, 0, RNG_MASK);
    mask_batch(&r, &s->grid, &s->mask, VIEWS_GLOBAL * (int64_t)s->header.batch, batch->mask);
}
