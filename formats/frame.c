/* frame.c - zstd frames. The library compresses; stored frames are written here, since the library has no level that
 * leaves bytes as they are, and photographs and weights gain nothing from compression. A frame that comes from a pipe
 * is walked block by block: nothing states its size, and no byte after it may be read. */
#include "frame.h"

#include <zstd.h>

#include "bytes.h"
#include "xxh64.h"

#define STORED_BLOCK ((size_t)128 << 10) /* the largest block that zstd allows */

enum { RAW, RLE, COMPRESSED }; /* block types */

/* bits of the frame header descriptor */
enum { HAS_DICTIONARY = 0x03, HAS_CHECKSUM = 0x04, RESERVED = 0x18, SINGLE_SEGMENT = 0x20, SIZE_4_BYTES = 0x80 };

size_t frame_bound(size_t raw_bytes)
{
    return ZSTD_compressBound(raw_bytes) + 64;
}

size_t frame_stored_bytes(size_t raw_bytes)
{
    size_t n_blocks = raw_bytes ? (raw_bytes - 1) / STORED_BLOCK + 1 : 1;
    return 4 + 1 + 4 + 3 * n_blocks + raw_bytes + 4;
}

static int store(const uint8_t *raw, size_t raw_bytes, struct fmt_buffer *to)
{
    int bad = bytes_put_u32(to, FRAME_ZSTD_MAGIC);
    bad |= bytes_put_u8(to, SIZE_4_BYTES | SINGLE_SEGMENT | HAS_CHECKSUM);
    bad |= bytes_put_u32(to, (uint32_t)raw_bytes);
    size_t at = 0;
    do {
        size_t n = raw_bytes - at < STORED_BLOCK ? raw_bytes - at : STORED_BLOCK;
        unsigned last = at + n == raw_bytes;
        bad |= bytes_put_uint(to, last | RAW << 1 | n << 3, 3);
        bad |= bytes_put(to, raw + at, n);
        at += n;
    } while (at < raw_bytes);
    return bad | bytes_put_u32(to, (uint32_t)xxh64(raw, raw_bytes));
}

int frame_encode(const void *raw, size_t raw_bytes, int level, struct fmt_buffer *to, struct ZSTD_CCtx_s **zstd,
                 struct fmt_error *e)
{
    if (raw_bytes > UINT32_MAX)
        return fmt_fail(e, FMT_LIMIT, "a block of %zu bytes is too large", raw_bytes);
    if (fmt_buffer_reserve(to, frame_bound(raw_bytes)))
        return fmt_no_memory(e);
    static const uint8_t nothing[1];
    if (raw_bytes == 0)
        raw = nothing; /* it may be NULL, and C forbids adding even 0 to that */
    if (level == 0)
        return store(raw, raw_bytes, to) ? fmt_no_memory(e) : 0;
    if (!*zstd && !(*zstd = ZSTD_createCCtx()))
        return fmt_no_memory(e);
    ZSTD_CCtx_setParameter(*zstd, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(*zstd, ZSTD_c_checksumFlag, 1);
    size_t n = ZSTD_compress2(*zstd, to->data + to->bytes, to->capacity - to->bytes, raw, raw_bytes);
    if (ZSTD_isError(n))
        return fmt_fail(e, FMT_INVALID, "cannot compress: %s", ZSTD_getErrorName(n));
    to->bytes += n;
    return 0;
}

/* Sizes of the frame's header and of its content. p holds n >= 5 bytes; FMT_TRUNCATED if that is too few. */
static int read_header(const uint8_t *p, size_t n, size_t *header_bytes, uint64_t *raw_bytes, struct fmt_error *e)
{
    struct bytes c = bytes_over(p, n);
    if (bytes_u32(&c) != FRAME_ZSTD_MAGIC)
        return fmt_fail(e, FMT_INVALID, "no block where one should begin");
    uint8_t descriptor = bytes_u8(&c);
    if (!(descriptor & HAS_CHECKSUM) || descriptor & (HAS_DICTIONARY | RESERVED))
        return fmt_fail(e, FMT_INVALID, "block not in the form required by bbu-file(5)");
    if (!(descriptor & SINGLE_SEGMENT))
        bytes_u8(&c); /* window size: not needed by a reader that holds the whole content */
    switch (descriptor >> 6) {
    case 0:
        if (!(descriptor & SINGLE_SEGMENT))
            return fmt_fail(e, FMT_INVALID, "block has no content size");
        *raw_bytes = bytes_u8(&c);
        break;
    case 1: *raw_bytes = (uint64_t)bytes_u16(&c) + 256; break;
    case 2: *raw_bytes = bytes_u32(&c); break;
    default: *raw_bytes = bytes_u64(&c);
    }
    if (!bytes_ok(&c))
        return fmt_fail(e, FMT_TRUNCATED, "ends early: inside a block");
    *header_bytes = (size_t)(c.at - p);
    return 0;
}

/* Appends n bytes from io. */
static int take(const struct fmt_reader *io, struct fmt_buffer *coded, size_t n, struct fmt_error *e)
{
    if (fmt_buffer_reserve(coded, n))
        return fmt_no_memory(e);
    int status = fmt_read_exact(io, coded->data + coded->bytes, n, e);
    if (status == 0)
        coded->bytes += n;
    return status;
}

int frame_collect(const struct fmt_reader *io, struct fmt_buffer *coded, uint64_t raw_max, size_t *raw_bytes,
                  struct fmt_error *e)
{
    /* The length of the header follows from its descriptor, the fifth byte. */
    static const uint8_t size_bytes[4] = {0, 2, 4, 8};
    int status = take(io, coded, 5 - coded->bytes, e);
    if (status)
        return status;
    uint8_t descriptor = coded->data[4];
    bool single = descriptor & SINGLE_SEGMENT;
    size_t more = (size_t)size_bytes[descriptor >> 6] + (descriptor >> 6 == 0 && single) + !single;
    size_t header_bytes;
    uint64_t raw;
    if ((status = take(io, coded, more, e)) ||
        (status = read_header(coded->data, coded->bytes, &header_bytes, &raw, e)))
        return status;
    if (raw > raw_max)
        return fmt_fail(e, FMT_LIMIT, "a block of %llu bytes, the header allows %llu", (unsigned long long)raw,
                        (unsigned long long)raw_max);
    for (unsigned last = 0; !last;) {
        if ((status = take(io, coded, 3, e)))
            return status;
        struct bytes c = bytes_over(coded->data + coded->bytes - 3, 3);
        uint32_t header = (uint32_t)bytes_uint(&c, 3);
        last = header & 1;
        size_t n = (header >> 1 & 3) == RLE ? 1 : header >> 3;
        if ((header >> 1 & 3) > COMPRESSED || coded->bytes + n > frame_bound((size_t)raw))
            return fmt_fail(e, FMT_INVALID, "a block is damaged");
        if ((status = take(io, coded, n, e)))
            return status;
    }
    *raw_bytes = (size_t)raw;
    return take(io, coded, 4, e);
}

int frame_decode(const uint8_t *coded, size_t coded_bytes, void *to, size_t raw_bytes, struct ZSTD_DCtx_s **zstd,
                 struct fmt_error *e)
{
    size_t header_bytes;
    uint64_t raw;
    int status = read_header(coded, coded_bytes, &header_bytes, &raw, e);
    if (status)
        return status;
    if (raw != raw_bytes)
        return fmt_fail(e, FMT_INVALID, "a block of %llu bytes, %zu expected", (unsigned long long)raw, raw_bytes);
    if (!*zstd && !(*zstd = ZSTD_createDCtx()))
        return fmt_no_memory(e);
    if (ZSTD_findFrameCompressedSize(coded, coded_bytes) != coded_bytes) /* also if a second frame follows */
        return fmt_fail(e, FMT_INVALID, "a block is damaged");
    uint8_t nothing[1];
    size_t n = ZSTD_decompressDCtx(*zstd, raw_bytes ? to : nothing, raw_bytes, coded, coded_bytes);
    if (ZSTD_isError(n))
        return fmt_fail(e, FMT_CHECKSUM, "a block is damaged (%s)", ZSTD_getErrorName(n));
    if (n != raw_bytes)
        return fmt_fail(e, FMT_INVALID, "a block of %s, %zu expected", FMT_COUNT(n, "byte", "bytes"), raw_bytes);
    return 0;
}

void frame_salvage(const uint8_t *coded, size_t coded_bytes, void *to, size_t raw_bytes, struct ZSTD_DCtx_s **zstd)
{
    memset(to, 0, raw_bytes);
    if (*zstd || (*zstd = ZSTD_createDCtx()))
        (void)ZSTD_decompressDCtx(*zstd, to, raw_bytes, coded, coded_bytes); /* writes what it can decode */
}
