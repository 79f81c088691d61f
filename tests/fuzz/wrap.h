/* wrap.h - puts a fuzzer's bytes into a container with correct checks, so that mutations reach the parsers of records
 * and do not fail a checksum. The input: u16 length of the fields, whose highest bit is the minor version (of
 * a checkpoint: the major version 2, which a bank has always), fields; then for each block a byte with the number of
 * its records, u16 length, bytes (the last one may be short). */
#ifndef WRAP_H
#define WRAP_H

#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "bytes.h"

#define WRAP_MINOR 0x8000u

/* A source of bytes in order only, 13 at a time. */
static inline int64_t wrap_piped(void *arg, void *buffer, size_t n)
{
    struct fmt_reader r = fmt_memory_reader(arg);
    return r.read(r.arg, buffer, n < 13 ? n : 13);
}

static inline struct fmt_reader wrap_pipe(struct fmt_memory *m)
{
    return (struct fmt_reader){m, wrap_piped, NULL, UINT64_MAX};
}

static inline int wrap(enum block_kind kind, const uint8_t *data, size_t n, struct fmt_buffer *file)
{
    struct bytes c = bytes_over(data, n);
    struct block_header h = {kind, 1, 0, .block_bytes_max = BLOCK_BYTES_MAX, .provenance = ""};
    struct block_writer w;
    struct fmt_writer io = fmt_buffer_writer(file);
    h.fields_bytes = bytes_u16(&c);
    bool later = h.fields_bytes >= WRAP_MINOR;
    h.major = kind == BLOCK_BANK || (kind == BLOCK_CKPT && later) ? 2 : 1;
    h.minor = kind != BLOCK_CKPT && later;
    h.fields_bytes %= WRAP_MINOR;
    if (!(h.fields = bytes_take(&c, h.fields_bytes)) || block_create(&w, &io, &h, NULL))
        return -1;
    while (bytes_left(&c) > 3) {
        uint32_t n_records = bytes_u8(&c);
        size_t bytes = bytes_u16(&c);
        bytes = bytes < bytes_left(&c) ? bytes : bytes_left(&c);
        block_add(&w, bytes_take(&c, bytes), bytes, n_records, BLOCK_STORED, NULL);
    }
    return block_finish(&w, NULL);
}

/* The reverse, by which the corpora were made from whole files. */
static inline int unwrap(const struct fmt_reader *io, struct fmt_buffer *out)
{
    struct block_reader r;
    struct block_buffer b = {0};
    if (block_open(&r, io, BLOCK_ANY, NULL))
        return -1;
    bool later = r.header.minor || (r.header.kind == BLOCK_CKPT && r.header.major > 1);
    bytes_put_u16(out, (uint16_t)(r.header.fields_bytes | (later ? WRAP_MINOR : 0)));
    bytes_put(out, r.header.fields, r.header.fields_bytes);
    while (block_next(&r, &b, NULL) == 0) {
        bytes_put_u8(out, (uint8_t)b.n_records);
        bytes_put_u16(out, (uint16_t)b.raw_bytes);
        bytes_put(out, b.raw, b.raw_bytes);
    }
    block_buffer_release(&b);
    block_close(&r);
    return 0;
}

#endif
