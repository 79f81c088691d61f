/* update.c - the sweep in chunks over the threads. */
#include "cpu.h"
#include "update-loops.h"

ISA_TABLE(const struct update_loops, update_loops)

enum { CHUNK = 1 << 15 }; /* elements: one work item, and few enough for even shares among threads */

struct update_sweep {
    const struct update *u;
    struct update_arrays arrays;
    const struct update_loops *loops;
};

static void update_chunk(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct update_sweep *s = arg;
    const struct update *u = s->u;
    int64_t i = 0;
    for (; i < u->n_ranges; i++) { /* the chunk's range; few, next to the work of a chunk */
        int64_t chunks = num_ceil_div(u->ranges[i].count, CHUNK);
        if (item < chunks)
            break;
        item -= chunks;
    }
    const struct update_range *r = &u->ranges[i];
    int64_t first = r->offset + item * CHUNK, n = num_min(CHUNK, r->count - item * CHUNK);
    if (u->rule == UPDATE_ADAMW)
        s->loops->adamw(u, &s->arrays, r, first, n);
    else
        s->loops->sgd(u, &s->arrays, r, first, n);
}

void cpu_update(struct op_ctx *c, const struct update *u)
{
    struct update_sweep s = {u,
                             {.student = cpu_f32(u->student),
                              .m = cpu_f32(u->m),
                              .v = cpu_f32(u->v),
                              .teacher = cpu_f32(u->teacher),
                              .grad = cpu_f32(u->grad)},
                             update_loops()};
    int64_t n_chunks = 0;
    for (int64_t i = 0; i < u->n_ranges; i++)
        n_chunks += num_ceil_div(u->ranges[i].count, CHUNK);
    op_for(c, n_chunks, update_chunk, &s);
}
