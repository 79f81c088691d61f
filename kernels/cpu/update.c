/* update.c - the sweep in chunks over the threads. */
#include <math.h>

#include "isa.h"
#include "update-loops.h"
#include "num.h"

ISA_TABLE(const struct update_loops, update_loops)

enum { CHUNK = 1 << 15 }; /* elements: five arrays of it fit a second-level cache */

struct sweep {
    const struct update *u;
    const struct update_loops *loops;
};

static void update_chunk(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct sweep *s = arg;
    const struct update *u = s->u;
    int64_t i = 0;
    for (; i < u->n_ranges; i++) { /* which range the chunk is of: ranges are few beside chunks' work */
        int64_t chunks = num_ceil_div(u->ranges[i].count, CHUNK);
        if (item < chunks)
            break;
        item -= chunks;
    }
    const struct update_range *r = &u->ranges[i];
    int64_t at = r->offset + item * CHUNK, n = num_min(CHUNK, r->count - item * CHUNK);
    if (u->rule == UPDATE_ADAMW)
        s->loops->adamw(u, r, at, n);
    else
        s->loops->sgd(u, r, at, n);
}

void cpu_update(struct op_ctx *c, const struct update *u)
{
    int64_t n_chunks = 0;
    for (int64_t i = 0; i < u->n_ranges; i++)
        n_chunks += num_ceil_div(u->ranges[i].count, CHUNK);
    op_for(c, n_chunks, update_chunk, &(struct sweep){u, update_loops()});
}
