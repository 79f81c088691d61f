/* test-extract.c - features of an image against a forward pass of its own; rows of many images, one by one and by
 * batches; a whole shard set in memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "device-memory.h"
#include "extract-parts.h"
#include "file.h"
#include "resize.h"
#include "rng.h"
#include "tap.h"
#include "weights.h"

enum { PATCH = 14 };

/* ------------------------------------------------------------------ features */
struct network {
    struct params table;
    struct vit vit;
    struct head head; /* if the file has one */
    struct device_memory memory;
    struct params_array values;
    struct extract_model model;
};

static bool load(struct network *n, const char *name)
{
    struct weights w;
    struct fmt_error e = {0};
    memset(n, 0, sizeof *n);
    int status = weights_open(&w, tap_golden(name), &(struct weights_hint){0}, &e);
    if (!status) {
        unsigned modules = WEIGHTS_BACKBONE | (w.has_dino_head ? WEIGHTS_DINO_HEAD : 0);
        status = vit_params(&n->vit, &w.vit, &n->table, &e);
        if (!status && w.has_dino_head)
            status = head_params(&n->head, &w.dino_head, HEAD_DINO, (int)w.vit.depth + 1, &n->table, &e);
        device_memory_open(&n->memory, 1, (size_t)(n->table.count + 64) * sizeof(float));
        n->values = params_array_take(&n->memory.memory, &n->table, DTYPE_F32);
        if (!status)
            status = weights_load(&w, &n->memory.c, &n->values, modules, &e);
        n->model = (struct extract_model){.vit = &n->vit, .values = &n->values, .pixel_norm = w.pixel_norm,
                                          .head = w.has_dino_head ? &n->head : NULL};
        weights_close(&w);
    }
    return ok(status == 0, "%s is loaded %s", name, e.text);
}

static struct device device; /* the CPU, with three threads */

static void unload(struct network *n)
{
    params_release(&n->table);
    device_memory_close(&n->memory);
}

static void draw(struct image *im, int width, int height, int components, uint64_t seed)
{
    struct rng r = rng_stream(seed, 0, 0, RNG_TEST);
    if (image_reserve(im, width, height, components, NULL))
        exit(1);
    for (size_t i = 0; i < image_bytes(width, height, components); i++)
        im->pixels[i] = (uint8_t)rng_u32(&r);
}

/* A row of its own from pixels that were prepared by hand. */
static void own_pass(const struct network *n, const uint8_t *pixels, int64_t side, uint64_t which, float *tokens)
{
    struct device_arena pass = {0}, scratch = {0};
    struct arena host = {0};
    struct vit_memory memory = {&pass, &host};
    struct op_ctx c = {.backend = test_backend(), .scratch = &scratch};
    struct vit_request r = {.n_inputs = 1, .inputs = {{.B = 1, .H = side, .W = side}}};
    struct vit_activations *p = calloc(1, sizeof *p);
    const struct vit_config *f = &n->vit.config;
    for (int64_t i = 0; i < f->depth; i++)
        r.return_layer[i] = which >> i & 1;
    r.pixel_norm = n->model.pixel_norm;
    for (int k = 0; k < 2; k++) { /* plan, then compute */
        if (k && (device_arena_init(&pass, c.backend, pass.high, NULL) ||
                  device_arena_init(&scratch, c.backend, scratch.high, NULL) || arena_init(&host, host.high, NULL)))
            exit(1);
        r.inputs[0].pixels = OP_BORROW(&c, &pass, DTYPE_U8, pixels, 1, side, side, 3);
        if (vit_forward(&c, &n->vit, &n->values, &r, &memory, p, NULL))
            exit(1);
    }
    int64_t at = 0;
    for (int64_t i = 0; i < f->depth; i++)
        if (which >> i & 1) {
            op_copy_out(&c, tokens + at, p->layers[i]);
            at += p->T * f->C;
        }
    if (op_sync(&c, NULL))
        exit(1);
    free(p);
    arena_release(&host);
    device_arena_release(&pass);
    device_arena_release(&scratch);
}

/* Images in memory, and their rows. */
struct images {
    const struct image *image;
    int64_t n, bad;          /* reading this one fails; -1: none */
    int64_t stop;            /* taking this row ends the run; -1: none */
    struct extract_row *row; /* [n] */
    struct fmt_error *failure;
    int64_t n_taken;
    bool in_order;
};

static int read_one(void *arg, int64_t i, int slot, int worker, struct extract_image *image, struct fmt_error *e)
{
    const struct images *im = arg;
    (void)slot;
    (void)worker;
    *image = (struct extract_image){&im->image[i], "one of them", -1};
    return i == im->bad ? fmt_fail(e, FMT_TRUNCATED, "cut") : 0;
}

static int store_one(void *arg, int64_t i, int slot, const struct extract_row *row, const struct fmt_error *failure)
{
    struct images *im = arg;
    (void)slot;
    im->in_order = im->in_order && i == im->n_taken;
    im->n_taken++;
    im->failure[i] = *failure;
    if (i == im->stop)
        return FMT_FULL;
    if (failure->status)
        return 0;
    int64_t n = row->capacity;
    im->row[i] = *row;
    im->row[i].values = malloc((size_t)n * sizeof *row->values);
    memcpy(im->row[i].values, row->values, (size_t)n * sizeof *row->values);
    return 0;
}

/* The status of the run; rows and failures are for release_rows. */
static int extract_all(const struct device *on, const struct network *n, const struct extract_settings *s,
                       struct images *im)
{
    struct extract x;
    struct fmt_error e = {0};
    struct extract_job job = {.arg = im, .n = im->n, .read = read_one, .write = store_one};
    im->row = calloc((size_t)im->n, sizeof *im->row);
    im->failure = calloc((size_t)im->n, sizeof *im->failure);
    im->n_taken = 0;
    im->in_order = true;
    if (extract_open(&x, on, &n->model, s, &e)) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    int status = extract_run(&x, &job, &e);
    extract_close(&x);
    return status;
}

static void release_rows(struct images *im)
{
    for (int64_t i = 0; i < im->n; i++)
        free(im->row[i].values);
    free(im->row);
    free(im->failure);
}

/* One image; values are for free(). */
static struct extract_row row_of(const struct network *n, const struct extract_settings *s, const struct image *image)
{
    struct images im = {.image = image, .n = 1, .bad = -1, .stop = -1};
    int status = extract_all(&device, n, s, &im);
    ok(status == 0 && im.n_taken == 1 && !im.failure[0].status, "an image becomes a row %s", im.failure[0].text);
    struct extract_row row = im.row[0];
    im.row[0].values = NULL;
    release_rows(&im);
    return row;
}

/* The patch rows of two raw blocks against a pass by hand, on a grey image that has to be scaled. */
static void against_pass(const struct network *n)
{
    const struct vit_config *f = &n->vit.config;
    enum { SIDE = 56 };
    struct extract_settings s = {.kind = FEAT_PATCH, .resize = 60, .size = SIDE, .layers = 1 | 4, .no_norm = true};
    struct image im = {0};
    draw(&im, 80, 100, 1, 3);
    struct extract_row row = row_of(n, &s, &im);

    uint8_t grey[SIDE * SIDE], rgb[SIDE * SIDE * 3];
    struct resize r = {.in_h = 100, .in_w = 80, .out_h = 75, .out_w = 60, .top = 10, .left = 2, .rows = SIDE,
                       .cols = SIDE, .channels = 1};
    struct arena scratch = {0};
    resize_bicubic(&r, NULL, 80, NULL, &scratch);
    if (arena_init(&scratch, scratch.high, NULL))
        exit(1);
    resize_bicubic(&r, im.pixels, 80, grey, &scratch);
    arena_release(&scratch);
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        rgb[i] = grey[i / 3];
    int64_t side = SIDE / f->patch, P = side * side, N = 1 + f->R + P, C = f->C;
    float *tokens = calloc((size_t)(2 * N * C), sizeof *tokens);
    float *expected = calloc((size_t)(2 * P * C), sizeof *expected);
    own_pass(n, rgb, SIDE, 1 | 4, tokens);
    for (int64_t k = 0; k < P; k++)
        for (int64_t l = 0; l < 2; l++)
            memcpy(expected + (2 * k + l) * C, tokens + (l * N + 1 + f->R + k) * C, (size_t)C * sizeof *expected);
    is_int(row.n_tokens, P, "tokens of the row");
    ok(memcmp(row.values, expected, (size_t)(2 * P * C) * sizeof *expected) == 0,
       "its bits are those of a pass by hand");
    free(tokens);
    free(expected);
    free(row.values);
    image_release(&im);
}

/* Mean and unit length are what they say. */
static void kinds(const struct network *n)
{
    struct extract_settings s = {.kind = FEAT_CLS_MEAN, .fit = EXTRACT_PAD};
    struct image small = {0};
    struct fmt_error e = {0};
    int64_t C = n->vit.config.C;
    draw(&small, 61, 47, 3, 1);
    struct extract_row both = row_of(n, &s, &small);
    s.kind = FEAT_MEAN;
    struct extract_row mean = row_of(n, &s, &small);
    s.kind = FEAT_PATCH;
    struct extract_row patches = row_of(n, &s, &small);
    s.unit_length = true;
    struct extract_row unit = row_of(n, &s, &small);
    is_int(patches.n_tokens, (70 / PATCH) * (56 / PATCH), "all patches of the padded image");
    float *sums = calloc((size_t)C, sizeof *sums);
    double length = 0;
    for (int64_t k = 0; k < C; k++) {
        double sum = 0;
        for (int64_t i = 0; i < patches.n_tokens; i++)
            sum += (double)patches.values[i * C + k];
        sums[k] = (float)(sum / (double)patches.n_tokens);
        length += (double)unit.values[k] * (double)unit.values[k];
    }
    ok(memcmp(sums, mean.values, (size_t)C * sizeof *sums) == 0, "the mean is that of all patches");
    ok(memcmp(sums, both.values + C, (size_t)C * sizeof *sums) == 0, "and comes after the class token");
    ok(fabs(length - 1) < 1e-6, "of unit length");
    s.kind = FEAT_HEAD;
    struct extract none;
    ok(extract_open(&none, &device, &n->model, &s, &e) == FMT_MISMATCH, "no head: %s", e.text);
    free(sums);
    free(both.values);
    free(mean.values);
    free(patches.values);
    free(unit.values);
    image_release(&small);
}

/* ------------------------------------------------------------------ tiles and regions */

/* A copy of a part of an image. */
static struct image cut(const struct image *im, int64_t top, int64_t left, int64_t height, int64_t width)
{
    struct image out = {0};
    size_t row = (size_t)(width * im->components);
    if (image_reserve(&out, (int)width, (int)height, im->components, NULL))
        exit(1);
    for (int64_t y = 0; y < height; y++)
        memcpy(out.pixels + (size_t)y * row, image_row(im, (int)(top + y)) + left * im->components, row);
    return out;
}

/* Every part has the bits of an extraction of its own, whatever the threads; `of_part` is how. */
static void check_parts(const struct network *n, const struct extract_settings *s,
                        const struct extract_settings *of_part, const struct image *im, int64_t n_want)
{
    struct extract_row all = row_of(n, s, im);
    int64_t width = all.n_tokens * n->vit.config.C, right = 0;
    struct extract_part_list list = {0};
    if (extract_parts(s, PATCH, im->height, im->width, -1, &list, NULL))
        exit(1);
    is_int(all.n_parts, n_want, "rows of an image");
    for (int64_t i = 0; i < all.n_parts && i < list.n; i++) {
        const struct extract_part *p = &list.part[i];
        struct image one = s->fit == EXTRACT_TILES ? cut(im, (int64_t)p->y, (int64_t)p->x, (int64_t)p->h, (int64_t)p->w)
                                                   : cut(im, p->top, p->left, p->height, p->width);
        struct extract_row row = row_of(n, of_part, &one);
        right += row.n_tokens == all.n_tokens &&
                 memcmp(row.values, all.values + i * width, (size_t)width * sizeof *row.values) == 0;
        free(row.values);
        image_release(&one);
    }
    is_int(right, n_want, "each with the bits of its part alone");
    free(list.part);
    free(all.values);
}

static void parts(const struct network *n)
{
    static const char text[] = "a 3 5 60 40; b 0.5 0.5 0.4 0.3";
    struct extract_settings tiles = {.kind = FEAT_PATCH, .size = 42, .fit = EXTRACT_TILES, .overlap = 10};
    struct extract_settings tile = {.kind = FEAT_PATCH, .size = 42};
    struct extract_settings regions = {.kind = FEAT_CLS, .resize = 32, .size = 28};
    struct extract_settings region = regions, from;
    struct image im = {0};
    struct fmt_error e = {0};
    draw(&im, 100, 70, 3, 9);
    check_parts(n, &tiles, &tile, &im, 3 * 2);
    if (extract_regions_parse(text, strlen(text), &regions.regions, &e))
        exit(1);
    check_parts(n, &regions, &region, &im, 2);
    struct extract x;
    tiles.size = 41;
    ok(extract_open(&x, &device, &n->model, &tiles, &e) == FMT_INVALID, "%s", e.text);
    tiles.size = 42;
    tiles.regions = regions.regions;
    if (extract_open(&x, &device, &n->model, &tiles, &e))
        exit(1);
    struct feat_header h = extract_feat_header(&x), plain = h;
    ok(h.image_w == 42 && h.grid_w == 3 && extract_width(&x) == 9 * n->vit.config.C, "the header is of a tile");
    ok(extract_recipe(&x, &h.recipe, &e) == 0 && extract_settings_from(&h, &from, &e) == 0 && from.fit == tiles.fit &&
           from.overlap == 10 && memcmp(&from.regions, &tiles.regions, sizeof from.regions) == 0,
       "the recipe says all");
    extract_close(&x);
    if (extract_open(&x, &device, &n->model, &tile, &e) || extract_recipe(&x, &plain.recipe, &e))
        exit(1);
    ok(feat_compatible(&h, &plain, false, &e) == FMT_MISMATCH, "whole images of that size: %s", e.text);
    extract_close(&x);
    recipe_release(&h.recipe);
    recipe_release(&plain.recipe);
    image_release(&im);
}

/* ------------------------------------------------------------------ many images */
enum { MANY = 45, BROKEN = 20, TINY = 30 };

/* Runs of images of one size; in the midst of them one that cannot be read, and one that is less than a patch. */
static void draw_many(struct image *im)
{
    memset(im, 0, MANY * sizeof *im);
    for (int i = 0; i < MANY; i++)
        draw(&im[i], i == TINY ? 3 : 28 + i / 6 % 3 * 7, i == TINY ? 3 : 28, i % 5 ? 3 : 1, (uint64_t)i);
}

static bool same_rows(const struct extract_row *a, const struct extract_row *b, int64_t dim)
{
    return a->n_tokens == b->n_tokens &&
           memcmp(a->values, b->values, (size_t)(a->n_tokens * dim) * sizeof *a->values) == 0;
}

/* Rows do not depend on threads or on what a worker did before; failures have their images' places. */
static void many(const struct network *n, const struct extract_settings *s, const struct image *image,
                 int64_t dim, struct images *all)
{
    *all = (struct images){.image = image, .n = MANY, .bad = BROKEN, .stop = -1};
    ok(extract_all(&device, n, s, all) == 0 && all->n_taken == MANY && all->in_order, "rows of many images, in order");
    int64_t n_failed = 0, n_same = 0;
    for (int i = 0; i < MANY; i++) {
        n_failed += all->failure[i].status != 0;
        if (all->failure[i].status)
            continue;
        struct images one = {.image = image + i, .n = 1, .bad = -1, .stop = -1};
        const struct device alone = {.backend = device.backend};
        extract_all(&alone, n, s, &one);
        n_same += same_rows(&all->row[i], &one.row[0], dim);
        release_rows(&one);
    }
    bool too_small = s->fit == EXTRACT_CROP;
    is_int(n_failed, 1 + too_small, "rows that failed");
    is_int(n_same, MANY - 1 - too_small, "rows that have the bits of the image alone");
    is_text(all->failure[BROKEN].text, "cut", "what cannot be read");
    is_text(all->failure[TINY].text, too_small ? "one of them: 3 x 3 pixels are less than a patch of 14" : "",
            "what is less than a patch");
    struct images stopped = {.image = image, .n = MANY, .bad = -1, .stop = 7};
    ok(extract_all(&device, n, s, &stopped) == FMT_FULL && stopped.n_taken == 8, "a taker ends the run");
    release_rows(&stopped);
}

/* A single image, and the last ones of a run, are computed by several workers together: the bits stay, and failures
 * have their images' places. */
static void few(const struct network *n, const struct extract_settings *s, const struct image *image, int64_t dim,
                const struct images *expected)
{
    enum { MOST = 12 };
    int64_t n_right = 0, n_rows = 0;
    for (int n_threads = 2; n_threads <= 8; n_threads += 3) {
        struct device several = test_device(n_threads);
        for (int64_t n_images = 1; n_images <= MOST; n_images++) {
            struct images im = {.image = image, .n = n_images, .bad = n_images - 2, .stop = -1};
            n_rows += n_images;
            if (extract_all(&several, n, s, &im) == 0 && im.n_taken == n_images && im.in_order)
                for (int64_t i = 0; i < n_images; i++)
                    n_right += i == im.bad ? strcmp(im.failure[i].text, "cut") == 0
                                           : !im.failure[i].status && same_rows(&im.row[i], &expected->row[i], dim);
            release_rows(&im);
        }
        device_close(&several);
    }
    is_int(n_right, n_rows, "rows of a few images with 2, 5 and 8 threads");
}

/* Where a batch does not change bits, images of one size go through the network together: here by operations of the
 * CPU, whose last digits do depend on the batch. */
static void batches(const struct network *n, const struct extract_settings *s, const struct image *image,
                    int64_t dim, const struct images *expected)
{
    struct backend by_batch = *device.backend;
    const struct device together = {.backend = &by_batch, .pool = device.pool};
    struct images got = {.image = image, .n = MANY, .bad = BROKEN, .stop = -1};
    by_batch.batch_changes_bits = false;
    ok(extract_all(&together, n, s, &got) == 0 && got.n_taken == MANY && got.in_order, "rows by batches, in order");
    double worst = 0;
    bool same_failures = true;
    for (int i = 0; i < MANY; i++) {
        same_failures = same_failures && strcmp(expected->failure[i].text, got.failure[i].text) == 0;
        if (!got.failure[i].status)
            for (int64_t k = 0; k < expected->row[i].n_tokens * dim; k++)
                worst = worse(worst, fabs((double)expected->row[i].values[k] - (double)got.row[i].values[k]));
    }
    ok(same_failures && worst < 1e-5, "the same but for rounding: largest difference %.2g", worst);
    release_rows(&got);
}

static void run_many(const struct network *n, const struct extract_settings *s, int64_t dim)
{
    static struct image image[MANY];
    struct images all;
    draw_many(image);
    many(n, s, image, dim, &all);
    few(n, s, image, dim, &all);
    batches(n, s, image, dim, &all);
    release_rows(&all);
    for (int i = 0; i < MANY; i++)
        image_release(&image[i]);
}

static void many_of_each_kind(const struct network *n)
{
    struct extract_settings s = {.kind = FEAT_PATCH, .fit = EXTRACT_CROP, .layers = 1 | 4};
    run_many(n, &s, 2 * n->vit.config.C);
    s.fit = EXTRACT_PAD;
    run_many(n, &s, 2 * n->vit.config.C);
    s.kind = FEAT_CLS_MEAN;
    s.no_norm = true;
    run_many(n, &s, 4 * n->vit.config.C);
}

static void many_of_head(const struct network *n)
{
    struct extract_settings s = {.kind = FEAT_HEAD, .fit = EXTRACT_CROP};
    run_many(n, &s, n->head.config.n_prototypes);
}

/* ------------------------------------------------------------------ a set in memory */
enum { IMAGES = 7, BAD = 4, SIDE_SET = 40 };

static void write_shard(const char *path)
{
    struct file_out f;
    struct fmt_error e = {0};
    struct shard_writer w;
    struct provenance prov;
    struct image im = {0};
    struct shard_header h = {.n_shards = 1, .width_max = SIDE_SET, .height_max = SIDE_SET,
                             .pixels_max = SIDE_SET * SIDE_SET};
    provenance_init(&prov, "test", "0", false);
    if (file_create(&f, path, &e))
        exit(1);
    struct fmt_writer io = file_writer(&f);
    int status = shard_create(&w, &io, &h, &prov, &e);
    for (int i = 0; i < IMAGES && !status; i++) {
        char key[16];
        draw(&im, SIDE_SET, SIDE_SET, 3, (uint64_t)i);
        snprintf(key, sizeof key, "k%d", i);
        if (i == BAD)
            memcpy(im.pixels, "\xff\xd8\xff", 3); /* begins as a JPEG file, and is none */
        struct shard_image s = {.labels = {.key = key, .split = "", .group = "", .extra = "", .label = -1,
                                         .group_view = -1},
                                .store = i == BAD ? SHARD_JPEG : SHARD_RGB, .width = SIDE_SET, .height = SIDE_SET,
                                .components = 3, .data = im.pixels, .bytes = image_bytes(SIDE_SET, SIDE_SET, 3)};
        status = shard_add(&w, &s, &e);
    }
    if (status || shard_finish(&w, &e) || file_commit(&f, &e)) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    provenance_release(&prov);
    image_release(&im);
}

static void whole_set(const struct network *n)
{
    char path[400];
    struct shard_set set;
    struct extract x;
    struct fmt_error e = {0};
    struct extract_settings s = {.kind = FEAT_CLS, .resize = 42, .size = 28};
    snprintf(path, sizeof path, "%s/a.shard", tap_scratch());
    write_shard(path);
    const char *paths[] = {path};
    if (!ok(shard_set_open(&set, paths, 1, &e) == 0, "a shard set %s", e.text))
        return;
    ok(extract_open(&x, &device, &n->model, &s, &e) == 0, "three workers %s", e.text);
    int64_t width = extract_width(&x);
    float *all = calloc((size_t)(IMAGES * width), sizeof *all), *some = calloc((size_t)(3 * width), sizeof *some);
    uint8_t failed[IMAGES];
    struct extract_shards_job job = {.n = IMAGES, .out = all, .failed = failed};
    ok(extract_shards(&x, &set, &job, &e) == 0, "all images %s", e.text);
    ok(job.n_failed == 1 && failed[BAD] && strncmp(job.first.text, "k4: ", 4) == 0, "one fails: %s", job.first.text);
    const int64_t numbers[] = {6, 0, 3};
    job = (struct extract_shards_job){.image = numbers, .n = 3, .out = some, .failed = failed};
    ok(extract_shards(&x, &set, &job, &e) == 0 && job.n_failed == 0, "some images %s", e.text);
    for (int i = 0; i < 3; i++)
        ok(memcmp(some + i * width, all + numbers[i] * width, (size_t)width * sizeof *all) == 0, "row %d is the same",
           (int)numbers[i]);
    free(all);
    free(some);
    extract_close(&x);
    shard_set_close(&set);
}

int main(void)
{
    struct network n;
    device = test_device(3);
    if (load(&n, "vit_reg4.pth")) {
        against_pass(&n);
        kinds(&n);
        parts(&n);
        many_of_each_kind(&n);
        whole_set(&n);
        unload(&n);
    }
    if (load(&n, "vit_plain_teacher_checkpoint.pth")) {
        many_of_head(&n);
        unload(&n);
    }
    device_close(&device);
    return tap_done();
}
