/* jsonl-writer.h - files of JSON lines that grow with a run: training_metrics.json, training_times.json,
 * evaluation.json.
 *
 * Each line begins with {"iteration": N and N rises. When a run goes on behind iteration I, the lines behind I are cut
 * off, and with them what a kill left half-written: going on writes them again, so that the file ends in the same
 * bytes as if nothing had happened. jsonl_writer_sync comes before a checkpoint is written: a checkpoint never says
 * more than these files, so a line up to I that is not there was deleted or damaged by someone else. Such lines are
 * counted for the caller to tell, from the first that is there on (before it the run may have been in another
 * folder); whole lines that are none of ours are left out and counted too, and all others are kept.
 *
 *   struct jsonl_history past = {.last = iteration, .due = due, .arg = arg};      .last JSONL_WRITER_NONE: nothing
 * is kept
 *   jsonl_writer_open(&l, "run/training_metrics.json", &past, e);  if (past.n_missing || past.n_foreign) ...
 *   jsonl_writer_add(&l, &line, e);  jsonl_writer_sync(&l, e);  jsonl_writer_close(&l);
 *
 * A line that cannot be written, as on a full disk, is not lost: it waits in memory, and each later call tries again.
 */
#ifndef JSONL_WRITER_H
#define JSONL_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

#define JSONL_WRITER_NONE INT64_MIN
#define JSONL_WRITER_FIRST (-1) /* no line is of an earlier iteration */

struct jsonl_writer {
    int fd; /* -1: closed */
    char *path;
    int64_t bytes;             /* of the file, whole lines */
    struct fmt_buffer waiting; /* to stand behind them */
};

struct jsonl_history {
    int64_t last;                                       /* of the checkpoint that the run goes on from */
    bool (*due)(const void *arg, int64_t iteration);    /* whether it had a line; NULL: not asked */
    const void *arg;
    int64_t n_missing, first_missing;                   /* set by jsonl_writer_open, as is */
    int64_t n_foreign;
};

int jsonl_writer_open(struct jsonl_writer *l, const char *path, struct jsonl_history *past, struct fmt_error *e);
int jsonl_writer_add(struct jsonl_writer *l, const struct fmt_buffer *line,
                     struct fmt_error *e); /* the newline is added here */
int jsonl_writer_sync(struct jsonl_writer *l, struct fmt_error *e); /* 0: all lines are on the disk */
void jsonl_writer_close(struct jsonl_writer *l);

#endif
