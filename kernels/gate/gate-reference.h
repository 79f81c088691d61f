/* gate-reference.h - the photographs that are known: good ones, which say what the subject looks like, and those seen
 * since, which may be used again.
 *
 *   struct gate_reference r;
 *   gate_reference_init(&r, dim, n_recent, e);
 *   gate_reference_remember(&r, "verdicts.prints", n, e);        those seen before, where they are to be found again
 *   gate_reference_add(&r, key, group, feature, &print, e);      good photographs
 *   gate_reference_look(&r, feature, &print, group, &v, e);      sets distance and similarity
 *   gate_recent_add(&r.recent, key, group, &print, e);           afterwards: the photograph was seen
 *   gate_reference_release(&r);
 *
 * The distance is cosine distance to the GATE_NEIGHBOURS-th nearest good photograph. For the similarity all photographs
 * of other installations, good or recent, are searched for the part that the photograph may be (gate-search.h), and
 * that part is approached in the GATE_CANDIDATES most alike. Those of one place are framed alike: the part that the
 * best ones show is at last looked at in the nearest of them by fine detail (gate-print.h), and the best are compared
 * exactly. This also finds a photograph that was compressed again, made lighter or darker, or cropped. A photograph
 * without an installation ("") is an installation of its own.
 * Only functions that take a const reference may be called by several threads at once.
 */
#ifndef GATE_REFERENCE_H
#define GATE_REFERENCE_H

#include "gate-image.h"
#include "gate-recent.h"
#include "thread.h"

enum { GATE_CANDIDATES = 512, GATE_DIM_MAX = 1 << 20 };

struct gate_known; /* a photograph's names and print */
struct gate_reference {
    int64_t dim;                   /* of a feature: the class token, say */
    int64_t n_good, capacity;
    float *good;                   /* [n_good, dim]: of unit length */
    struct gate_known *good_known;
    struct gate_recent recent;     /* the newest */
};

int gate_reference_init(struct gate_reference *r, int64_t dim, int64_t recent_most, struct fmt_error *e);
/* In place of the recent ones so far. */
int gate_reference_remember(struct gate_reference *r, const char *path, int64_t most, struct fmt_error *e);
void gate_reference_release(struct gate_reference *r); /* a zeroed struct is allowed */

/* All is copied. FMT_NONFINITE: the feature has a value that is not finite. */
int gate_reference_add(struct gate_reference *r, const char *key, const char *group, const float *feature,
                       const struct gate_print *print, struct fmt_error *e);

/* A good photograph. The texts live as long as the reference. */
struct gate_row {
    const char *key, *group;
    const float *feature; /* [dim], of unit length */
    const struct gate_print *print;
};
struct gate_row gate_reference_row(const struct gate_reference *r, int64_t i);

/* Sets distance and similarity of v, and what is similar. NAN: nothing is known to compare with. FMT_MEMORY. */
int gate_reference_look(const struct gate_reference *r, const float *feature, const struct gate_print *print,
                        const char *group, struct gate_values *v, struct fmt_error *e);
/* The same for each good photograph against those of other installations, for the calibration: v [n_good]. The result
 * does not depend on the number of threads. pool may be NULL. FMT_MEMORY. */
int gate_reference_look_all(const struct gate_reference *r, struct thread_pool *pool, struct gate_values *v,
                            struct fmt_error *e);

#endif
