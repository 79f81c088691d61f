/* rank-times.h - finds the slowest process. All processes end a step at the same time, since each waits for the others;
 * so what counts is the time of each without the calls in which it waits (world_clock).
 *
 *   rank_times_add(&times, own, data, &result.times);         after each step
 *   rank_times_compare(world, &times, &report, e);            all processes, now and then; times are zero afterwards
 *   if (rank_times_persists(&slow, &report)) ...              worth a warning
 */
#ifndef RANK_TIMES_H
#define RANK_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"
#include "step.h"
#include "world.h"

enum rank_part { RANK_DATA, RANK_FORWARD, RANK_BACKWARD, RANK_REST, RANK_PARTS };
extern const char *const rank_part_name[RANK_PARTS]; /* "data", ...; the rest: "update" */

struct rank_times { /* zero-initialise */
    double part[RANK_PARTS]; /* seconds of n steps */
    int64_t n;
    char host[64];
};

/* A step that took `own` seconds of this process, of which it waited `data` for its batches. */
void rank_times_add(struct rank_times *t, double own, double data, const struct step_times *of_step);

/* Seconds of a step, the mean since the last report. */
struct rank_report {
    int slowest;           /* its number */
    char host[64];         /* of the slowest */
    double time, median;   /* own time of the slowest, and the lower median of all */
    enum rank_part part;   /* in which the slowest differs most from the median of that part */
    int64_t n;             /* steps */
};
int rank_times_compare(const struct world *world, struct rank_times *t, struct rank_report *report,
                       struct fmt_error *e);
/* The same from the times of all processes. Of equally slow ones the first. */
int rank_times_judge(const struct rank_times *all, int n_ranks, struct rank_report *report, struct fmt_error *e);

/* Whether to warn: one process has been slower than the median by more than a tenth in three consecutive reports or
 * more, which together have cost the others at least five seconds. True once in each such period. */
struct rank_slow { /* zero-initialise */
    int rank;
    int64_t n_reports;
    double lost; /* seconds */
    bool said;
};
bool rank_times_persists(struct rank_slow *slow, const struct rank_report *report);

#endif
