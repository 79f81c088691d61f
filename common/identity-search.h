/* identity-search.h - finding files below some folders by their identity: dinotools files by the identity in their
 * header, weights by the hash of their tensors.
 *
 *   struct identity_search f = {.weights_hash = weights_file_hashes};
 *   identity_search_add(&f, "run", e) ...                 walks a folder; skips hidden names and image files
 *   const struct identity_file *found = identity_search_find(&f, identity);
 *   identity_search_release(&f);
 *
 * Names are walked in the order of their bytes, and the first of several files with the same identity is found: a
 * folder whose files are to be preferred must be added first. A folder inside another one is walked once.
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
    IDENTITY_SEARCH_HASHES = 4      /* teacher: backbone, backbone and head; student: likewise */
};

struct identity_file {
    char *path;
    enum block_kind kind; /* BLOCK_ANY: foreign weights */
    uint8_t identity[DIGEST_BYTES];
    uint8_t weights[IDENTITY_SEARCH_HASHES][DIGEST_BYTES]; /* set by identity_search_find_weights */
    bool part; /* features of a part of a job, or a checkpoint's file of a later rank: the identity is the whole's */
};

struct identity_search_keys { /* sorted before the first search: by digest, then in the order of the walk */
    struct identity_search_key {
        uint8_t digest[DIGEST_BYTES];
        int64_t i_item;
    } *item;
    int64_t n, capacity;
    bool sorted;
};

struct identity_search {
    /* The hashes of the weights in a file, as features record them; zeros: it has no such network or no head. Returns
     * nonzero if it has no network at all. NULL: files of weights are not found. */
    int (*weights_hash)(const char *path, uint8_t hash[IDENTITY_SEARCH_HASHES][DIGEST_BYTES], struct fmt_error *e);
    struct identity_file *item;
    int64_t n, capacity;
    struct identity_search_keys identities, weights[2]; /* weights: of files of weights, of checkpoints */
    bool hashed[2];
    struct identity_search_folder {
        dev_t device;
        ino_t inode;
        int depth;
    } *folder; /* those walked */
    int64_t n_folders, folder_capacity;
};

/* Skips what cannot be read; FMT_MEMORY, or FMT_IO if the folder itself cannot be listed. All calls of it must precede
 * the searches, whose results live until identity_search_release. */
int identity_search_add(struct identity_search *f, const char *folder, struct fmt_error *e);
/* A dinotools file with this identity, or shards whose identity has this digest (which periodic evaluation records). */
const struct identity_file *identity_search_find(struct identity_search *f, const uint8_t identity[DIGEST_BYTES]);
/* The nth of the files of weights, or of the checkpoints, with this hash; NULL: there are no more. The first call for
 * either kind reads all its files completely. */
const struct identity_file *identity_search_find_weights(struct identity_search *f, const uint8_t hash[DIGEST_BYTES],
                                                         bool checkpoints, int64_t nth);
void identity_search_release(struct identity_search *f);

#endif
