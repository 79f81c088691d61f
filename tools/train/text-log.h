/* text-log.h - log.txt: what a run says, with the time of day, for whoever looks at it later. Each process that works
 * on the run appends; nothing is ever cut. A journal that cannot be written is no reason to stop: its error is kept.
 */
#ifndef TEXT_LOG_H
#define TEXT_LOG_H

#include "fmt.h"

struct text_log {
    int fd; /* -1: closed */
    int error_number;
};

int text_log_open(struct text_log *j, const char *directory, struct fmt_error *e);
void text_log_add(struct text_log *j, const char *text); /* one line */
void text_log_close(struct text_log *j);

#endif
