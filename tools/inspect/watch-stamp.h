/* watch-stamp.h - whether a photograph still is the one that was seen: what tells it without reading, what it holds,
 * and under which name it is remembered. */
#ifndef WATCH_STAMP_H
#define WATCH_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "fmt.h"

/* Of a file; changes when it is written or replaced, also by one of the same size and time. It may change otherwise,
 * too: by chmod or a link to it, or when a network share is mounted again. Then what it holds decides. */
struct watch_stamp {
    int64_t size, time_ns;    /* of the last change of what it holds, which programs can set */
    int64_t changed_ns, inode; /* of any change: the system's own */
};

#define WATCH_NO_STAMP ((struct watch_stamp){-1, 0, 0, 0}) /* of a file that is not there */

/* false: there is no such file; s remains */
bool watch_stamp_of(const char *path, struct watch_stamp *s);
static inline bool watch_stamp_same(struct watch_stamp a, struct watch_stamp b)
{
    return a.size == b.size && a.time_ns == b.time_ns && a.changed_ns == b.changed_ns && a.inode == b.inode;
}

/* SHA-256 of the file; zeros: it cannot be read. */
void watch_content_of(const char *path, uint8_t content[DIGEST_BYTES]);

/* A name by which a photograph is remembered: that of the file in the folder's path without links, so that it is the
 * same whatever way the folder is called. Of a folder that is not there the name as it is. */
struct watch_keys { /* the last folder; zero-initialise */
    char *folder, *real;
};
/* For free(); NULL: no memory */
char *watch_key(struct watch_keys *k, const char *name);
/* From now on links are followed again. */
void watch_keys_release(struct watch_keys *k);

#endif
