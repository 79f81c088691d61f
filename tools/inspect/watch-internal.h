/* watch-internal.h - the parts of a watch: what arrives (watch-arrivals.c), judging and keeping what was judged
 * (watch-judging.c), and the loop (watch.c).
 */
#ifndef WATCH_INTERNAL_H
#define WATCH_INTERNAL_H

#include "watch.h"

#include "watch-folders.h"
#include "watch-groups.h"
#include "watch-journal.h"
#include "watch-output.h"

struct watch {
    struct judge *judge;
    struct verdict_lines *lines;
    FILE *out; /* of the lines, which are gathered first */
    const struct watch_how *how;
    struct watch_journal journal;
    struct watch_groups groups;
    struct watch_groups recent; /* judged by their names: of a later name they are the other photographs */
    struct watch_folders folders;
    struct watch_output output;
    struct watch_keys keys;
    struct lines {
        char *text; /* for free() */
        size_t n;
    } written, /* about the installation that was judged */
        head;  /* of a new output */
    int64_t n_known; /* photographs that the first look has found and that were judged */
    bool names_ended;
    bool resumed;      /* the journal has photographs of a watch before */
    bool changed;      /* a photograph changed while it was judged */
    bool unread;       /* the system could not read one, which may pass */
    int n_warned_unread, n_warned_unwatched; /* folders of which a warning has told */
    int64_t looked_ms; /* the last look */
    struct fmt_buffer input; /* of standard input, the beginning of a name */
    struct fmt_error *e;
};

/* ------------------------------------------------------------------ arrivals */
/* A photograph in a folder: new, written again, or only seen again (a watch_found); arg: the watch. */
int watch_on_found(void *arg, const char *name, size_t relative, bool closed);
/* All of the folders: at the start, after lost events, and from time to time. */
int watch_look(struct watch *w);
/* A name of standard input. Its file may be missing: it will be unreadable. */
int watch_add_named(void *arg, const char *name, const char *key, const char *group, int32_t view);
/* What is there of standard input; names that are whole arrive. */
int watch_read_names(struct watch *w);

/* ------------------------------------------------------------------ judging */
/* Judges the first group, which is then gone, or waits again if it changed or cannot be read for now. */
int watch_judge_first(struct watch *w);
/* The first lines say by what is judged: in each pipe, in an empty file, and where another inspector goes on. */
int watch_put_header(struct watch *w);

#endif
