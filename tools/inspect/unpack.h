/* unpack.h - the files that an inspector was made from, written into a folder again. */
#ifndef UNPACK_H
#define UNPACK_H

#include "fmt.h"

/* Creates the folder, which must not exist. Each file is whole and its SHA-256 is checked. n: how many there are. */
int unpack_inspector(const char *path, const char *folder, int *n, struct fmt_error *e);

#endif
