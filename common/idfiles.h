/* idfiles.h - which files below some folders carry an identity: files of ours by their header, weights by the hash of
 * their tensors.
 *
 *   struct idfiles f = {.weights_hash = weights_file_hashes};
 *   idfiles_add(&f, "run", e) ...                         walks a folder; hidden names and JPEG files are passed over
 *   const struct idfile *found = idfiles_find(&f, identity);
 *   idfiles_release(&f);
 *
 * Names are walked in the order of their bytes: of several files with one identity the first is found.
 */
#ifndef IDFILES_H
#define IDFILES_H

#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "digest.h"
#include "fmt.h"

enum { IDFILES_DEPTH_MAX = 16 }; /* folders below a folder */

struct idfile {
    char *path;
    enum block_kind kind; /* BLOCK_ANY: weights of a form that is not ours */
    uint8_t identity[DIGEST_BYTES];
    uint8_t weights[2][DIGEST_BYTES]; /* of weights and checkpoints, once they were asked for: see weights_hash */
    bool hashed;
};

struct idfiles {
    /* The hashes that features carry of the weights in a file: of the backbone, of backbone and head (zeros: no head).
     * Not 0: there is none. NULL: files of weights are not found. */
    int (*weights_hash)(const char *path, uint8_t backbone[DIGEST_BYTES], uint8_t with_head[DIGEST_BYTES],
                        struct fmt_error *e);
    struct idfile *item;
    int64_t n, room;
};

/* What cannot be read is passed over; FMT_MEMORY, or FMT_IO where the folder itself cannot be listed. */
int idfiles_add(struct idfiles *f, const char *folder, struct fmt_error *e);
/* A file of ours of this identity; data: or shards whose identity it is the digest of (evaluation during training). */
const struct idfile *idfiles_find(const struct idfiles *f, const uint8_t identity[DIGEST_BYTES]);
/* Weights of this hash, teachers before checkpoints: each file is read whole, once. */
const struct idfile *idfiles_find_weights(struct idfiles *f, const uint8_t hash[DIGEST_BYTES]);
void idfiles_release(struct idfiles *f);

#endif
