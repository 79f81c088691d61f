/* prototypes.h - operations on the last layer of a head: logits [T,K] = z [T,b] W^T, W[k] = g[k] v[k] / |v[k]|, with K
 * in the ten thousands, so that the logits of a batch and W itself are larger than everything else of a step.
 *
 * They go over the prototypes in tiles of PROTOTYPES_TILE: weights are normalised, logits computed and used up while
 * they are in the cache; neither W nor the gradient at the logits is ever stored. An operation that needs all
 * prototypes of a row first (a softmax) passes over the tiles twice, and computes the logits twice or takes those
 * that were kept. Sums over tiles are made in the order of the tiles, whatever the threads.
 *
 * A target, what the teacher wants of a row t and prototype k, has one form in both ways of centering:
 *
 *     target[t,k] = exp(logits[t,k] / temperature + log_col[k] + log_row[t])
 *
 * and these two vectors are all that is kept of the targets of a batch.
 */
#ifndef PROTOTYPES_H
#define PROTOTYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "op.h"

enum { PROTOTYPES_TILE = 256 };

/* Rows that meet the prototypes of a network. */
struct prototypes {
    int64_t T, K, b;
    const float *z;     /* [T,b] */
    const float *v, *g; /* [K,b], [K] */
    float *logits;      /* NULL, or room to keep them from operation to operation: prototypes_kept_count(T, K) values */
    bool kept;          /* logits holds them */
};

/* The teacher's rows with their targets: rows below n_first take log_col[0], the others log_col[1] (a head that DINO
 * and iBOT share has targets of both kinds). */
struct prototypes_targets {
    struct prototypes teacher;
    double temperature;
    int64_t n_first;
    const double *log_col[2]; /* [K] */
    const double *log_row;    /* [teacher.T] */
};

/* What each row of the student is compared with. */
struct prototypes_pairs {
    const int64_t *target; /* [T,2]: rows of the teacher; -1: none */
    const float *weight;   /* [T]: the row's gradient is weight times that of its cross-entropy */
    double temperature;    /* of the student */
};

/* logits [T,K] and their backward, whole and row-major: for outputs that are wanted as such, and to test the others.
 * dz = ...; dv, dg += ... */
void op_prototype_fwd(struct op_ctx *c, struct tensor logits, const struct prototypes *p);
void op_prototype_bwd(struct op_ctx *c, float *dz, float *dv, float *dg, struct tensor dlogits,
                      const struct prototypes *p);

/* Fills p->logits, if there is room, and sets p->kept. */
void op_prototype_keep(struct op_ctx *c, struct prototypes *p);

/* Sinkhorn-Knopp over rows [first, first + n): log_col [K] and log_row [n] of their targets, in logarithms, so that
 * no logit is too large. */
void op_prototype_sinkhorn(struct op_ctx *c, double *log_col, double *log_row, const struct prototypes *p,
                           int64_t first, int64_t n, double temperature, int rounds);
/* Centering: log_col = -center / temperature, log_row = -log sum exp((logits - center) / temperature); mean [K]: of
 * these rows' logits, for the centre of the next step. */
void op_prototype_center(struct op_ctx *c, double *log_col, double *log_row, float *mean, const struct prototypes *p,
                     int64_t first, int64_t n, const float *center, double temperature);
/* Signs of collapse over rows [first, first + n): mean entropy of softmax(logits / temperature + log_col), entropy of
 * the mean of these, and how many prototypes are the largest of a row. log_col NULL: 0. */
struct prototypes_collapse {
    double entropy, entropy_of_mean;
    int64_t n_winners;
};
void op_prototype_collapse(struct op_ctx *c, struct prototypes_collapse *out, const struct prototypes *p, int64_t first,
                           int64_t n, const double *log_col, double temperature);

/* row_loss [T] = sum over its targets of cross-entropy with softmax(logits / temperature); lse, mass [T]: kept for
 * backward. Fills s->logits if there is room, and sets s->kept. */
void op_prototype_xent_fwd(struct op_ctx *c, double *row_loss, double *lse, double *mass, struct prototypes *s,
                       const struct prototypes_targets *t, const struct prototypes_pairs *pairs);
/* dz [T,b] = ...; dv, dg += ... What s->logits kept is overwritten. */
void op_prototype_xent_bwd(struct op_ctx *c, float *dz, float *dv, float *dg, const double *lse, const double *mass,
                       struct prototypes *s, const struct prototypes_targets *t, const struct prototypes_pairs *pairs);

/* *loss = KL(mean over rows [first, first + n) of softmax(logits / temperature), uniform); weight times its gradient:
 * dz [n,b] += ...; dv, dg += ... */
void op_prototype_kl(struct op_ctx *c, double *loss, float *dz, float *dv, float *dg, const struct prototypes *p,
                     int64_t first, int64_t n, double temperature, double weight);

/* ---- rows of features ---- */

/* y [T,C] = x / max(|x|, eps); norm [T]: |x|, kept for backward. y may be x */
void op_l2norm_fwd(struct op_ctx *c, struct tensor y, struct tensor norm, struct tensor x, float eps);
/* dx [T,C] = (dy - y (y . dy)) / norm, or dy / eps where the norm is below; dx may be dy */
void op_l2norm_bwd(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor y, struct tensor norm,
                   float eps);
/* KoLeo of x [B,C]: -mean log of the distance to the nearest other row. *loss, and dx [B,C] += weight times its
 * gradient. A row whose nearest neighbour is nearer than 1e-6 is left out and counted, the divisor stays B; of one
 * row the loss is 0. */
void op_koleo(struct op_ctx *c, double *loss, int64_t *n_left_out, struct tensor dx, struct tensor x, double weight);
/* *rank = (sum of the eigenvalues)^2 / sum of their squares, of the covariance of the rows of x [T,C]: from 1, all
 * rows on a line, to min(T - 1, C); 0 if all rows are the same. At most 256 rows are looked at, evenly spaced. */
void op_effective_rank(struct op_ctx *c, double *rank, struct tensor x);

/* Values of kept logits: whole tiles. */
static inline int64_t prototypes_kept_count(int64_t T, int64_t K)
{
    return T * ((K + PROTOTYPES_TILE - 1) / PROTOTYPES_TILE) * PROTOTYPES_TILE;
}

#endif
