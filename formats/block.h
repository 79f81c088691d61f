/* block.h - the container of all dinotools files (bbu-file(5)): header, checked blocks, index, end mark.
 *
 * A file is a legal zstd stream. Its first frame is skippable and holds the header: kind, versions, identity, the
 * fields of the kind, provenance. The blocks follow: zstd frames, each with content size and content checksum. The
 * last frame is skippable again: one entry per block (sizes, records, a hash of the coded bytes) and the end mark. The
 * two skippable frames carry a check of their own. So a file that was cut anywhere is refused, a changed byte is found
 * wherever it is, and a reader can stream (pipe) or seek (read_at).
 *
 * The kind of the file defines the contents of blocks (index.h, shard.h, views.h, feat.h, ckpt.h, linear.h,
 * readings.h, ckpt-set.h, bank.h, inspector.h). Here a block is a number of bytes that hold a number of records;
 * records are numbered through the file.
 *
 *   writing:  block_create(&w, &io, &header, e);  block_add(&w, bytes, n, n_records, level, e) ...;
 *             block_finish(&w, e);
 *             block_abandon(&w), instead of block_finish, gives up
 *   in threads:  block_encode(bytes, n, n_records, level, &frame, e) in parallel, block_put(&w, &frame, e) in order.
 *   reading:  block_open(&r, &io, kind, e);
 *             block_next(&r, &buffer, e) until FMT_END;     any source; checks the end of the file before FMT_END
 *             block_read(&r, i_block, &buffer, e);          a source with read_at; several threads, a buffer each
 *             block_close(&r);
 */
#ifndef BLOCK_H
#define BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "fmt.h"

enum block_kind {
    BLOCK_ANY = 0, BLOCK_INDEX = 1, BLOCK_SHARD, BLOCK_VIEWS, BLOCK_FEAT, BLOCK_CKPT, BLOCK_LINEAR, BLOCK_READINGS,
    BLOCK_CKPT_SET, BLOCK_BANK, BLOCK_INSPECTOR, BLOCK_LAST = BLOCK_INSPECTOR
};

#define BLOCK_BYTES_MAX ((uint32_t)1 << 30)   /* of a decoded block */
#define BLOCK_FIELDS_MAX ((uint32_t)16 << 20) /* fields of the kind in the header */
#define BLOCK_PROVENANCE_MAX ((uint32_t)16 << 20)
#define BLOCK_COUNT_MAX ((int64_t)1 << 24)    /* blocks in a file */
#define BLOCK_CHECK_BYTES 16 /* the first half of a SHA-256 */
#define BLOCK_STORED 0                        /* a level: stored as it is, as fast as memory */

struct block_header {
    enum block_kind kind;
    uint8_t major, minor;     /* version of the kind */
    uint32_t block_bytes_max; /* of any decoded block of the file */
    uint8_t identity[DIGEST_BYTES];
    const uint8_t *fields;    /* of the kind */
    size_t fields_bytes;
    const char *provenance;   /* JSON text, or "" */
};

/* The kind of a file by its first n bytes; BLOCK_ANY: not a kind of file that this version knows. */
enum block_kind block_kind_of(const uint8_t *first, size_t n);
/* "catalogue", "shard", "views", "features", "checkpoint", "classifier", "readings", "checkpoint set",
 * "bank", "inspector" */
const char *block_kind_name(enum block_kind kind);

/* ---------------------------------------------------------------- writing */

struct block_frame { /* a coded block; zero-initialise, reuse freely, release once */
    struct fmt_buffer coded;
    uint32_t raw_bytes, n_records;
    struct ZSTD_CCtx_s *zstd;
};

/* level: BLOCK_STORED, or a level of zstd (1 fast ... 19); blocks of less than 512 bytes are always stored. The coded
 * bytes depend on the input and the level only. */
int block_encode(const void *raw, size_t raw_bytes, uint32_t n_records, int level, struct block_frame *frame,
                 struct fmt_error *e);
void block_frame_release(struct block_frame *frame);
/* Bytes of the file for a stored block, including its entry in the index. */
uint64_t block_stored_bytes(size_t raw_bytes);

struct block_writer {
    struct fmt_writer io;
    uint32_t block_bytes_max;
    int64_t n_blocks, n_records;
    uint64_t bytes; /* written so far; after block_finish of the whole file */
    uint8_t header_check[BLOCK_CHECK_BYTES];
    uint8_t index_check[BLOCK_CHECK_BYTES]; /* after block_finish: over the header's check and all blocks' hashes */
    struct fmt_buffer entries;
    struct block_frame frame;
};

int block_create(struct block_writer *w, const struct fmt_writer *io, const struct block_header *header,
                 struct fmt_error *e);
int block_add(struct block_writer *w, const void *raw, size_t raw_bytes, uint32_t n_records, int level,
              struct fmt_error *e);
int block_put(struct block_writer *w, const struct block_frame *frame, struct fmt_error *e);
int block_finish(struct block_writer *w, struct fmt_error *e); /* also releases w, whether it fails or not */
void block_abandon(struct block_writer *w);

/* ---------------------------------------------------------------- reading */

struct block_buffer { /* one per thread; zero-initialise, reuse, release. raw is valid until the next read */
    const uint8_t *raw;
    size_t raw_bytes;
    uint32_t n_records; /* of a pipe: set by block_set_count */
    int64_t i_block, first_record; /* indices in the file: of the block, of its first record */
    struct fmt_buffer coded, memory;
    struct ZSTD_DCtx_s *zstd;
};
void block_buffer_release(struct block_buffer *b);

struct block_entry {
    uint64_t offset;
    uint32_t coded_bytes, raw_bytes, n_records;
    uint64_t hash; /* of the coded bytes */
    int64_t first_record;
};

struct block_reader {
    struct fmt_reader io;
    struct block_header header; /* fields and provenance live until block_close */
    uint8_t *header_bytes;
    uint8_t header_check[BLOCK_CHECK_BYTES];
    uint8_t index_check[BLOCK_CHECK_BYTES]; /* seekable */
    uint64_t at;                 /* of a pipe: bytes read so far */
    int64_t n_blocks, n_records; /* seekable: of the file; of a pipe: read so far */
    int64_t i_next;              /* the block that block_next reads */
    bool seekable, ended;
    struct block_entry *entry;   /* seekable: [n_blocks] */
    struct fmt_buffer seen;      /* of a pipe: the entries that the index must have */
};

/* kind: BLOCK_ANY accepts all. If the source is seekable the index is read and checked as well. */
int block_open(struct block_reader *r, const struct fmt_reader *io, enum block_kind kind, struct fmt_error *e);
int block_next(struct block_reader *r, struct block_buffer *b, struct fmt_error *e);
int block_read(const struct block_reader *r, int64_t i_block, struct block_buffer *b, struct fmt_error *e);
/* The remains of a block that block_read refused, in b->raw: unchecked, then zeros. For messages only. */
int block_salvage(const struct block_reader *r, int64_t i_block, struct block_buffer *b, struct fmt_error *e);
/* As block_next and block_read, but into the caller's memory: exactly `bytes` bytes, else FMT_INVALID. */
int block_next_into(struct block_reader *r, void *to, size_t bytes, struct block_buffer *b, struct fmt_error *e);
int block_read_into(const struct block_reader *r, int64_t i_block, void *to, size_t bytes, struct block_buffer *b,
                    struct fmt_error *e);
/* The caller has parsed the block and counted its records. Only the index says how many there must be: if it has been
 * read, the count is compared (block_check_count, after block_read); of a pipe the count is stored and compared at the
 * end. */
int block_set_count(struct block_reader *r, struct block_buffer *b, uint32_t n_records, struct fmt_error *e);
int block_check_count(const struct block_reader *r, const struct block_buffer *b, uint32_t n_records,
                      struct fmt_error *e);
/* The block that holds record i (seekable), or -1. */
int64_t block_of_record(const struct block_reader *r, int64_t i_record);
void block_close(struct block_reader *r);

#endif
