/* lines.h - files of JSON lines that grow with a run: training_metrics.json, training_times.json, evaluation.json.
 *
 * Each line begins with {"iteration": N and N never falls. When a run goes on behind iteration I, the lines behind I
 * are cut off, and with them what a kill left half-written: going on writes them again, so that the file ends in the
 * same bytes as if nothing had happened. lines_sync comes before a checkpoint is written: a checkpoint never says
 * more than these files.
 *
 *   lines_open(&l, "run/training_metrics.json", iteration, e);     LINES_NONE: nothing is kept
 *   lines_add(&l, &line, e);  lines_sync(&l, e);  lines_close(&l);
 */
#ifndef LINES_H
#define LINES_H

#include <stdint.h>

#include "fmt.h"

#define LINES_NONE INT64_MIN

struct lines {
    int fd; /* -1: closed */
    char *path;
};

int lines_open(struct lines *l, const char *path, int64_t last_iteration, struct fmt_error *e);
int lines_add(struct lines *l, const struct fmt_buffer *line, struct fmt_error *e); /* the newline is added here */
int lines_sync(struct lines *l, struct fmt_error *e);
void lines_close(struct lines *l);

#endif
