/* fuzz-shard - records of a shard; what is accepted can be written again, to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "shard.h"
#include "wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Whatever a block holds, the search for a key does not leave it. */
static void look_for_keys(const struct shard *s)
{
    struct block_buffer b = {0};
    for (int64_t i = 0; s->block.seekable && i < s->block.n_blocks; i++) {
        const char *key = shard_salvage_key(s, i, &b);
        if (key && strlen(key) > INDEX_TEXT_MAX)
            abort();
    }
    block_buffer_release(&b);
}

static void read_images(struct shard *s)
{
    struct block_buffer b = {0}, c = {0};
    struct block_frame frame = {0};
    struct fmt_buffer raw = {0};
    struct shard_image image, again;
    for (int64_t i = 0; shard_next(s, &b, &image, NULL) == 0; i++) {
        if (shard_encode(&s->header, &image, &raw, &frame, NULL) || raw.bytes != b.raw_bytes ||
            memcmp(raw.data, b.raw, raw.bytes) != 0)
            abort();
        if (s->block.seekable && (shard_read(s, i, &c, &again, NULL) || again.bytes != image.bytes))
            abort();
    }
    block_buffer_release(&b);
    block_buffer_release(&c);
    block_frame_release(&frame);
    fmt_buffer_release(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_buffer file = {0};
    if (wrap(BLOCK_SHARD, data, n, &file) == 0)
        for (int piped = 0; piped < 2; piped++) {
            struct fmt_memory m = {file.data, file.bytes, 0};
            struct fmt_reader io = piped ? wrap_pipe(&m) : fmt_memory_reader(&m);
            struct shard s;
            if (shard_open(&s, &io, NULL) == 0) {
                look_for_keys(&s);
                read_images(&s);
                shard_close(&s);
            }
        }
    fmt_buffer_release(&file);
    return 0;
}
