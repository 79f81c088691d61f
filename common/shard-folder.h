/* shard-folder.h - the folder into which the parts of a job (part.h) write the shards of one set.
 *
 * Each shard appears when it is whole, and when all parts are done the set is complete: nothing is joined. Two sets in
 * one folder would be read as one, so before and after the work a part looks for shards of another set.
 *
 *   shard_folder_look(&f, "shards", e);       it need not be there
 *   shard_folder_check(&f, identity, e);      FMT_MISMATCH: there are others than those of this set
 *   shard_folder_release(&f);
 */
#ifndef SHARD_FOLDER_H
#define SHARD_FOLDER_H

#include <stdint.h>

#include "digest.h"
#include "fmt.h"

struct shard_folder {
    const char *path;               /* not owned */
    uint8_t identity[DIGEST_BYTES]; /* of the set whose shards are there */
    char *name;                     /* one of them; NULL: there are none */
    int64_t n;                      /* how many */
};

/* Shards that cannot be read do not count: they are written again, or the readers of the set find them. FMT_MISMATCH:
 * shards of several sets are there. Errors name the folder. */
int shard_folder_look(struct shard_folder *f, const char *path, struct fmt_error *e);
int shard_folder_check(const struct shard_folder *f, const uint8_t identity[DIGEST_BYTES], struct fmt_error *e);
void shard_folder_release(struct shard_folder *f); /* a zeroed struct is allowed */

#endif
