/* test-extract.c - where pictures go for all sizes and fits; features of one picture against a forward pass of its own;
 * a whole shard set in memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "file.h"
#include "resize.h"
#include "extract.h"
#include "weights.h"
#include "rng.h"
#include "tap.h"
#include "test-device.h"

enum { PATCH = 14 };

/* ------------------------------------------------------------------ places */
static struct extract_geometry place(int64_t resize, int64_t size, enum extract_fit fit, int64_t h, int64_t w)
{
    struct extract_settings s = {.resize = resize, .size = size, .fit = fit};
    struct extract_geometry p;
    struct fmt_error e = {0};
    if (extract_geometry(&s, PATCH, h, w, &p, &e))
        ok(false, "%lld x %lld: %s", (long long)w, (long long)h, e.text);
    return p;
}

static void published_sizes(void)
{
    struct extract_settings s = extract_published_settings();
    ok(s.resize == 256 && s.size == 224 && s.kind == FEAT_CLS && !s.no_norm && !s.unit, "as the published k-NN has it");
    struct extract_geometry p = place(256, 224, EXTRACT_RESIZE, 480, 640);
    ok(p.full_h == 256 && p.full_w == 341 && p.rows == 224 && p.cols == 224 && p.top == 16, "480 x 640 -> 256 x 341");
    is_int(p.left, 58, "58.5 goes to the even side");
    ok(fabs(1 - p.cut_away - 224.0 * 224 / (256 * 341)) < 1e-12, "57 %% are kept");
    p = place(256, 224, EXTRACT_RESIZE, 900, 300);
    ok(p.full_h == 768 && p.full_w == 256 && p.net_h == 224 && p.net_w == 224, "a tall picture");
    p = place(0, 224, EXTRACT_RESIZE, 100, 300);
    ok(p.full_h == 100 && p.rows == 100 && p.canvas_h == 224 && p.at_y == 62 && p.cols == 224 && p.left == 38,
       "a picture that is too low stands in the middle of black");
}

static void fits(void)
{
    struct extract_geometry p = place(110, 100, EXTRACT_RESIZE, 220, 220);
    ok(p.net_h == 98 && p.full_h == 108 && p.rows == 98, "resize: 100 becomes 98, the picture shrinks as much");
    p = place(110, 105, EXTRACT_RESIZE, 220, 220);
    is_int(p.net_h, 98, "a tie goes down");
    p = place(110, 106, EXTRACT_RESIZE, 220, 220);
    is_int(p.net_h, 112, "106 is nearer to 112");
    p = place(110, 100, EXTRACT_CROP, 220, 220);
    ok(p.net_h == 98 && p.full_h == 110 && p.top == 6, "crop: 98 of 110");
    p = place(110, 100, EXTRACT_PAD, 220, 220);
    ok(p.net_h == 112 && p.canvas_h == 100 && p.rows == 100 && p.net_y == 6, "pad: 100 in the middle of 112");
    p = place(0, 0, EXTRACT_RESIZE, 97, 55);
    ok(p.net_h == 98 && p.net_w == 56 && p.full_h == 98 && p.full_w == 56 && p.cut_away == 0, "whole, resized");
    p = place(0, 0, EXTRACT_CROP, 97, 55);
    ok(p.net_h == 84 && p.net_w == 42 && p.rows == 84 && p.top == 6 && p.cut_away > 0, "whole, cut");
    p = place(0, 0, EXTRACT_PAD, 97, 55);
    ok(p.net_h == 98 && p.net_w == 56 && p.rows == 97 && p.cols == 55 && p.cut_away == 0, "whole, padded");
    p = place(0, 0, EXTRACT_RESIZE, 3, 5);
    ok(p.net_h == PATCH && p.net_w == PATCH, "at least a patch");
    p = place(256, 224, EXTRACT_RESIZE, 700, 1);
    ok(p.full_w == 256 && p.full_h == 179200 && p.top == 89488 && p.rows == 224, "the middle of a strip of 1 x 700");
    p = place(65535, 224, EXTRACT_RESIZE, 1, 65535);
    ok(p.full_w == 65535 * (int64_t)65535 && p.cols == 224, "and of the longest one");
    struct extract_settings whole = {.resize = 256};
    ok(extract_geometry(&whole, PATCH, 700, 1, &p, NULL) == FMT_LIMIT, "which no network sees as a whole");
    bool inside = true;
    struct rng r = rng_stream(1, 0, 0, RNG_TEST);
    for (int i = 0; i < 20000; i++) {
        int64_t resize = rng_below(&r, 3) ? (int64_t)rng_below(&r, 300) : 0;
        int64_t size = rng_below(&r, 3) ? (int64_t)rng_below(&r, 300) : 0;
        struct extract_settings s = {.resize = resize, .size = size, .fit = (enum extract_fit)rng_below(&r, 3)};
        int64_t h = 1 + (int64_t)rng_below(&r, 500), w = 1 + (int64_t)rng_below(&r, 500);
        if (extract_geometry(&s, PATCH, h, w, &p, NULL))
            continue;
        inside = inside && p.net_h % PATCH == 0 && p.net_w % PATCH == 0 && p.rows > 0 && p.cols > 0 && p.top >= 0 &&
                 p.left >= 0 && p.top + p.rows <= p.full_h && p.left + p.cols <= p.full_w && p.at_y >= 0 &&
                 p.at_y + p.rows <= p.canvas_h && p.at_x + p.cols <= p.canvas_w && p.net_y >= 0 &&
                 p.net_y + p.canvas_h <= p.net_h && p.net_x + p.canvas_w <= p.net_w && p.cut_away >= 0 &&
                 p.cut_away < 1;
    }
    ok(inside, "all parts of 20000 places lie inside");
}

/* What is computed of a strip has the bits of the whole, which is larger than any picture. */
static void strips(void)
{
    enum { LONG = 300, WIDE = 256, PART = 32, HIGH = LONG * WIDE };
    static uint8_t strip[LONG * 3], whole[(size_t)HIGH * WIDE * 3], part[PART * WIDE * 3];
    for (int i = 0; i < LONG * 3; i++)
        strip[i] = (uint8_t)(i * i / 7 + 31 * i);
    struct resize r = {.in_h = LONG, .in_w = 1, .out_h = HIGH, .out_w = WIDE, .rows = HIGH, .cols = WIDE,
                       .channels = 3};
    struct arena plan = {0}, memory;
    struct fmt_error e = {0};
    resize_bicubic(&r, NULL, 0, NULL, &plan);
    if (arena_init(&memory, plan.high, &e)) {
        ok(false, "%s", e.text);
        return;
    }
    resize_bicubic(&r, strip, 3, whole, &memory);
    r.top = HIGH / 2 - PART / 2, r.rows = PART;
    struct arena small = {0};
    resize_bicubic(&r, NULL, 0, NULL, &small);
    ok(small.high < 1 << 20, "the middle of a strip takes %zu bytes", small.high);
    resize_bicubic(&r, strip, 3, part, &memory);
    ok(memcmp(part, whole + (size_t)r.top * WIDE * 3, sizeof part) == 0, "and has the bits of the whole");
    arena_release(&memory);
}

static void layers(void)
{
    static const struct {
        const char *text;
        int64_t depth;
        uint64_t want; /* 0: refused */
    } list[] = {{"1", 12, 1 << 11}, {"4", 12, 15 << 8},  {"12", 12, 0xfff}, {"0", 12, 0},    {"13", 12, 0},
                {"3,7", 12, 136},   {"7,3", 12, 136},    {"11,", 12, 2048}, {"12,", 12, 0},  {"3,3", 12, 0},
                {"-1", 12, 0},      {"3,,7", 12, 0},     {",", 12, 0},      {"", 12, 0},     {"a", 12, 0}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        uint64_t got;
        int status = extract_parse_layers(list[i].text, list[i].depth, &got, NULL);
        ok(list[i].want ? status == 0 && got == list[i].want : status != 0, "layers \"%s\"", list[i].text);
    }
}

/* ------------------------------------------------------------------ features */
struct network {
    struct params table;
    struct vit vit;
    float *values;
    struct extract_model model;
};

static bool load(struct network *n, const char *name)
{
    struct weights w;
    struct fmt_error e = {0};
    memset(n, 0, sizeof *n);
    int status = weights_open(&w, tap_golden(name), &(struct weights_hint){0}, &e);
    if (!status) {
        status = vit_params(&n->vit, &w.vit, &n->table, &e);
        n->values = calloc((size_t)n->table.count + 1, sizeof *n->values);
        if (!status)
            status = weights_load(&w, &n->table, WEIGHTS_BACKBONE, n->values, &e);
        n->model = (struct extract_model){.vit = &n->vit, .values = n->values, .pixel_norm = w.pixel_norm};
        weights_close(&w);
    }
    return ok(status == 0, "%s is loaded %s", name, e.text);
}

static void unload(struct network *n)
{
    params_release(&n->table);
    free(n->values);
}

static struct device one; /* without a pool: one thread */

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
    struct op_ctx c = {.backend = test_backend(), .scratch = &scratch};
    struct vit_request r = {.n_inputs = 1, .inputs = {{.B = 1, .H = side, .W = side, .pixels = pixels}}};
    struct vit_activations *p = calloc(1, sizeof *p);
    const struct vit_config *f = &n->vit.config;
    for (int64_t i = 0; i < f->depth; i++)
        r.return_layer[i] = which >> i & 1;
    r.pixel_norm = n->model.pixel_norm;
    for (int k = 0; k < 2; k++) { /* plan, then compute */
        if (k && (device_arena_init(&pass, c.backend, pass.high, NULL) ||
                  device_arena_init(&scratch, c.backend, scratch.high, NULL)))
            exit(1);
        if (vit_forward(&c, &n->vit, n->values, &r, &pass, p, NULL))
            exit(1);
    }
    int64_t at = 0;
    for (int64_t i = 0; i < f->depth; i++)
        if (which >> i & 1) {
            memcpy(tokens + at, p->layers[i], (size_t)(p->T * f->C) * sizeof *tokens);
            at += p->T * f->C;
        }
    free(p);
    device_arena_release(&pass);
    device_arena_release(&scratch);
}

/* The patch rows of two raw blocks against a pass by hand, on a grey picture that has to be scaled. */
static void against_pass(const struct network *n)
{
    const struct vit_config *f = &n->vit.config;
    enum { SIDE = 56 };
    struct extract_settings s = {.kind = FEAT_PATCH, .resize = 60, .size = SIDE, .layers = 1 | 4, .no_norm = true};
    struct image im = {0};
    struct extract x;
    struct extract_row row = {0};
    struct fmt_error e = {0};
    draw(&im, 80, 100, 1, 3);
    ok(extract_open(&x, &one, &n->model, &s, 1, &e) == 0 && extract_image(&x, 0, &im, &row, &e) == 0,
       "a grey picture %s",
       e.text);

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
    float *tokens = calloc((size_t)(2 * N * C), sizeof *tokens), *want = calloc((size_t)(2 * P * C), sizeof *want);
    own_pass(n, rgb, SIDE, 1 | 4, tokens);
    for (int64_t k = 0; k < P; k++)
        for (int64_t l = 0; l < 2; l++)
            memcpy(want + (2 * k + l) * C, tokens + (l * N + 1 + f->R + k) * C, (size_t)C * sizeof *want);
    is_int(row.n_tokens * x.dim, 2 * P * C, "values of the row");
    ok(memcmp(row.x, want, (size_t)(2 * P * C) * sizeof *want) == 0, "its bits are those of a pass by hand");
    free(tokens);
    free(want);
    free(row.x);
    image_release(&im);
    extract_close(&x);
}

/* Rows do not depend on what a worker did before, and mean and unit are what they say. */
static void kinds(const struct network *n)
{
    struct extract_settings s = {.kind = FEAT_CLS_MEAN, .resize = 0, .size = 0, .fit = EXTRACT_PAD};
    struct extract x, patches;
    struct extract_row a = {0}, b = {0}, c = {0};
    struct image small = {0}, large = {0};
    struct fmt_error e = {0};
    int64_t C = n->vit.config.C;
    draw(&small, 61, 47, 3, 1);
    draw(&large, 130, 90, 3, 2);
    ok(extract_open(&x, &one, &n->model, &s, 2, &e) == 0 && extract_image(&x, 0, &small, &a, &e) == 0 &&
           extract_image(&x, 1, &large, &c, &e) == 0 && extract_image(&x, 1, &small, &b, &e) == 0,
       "three pictures");
    ok(memcmp(a.x, b.x, (size_t)(2 * C) * sizeof *a.x) == 0, "the same bits behind another picture");
    s.kind = FEAT_PATCH;
    s.unit = true;
    ok(extract_open(&patches, &one, &n->model, &s, 1, &e) == 0 && extract_image(&patches, 0, &small, &b, &e) == 0,
       "patches");
    is_int(b.n_tokens, (70 / PATCH) * (56 / PATCH), "all patches of the padded picture");
    double length = 0;
    for (int64_t k = 0; k < C; k++)
        length += (double)b.x[k] * (double)b.x[k];
    ok(fabs(length - 1) < 1e-6, "of unit length");
    s.unit = false;
    extract_close(&patches);
    ok(extract_open(&patches, &one, &n->model, &s, 1, &e) == 0 && extract_image(&patches, 0, &small, &b, &e) == 0,
       "patches");
    float *mean = calloc((size_t)C, sizeof *mean);
    for (int64_t k = 0; k < C; k++) {
        double sum = 0;
        for (int64_t i = 0; i < b.n_tokens; i++)
            sum += (double)b.x[i * C + k];
        mean[k] = (float)(sum / (double)b.n_tokens);
    }
    ok(memcmp(mean, a.x + C, (size_t)C * sizeof *mean) == 0, "the mean is that of all patches");
    s.kind = FEAT_HEAD;
    struct extract none;
    ok(extract_open(&none, &one, &n->model, &s, 1, &e) == FMT_MISMATCH, "no head: %s", e.text);
    free(mean);
    free(a.x);
    free(b.x);
    free(c.x);
    image_release(&small);
    image_release(&large);
    extract_close(&x);
    extract_close(&patches);
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
    struct thread_pool *pool = thread_open(3, &e);
    ok(extract_open(&x, &one, &n->model, &s, 3, &e) == 0, "three workers %s", e.text);
    int64_t width = extract_width(&x);
    float *all = calloc((size_t)(IMAGES * width), sizeof *all), *some = calloc((size_t)(3 * width), sizeof *some);
    uint8_t failed[IMAGES];
    struct extract_shards_job job = {.n = IMAGES, .out = all, .failed = failed};
    ok(extract_shards(&x, &set, pool, &job, &e) == 0, "all images %s", e.text);
    ok(job.n_failed == 1 && failed[BAD] && strncmp(job.first.text, "k4: ", 4) == 0, "one fails: %s", job.first.text);
    const int64_t numbers[] = {6, 0, 3};
    job = (struct extract_shards_job){.image = numbers, .n = 3, .out = some, .failed = failed};
    ok(extract_shards(&x, &set, NULL, &job, &e) == 0 && job.n_failed == 0, "some images, one thread %s", e.text);
    for (int i = 0; i < 3; i++)
        ok(memcmp(some + i * width, all + numbers[i] * width, (size_t)width * sizeof *all) == 0, "row %d is the same",
           (int)numbers[i]);
    free(all);
    free(some);
    extract_close(&x);
    thread_close(pool);
    shard_set_close(&set);
}

int main(void)
{
    one.backend = test_backend();
    struct network n;
    published_sizes();
    fits();
    strips();
    layers();
    if (load(&n, "vit_reg4.pth")) {
        against_pass(&n);
        kinds(&n);
        whole_set(&n);
        unload(&n);
    }
    return tap_done();
}
