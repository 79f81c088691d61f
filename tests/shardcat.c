/* shardcat - for the tests: one line per image of shards, with what is stored and a digest of the decoded pixels. */
#include <stdio.h>

#include "image-decode.h"
#include "image.h"
#include "msg.h"
#include "shard-set.h"

static void print_image(const struct shard_image *im)
{
    static const char *const stores[] = {"?", "jpeg", "rgb", "grey", "png", "tiff"};
    struct image decoded = {0};
    struct fmt_error e = {0};
    uint8_t digest[DIGEST_BYTES];
    char hex[DIGEST_HEX];
    if (image_decode(im, true, &decoded, NULL, &e))
        msg_die("%s: %s", im->labels.key, e.text);
    digest_of(decoded.pixels, image_bytes(decoded.width, decoded.height, decoded.components), digest);
    digest_hex(digest, hex);
    printf("%s %s %dx%dx%d stored %dx%d label %d view %d group %s split %s extra %s pixels %.16s\n", im->labels.key,
           stores[im->store], decoded.width, decoded.height, decoded.components, im->width, im->height,
           (int)im->labels.label, (int)im->labels.group_view, im->labels.group, im->labels.split, im->labels.extra,
           hex);
    image_release(&decoded);
}

int main(int argc, char **argv)
{
    struct shard_set s;
    struct block_buffer b = {0};
    struct shard_image im;
    struct fmt_error e = {0};
    msg_init("shardcat");
    if (argc < 2)
        msg_usage("which shards?");
    if (shard_set_open(&s, (const char *const *)argv + 1, argc - 1, &e))
        msg_die("%s", e.text);
    for (int64_t i = 0; i < s.n_images; i++) {
        if (shard_set_read(&s, i, &b, &im, &e))
            msg_die("%s", e.text);
        print_image(&im);
    }
    block_buffer_release(&b);
    shard_set_close(&s);
    return msg_finish(EXIT_DONE);
}
