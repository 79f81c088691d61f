/* watch-output.h - where the verdicts of a watch go: a pipe, or a file to which others may append, too. It is only
 * appended to, each installation by one call; nothing in it is ever cut off or changed.
 *
 *   struct watch_output o;
 *   watch_output_open(&o, stdout, path, lasting, e);
 *   watch_output_follow(&o, e);                       the file was moved away or removed: another one of that name
 *   watch_output_put(&o, lines, n, e);
 *   watch_output_complete(&o, start, lines, n, e);    at a start: lines that may be there already, whole or in part
 *   watch_output_close(&o);
 */
#ifndef WATCH_OUTPUT_H
#define WATCH_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fmt.h"

struct watch_output {
    FILE *out;
    const char *path; /* NULL: not named */
    bool is_file;
    bool lasting; /* lines are on the disk when watch_output_put returns */
    int look_fd;  /* the same file, to read; -1: cannot be read */
};

/* out is open for appending, as path if that is not NULL, and nothing was written to it; it remains open. lasting:
 * locks the file, too; FMT_UNSUPPORTED: another watch has it. */
int watch_output_open(struct watch_output *o, FILE *out, const char *path, bool lasting, struct fmt_error *e);
void watch_output_close(struct watch_output *o);

/* Where the path is no longer the file that is open, as after a log was rotated, out becomes the file of that name,
 * which is created if there is none. */
int watch_output_follow(struct watch_output *o, struct fmt_error *e);
/* What was put before may have gone to a file that is removed by now. */
bool watch_output_is_lost(const struct watch_output *o);

int64_t watch_output_size(const struct watch_output *o); /* bytes; -1: no file */
/* Begins a new line where somebody has left one without an end. */
int watch_output_put(struct watch_output *o, const char *lines, size_t n, struct fmt_error *e);
/* Lines that were to be written when the output had `start` bytes. If they are there, from start on, nothing is to be
 * done; if the file ends with their beginning, the rest is written; else all. A file that is shorter than start was
 * moved or emptied. Of a pipe nobody knows: all is written. */
int watch_output_complete(struct watch_output *o, int64_t start, const char *lines, size_t n, struct fmt_error *e);

#endif
