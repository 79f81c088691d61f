/* block-internal.h - the parts of a container (block.h) that block-write.c writes and block.c compares with what it
 * reads. Offsets are those of bbu-file(5). */
#ifndef BLOCK_INTERNAL_H
#define BLOCK_INTERNAL_H

#include "block.h"
#include "frame.h"

#define BLOCK_HEADER_MAGIC FRAME_SKIPPABLE_FIRST
#define BLOCK_INDEX_MAGIC (FRAME_SKIPPABLE_FIRST + 1)
enum { BLOCK_MAJOR = 1, BLOCK_MINOR = 0 }; /* version of the container */
#define BLOCK_FIXED_BYTES ((size_t)72) /* of the header, before the fields */
#define BLOCK_ENTRY_BYTES ((size_t)24)
#define BLOCK_TAIL_BYTES ((size_t)48)
#define BLOCK_FRAME_BYTES ((size_t)8) /* magic and size of a skippable frame */

#define BLOCK_FILE_MARK "bbu-file"
#define BLOCK_END_MARK "bbu-end\n"
#define BLOCK_MARK_BYTES ((size_t)8)

/* The first half of the SHA-256 over two pieces. */
void block_check_of(const void *a, size_t a_bytes, const void *b, size_t b_bytes, uint8_t check[BLOCK_CHECK_BYTES]);

/* An entry of the index. */
int block_put_entry(struct fmt_buffer *to, uint32_t coded_bytes, uint32_t raw_bytes, uint32_t n_records, uint64_t hash);

/* The index frame with these entries; `before`: bytes of the file before it. */
int block_build_index(const struct fmt_buffer *entries, int64_t n_records, uint64_t before,
                      const uint8_t header_check[BLOCK_CHECK_BYTES], struct fmt_buffer *to);

#endif
