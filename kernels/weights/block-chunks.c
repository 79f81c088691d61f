/* block-chunks.c - the published code divides depth blocks into chunks of depth / chunks, rounded down. */
#include "block-chunks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *block_chunks_name(const char *name, int64_t depth, int64_t chunks, char out[BLOCK_CHUNKS_NAME_MAX])
{
    static const char blocks[] = "blocks.";
    const char *at = strstr(name, blocks);
    char *rest;
    if (!at || chunks <= 0)
        return name;
    int64_t block = strtoll(at + sizeof blocks - 1, &rest, 10), size = depth / chunks > 0 ? depth / chunks : 1;
    snprintf(out, BLOCK_CHUNKS_NAME_MAX, "%.*s%s%" PRId64 ".%" PRId64 "%s", (int)(at - name), name, blocks,
             block / size, block, rest);
    return out;
}
