/* watch.h - installations are judged as their photographs arrive, in folders or by their names on standard input, until
 * a stop is asked for; a journal (watch-journal.h) lets the next watch go on where this one ended.
 *
 *   struct watch_how how = {.folder = folders, .n_folders = 1, .journal = "verdicts.journal", ...};
 *   watch_run(&judge, &lines, &how, e);
 *   watch_stop();                           from any thread
 *
 * An installation is judged when as many views are there as the inspector expects, or when none has arrived for a
 * while. A photograph counts as there when it was closed after writing or moved to its folder, or, where that is not
 * seen, when it has not changed for a second. If one changes while it is judged, the result is dropped and it is waited
 * for. When a photograph arrives for an installation that was judged before, its other photographs in that folder are
 * judged with it again: the last line of an installation counts. If all of them hold what they held then, as after they
 * were copied again, nothing is judged.
 */
#ifndef WATCH_H
#define WATCH_H

#include "verdict-lines.h"

enum { WATCH_REMEMBERED = 10000 }; /* photographs, that may be used again */

struct watch_how {
    const char *const *folder;
    int n_folders;
    bool names;          /* on standard input, too; the watch ends where these end and there are no folders */
    char separator;      /* of names */
    const char *output;  /* path of lines->out; NULL: it was not named */
    const char *journal; /* NULL: none */
    const char *prints;  /* file of the photographs that may be used again, beside the journal; NULL: none */
    int64_t wait_ms;     /* for further views */
    int64_t look_ms;     /* between two looks into the folders; 0: only events */
    const char *inspector; /* its name */
    void (*warn)(const char *format, ...), (*note)(const char *format, ...);
};

/* lines->out: open for appending, nothing written yet. Lines that a watch before has not brought there are written
 * first. */
int watch_run(struct judge *j, struct verdict_lines *lines, const struct watch_how *how, struct fmt_error *e);
void watch_stop(void);

#endif
