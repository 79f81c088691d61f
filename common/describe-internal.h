/* describe-internal.h - what describe.c and describe-records.c have in common. */
#ifndef DESCRIBE_INTERNAL_H
#define DESCRIBE_INTERNAL_H

#include "describe.h"
#include "tensorfile.h"

/* Files of weights are opened by name; the copy of a pipe has only the name of its descriptor. */
int describe_open_weights(struct tensorfile *t, const struct file *f, struct fmt_error *e);

#endif
