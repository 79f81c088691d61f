/* run-log.h - messages of a run: each goes to the user, through a function of the caller, and into log.txt, the
 * text log, with the time of day. Every process that works on the run appends to log.txt; nothing is ever cut.
 *
 *   struct run_log log = {.fd = -1, .print = print};            a log without a file: messages are only printed
 *   run_log_open(&log, output_dir, e);                          from here on log.txt has them too
 *   run_log(&log, RUN_WARNING, "%s; left out", path);
 *   run_log_close(&log);
 *
 * In a run of several processes all append to one log.txt.
 *
 * A log.txt that cannot be written does not stop the run: one warning says so.
 */
#ifndef RUN_LOG_H
#define RUN_LOG_H

#include <stdbool.h>

#include "fmt.h"

enum run_log_level {
    RUN_FILE_ONLY, /* only into log.txt */
    RUN_DETAIL,    /* for users who ask for more */
    RUN_NOTE,
    RUN_WARNING,
    RUN_OWN_WARNING, /* of this rank, whatever the others find */
    RUN_ERROR /* of a problem that ends the run, as the returned status says */
};

struct run_log {
    void (*print)(void *arg, enum run_log_level level, const char *text); /* NULL: not printed */
    void *arg;
    int rank;    /* above 0: only RUN_OWN_WARNING and RUN_ERROR, with the rank before them; rank 0 says the rest */
    int fd;      /* of log.txt; -1: none */
    const char *directory;
    bool failed; /* log.txt could not be written, and that was said */
};

int run_log_open(struct run_log *log, const char *directory, struct fmt_error *e);
void run_log_close(struct run_log *log);

/* One line, without the newline. */
void run_log(struct run_log *log, enum run_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
