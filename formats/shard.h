/* shard.h - images and their bytes (bbu-shard(5)), one image per record, in shards that together make a set.
 * One file here; a whole set by folder or pattern is opened with shard-set.h.
 *
 *   writing:  shard_create(&w, &io, &header, &prov, e);  shard_add(&w, &image, e) ...;  shard_finish(&w, e);
 *   in threads:  shard_encode(&header, &image, &raw, &frame, e) in parallel, block_put(&w.block, &frame, e) in order.
 *   reading:  shard_open(&s, &io, e);
 *             shard_next(&s, &buffer, &image, e) until FMT_END      any source
 *             shard_read(&s, i, &buffer, &image, e)                 with read_at; many threads at once, a buffer each
 *             shard_close(&s);
 */
#ifndef SHARD_H
#define SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "index.h"
#include "recipe.h"

#define SHARD_MAJOR 1
#define SHARD_MINOR 2 /* 1.1: the recipe; 1.2: PNG and TIFF, and how files are decoded */
#define SHARD_SET_MAX 99999 /* shards of a set */

enum shard_store {
    SHARD_JPEG = 1, /* the file's own bytes, orientation not applied */
    SHARD_RGB = 2,  /* uint8 [H,W,3], orientation applied */
    SHARD_GREY = 3, /* uint8 [H,W] */
    SHARD_PNG = 4,  /* as SHARD_JPEG */
    SHARD_TIFF = 5
};

struct shard_header {
    uint32_t i_shard, n_shards;     /* the index of this shard in its set; shards of the set */
    uint32_t width_max, height_max; /* of the decoded images of the SET, with and without their orientation applied */
    uint64_t pixels_max;            /* the largest width * height in the set */
    char **class_name;
    int n_classes;
    bool files; /* there may be more than whole JPEG files and pixels: version 1.2; else 1.1 is written */
    struct recipe recipe; /* how the pixels were made from the photographs; empty in files of version 1.0 */
};

struct shard_image {
    struct index_labels labels;
    enum shard_store store;
    int32_t width, height, components; /* as decoded: of a file, before its orientation is applied */
    struct index_decoding decoding;    /* of a file; zeros for pixels */
    uint8_t sha256[DIGEST_BYTES];      /* of the original file */
    const uint8_t *data;
    size_t bytes;
};

struct shard_writer {
    struct block_writer block;
    struct shard_header header; /* names belong to the caller */
    struct fmt_buffer raw;
    uint8_t identity[DIGEST_BYTES];
};

/* The recipe of bbu-pack: short_side pixels at most on the short side (0: original size), encoded again with this JPEG
 * quality (0: not), EXIF orientation not applied (as_stored). (0, 0, false) is that of a photograph read from its own
 * file. r is empty. */
int shard_recipe(int64_t short_side, int64_t quality, bool as_stored, struct recipe *r, struct fmt_error *e);

/* Where there are samples of 16 bits: how many of them are significant (index_decoding). */
int shard_recipe_bits(int bits, struct recipe *r, struct fmt_error *e);
int shard_bits_of_recipe(const struct recipe *r); /* 0: it does not say, so that there were none */

/* The identity that p gives is that of the set: the same in all its shards. */
int shard_create(struct shard_writer *w, const struct fmt_writer *io, const struct shard_header *h,
                 const struct provenance *p, struct fmt_error *e);
int shard_add(struct shard_writer *w, const struct shard_image *image, struct fmt_error *e);
int shard_encode(const struct shard_header *h, const struct shard_image *image, struct fmt_buffer *raw,
                 struct block_frame *frame, struct fmt_error *e); /* raw: scratch of the caller, to be reused */
/* Bytes of the file for an image with so many bytes of data; an upper bound for pixels, which are compressed. */
uint64_t shard_image_bytes(const struct index_labels *labels, size_t bytes);
int shard_finish(struct shard_writer *w, struct fmt_error *e);
void shard_abandon(struct shard_writer *w);

struct shard {
    struct block_reader block; /* .n_records: images (of a pipe: so far); .header.identity: of the set */
    struct shard_header header;
};

int shard_open(struct shard *s, const struct fmt_reader *io, struct fmt_error *e);
/* The image's texts and data point into the buffer: valid until its next use. */
int shard_next(struct shard *s, struct block_buffer *b, struct shard_image *image, struct fmt_error *e);
int shard_read(const struct shard *s, int64_t i, struct block_buffer *b, struct shard_image *image,
               struct fmt_error *e);
/* The key of an image that shard_read refused, as far as it can still be decoded: unchecked, for messages only, valid
 * until the next use of the buffer. NULL: there is none to be had. */
const char *shard_salvage_key(const struct shard *s, int64_t i, struct block_buffer *b);
void shard_close(struct shard *s);

#endif
