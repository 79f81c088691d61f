/* log.h - progress on standard error: a live line on a terminal, a line now and then (every 30 s) elsewhere.
 *
 *   struct log_progress p;
 *   log_begin(&p, "pack", "image", "images", n_images);    total 0: not known
 *   log_step(&p, n_done);                          cheap; from one thread
 *   log_end(&p);                                   or log_abandon(&p), where an error ended the work
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stdint.h>

struct log_progress {
    const char *what, *one, *many; /* "pack"; what is counted: "image", "images" */
    int64_t total, done;
    double start, shown; /* seconds of the monotonic clock */
    bool terminal, silent;
};

void log_begin(struct log_progress *p, const char *what, const char *one, const char *many, int64_t total);
void log_step(struct log_progress *p, int64_t done);
void log_abandon(struct log_progress *p); /* it failed: erases the live line, says nothing */
void log_end(struct log_progress *p); /* erases the live line; at level >= 0 one closing line with the rate */

double log_now(void); /* seconds of the monotonic clock */
void log_time_text(double seconds, char out[32]); /* "3 h 20 min" */

#endif
