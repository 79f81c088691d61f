/* whole-checkpoint.h - copies a checkpoint, be it one file or a set, to one file: the one that a run of one process
 * would have written. */
#ifndef WHOLE_CHECKPOINT_H
#define WHOLE_CHECKPOINT_H

#include "fmt.h"

/* from: any file of the checkpoint. Holds one piece of a tensor in memory. Errors name a path; FMT_MAGIC: `from` is no
 * checkpoint. */
int whole_checkpoint_write(const char *from, const char *to, struct fmt_error *e);

#endif
