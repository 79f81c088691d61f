/* jsonl-writer.h - files of JSON lines that grow with a run: training_metrics.json, training_times.json,
 * evaluation.json.
 *
 * Each line begins with {"iteration": N and N rises. When a run resumes after iteration I, the lines after I are cut
 * off, and also partial lines left by a kill: the run writes them again, so that the file ends in the same bytes as if
 * nothing had happened. jsonl_writer_sync is called before a checkpoint is written: a checkpoint is never ahead of
 * these files, so a line up to I that is not there was deleted or damaged by someone else. Such lines are counted for
 * the caller to report, from the first that is there on (before it the run may have been in another folder). Whole
 * lines that are not of this form are left out and counted, too.
 *
 *   struct jsonl_history history = {.resumed = true, .last = iteration, .due = due, .arg = arg};
 *   jsonl_writer_open(&w, "run/training_metrics.json", &history, e);  if (history.n_missing || history.n_foreign) ...
 *   jsonl_writer_add(&w, &line, e);  jsonl_writer_sync(&w, e);  jsonl_writer_close(&w);
 *
 * A line that cannot be written, as on a full disk, is not lost: it waits in memory, and each later call tries again.
 */
#ifndef JSONL_WRITER_H
#define JSONL_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

#define JSONL_FIRST_ITERATION (-1) /* no line is of an earlier one */

struct jsonl_writer {
    int fd; /* -1: closed */
    char *path;
    int64_t bytes;             /* of the file, whole lines */
    struct fmt_buffer pending; /* lines to be written after them */
};

/* What a file should hold already. */
struct jsonl_history {
    bool resumed;                                    /* false: a new run; the file is emptied */
    int64_t last;                                    /* iteration of the checkpoint that the run resumes */
    bool (*due)(const void *arg, int64_t iteration); /* whether an iteration had a line; NULL: not known */
    const void *arg;
    int64_t n_missing, first_missing;                /* set by jsonl_writer_open, as is */
    int64_t n_foreign;
};

int jsonl_writer_open(struct jsonl_writer *w, const char *path, struct jsonl_history *history, struct fmt_error *e);
/* line: without the newline. */
int jsonl_writer_add(struct jsonl_writer *w, const struct fmt_buffer *line, struct fmt_error *e);
int jsonl_writer_sync(struct jsonl_writer *w, struct fmt_error *e); /* 0: all lines are on the disk */
void jsonl_writer_close(struct jsonl_writer *w);

#endif
