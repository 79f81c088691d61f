/* test-format-kinds.c - each kind of our container, its records and rules: what was written is read again, from memory,
 * at offsets and from a pipe. What all kinds have in common is in test-formats.c. */
#include <math.h>
#include <stdio.h>

#include "formatbed.h"
#include "rng.h"
#include "thread.h"

static bool same_labels(const struct index_labels *a, const struct index_labels *b)
{
    return strcmp(a->key, b->key) == 0 && strcmp(a->split, b->split) == 0 && strcmp(a->group, b->group) == 0 &&
           strcmp(a->extra, b->extra) == 0 && a->label == b->label && a->group_view == b->group_view;
}

static void test_index(void)
{
    struct fmt_buffer b = make(BLOCK_INDEX, true);
    struct fmt_memory m = {b.data, b.bytes, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    struct index x;
    struct fmt_error e = {0};
    ok(index_read(&x, &io, &e) == 0, "index: read %s", e.text);
    is_text(x.root, "photos", "index: root");
    is_int(x.n_classes, 2, "index: classes");
    is_text(x.class_name[1], "positive", "index: a class");
    is_int(x.n_entries, SAMPLE_IMAGES, "index: entries");
    bool same = true;
    for (int i = 0; i < SAMPLE_IMAGES; i++) {
        struct index_labels l = sample_labels(i);
        same = same && same_labels(&x.entry[i].labels, &l) && strcmp(x.entry[i].path, l.key) == 0 &&
               x.entry[i].bytes == 1000 + i && x.entry[i].width == 640 && x.entry[i].sha256[0] == i;
    }
    ok(same, "index: what was written is what is read");
    ok(strstr(x.provenance, "\"fraction\":0.1,") && strstr(x.provenance, "\"tool\":\"sample\""),
       "index: provenance %s", x.provenance);

    struct index_entry t = x.entry[0];
    t.labels.label = 2;
    ok(index_add(&x, &t, &e) == FMT_LIMIT, "index: a label outside the classes is refused: %s", e.text);
    t = x.entry[0];
    t.labels.extra = "[1]";
    e = (struct fmt_error){0};
    ok(index_add(&x, &t, &e) == FMT_INVALID, "index: further keys that are no object are refused: %s", e.text);
    t = x.entry[0];
    t.width = 65536;
    ok(index_add(&x, &t, NULL) == FMT_LIMIT, "index: a width beyond the limit is refused");
    is_int(x.n_entries, SAMPLE_IMAGES, "index: untouched by what was refused");
    index_release(&x);
    fmt_buffer_release(&b);
}

/* Many entries, several blocks. */
static void test_index_large(void)
{
    enum { N = 30000 };
    struct index x = {0}, y;
    struct provenance p;
    struct fmt_error e = {0};
    struct fmt_buffer b = {0};
    struct fmt_writer io = fmt_buffer_writer(&b);
    sample_provenance(&p, true);
    for (int i = 0; i < N; i++) {
        char path[64];
        snprintf(path, sizeof path, "folder-%d/photo-%d.jpeg", i / 100, i);
        struct index_entry t = {{path, "train", "g", "", -1, i}, path, i, 1, 1, 1, INDEX_JPEG, {0}, {0}};
        if (index_add(&x, &t, &e))
            ok(false, "index: %s", e.text);
    }
    ok(index_write(&x, &p, &io, &e) == 0, "index: %d entries in %zu bytes %s", N, b.bytes, e.text);
    struct pipe pipe;
    struct fmt_reader r = pipe_reader(&pipe, b.data, b.bytes, 1000);
    ok(index_read(&y, &r, &e) == 0 && y.n_entries == N, "index: and back from a pipe %s", e.text);
    is_text(y.entry[N - 1].path, x.entry[N - 1].path, "index: the last path");
    index_release(&x);
    index_release(&y);
    provenance_release(&p);
    fmt_buffer_release(&b);
}

static bool same_image(const struct shard_image *a, const struct shard_image *b)
{
    return same_labels(&a->labels, &b->labels) && a->store == b->store && a->width == b->width &&
           a->height == b->height && a->components == b->components && a->bytes == b->bytes &&
           memcmp(a->data, b->data, a->bytes) == 0 && a->sha256[0] == b->sha256[0];
}

struct reading {
    const struct shard *shard;
    struct block_buffer buffer[8];
    int bad[8];
};

static void read_some(void *arg, int64_t item, int worker)
{
    struct reading *r = arg;
    int i = (int)(item * 7 % SAMPLE_IMAGES);
    struct shard_image image, want = sample_image(i);
    if (shard_read(r->shard, i, &r->buffer[worker], &image, NULL) || !same_image(&image, &want))
        r->bad[worker]++;
}

/* Each byte of an image's block is changed in turn: the block is refused, and its key found if that is unchanged. */
static void test_salvage(struct shard *s, uint8_t *file)
{
    struct block_buffer b = {0};
    struct shard_image image, want = sample_image(0);
    const struct block_entry *t = &s->block.entry[0];
    int refused = 0, told = 0;
    for (uint64_t at = t->offset; at < t->offset + t->coded_bytes; at++) {
        file[at] ^= 0x20;
        refused += shard_read(s, 0, &b, &image, NULL) != 0;
        const char *key = shard_salvage_key(s, 0, &b);
        told += key && strcmp(key, want.labels.key) == 0;
        file[at] ^= 0x20;
    }
    is_int(refused, t->coded_bytes, "shard: any change of an image is refused");
    size_t key_bytes = strlen(want.labels.key) + 3, head_bytes = 12; /* of zstd: a frame, a block */
    ok(told >= (int)(t->coded_bytes - key_bytes - head_bytes), "shard: and its key is printed (%d of %u)", told,
       t->coded_bytes);
    ok(!shard_salvage_key(s, SAMPLE_IMAGES, &b), "shard: no key beyond the last image");
    block_buffer_release(&b);
}

static void test_shard(void)
{
    struct fmt_buffer b = make(BLOCK_SHARD, true);
    struct fmt_memory m = {b.data, b.bytes, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    struct shard s;
    struct fmt_error e = {0};
    ok(shard_open(&s, &io, &e) == 0, "shard: open %s", e.text);
    is_int(s.header.n_shards, 1, "shard: shards in the set");
    is_int((int64_t)s.header.pixels_max, 4, "shard: largest image");
    struct thread_pool *pool = thread_open(8, &e);
    struct reading r = {.shard = &s};
    thread_for(pool, 4000, read_some, &r);
    int bad = 0;
    for (int i = 0; i < 8; i++) {
        bad += r.bad[i];
        block_buffer_release(&r.buffer[i]);
    }
    is_int(bad, 0, "shard: eight threads read at once");
    thread_close(pool);
    struct block_buffer buffer = {0};
    struct shard_image image;
    ok(shard_read(&s, SAMPLE_IMAGES, &buffer, &image, NULL) && shard_read(&s, -1, &buffer, &image, NULL),
       "shard: no image beyond the last");
    block_buffer_release(&buffer);
    test_salvage(&s, b.data);
    shard_close(&s);

    struct shard_writer w;
    struct shard_header h = {0, 1, 2, 2, 4, sample_classes, 2, false, {.n = 0}};
    struct provenance p;
    struct fmt_buffer out = {0};
    struct fmt_writer to = fmt_buffer_writer(&out);
    sample_provenance(&p, true);
    ok(shard_create(&w, &to, &h, &p, &e) == 0, "shard: create");
    static uint8_t jpeg[300000] = {0xff, 0xd8};
    for (size_t n = 2; n <= sizeof jpeg; n = n < 3 ? 300 : n * 1000 - 1000) {
        image = sample_image(0);
        image.data = jpeg, image.bytes = n > sizeof jpeg ? sizeof jpeg : n;
        uint64_t before = w.block.bytes + w.block.entries.bytes;
        ok(shard_add(&w, &image, &e) == 0, "shard: %zu bytes %s", image.bytes, e.text);
        is_int((int64_t)(w.block.bytes + w.block.entries.bytes - before),
               (int64_t)shard_image_bytes(&image.labels, image.bytes), "shard: they take what is told before");
    }
    image = sample_image(1);
    image.bytes--;
    is_int(shard_add(&w, &image, NULL), FMT_INVALID, "shard: pixels that do not fill the image are refused");
    image = sample_image(0);
    image.width = 3;
    is_int(shard_add(&w, &image, NULL), FMT_LIMIT, "shard: an image larger than the largest is refused");
    image = sample_image(0);
    image.data = (const uint8_t *)"PNG!";
    is_int(shard_add(&w, &image, NULL), FMT_INVALID, "shard: what is not JPEG is refused");
    shard_abandon(&w);
    provenance_release(&p);
    fmt_buffer_release(&out);
    fmt_buffer_release(&b);
}

static bool same_batch(const struct views_header *h, const struct views_batch *a, const struct views_batch *b)
{
    bool same = a->step == b->step && memcmp(a->global, b->global, (size_t)views_global_bytes(h)) == 0 &&
                memcmp(a->local, b->local, (size_t)views_local_bytes(h)) == 0 &&
                memcmp(a->mask, b->mask, (size_t)views_mask_bytes(h)) == 0;
    for (int i = 0; i < h->batch && same; i++)
        same = a->image[i] == b->image[i] && strcmp(a->key[i], b->key[i]) == 0;
    return same;
}

static void test_views(void)
{
    struct fmt_buffer b = make(BLOCK_VIEWS, true);
    struct views_header h = sample_views_header();
    struct views_batch got, want;
    struct fmt_error e = {0};
    for (int piped = 0; piped < 2; piped++) {
        struct fmt_memory m = {b.data, b.bytes, 0};
        struct pipe pipe;
        struct fmt_reader io = piped ? pipe_reader(&pipe, b.data, b.bytes, 11) : fmt_memory_reader(&m);
        struct views v;
        const char *from = piped ? "from a pipe" : "by seeking";
        ok(views_open(&v, &io, &e) == 0, "views: open %s %s", from, e.text);
        ok(v.header.seed == 7 && v.header.pixel_norm.mean[1] == 0.25f && v.header.n_local == 1,
           "views: header %s", from);
        views_batch_init(&got, &v.header, &e);
        views_batch_init(&want, &h, &e);
        is_int(views_skip_to(&v, 9, NULL), FMT_MISMATCH, "views: a step before the first, %s", from);
        ok(views_skip_to(&v, 11, &e) == 0, "views: skip %s %s", from, e.text);
        sample_batch(&h, 1, &want);
        ok(views_next(&v, &got, &e) == 0 && same_batch(&h, &got, &want), "views: the second batch %s %s", from, e.text);
        is_int(views_next(&v, &got, &e), FMT_END, "views: then the end, %s", from);
        is_int(views_skip_to(&v, 99, &e), FMT_END, "views: no such step, %s", from);
        views_batch_release(&got);
        views_batch_release(&want);
        views_close(&v);
    }
    fmt_buffer_release(&b);
}

static void test_feat(void)
{
    enum { N = 100000 }; /* several blocks */
    struct fmt_buffer b = {0};
    struct fmt_writer to = fmt_buffer_writer(&b);
    struct fmt_error e = {0};
    ok(sample_feat(&to, true, N, &e) == 0, "feat: write %s", e.text);
    struct fmt_memory m = {b.data, b.bytes, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    struct feat f;
    struct feat_block block = {0};
    ok(feat_open(&f, &io, &e) == 0, "feat: open %s", e.text);
    is_int(f.block.n_records, N, "feat: rows");
    ok(f.block.n_blocks > 3, "feat: %lld blocks", (long long)f.block.n_blocks);
    int64_t row = 77777, i_block = block_of_record(&f.block, row);
    ok(feat_read_block(&f, i_block, &block, &e) == 0 && block.first_row <= row &&
           row < block.first_row + block.n_rows, "feat: the block of a row %s", e.text);
    struct feat_row r = feat_block_row(&f, &block, (int32_t)(row - block.first_row));
    struct index_labels l = sample_labels((int)(row % SAMPLE_ROWS));
    ok(r.x[2] == sample_value((int)row, 2) && same_labels(&r.labels, &l), "feat: the row");
    is_int(block_of_record(&f.block, N), -1, "feat: no block of a row beyond the last");
    feat_block_release(&block);
    feat_close(&f);

    struct pipe pipe;
    struct feat_table t;
    io = pipe_reader(&pipe, b.data, b.bytes, 100000);
    ok(feat_load(&t, &io, &e) == 0 && t.n_rows == N && t.width == SAMPLE_DIM, "feat: load from a pipe %s", e.text);
    int bad = 0;
    for (int i = 0; i < N; i++) {
        l = sample_labels(i % SAMPLE_ROWS);
        bad += t.x[i * SAMPLE_DIM + 1] != sample_value(i, 1) || !same_labels(&t.labels[i], &l);
    }
    is_int(bad, 0, "feat: what was written is what is read");
    is_text(t.header.class_name[0], "negative", "feat: classes");
    feat_table_release(&t);
    fmt_buffer_release(&b);
}

static void test_feat_rules(void)
{
    struct feat_header a = sample_feat_header(), b = a;
    struct fmt_error e = {0};
    ok(feat_compatible(&a, &b, false, &e) == 0, "feat: compatible with itself");
    b.weights[0] ^= 1;
    is_int(feat_compatible(&a, &b, false, &e), FMT_MISMATCH, "feat: not with other weights: %s", e.text);
    ok(strstr(e.text, "different weights") != NULL, "... and the reason is given");
    b = a;
    b.normalised = false;
    is_int(feat_compatible(&a, &b, false, NULL), FMT_MISMATCH, "feat: not with others' norm");
    b = a;
    b.n_classes = 1;
    is_int(feat_compatible(&a, &b, false, NULL), FMT_MISMATCH, "feat: not with other classes");
    b = a;
    b.image_h = 518;
    is_int(feat_compatible(&a, &b, false, NULL), FMT_MISMATCH, "feat: not with other image sizes");

    struct fmt_buffer out = {0};
    struct fmt_writer to = fmt_buffer_writer(&out);
    struct provenance p;
    struct feat_writer w;
    sample_provenance(&p, true);
    b = a;
    b.n_tokens = 2;
    is_int(feat_create(&w, &to, &b, &p, NULL), FMT_INVALID, "feat: two class tokens are refused");
    ok(feat_create(&w, &to, &a, &p, NULL) == 0, "feat: create");
    float x[SAMPLE_DIM] = {1, 0.0f / 0.0f, 3};
    struct feat_row row = {sample_labels(0), x, NULL};
    e = (struct fmt_error){0};
    is_int(feat_add(&w, &row, &e), FMT_NONFINITE, "feat: %s", e.text);
    feat_abandon(&w);
    provenance_release(&p);
    fmt_buffer_release(&out);
}

static void test_ckpt(void)
{
    struct fmt_buffer b = make(BLOCK_CKPT, true);
    for (int piped = 0; piped < 2; piped++) {
        struct fmt_memory m = {b.data, b.bytes, 0};
        struct pipe pipe;
        struct fmt_reader io = piped ? pipe_reader(&pipe, b.data, b.bytes, 5) : fmt_memory_reader(&m);
        struct ckpt c;
        struct block_buffer buffer = {0};
        struct fmt_error e = {0};
        float a[6];
        int64_t count;
        uint8_t bytes[5];
        const char *from = piped ? "from a pipe" : "by seeking";
        ok(ckpt_open(&c, &io, &e) == 0, "ckpt: open %s %s", from, e.text);
        is_text(c.header.state, "{\"epoch\":3}", "ckpt: state");
        is_int(c.header.iteration, 99, "ckpt: iteration");
        is_int(ckpt_find(&c, "count"), 2, "ckpt: find");
        is_int(ckpt_find(&c, "cou"), -1, "ckpt: not found");
        is_int(ckpt_read(&c, 3, bytes, 5, &buffer, NULL), piped ? FMT_UNSUPPORTED : 0, "ckpt: out of order %s", from);
        is_int(ckpt_read(&c, 0, a, 20, &buffer, NULL), FMT_MISMATCH, "ckpt: another size is refused");
        ok(ckpt_read(&c, 0, a, sizeof a, &buffer, &e) == 0 && memcmp(a, sample_a, sizeof a) == 0, "ckpt: a tensor %s",
           e.text);
        ok(ckpt_read(&c, 1, NULL, 0, &buffer, &e) == 0, "ckpt: an empty one %s", e.text);
        ok(ckpt_read(&c, 2, &count, 8, &buffer, &e) == 0 && count == sample_count, "ckpt: a scalar %s", e.text);
        ok(ckpt_read(&c, 3, bytes, 5, &buffer, &e) == 0 && memcmp(bytes, sample_bytes, 5) == 0, "ckpt: bytes %s",
           e.text);
        ok(ckpt_check_end(&c, &buffer, &e) == 0, "ckpt: the end %s", e.text);
        block_buffer_release(&buffer);
        ckpt_close(&c);
    }
    fmt_buffer_release(&b);
}

struct copied { /* what ckpt_read_pieces gives, in order */
    float *to;
    int64_t n, stop; /* elements copied so far; from here on it fails */
};

static int copy_piece(void *arg, int64_t at, const void *data, int64_t k, struct fmt_error *e)
{
    struct copied *c = arg;
    if (at != c->n || at >= c->stop)
        return fmt_fail(e, FMT_STOPPED, "element %lld", (long long)at);
    memcpy(c->to + at, data, (size_t)k * sizeof *c->to);
    c->n += k;
    return 0;
}

/* Tensors of several pieces, given in parts of odd sizes. */
static void test_ckpt_large(void)
{
    size_t n = 3 * CKPT_PIECE_BYTES / 4 + 12345;
    float *x = malloc(n * 4), *y = malloc(n * 4);
    struct rng r = rng_stream(1, 2, 3, RNG_TEST);
    for (size_t i = 0; i < n; i++)
        x[i] = rng_f32(&r);
    struct ckpt_tensor t[2] = {{.name = "x", .dtype = DTYPE_F32, .n_dims = 1, .dims = {(int64_t)n}},
                               {.name = "y", .dtype = DTYPE_F32, .n_dims = 1, .dims = {(int64_t)n}}};
    struct ckpt_header h = {0, 0, 1, "{}"};
    struct provenance p;
    struct fmt_buffer b = {0}, parts = {0};
    struct fmt_writer io = fmt_buffer_writer(&b), io_parts = fmt_buffer_writer(&parts);
    struct ckpt_writer w;
    struct fmt_error e = {0};
    sample_provenance(&p, false);
    ok(ckpt_create(&w, &io, &h, t, 2, &p, &e) == 0 && ckpt_add(&w, x, n * 4, &e) == 0 &&
           ckpt_add(&w, x, n * 4, &e) == 0 && ckpt_finish(&w, &e) == 0, "ckpt: two large tensors %s", e.text);
    int bad = ckpt_create(&w, &io_parts, &h, t, 2, &p, &e);
    for (int k = 0; k < 2 && !bad; k++)
        for (size_t at = 0; at < n * 4 && !bad; at += 1000003)
            bad = ckpt_add(&w, (char *)x + at, n * 4 - at < 1000003 ? n * 4 - at : 1000003, &e);
    ok(!bad && ckpt_finish(&w, &e) == 0 && parts.bytes == b.bytes && memcmp(parts.data, b.data, b.bytes) == 0,
       "ckpt: the same bytes when given in parts %s", e.text);
    struct fmt_memory m = {b.data, b.bytes, 0};
    struct fmt_reader in = fmt_memory_reader(&m);
    struct ckpt c;
    struct block_buffer buffer = {0};
    ok(ckpt_open(&c, &in, &e) == 0 && ckpt_read(&c, 1, y, (int64_t)n * 4, &buffer, &e) == 0 &&
           memcmp(x, y, n * 4) == 0, "ckpt: and back %s", e.text);
    memset(y, 0, n * 4);
    struct copied whole = {y, 0, INT64_MAX}, part = {y, 0, (int64_t)CKPT_PIECE_BYTES / 4};
    ok(ckpt_read_pieces(&c, 0, 0, (int64_t)n, copy_piece, &whole, &buffer, &e) == 0 && whole.n == (int64_t)n &&
           memcmp(x, y, n * 4) == 0, "ckpt: in pieces %s", e.text);
    ok(ckpt_read_pieces(&c, 0, 0, (int64_t)n, copy_piece, &part, &buffer, &e) == FMT_STOPPED && part.n == part.stop,
       "ckpt: until the caller stops: %s", e.text);
    e = (struct fmt_error){0};
    ckpt_close(&c);
    ok(ckpt_create(&w, &io_parts, &h, t, 2, &p, NULL) == 0 && ckpt_add(&w, x, 100, NULL) == 0 &&
           ckpt_finish(&w, &e) == FMT_INVALID, "ckpt: a tensor that is not complete is refused: %s", e.text);
    block_buffer_release(&buffer);
    provenance_release(&p);
    fmt_buffer_release(&b);
    fmt_buffer_release(&parts);
    free(x);
    free(y);
}

static void test_readings(void)
{
    struct fmt_buffer b = make(BLOCK_READINGS, true);
    for (int piped = 0; piped < 2; piped++) {
        struct fmt_memory m = {b.data, b.bytes, 0};
        struct pipe pipe;
        struct fmt_reader io = piped ? pipe_reader(&pipe, b.data, b.bytes, 5) : fmt_memory_reader(&m);
        struct readings r;
        struct image_reading t;
        struct fmt_error e = {0};
        ok(readings_open(&r, &io, &e) == 0, "readings: open %s", e.text);
        ok(r.header.part.i == 2 && r.header.part.n == 3 && r.header.n_images == 12, "readings: which part of what");
        bool same = true;
        int n = 0;
        for (; readings_next(&r, &t, &e) == 0; n++) {
            struct image_reading want = sample_reading(n);
            same = same && strcmp(t.path, want.path) == 0 && strcmp(t.kind, want.kind) == 0 &&
                   strcmp(t.reason, want.reason) == 0 && t.state == want.state && t.bytes == want.bytes &&
                   t.width == want.width && t.height == want.height && t.components == want.components &&
                   memcmp(t.sha256, want.sha256, DIGEST_BYTES) == 0;
        }
        ok(same && n == SAMPLE_READINGS && e.status == 0, "readings: what was written is what is read %s", e.text);
        readings_close(&r);
    }
    fmt_buffer_release(&b);
}

/* Writes n readings as part 1 of 2 of n_images, and reads them; returns the status. */
static int read_part(int n, int64_t n_images, bool piped, struct fmt_error *e)
{
    struct readings_header h = {{1, 2}, n_images, false};
    struct readings_writer w;
    struct readings r;
    struct image_reading t = {"", READING_GOOD, 7, 3, 4, 1, INDEX_JPEG, {0}, 0, {1}, "", ""};
    struct provenance p;
    struct fmt_buffer b = {0};
    struct fmt_writer to = fmt_buffer_writer(&b);
    char path[600];
    memset(path, 'x', sizeof path);
    sample_provenance(&p, true);
    int status = readings_create(&w, &to, &h, &p, NULL);
    for (int i = 0; i < n && !status; i++) {
        snprintf(path + 500, 100, "%d", i);
        t.path = path;
        status = readings_add(&w, &t, NULL);
    }
    if (!status)
        status = readings_finish(&w, NULL);
    provenance_release(&p);
    if (!ok(status == 0, "readings: %d are written", n))
        return status;
    struct fmt_memory m = {b.data, b.bytes, 0};
    struct pipe pipe;
    struct fmt_reader io = piped ? pipe_reader(&pipe, b.data, b.bytes, 1000) : fmt_memory_reader(&m);
    status = readings_open(&r, &io, e);
    for (int i = 0; !status && (status = readings_next(&r, &t, e)) == 0; i++)
        status = atoi(t.path + 500) == i ? 0 : fmt_fail(e, FMT_MISMATCH, "%s is not %d", t.path, i);
    readings_close(&r);
    fmt_buffer_release(&b);
    return status;
}

static void test_readings_rules(void)
{
    for (int piped = 0; piped < 2; piped++) {
        struct fmt_error e = {0};
        is_int(read_part(0, 1, piped, &e), FMT_END, "readings: an empty part %s", e.text);
        is_int(read_part(5000, 10000, piped, &e), FMT_END, "readings: several blocks %s", e.text);
        is_int(read_part(5001, 10000, piped, &e), FMT_INVALID, "readings: one too many: %s", e.text);
        is_int(read_part(4999, 10000, piped, NULL), FMT_INVALID, "readings: one too few");
    }
    static const struct image_reading wrong[] = {
        {"a", READING_GOOD, 1, 0, 4, 1, INDEX_JPEG, {0}, 0, {1}, "", ""},
        {"a", READING_GOOD, 1, 4, 65536, 1, INDEX_JPEG, {0}, 0, {1}, "", ""},
        {"a", READING_GOOD, 1, 4, 4, 5, INDEX_JPEG, {0}, 0, {1}, "", ""},
        {"a", READING_ODD, -1, 4, 4, 1, INDEX_JPEG, {0}, 0, {1}, "odd-jpeg", "x"},
        {"a", READING_ODD, 1, 4, 4, 1, INDEX_JPEG, {0}, 0, {1}, "", ""},
        {"a", READING_GOOD, 1, 4, 4, 1, INDEX_JPEG, {0}, 0, {1}, "odd-jpeg", ""},
        {"a", READING_BAD, 1, 0, 0, 0, INDEX_JPEG, {0}, 0, {0}, "missing", "x"},
        {"a", READING_BAD, 0, 0, 0, 0, INDEX_JPEG, {0}, 0, {1}, "missing", "x"},
        {"a", READING_BAD, 0, 0, 0, 0, INDEX_JPEG, {0}, 0, {0}, "", "x"},
        {"a", READING_NONE, 0, 0, 0, 0, INDEX_JPEG, {0}, 0, {0}, "", "x"},
        {"a", (enum reading_state)4, 0, 0, 0, 0, INDEX_JPEG, {0}, 0, {0}, "", ""},
        {"a", READING_GOOD, 1, 4, 4, 1, (enum index_kind)3, {0}, 0, {1}, "", ""},
        {"a", READING_GOOD, 1, 4, 4, 1, INDEX_PNG, {8, false, 0}, 0, {1}, "", ""},
        {"a", READING_GOOD, 1, 4, 4, 1, INDEX_PNG, {0, true, 0}, 0, {1}, "", ""},
    };
    struct readings_writer w = {.n_raw = 0};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fmt_error e = {0};
        ok(readings_add(&w, &wrong[i], &e) != 0 && w.raw.bytes == 0, "readings: refused: %s", e.text);
    }
    readings_abandon(&w);
}

int main(void)
{
    test_index();
    test_index_large();
    test_shard();
    test_views();
    test_feat();
    test_feat_rules();
    test_ckpt();
    test_ckpt_large();
    test_readings();
    test_readings_rules();
    return tap_done();
}
