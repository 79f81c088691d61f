/* file.h - files for the formats layer: reading, and outputs that appear whole or not at all.
 *
 * Reading: "-" is standard input. A regular file can be read at offsets by several threads; a pipe cannot.
 *
 * Writing: file_create opens a file without a name in the folder of the final one (O_TMPFILE); file_commit syncs and
 * checks it and gives it the name. Until then it goes with the process, however that ends. To replace an older file it
 * is called ".NAME.RANDOM.tmp" between two calls, a link and a rename: SIGKILL or a power cut in that moment leaves
 * that name, with all of the file. Where the file system has no such files (NFS, FAT) it is so called from the start,
 * and a directory (file_create_dir) always is: file_abort, or an exit of the process without commit (msg_die, a signal
 * that ends it through file_on_signal), removes what is so called, SIGKILL leaves it. No two writers share such a name.
 * "-" is standard output; where its reader has gone, the process ends as by SIGPIPE (signals.h), and what is
 * half-written is removed. A final name that exists and is not a regular file (/dev/full, a fifo) is written in place.
 *
 * Where a tool has asked for it (input-guard.h), an output never replaces a file that the same run has read:
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
    char *path;       /* as given, for messages */
    bool regular;
    uint64_t size;    /* of a regular file; UINT64_MAX else */
    int error_number; /* errno of the last failure of a callback, 0 if none */
};

/* FMT_IO, or FMT_FULL: "photos/a.jpeg: No such file or directory", as errno says. All errors here name the path so. */
int file_fail(const char *path, struct fmt_error *e);

int file_open(struct file *f, const char *path, struct fmt_error *e);
/* Refuses (FMT_UNSUPPORTED) what is not a regular file, without waiting for a fifo's writer. */
int file_open_regular(struct file *f, const char *path, struct fmt_error *e);
/* The writer of a fifo is not waited for; its reads fail with EAGAIN while it says nothing (cancel-reader.h waits). */
int file_open_nowait(struct file *f, const char *path, struct fmt_error *e);
void file_close(struct file *f); /* harmless on a closed one */
struct fmt_reader file_reader(struct file *f); /* f must outlive it */

/* The whole file; *data is for free(). At most limit bytes, else FMT_LIMIT. */
int file_load(const char *path, size_t limit, uint8_t **data, size_t *bytes, struct fmt_error *e);
int file_load_regular(const char *path, size_t limit, uint8_t **data, size_t *bytes, struct fmt_error *e);
/* What is left of an open file, appended to b until that holds more than limit bytes (FMT_LIMIT). */
int file_read_rest(struct file *f, size_t limit, struct fmt_buffer *b, struct fmt_error *e);

/* "-" as "standard output", for messages. */
static inline const char *file_output_name(const char *path)
{
    return path[0] == '-' && !path[1] ? "standard output" : path;
}

struct file_out {
    int fd;
    char *path, *temporary; /* temporary NULL: it has no name yet */
    bool in_place;          /* standard output, a device, a fifo */
    uint8_t *buffer;
    size_t used;
    uint64_t bytes; /* written so far */
    int error_number;
};

/* Links are followed: what they lead to is written, the link stays. /dev/stdout and /dev/fd/N are the open files that
 * they name, written in place. */
int file_create(struct file_out *f, const char *path, struct fmt_error *e);
/* The open file that a path names: "-" and /dev/stdout are 1, /dev/fd/7 is 7; -1: none. */
int file_descriptor_of(const char *path);
/* binary: a terminal is refused (FMT_INVALID), so that nobody's screen is filled with bytes. */
int file_create_binary(struct file_out *f, const char *path, struct fmt_error *e);
#define FILE_TERMINAL "standard output is a terminal: binary data is not written there"
/* Before the work: is there a folder for it, that takes it? As file_create would say later. NULL: there is no output.
 * Nothing is made or opened. */
int file_check_output(const char *path, bool binary, struct fmt_error *e);
int file_check_folder(const char *path, struct fmt_error *e); /* the same of a folder to be made or replaced */
/* FMT_UNSUPPORTED: there is a fifo, which who opens it would wait for. For files that are nobody else's to make. */
int file_check_fifo(const char *path, struct fmt_error *e);
int file_put(struct file_out *f, const void *data, size_t n); /* 0, or -1 and error_number */
struct fmt_writer file_writer(struct file_out *f);
int file_commit(struct file_out *f, struct fmt_error *e); /* also releases, failed or not */
void file_abort(struct file_out *f);
/* Ends an output whose contents were made with this status: 0 commits it; else it is aborted, and if a write had
 * failed, that is the reason told. */
int file_finish(struct file_out *f, int status, struct fmt_error *e);

/* Whole small files: written beside, synced, renamed. */
int file_save(const char *path, const void *data, size_t n, struct fmt_error *e);

/* A directory under a temporary name beside `path`; *temporary (for free) is where to put the files.
 * file_commit_dir renames it, replacing an older directory of that name only if `replace` says so. */
int file_create_dir(const char *path, char **temporary, struct fmt_error *e);
int file_commit_dir(char *temporary, const char *path, bool replace, struct fmt_error *e); /* frees */

int file_make_dirs(const char *path, struct fmt_error *e); /* mkdir -p */
int file_remove_tree(const char *path, struct fmt_error *e); /* rm -r; nothing there is no error */
bool file_exists(const char *path);
bool file_is_dir(const char *path);
bool file_is_same(const char *a, const char *b); /* two names of one file, there or yet to be written; "-" is itself */
int file_sync_dir(const char *path); /* of the directory that holds path */
/* Where a link leads, be it to something that is yet to be written; of what is no link a copy. For free(); NULL and
 * errno: no memory, or too many links. */
char *file_resolve_links(const char *path);
char *file_join(const char *directory, const char *name); /* "a/b"; for free(); NULL: no memory */
char *file_directory(const char *path); /* that holds path: "a" of "a/b" and "a/b/", "." of "b"; for free(), or NULL */

/* The names in a directory, sorted as bytes, without "." and ".."; free each and the array. */
int file_list(const char *directory, char ***names, int64_t *n_names, struct fmt_error *e);
void file_list_free(char **names, int64_t n_names);

/* Removes what is half-written and ends on the signals of signals.h (tools that handle them otherwise do not call
 * it). */
void file_on_signal(void);

#endif
