/* path-list.h - names of files from standard input: one per line, or each ended by a zero byte, as find -print0 writes
 * them. Lines may have Windows line ends; empty lines and a byte order mark before the first line are skipped. Names
 * that end with a zero byte are taken to the byte.
 */
#ifndef PATH_LIST_H
#define PATH_LIST_H

#include "fmt.h"

enum { PATH_LIST_NAME_MAX = 4096 };

/* Calls `found` for each name in order; a nonzero result ends the reading and is returned. end: '\n' or 0. A name that
 * is too long, or a zero byte in a line, is an error. */
int path_list_read(char end, int (*found)(void *arg, const char *name), void *arg, struct fmt_error *e);

#endif
