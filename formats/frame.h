/* frame.h - one zstd frame (RFC 8878) of the form that block.c uses: with content size and checksum, without a
 * dictionary. Other legal zstd (no content size, no checksum, a reserved bit set) is refused. */
#ifndef FRAME_H
#define FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "fmt.h"

#define FRAME_ZSTD_MAGIC 0xFD2FB528u
#define FRAME_SKIPPABLE_FIRST 0x184D2A50u /* ... to 0x184D2A5F */
#define FRAME_HEADER_MAX 14               /* bytes before a frame's first block */

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

size_t frame_bound(size_t raw_bytes);        /* the largest frame that is written for this many bytes */
size_t frame_stored_bytes(size_t raw_bytes); /* the size of a stored one (level 0) */

/* Appends a frame with the bytes of raw to `to`: stored at level 0, else compressed. *zstd is created when needed. */
int frame_encode(const void *raw, size_t raw_bytes, int level, struct fmt_buffer *to, struct ZSTD_CCtx_s **zstd,
                 struct fmt_error *e);

/* Reads a frame to its end from io, in order; `coded` holds its first bytes already (at least the magic number).
 * Content of more than raw_max bytes is refused before any of it is read. */
int frame_collect(const struct fmt_reader *io, struct fmt_buffer *coded, uint64_t raw_max, size_t *raw_bytes,
                  struct fmt_error *e);

/* Decodes a whole frame into exactly raw_bytes bytes and compares its checksum. */
int frame_decode(const uint8_t *coded, size_t coded_bytes, void *to, size_t raw_bytes, struct ZSTD_DCtx_s **zstd,
                 struct fmt_error *e);

/* The beginning of the content that a damaged frame still yields: unchecked, then zeros. For messages only. */
void frame_salvage(const uint8_t *coded, size_t coded_bytes, void *to, size_t raw_bytes, struct ZSTD_DCtx_s **zstd);

#endif
