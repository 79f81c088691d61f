/* gate-whitening.h - how far a feature lies from those of good photographs, measured by how these vary: where they
 * hardly differ a small difference is a large distance (Mahalanobis 1936). Cosine distance, which counts all directions
 * alike, cannot tell another subject from the differences among good photographs.
 *
 *   gate_fold(feature, dim, x, k);                             of each photograph, k = gate_folded(dim)
 *   gate_whitening_fit(&w, x, k, row, n_rows, &device, e);     x [..,k]: rows row[0] .. row[n_rows - 1] of it
 *   d = gate_whitening_distance(&w, x, z);                     z [k]: scratch
 *   gate_whitening_release(&w);
 *
 * The covariance is shrunk towards a multiple of the identity by the share that Ledoit and Wolf (2004, "A
 * well-conditioned estimator for large-dimensional covariance matrices", theorem 3.2 and equations 12 to 14) estimate
 * to be best: so photographs may be fewer than values. The distance is the root of the mean square of the whitened
 * values, about 1 for photographs like those that were fitted; those themselves are nearer than that.
 */
#ifndef GATE_WHITENING_H
#define GATE_WHITENING_H

#include "backend.h"
#include "fmt.h"

/* Matrices have at most so many rows; longer features are folded: each value is added to, or subtracted from, one of
 * so many sums, which a hash of its number chooses. Inner products stay what they are, on average (Weinberger et al.
 * 2009, "Feature hashing for large scale multitask learning"). */
enum { GATE_FOLDED_MAX = 1024 };
int64_t gate_folded(int64_t dim);
/* The feature at unit length (zeros stay), folded. */
void gate_fold(const float *feature, int64_t dim, float *x, int64_t k);

struct gate_whitening {
    int64_t k;         /* 0: nothing was fitted */
    float *mean;       /* [k] */
    float *factor;     /* [k,k] the Cholesky factor of the covariance, zeros above the diagonal */
    double shrinkage;  /* 0 .. 1, the share of the identity */
};

/* The result does not depend on the number of threads. FMT_MEMORY. */
int gate_whitening_fit(struct gate_whitening *w, const float *x, int64_t k, const int64_t *row, int64_t n_rows,
                       const struct device *device, struct fmt_error *e);
void gate_whitening_release(struct gate_whitening *w); /* a zeroed struct is allowed */
double gate_whitening_distance(const struct gate_whitening *w, const float *x, double *z);

#endif
