/* watch-journal.h - which photographs were judged, and the lines that say so: what a watch needs to go on after it was
 * stopped, however that was.
 *
 * A text. A record has the photographs of an installation and the lines about it:
 *
 *   bbu-inspect journal 3
 *   inspector<tab>SHA-256                      by which what follows was judged: the identity of its file
 *   photograph<tab>SIZE<tab>TIME<tab>CHANGED<tab>INODE<tab>SHA-256<tab>KEY
 *                                              each photograph: its stamp, the identity of its file, and the name by
 *                                              which it is remembered (watch-stamp.h)
 *   judged<tab>START<tab>LINES                 the record is whole. LINES go to the output, which had START bytes; -1:
 *                                              it is no file
 *   written                                    they are there
 *   named<tab>VIEW<tab>GROUP<tab>KEY<tab>NAME  a name from standard input, on its arrival
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
 * On opening the journal is written anew and renamed into place: each photograph once, as it was judged last, and of
 * those that are gone only some WATCH_KEPT: the folder may be one that is not mounted. A journal that is moved away or
 * removed while the watch runs is put back.
 *
 * A lock on an empty file beside it, JOURNAL.lock, keeps a second watch from using it at the same time.
 *
 * In memory a photograph takes 24 bytes, in a table of which at least a quarter and at most half is used, and so does
 * an installation.
 */
#ifndef WATCH_JOURNAL_H
#define WATCH_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "fmt.h"
#include "watch-stamp.h"

enum { WATCH_KEPT = 200000 }; /* photographs of the journal, before those that are gone are forgotten */

struct watch_journal {
    const char *path; /* NULL: in memory alone */
    int fd, lock_fd;
    char inspector[DIGEST_HEX]; /* of the last record; "": none */
    struct fmt_buffer pending;  /* lines that may be missing in the output; empty: none */
    int64_t pending_start;
    struct watch_seen {
        uint64_t key, stamp, content; /* hashes; key 0: free; content 0: not known */
    } *seen;
    int64_t n_seen, capacity; /* a power of two */
    struct fmt_buffer record;
    void (*warn)(const char *format, ...);
};

/* Names that had arrived on standard input and were not judged. */
typedef int watch_named(void *arg, const char *name, const char *key, const char *group, int32_t view);

/* Names that wait are handed to named. path NULL: no file. FMT_UNSUPPORTED: another watch has it. */
int watch_journal_open(struct watch_journal *j, const char *path, watch_named *named, void *arg,
                       void (*warn)(const char *format, ...), struct fmt_error *e);
void watch_journal_close(struct watch_journal *j);

/* Was a photograph of this name judged? As its file now is, by its stamp; by what it holds. */
bool watch_journal_knows_key(const struct watch_journal *j, const char *key);
bool watch_journal_knows(const struct watch_journal *j, const char *key, struct watch_stamp stamp);
bool watch_journal_knows_content(const struct watch_journal *j, const char *key, const uint8_t content[DIGEST_BYTES]);

/* Installations of which a photograph was judged, in memory alone. */
int watch_journal_note_group(struct watch_journal *j, const char *group, struct fmt_error *e);
bool watch_journal_knows_group(const struct watch_journal *j, const char *group);

/* A record: any number of photographs, perhaps the inspector, then the lines, which are for the output. Afterwards it
 * is on the disk. */
int watch_journal_add(struct watch_journal *j, const char *key, struct watch_stamp stamp,
                      const uint8_t content[DIGEST_BYTES], struct fmt_error *e);
int watch_journal_inspector(struct watch_journal *j, const char inspector[DIGEST_HEX], struct fmt_error *e);
int watch_journal_judged(struct watch_journal *j, int64_t start, const char *lines, size_t n, struct fmt_error *e);
/* The lines of the last record are in the output, or those that were pending. */
int watch_journal_written(struct watch_journal *j, struct fmt_error *e);
/* Names are on the disk after watch_journal_sync. */
int watch_journal_named(struct watch_journal *j, const char *name, const char *key, const char *group, int32_t view,
                        struct fmt_error *e);
int watch_journal_sync(struct watch_journal *j, struct fmt_error *e);

#endif
