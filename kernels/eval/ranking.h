/* ranking.h - the rows of a table of scores in descending order of each class: sorted once, then walked by whoever
 * asks (operating points, areas under curves, every resample).
 *
 *   ranking_make(&r, score, n, n_classes, pool, e);
 *   const int32_t *at = ranking_of(&r, c);         at[0] is where the row with the highest score of class c is told
 *   row = ranking_row(at[i]);                      its score equals that of the next row where ranking_tied(at[i])
 *   ranking_release(&r);
 */
#ifndef RANKING_H
#define RANKING_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"
#include "thread.h"

struct ranking {
    int64_t n;
    int n_classes;
    int32_t *at; /* [n_classes,n] a row, or ~row where the next one has the same score; of those the lower row first */
};

/* score [n,n_classes], without NaN; n below 2^31. Its rows are cut by class: threads do not matter. */
int ranking_make(struct ranking *r, const double *score, int64_t n, int n_classes, struct thread_pool *pool,
                 struct fmt_error *e);
void ranking_release(struct ranking *r);

static inline const int32_t *ranking_of(const struct ranking *r, int i_class)
{
    return r->at + i_class * r->n;
}
static inline int32_t ranking_row(int32_t at)
{
    return at < 0 ? ~at : at;
}
static inline bool ranking_tied(int32_t at)
{
    return at < 0;
}

#endif
