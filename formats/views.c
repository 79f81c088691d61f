/* views.c - a batch is one record and one block, stored without compression: crops are made as fast as they are
 * consumed, and a general compressor would save a tenth of the bytes for half of the time. */
#include "views.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

/* With the limits of views.h no product below leaves int64_t: 2^16 * 2^8 * 2^24 * 3. */
int64_t views_global_bytes(const struct views_header *h)
{
    return (int64_t)VIEWS_GLOBAL * h->batch * h->global_size * h->global_size * 3;
}

int64_t views_local_bytes(const struct views_header *h)
{
    return (int64_t)h->n_local * h->batch * h->local_size * h->local_size * 3;
}

int64_t views_mask_bytes(const struct views_header *h)
{
    return (int64_t)VIEWS_GLOBAL * h->batch * views_patches(h);
}

static bool within(int32_t v, int32_t low, int32_t high)
{
    return v >= low && v <= high;
}

static int check_header(const struct views_header *h, struct fmt_error *e)
{
    bool good = within(h->batch, 1, VIEWS_BATCH_MAX) && within(h->global_size, 1, VIEWS_SIZE_MAX) &&
                within(h->n_local, 0, VIEWS_LOCAL_MAX) &&
                within(h->local_size, h->n_local ? 1 : 0, h->n_local ? VIEWS_SIZE_MAX : 0) &&
                within(h->grid_h, 1, h->global_size) && within(h->grid_w, 1, h->global_size);
    if (!good)
        return fmt_fail(e, FMT_LIMIT, "batches of %d, crops of %d and %d x %d, masks of %d x %d", h->batch,
                        h->global_size, h->n_local, h->local_size, h->grid_h, h->grid_w);
    for (int i = 0; i < 3; i++)
        if (!isfinite(h->pixel_norm.mean[i]) || !isfinite(h->pixel_norm.std[i]) || h->pixel_norm.std[i] <= 0)
            return fmt_fail(e, FMT_LIMIT, "a normalisation with impossible values");
    if (h->first_step < 0 || h->n_images < 0)
        return fmt_fail(e, FMT_LIMIT, "a negative step or number of images");
    return 0;
}

/* The largest record: with all keys at their limit. */
static int record_max(const struct views_header *h, uint32_t *bytes, struct fmt_error *e)
{
    int64_t all = 8 + views_global_bytes(h) + views_local_bytes(h) + views_mask_bytes(h) +
                  (int64_t)h->batch * (8 + 2 + VIEWS_KEY_MAX + 1);
    if (all > BLOCK_BYTES_MAX)
        return fmt_fail(e, FMT_LIMIT, "batches of %d do not fit into a views file; smaller ones do", h->batch);
    *bytes = (uint32_t)all;
    return 0;
}

/* ---------------------------------------------------------------- in memory */

int views_batch_init(struct views_batch *b, const struct views_header *h, struct fmt_error *e)
{
    *b = (struct views_batch){0};
    int status = check_header(h, e);
    if (status)
        return status;
    size_t n = (size_t)h->batch, global = (size_t)views_global_bytes(h), local = (size_t)views_local_bytes(h);
    size_t mask = (size_t)views_mask_bytes(h);
    uint8_t *p = calloc(n * (sizeof *b->image + sizeof *b->key) + global + local + mask, 1);
    if (!p)
        return fmt_no_memory(e);
    b->memory = p;
    b->image = (int64_t *)p;
    b->key = (char **)(b->image + n);
    b->global = (uint8_t *)(b->key + n);
    b->local = b->global + global;
    b->mask = b->local + local;
    return 0;
}

int views_batch_set_key(struct views_batch *b, int64_t i, const char *key, struct fmt_error *e)
{
    size_t n = strlen(key) + 1;
    if (n > VIEWS_KEY_MAX + 1)
        return fmt_fail(e, FMT_LIMIT, "a key of %zu bytes, %d are allowed", n - 1, VIEWS_KEY_MAX);
    if (i == 0)
        b->key_used = 0;
    if (n > b->key_capacity - b->key_used) {
        size_t capacity = b->key_capacity ? b->key_capacity : 4096;
        while (capacity - b->key_used < n)
            capacity *= 2;
        char *text = malloc(capacity);
        if (!text)
            return fmt_no_memory(e);
        if (b->key_used > 0)
            memcpy(text, b->key_text, b->key_used);
        for (int64_t j = 0; j < i; j++)
            b->key[j] = text + (b->key[j] - b->key_text);
        free(b->key_text);
        b->key_text = text;
        b->key_capacity = capacity;
    }
    b->key[i] = memcpy(b->key_text + b->key_used, key, n);
    b->key_used += n;
    return 0;
}

void views_batch_release(struct views_batch *b)
{
    free(b->memory);
    free(b->key_text);
    *b = (struct views_batch){0};
}

/* ---------------------------------------------------------------- writing */

int views_create(struct views_writer *w, const struct fmt_writer *io, const struct views_header *h,
                 const struct provenance *p, struct fmt_error *e)
{
    *w = (struct views_writer){.header = *h, .next_step = h->first_step};
    struct block_header block = {BLOCK_VIEWS, VIEWS_MAJOR, VIEWS_MINOR, .block_bytes_max = 0};
    int status;
    if ((status = check_header(h, e)) || (status = record_max(h, &block.block_bytes_max, e)))
        return status;
    struct fmt_buffer fields = {0};
    const int32_t size[] = {h->batch, h->global_size, h->local_size, h->n_local, h->grid_h, h->grid_w};
    int bad = 0;
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        bad |= bytes_put_u32(&fields, (uint32_t)size[i]);
    for (int i = 0; i < 3; i++)
        bad |= bytes_put_f32(&fields, h->pixel_norm.mean[i]);
    for (int i = 0; i < 3; i++)
        bad |= bytes_put_f32(&fields, h->pixel_norm.std[i]);
    bad |= bytes_put_u64(&fields, h->seed);
    bad |= bytes_put_i64(&fields, h->first_step);
    bad |= bytes_put_i64(&fields, h->n_images);
    status = bad ? fmt_no_memory(e) : provenance_begin(p, io, &block, &fields, &w->block, e);
    fmt_buffer_release(&fields);
    return status;
}

int views_add(struct views_writer *w, const struct views_batch *b, struct fmt_error *e)
{
    const struct views_header *h = &w->header;
    if (b->step != w->next_step)
        return fmt_fail(e, FMT_INVALID, "step %lld where %lld follows", (long long)b->step, (long long)w->next_step);
    w->raw.bytes = 0;
    int bad = bytes_put_i64(&w->raw, b->step);
    bad |= bytes_put(&w->raw, b->global, (size_t)views_global_bytes(h));
    bad |= bytes_put(&w->raw, b->local, (size_t)views_local_bytes(h));
    bad |= bytes_put(&w->raw, b->mask, (size_t)views_mask_bytes(h));
    for (int32_t i = 0; i < h->batch; i++)
        bad |= bytes_put_i64(&w->raw, b->image[i]);
    for (int32_t i = 0; i < h->batch; i++) {
        size_t n = strlen(b->key[i]); /* at most VIEWS_KEY_MAX: views_batch_set_key */
        bad |= bytes_put_u16(&w->raw, (uint16_t)n);
        bad |= bytes_put(&w->raw, b->key[i], n + 1);
    }
    if (bad)
        return fmt_no_memory(e);
    w->next_step++;
    return block_add(&w->block, w->raw.data, w->raw.bytes, 1, BLOCK_STORED, e);
}

int views_finish(struct views_writer *w, struct fmt_error *e)
{
    fmt_buffer_release(&w->raw);
    return block_finish(&w->block, e);
}

void views_abandon(struct views_writer *w)
{
    fmt_buffer_release(&w->raw);
    block_abandon(&w->block);
}

/* ---------------------------------------------------------------- reading */

static int take_fields(struct views *v, struct fmt_error *e)
{
    struct views_header *h = &v->header;
    struct bytes c = bytes_over(v->block.header.fields, v->block.header.fields_bytes);
    int32_t *const size[] = {&h->batch, &h->global_size, &h->local_size, &h->n_local, &h->grid_h, &h->grid_w};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        *size[i] = bytes_i32(&c);
    for (int i = 0; i < 3; i++)
        h->pixel_norm.mean[i] = bytes_f32(&c);
    for (int i = 0; i < 3; i++)
        h->pixel_norm.std[i] = bytes_f32(&c);
    h->seed = bytes_u64(&c);
    h->first_step = bytes_i64(&c);
    h->n_images = bytes_i64(&c);
    if (!bytes_ok(&c))
        return fmt_fail(e, FMT_INVALID, "the header of the views is too short");
    uint32_t unused;
    int status = check_header(h, e);
    return status ? status : record_max(h, &unused, e);
}

int views_open(struct views *v, const struct fmt_reader *io, struct fmt_error *e)
{
    *v = (struct views){0};
    int status = block_open(&v->block, io, BLOCK_VIEWS, e);
    if (status == 0 && (status = take_fields(v, e)) == 0 && v->block.seekable &&
        v->block.n_records != v->block.n_blocks)
        status = fmt_fail(e, FMT_INVALID, "a block of views does not hold exactly one batch");
    v->next_step = v->header.first_step;
    if (status)
        views_close(v);
    return status;
}

static int take_keys(struct bytes *c, struct views_batch *b, int32_t n, struct fmt_error *e)
{
    for (int32_t i = 0; i < n; i++) {
        size_t bytes = bytes_u16(c);
        const char *key = (const char *)bytes_take(c, bytes + 1);
        if (!key || memchr(key, 0, bytes + 1) != key + bytes)
            return fmt_fail(e, FMT_INVALID, "a key of step %lld is damaged", (long long)b->step);
        int status = views_batch_set_key(b, i, key, e);
        if (status)
            return status;
    }
    return 0;
}

static int check_masks(const uint8_t *mask, size_t n, struct fmt_error *e)
{
    unsigned any = 0;
    for (size_t i = 0; i < n; i++)
        any |= mask[i];
    return any > 1 ? fmt_fail(e, FMT_INVALID, "a mask contains values other than 0 and 1") : 0;
}

static int take_batch(const struct views *v, struct views_batch *b, struct fmt_error *e)
{
    const struct views_header *h = &v->header;
    struct bytes c = bytes_over(v->buffer.raw, v->buffer.raw_bytes);
    int64_t step = bytes_i64(&c);
    size_t n_global = (size_t)views_global_bytes(h), n_local = (size_t)views_local_bytes(h);
    size_t n_mask = (size_t)views_mask_bytes(h);
    const uint8_t *global = bytes_take(&c, n_global), *local = bytes_take(&c, n_local);
    const uint8_t *mask = bytes_take(&c, n_mask);
    if (!mask)
        return fmt_fail(e, FMT_INVALID, "a batch is too short");
    if (step != v->next_step)
        return fmt_fail(e, FMT_INVALID, "step %lld where %lld follows", (long long)step, (long long)v->next_step);
    int status = check_masks(mask, n_mask, e);
    if (status)
        return status;
    b->step = step;
    memcpy(b->global, global, n_global);
    memcpy(b->local, local, n_local);
    memcpy(b->mask, mask, n_mask);
    for (int32_t i = 0; i < h->batch; i++) {
        b->image[i] = bytes_i64(&c);
        if (b->image[i] < 0 || b->image[i] >= h->n_images)
            return fmt_fail(e, FMT_LIMIT, "image %lld of %lld", (long long)b->image[i], (long long)h->n_images);
    }
    status = take_keys(&c, b, h->batch, e);
    if (status == 0 && bytes_left(&c) > 0)
        status = fmt_fail(e, FMT_INVALID, "bytes follow the batch of step %lld", (long long)step);
    return status;
}

int views_next(struct views *v, struct views_batch *b, struct fmt_error *e)
{
    int status = block_next(&v->block, &v->buffer, e);
    if (status || (status = block_set_count(&v->block, &v->buffer, 1, e)) || (status = take_batch(v, b, e)))
        return status;
    v->next_step++;
    return 0;
}

int views_skip_to(struct views *v, int64_t step, struct fmt_error *e)
{
    if (step < v->header.first_step || (!v->block.seekable && step < v->next_step))
        return fmt_fail(e, FMT_MISMATCH, "the views begin with step %lld, step %lld is needed",
                        (long long)(v->block.seekable ? v->header.first_step : v->next_step), (long long)step);
    if (v->block.seekable) {
        int64_t i = step - v->header.first_step;
        if (i > v->block.n_blocks)
            return FMT_END;
        v->block.i_next = i;
        v->next_step = step;
        return 0;
    }
    while (v->next_step < step) {
        int status = block_next(&v->block, &v->buffer, e);
        if (status || (status = block_set_count(&v->block, &v->buffer, 1, e)))
            return status;
        v->next_step++;
    }
    return 0;
}

void views_close(struct views *v)
{
    block_buffer_release(&v->buffer);
    block_close(&v->block);
}
