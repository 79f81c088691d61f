/* ranks.h - the processes of a run side by side: on which host each one is, what it computes on, and how many threads
 * it takes. Rank here, in rank-*.h and in messages is the number of a process (world.h), not a batch of train.ranks.
 *
 *   struct ranks ranks;
 *   ranks_meet(&ranks, world, n_jobs, "cpu", e);      all processes call it; afterwards each knows the same of all
 *   n_threads = ranks.place[world->rank].threads;
 *   for (first = 0; ranks_text(&ranks, &first, text);) msg_note("%s", text);
 *   ranks_release(&ranks);
 */
#ifndef RANKS_H
#define RANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"
#include "world.h"

enum { RANKS_PROCESSORS_MAX = 1024, RANKS_HOST_MAX = 64, RANKS_DEVICE_MAX = 32, RANKS_TEXT_MAX = 240 };

struct rank_place {
    char host[RANKS_HOST_MAX], device[RANKS_DEVICE_MAX];
    int64_t asked; /* threads by -j; 0: its share */
    int64_t quota; /* processors that control groups allow all processes of this host together; INT64_MAX: no limit */
    uint64_t processor[RANKS_PROCESSORS_MAX / 64]; /* bit i: may run on processor i */
    int64_t threads; /* that it takes: set by ranks_divide */
};

struct ranks {
    int n;
    struct rank_place *place; /* [n] */
};

/* asked: of -j; 0: the share of the processors. device: the name of what this process computes on. On failure, too,
 * ranks_release is due. */
int ranks_meet(struct ranks *r, const struct world *world, int64_t asked, const char *device, struct fmt_error *e);
void ranks_release(struct ranks *r);

/* Sets the threads of each process: what was asked for, else its share of the processors it may run on, each of which
 * is divided evenly among the processes of the host that may run on it; at least 1. So processes that are bound to
 * processors of their own get these, and processes that are not bound share the machine. */
void ranks_divide(struct rank_place *place, int n);

/* How many processes are on the host of this one, itself included. */
int ranks_local(const struct ranks *r, int rank);

/* The next line of the table, "ranks 0 to 3: host node7, device cpu, 4 threads each": it begins with rank *first, which
 * is set to the rank after the line. False: there is none. */
bool ranks_text(const struct ranks *r, int *first, char out[RANKS_TEXT_MAX]);

#endif
