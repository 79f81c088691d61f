/* rootpath.h - the root folder of a catalogue's photographs, relative to the catalogue.
 *
 * A catalogue stores the root of its paths. An absolute root is stored as given. A relative one is stored relative to
 * the catalogue's own folder, so that dataset and catalogue can be moved together and tools can be started anywhere;
 * that of a catalogue from a pipe is relative to the current folder.
 */
#ifndef ROOTPATH_H
#define ROOTPATH_H

#include "fmt.h"

/* What to store for `root` in a catalogue that is written to `catalogue` ("-": a pipe). *stored is for free(). */
int rootpath_store(const char *root, const char *catalogue, char **stored, struct fmt_error *e);

/* The folder to open for a stored root. If it exists relative to the current folder only (the catalogue was redirected
 * into a file), that one. *root is for free(); "" is the current folder. */
int rootpath_find(const char *stored, const char *catalogue, char **root, struct fmt_error *e);

#endif
