/* watch-folders.h - folders that are watched by inotify: which image files were written in them or moved there, at any
 * depth. What inotify does not see, as on a network share, is found by looking again from time to time.
 *
 *   struct watch_folders f;
 *   watch_folders_open(&f, folders, n, e);
 *   watch_folders_look(&f, found, arg, e);        all image files that are there
 *   poll f.fd;  watch_folders_read(&f, found, arg, e);
 *   watch_folders_close(&f);
 */
#ifndef WATCH_FOLDERS_H
#define WATCH_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"

struct watch_folders {
    int fd; /* of inotify */
    const char *const *folder;
    int n_folders;
    bool whole; /* names are relative to no folder */
    struct watched {
        int number;      /* of inotify */
        char *path;
        size_t relative; /* where the part of names in it begins that is relative to the folder that was named */
    } *item;
    int64_t n, capacity;
    bool lost; /* events were lost: look again */
    int n_unread, n_unwatched; /* at the last look */
};

/* name: of a file in one of the folders; name + relative: relative to the folder that was named, or whole. closed: it
 * was closed after writing, or moved there; else it was only seen. A nonzero result ends the call and is returned. */
typedef int watch_found(void *arg, const char *name, size_t relative, bool closed);

/* Folders must be there. whole: photographs do not come from one folder alone, so that names need theirs. */
int watch_folders_open(struct watch_folders *f, const char *const *folder, int n, bool whole, struct fmt_error *e);
/* Also watches folders that are new. One that cannot be read is passed over: n_unread counts them; one that cannot be
 * watched, as the system watches too many (fs.inotify.max_user_watches), is only looked into: n_unwatched. */
int watch_folders_look(struct watch_folders *f, watch_found *found, void *arg, struct fmt_error *e);
/* Events that are there; does not wait. */
int watch_folders_read(struct watch_folders *f, watch_found *found, void *arg, struct fmt_error *e);
void watch_folders_close(struct watch_folders *f);

#endif
