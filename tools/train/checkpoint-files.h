/* checkpoint-files.h - the checkpoints in a directory: which are there, which are removed. Names are in
 * checkpoint-name.h; what is inside is in checkpoint.h.
 *
 * A checkpoint is one: the file of a run of one process, or a set, the files of all processes and the set's. What is
 * there of a set without the set's file is of no use: somebody was killed while it was written or removed. It is no
 * checkpoint, and is removed where older checkpoints are.
 */
#ifndef CHECKPOINT_FILES_H
#define CHECKPOINT_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint-name.h"
#include "fmt.h"

struct checkpoint_list {
    int64_t *iteration; /* ascending */
    int64_t n;
};
/* The checkpoints in a directory; a directory that is not there holds none. Whether they can be read is not known. */
int checkpoint_list(const char *directory, struct checkpoint_list *list, struct fmt_error *e);
/* The rest of sets that are not complete. */
int checkpoint_list_rests(const char *directory, struct checkpoint_list *list, struct fmt_error *e);
void checkpoint_list_release(struct checkpoint_list *list);

/* The file by which a checkpoint is opened: of the set, where there is one. For free(); NULL: no memory. */
char *checkpoint_path(const char *directory, int64_t iteration);

/* Removes every file of this iteration, of the set first, so that what a kill leaves is no checkpoint. */
int checkpoint_remove(const char *directory, int64_t iteration, struct fmt_error *e);
/* Everything of all iterations. */
int checkpoint_remove_all(const char *directory, struct fmt_error *e);

/* Removes the oldest so that max_to_keep are left of those up to iteration `newest`, which was just written by
 * n_ranks processes; what others have left of it, and the rest of older sets. Later ones are not counted: they are
 * damaged, or will be written again. One that cannot be removed is an error, and the others are removed anyway. */
int checkpoint_prune(const char *directory, int64_t newest, int n_ranks, int64_t max_to_keep, struct fmt_error *e);

/* Makes space for a write that failed: where the disk was full (FMT_FULL), removes the rest of a set, else the oldest
 * one before `last_good`, the newest that was written whole, which is never removed. Returns the iteration of what was
 * removed; -1: nothing. */
int64_t checkpoint_evict_oldest(const char *directory, int64_t last_good, const struct fmt_error *why);

#endif
