/* path-list.h - names of files from standard input: one a line, or each ended by a zero byte, as find -print0 writes
 * them. Lines may end as Windows ends them, and a byte order mark before the first is passed over, as are empty lines.
 * What a zero byte ends is taken to the byte.
 */
#ifndef PATH_LIST_H
#define PATH_LIST_H

#include "fmt.h"

enum { PATH_LIST_NAME_MAX = 4096 };

/* Calls found for each name in order; what it returns, if not 0, ends the reading. end is '\n' or 0. A longer name, or
 * a zero byte in a line, is no list of names: an error. */
int path_list_read(char end, int (*found)(void *arg, const char *name), void *arg, struct fmt_error *e);

#endif
