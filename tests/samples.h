/* samples.h - a small file of each of our formats, for the unit tests and for the golden examples. The contents are
 * defined here; test-format-kinds.c and test-format-bank.c compare them with what they read. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt-set.h"
#include "feat.h"
#include "index.h"
#include "linear.h"
#include "readings.h"
#include "shard.h"
#include "views.h"

enum { SAMPLE_IMAGES = 3, SAMPLE_ROWS = 5, SAMPLE_DIM = 3, SAMPLE_BATCHES = 2 };

static char *sample_classes[] = {"negative", "positive"};

static struct index_labels sample_labels(int i)
{
    static const struct index_labels label[] = {
        {"train/a/a-1.jpeg", "train", "a", "{\"site\":\"Lund\"}", 0, 1},
        {"train/a/a-2.jpeg", "train", "a", "", 0, 2},
        {"val/b/b-1.jpeg", "val", "b", "", 1, 1},
        {"x.jpeg", "", "", "", -1, -1},
        {"test/c \xff.jpeg", "test", "c", "{\"n\":3}", 1, 0},
    };
    return label[i];
}

static void sample_provenance(struct provenance *p, bool with_provenance)
{
    static const uint8_t input[DIGEST_BYTES] = {1, 2, 3};
    provenance_init(p, "sample", "1.0", with_provenance);
    provenance_text(p, "word", "a \"quoted\" one");
    provenance_int(p, "number", 42);
    provenance_real(p, "fraction", 0.1);
    provenance_flag(p, "flag", true);
    provenance_text(p, "nothing", NULL);
    provenance_input(p, "catalogue", input);
}

static inline int sample_index(const struct fmt_writer *io, bool with_provenance, struct fmt_error *e)
{
    struct index x = {0};
    struct provenance p;
    sample_provenance(&p, with_provenance);
    int status = index_set_root(&x, "photos", e);
    for (int i = 0; i < 2 && status == 0; i++)
        status = index_add_class(&x, sample_classes[i], e);
    for (int i = 0; i < SAMPLE_IMAGES && status == 0; i++) {
        struct index_labels l = sample_labels(i);
        struct index_entry t = {l, l.key, 1000 + i, 640, 480, 3, INDEX_JPEG, {0}, {(uint8_t)i}};
        status = index_add(&x, &t, e);
    }
    if (status == 0)
        status = index_write(&x, &p, io, e);
    index_release(&x);
    provenance_release(&p);
    return status;
}

/* Image 0 as JPEG bytes, 1 as RGB, 2 as grey. */
static struct shard_image sample_image(int i)
{
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xd9}, rgb[12] = {1, 2, 3, 4, 5, 6}, grey[4] = {9, 8, 7, 6};
    struct shard_image t = {sample_labels(i), SHARD_JPEG, 2, 2, 3, {0}, {(uint8_t)(i + 1)}, jpeg, sizeof jpeg};
    if (i == 1)
        t.store = SHARD_RGB, t.data = rgb, t.bytes = sizeof rgb;
    if (i == 2)
        t.store = SHARD_GREY, t.components = 1, t.data = grey, t.bytes = sizeof grey;
    return t;
}

static int sample_shard(const struct fmt_writer *io, bool with_provenance, uint32_t i_shard, uint32_t n_shards,
                        struct fmt_error *e)
{
    struct shard_writer w;
    struct shard_header h = {i_shard, n_shards, 2, 2, 4, sample_classes, 2, false, {.n = 0}};
    struct provenance p;
    sample_provenance(&p, with_provenance);
    int status = shard_recipe(512, 95, false, &h.recipe, e);
    if (status == 0)
        status = shard_create(&w, io, &h, &p, e);
    for (int i = 0; i < SAMPLE_IMAGES && status == 0; i++) {
        struct shard_image t = sample_image(i);
        status = shard_add(&w, &t, e);
    }
    if (status == 0)
        status = shard_finish(&w, e);
    else
        shard_abandon(&w);
    recipe_release(&h.recipe);
    provenance_release(&p);
    return status;
}

static struct views_header sample_views_header(void)
{
    return (struct views_header){.batch = 2, .global_size = 4, .local_size = 2, .n_local = 1, .grid_h = 2, .grid_w = 2,
                                 .pixel_norm = {{0.5f, 0.25f, 0.125f}, {0.5f, 1, 2}}, .seed = 7, .first_step = 10,
                                 .n_images = 3};
}

static void sample_batch(const struct views_header *h, int k, struct views_batch *b)
{
    b->step = h->first_step + k;
    for (int64_t i = 0; i < views_global_bytes(h); i++)
        b->global[i] = (uint8_t)(i * 7 + k);
    for (int64_t i = 0; i < views_local_bytes(h); i++)
        b->local[i] = (uint8_t)(255 - i - k);
    for (int64_t i = 0; i < views_mask_bytes(h); i++)
        b->mask[i] = (i + k) % 3 == 0;
    for (int i = 0; i < h->batch; i++) {
        b->image[i] = (k + i) % 3;
        views_batch_set_key(b, i, sample_labels((k + i) % 3).key, NULL);
    }
}

static int sample_views(const struct fmt_writer *io, bool with_provenance, struct fmt_error *e)
{
    struct views_writer w;
    struct views_batch b;
    struct views_header h = sample_views_header();
    struct provenance p;
    sample_provenance(&p, with_provenance);
    int status = views_create(&w, io, &h, &p, e);
    if (status == 0)
        status = views_batch_init(&b, &h, e);
    for (int k = 0; k < SAMPLE_BATCHES && status == 0; k++) {
        sample_batch(&h, k, &b);
        status = views_add(&w, &b, e);
    }
    views_batch_release(&b);
    if (status == 0)
        status = views_finish(&w, e);
    else
        views_abandon(&w);
    provenance_release(&p);
    return status;
}

static uint8_t sample_weights = 0xcd; /* a byte of the hash of the weights, which tests may change */

static struct feat_header sample_feat_header(void)
{
    return (struct feat_header){.kind = FEAT_CLS, .dim = SAMPLE_DIM, .n_tokens = 1, .grid_h = 16, .grid_w = 16,
                                .image_h = 224, .image_w = 224, .n_layers = 1, .layers = 1 << 11, .normalised = true,
                                .weights = {0xab, sample_weights}, .class_name = sample_classes, .n_classes = 2};
}

static int sample_recipe(struct recipe *r, struct fmt_error *e)
{
    int status = shard_recipe(512, 95, false, r, e);
    if (status == 0)
        status = recipe_add_int(r, "resize", 256, e);
    return status ? status : recipe_add(r, "fit", "crop", e);
}

static float sample_value(int row, int column)
{
    return (float)(row - 2) * 0.5f + (float)column * 0.1f;
}

static int sample_feat(const struct fmt_writer *io, bool with_provenance, int n_rows, struct fmt_error *e)
{
    struct feat_writer w;
    struct feat_header h = sample_feat_header();
    struct provenance p;
    sample_provenance(&p, with_provenance);
    int status = sample_recipe(&h.recipe, e);
    if (status == 0)
        status = feat_create(&w, io, &h, &p, e);
    for (int i = 0; i < n_rows && status == 0; i++) {
        float x[SAMPLE_DIM];
        for (int j = 0; j < SAMPLE_DIM; j++)
            x[j] = sample_value(i, j);
        const uint8_t content[DIGEST_BYTES] = {(uint8_t)(i + 1)};
        struct feat_row row = {sample_labels(i % SAMPLE_ROWS), x, i == 3 ? NULL : content};
        status = feat_add(&w, &row, e);
    }
    if (status == 0)
        status = feat_finish(&w, e);
    else
        feat_abandon(&w);
    recipe_release(&h.recipe);
    provenance_release(&p);
    return status;
}

static const struct ckpt_tensor sample_tensors[] = {
    {.name = "a", .dtype = DTYPE_F32, .n_dims = 2, .dims = {2, 3}},
    {.name = "empty", .dtype = DTYPE_F64, .n_dims = 1, .dims = {0}},
    {.name = "count", .dtype = DTYPE_I64, .n_dims = 0},
    {.name = "bytes", .dtype = DTYPE_U8, .n_dims = 1, .dims = {5}},
};
enum { SAMPLE_TENSORS = sizeof sample_tensors / sizeof *sample_tensors };
static const float sample_a[6] = {1, 2, 3, -4, 5.5f, 0};
static const int64_t sample_count = 123456789012345;
static const uint8_t sample_bytes[5] = {5, 4, 3, 2, 1};

static int sample_ckpt(const struct fmt_writer *io, bool with_provenance, struct fmt_error *e)
{
    struct ckpt_writer w;
    struct ckpt_header h = {99, 0, 1, "{\"epoch\":3}"};
    struct provenance p;
    sample_provenance(&p, with_provenance);
    int status;
    if ((status = ckpt_create(&w, io, &h, sample_tensors, SAMPLE_TENSORS, &p, e)) ||
        (status = ckpt_add(&w, sample_a, 8, e)) || (status = ckpt_add(&w, sample_a + 2, sizeof sample_a - 8, e)) ||
        (status = ckpt_add(&w, NULL, 0, e)) || (status = ckpt_add(&w, &sample_count, sizeof sample_count, e)) ||
        (status = ckpt_add(&w, sample_bytes, sizeof sample_bytes, e)))
        ckpt_abandon(&w);
    else
        status = ckpt_finish(&w, e);
    provenance_release(&p);
    return status;
}

/* ---------------------------------------------------------------- the examples of the manual pages */

/* A catalogue without images, or with one. */
static inline int small_index(const struct fmt_writer *io, const struct provenance *p, int n_images,
                              struct fmt_error *e)
{
    struct index x = {0};
    struct index_entry t = {{"a.jpeg", "", "", "", -1, -1}, "a.jpeg", 4, 1, 1, 1, INDEX_JPEG, {0}, {0xe3}};
    int status = n_images ? index_add(&x, &t, e) : 0;
    if (status == 0)
        status = index_write(&x, p, io, e);
    index_release(&x);
    return status;
}

static inline int small_shard(const struct fmt_writer *io, const struct provenance *p, struct fmt_error *e)
{
    static const uint8_t jpeg[4] = {0xff, 0xd8, 0xff, 0xd9};
    struct shard_writer w;
    struct shard_header h = {.n_shards = 1, .width_max = 1, .height_max = 1, .pixels_max = 1};
    struct shard_image t = {{"a.jpeg", "", "", "", -1, -1}, SHARD_JPEG, 1, 1, 1, {0}, {0xe3}, jpeg, sizeof jpeg};
    int status = shard_recipe(0, 0, false, &h.recipe, e);
    if (status == 0)
        status = shard_create(&w, io, &h, p, e);
    if (status == 0)
        status = shard_add(&w, &t, e);
    recipe_release(&h.recipe);
    return status ? status : shard_finish(&w, e);
}

static inline int small_views(const struct fmt_writer *io, const struct provenance *p, struct fmt_error *e)
{
    struct views_header h = {.batch = 1, .global_size = 1, .grid_h = 1, .grid_w = 1, .pixel_norm.std = {1, 1, 1},
                             .n_images = 1};
    struct views_writer w;
    struct views_batch b;
    int status = views_create(&w, io, &h, p, e);
    if (status || (status = views_batch_init(&b, &h, e)))
        return status;
    memcpy(b.global, "\x11\x12\x13\x21\x22\x23", 6);
    b.mask[1] = 1;
    status = views_batch_set_key(&b, 0, "a", e);
    if (status == 0)
        status = views_add(&w, &b, e);
    views_batch_release(&b);
    return status ? status : views_finish(&w, e);
}

static inline int small_feat(const struct fmt_writer *io, const struct provenance *p, struct fmt_error *e)
{
    static const float x[2] = {1, -0.5f};
    struct feat_header h = {.kind = FEAT_CLS, .dim = 2, .n_tokens = 1, .n_layers = 1, .layers = 1 << 11,
                            .normalised = true,
                            .image_h = 224, .image_w = 224, .grid_h = 16, .grid_w = 16, .weights = {0xab}};
    static const uint8_t content[DIGEST_BYTES] = {0xe3};
    struct feat_row row = {{"a", "", "", "", -1, -1}, x, content};
    struct feat_writer w;
    int status = recipe_add_int(&h.recipe, "size", 224, e);
    if (status == 0)
        status = feat_create(&w, io, &h, p, e);
    if (status == 0)
        status = feat_add(&w, &row, e);
    recipe_release(&h.recipe);
    return status ? status : feat_finish(&w, e);
}

static inline int small_linear(const struct fmt_writer *io, const struct provenance *p, struct fmt_error *e)
{
    double theta[2] = {1, -0.5};
    uint64_t image = 0xe3;
    struct linear m = {.features = {.kind = FEAT_CLS, .dim = 1, .n_tokens = 1, .weights = {0xab},
                                    .class_name = sample_classes, .n_classes = 2},
                       .positive = 1, .n_rows = 1, .dim = 1, .theta = theta, .C = 1,
                       .fitted = {.image = &image, .n_images = 1}};
    int status = recipe_add_int(&m.features.recipe, "size", 224, e);
    if (status == 0)
        status = linear_write(&m, p, io, e);
    recipe_release(&m.features.recipe);
    return status;
}

static inline int sample_linear(const struct fmt_writer *io, bool with_provenance, struct fmt_error *e)
{
    static char *classes[] = {"a", "b", "c"};
    static struct linear_point point[] = {{0, LINEAR_IMAGES, true, 0.9, 0.25, 0.5, 1},
                                          {2, LINEAR_GROUPS, false, 0.9, 0, 0, 0}};
    double theta[3 * (SAMPLE_DIM + 1)];
    for (int i = 0; i < 3 * (SAMPLE_DIM + 1); i++)
        theta[i] = 0.5 * i - 1;
    point[1].threshold = point[1].precision = point[1].recall = NAN;
    static uint64_t image[] = {3, 17, UINT64_MAX}, group[] = {5, 6};
    struct linear m = {.features = {.kind = FEAT_CLS, .dim = SAMPLE_DIM, .n_tokens = 1, .n_layers = 1,
                                    .normalised = true, .image_h = 224, .image_w = 224, .grid_h = 16, .grid_w = 16,
                                    .weights = {0xab}, .class_name = classes, .n_classes = 3},
                       .positive = 1, .group_mean = true, .n_rows = 3, .dim = SAMPLE_DIM, .theta = theta, .C = 10,
                       .gradient = 1e-7, .point = point, .n_points = 2, .fitted = {image, group, 3, 1},
                       .chosen = {image, group, 1, 2}};
    struct provenance p;
    provenance_init(&p, "sample", "1.0", with_provenance);
    provenance_text(&p, "C", "10");
    int status = sample_recipe(&m.features.recipe, e);
    if (status == 0)
        status = linear_write(&m, &p, io, e);
    recipe_release(&m.features.recipe);
    provenance_release(&p);
    return status;
}

static inline int small_ckpt(const struct fmt_writer *io, const struct provenance *p, struct fmt_error *e)
{
    static const struct ckpt_tensor t = {.name = "a", .dtype = DTYPE_F32, .n_dims = 1, .dims = {1}};
    static const float a = 1;
    struct ckpt_header h = {0, 0, 1, "{}"};
    struct ckpt_writer w;
    int status = ckpt_create(&w, io, &h, &t, 1, p, e);
    if (status == 0)
        status = ckpt_add(&w, &a, sizeof a, e);
    return status ? status : ckpt_finish(&w, e);
}

enum { SAMPLE_CKPT_PART = BLOCK_LAST + 1, SAMPLE_CKPT_PART_0 }; /* as kinds: ranks 1 and 0 of the sample of a set */

/* The parts of rank `rank` of two: of "a" its first two elements and the rest, the others whole in one of them. */
enum { SAMPLE_PARTS = 2 };
static inline int sample_part(const struct fmt_writer *io, int rank, bool with_provenance, struct ckpt_seal *seal,
                              struct fmt_error *e)
{
    struct ckpt_tensor t[SAMPLE_TENSORS];
    memcpy(t, sample_tensors, sizeof t);
    t[0].first = rank ? 2 : 0, t[0].count = rank ? 4 : 2;
    t[2].first = !rank, t[2].count = rank;
    t[3].first = 0, t[3].count = rank ? 0 : 5;
    struct ckpt_writer w;
    struct ckpt_header h = {99, rank, SAMPLE_PARTS, "{\"epoch\":3}"};
    struct provenance p;
    sample_provenance(&p, with_provenance);
    int status;
    if ((status = ckpt_create(&w, io, &h, t, SAMPLE_TENSORS, &p, e)) ||
        (status = ckpt_add(&w, sample_a + t[0].first, (size_t)t[0].count * 4, e)) ||
        (status = ckpt_add(&w, NULL, 0, e)) || (status = ckpt_add(&w, &sample_count, rank ? 8 : 0, e)) ||
        (status = ckpt_add(&w, sample_bytes, rank ? 0 : 5, e)))
        ckpt_abandon(&w);
    else
        status = ckpt_finish(&w, e);
    if (seal)
        *seal = w.seal;
    provenance_release(&p);
    return status;
}

/* The set of both parts. */
static inline int sample_ckpt_set(const struct fmt_writer *io, bool with_provenance, struct fmt_error *e)
{
    struct ckpt_seal seal[SAMPLE_PARTS];
    struct ckpt_set s = {.iteration = 99, .n_ranks = SAMPLE_PARTS, .seal = seal};
    struct provenance p;
    int status = 0;
    for (int r = 0; r < SAMPLE_PARTS && !status; r++) {
        struct fmt_buffer b = {0};
        struct fmt_writer to = fmt_buffer_writer(&b);
        status = sample_part(&to, r, with_provenance, &seal[r], e);
        fmt_buffer_release(&b);
    }
    sample_provenance(&p, with_provenance);
    if (!status)
        status = ckpt_set_write(&s, &p, io, e);
    provenance_release(&p);
    return status;
}

/* The state of small_ckpt with two elements, of which each rank has one. */
static inline int small_part(const struct fmt_writer *io, int rank, const struct provenance *p, struct ckpt_seal *seal,
                             struct fmt_error *e)
{
    const struct ckpt_tensor t = {.name = "a", .dtype = DTYPE_F32, .n_dims = 1, .dims = {2}, .first = rank,
                                  .count = 1};
    static const float a[2] = {1, 2};
    struct ckpt_header h = {0, rank, 2, "{}"};
    struct ckpt_writer w;
    int status = ckpt_create(&w, io, &h, &t, 1, p, e);
    if (status == 0)
        status = ckpt_add(&w, a + rank, sizeof *a, e);
    if (status == 0)
        status = ckpt_finish(&w, e);
    *seal = w.seal;
    return status;
}

static inline int small_ckpt_set(const struct fmt_writer *io, const struct provenance *p, struct fmt_error *e)
{
    struct ckpt_seal seal[2];
    struct ckpt_set s = {.iteration = 0, .n_ranks = 2, .seal = seal};
    int status = 0;
    for (int rank = 0; rank < 2 && !status; rank++) {
        struct fmt_buffer b = {0};
        struct fmt_writer to = fmt_buffer_writer(&b);
        status = small_part(&to, rank, p, &seal[rank], e);
        fmt_buffer_release(&b);
    }
    return status ? status : ckpt_set_write(&s, p, io, e);
}

/* One reading of each state, those of part 2 of 3 of a list of 12 images. */
enum { SAMPLE_READINGS = 4 };
static struct image_reading sample_reading(int i)
{
    static const struct image_reading of[SAMPLE_READINGS] = {
        {"a.jpeg", READING_GOOD, 1000, 640, 480, 3, INDEX_JPEG, {0}, 0, {0xe3, 1}, "", ""},
        {"b \xff.jpeg", READING_ODD, 1001, 480, 640, 1, INDEX_JPEG, {0}, 0, {0xe3, 2}, "odd-jpeg", "3 stray bytes"},
        {"c.jpeg", READING_BAD, 0, 0, 0, 0, INDEX_JPEG, {0}, 0, {0}, "missing", "No such file or directory"},
        {"d.jpeg", READING_NONE, 0, 0, 0, 0, INDEX_JPEG, {0}, 0, {0}, "", ""},
    };
    return of[i];
}

static inline int write_readings(const struct fmt_writer *io, const struct provenance *p, int n, struct fmt_error *e)
{
    struct readings_header h = {n == 1 ? (struct part){1, 1} : (struct part){2, 3}, n == 1 ? 1 : 12, false};
    struct readings_writer w;
    int status = readings_create(&w, io, &h, p, e);
    for (int i = 0; i < n && status == 0; i++) {
        struct image_reading r = sample_reading(i);
        status = readings_add(&w, &r, e);
    }
    if (status == 0)
        return readings_finish(&w, e);
    readings_abandon(&w);
    return status;
}

static inline int sample_readings(const struct fmt_writer *io, bool with_provenance, struct fmt_error *e)
{
    struct provenance p;
    sample_provenance(&p, with_provenance);
    int status = write_readings(io, &p, SAMPLE_READINGS, e);
    provenance_release(&p);
    return status;
}

#include "samples-judging.h" /* which uses all of these */

/* kind as for sample_write; 0: a catalogue without images, the smallest file of all. */
static inline int sample_small(int kind, const struct fmt_writer *io, struct fmt_error *e)
{
    struct provenance p;
    int status = FMT_INVALID;
    provenance_init(&p, "sample", "1.0", false);
    switch (kind) {
    case 0:
    case BLOCK_INDEX: status = small_index(io, &p, kind == BLOCK_INDEX, e); break;
    case BLOCK_SHARD: status = small_shard(io, &p, e); break;
    case BLOCK_VIEWS: status = small_views(io, &p, e); break;
    case BLOCK_FEAT: status = small_feat(io, &p, e); break;
    case BLOCK_CKPT: status = small_ckpt(io, &p, e); break;
    case BLOCK_LINEAR: status = small_linear(io, &p, e); break;
    case BLOCK_READINGS: status = write_readings(io, &p, 1, e); break;
    case BLOCK_CKPT_SET: status = small_ckpt_set(io, &p, e); break;
    case BLOCK_BANK: status = small_bank(io, &p, e); break;
    case BLOCK_INSPECTOR: status = write_inspector(io, &p, SAMPLE_MEMBERS - 1, e); break;
    case SAMPLE_CKPT_PART: status = small_part(io, 1, &p, &(struct ckpt_seal){0}, e); break;
    }
    provenance_release(&p);
    return status;
}

/* kind 1 .. 10, as enum block_kind, or one of those above. */
static inline int sample_write(int kind, const struct fmt_writer *io, bool with_provenance, struct fmt_error *e)
{
    switch (kind) {
    case BLOCK_INDEX: return sample_index(io, with_provenance, e);
    case BLOCK_SHARD: return sample_shard(io, with_provenance, 0, 1, e);
    case BLOCK_VIEWS: return sample_views(io, with_provenance, e);
    case BLOCK_FEAT: return sample_feat(io, with_provenance, SAMPLE_ROWS, e);
    case BLOCK_CKPT: return sample_ckpt(io, with_provenance, e);
    case BLOCK_LINEAR: return sample_linear(io, with_provenance, e);
    case BLOCK_READINGS: return sample_readings(io, with_provenance, e);
    case BLOCK_CKPT_SET: return sample_ckpt_set(io, with_provenance, e);
    case BLOCK_BANK: return sample_bank(io, with_provenance, e);
    case BLOCK_INSPECTOR: return sample_inspector(io, with_provenance, e);
    case SAMPLE_CKPT_PART: return sample_part(io, 1, with_provenance, NULL, e);
    case SAMPLE_CKPT_PART_0: return sample_part(io, 0, with_provenance, NULL, e);
    }
    return FMT_INVALID;
}

#endif
