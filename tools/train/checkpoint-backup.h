/* checkpoint-backup.h - verified copies of checkpoints in another directory (train.backup_dir), made by a thread of
 * their own so that a slow or dead file system never stops training. A copy is written under a temporary name, synced,
 * renamed, then read back from the disk and compared by its digest; one that differs is removed. On a full disk the
 * oldest copies are removed, one by one until there is space, but never the newest. A failure is a warning in the log
 * and has no other consequence. A set (checkpoint-files.h) is one checkpoint here, too: the first process copies the
 * files of all, and the set's file last.
 *
 *   checkpoint_backup_open(&b, config, log, e);           warns of a directory that cannot be used; b is NULL where
 *                                                         none is set
 *   checkpoint_backup_start(b, iteration, W, last);       after each checkpoint
 *   checkpoint_backup_close(b);                           waits for the copy in progress
 */
#ifndef CHECKPOINT_BACKUP_H
#define CHECKPOINT_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "fmt.h"
#include "run-log.h"

struct checkpoint_backup;

/* The log is written only by these functions, in the caller's thread. */
int checkpoint_backup_open(struct checkpoint_backup **b, const struct config *config, struct run_log *log,
                           struct fmt_error *e);
/* Starts a copy where train.backup_period has passed since the previous one, and always of the last checkpoint. A copy
 * still in progress is waited for only then; else a warning says that this checkpoint is not copied. b may be NULL. */
void checkpoint_backup_start(struct checkpoint_backup *b, int64_t iteration, int n_ranks, bool last);
void checkpoint_backup_close(struct checkpoint_backup *b); /* NULL is allowed */

#endif
