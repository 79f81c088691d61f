/* Binomial tails and bounds against numbers with 50 digits (scipy 1.17 beta.ppf, then mpmath), and against their
 * definition. */
#include <math.h>
#include <stddef.h>

#include "binomial.h"
#include "tap.h"

static const struct {
    int64_t k, n;
    double confidence, lower, upper;
} golden[] = {
    {0, 1, 0.95, 0.0, 0.95},
    {1, 1, 0.95, 0.05, 1.0},
    {0, 59, 0.95, 0.0, 0.049507609888226933},
    {2, 59, 0.95, 0.0060563895979430198, 0.102889162709954},
    {3, 20, 0.975, 0.032070937185463717, 0.3789268265453139},
    {20, 20, 0.975, 0.8315665290169147, 1.0},
    {19, 20, 0.975, 0.75126723722797226, 0.9987349105020502},
    {50, 100, 0.95, 0.41362171463091178, 0.58637828536908822},
    {7, 1000, 0.5, 0.0066674044391506366, 0.0076666836760605154},
    {1, 2000, 0.95, 2.5646318321330647e-5, 0.0023697133676568433},
    {999, 2000, 0.999, 0.46474820501325772, 0.53425517364083628},
    {1999, 2000, 0.975, 0.99721736016534105, 0.99998734117613144},
    {0, 1000000, 0.95, 0.0, 2.9957277863525435e-6},
    {10, 1000000, 0.95, 5.4254153939408825e-6, 1.6962160188380928e-5},
    {1, 848662681, 0.5, 8.1675228072963955e-10, 1.9776373191858291e-9},
    {4, 358474067, 0.95, 3.8114846390358484e-9, 2.5534675457683397e-8},
};

static const struct {
    int64_t k, n;
    double p, at_most;
} tails[] = {
    {1, 848662681, 1.2155553695754125e-09, 0.724137091148856007},
    {38, 1202530, 3.41906589134706e-05, 0.349762743551979880},
    {200, 205, 0.999999999, 2.87240790607900374e-36},
};

static double relative(double a, double b)
{
    return b == 0 ? fabs(a) : fabs(a / b - 1);
}

static void test_golden(void)
{
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        int64_t k = golden[i].k, n = golden[i].n;
        double low = binomial_lower(k, n, golden[i].confidence), high = binomial_upper(k, n, golden[i].confidence);
        ok(relative(low, golden[i].lower) < 1e-12 && relative(high, golden[i].upper) < 1e-12,
           "%lld of %lld, %g sure: %.17g to %.17g", (long long)k, (long long)n, golden[i].confidence, low, high);
    }
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        double got = binomial_at_most(tails[i].k, tails[i].n, tails[i].p);
        ok(relative(got, tails[i].at_most) < 1e-12, "P(X <= %lld) of %lld, %g: %.17g", (long long)tails[i].k,
           (long long)tails[i].n, tails[i].p, got);
    }
}

/* P(X = i) by the recursion from i = 0: a slow reference for small n. */
static void test_small(void)
{
    double worst = 0;
    for (int n = 1; n <= 40; n++)
        for (double p = 0.01; p < 1; p += 0.07) {
            double term = pow(1 - p, n), sum = 0;
            for (int k = 0; k <= n; k++) {
                worst = worse(worst, fabs(binomial_at_least(k, n, p) - (1 - sum)));
                sum += term;
                term *= (double)(n - k) / (k + 1) * p / (1 - p);
                worst = worse(worst, fabs(binomial_at_most(k, n, p) - sum));
            }
        }
    ok(worst < 1e-13, "tails of n up to 40 are sums of their terms: %.2g", worst);
}

static void test_edges(void)
{
    ok(binomial_at_least(0, 5, 0) == 1 && binomial_at_least(1, 5, 0) == 0 && binomial_at_least(5, 5, 1) == 1 &&
           binomial_at_least(6, 5, 1) == 0 && binomial_at_least(-1, 5, 0.5) == 1,
       "at least: p of 0 and 1, k beyond 0 and n");
    ok(binomial_at_most(0, 5, 0) == 1 && binomial_at_most(4, 5, 1) == 0 && binomial_at_most(5, 5, 1) == 1 &&
           binomial_at_most(-1, 5, 0.5) == 0 && binomial_at_most(7, 5, 0.5) == 1,
       "at most: the same");
    ok(binomial_lower(0, 0, 0.95) == 0 && binomial_upper(0, 0, 0.95) == 1, "of nothing seen nothing is known");
    bool complete = true;
    for (int k = 0; k <= 30; k++)
        complete = complete && relative(binomial_lower(k, 30, 0.9), 1 - binomial_upper(30 - k, 30, 0.9)) < 1e-12;
    ok(complete, "the lower bound of k is the upper bound of the others");
}

static void test_rank(void)
{
    ok(binomial_least_n(0.05, 0.95) == 59 && binomial_least_n(0.01, 0.95) == 299 &&
           binomial_least_n(0.01, 0.99) == 459 && binomial_least_n(0.005, 0.95) == 598 &&
           binomial_least_n(0.5, 0.5) == 1 && binomial_least_n(0.5, 0.75) == 2,
       "the smallest samples of tables: 59, 299, 459, 598; of one half 1 and 2, exactly at the limit");
    bool largest = true;
    for (int64_t n = 1; n <= 600; n++) {
        int64_t r = binomial_rank(n, 0.05, 0.95);
        largest = largest && (r == 0 || binomial_at_least(r, n, 0.05) >= 0.95) &&
                  binomial_at_least(r + 1, n, 0.05) < 0.95 && (r > 0) == (n >= 59);
    }
    ok(largest, "the rank is the largest that is likely enough, none below 59");
    ok(binomial_rank(93, 0.05, 0.95) == 2 && binomial_rank(92, 0.05, 0.95) == 1 &&
           binomial_rank(124, 0.05, 0.95) == 3 && binomial_rank(181, 0.05, 0.95) == 5,
       "ranks 2, 3, 5 from 93, 124, 181 on (tables of Wilks)");
}

int main(void)
{
    test_golden();
    test_small();
    test_edges();
    test_rank();
    return tap_done();
}
