/* The exponentials and the error function of the hot loops, as accurate as fastmath.h states; and the loops of every
 * instruction set of this machine against the plainest one, bit for bit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fastmath.h"
#include "loops.h"
#include "rng.h"
#include "tap.h"

static double worst_relative(float (*f)(float), double (*exact)(double), float from, float to)
{
    double worst = 0;
    for (int i = 0; i <= 4000000; i++) {
        float x = from + (to - from) * ((float)i / 4000000);
        double error = fabs((double)f(x) / exact((double)x) - 1);
        worst = error > worst || isnan(error) ? error : worst;
    }
    return worst;
}

static double erf2(double x)
{
    return erf(x / sqrt(2));
}

static void accuracy(void)
{
    double e = worst_relative(fast_exp, exp, -87.3f, 88.3f), e2 = worst_relative(fast_exp2, exp2, -126, 127.4f);
    ok(e < 1.5e-7, "exp # %.2e relative", e);
    ok(e2 < 1.5e-7, "2^x # %.2e relative", e2);
    double worst = 0;
    for (int i = -4000000; i <= 4000000; i++) {
        float x = (float)i / 400000;
        double error = fabs((double)fast_erf2(x) - erf2((double)x));
        worst = error > worst || isnan(error) ? error : worst;
    }
    ok(worst < 5e-7, "erf(x / sqrt 2) # %.2e absolute", worst);
    ok(isnan(fast_exp(NAN)) && isnan(fast_exp2(NAN)) && isnan(fast_erf2(NAN)), "NaN in, NaN out");
    ok(fast_exp(-1000) < 1.3e-38f && fast_exp2(-1000) < 1.3e-38f && fast_exp(1000) > 2e38f, "beyond the range");
    ok(fast_exp(0) == 1 && fast_exp2(0) == 1 && fast_erf2(0) == 0, "exact at 0");
}

#if defined(__x86_64__)
enum { N = 1000 };
static float a[N], b[N], x[N], y[N];

/* Everything that the loops of one instruction set give, one after another. */
static int64_t all_loops(const struct activation_loops *act, const struct row_loops *rows,
                         const struct elementwise_loops *el, int64_t n, float *out)
{
    float *o = out;
    double squares = rows->sum_squares(x, n);
    memset(out, 0, 40 * N * sizeof *out);
    act->bias_gelu(o, o + N, x, b, n), o += 2 * N;
    act->gelu_bwd(o, o + N, a, x, n), o += 2 * N;
    act->swiglu_fwd(o, a, x, n), o += N;
    act->swiglu_bwd(o, o + N, o + 2 * N, a, b, x, n), o += 3 * N;
    *o++ = rows->max(x, n);
    *o++ = rows->dot(x, a, n);
    memcpy(o, x, (size_t)n * sizeof *o);
    o[N] = rows->exp2_sum(o, 0.3f, 1.7f, n), o += N + 1;
    memcpy(o, x, (size_t)n * sizeof *o);
    memcpy(o + N, a, (size_t)n * sizeof *o);
    rows->softmax_bwd(o, o + N, 0.3f, 0.1f, 0.2f, 0.05f, n), o += 2 * N;
    rows->layernorm_fwd(o, o + N, o + N + 1, x, a, b, 1e-6f, n), o += N + 2;
    rows->layernorm_bwd(o, o + N, o + 2 * N, y, x, a, 0.02f, 0.9f, n), o += 3 * N;
    memcpy(o, &squares, sizeof squares), o += 2;
    el->axpy(o, 0.7f, x, n), o += N;
    el->scale_add(o, 0.7f, x, a, n), o += N;
    el->scale_by(o, 0.7f, x, a, n), o += N;
    el->product_add(o, 0.7f, x, a, n), o += N;
    el->transpose(o, 31, x, 17, n / 17 < 31 ? n / 17 : 31, 17), o += N;
    return o - out;
}

static void instruction_sets(void)
{
    static const struct {
        enum isa isa;
        const struct activation_loops *act;
        const struct row_loops *rows;
        const struct elementwise_loops *el;
    } sets[] = {{ISA_AVX2, &activation_loops_avx2, &row_loops_avx2, &elementwise_loops_avx2},
                {ISA_AVX512, &activation_loops_avx512, &row_loops_avx512, &elementwise_loops_avx512}};
    static const int64_t lengths[] = {1, 15, 16, 17, 50, 64, 257, 384, 999};
    float *base = malloc(40 * N * sizeof *base), *got = malloc(40 * N * sizeof *got);
    struct rng r = rng_stream(3, 0, 0, RNG_TEST);
    for (int i = 0; i < N; i++) {
        a[i] = (float)rng_normal(&r), b[i] = (float)rng_normal(&r);
        x[i] = (float)(3 * rng_normal(&r)), y[i] = (float)rng_normal(&r);
    }
    for (int s = 0; s < 2; s++)
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
            if (sets[s].isa > isa_best()) {
                skip("not on this machine", "%s", isa_name(sets[s].isa));
                break;
            }
            int64_t n = lengths[k];
            int64_t m = all_loops(&activation_loops_base, &row_loops_base, &elementwise_loops_base, n, base);
            all_loops(sets[s].act, sets[s].rows, sets[s].el, n, got);
            ok(memcmp(base, got, (size_t)m * sizeof *got) == 0, "%s: the same bits as base, %d elements",
               isa_name(sets[s].isa), (int)n);
        }
    free(base);
    free(got);
}
#else
static void instruction_sets(void)
{
    skip("one instruction set", "loops of all sets give the same bits");
}
#endif

int main(void)
{
    accuracy();
    instruction_sets();
    return tap_done();
}
