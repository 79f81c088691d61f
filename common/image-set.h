/* image-set.h - images by number, from shards or from files of JPEG, PNG or TIFF without labels.
 *
 *   struct image_set s;
 *   image_set_open(&s, operands, n, '\n', e);       "-": names on standard input
 *   image_set_read(&s, i, &slot, as_stored, e);     slot.record, slot.decoded; each thread has its own slot
 *   image_set_slot_release(&slot);  image_set_close(&s);
 *
 * Operands are shards (files, folders, patterns) or names of image files, not both. Shards say how their files are
 * decoded; for image files .bits and .fill say it, which may be set after opening.
 */
#ifndef IMAGE_SET_H
#define IMAGE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "image-info.h"
#include "image.h"
#include "provenance.h"
#include "shard-set.h"
#include "thread.h"

struct image_set {
    int64_t n;
    bool from_shards;
    struct shard_set shards;         /* if from_shards */
    char **path;                     /* [n] else */
    uint8_t (*sha256)[DIGEST_BYTES]; /* [n] of the files, zeros where one cannot be read; from image_set_look on */
    int64_t capacity;                /* of path */
    int bits;                        /* for files, as in image-info.h */
    bool fill;
    bool has_16_bits;                /* a file does: known from image_set_look on */
};

struct image_set_slot { /* zero-initialise, reuse, release */
    struct block_buffer buffer;
    uint8_t *file;
    size_t file_capacity;
    struct shard_image record; /* the key of a file is its name. Texts and data are valid until the slot is reused */
    struct image decoded;
    struct image_notes notes; /* of the decoder */
};

/* Names on standard input end with `separator`: a newline, or 0. */
int image_set_open(struct image_set *s, const char *const *operand, int n, char separator, struct fmt_error *e);
/* One more file of a set that is zeroed or has files: the next number. Copies the path. */
int image_set_add(struct image_set *s, const char *path, struct fmt_error *e);
void image_set_close(struct image_set *s);

/* Reads and decodes. Errors name the image. slot->record says how: .decoding.filled of a file, too, if it was cut short
 * and is filled. */
int image_set_read(const struct image_set *s, int64_t i, struct image_set_slot *slot, bool as_stored,
                   struct fmt_error *e);
void image_set_slot_release(struct image_set_slot *slot);

/* Reads all files once, for their digests and to find samples of 16 bits. Nothing to do for shards. */
int image_set_look(struct image_set *s, struct thread_pool *pool, struct fmt_error *e);

/* What was done to the pixels before: what shards say; nothing to files, but for the significant bits of samples of 16,
 * if image_set_look has found any. r is empty. */
int image_set_recipe(const struct image_set *s, struct recipe *r, struct fmt_error *e);

/* Adds to the provenance which images these are: the identities of shard sets, or a digest of the names and contents of
 * files, for which image_set_look is called if it was not. */
int image_set_inputs(struct image_set *s, struct thread_pool *pool, struct provenance *prov, struct fmt_error *e);

#endif
