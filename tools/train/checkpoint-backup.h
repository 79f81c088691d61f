/* checkpoint-backup.h - verified copies of checkpoints in another place (train.backup_dir), made by a thread of their
 * own so that a slow or dead file system never stops training. A copy is written beside, synced, renamed, then read
 * back from the disk and compared by its digest; one that differs is removed. On a full disk the oldest copies go, one
 * by one until there is room, but never the newest. Whatever fails is told through `tell` and forgotten.
 *
 *   checkpoint_backup_open(&b, config, tell, arg, e);         tells of a folder that cannot be used; none set: does
 * nothing
 *   checkpoint_backup_start(b, path, iteration, last);        after each checkpoint; last: this one whatever the
 * period says
 *   checkpoint_backup_close(b);                               waits for the copy in work
 */
#ifndef CHECKPOINT_BACKUP_H
#define CHECKPOINT_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "fmt.h"

struct checkpoint_backup;

/* tell is called from these functions alone, in the caller's thread: a warning, or (good) a note. */
int checkpoint_backup_open(struct checkpoint_backup **b, const struct config *config,
                           void (*tell)(void *arg, bool good, const char *text), void *arg, struct fmt_error *e);
/* Starts a copy where train.backup_period has passed since the last. One that is still in work is waited for only if
 * this is the last; else it is told that this checkpoint is not copied. */
void checkpoint_backup_start(struct checkpoint_backup *b, const char *path, int64_t iteration, bool last);
void checkpoint_backup_close(struct checkpoint_backup *b); /* NULL is allowed */

#endif
