/* disk-space.h - is there enough space for what is going to be written?
 *
 *   if (disk_space_check("V", bytes, e)) ...
 *       FMT_LIMIT: "V: 3.9 TiB are going to be written, 79.0 GiB are free there"
 *
 * An output is complete before it replaces an older one of its name, so that one frees no space. On a file system that
 * compresses, files are smaller than announced: a tool that refuses should offer a way to continue.
 */
#ifndef DISK_SPACE_H
#define DISK_SPACE_H

#include "fmt.h"

/* bytes: of all that is going to be written to `path`, a file or a folder; links are followed, "-" is standard output.
 * Also 0 if the free space cannot be known: a pipe, a device, a missing folder, a file system that does not report
 * it. */
int disk_space_check(const char *path, double bytes, struct fmt_error *e);

#endif
