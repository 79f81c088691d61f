/* ranks.h - the ranks of a run side by side: where each one is, what it computes on, how many threads it takes, and
 * whether all of them do the same.
 *
 *   struct ranks ranks;
 *   ranks_meet(&ranks, world, n_jobs, "cpu", e);      all ranks call it; afterwards each knows the same of all
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
    int64_t quota; /* processors that control groups allow to this host's ranks together; INT64_MAX: no limit */
    uint64_t processor[RANKS_PROCESSORS_MAX / 64]; /* bit i: may run on processor i */
    int64_t threads;
};

struct ranks {
    int n;
    struct rank_place *place; /* [n] */
};

/* asked: of -j; 0: the share of the processors. device: the name of what this rank computes on. */
int ranks_meet(struct ranks *r, const struct world *world, int64_t asked, const char *device, struct fmt_error *e);
void ranks_release(struct ranks *r);

/* Sets threads of each: what was asked, or each processor shared by the ranks of its host that may run on it, at least
 * 1. So ranks that are bound to processors of their own have these, and ranks that are not bound share the machine. */
void ranks_divide(struct rank_place *place, int n);

/* How many ranks are on the host of this one. */
int ranks_local(const struct ranks *r, int rank);

/* The next line of the table, from rank *first on, which moves behind it: "ranks 0 to 3: host node7, device cpu, 4
 * threads each". False: there is none. */
bool ranks_text(const struct ranks *r, int *first, char out[RANKS_TEXT_MAX]);

#endif
