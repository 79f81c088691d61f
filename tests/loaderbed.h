/* loaderbed.h - for tests of the batch loader: small shards of drawn images, some of which cannot be decoded, and
 * settings of small crops. */
#ifndef LOADERBED_H
#define LOADERBED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "file.h"
#include "jpeg.h"
#include "provenance.h"
#include "rng.h"
#include "shard.h"
#include "tap.h"

enum { N_IMAGES = 11, BAD = 4, STEPS = 7 };

static inline void need(int status, const struct fmt_error *e)
{
    if (status) {
        fprintf(stderr, "%s\n", e->text);
        exit(1);
    }
}

static inline const char *in_scratch(const char *name)
{
    static char text[4][300];
    static int i;
    i = (i + 1) % 4;
    snprintf(text[i], sizeof text[i], "%s/%s", tap_scratch(), name);
    return text[i];
}

/* ------------------------------------------------------------ shards */

static inline struct image drawn(int i)
{
    struct image im = {0};
    struct fmt_error e = {0};
    struct rng r = rng_stream(3, (uint64_t)i, 0, RNG_TEST);
    need(image_reserve(&im, 40 + 7 * i, 60 - 3 * i, i % 3 == 1 ? 1 : 3, &e), &e);
    for (size_t k = 0; k < image_bytes(im.width, im.height, im.components); k++)
        im.pixels[k] = (uint8_t)(k * 3 / (size_t)im.width + rng_below(&r, 60));
    return im;
}

/* Image i as JPEG or as pixels. Of images BAD .. BAD + n_bad - 1 half of the bytes are missing, which bbu-pack would
 * refuse. */
static inline void add_image(struct shard_writer *w, int i, int n_bad)
{
    struct fmt_error e = {0};
    struct image im = drawn(i);
    struct jpeg_encoding encoding = {.quality = 90, .orientation = i == 6 ? 6 : 1};
    struct fmt_buffer jpeg = {0};
    char key[32];
    snprintf(key, sizeof key, "photo-%02d", i);
    need(jpeg_encode(&im, &encoding, &jpeg, &e), &e);
    struct shard_image record = {.labels = {key, "train", "", "", -1, -1}, .width = im.width, .height = im.height,
                                 .components = im.components, .store = SHARD_JPEG, .data = jpeg.data,
                                 .bytes = jpeg.bytes};
    if (i >= BAD && i < BAD + n_bad)
        record.bytes /= 2;
    if (i % 4 == 3) {
        record.store = im.components == 1 ? SHARD_GREY : SHARD_RGB;
        record.data = im.pixels;
        record.bytes = image_bytes(im.width, im.height, im.components);
    }
    need(shard_add(w, &record, &e), &e);
    fmt_buffer_release(&jpeg);
    image_release(&im);
}

static inline const char *make_shards(const char *name, int n_bad, int first, int n)
{
    static char folder[300];
    struct fmt_error e = {0};
    snprintf(folder, sizeof folder, "%s", in_scratch(name));
    need(file_make_dirs(folder, &e), &e);
    for (uint32_t k = 0; k < 2; k++) {
        char path[400];
        snprintf(path, sizeof path, "%s/shard-%05u-of-00002.shard", folder, k);
        struct file_out f;
        need(file_create(&f, path, &e), &e);
        struct fmt_writer io = file_writer(&f);
        struct shard_header h = {k, 2, 128, 128, 128 * 64, NULL, 0, false, {.n = 0}};
        struct provenance p;
        provenance_init(&p, "test", "1", true);
        provenance_text(&p, "set", name);
        struct shard_writer w;
        need(shard_create(&w, &io, &h, &p, &e), &e);
        for (int i = first; i < first + n; i++)
            if ((i < first + n / 2) == (k == 0))
                add_image(&w, i, n_bad);
        need(shard_finish(&w, &e), &e);
        need(file_commit(&f, &e), &e);
        provenance_release(&p);
    }
    return folder;
}

static inline void small_config(struct config *c)
{
    struct fmt_error e = {0};
    const char *words[] = {"train.batch_size_per_gpu=4",  "crops.global_crops_size=32",   "crops.local_crops_size=16",
                           "crops.local_crops_number=3",  "student.patch_size=8",         "train.seed=5",
                           "augment.vertical_flip=0.3",   "augment.rotate90=0.5",        "train.max_replaced=1"};
    config_init(c);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        need(config_set(c, words[i], &e), &e);
    need(config_finish(c, 0, 1, &e), &e);
}

#endif
