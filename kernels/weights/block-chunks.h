/* block-chunks.h - names of parameters as the published code writes them if student.block_chunks is set: the number of
 * the chunk precedes that of the block. */
#ifndef BLOCK_CHUNKS_H
#define BLOCK_CHUNKS_H

#include <stdint.h>

#define BLOCK_CHUNKS_NAME_MAX 128

/* "backbone.blocks.2.13.norm1.weight" for block 13 of 24 in 4 chunks. A name without a block, and every name if chunks
 * is 0, is returned unchanged; any other is written to `out`. */
const char *block_chunks_name(const char *name, int64_t depth, int64_t chunks, char out[BLOCK_CHUNKS_NAME_MAX]);

#endif
