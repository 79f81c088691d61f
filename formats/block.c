/* block.c - reading a container. A reader that can seek reads header, tail and index first and trusts nothing that does
 * not add up to the file's size. A reader of a pipe rebuilds the index from the blocks and expects exactly its bytes at
 * the end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "block-internal.h"
#include "bytes.h"
#include "xxh64.h"

const char *block_kind_name(enum block_kind kind)
{
    static const char *const name[] = {"file",       "catalogue",  "shard",    "views",         "features",
                                       "checkpoint", "classifier", "readings", "checkpoint set", "bank",
                                       "inspector"};
    return kind <= BLOCK_LAST ? name[kind] : "file of an unknown kind";
}

enum block_kind block_kind_of(const uint8_t *first, size_t n)
{
    struct bytes c = bytes_over(first, n);
    uint32_t magic = bytes_u32(&c);
    bytes_u32(&c); /* size of the frame */
    const uint8_t *mark = bytes_take(&c, BLOCK_MARK_BYTES);
    bytes_u16(&c); /* version of the container */
    unsigned kind = bytes_u8(&c);
    bool ours = bytes_ok(&c) && magic == BLOCK_HEADER_MAGIC && memcmp(mark, BLOCK_FILE_MARK, BLOCK_MARK_BYTES) == 0;
    return ours && kind <= BLOCK_LAST ? (enum block_kind)kind : BLOCK_ANY;
}

/* ---------------------------------------------------------------- opening */

/* Reads at the offset if the source can seek, else the next bytes. */
static int fetch(const struct block_reader *r, uint64_t offset, void *to, size_t n, struct fmt_error *e)
{
    return r->seekable ? fmt_read_at_exact(&r->io, offset, to, n, e) : fmt_read_exact(&r->io, to, n, e);
}

/* Major versions that this program reads; of a kind that is not named 1. */
static const struct {
    uint8_t oldest, newest;
} versions[BLOCK_LAST + 1] = {[BLOCK_CKPT] = {1, 2}, [BLOCK_BANK] = {2, 2}};

static int major_version(const struct block_header *h, struct fmt_error *e)
{
    unsigned newest = versions[h->kind].newest ? versions[h->kind].newest : 1;
    unsigned oldest = versions[h->kind].newest ? versions[h->kind].oldest : 1;
    if (h->major > newest || h->major < 1)
        return fmt_fail(e, FMT_VERSION, "made by a newer version of dinotools (%s version %u.%u, this program "
                        "reads %u)", block_kind_name(h->kind), h->major, h->minor, newest);
    if (h->major < oldest)
        return fmt_fail(e, FMT_VERSION, "made by an older version of dinotools (%s version %u.%u, this program "
                        "reads %u): it has to be made again", block_kind_name(h->kind), h->major, h->minor, oldest);
    return 0;
}

/* Versions are checked first: a newer file may differ in all that follows. */
static int header_version(struct bytes *c, struct block_header *h, enum block_kind expected, struct fmt_error *e)
{
    uint8_t major = bytes_u8(c);
    bytes_u8(c); /* minor: its additions can be ignored */
    if (major != BLOCK_MAJOR)
        return fmt_fail(e, FMT_VERSION, "made by a newer version of dinotools (container version %u, this program "
                        "reads 1)", major);
    unsigned kind = bytes_u8(c);
    h->major = bytes_u8(c);
    h->minor = bytes_u8(c);
    if (kind < BLOCK_INDEX || kind > BLOCK_LAST)
        return fmt_fail(e, FMT_VERSION, "a kind of file that this version does not know (%u)", kind);
    h->kind = (enum block_kind)kind;
    if (expected != BLOCK_ANY && h->kind != expected)
        return fmt_fail(e, FMT_MAGIC, "is a file of kind %s, not %s", block_kind_name(h->kind),
                        block_kind_name(expected));
    return major_version(h, e);
}

/* Parses the fixed part; *rest: bytes of the header that follow it. */
static int header_fixed(const uint8_t *p, struct block_header *h, size_t *rest, size_t *provenance_bytes,
                        enum block_kind expected, struct fmt_error *e)
{
    struct bytes c = bytes_over(p, BLOCK_FIXED_BYTES);
    uint32_t magic = bytes_u32(&c), frame_bytes = bytes_u32(&c);
    if (magic != BLOCK_HEADER_MAGIC || memcmp(bytes_take(&c, BLOCK_MARK_BYTES), BLOCK_FILE_MARK, BLOCK_MARK_BYTES) != 0)
        return fmt_fail(e, FMT_MAGIC, "not a file of dinotools");
    int status = header_version(&c, h, expected, e);
    if (status)
        return status;
    uint64_t reserved = bytes_uint(&c, 3);
    h->block_bytes_max = bytes_u32(&c);
    h->fields_bytes = bytes_u32(&c);
    *provenance_bytes = bytes_u32(&c);
    reserved |= bytes_u32(&c);
    memcpy(h->identity, bytes_take(&c, DIGEST_BYTES), DIGEST_BYTES);
    if (reserved)
        return fmt_fail(e, FMT_INVALID, "reserved bits of the header are set");
    if (h->block_bytes_max > BLOCK_BYTES_MAX || h->fields_bytes > BLOCK_FIELDS_MAX ||
        *provenance_bytes > BLOCK_PROVENANCE_MAX)
        return fmt_fail(e, FMT_LIMIT, "a size in the header is beyond its limit");
    *rest = h->fields_bytes + *provenance_bytes + BLOCK_CHECK_BYTES;
    if (frame_bytes != BLOCK_FIXED_BYTES + *rest - BLOCK_FRAME_BYTES)
        return fmt_fail(e, FMT_INVALID, "the sizes in the header do not add up");
    return 0;
}

static int open_header(struct block_reader *r, enum block_kind expected, struct fmt_error *e)
{
    uint8_t fixed[BLOCK_FIXED_BYTES];
    size_t rest = 0, provenance_bytes = 0;
    struct fmt_error why = {0};
    /* A foreign file may be shorter than our header: the magic number is checked before the rest is read. */
    int status = fetch(r, 0, fixed, BLOCK_FRAME_BYTES + BLOCK_MARK_BYTES, &why);
    if (status == FMT_TRUNCATED)
        return fmt_fail(e, r->io.size == 0 ? FMT_TRUNCATED : FMT_MAGIC, "%s",
                        r->io.size == 0 ? "is empty" : "not a file of dinotools, or cut short");
    if (status)
        return fmt_fail(e, (enum fmt_status)status, "%s", why.text);
    if (memcmp(fixed + BLOCK_FRAME_BYTES, BLOCK_FILE_MARK, BLOCK_MARK_BYTES) != 0)
        return fmt_fail(e, FMT_MAGIC, "not a file of dinotools");
    size_t have = BLOCK_FRAME_BYTES + BLOCK_MARK_BYTES;
    if ((status = fetch(r, have, fixed + have, BLOCK_FIXED_BYTES - have, e)) ||
        (status = header_fixed(fixed, &r->header, &rest, &provenance_bytes, expected, e)))
        return status;
    size_t bytes = BLOCK_FIXED_BYTES + rest;
    if (r->seekable && bytes > r->io.size)
        return fmt_fail(e, FMT_TRUNCATED, "ends early: inside its header");
    if (!(r->header_bytes = malloc(bytes)))
        return fmt_no_memory(e);
    memcpy(r->header_bytes, fixed, BLOCK_FIXED_BYTES);
    if ((status = fetch(r, BLOCK_FIXED_BYTES, r->header_bytes + BLOCK_FIXED_BYTES, rest, e)))
        return status;
    uint8_t *end = r->header_bytes + bytes - BLOCK_CHECK_BYTES;
    block_check_of(r->header_bytes, bytes - BLOCK_CHECK_BYTES, NULL, 0, r->header_check);
    if (memcmp(end, r->header_check, BLOCK_CHECK_BYTES) != 0)
        return fmt_fail(e, FMT_CHECKSUM, "the header is damaged");
    *end = 0; /* ends the provenance; header_check has a copy of the check */
    r->header.fields = r->header_bytes + BLOCK_FIXED_BYTES;
    r->header.provenance = (const char *)end - provenance_bytes;
    if (strlen(r->header.provenance) != provenance_bytes)
        return fmt_fail(e, FMT_INVALID, "the provenance has a zero byte");
    r->at = bytes;
    return 0;
}

/* A file without the end mark at its end was cut, or something was appended, such as an editor's newline. */
static int no_end_mark(struct block_reader *r, struct fmt_error *e)
{
    enum { LAST_BYTES = 4096 };
    uint8_t last[LAST_BYTES];
    size_t n = r->io.size < LAST_BYTES ? (size_t)r->io.size : LAST_BYTES;
    int status = fetch(r, r->io.size - n, last, n, e);
    if (status)
        return status;
    for (size_t after = 1; after + BLOCK_MARK_BYTES <= n; after++)
        if (memcmp(last + n - after - BLOCK_MARK_BYTES, BLOCK_END_MARK, BLOCK_MARK_BYTES) == 0)
            return fmt_fail(e, FMT_INVALID, "%zu byte%s after the end mark", after, after > 1 ? "s" : "");
    return fmt_fail(e, FMT_TRUNCATED, "ends early: no end mark");
}

/* The size of the index frame according to the tail, checked against the file. */
static int open_tail(struct block_reader *r, uint64_t *index_bytes, struct fmt_error *e)
{
    uint8_t tail[BLOCK_TAIL_BYTES];
    if (r->io.size < r->at + BLOCK_FRAME_BYTES + BLOCK_TAIL_BYTES)
        return fmt_fail(e, FMT_TRUNCATED, "ends early: no index, no end mark");
    int status = fetch(r, r->io.size - BLOCK_TAIL_BYTES, tail, BLOCK_TAIL_BYTES, e);
    if (status)
        return status;
    struct bytes c = bytes_over(tail, BLOCK_TAIL_BYTES);
    uint64_t n_blocks = bytes_u64(&c), n_records = bytes_u64(&c), file_bytes = bytes_u64(&c);
    if (memcmp(tail + BLOCK_TAIL_BYTES - BLOCK_MARK_BYTES, BLOCK_END_MARK, BLOCK_MARK_BYTES) != 0)
        return no_end_mark(r, e);
    if (file_bytes < r->io.size)
        return fmt_fail(e, FMT_INVALID, "another file follows after the end mark of the first, or other bytes come "
                        "before it (%llu of %llu bytes are the last file's)", (unsigned long long)file_bytes,
                        (unsigned long long)r->io.size);
    if (n_blocks > (uint64_t)BLOCK_COUNT_MAX || n_records > INT64_MAX)
        return fmt_fail(e, FMT_LIMIT, "the index names more blocks or records than are allowed");
    *index_bytes = BLOCK_FRAME_BYTES + n_blocks * BLOCK_ENTRY_BYTES + BLOCK_TAIL_BYTES;
    if (file_bytes != r->io.size || *index_bytes > r->io.size - r->at)
        return fmt_fail(e, FMT_INVALID, "the index does not fit the file");
    r->n_blocks = (int64_t)n_blocks;
    r->n_records = (int64_t)n_records;
    return 0;
}

/* Entries must be possible, and blocks must fill the file between header and index. */
static int open_entries(struct block_reader *r, const uint8_t *index, uint64_t index_at, struct fmt_error *e)
{
    struct bytes c = bytes_over(index, (size_t)r->n_blocks * BLOCK_ENTRY_BYTES);
    uint64_t at = r->at, n_records = 0;
    for (int64_t i = 0; i < r->n_blocks; i++) {
        struct block_entry *t = &r->entry[i];
        *t = (struct block_entry){.offset = at, .first_record = (int64_t)n_records};
        t->coded_bytes = bytes_u32(&c);
        t->raw_bytes = bytes_u32(&c);
        t->n_records = bytes_u32(&c);
        uint32_t reserved = bytes_u32(&c);
        t->hash = bytes_u64(&c);
        if (t->raw_bytes > r->header.block_bytes_max || t->coded_bytes > frame_bound(t->raw_bytes))
            return fmt_fail(e, FMT_LIMIT, "block %lld is larger than the header allows", (long long)i);
        if (reserved)
            return fmt_fail(e, FMT_INVALID, "reserved bits of the index are set");
        at += t->coded_bytes;
        n_records += t->n_records;
    }
    if (at != index_at || n_records != (uint64_t)r->n_records)
        return fmt_fail(e, FMT_INVALID, "the sizes in the index do not add up");
    return 0;
}

static int open_index(struct block_reader *r, struct fmt_error *e)
{
    uint64_t index_bytes = 0;
    int status = open_tail(r, &index_bytes, e);
    if (status)
        return status;
    uint64_t index_at = r->io.size - index_bytes;
    uint8_t *index = malloc((size_t)index_bytes);
    r->entry = malloc((size_t)(r->n_blocks + 1) * sizeof *r->entry);
    if (!index || !r->entry)
        status = fmt_no_memory(e);
    if (status == 0 && (status = fetch(r, index_at, index, (size_t)index_bytes, e)) == 0) {
        struct bytes c = bytes_over(index, (size_t)index_bytes);
        uint32_t magic = bytes_u32(&c), frame_bytes = bytes_u32(&c);
        uint8_t check[BLOCK_CHECK_BYTES], *end = index + index_bytes - BLOCK_CHECK_BYTES - BLOCK_MARK_BYTES;
        block_check_of(r->header_check, BLOCK_CHECK_BYTES, index, (size_t)(end - index), check);
        if (magic != BLOCK_INDEX_MAGIC || frame_bytes != index_bytes - BLOCK_FRAME_BYTES)
            status = fmt_fail(e, FMT_INVALID, "no index where it should begin");
        else if (memcmp(end, check, BLOCK_CHECK_BYTES) != 0)
            status = fmt_fail(e, FMT_CHECKSUM, "the index is damaged");
        else
            status = open_entries(r, index + BLOCK_FRAME_BYTES, index_at, e);
        memcpy(r->index_check, check, BLOCK_CHECK_BYTES);
    }
    free(index);
    return status;
}

int block_open(struct block_reader *r, const struct fmt_reader *io, enum block_kind kind, struct fmt_error *e)
{
    *r = (struct block_reader){.io = *io, .seekable = io->read_at && io->size != UINT64_MAX};
    int status = open_header(r, kind, e);
    if (status == 0 && r->seekable)
        status = open_index(r, e);
    if (status)
        block_close(r);
    return status;
}

void block_close(struct block_reader *r)
{
    free(r->header_bytes);
    free(r->entry);
    fmt_buffer_release(&r->seen);
    *r = (struct block_reader){0};
}

/* ---------------------------------------------------------------- reading */

static int reserve(struct fmt_buffer *b, size_t n, struct fmt_error *e)
{
    b->bytes = 0;
    return fmt_buffer_reserve(b, n) ? fmt_no_memory(e) : 0;
}

/* Decodes b->coded into `to`, or into the buffer's own memory if to is NULL. */
static int decode(struct block_buffer *b, void *to, size_t raw_bytes, struct fmt_error *e)
{
    if (!to) {
        int status = reserve(&b->memory, raw_bytes + 1, e);
        if (status)
            return status;
        to = b->memory.data;
    }
    int status = frame_decode(b->coded.data, b->coded.bytes, to, raw_bytes, &b->zstd, e);
    b->raw = status ? NULL : to;
    b->raw_bytes = status ? 0 : raw_bytes;
    return status;
}

static int check_size(const void *to, size_t expected, size_t raw_bytes, struct fmt_error *e)
{
    if (!to || expected == raw_bytes)
        return 0;
    return fmt_fail(e, FMT_INVALID, "a block of %s, %zu expected", FMT_COUNT(raw_bytes, "byte", "bytes"), expected);
}

/* Reads the coded bytes into b->coded. `to` and to_bytes: where they will be decoded to. */
static int fetch_block(const struct block_reader *r, int64_t i_block, void *to, size_t to_bytes,
                       struct block_buffer *b, struct fmt_error *e)
{
    if (!r->seekable)
        return fmt_fail(e, FMT_UNSUPPORTED, "a pipe cannot be read out of order");
    if (i_block < 0 || i_block >= r->n_blocks)
        return fmt_fail(e, FMT_INVALID, "no block %lld", (long long)i_block);
    const struct block_entry *t = &r->entry[i_block];
    int status = check_size(to, to_bytes, t->raw_bytes, e);
    if (status || (status = reserve(&b->coded, t->coded_bytes, e)) ||
        (status = fmt_read_at_exact(&r->io, t->offset, b->coded.data, t->coded_bytes, e)))
        return status;
    b->coded.bytes = t->coded_bytes;
    b->n_records = t->n_records;
    b->i_block = i_block;
    b->first_record = t->first_record;
    return 0;
}

static int read_at(const struct block_reader *r, int64_t i_block, void *to, size_t to_bytes, struct block_buffer *b,
                   struct fmt_error *e)
{
    int status = fetch_block(r, i_block, to, to_bytes, b, e);
    if (status)
        return status;
    if (xxh64(b->coded.data, b->coded.bytes) != r->entry[i_block].hash)
        return fmt_fail(e, FMT_CHECKSUM, "block %lld is damaged", (long long)i_block);
    return decode(b, to, r->entry[i_block].raw_bytes, e);
}

/* Compares the rest of the file with the index that follows from the blocks; its first 4 bytes have been read. */
static int pipe_end(struct block_reader *r, struct fmt_error *e)
{
    struct fmt_buffer expected = {0}, got = {0};
    int status = block_build_index(&r->seen, r->n_records, r->at, r->header_check, &expected) ||
                         fmt_buffer_reserve(&got, expected.bytes + 1)
                     ? fmt_no_memory(e)
                     : fmt_read_exact(&r->io, got.data + 4, expected.bytes - 4, e);
    if (status == 0 && memcmp(expected.data + 4, got.data + 4, expected.bytes - 4) != 0)
        status = fmt_fail(e, FMT_CHECKSUM, "the index does not fit the blocks");
    if (status == 0) {
        int64_t more = r->io.read(r->io.arg, got.data, 1);
        if (more < 0)
            status = fmt_fail(e, FMT_IO, "cannot read: %s", strerror(errno));
        else if (more > 0)
            status = fmt_fail(e, FMT_INVALID, "bytes after the end mark");
    }
    r->ended = status == 0;
    fmt_buffer_release(&expected);
    fmt_buffer_release(&got);
    return status ? status : FMT_END;
}

static int pipe_next(struct block_reader *r, void *to, size_t to_bytes, struct block_buffer *b, struct fmt_error *e)
{
    int status = reserve(&b->coded, FRAME_HEADER_MAX, e);
    if (status || (status = fmt_read_exact(&r->io, b->coded.data, 4, e)))
        return status;
    b->coded.bytes = 4;
    struct bytes c = bytes_over(b->coded.data, 4);
    if (bytes_u32(&c) == BLOCK_INDEX_MAGIC)
        return pipe_end(r, e);
    size_t raw_bytes;
    if ((status = frame_collect(&r->io, &b->coded, r->header.block_bytes_max, &raw_bytes, e)) ||
        (status = check_size(to, to_bytes, raw_bytes, e)) || (status = decode(b, to, raw_bytes, e)))
        return status;
    if (r->n_blocks == BLOCK_COUNT_MAX)
        return fmt_fail(e, FMT_LIMIT, "more than %lld blocks", (long long)BLOCK_COUNT_MAX);
    b->i_block = r->n_blocks++;
    b->first_record = r->n_records;
    b->n_records = 0; /* until block_set_count */
    r->at += b->coded.bytes;
    return block_put_entry(&r->seen, (uint32_t)b->coded.bytes, (uint32_t)raw_bytes, 0,
                     xxh64(b->coded.data, b->coded.bytes))
               ? fmt_no_memory(e)
               : 0;
}

int block_next_into(struct block_reader *r, void *to, size_t bytes, struct block_buffer *b, struct fmt_error *e)
{
    if (r->ended)
        return FMT_END;
    if (!r->seekable)
        return pipe_next(r, to, bytes, b, e);
    if (r->i_next == r->n_blocks)
        return FMT_END;
    int status = read_at(r, r->i_next, to, bytes, b, e);
    if (status == 0)
        r->i_next++;
    return status;
}

int block_next(struct block_reader *r, struct block_buffer *b, struct fmt_error *e)
{
    return block_next_into(r, NULL, 0, b, e);
}

int block_read_into(const struct block_reader *r, int64_t i_block, void *to, size_t bytes, struct block_buffer *b,
                    struct fmt_error *e)
{
    return read_at(r, i_block, to, bytes, b, e);
}

int block_read(const struct block_reader *r, int64_t i_block, struct block_buffer *b, struct fmt_error *e)
{
    return read_at(r, i_block, NULL, 0, b, e);
}

int block_salvage(const struct block_reader *r, int64_t i_block, struct block_buffer *b, struct fmt_error *e)
{
    int status = fetch_block(r, i_block, NULL, 0, b, e);
    if (status || (status = reserve(&b->memory, (size_t)r->entry[i_block].raw_bytes + 1, e)))
        return status;
    b->raw = b->memory.data;
    b->raw_bytes = r->entry[i_block].raw_bytes;
    frame_salvage(b->coded.data, b->coded.bytes, b->memory.data, b->raw_bytes, &b->zstd);
    return 0;
}

int block_check_count(const struct block_reader *r, const struct block_buffer *b, uint32_t n_records,
                      struct fmt_error *e)
{
    if (r->seekable && b->n_records != n_records)
        return fmt_fail(e, FMT_INVALID, "block %lld holds %s, the index says %u", (long long)b->i_block,
                        FMT_COUNT(n_records, "record", "records"), b->n_records);
    return 0;
}

int block_set_count(struct block_reader *r, struct block_buffer *b, uint32_t n_records, struct fmt_error *e)
{
    if (r->seekable)
        return block_check_count(r, b, n_records, e);
    uint8_t *at = r->seen.data + (size_t)b->i_block * BLOCK_ENTRY_BYTES + 8; /* n_records in the entry */
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(n_records >> (8 * i));
    r->n_records += n_records;
    b->n_records = n_records;
    return 0;
}

int64_t block_of_record(const struct block_reader *r, int64_t i_record)
{
    if (!r->seekable || i_record < 0 || i_record >= r->n_records)
        return -1;
    int64_t low = 0, high = r->n_blocks; /* entry[low].first_record <= i_record < that of entry[high] */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (r->entry[middle].first_record <= i_record)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void block_buffer_release(struct block_buffer *b)
{
    fmt_buffer_release(&b->coded);
    fmt_buffer_release(&b->memory);
    ZSTD_freeDCtx(b->zstd);
    *b = (struct block_buffer){0};
}
