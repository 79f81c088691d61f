/* block-write.c - writing a container needs no seek: sizes and hashes of the blocks are collected and written last. */
#include <string.h>
#include <zstd.h>

#include "block-internal.h"
#include "bytes.h"
#include "xxh64.h"

#define WORTH_BYTES ((size_t)512) /* smaller blocks are not worth compressing */

void block_check_of(const void *a, size_t a_bytes, const void *b, size_t b_bytes, uint8_t check[BLOCK_CHECK_BYTES])
{
    struct digest d;
    uint8_t whole[DIGEST_BYTES];
    digest_init(&d);
    digest_add(&d, a, a_bytes);
    digest_add(&d, b, b_bytes);
    digest_end(&d, whole);
    memcpy(check, whole, BLOCK_CHECK_BYTES);
}

int block_encode(const void *raw, size_t raw_bytes, uint32_t n_records, int level, struct block_frame *frame,
                 struct fmt_error *e)
{
    if (raw_bytes > BLOCK_BYTES_MAX)
        return fmt_fail(e, FMT_LIMIT, "a block of %zu bytes, %u are allowed", raw_bytes, BLOCK_BYTES_MAX);
    frame->coded.bytes = 0;
    frame->raw_bytes = (uint32_t)raw_bytes;
    frame->n_records = n_records;
    return frame_encode(raw, raw_bytes, raw_bytes < WORTH_BYTES ? BLOCK_STORED : level, &frame->coded, &frame->zstd, e);
}

uint64_t block_stored_bytes(size_t raw_bytes)
{
    return frame_stored_bytes(raw_bytes) + BLOCK_ENTRY_BYTES;
}

static int header_build(const struct block_header *h, struct fmt_buffer *to)
{
    size_t provenance_bytes = strlen(h->provenance);
    size_t frame_bytes = BLOCK_FIXED_BYTES + h->fields_bytes + provenance_bytes + BLOCK_CHECK_BYTES - BLOCK_FRAME_BYTES;
    int bad = bytes_put_u32(to, BLOCK_HEADER_MAGIC);
    bad |= bytes_put_u32(to, (uint32_t)frame_bytes);
    bad |= bytes_put(to, BLOCK_FILE_MARK, BLOCK_MARK_BYTES);
    bad |= bytes_put_u8(to, BLOCK_MAJOR);
    bad |= bytes_put_u8(to, BLOCK_MINOR);
    bad |= bytes_put_u8(to, (uint8_t)h->kind);
    bad |= bytes_put_u8(to, h->major);
    bad |= bytes_put_u8(to, h->minor);
    bad |= bytes_put_uint(to, 0, 3); /* reserved */
    bad |= bytes_put_u32(to, h->block_bytes_max);
    bad |= bytes_put_u32(to, (uint32_t)h->fields_bytes);
    bad |= bytes_put_u32(to, (uint32_t)provenance_bytes);
    bad |= bytes_put_u32(to, 0); /* reserved */
    bad |= bytes_put(to, h->identity, DIGEST_BYTES);
    bad |= bytes_put(to, h->fields, h->fields_bytes);
    bad |= bytes_put(to, h->provenance, provenance_bytes);
    uint8_t check[BLOCK_CHECK_BYTES];
    if (!bad)
        block_check_of(to->data, to->bytes, NULL, 0, check);
    return bad ? bad : bytes_put(to, check, BLOCK_CHECK_BYTES);
}

int block_create(struct block_writer *w, const struct fmt_writer *io, const struct block_header *h,
                 struct fmt_error *e)
{
    *w = (struct block_writer){.io = *io, .block_bytes_max = h->block_bytes_max};
    if (h->fields_bytes > BLOCK_FIELDS_MAX || strlen(h->provenance) > BLOCK_PROVENANCE_MAX)
        return fmt_fail(e, FMT_LIMIT, "the header is too large");
    struct fmt_buffer header = {0};
    int status = header_build(h, &header) ? fmt_no_memory(e) : fmt_write_all(io, header.data, header.bytes, e);
    if (status == 0) {
        w->bytes = header.bytes;
        memcpy(w->header_check, header.data + header.bytes - BLOCK_CHECK_BYTES, BLOCK_CHECK_BYTES);
    }
    fmt_buffer_release(&header);
    return status;
}

int block_put_entry(struct fmt_buffer *to, uint32_t coded_bytes, uint32_t raw_bytes, uint32_t n_records,
                     uint64_t hash)
{
    int bad = bytes_put_u32(to, coded_bytes);
    bad |= bytes_put_u32(to, raw_bytes);
    bad |= bytes_put_u32(to, n_records);
    bad |= bytes_put_u32(to, 0); /* reserved */
    return bad | bytes_put_u64(to, hash);
}

int block_put(struct block_writer *w, const struct block_frame *f, struct fmt_error *e)
{
    if (f->raw_bytes > w->block_bytes_max)
        return fmt_fail(e, FMT_LIMIT, "a block of %u bytes, the header allows %u", f->raw_bytes,
                        w->block_bytes_max);
    if (w->n_blocks == BLOCK_COUNT_MAX)
        return fmt_fail(e, FMT_LIMIT, "more than %lld blocks", (long long)BLOCK_COUNT_MAX);
    if (block_put_entry(&w->entries, (uint32_t)f->coded.bytes, f->raw_bytes, f->n_records,
                  xxh64(f->coded.data, f->coded.bytes)))
        return fmt_no_memory(e);
    int status = fmt_write_all(&w->io, f->coded.data, f->coded.bytes, e);
    if (status)
        return status;
    w->n_blocks++;
    w->n_records += f->n_records;
    w->bytes += f->coded.bytes;
    return 0;
}

int block_add(struct block_writer *w, const void *raw, size_t raw_bytes, uint32_t n_records, int level,
              struct fmt_error *e)
{
    int status = block_encode(raw, raw_bytes, n_records, level, &w->frame, e);
    return status ? status : block_put(w, &w->frame, e);
}

int block_build_index(const struct fmt_buffer *entries, int64_t n_records, uint64_t before,
                       const uint8_t header_check[BLOCK_CHECK_BYTES], struct fmt_buffer *to)
{
    size_t frame_bytes = entries->bytes + BLOCK_TAIL_BYTES;
    int bad = bytes_put_u32(to, BLOCK_INDEX_MAGIC);
    bad |= bytes_put_u32(to, (uint32_t)frame_bytes);
    bad |= bytes_put(to, entries->data, entries->bytes);
    bad |= bytes_put_u64(to, entries->bytes / BLOCK_ENTRY_BYTES);
    bad |= bytes_put_u64(to, (uint64_t)n_records);
    bad |= bytes_put_u64(to, before + BLOCK_FRAME_BYTES + frame_bytes);
    uint8_t check[BLOCK_CHECK_BYTES];
    if (!bad)
        block_check_of(header_check, BLOCK_CHECK_BYTES, to->data, to->bytes, check);
    bad = bad ? bad : bytes_put(to, check, BLOCK_CHECK_BYTES);
    return bad | bytes_put(to, BLOCK_END_MARK, BLOCK_MARK_BYTES);
}

int block_finish(struct block_writer *w, struct fmt_error *e)
{
    struct fmt_buffer index = {0};
    int status = block_build_index(&w->entries, w->n_records, w->bytes, w->header_check, &index)
                     ? fmt_no_memory(e)
                     : fmt_write_all(&w->io, index.data, index.bytes, e);
    if (!status) {
        w->bytes += index.bytes;
        memcpy(w->index_check, index.data + index.bytes - BLOCK_MARK_BYTES - BLOCK_CHECK_BYTES, BLOCK_CHECK_BYTES);
    }
    fmt_buffer_release(&index);
    block_abandon(w);
    return status;
}

void block_abandon(struct block_writer *w)
{
    fmt_buffer_release(&w->entries);
    block_frame_release(&w->frame);
}

void block_frame_release(struct block_frame *f)
{
    fmt_buffer_release(&f->coded);
    ZSTD_freeCCtx(f->zstd);
    f->zstd = NULL;
}
