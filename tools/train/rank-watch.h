/* rank-watch.h - a call that waits for other ranks and does not come back, since one of them hangs: it is named, with
 * the iteration and who has not arrived, and the process ends with status 75, so that whatever has started the run may
 * start it again.
 *
 *   rank_watch_open(&watch, &options, e);            all ranks; starts a thread in each
 *   rank_watch_iteration(watch, i);                  that is at work
 *   rank_watch_close(watch);
 *
 * A call of MPI is stuck then, and there may be no other one beside it (MPI_THREAD_SERIALIZED). So each rank tells the
 * others by a file of one line in the folder of the run, which all of them see: ranks/rank_3. A thread rewrites it
 * every sixtieth of the limit, at most four times a second. A rank that does not is stopped, or its machine is; one
 * that does and has not arrived is busy or stuck elsewhere; it ends, too, a little later, should nothing end it. The
 * files are removed when the run ends otherwise.
 *
 * Time in which the thread itself did not run does not count: a run that was suspended as a whole goes on.
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
    int64_t seconds;           /* train.hang_seconds */
    struct run_log *log;
    void (*end)(void);         /* ends the process at once, with status 75 */
};

/* One process, or 0 seconds: *watch is NULL, for which the others do nothing. */
int rank_watch_open(struct rank_watch **watch, const struct rank_watch_options *options, struct fmt_error *e);
void rank_watch_iteration(struct rank_watch *watch, int64_t iteration);
void rank_watch_close(struct rank_watch *watch);

#endif
