/* update.c - checks of the sweep over parameters. */
#include "update.h"

void op_update(struct op_ctx *c, const struct update *u)
{
    bool good = u->n_ranges >= 0;
    for (int64_t i = 0; i < u->n_ranges; i++)
        good &= u->ranges[i].offset >= 0 && u->ranges[i].count >= 0;
    if (op_check(c, good, "update: a range is not one") && !op_planning(c))
        c->backend->update(c, u);
}
