/* shard-set.h - shards opened together: n images by number, from several threads at once.
 *
 * A path is a shard, a folder (its *.shard), or a pattern of the shell ("shards/part-*.shard"). A set, as bbu-pack
 * writes it, must be complete: one with a shard that is missing, there twice, or of another number of shards is
 * refused. Several sets may be opened together; their images follow one another in the order of the paths.
 *
 *   struct shard_set s;
 *   shard_set_open(&s, paths, n_paths, e);
 *   shard_set_read(&s, i, &buffer, &image, e);      i of 0 .. s.n_images-1; each thread has its own struct block_buffer
 *   shard_set_close(&s);
 */
#ifndef SHARD_SET_H
#define SHARD_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"
#include "shard.h"

/* Whether a file of this name, in a folder that is opened, is one of its shards: *.shard, and not hidden. */
bool shard_set_is_name(const char *name);

struct shard_set {
    int64_t n_images;
    int n_shards, n_sets;
    uint8_t (*identity)[DIGEST_BYTES]; /* [n_sets] */
    uint32_t width_max, height_max;    /* of all images, decoded */
    uint64_t pixels_max;
    char **class_name;                 /* the same in all sets */
    int n_classes;
    int64_t *first_image;              /* [n_shards + 1] number of each shard's first image */
    struct shard_file *file;           /* [n_shards] */
};

int shard_set_open(struct shard_set *s, const char *const *path, int n_paths, struct fmt_error *e);
int shard_set_read(const struct shard_set *s, int64_t i, struct block_buffer *b, struct shard_image *image,
                   struct fmt_error *e); /* errors name the shard */
/* What was done to the pixels, as all sets say; items that a set of version 1.0 lacks are left out. FMT_MISMATCH, with
 * the path, where sets differ. r is empty; the caller releases it. */
int shard_set_recipe(const struct shard_set *s, struct recipe *r, struct fmt_error *e);
/* The path of the first shard that does not say what was done to its pixels; NULL: all do. */
const char *shard_set_without_recipe(const struct shard_set *s);
const char *shard_set_provenance(const struct shard_set *s, int i_set); /* JSON text or "" */
const char *shard_set_path(const struct shard_set *s, int64_t i); /* of the file that has image i */
/* shard_salvage_key (shard.h) of an image that shard_set_read refused. */
const char *shard_set_salvage_key(const struct shard_set *s, int64_t i, struct block_buffer *b);
/* Memory of the open set; and of a thread that reads: the largest image as it is in the file and decompressed, and the
 * rows that a JPEG decoder buffers (of a progressive file it buffers all coefficients, which is not counted here). */
int64_t shard_set_index_bytes(const struct shard_set *s);
int64_t shard_set_record_bytes(const struct shard_set *s);
void shard_set_close(struct shard_set *s);

#endif
