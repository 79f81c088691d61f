/* rootpath.h - where the photographs of a catalogue lie, seen from the catalogue.
 *
 * A catalogue keeps the root of its paths. An absolute root is kept as it was given. A relative one is kept as seen
 * from the catalogue's own folder, so that dataset and catalogue can move together and a tool may be started
 * anywhere; of a catalogue that came through a pipe it counts from the current folder.
 */
#ifndef ROOTPATH_H
#define ROOTPATH_H

#include "fmt.h"

/* What to keep for `root` in a catalogue written to `catalogue` ("-": a pipe). *stored is for free(). */
int rootpath_store(const char *root, const char *catalogue, char **stored, struct fmt_error *e);

/* The folder to open for a kept root. If it is not there seen from the catalogue but is from the current folder (a
 * catalogue that was redirected into a file), the latter. *root is for free(); "" is the current folder. */
int rootpath_find(const char *stored, const char *catalogue, char **root, struct fmt_error *e);

#endif
