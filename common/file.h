/* file.h - files for the formats layer: reading, and outputs that appear complete or not at all.
 *
 * Reading: "-" is standard input. Several threads can read a regular file at offsets; a pipe is read in order.
 *
 * Writing: file_create opens a file without a name in the folder of the final one (O_TMPFILE); file_commit syncs and
 * checks it and gives it the name. Until then the file vanishes with the process, however that ends. To replace an
 * older file it is named ".NAME.RANDOM.tmp" between two calls, a link and a rename: SIGKILL or a power cut in that
 * moment leaves the complete file under that name. On a file system without unnamed files (NFS, FAT) it has that name
 * from the start, and a directory (file_create_dir) always has: file_abort, or an exit of the process without commit
 * (msg_die, a signal that ends it through file_on_signal), removes it; SIGKILL leaves it. No two writers use the same
 * name. "-" is standard output; if its reader has gone, incomplete outputs are removed and the process ends as by
 * SIGPIPE (signals.h). A final name that exists and is not a regular file (/dev/full, a fifo) is written in place.
 *
 * If the tool has enabled it (input-guard.h), an output never replaces a file that the same run has read:
 * FMT_UNSUPPORTED, on creation, or on commit if it was read later.
 */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"

struct file {
    int fd;
    char *path;       /* for messages */
    bool regular;
    uint64_t size;    /* of a regular file, else UINT64_MAX */
    int error_number; /* errno of the last failure of a callback, 0 if none */
};

/* FMT_IO or FMT_FULL, from errno: "photos/a.jpeg: No such file or directory". All errors here name the path so. */
int file_fail(const char *path, struct fmt_error *e);

int file_open(struct file *f, const char *path, struct fmt_error *e);
/* Refuses anything but a regular file (FMT_UNSUPPORTED), without waiting for the writer of a fifo. */
int file_open_regular(struct file *f, const char *path, struct fmt_error *e);
/* Does not wait for the writer of a fifo; reads fail with EAGAIN while there are no data (cancel-reader.h waits). */
int file_open_nowait(struct file *f, const char *path, struct fmt_error *e);
void file_close(struct file *f); /* may be called again */
struct fmt_reader file_reader(struct file *f); /* f must outlive it */

/* The whole file; *data is for free(). At most limit bytes, else FMT_LIMIT. */
int file_load(const char *path, size_t limit, uint8_t **data, size_t *bytes, struct fmt_error *e);
int file_load_regular(const char *path, size_t limit, uint8_t **data, size_t *bytes, struct fmt_error *e);
/* Appends the rest of an open file to b; FMT_LIMIT if b would hold more than limit bytes. */
int file_read_rest(struct file *f, size_t limit, struct fmt_buffer *b, struct fmt_error *e);

/* "-" as "standard output", for messages. */
static inline const char *file_output_name(const char *path)
{
    return path[0] == '-' && !path[1] ? "standard output" : path;
}

struct file_out {
    int fd;
    char *path, *temporary; /* temporary: its name until the commit; NULL: it has none yet */
    bool in_place;          /* standard output, a device, a fifo */
    uint8_t *buffer;
    size_t used;
    uint64_t bytes; /* written so far */
    int error_number;
};

/* Links are followed: the target is written, the link remains. /dev/stdout and /dev/fd/N are the open files that they
 * name, written in place. */
int file_create(struct file_out *f, const char *path, struct fmt_error *e);
/* The open file that a path names: 1 for "-" and /dev/stdout, 7 for /dev/fd/7; -1: none. */
int file_descriptor_of(const char *path);
/* A terminal is refused (FMT_INVALID). */
int file_create_binary(struct file_out *f, const char *path, struct fmt_error *e);
#define FILE_TERMINAL "standard output is a terminal: binary data is not written there"
/* A check before the work that file_create will succeed: is there a folder, and is it writable? Creates nothing. path
 * NULL: no output. */
int file_check_output(const char *path, bool binary, struct fmt_error *e);
int file_check_folder(const char *path, struct fmt_error *e); /* the same for a folder to be created or replaced */
/* FMT_UNSUPPORTED if path is a FIFO, which would block an open. For files that the user has not named. */
int file_check_fifo(const char *path, struct fmt_error *e);
int file_put(struct file_out *f, const void *data, size_t n); /* 0, or -1 and error_number */
struct fmt_writer file_writer(struct file_out *f);
int file_commit(struct file_out *f, struct fmt_error *e); /* also releases f, whether it fails or not */
void file_abort(struct file_out *f);
/* Ends an output whose writer has returned this status: 0 commits it, else it is aborted. If a write has failed, that
 * is the error. */
int file_finish(struct file_out *f, int status, struct fmt_error *e);

/* A whole small file. */
int file_save(const char *path, const void *data, size_t n, struct fmt_error *e);

/* Creates a directory under a temporary name beside `path`, for the files; *temporary is for free(). file_commit_dir
 * renames it, and replaces an older directory of that name only if `replace` is true. */
int file_create_dir(const char *path, char **temporary, struct fmt_error *e);
int file_commit_dir(char *temporary, const char *path, bool replace, struct fmt_error *e); /* frees */

int file_make_dirs(const char *path, struct fmt_error *e); /* mkdir -p */
int file_remove_tree(const char *path, struct fmt_error *e); /* rm -rf */
/* From now on as many files may be open as the system allows this process, instead of the usual 1024. For tools that
 * hold many inputs open. */
void file_allow_many(void);
bool file_exists(const char *path);
bool file_is_dir(const char *path);
bool file_is_same(const char *a, const char *b); /* two names of one file, which need not exist; "-" is only itself */
int file_sync_dir(const char *path); /* of the directory that holds path */
/* The target of a link, which need not exist; a copy of a path that is no link. For free(); NULL and errno: out of
 * memory, or too many links. */
char *file_resolve_links(const char *path);
char *file_join(const char *directory, const char *name); /* "a/b"; for free(); NULL: no memory */
char *file_directory(const char *path); /* that holds path: "a" of "a/b" and "a/b/", "." of "b"; for free(), or NULL */

/* The names in a directory, sorted as bytes, without "." and ".."; free each and the array. */
int file_list(const char *directory, char ***names, int64_t *n_names, struct fmt_error *e);
void file_list_free(char **names, int64_t n_names);

/* From now on the signals of signals.h remove incomplete outputs and end the process. For tools that do not handle them
 * otherwise. */
void file_on_signal(void);

#endif
