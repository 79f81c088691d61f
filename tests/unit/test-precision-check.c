/* test-precision-check.c - a fast precision beside float32, against cosines computed one by one from rows of features.
 * What differs is the images: the second time that some of them are read, they are others. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device-memory.h"
#include "precision-check.h"
#include "rng.h"
#include "tap.h"

enum { IMAGES = 14, CHANGED = 9, BROKEN = 5, SIDES = 2, PATCH = 14 };

/* ------------------------------------------------------------------ a network and images */
struct bed {
    struct params table;
    struct vit vit;
    struct device_memory memory;
    struct params_array values;
    struct extract_model model;
};

static struct device device; /* three threads: several portions */

static void open_bed(struct bed *b)
{
    const struct vit_config config = {.C = 24, .depth = 3, .n_heads = 2, .patch = PATCH, .grid = 4, .R = 2,
                                      .ffn = VIT_MLP, .hidden = 48, .layerscale = 1, .qkv_bias = true,
                                      .proj_bias = true, .ffn_bias = true, .offset = 0.1};
    struct rng r = rng_stream(7, 0, 0, RNG_TEST);
    *b = (struct bed){0};
    if (vit_params(&b->vit, &config, &b->table, NULL))
        abort();
    float *values = calloc((size_t)b->table.count, sizeof *values);
    for (int64_t i = 0; i < b->table.count; i++)
        values[i] = (float)(0.3 * rng_normal(&r));
    device_memory_open(&b->memory, 1, (size_t)(b->table.count + 64) * sizeof *values);
    b->values = array_to_device(&b->memory, &b->table, values);
    b->model = (struct extract_model){.vit = &b->vit, .values = &b->values,
                                      .pixel_norm = {.mean = {0.5f, 0.5f, 0.5f}, .std = {0.2f, 0.2f, 0.2f}}};
    free(values);
}

static void close_bed(struct bed *b)
{
    params_release(&b->table);
    device_memory_close(&b->memory);
}

/* Images of two sizes; every CHANGED-th is a little different the second time. */
struct images {
    struct image image[IMAGES][SIDES];
    char name[IMAGES][16];
    int n_read[IMAGES];
    int64_t n_steps;
};

static void draw_images(struct images *im)
{
    *im = (struct images){.n_steps = 0};
    for (int i = 0; i < IMAGES; i++)
        for (int s = 0; s < SIDES; s++) {
            struct image *p = &im->image[i][s];
            struct rng r = rng_stream((uint64_t)i, 1, 0, RNG_TEST);
            if (image_reserve(p, 28 + i % 2 * 28, 42, 3, NULL))
                abort();
            for (size_t k = 0; k < image_bytes(p->width, p->height, 3); k++)
                p->pixels[k] = (uint8_t)(rng_u32(&r) % 200);
            if (s == 1 && i % 3 == 0)
                p->pixels[1000 + i] = (uint8_t)(p->pixels[1000 + i] + 40);
            if (s == 1 && i == CHANGED) /* the patch in row 2, column 1 */
                for (int y = 28; y < 42; y++)
                    memset(p->pixels + (y * p->width + 14) * 3, 255, 14 * 3);
            snprintf(im->name[i], sizeof im->name[i], "image-%d", i);
        }
}

static void release_images(struct images *im)
{
    for (int i = 0; i < IMAGES; i++)
        for (int s = 0; s < SIDES; s++)
            image_release(&im->image[i][s]);
}

static int read_other(void *arg, int64_t i, int slot, int worker, struct extract_image *image, struct fmt_error *e)
{
    struct images *im = arg;
    (void)slot;
    (void)worker;
    if (i == BROKEN)
        return fmt_fail(e, FMT_TRUNCATED, "cut");
    *image = (struct extract_image){&im->image[i][im->n_read[i]++ % SIDES], im->name[i], -1};
    return 0;
}

static int read_same(void *arg, int64_t i, int slot, int worker, struct extract_image *image, struct fmt_error *e)
{
    struct images *im = arg;
    (void)slot;
    (void)worker;
    (void)e;
    *image = (struct extract_image){&im->image[i][0], NULL, -1};
    return 0;
}

static void count_step(void *arg, int64_t n_done)
{
    struct images *im = arg;
    im->n_steps = n_done;
}

/* ------------------------------------------------------------------ the slow reference */
/* Rows of all images, of one kind. */
struct rows {
    struct images *im;
    int side;
    float *values[IMAGES];
    int64_t n[IMAGES];
};

static int read_side(void *arg, int64_t i, int slot, int worker, struct extract_image *image, struct fmt_error *e)
{
    const struct rows *r = arg;
    (void)slot, (void)worker, (void)e;
    *image = (struct extract_image){&r->im->image[i][r->side], NULL, -1};
    return 0;
}

static int take_row(void *arg, int64_t i, int slot, const struct extract_row *row, const struct fmt_error *failure)
{
    struct rows *r = arg;
    (void)slot, (void)failure;
    r->n[i] = row->n_tokens;
    r->values[i] = malloc((size_t)row->capacity * sizeof(float));
    memcpy(r->values[i], row->values, (size_t)row->capacity * sizeof(float));
    return 0;
}

static struct rows rows_of(const struct bed *b, struct extract_settings s, enum feat_kind kind, struct images *im,
                           int side)
{
    struct rows r = {.im = im, .side = side};
    struct extract x;
    struct extract_job job = {.arg = &r, .n = IMAGES, .read = read_side, .write = take_row};
    s.kind = kind;
    if (extract_open(&x, &device, &b->model, &s, NULL) || extract_run(&x, &job, NULL))
        abort();
    extract_close(&x);
    return r;
}

static void release_rows(struct rows r[SIDES])
{
    for (int s = 0; s < SIDES; s++)
        for (int i = 0; i < IMAGES; i++)
            free(r[s].values[i]);
}

/* The cosines of one part: all tokens of all images but the broken one. */
static void against_rows(const struct bed *b, const struct extract_settings *s, struct images *im,
                         const struct precision_check *c, enum precision_check_part part, int64_t dim)
{
    static const enum feat_kind kind[PRECISION_CHECK_PARTS] = {FEAT_CLS, FEAT_MEAN, FEAT_PATCH};
    struct rows r[SIDES] = {rows_of(b, *s, kind[part], im, 0), rows_of(b, *s, kind[part], im, 1)};
    const struct precision_check_cosine *got = &c->cosine[part];
    double sum = 0, worst = 2;
    int64_t n = 0, image = -1, token = -1;
    for (int64_t i = 0; i < IMAGES; i++)
        for (int64_t k = 0; k < r[0].n[i] && i != BROKEN; k++, n++) {
            double value = cosine(r[0].values[i] + k * dim, r[1].values[i] + k * dim, dim);
            sum += value;
            if (value < worst)
                worst = value, image = i, token = k;
        }
    ok(fabs(got->mean - sum / (double)n) < 1e-7 && fabs(got->worst - worst) < 1e-7,
       "part %d: mean %.8f, worst %.8f; one by one %.8f, %.8f", part, got->mean, got->worst, sum / (double)n, worst);
    ok(worst < 0.9999 && sum / (double)n > worst, "which is a difference");
    is_int(got->image, image, "the worst image");
    is_text(got->name, im->name[image], "its name");
    int64_t columns = image % 2 ? 4 : 2;
    if (part == PRECISION_CHECK_PATCH) {
        is_int(c->n_patches, n, "patches");
        is_int(got->row * columns + got->column, token, "the worst patch");
        ok(got->column < columns, "is in its row");
    }
    release_rows(r);
}

static void neighbours_against_rows(const struct bed *b, const struct extract_settings *s, struct images *im,
                                    const struct precision_check *c, enum precision_check_part part, int64_t dim)
{
    enum feat_kind kind = part == PRECISION_CHECK_CLS ? FEAT_CLS : FEAT_MEAN;
    struct rows r[SIDES] = {rows_of(b, *s, kind, im, 0), rows_of(b, *s, kind, im, 1)};
    double change = 0;
    int64_t n_kept = 0;
    for (int i = 0; i < IMAGES; i++) {
        double best[SIDES] = {-2, -2};
        int nearest[SIDES] = {-1, -1};
        for (int j = 0; j < IMAGES; j++) {
            double similarity[SIDES];
            for (int side = 0; side < SIDES; side++) {
                similarity[side] = cosine(r[side].values[i], r[side].values[j], dim);
                if (j != i && j != BROKEN && similarity[side] > best[side])
                    best[side] = similarity[side], nearest[side] = j;
            }
            if (i != BROKEN && j != BROKEN && j != i)
                change = worse(change, fabs(similarity[1] - similarity[0]));
        }
        n_kept += i != BROKEN && nearest[0] == nearest[1];
    }
    ok(fabs(c->neighbours[part].change - change) < 1e-6 && change > 1e-3, "part %d: similarity changes by %.7f, %.7f",
       part, c->neighbours[part].change, change);
    is_int(c->neighbours[part].n_kept, n_kept, "neighbours that are kept");
    release_rows(r);
}

/* ------------------------------------------------------------------ the tests */
static void against_slow(const struct bed *b, struct extract_settings s, int64_t n_layers)
{
    struct images im;
    struct precision_check c;
    struct fmt_error e = {0};
    draw_images(&im);
    struct precision_check_job job = {.arg = &im, .n = IMAGES, .read = read_other, .step = count_step};
    int status = precision_check_run(&c, &device, &b->model, &s, &job, &e);
    ok(status == 0, "a check of %d layers %s", (int)n_layers, e.text);
    ok(c.n_images == IMAGES - 1 && c.n_failed == 1 && im.n_steps == IMAGES, "an image that cannot be read is left out");
    for (int part = 0; part < PRECISION_CHECK_PARTS; part++)
        against_rows(b, &s, &im, &c, part, n_layers * b->vit.config.C);
    for (int part = 0; part < PRECISION_CHECK_SUMMARIES; part++)
        neighbours_against_rows(b, &s, &im, &c, part, n_layers * b->vit.config.C);
    ok(c.cosine[PRECISION_CHECK_PATCH].image == CHANGED && c.cosine[PRECISION_CHECK_PATCH].row == 2 &&
           c.cosine[PRECISION_CHECK_PATCH].column == 1,
       "the worst patch is the one that was painted over");
    release_images(&im);
}

static void equal_images(const struct bed *b)
{
    struct images im;
    struct precision_check c;
    struct extract_settings s = {.kind = FEAT_CLS, .unit_length = true};
    draw_images(&im);
    struct precision_check_job job = {.arg = &im, .n = IMAGES, .read = read_same};
    ok(precision_check_run(&c, &device, &b->model, &s, &job, NULL) == 0, "float32 with itself");
    for (int part = 0; part < PRECISION_CHECK_PARTS; part++)
        ok(fabs(c.cosine[part].worst - 1) < 1e-12 && fabs(c.cosine[part].mean - 1) < 1e-12, "part %d: 1", part);
    ok(c.neighbours[0].n_kept == IMAGES && c.neighbours[1].n_kept == IMAGES && c.neighbours[0].change == 0,
       "all neighbours are kept");
    job.n = 1;
    ok(precision_check_run(&c, &device, &b->model, &s, &job, NULL) == 0 && c.n_images == 1, "one image");
    job.n = PRECISION_CHECK_MAX + 1;
    is_int(precision_check_run(&c, &device, &b->model, &s, &job, NULL), FMT_LIMIT, "too many");
    release_images(&im);
}

/* With the processor's own bf16, and int8 where it has it. */
static void low_precision(struct bed *b, const char *name, double least)
{
    struct images im;
    struct precision_check c;
    struct fmt_error e = {0};
    struct extract_settings s = {.kind = FEAT_CLS};
    struct packed_weights packed = {.memory = {0}};
    if (precision_choose(device.backend, name, &b->model.precision, &e)) {
        skip(e.text, "%s beside float32", name);
        return;
    }
    draw_images(&im);
    struct precision_check_job job = {.arg = &im, .n = IMAGES, .read = read_same};
    ok(extract_pack_weights(&device, &b->vit, &b->values, b->model.precision, NULL, &packed, &e) == 0, "packed %s",
       e.text);
    b->model.packed = &packed.weights;
    ok(precision_check_run(&c, &device, &b->model, &s, &job, &e) == 0, "%s beside float32 %s", name, e.text);
    for (int part = 0; part < PRECISION_CHECK_PARTS; part++)
        ok(c.cosine[part].worst < 1 - 1e-9 && c.cosine[part].worst > least, "part %d: worst %.6f", part,
           c.cosine[part].worst);
    ok(c.precision == b->model.precision, "its limits are those of %s", name);
    packed_weights_release(&packed);
    b->model.packed = NULL;
    b->model.precision = PRECISION_F32;
    release_images(&im);
}

static void limits(void)
{
    static const struct {
        enum precision precision;
        double cls, patch;
        bool passed;
    } list[] = {{PRECISION_BF16, 0.9999, 0.999, true},  {PRECISION_BF16, 0.99989, 1, false},
                {PRECISION_BF16, 1, 0.9989, false},     {PRECISION_INT8, 0.998, 0.99, true},
                {PRECISION_INT8, 0.9979, 1, false},     {PRECISION_INT8, 1, 0.9899, false},
                {PRECISION_F32, 0.5, 0.5, true}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct precision_check c = {.precision = list[i].precision, .n_images = 1};
        c.cosine[PRECISION_CHECK_CLS].worst = list[i].cls;
        c.cosine[PRECISION_CHECK_MEAN].worst = 0.5;
        c.cosine[PRECISION_CHECK_PATCH].worst = list[i].patch;
        ok(precision_check_passed(&c) == list[i].passed, "%s: class token %g, patch %g",
           precision_name(list[i].precision), list[i].cls, list[i].patch);
    }
    struct precision_check none = {.precision = PRECISION_BF16};
    ok(!precision_check_passed(&none), "nothing compared, nothing passed");
}

static void texts(void)
{
    char text[PRECISION_CHECK_TEXT];
    struct precision_check c = {.precision = PRECISION_INT8, .n_images = 5, .n_patches = 80,
                                .cosine = {{.mean = 0.9995, .worst = 0.997, .name = "a.jpg"},
                                           {.mean = 0.9999, .worst = 0.9991, .name = "b.jpg"},
                                           {.mean = 0.9985, .worst = 0.9912, .row = 3, .column = 7, .name = "c.jpg"}},
                                .neighbours = {{0.0125, 4}, {0.002, 5}}};
    is_text(precision_check_cosine_text(&c, PRECISION_CHECK_CLS, text),
            "cosine of class token: mean 0.999500, worst 0.997000, below the limit of 0.998: a.jpg", "missed");
    is_text(precision_check_cosine_text(&c, PRECISION_CHECK_MEAN, text),
            "cosine of mean of patches: mean 0.999900, worst 0.999100: b.jpg", "without a limit");
    is_text(precision_check_cosine_text(&c, PRECISION_CHECK_PATCH, text),
            "cosine of patches: mean 0.998500, worst 0.991200, limit 0.99: c.jpg, row 3, column 7 of its patches",
            "kept");
    is_text(precision_check_neighbours_text(&c, PRECISION_CHECK_CLS, text),
            "similarity of images by class token: changes by 0.013 at most; 4 of 5 keep their neighbour", "neighbours");
    struct cJSON *o = cJSON_CreateObject();
    precision_check_json(&c, o);
    char *json = cJSON_PrintUnformatted(o);
    is_text(json,
            "{\"images\":5,\"failed\":0,\"patches\":80,\"passed\":false,"
            "\"cls\":{\"mean_cosine\":0.9995,\"worst_cosine\":0.997,\"limit\":0.998,\"image\":\"a.jpg\","
            "\"similarity_change\":0.0125,\"neighbours_kept\":4},"
            "\"mean\":{\"mean_cosine\":0.9999,\"worst_cosine\":0.9991,\"limit\":null,\"image\":\"b.jpg\","
            "\"similarity_change\":0.002,\"neighbours_kept\":5},"
            "\"patch\":{\"mean_cosine\":0.9985,\"worst_cosine\":0.9912,\"limit\":0.99,\"image\":\"c.jpg\","
            "\"row\":3,\"column\":7}}",
            "as JSON");
    cJSON_free(json);
    cJSON_Delete(o);
}

int main(void)
{
    struct bed b;
    device = test_device(3);
    open_bed(&b);
    against_slow(&b, (struct extract_settings){.kind = FEAT_HEAD}, 1);
    against_slow(&b, (struct extract_settings){.kind = FEAT_CLS, .layers = 1 | 4, .no_norm = true}, 2);
    equal_images(&b);
    low_precision(&b, "bf16", 0.99);
    low_precision(&b, "int8", 0.9);
    limits();
    texts();
    close_bed(&b);
    device_close(&device);
    return tap_done();
}
