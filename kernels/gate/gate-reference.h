/* gate-reference.h - the photographs that are known: good ones, which say what the subject looks like, and those seen
 * since, which may be used again.
 *
 *   struct gate_reference r;
 *   gate_reference_init(&r, dim, n_recent, e);
 *   gate_reference_remember(&r, "verdicts.prints", n, e);        those seen before, where they are to be found again
 *   gate_reference_add(&r, key, group, feature, &print, e);      good photographs
 *   gate_reference_fit(&r, &device, v, e);                       how they vary; or gate-file.h has it
 *   gate_reference_look(&r, pool, feature, &print, group, &v, e);    sets distance and similarity
 *   gate_recent_add(&r.recent, key, group, &print, e);           afterwards: the photograph was seen
 *   gate_reference_release(&r);
 *
 * The distance is that of gate-whitening.h. For the similarity all photographs
 * of other installations, good or recent, are searched for the part that the photograph may be (gate-search.h), and
 * that part is approached in the GATE_CANDIDATES most alike. Those of one place are framed alike: the part that the
 * best ones show is at last looked at in the nearest of them by fine detail (gate-print.h), and the best are compared
 * exactly. This also finds a photograph that was compressed again, made lighter or darker, or cropped. A photograph
 * without an installation ("") is an installation of its own.
 * Only functions that take a const reference may be called by several threads at once.
 */
#ifndef GATE_REFERENCE_H
#define GATE_REFERENCE_H

#include "gate-recent.h"
#include "gate-whitening.h"
#include "thread.h"

enum { GATE_CANDIDATES = 512, GATE_DIM_MAX = 1 << 20 };

struct gate_known; /* a photograph's names and print */
struct gate_reference {
    int64_t dim;                   /* of a feature: the class token, say */
    int64_t n_good, capacity;
    float *good;                   /* [n_good, gate_folded(dim)], to be fitted */
    struct gate_known *good_known;
    struct gate_whitening whitening;
    struct gate_recent recent;     /* the newest */
};

int gate_reference_init(struct gate_reference *r, int64_t dim, int64_t recent_most, struct fmt_error *e);
/* In place of the recent ones so far. */
int gate_reference_remember(struct gate_reference *r, const char *path, int64_t most, struct fmt_error *e);
void gate_reference_release(struct gate_reference *r); /* a zeroed struct is allowed */

/* All is copied. feature NULL: of none, or of all; what was fitted is known (gate-file.h). FMT_NONFINITE: the feature
 * has a value that is not finite. */
int gate_reference_add(struct gate_reference *r, const char *key, const char *group, const float *feature,
                       const struct gate_print *print, struct fmt_error *e);

/* A good photograph. The texts live as long as the reference. */
struct gate_row {
    const char *key, *group;
    const struct gate_print *print;
};
struct gate_row gate_reference_row(const struct gate_reference *r, int64_t i);

/* The installations of the good photographs: group [n_good], numbers from 0 in the order of the photographs. n_groups:
 * how many there are. FMT_MEMORY. */
int gate_reference_groups(const struct gate_reference *r, int64_t *group, int64_t *n_groups, struct fmt_error *e);

/* Fits the whitening to all good photographs, and sets the distance of each of them, v [n_good], by what was fitted to
 * those of other installations, nine tenths of all: a photograph that took part in the fit is nearer than a new one. Of
 * one installation only NAN, and nothing is fitted. group: as above. FMT_MEMORY. */
int gate_reference_fit(struct gate_reference *r, const int64_t *group, const struct device *device,
                       struct gate_values *v, struct fmt_error *e);

/* Sets distance and similarity of v, and what is similar. NAN: nothing is known to compare with. The result does not
 * depend on the number of threads. pool may be NULL. FMT_MEMORY; or a print cannot be read. */
int gate_reference_look(const struct gate_reference *r, struct thread_pool *pool, const float *feature,
                        const struct gate_print *print, const char *group, struct gate_values *v, struct fmt_error *e);
/* The similarity of each good photograph with those of other installations, for the calibration: v [n_good]. The
 * result does not depend on the number of threads. pool may be NULL. FMT_MEMORY. */
int gate_reference_look_all(const struct gate_reference *r, struct thread_pool *pool, struct gate_values *v,
                            struct fmt_error *e);

#endif
