/* watch-journal.h - which photographs were judged: what a watch needs to go on after it was stopped, however that was.
 *
 * A text to which one record is appended after the lines of an installation were written and, where they go to a file,
 * are on the disk:
 *
 *   bbu-inspect journal 1
 *   photograph<tab>SIZE<tab>TIME<tab>NAME      each photograph: bytes, time of its last change in nanoseconds
 *   judged<tab>END                             the end of the output file; -1 if that is no file
 *   named<tab>VIEW<tab>GROUP<tab>NAME          a name from standard input, on its arrival
 *
 * A record counts from its line "judged" on, whole; what follows the last whole line is cut off. In names a backslash,
 * tab, newline and carriage return are \\, \t, \n and \r. So whenever the process ends:
 *
 *   before the record is written     the lines of that installation are cut off the output, and it is judged again
 *   after it                         neither happens
 *
 * A pipe cannot be cut: there the lines of the one installation in between may come twice, but never not at all. An
 * output that is shorter than END was moved away (log rotation); nothing is cut then. On opening the journal is written
 * anew, without photographs that are gone, and renamed into place.
 *
 * A lock on an empty file beside it, JOURNAL.lock, keeps a second watch from using it at the same time.
 *
 * In memory a photograph takes 16 bytes, and so does an installation.
 */
#ifndef WATCH_JOURNAL_H
#define WATCH_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

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
    int64_t end; /* of the last record; -1: none */
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

/* A record: any number of photographs, then the end. */
int watch_journal_add(struct watch_journal *j, const char *name, struct watch_stamp stamp, struct fmt_error *e);
int watch_journal_commit(struct watch_journal *j, int64_t end, struct fmt_error *e);
int watch_journal_named(struct watch_journal *j, const char *name, const char *group, int32_t view,
                        struct fmt_error *e);

#endif
