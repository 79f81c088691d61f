/* watch-journal.h - which photographs were judged, and the lines that say so: what a watch needs to go on after it was
 * stopped, however that was.
 *
 * A text. A record has the photographs of an installation and the lines about it:
 *
 *   bbu-inspect journal 2
 *   inspector<tab>SHA-256                      by which what follows was judged: the identity of its file
 *   photograph<tab>SIZE<tab>TIME<tab>NAME      each photograph: bytes, time of its last change in nanoseconds
 *   judged<tab>START<tab>LINES                 the record is whole. LINES go to the output, which had START bytes; -1:
 *                                              it is no file
 *   written                                    they are there
 *   named<tab>VIEW<tab>GROUP<tab>NAME          a name from standard input, on its arrival
 *
 * In names and lines a backslash, tab, newline and carriage return are \\, \t, \n and \r. A record counts from its
 * line "judged" on; what follows the last whole line of the journal does not count. It is on the disk before anything
 * of it goes to the output, so that whenever the process ends:
 *
 *   before the line "judged"         the installation is judged again; nothing of it is in the output
 *   after it, before "written"       `pending`: the lines that are missing in the output are written (watch-output.h);
 *                                    the photographs are not needed for that
 *   after that                       nothing is left to do
 *
 * On opening the journal is written anew, without photographs that are gone, and renamed into place.
 *
 * A lock on an empty file beside it, JOURNAL.lock, keeps a second watch from using it at the same time.
 *
 * In memory a photograph takes 16 bytes, and so does an installation.
 */
#ifndef WATCH_JOURNAL_H
#define WATCH_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "fmt.h"

struct watch_stamp { /* of a file; changes when it is written */
    int64_t size, time_ns;
};
/* false: there is no such file */
bool watch_stamp_of(const char *path, struct watch_stamp *s);
static inline bool watch_stamp_same(struct watch_stamp a, struct watch_stamp b)
{
    return a.size == b.size && a.time_ns == b.time_ns;
}

struct watch_journal {
    const char *path; /* NULL: in memory alone */
    int fd, lock_fd;
    char inspector[DIGEST_HEX]; /* of the last record; "": none */
    struct fmt_buffer pending;  /* lines that may be missing in the output; empty: none */
    int64_t pending_start;
    struct watch_seen {
        uint64_t name, stamp; /* hashes; name 0: free */
    } *seen;
    int64_t n_seen, capacity; /* a power of two */
    struct fmt_buffer record;
};

/* Names that had arrived on standard input and were not judged are handed to named. path NULL: no file.
 * FMT_UNSUPPORTED: another watch has it. */
int watch_journal_open(struct watch_journal *j, const char *path,
                       int (*named)(void *arg, const char *name, const char *group, int32_t view), void *arg,
                       struct fmt_error *e);
void watch_journal_close(struct watch_journal *j);

/* Was the photograph, as its file now is, judged? */
bool watch_journal_knows(const struct watch_journal *j, const char *name, struct watch_stamp stamp);

/* Installations of which a photograph was judged, in memory alone. */
int watch_journal_note_group(struct watch_journal *j, const char *group, struct fmt_error *e);
bool watch_journal_knows_group(const struct watch_journal *j, const char *group);

/* A record: any number of photographs, perhaps the inspector, then the lines, which are for the output. Afterwards it
 * is on the disk. */
int watch_journal_add(struct watch_journal *j, const char *name, struct watch_stamp stamp, struct fmt_error *e);
int watch_journal_inspector(struct watch_journal *j, const char inspector[DIGEST_HEX], struct fmt_error *e);
int watch_journal_judged(struct watch_journal *j, int64_t start, const char *lines, size_t n, struct fmt_error *e);
/* The lines of the last record are in the output, or those that were pending. */
int watch_journal_written(struct watch_journal *j, struct fmt_error *e);
/* Names are on the disk after watch_journal_sync. */
int watch_journal_named(struct watch_journal *j, const char *name, const char *group, int32_t view,
                        struct fmt_error *e);
int watch_journal_sync(struct watch_journal *j, struct fmt_error *e);

#endif
