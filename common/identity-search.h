/* identity-search.h - which files below some folders carry an identity: files of ours by their header, weights by the
 * hash of their tensors.
 *
 *   struct identity_search f = {.weights_hash = weights_file_hashes};
 *   identity_search_add(&f, "run", e) ...                         walks a folder; hidden names and JPEG files are
 * passed over
 *   const struct identity_file *found = identity_search_find(&f, identity);
 *   identity_search_release(&f);
 *
 * Names are walked in the order of their bytes: of several files with one identity the first is found, so the folder
 * whose files are to be preferred is added first. A folder that another one holds is walked once.
 */
#ifndef IDENTITY_SEARCH_H
#define IDENTITY_SEARCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "block.h"
#include "digest.h"
#include "fmt.h"

enum {
    IDENTITY_SEARCH_DEPTH_MAX = 16, /* folders below a folder */
    IDENTITY_SEARCH_HASHES = 4      /* teacher: backbone, backbone and head; the same of the student */
};

struct identity_file {
    char *path;
    enum block_kind kind; /* BLOCK_ANY: weights of a form that is not ours */
    uint8_t identity[DIGEST_BYTES];
    uint8_t weights[IDENTITY_SEARCH_HASHES][DIGEST_BYTES]; /* once they were asked for, see weights_hash */
};

struct identity_search_keys { /* sorted once they are looked at: by digest, then by the order of the walk */
    struct identity_search_key {
        uint8_t digest[DIGEST_BYTES];
        int64_t i_item;
    } *item;
    int64_t n, capacity;
    bool sorted;
};

struct identity_search {
    /* The hashes that features carry of the weights in a file; zeros: it has no such network or no head. Not 0: there
     * is none at all. NULL: files of weights are not found. */
    int (*weights_hash)(const char *path, uint8_t hash[IDENTITY_SEARCH_HASHES][DIGEST_BYTES], struct fmt_error *e);
    struct identity_file *item;
    int64_t n, capacity;
    struct identity_search_keys identities, weights[2]; /* of weights: files of weights, checkpoints */
    bool hashed[2];
    struct identity_search_folder {
        dev_t device;
        ino_t inode;
        int depth;
    } *folder; /* those walked */
    int64_t n_folders, folder_capacity;
};

/* What cannot be read is passed over; FMT_MEMORY, or FMT_IO where the folder itself cannot be listed. After the last of
 * these calls come those that find, and what they return lives until identity_search_release. */
int identity_search_add(struct identity_search *f, const char *folder, struct fmt_error *e);
/* A file of ours of this identity; data: or shards whose identity it is the digest of (evaluation during training). */
const struct identity_file *identity_search_find(struct identity_search *f, const uint8_t identity[DIGEST_BYTES]);
/* The nth of the files of weights, or of the checkpoints, with this hash; NULL: there are no more. The first call for
 * either reads all of them whole. */
const struct identity_file *identity_search_find_weights(struct identity_search *f, const uint8_t hash[DIGEST_BYTES],
                                                         bool checkpoints, int64_t nth);
void identity_search_release(struct identity_search *f);

#endif
