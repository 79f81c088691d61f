/* image-set.h - pictures by number, from shards or from files: JPEG files by their names, with nothing known of them.
 *
 *   struct image_set p;
 *   image_set_open(&p, operands, n, '\n', e);       "-": names on standard input
 *   image_set_read(&p, i, &slot, as_stored, e);     slot.record, slot.decoded; several threads at once, a slot each
 *   image_set_slot_release(&slot);  image_set_close(&p);
 *
 * Operands are shards (files, folders, patterns), or names of JPEG files: of one kind.
 */
#ifndef IMAGE_SET_H
#define IMAGE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "image.h"
#include "provenance.h"
#include "shard-set.h"
#include "thread.h"

struct image_set {
    int64_t n;
    bool from_shards;
    struct shard_set set;
    char **path; /* [n] of files */
    int64_t room;
    uint8_t (
        *content)[DIGEST_BYTES]; /* [n] of files: SHA-256, zeros where one could not be read; by image_set_inputs */
};

struct image_set_slot { /* zero-initialise, reuse, release */
    struct block_buffer buffer;
    uint8_t *file;
    size_t file_room;
    struct shard_image record; /* texts and data: until the slot is reused. Of a file: its name as the key */
    struct image decoded;
};

/* names on standard input are ended by `separator`: a newline, or 0. */
int image_set_open(struct image_set *p, const char *const *operand, int n, char separator, struct fmt_error *e);
void image_set_close(struct image_set *p);

/* Reads and decodes. A failure names the picture. */
int image_set_read(const struct image_set *p, int64_t i, struct image_set_slot *slot, bool as_stored,
                   struct fmt_error *e);
void image_set_slot_release(struct image_set_slot *slot);

/* What was done to their pixels before: of shards as bbu-pack says, of files nothing. r is empty. */
int image_set_recipe(const struct image_set *p, struct recipe *r, struct fmt_error *e);

/* Adds what they are to the provenance: the identities of the sets; of files a digest of names and contents, for which
 * each is read; from then on their records carry it. */
int image_set_inputs(struct image_set *p, struct thread_pool *pool, struct provenance *prov, struct fmt_error *e);

#endif
