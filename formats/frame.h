/* frame.h - one zstd frame (RFC 8878) as block.c uses it: its size told, its content checked, no dictionary.
 *
 * What is legal zstd and not of this form (no content size, no checksum, a reserved bit set) is refused.
 */
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

/* The most that a frame of ours needs for raw bytes of content. */
size_t frame_bound(size_t raw_bytes);
/* What a stored one takes (level 0). */
size_t frame_stored_bytes(size_t raw_bytes);

/* Appends a frame with raw's bytes to `to`: level 0 stored, else compressed. *zstd is made when needed. */
int frame_encode(const void *raw, size_t raw_bytes, int level, struct fmt_buffer *to, struct ZSTD_CCtx_s **zstd,
                 struct fmt_error *e);

/* Reads a frame, whose first n_have bytes are in `coded` already (at least the magic), in order from io to its end.
 * Content beyond raw_max bytes is refused before anything is read. */
int frame_collect(const struct fmt_reader *io, struct fmt_buffer *coded, uint64_t raw_max, size_t *raw_bytes,
                  struct fmt_error *e);

/* Decodes a whole frame into exactly raw_bytes bytes, its checksum compared. */
int frame_decode(const uint8_t *coded, size_t coded_bytes, void *to, size_t raw_bytes, struct ZSTD_DCtx_s **zstd,
                 struct fmt_error *e);

/* What a damaged frame still gives, in front: unchecked, zeros where there is nothing. For messages alone. */
void frame_salvage(const uint8_t *coded, size_t coded_bytes, void *to, size_t raw_bytes, struct ZSTD_DCtx_s **zstd);

#endif
