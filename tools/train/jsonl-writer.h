/* jsonl-writer.h - files of JSON lines that grow with a run: training_metrics.json, training_times.json,
 * evaluation.json.
 *
 * Each line begins with {"iteration": N and N rises. When a run goes on behind iteration I, the lines behind I are cut
 * off, and with them what a kill left half-written: going on writes them again, so that the file ends in the same
 * bytes as if nothing had happened. lines_sync comes before a checkpoint is written: a checkpoint never says more than
 * these files, so a line up to I that is not there was deleted or damaged by someone else. Such lines are counted for
 * the caller to tell, from the first that is there on (before it the run may have been in another folder); whole lines
 * that are none of ours are left out and counted too, and all others are kept.
 *
 *   struct lines_past past = {.last = iteration, .due = due, .arg = arg};      .last LINES_NONE: nothing is kept
 *   lines_open(&l, "run/training_metrics.json", &past, e);  if (past.n_missing || past.n_foreign) ...
 *   lines_add(&l, &line, e);  lines_sync(&l, e);  lines_close(&l);
 *
 * A line that cannot be written, as on a full disk, is not lost: it waits in memory, and each later call tries again.
 */
#ifndef JSONL_WRITER_H
#define JSONL_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

#define LINES_NONE INT64_MIN
#define LINES_FIRST (-1) /* no line is of an earlier iteration */

struct lines {
    int fd; /* -1: closed */
    char *path;
    int64_t bytes;             /* of the file, whole lines */
    struct fmt_buffer waiting; /* to stand behind them */
};

struct lines_past {
    int64_t last;                                       /* of the checkpoint that the run goes on from */
    bool (*due)(const void *arg, int64_t iteration);    /* whether it had a line; NULL: not asked */
    const void *arg;
    int64_t n_missing, first_missing;                   /* set by lines_open, as is */
    int64_t n_foreign;
};

int lines_open(struct lines *l, const char *path, struct lines_past *past, struct fmt_error *e);
int lines_add(struct lines *l, const struct fmt_buffer *line, struct fmt_error *e); /* the newline is added here */
int lines_sync(struct lines *l, struct fmt_error *e); /* 0: all lines are on the disk */
void lines_close(struct lines *l);

#endif
