/* gate-reference.h - the photographs that are known: good ones, which say what the subject looks like, and those seen
 * since, which may be used again.
 *
 *   struct gate_reference r;
 *   gate_reference_init(&r, dim, n_recent, e);
 *   gate_reference_add(&r, key, group, feature, &print, e);      good photographs
 *   gate_reference_look(&r, feature, &print, group, &v, e);      sets distance and similarity
 *   gate_reference_recent(&r, key, group, feature, &print, e);   afterwards: the photograph was seen
 *   gate_reference_release(&r);
 *
 * The distance is cosine distance to the GATE_NEIGHBOURS-th nearest good photograph. For the similarity all photographs
 * of other installations, good or recent, are compared by their prints (gate-print.h), the most alike and the nearest
 * ones carefully: this also finds a photograph that was compressed again or cropped. A photograph without an
 * installation ("") is an installation of its own.
 * Only functions that take a const reference may be called by several threads at once.
 */
#ifndef GATE_REFERENCE_H
#define GATE_REFERENCE_H

#include "gate-image.h"
#include "thread.h"

enum { GATE_CANDIDATES = 8, GATE_DIM_MAX = 1 << 20 };

struct gate_known; /* a photograph's names and print */
struct gate_reference {
    int64_t dim;                   /* of a feature: the class token, say */
    int64_t n_good, capacity;
    int64_t n_recent, recent_most; /* of recent ones the newest recent_most are kept */
    int64_t next_recent;           /* the place of the next one */
    float *good, *recent;          /* [n_good, dim], [recent_most, dim]: of unit length */
    struct gate_known *good_known, *recent_known;
};

int gate_reference_init(struct gate_reference *r, int64_t dim, int64_t recent_most, struct fmt_error *e);
void gate_reference_release(struct gate_reference *r); /* a zeroed struct is allowed */

/* All is copied. FMT_NONFINITE: the feature has a value that is not finite. */
int gate_reference_add(struct gate_reference *r, const char *key, const char *group, const float *feature,
                       const struct gate_print *print, struct fmt_error *e);
int gate_reference_recent(struct gate_reference *r, const char *key, const char *group, const float *feature,
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
 * does not depend on the number of threads. pool may be NULL. */
void gate_reference_look_all(const struct gate_reference *r, struct thread_pool *pool, struct gate_values *v);

#endif
