/* shard.c - a block holds one image, so random access decodes nothing else. The bytes of files are stored as they are
 * (they are compressed already), pixels are compressed lightly. */
#include "shard.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define PIXEL_LEVEL 1
#define RECIPE_BITS "bits"
#define LABELS_AT ((size_t)48) /* of a record */

/* The bytes of a file are compressed already. A TIFF may not be, but it is kept as it is, too. */
static bool is_file(enum shard_store store)
{
    return store != SHARD_RGB && store != SHARD_GREY;
}

static int check_header(const struct shard_header *h, struct fmt_error *e)
{
    if (h->n_shards < 1 || h->n_shards > SHARD_SET_MAX || h->i_shard >= h->n_shards)
        return fmt_fail(e, FMT_LIMIT, "shard %u of %u", h->i_shard, h->n_shards);
    if (h->width_max > INDEX_SIDE_MAX || h->height_max > INDEX_SIDE_MAX ||
        h->pixels_max > (uint64_t)h->width_max * h->height_max)
        return fmt_fail(e, FMT_LIMIT, "largest image of %u x %u, %llu pixels", h->width_max, h->height_max,
                        (unsigned long long)h->pixels_max);
    return 0;
}

static bool is_tiff(const uint8_t *start) /* or BigTIFF, in either byte order */
{
    return memcmp(start, "II*\0", 4) == 0 || memcmp(start, "MM\0*", 4) == 0 || memcmp(start, "II+\0", 4) == 0 ||
           memcmp(start, "MM\0+", 4) == 0;
}

static int check_image(const struct shard_header *h, const struct shard_image *t, struct fmt_error *e)
{
    if (t->width < 1 || t->height < 1 || (uint32_t)t->width > h->width_max || (uint32_t)t->height > h->height_max ||
        (uint64_t)t->width * (uint64_t)t->height > h->pixels_max)
        return fmt_fail(e, FMT_LIMIT, "%s: %d x %d pixels, the shard's largest is %u x %u, %llu pixels",
                        t->labels.key, t->width, t->height, h->width_max, h->height_max,
                        (unsigned long long)h->pixels_max);
    if (t->components < 1 || t->components > 4)
        return fmt_fail(e, FMT_LIMIT, "%s: %d components", t->labels.key, t->components);
    size_t pixels = (size_t)t->width * (size_t)t->height;
    bool fits = false;
    switch (t->store) {
    case SHARD_JPEG: fits = t->bytes >= 2 && t->data[0] == 0xff && t->data[1] == 0xd8; break;
    case SHARD_PNG: fits = h->files && t->bytes >= 8 && memcmp(t->data, "\x89PNG\r\n\x1a\n", 8) == 0; break;
    case SHARD_TIFF: fits = h->files && t->bytes >= 4 && is_tiff(t->data); break;
    case SHARD_RGB: fits = t->bytes == pixels * 3 && t->components == 3; break;
    case SHARD_GREY: fits = t->bytes == pixels && t->components == 1; break;
    }
    if (!fits || (!h->files && (t->decoding.bits || t->decoding.filled)))
        return fmt_fail(e, FMT_INVALID, "%s: data does not match the image header", t->labels.key);
    return !is_file(t->store) && t->decoding.bits
               ? fmt_fail(e, FMT_INVALID, "%s: pixels with a way to decode them", t->labels.key)
               : index_decoding_check(&t->decoding, t->store == SHARD_JPEG, t->labels.key, e);
}

int shard_recipe(int64_t short_side, int64_t quality, bool as_stored, struct recipe *r, struct fmt_error *e)
{
    int status = recipe_add_int(r, "pack.short_side", short_side, e);
    if (!status)
        status = recipe_add_int(r, "pack.quality", quality, e);
    return status ? status : recipe_add_flag(r, "pack.as_stored", as_stored, e);
}

int shard_recipe_bits(int bits, struct recipe *r, struct fmt_error *e)
{
    return recipe_add_int(r, RECIPE_BITS, bits, e);
}

int shard_bits_of_recipe(const struct recipe *r)
{
    const char *text = recipe_find(r, RECIPE_BITS);
    int bits = text ? atoi(text) : 0;
    return bits >= INDEX_BITS_MIN && bits <= INDEX_BITS_MAX ? bits : 0;
}

/* ---------------------------------------------------------------- writing */

int shard_create(struct shard_writer *w, const struct fmt_writer *io, const struct shard_header *h,
                 const struct provenance *p, struct fmt_error *e)
{
    *w = (struct shard_writer){.header = *h};
    int status = check_header(h, e);
    if (status)
        return status;
    struct fmt_buffer fields = {0};
    int bad = bytes_put_u32(&fields, h->i_shard);
    bad |= bytes_put_u32(&fields, h->n_shards);
    bad |= bytes_put_u32(&fields, h->width_max);
    bad |= bytes_put_u32(&fields, h->height_max);
    bad |= bytes_put_u64(&fields, h->pixels_max);
    struct block_header block = {BLOCK_SHARD, SHARD_MAJOR, h->files ? SHARD_MINOR : 1,
                                 .block_bytes_max = BLOCK_BYTES_MAX};
    status = bad ? fmt_no_memory(e) : index_classes_put(h->class_name, h->n_classes, &fields, e);
    if (status == 0)
        status = recipe_put(&h->recipe, &fields, e);
    if (status == 0)
        status = provenance_begin(p, io, &block, &fields, &w->block, e);
    memcpy(w->identity, block.identity, DIGEST_BYTES);
    fmt_buffer_release(&fields);
    return status;
}

int shard_encode(const struct shard_header *h, const struct shard_image *t, struct fmt_buffer *raw,
                 struct block_frame *frame, struct fmt_error *e)
{
    int status = check_image(h, t, e);
    if (status)
        return status;
    raw->bytes = 0;
    int bad = bytes_put_u8(raw, (uint8_t)t->store);
    bad |= bytes_put_u8(raw, (uint8_t)t->components);
    bad |= index_decoding_put(&t->decoding, raw);
    bad |= bytes_put_u32(raw, (uint32_t)t->width);
    bad |= bytes_put_u32(raw, (uint32_t)t->height);
    bad |= bytes_put_u32(raw, (uint32_t)t->bytes); /* checked by block_encode: a block is smaller than that */
    bad |= bytes_put(raw, t->sha256, DIGEST_BYTES);
    if (bad)
        return fmt_no_memory(e);
    if ((status = index_labels_put(&t->labels, h->n_classes, raw, e)))
        return status;
    if (bytes_put(raw, t->data, t->bytes))
        return fmt_no_memory(e);
    return block_encode(raw->data, raw->bytes, 1, is_file(t->store) ? BLOCK_STORED : PIXEL_LEVEL, frame, e);
}

int shard_add(struct shard_writer *w, const struct shard_image *image, struct fmt_error *e)
{
    int status = shard_encode(&w->header, image, &w->raw, &w->block.frame, e);
    return status ? status : block_put(&w->block, &w->block.frame, e);
}

uint64_t shard_image_bytes(const struct index_labels *labels, size_t bytes)
{
    return block_stored_bytes(LABELS_AT + index_labels_bytes(labels) + bytes);
}

int shard_finish(struct shard_writer *w, struct fmt_error *e)
{
    fmt_buffer_release(&w->raw);
    return block_finish(&w->block, e);
}

void shard_abandon(struct shard_writer *w)
{
    fmt_buffer_release(&w->raw);
    block_abandon(&w->block);
}

/* ---------------------------------------------------------------- reading */

static int take_fields(struct shard *s, struct fmt_error *e)
{
    struct shard_header *h = &s->header;
    struct bytes c = bytes_over(s->block.header.fields, s->block.header.fields_bytes);
    h->i_shard = bytes_u32(&c);
    h->n_shards = bytes_u32(&c);
    h->width_max = bytes_u32(&c);
    h->height_max = bytes_u32(&c);
    h->pixels_max = bytes_u64(&c);
    if (!bytes_ok(&c))
        return fmt_fail(e, FMT_INVALID, "the shard's header is too short");
    int status = check_header(h, e);
    if (!status)
        status = index_classes_take(&c, &h->class_name, &h->n_classes, e);
    h->files = s->block.header.minor >= 2;
    return status || s->block.header.minor < 1 ? status : recipe_take(&c, &h->recipe, e);
}

int shard_open(struct shard *s, const struct fmt_reader *io, struct fmt_error *e)
{
    *s = (struct shard){0};
    int status = block_open(&s->block, io, BLOCK_SHARD, e);
    if (status == 0 && (status = take_fields(s, e)) == 0 && s->block.seekable &&
        s->block.n_records != s->block.n_blocks)
        status = fmt_fail(e, FMT_INVALID, "a block of a shard does not hold exactly one image");
    if (status)
        shard_close(s);
    return status;
}

static int take_image(const struct shard *s, const struct block_buffer *b, struct shard_image *image,
                      struct fmt_error *e)
{
    struct bytes c = bytes_over(b->raw, b->raw_bytes);
    struct shard_image t;
    uint8_t store = bytes_u8(&c);
    t.components = bytes_u8(&c);
    int status = index_decoding_take(&c, &t.decoding, e);
    t.width = bytes_i32(&c);
    t.height = bytes_i32(&c);
    t.bytes = bytes_u32(&c);
    const uint8_t *sha256 = bytes_take(&c, DIGEST_BYTES);
    if (status || (status = index_labels_take(&c, s->header.n_classes, &t.labels, e)))
        return status;
    t.data = bytes_take(&c, t.bytes);
    if (!t.data || bytes_left(&c) > 0)
        return fmt_fail(e, FMT_INVALID, "%s: %s its block", t.labels.key,
                        FMT_COUNT(t.bytes, "byte does not fill", "bytes do not fill"));
    if (store < SHARD_JPEG || store > (s->header.files ? SHARD_TIFF : SHARD_GREY))
        return fmt_fail(e, FMT_INVALID, "%s: an unknown way to store (%d)", t.labels.key, store);
    t.store = (enum shard_store)store;
    memcpy(t.sha256, sha256, DIGEST_BYTES); /* not NULL: the labels after it were read */
    if ((status = check_image(&s->header, &t, e)) == 0)
        *image = t;
    return status;
}

int shard_next(struct shard *s, struct block_buffer *b, struct shard_image *image, struct fmt_error *e)
{
    int status = block_next(&s->block, b, e);
    if (status || (status = block_set_count(&s->block, b, 1, e)))
        return status;
    return take_image(s, b, image, e);
}

int shard_read(const struct shard *s, int64_t i, struct block_buffer *b, struct shard_image *image,
               struct fmt_error *e)
{
    int status = block_read(&s->block, i, b, e);
    if (status || (status = block_check_count(&s->block, b, 1, e)))
        return status;
    return take_image(s, b, image, e);
}

const char *shard_salvage_key(const struct shard *s, int64_t i, struct block_buffer *b)
{
    if (block_salvage(&s->block, i, b, NULL))
        return NULL;
    struct bytes c = bytes_over(b->raw, b->raw_bytes);
    bytes_take(&c, LABELS_AT + 8); /* the numbers before its key */
    size_t n = bytes_u16(&c);
    const char *key = (const char *)bytes_take(&c, n + 1);
    bool good = key && n > 0 && n <= INDEX_TEXT_MAX && memchr(key, 0, n + 1) == key + n;
    return good ? key : NULL;
}

void shard_close(struct shard *s)
{
    free(s->header.class_name);
    recipe_release(&s->header.recipe);
    block_close(&s->block);
    s->header = (struct shard_header){0};
}
