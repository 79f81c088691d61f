/* checkpoint-files.h - the checkpoints in a directory: their names, which are there, which are removed.
 *
 * Each rank has files of its own. What is inside one is in checkpoint.h.
 */
#ifndef CHECKPOINT_FILES_H
#define CHECKPOINT_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

#define CHECKPOINT_NAME_MAX 64

/* "model_0000099.rank_0.ckpt" */
const char *checkpoint_name(int64_t iteration, int rank, char out[CHECKPOINT_NAME_MAX]);
bool checkpoint_parse_name(const char *name, int64_t *iteration, int *rank); /* exactly such a name */

struct checkpoint_list {
    int64_t *iteration; /* ascending */
    int64_t n;
};
/* The checkpoints of a rank in a directory; a directory that is not there holds none. */
int checkpoint_list(const char *directory, int rank, struct checkpoint_list *list, struct fmt_error *e);
void checkpoint_list_release(struct checkpoint_list *list);

/* Removes the oldest so that max_to_keep are left of those up to iteration `newest`. Later ones are not counted: they
 * are damaged, or will be written again. One that cannot be removed is an error, and the others are removed anyway. */
int checkpoint_prune(const char *directory, int rank, int64_t newest, int64_t max_to_keep,
                     struct fmt_error *e);

/* Makes space for a write that failed: where the disk was full (FMT_FULL), removes the oldest one before `last_good`,
 * the newest that was written whole, which is never removed. Returns the iteration of what was removed; -1: nothing. */
int64_t checkpoint_evict_oldest(const char *directory, int rank, int64_t last_good, const struct fmt_error *why);

#endif
