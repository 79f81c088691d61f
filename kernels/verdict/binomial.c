/* binomial.c - a tail is its largest term times 1 + r1 + r1 r2 + ..., where r are the ratios of terms that follow one
 * another: all are positive, and below 1 on the far side of the mean. The largest term is by the saddle-point expansion
 * (Loader 2000, "Fast and accurate computation of binomial probabilities"): a difference of logarithms of factorials
 * loses all digits where n is large. */
#include "binomial.h"

#include <math.h>

/* ln n! - ln(sqrt(2 pi n) (n / e)^n): what Stirling's formula leaves. */
static double stirling_error(double n)
{
    int sign;
    double m = n * n;
    if (n == 0)
        return 0;
    if (n <= 15)
        return lgamma_r(n + 1, &sign) - (n + 0.5) * log(n) + n - 0.5 * log(2 * M_PI);
    return (1. / 12 - (1. / 360 - (1. / 1260 - (1. / 1680 - 1. / 1188 / m) / m) / m) / m) / n;
}

/* x ln(x / mean) + mean - x with d = x - mean, by a series where the two are close. */
static double deviance(double x, double mean, double d)
{
    double v = d / (x + mean), power = 2 * x * v, sum = d * v, before;
    if (fabs(v) > 0.1)
        return x * log(x / mean) - d;
    for (int j = 1; power *= v * v, before = sum, sum += power / (2 * j + 1), sum != before; j++)
        ;
    return sum;
}

/* P(X = k), 0 < p < 1. */
static double term(double k, double n, double p)
{
    double rest = n - k, d = fma(-n, p, k); /* the distance from the mean, rounded once */
    if (k == 0)
        return exp(n * log1p(-p));
    if (rest == 0)
        return exp(n * log(p));
    double error = stirling_error(n) - stirling_error(k) - stirling_error(rest);
    return exp(error - deviance(k, n * p, d) - deviance(rest, n * (1 - p), -d)) * sqrt(n / (2 * M_PI * k * rest));
}

/* P(X >= k) / P(X = k) where k > n p; odds: p / (1 - p). */
static double far_tail(double k, double n, double odds)
{
    double sum = 1, next = 1;
    for (; k < n && next > 1e-17 * sum; k++) {
        next *= (n - k) / (k + 1) * odds;
        sum += next;
    }
    return sum;
}

double binomial_at_least(int64_t k, int64_t n, double p)
{
    double K = (double)k, N = (double)n;
    if (k <= 0 || k > n || p <= 0 || p >= 1)
        return k <= 0 || (k <= n && p >= 1) ? 1 : 0;
    if (K > N * p)
        return term(K, N, p) * far_tail(K, N, p / (1 - p));
    /* X <= k - 1: at least n - k + 1 of the others. */
    return 1 - term(K - 1, N, p) * far_tail(N - K + 1, N, (1 - p) / p);
}

double binomial_at_most(int64_t k, int64_t n, double p)
{
    double K = (double)k, N = (double)n;
    if (k < 0 || k >= n || p <= 0 || p >= 1)
        return k >= n || (k >= 0 && p <= 0) ? 1 : 0;
    if (K < N * p)
        return term(K, N, p) * far_tail(N - K, N, (1 - p) / p);
    return 1 - term(K + 1, N, p) * far_tail(K + 1, N, p / (1 - p));
}

/* The p in [0, 1] where `tail` of k is alpha. A tail rises with p where it rises at all. */
static double solve(double (*tail)(int64_t k, int64_t n, double p), int64_t k, int64_t n, double alpha, int rises)
{
    double low = 0, high = 1;
    while (high - low > 1e-15 * high) {
        double p = low + (high - low) / 2;
        if (p <= low || p >= high)
            break;
        if ((tail(k, n, p) < alpha) == rises)
            low = p;
        else
            high = p;
    }
    return low + (high - low) / 2;
}

double binomial_lower(int64_t k, int64_t n, double confidence)
{
    return k <= 0 ? 0 : solve(binomial_at_least, k, n, 1 - confidence, 1);
}

double binomial_upper(int64_t k, int64_t n, double confidence)
{
    return k >= n ? 1 : solve(binomial_at_most, k, n, 1 - confidence, 0);
}

int64_t binomial_rank(int64_t n, double share, double confidence)
{
    int64_t low = 0, high = n + 1; /* likely enough from `low` down, not from `high` up */
    while (high - low > 1) {
        int64_t r = low + (high - low) / 2;
        if (binomial_at_least(r, n, share) >= confidence)
            low = r;
        else
            high = r;
    }
    return low;
}

int64_t binomial_least_n(double share, double confidence)
{
    /* 1 - (1 - share)^n >= confidence; the quotient may be wrong in its last digit. */
    int64_t n = (int64_t)(log1p(-confidence) / log1p(-share)) + 1;
    while (n > 1 && binomial_rank(n - 1, share, confidence) > 0)
        n--;
    while (binomial_rank(n, share, confidence) == 0)
        n++;
    return n;
}
