/* level.h - scores of a report's photographs, or of its installations: areas with intervals, curves with bands.
 *
 *   level_open(&l, &cases, true, &bootstrap, pool, e);        installations
 *   level_open_part(&l, &cases, is_in, arg, &bootstrap, pool, e);     some photographs, without curves
 *   level_close(&l);
 *
 * Those with a label and a score count. Installations are resampled, photographs with them.
 */
#ifndef LEVEL_H
#define LEVEL_H

#include "cases.h"
#include "curve.h"

struct level_measure {
    double value, low, high; /* NAN: not defined, no interval */
};

struct level {
    struct rows rows; /* label, proba, group; class 1 is the defect */
    struct ranking ranking;
    int64_t n_defect, n_good;
    struct level_measure auroc, average_precision, brier; /* brier: of probabilities */
    struct curve roc, precision_recall;
};

int level_open(struct level *l, const struct cases *c, bool installations, const struct bootstrap *b,
               struct thread_pool *pool, struct fmt_error *e);
int level_open_part(struct level *l, const struct cases *c, bool (*is_in)(const void *arg, const struct case_photo *s),
                    const void *arg, const struct bootstrap *b, struct thread_pool *pool, struct fmt_error *e);
/* Installations by the share that their judge says, without curves; n 0: it says none. */
int level_open_shares(struct level *l, const struct cases *c, const struct bootstrap *b, struct thread_pool *pool,
                      struct fmt_error *e);
void level_close(struct level *l); /* a zeroed struct is allowed */

#endif
