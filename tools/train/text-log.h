/* text-log.h - log.txt: what a run says, with the time of day, for whoever looks at it later. Each process that works
 * on the run appends; nothing is ever cut. A journal that cannot be written is no reason to stop: its error is kept.
 */
#ifndef TEXT_LOG_H
#define TEXT_LOG_H

#include "fmt.h"

struct journal {
    int fd; /* -1: closed */
    int error_number;
};

int journal_open(struct journal *j, const char *directory, struct fmt_error *e);
void journal_add(struct journal *j, const char *text); /* one line */
void journal_close(struct journal *j);

#endif
