/* ranking.h - rows in descending order of their probability of each class: sorted once, then used for operating points,
 * areas under curves and every resample.
 *
 *   ranking_make(&r, &rows, pool, e);
 *   const int32_t *order = ranking_of(&r, c);     order[0] is for the row with the highest probability of class c
 *   row = ranking_row(order[i]);                  the next row has the same probability where ranking_tied(order[i])
 *   ranking_release(&r);
 */
#ifndef RANKING_H
#define RANKING_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"
#include "rows.h"
#include "thread.h"

struct ranking {
    int64_t n;
    int n_classes;
    int32_t *order; /* [n_classes,n] a row, or ~row if the next is tied with it; tied rows ascend */
};

/* Ranks column proba, which has no NaN; n below 2^31. Work is divided by class: results do not depend on threads. */
int ranking_make(struct ranking *r, const struct rows *rows, struct thread_pool *pool, struct fmt_error *e);
void ranking_release(struct ranking *r);

static inline const int32_t *ranking_of(const struct ranking *r, int i_class)
{
    return r->order + i_class * r->n;
}
static inline int32_t ranking_row(int32_t entry)
{
    return entry < 0 ? ~entry : entry;
}
static inline bool ranking_tied(int32_t entry)
{
    return entry < 0;
}

#endif
