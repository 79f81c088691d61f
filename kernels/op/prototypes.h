/* prototypes.h - operations on the last layer of a head: logits [T,K] = z [T,b] W^T, W[k] = g[k] v[k] / |v[k]|, with K
 * in the ten thousands, so that the logits of a batch and W itself are larger than everything else of a step.
 *
 * No operation but prototype_fwd needs logits or W as a whole: the CPU works on tiles of PROTOTYPES_TILE prototypes,
 * normalises their weights, computes their logits and uses them up while they are in the cache. An operation that needs
 * all prototypes of a row first (a softmax) sweeps over the tiles twice, and computes the logits twice or takes cached
 * ones. Sums over tiles are made in the order of the tiles, whatever the threads.
 *
 * With z BF16 the products are in bf16 with sums in float32: of z and the normalised weights, of the gradient at the
 * logits, rounded, and z or the weights. Softmax, losses, sums, weight norm, dz, dv and dg are as with F32.
 *
 * A target, which the student's row t is compared with at prototype k, has one form in both ways of centering:
 *
 *     target[t,k] = exp(logits[t,k] / temperature + log_col[k] + log_row[t])
 *
 * and these two vectors are all that is stored of the targets of a batch.
 */
#ifndef PROTOTYPES_H
#define PROTOTYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "num.h"
#include "op.h"

enum { PROTOTYPES_TILE = 256 };

/* Rows z and the prototypes that they meet. */
struct prototype_layer {
    struct tensor z;    /* [T,b] F32, or BF16: then products are in bf16 */
    struct tensor v, g; /* [K,b], [K,1] */
    bool rounds_logits;   /* of a teacher with z BF16: its logits are rounded to bf16, cached or not */
    struct tensor logits; /* TENSOR_NONE, or memory to cache them between operations: PROTOTYPES_LOGITS(T, K), F32, or
                             BF16 where they are rounded */
    bool logits_cached;   /* logits holds them */
};

/* Dimensions of cached logits: whole tiles, each of all rows; and how many values that are. */
#define PROTOTYPES_LOGITS(T, K) num_ceil_div((K), PROTOTYPES_TILE), (T), PROTOTYPES_TILE
static inline int64_t prototypes_logits_count(int64_t T, int64_t K)
{
    return num_ceil_div(K, PROTOTYPES_TILE) * T * PROTOTYPES_TILE;
}

/* The teacher's rows with their targets: rows below n_first take log_col[0], the others log_col[1] (a head that DINO
 * and iBOT share has targets of both kinds). A log_col that no row uses may be TENSOR_NONE. */
struct prototype_targets {
    struct prototype_layer teacher;
    double temperature;
    int64_t n_first;
    struct tensor log_col[2]; /* [K] f64 */
    struct tensor log_row;    /* [T of the teacher] f64 */
};

/* What each row of the student is compared with. */
struct prototype_pairs {
    struct tensor target; /* [T,2] i64: rows of the teacher; -1: none */
    struct tensor weight; /* [T] f32: the row's gradient is weight times that of its cross-entropy */
    double temperature;   /* of the student */
};

/* logits [T,K] and their backward, whole and row-major: where they are an output, and to test the other operations.
 * dz [T,b] = ...; dv [K,b], dg [K,1] += ... */
void op_prototype_fwd(struct op_ctx *c, struct tensor logits, const struct prototype_layer *p);
void op_prototype_bwd(struct op_ctx *c, struct tensor dz, struct tensor dv, struct tensor dg, struct tensor dlogits,
                      const struct prototype_layer *p);

/* Computes p->logits, if there is memory for them, and sets p->logits_cached. */
void op_prototype_cache_logits(struct op_ctx *c, struct prototype_layer *p);

/* ---- targets ----
 * What is summed over all rows of a batch is summed over the ranks of a world (world.h), too: n rows are here, N rows
 * are on all ranks. In a world of one rank n is N. */

/* Sinkhorn-Knopp, in logarithms, so that no logit is too large, over rows [first, first + n). One round, columns and
 * then rows, goes from log_row [n] f64, 0 before the first one, to log_col [K] f64 and the next log_row:
 *
 *     log_col[k] = -log sum_t exp(logits[t,k] / temperature + log_row[t]) - log K
 *     log_row[t] = -log sum_k exp(logits[t,k] / temperature + log_col[k]) - log_rows
 *
 * log_rows is log N, but 0 in the last round, which leaves rows that sum to 1. */
void op_prototype_sinkhorn(struct op_ctx *c, struct tensor log_col, struct tensor log_row,
                           const struct prototype_layer *p, int64_t first, double temperature, double log_rows);
/* The same round in parts, to the same bits:
 *
 *     columns(col_max, col_sum)                    col_sum[k] = sum_t exp(... - col_max[k]), of these n rows; [K] f64
 *     new_max = col_max; all-reduce new_max by maximum
 *     rescale(col_sum, col_max, new_max)           col_sum *= exp(col_max - new_max)
 *     all-reduce col_sum by sum
 *     rows(log_col, log_row, new_max, col_sum) */
void op_prototype_sinkhorn_columns(struct op_ctx *c, struct tensor col_max, struct tensor col_sum,
                                   struct tensor log_row, const struct prototype_layer *p, int64_t first,
                                   double temperature);
void op_prototype_sinkhorn_rescale(struct op_ctx *c, struct tensor col_sum, struct tensor col_max,
                                   struct tensor new_max);
void op_prototype_sinkhorn_rows(struct op_ctx *c, struct tensor log_col, struct tensor log_row, struct tensor col_max,
                                struct tensor col_sum, const struct prototype_layer *p, int64_t first,
                                double temperature, double log_rows);

/* Centering: log_col [K] = -center / temperature and log_row [n] = -log sum exp((logits - center) / temperature), both
 * f64. sum [K] f64: of these rows' logits, from which comes the mean that moves the centre of the next step. */
void op_prototype_center(struct op_ctx *c, struct tensor log_col, struct tensor log_row, struct tensor sum,
                         const struct prototype_layer *p, int64_t first, struct tensor center, double temperature);

/* Signs of collapse over rows [first, first + n), from q = softmax(logits / temperature + log_col) of each (log_col
 * TENSOR_NONE: 0). *out = sum over the rows of entropy(q) / N, waits; share_sum [K] f64 = sum of q; won [K] f64 = 1 for
 * each prototype that is the largest of a row, else 0. */
void op_prototype_collapse_sums(struct op_ctx *c, double *out, struct tensor share_sum, struct tensor won,
                                const struct prototype_layer *p, int64_t first, int64_t n, int64_t N,
                                struct tensor log_col, double temperature);
/* What follows from share_sum (a sum over ranks) and won (a sum or a maximum over ranks) of N rows. Waits. */
struct prototype_collapse {
    double entropy_of_mean; /* of the mean of q */
    int64_t n_winners;      /* prototypes that are the largest of a row */
};
void op_prototype_collapse(struct op_ctx *c, struct prototype_collapse *out, struct tensor share_sum,
                           struct tensor won, int64_t N);

/* ---- losses ---- */

/* row_loss [T] = sum over its targets of cross-entropy with softmax(logits / temperature); lse [T], the log of the
 * softmax's denominator, and target_sum [T], the sum of the row's targets, are for backward. All f64. Caches s->logits
 * if there is memory for them. */
void op_prototype_xent_fwd(struct op_ctx *c, struct tensor row_loss, struct tensor lse, struct tensor target_sum,
                           struct prototype_layer *s, const struct prototype_targets *t,
                           const struct prototype_pairs *pairs);
/* dz [T,b] = ...; dv, dg += ... Cached s->logits are overwritten. */
void op_prototype_xent_bwd(struct op_ctx *c, struct tensor dz, struct tensor dv, struct tensor dg, struct tensor lse,
                           struct tensor target_sum, struct prototype_layer *s, const struct prototype_targets *t,
                           const struct prototype_pairs *pairs);

/* *out = KL(mean over rows [first, first + n) of softmax(logits / temperature), uniform), waits; weight times its
 * gradient: dz [n,b] += ...; dv, dg += ... */
void op_prototype_kl(struct op_ctx *c, double *out, struct tensor dz, struct tensor dv, struct tensor dg,
                     const struct prototype_layer *p, int64_t first, double temperature, double weight);

/* ---- rows of features ---- */

/* y [T,C] = x / max(|x|, eps); norm [T]: |x|, for backward. y may be x */
void op_l2norm_fwd(struct op_ctx *c, struct tensor y, struct tensor norm, struct tensor x, float eps);
/* dx [T,C] = (dy - y (y . dy)) / norm, or dy / eps where the norm is below; dx may be dy */
void op_l2norm_bwd(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor y, struct tensor norm,
                   float eps);
/* KoLeo of x [B,C]: -mean log of the distance to the nearest other row. The loss, for which the call waits, and
 * dx [B,C] += weight times its gradient. A row whose nearest neighbour is nearer than 1e-6 is left out and counted, the
 * divisor stays B; of one row the loss is 0. */
struct koleo_result {
    double loss;
    int64_t n_left_out;
};
void op_koleo(struct op_ctx *c, struct koleo_result *out, struct tensor dx, struct tensor x, double weight);
/* *out = (sum of the eigenvalues)^2 / sum of their squares, of the covariance of the rows of x [T,C]: from 1, all
 * rows on a line, to min(T - 1, C); 0 if all rows are the same. At most 256 rows count, evenly spaced. Waits. */
void op_effective_rank(struct op_ctx *c, double *out, struct tensor x);

#endif
