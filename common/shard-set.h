/* shard-set.h - shards opened as one thing: n images by number, from several threads at once.
 *
 * A path is a shard, a folder (its *.shard), or a pattern of the shell ("shards/part-*.shard"). Files of one set
 * (bbu-pack writes sets) belong together: a set of which a shard is missing, twice, or of another set is refused.
 * Several sets may be opened together; their images follow one another in the order of the paths.
 *
 *   struct shard_set s;
 *   shard_set_open(&s, paths, n_paths, e);
 *   shard_set_read(&s, i, &buffer, &image, e);      i of 0 .. s.n_images-1; each thread its own struct block_buffer
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
    char **class_name;                 /* the same in all sets, else refused */
    int n_classes;
    int64_t *first_image;              /* [n_shards + 1] number of each shard's first image */
    struct shard_file *file;           /* [n_shards] */
};

int shard_set_open(struct shard_set *s, const char *const *path, int n_paths, struct fmt_error *e);
int shard_set_read(const struct shard_set *s, int64_t i, struct block_buffer *b, struct shard_image *image,
                   struct fmt_error *e); /* errors name the shard */
/* What was done to the pixels of all sets; items that a set of version 1.0 does not say are left out. FMT_MISMATCH,
 * with the path, where sets differ. r is empty, and for recipe_release. */
int shard_set_recipe(const struct shard_set *s, struct recipe *r, struct fmt_error *e);
/* The first shard that does not say what was done to its pixels; NULL: all say it. */
const char *shard_set_without_recipe(const struct shard_set *s);
const char *shard_set_provenance(const struct shard_set *s, int i_set); /* JSON text or "" */
const char *shard_set_path(const struct shard_set *s, int64_t i); /* file that holds image i */
/* shard_salvage_key of an image that shard_set_read refused. */
const char *shard_set_salvage_key(const struct shard_set *s, int64_t i, struct block_buffer *b);
/* Memory: of the open set; of a thread that has read its largest image, coded and decoded, with the rows that a JPEG
 * decoder keeps (of a progressive one it keeps all coefficients: that is not known here). */
int64_t shard_set_index_bytes(const struct shard_set *s);
int64_t shard_set_record_bytes(const struct shard_set *s);
void shard_set_close(struct shard_set *s);

#endif
