/* readings.c - see readings.h. */
#include "readings.h"

#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "index.h"
#include "text.h"

#define BLOCK_TARGET ((size_t)1 << 20)
#define RECORD_MAX ((size_t)16 << 10)
#define LEVEL 3

static int64_t n_expected(const struct readings_header *h)
{
    return part_end(h->part, h->n_images) - part_first(h->part, h->n_images);
}

static int check_header(const struct readings_header *h, struct fmt_error *e)
{
    if (h->part.i < 1 || h->part.i > h->part.n || h->part.n > PART_MAX)
        return fmt_fail(e, FMT_LIMIT, "part %d of %d", h->part.i, h->part.n);
    if (h->n_images < 0 || h->n_images > INDEX_ENTRIES_MAX)
        return fmt_fail(e, FMT_LIMIT, "a list of %lld images", (long long)h->n_images);
    return 0;
}

static int check_reading(const struct image_reading *t, struct fmt_error *e)
{
    bool read = t->state == READING_GOOD || t->state == READING_ODD;
    bool found = t->state == READING_ODD || t->state == READING_BAD;
    if (t->state < READING_NONE || t->state > READING_BAD)
        return fmt_fail(e, FMT_LIMIT, "%.200s: an unknown state (%d)", t->path, (int)t->state);
    if (read ? t->width < 1 || t->height < 1 || t->width > INDEX_SIDE_MAX || t->height > INDEX_SIDE_MAX ||
                   t->components < 1 || t->components > 4 || t->bytes < 0
             : t->width || t->height || t->components || t->bytes || digest_is_set(t->sha256))
        return fmt_fail(e, FMT_LIMIT, "%.200s: %d x %d pixels of %d components, %lld bytes", t->path, t->width,
                        t->height, t->components, (long long)t->bytes);
    if ((unsigned)t->kind_of_file > INDEX_TIFF)
        return fmt_fail(e, FMT_LIMIT, "%.200s: an unknown kind of file (%d)", t->path, (int)t->kind_of_file);
    int status = index_decoding_check(&t->decoding, t->kind_of_file == INDEX_JPEG, t->path, e);
    if (status)
        return status;
    if (found != (*t->kind != 0) || (!found && *t->reason))
        return fmt_fail(e, FMT_INVALID, "%.200s: a finding that does not fit the state", t->path);
    return 0;
}

/* ---------------------------------------------------------------- writing */

int readings_create(struct readings_writer *w, const struct fmt_writer *io, const struct readings_header *h,
                    const struct provenance *p, struct fmt_error *e)
{
    struct fmt_buffer fields = {0};
    struct block_header block = {BLOCK_READINGS, READINGS_MAJOR, h->files ? READINGS_MINOR : 0,
                                 .block_bytes_max = BLOCK_TARGET + RECORD_MAX};
    *w = (struct readings_writer){.files = h->files};
    int status = check_header(h, e);
    if (status)
        return status;
    int bad = bytes_put_u32(&fields, (uint32_t)h->part.i);
    bad |= bytes_put_u32(&fields, (uint32_t)h->part.n);
    bad |= bytes_put_i64(&fields, h->n_images);
    status = bad ? fmt_no_memory(e) : provenance_begin(p, io, &block, &fields, &w->block, e);
    fmt_buffer_release(&fields);
    return status;
}

static int flush(struct readings_writer *w, struct fmt_error *e)
{
    int status = w->n_raw > 0 ? block_add(&w->block, w->raw.data, w->raw.bytes, w->n_raw, LEVEL, e) : 0;
    w->raw.bytes = w->n_raw = 0;
    return status;
}

int readings_add(struct readings_writer *w, const struct image_reading *t, struct fmt_error *e)
{
    int status = check_reading(t, e);
    if (status)
        return status;
    struct fmt_buffer *raw = &w->record;
    raw->bytes = 0;
    int bad = bytes_put_u8(raw, (uint8_t)t->state);
    bad |= bytes_put_u8(raw, (uint8_t)t->components);
    bad |= bytes_put_u16(raw, t->sample_max);
    bad |= bytes_put_u32(raw, (uint32_t)t->width);
    bad |= bytes_put_u32(raw, (uint32_t)t->height);
    bad |= bytes_put_i64(raw, t->bytes);
    bad |= bytes_put(raw, t->sha256, DIGEST_BYTES);
    status = bad ? fmt_no_memory(e) : text_put("a path", t->path, INDEX_TEXT_MAX, raw, e);
    if (!status)
        status = text_put("a kind of finding", t->kind, READINGS_KIND_MAX, raw, e);
    if (!status)
        status = text_put("a reason", t->reason, READINGS_REASON_MAX, raw, e);
    if (!status && w->files && (bytes_put_u8(raw, (uint8_t)t->kind_of_file) || index_decoding_put(&t->decoding, raw)))
        status = fmt_no_memory(e);
    if (!status && (bytes_put_u32(&w->raw, (uint32_t)raw->bytes) || bytes_put(&w->raw, raw->data, raw->bytes)))
        status = fmt_no_memory(e);
    w->n_raw++;
    return status || w->raw.bytes < BLOCK_TARGET ? status : flush(w, e);
}

int readings_finish(struct readings_writer *w, struct fmt_error *e)
{
    int status = flush(w, e);
    if (!status)
        status = block_finish(&w->block, e);
    readings_abandon(w);
    return status;
}

void readings_abandon(struct readings_writer *w)
{
    fmt_buffer_release(&w->raw);
    fmt_buffer_release(&w->record);
    block_abandon(&w->block);
}

/* ---------------------------------------------------------------- reading */

int readings_open(struct readings *r, const struct fmt_reader *io, struct fmt_error *e)
{
    *r = (struct readings){0};
    int status = block_open(&r->block, io, BLOCK_READINGS, e);
    if (status)
        return status;
    struct bytes c = bytes_over(r->block.header.fields, r->block.header.fields_bytes);
    r->header.part.i = bytes_i32(&c);
    r->header.part.n = bytes_i32(&c);
    r->header.n_images = bytes_i64(&c);
    status = bytes_ok(&c) ? check_header(&r->header, e) : fmt_fail(e, FMT_INVALID, "the header is too short");
    if (!status && r->block.seekable && r->block.n_records != n_expected(&r->header))
        status = fmt_fail(e, FMT_INVALID, "%lld records where the part has %lld", (long long)r->block.n_records,
                          (long long)n_expected(&r->header));
    if (status)
        readings_close(r);
    return status;
}

static int take(struct bytes *c, uint8_t minor, struct image_reading *t, struct fmt_error *e)
{
    *t = (struct image_reading){.state = (enum reading_state)bytes_u8(c)};
    t->components = bytes_u8(c);
    t->sample_max = bytes_u16(c);
    t->width = bytes_i32(c);
    t->height = bytes_i32(c);
    t->bytes = bytes_i64(c);
    const uint8_t *sha256 = bytes_take(c, DIGEST_BYTES);
    int status = sha256 ? text_take("a path", c, INDEX_TEXT_MAX, &t->path, e)
                        : fmt_fail(e, FMT_INVALID, "a record is too short");
    if (!status)
        status = text_take("a kind of finding", c, READINGS_KIND_MAX, &t->kind, e);
    if (!status)
        status = text_take("a reason", c, READINGS_REASON_MAX, &t->reason, e);
    if (!status && minor >= 1) {
        t->kind_of_file = (enum index_kind)bytes_u8(c);
        status = index_decoding_take(c, &t->decoding, e);
    }
    if (status)
        return status;
    memcpy(t->sha256, sha256, DIGEST_BYTES);
    if (!bytes_ok(c))
        return fmt_fail(e, FMT_INVALID, "%.200s: a record is too short", t->path);
    if ((minor < 1 && t->sample_max) || (minor <= READINGS_MINOR && bytes_left(c) > 0))
        return fmt_fail(e, FMT_INVALID, "%.200s: reserved bits are set, or bytes follow the record", t->path);
    return check_reading(t, e);
}

/* The next block with its first record not yet taken; FMT_END: the part is complete. */
static int next_block(struct readings *r, struct fmt_error *e)
{
    int status = block_next(&r->block, &r->buffer, e);
    if (status == FMT_END && r->n != n_expected(&r->header))
        return fmt_fail(e, FMT_INVALID, "%lld records where the part has %lld", (long long)r->n,
                        (long long)n_expected(&r->header));
    r->at = r->buffer.raw;
    r->n_taken = 0;
    if (!status && r->buffer.raw_bytes == 0)
        status = fmt_fail(e, FMT_INVALID, "a block without records");
    return status;
}

int readings_next(struct readings *r, struct image_reading *reading, struct fmt_error *e)
{
    int status = r->at ? 0 : next_block(r, e);
    if (status)
        return status;
    const uint8_t *end = r->buffer.raw + r->buffer.raw_bytes;
    struct bytes c = bytes_over(r->at, (size_t)(end - r->at));
    size_t n = bytes_u32(&c);
    struct bytes record = bytes_over(bytes_take(&c, n), n);
    status = bytes_ok(&c) ? take(&record, r->block.header.minor, reading, e)
                          : fmt_fail(e, FMT_INVALID, "a record ends beyond its block");
    if (status)
        return status;
    r->n++;
    r->n_taken++;
    r->at = c.at < end ? c.at : NULL;
    return r->at ? 0 : block_set_count(&r->block, &r->buffer, r->n_taken, e);
}

void readings_close(struct readings *r)
{
    block_buffer_release(&r->buffer);
    block_close(&r->block);
    *r = (struct readings){0};
}
