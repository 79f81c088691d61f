/* whole-checkpoint.h - a checkpoint, in one file or in the files of a set, as one file: that which a run of one process
 * would have written. */
#ifndef WHOLE_CHECKPOINT_H
#define WHOLE_CHECKPOINT_H

#include "fmt.h"

/* from: any file of it. Takes memory of one piece of a tensor. Errors name a path; FMT_MAGIC: `from` is no
 * checkpoint. */
int whole_checkpoint_write(const char *from, const char *to, struct fmt_error *e);

#endif
