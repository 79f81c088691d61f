/* rank-watch.h - ends a run in which a call that waits for other processes does not return, because one of them hangs.
 * A message names the call, the iteration and who has not arrived; the process ends with status 75, so that whatever
 * has started the run may start it again. A process is named by its number: "rank 3".
 *
 *   rank_watch_open(&watch, &options, e);            all processes; starts a thread in each
 *   rank_watch_iteration(watch, i);                  the iteration that is computed from here on
 *   rank_watch_close(watch);
 *
 * One call of MPI is stuck then, and no other may be made beside it (MPI_THREAD_SERIALIZED). So each process tells the
 * others where it is by a file of one line in the folder of the run, which all of them see: ranks/rank_3. The thread
 * rewrites it at intervals of a sixtieth of the limit, but not more than four times a second. A process whose line
 * grows old is stopped, or its machine is; one that rewrites it and has not arrived is busy or stuck elsewhere, and
 * ends by itself a little later if nothing else ends it. The files are removed at the end of a run, but not where this
 * module ends it.
 *
 * Time in which the thread itself could not run does not count: a run that was suspended as a whole goes on.
 */
#ifndef RANK_WATCH_H
#define RANK_WATCH_H

#include <stdint.h>

#include "fmt.h"
#include "run-log.h"
#include "world.h"

struct rank_watch;

struct rank_watch_options {
    const struct world *world; /* with a meter */
    const char *folder;        /* of the run */
    int64_t seconds;           /* train.hang_seconds; 0: no watch */
    struct run_log *log;
    void (*end)(void);         /* ends the process at once, with status 75 */
};

/* One process, or 0 seconds: *watch is NULL, for which the others do nothing. */
int rank_watch_open(struct rank_watch **watch, const struct rank_watch_options *options, struct fmt_error *e);
void rank_watch_iteration(struct rank_watch *watch, int64_t iteration);
void rank_watch_close(struct rank_watch *watch);

#endif
