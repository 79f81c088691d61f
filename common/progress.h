/* progress.h - progress on standard error: a live line on a terminal, else a line every 30 s.
 *
 *   struct progress p;
 *   progress_begin(&p, "pack", "image", "images", n_images);    total 0: not known
 *   progress_step(&p, n_done);                                  cheap; from one thread
 *   progress_end(&p);                                           or progress_abandon(&p) if the work failed
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what, *one, *many; /* "pack"; what is counted: "image", "images" */
    int64_t total, done;
    double start, shown; /* clock_now() */
    bool terminal, silent;
};

void progress_begin(struct progress *p, const char *what, const char *one, const char *many, int64_t total);
void progress_step(struct progress *p, int64_t done);
void progress_abandon(struct progress *p); /* erases the live line */
void progress_end(struct progress *p);     /* erases the live line; at level >= 0 prints a final line with the rate */

#endif
