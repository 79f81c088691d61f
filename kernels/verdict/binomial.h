/* binomial.h - exact statements about a share p of which k in n were seen: X ~ Bin(n, p).
 *
 * The bounds are one-sided (Clopper and Pearson 1934): whatever p is, binomial_upper(X, n, c) >= p with probability at
 * least c, and so is binomial_lower(X, n, c) <= p. Between binomial_lower(k, n, 0.975) and binomial_upper(k, n, 0.975)
 * p is found with probability at least 0.95. Relative error below 1e-12; n up to 10^9.
 */
#ifndef BINOMIAL_H
#define BINOMIAL_H

#include <stdint.h>

/* P(X <= k) and P(X >= k); 0 <= p <= 1, any k. */
double binomial_at_most(int64_t k, int64_t n, double p);
double binomial_at_least(int64_t k, int64_t n, double p);

/* 0 <= k <= n, 0 < confidence < 1; of n 0 nothing is known: 0 and 1. */
double binomial_lower(int64_t k, int64_t n, double confidence);
double binomial_upper(int64_t k, int64_t n, double confidence);

/* The largest r with P(Bin(n, share) >= r) >= confidence; 0: not even one is that likely. */
int64_t binomial_rank(int64_t n, double share, double confidence);
/* The smallest n for which binomial_rank is 1: with none of n seen, the share is at most this. 59 of 0.05 and 0.95. */
int64_t binomial_least_n(double share, double confidence);

#endif
