/* disk-space.h - has the disk room for what is going to be written?
 *
 *   if (disk_space_check("V", bytes, e)) ...    FMT_LIMIT: "V: 3.9 TiB are going to be written, 79.0 GiB are free
 * there"
 *
 * An output is written beside its final name, so an older one of that name makes no room. Files grow smaller than told
 * where a file system compresses: who refuses should leave a way to go on.
 */
#ifndef DISK_SPACE_H
#define DISK_SPACE_H

#include "fmt.h"

/* bytes: of all that is going to be written under `path`, a file or a folder; links are followed, "-" is standard
 * output. 0 also where there is no telling: a pipe or a device, a folder that is not there, a file system that does not
 * know. */
int disk_space_check(const char *path, double bytes, struct fmt_error *e);

#endif
