/* The loops over values of bf16: every value of the type against the exact function, and the copies for each
 * instruction set bit for bit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "loops.h"
#include "rng.h"
#include "tap.h"

enum { ALL = 1 << 16 };

static uint16_t all[ALL], got[ALL];
static float wide[ALL];

struct set {
    enum isa isa;
    const struct activation_loops *activation;
    const struct convert_loops *convert;
};
static const struct set sets[] = {
    {ISA_BASE, &activation_loops_base, &convert_loops_base},
#if defined(__x86_64__)
    {ISA_AVX2, &activation_loops_avx2, &convert_loops_avx2},
    {ISA_AVX512, &activation_loops_avx512, &convert_loops_avx512},
#endif
};

static bool is_nan(uint16_t h)
{
    return isnan(bf16_to_f32(h));
}

/* The bits, but of a NaN only that it is one. */
static bool same(uint16_t a, uint16_t b)
{
    return a == b || (is_nan(a) && is_nan(b));
}

/* The nearer one of the two values around x, of equally near ones the even one, by distance. Infinity as a distance
 * stands for 2^128. */
static uint16_t nearest(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    uint16_t below = (uint16_t)(u >> 16), above = (uint16_t)(below + 1);
    if (isnan(x) || isinf(x))
        return isnan(x) ? 0x7fc0 : below;
    double at = fabs((double)x), low = fabs((double)bf16_to_f32(below)), high = fabs((double)bf16_to_f32(above));
    high = isinf(high) ? 0x1p128 : high;
    return at - low < high - at || (at - low == high - at && below % 2 == 0) ? below : above;
}

static void conversions(const struct set *s)
{
    int64_t wrong = 0;
    struct rng r = rng_stream(4, 0, 0, RNG_TEST);
    s->convert->from_bf16(wide, all, ALL);
    for (int i = 0; i < ALL; i++) {
        uint32_t u;
        memcpy(&u, &wide[i], sizeof u);
        wrong += u != (uint32_t)all[i] << 16;
    }
    s->convert->to_bf16(got, wide, ALL);
    for (int i = 0; i < ALL; i++)
        wrong += !same(got[i], all[i]);
    /* Every upper half with a lower half of its own: ties, just below and above them, and others. */
    for (int i = 0; i < ALL; i++) {
        uint32_t low = i % 4 == 0 ? 0x8000 : i % 4 == 1 ? 0x7fff : i % 4 == 2 ? 0x8001 : rng_u32(&r) & 0xffff;
        uint32_t u = (uint32_t)i << 16 | low;
        memcpy(&wide[i], &u, sizeof u);
    }
    s->convert->to_bf16(got, wide, ALL);
    for (int i = 0; i < ALL; i++)
        wrong += !same(got[i], nearest(wide[i])) || got[i] != f32_to_bf16(wide[i]);
    is_int(wrong, 0, "%s: conversions", isa_name(s->isa));
}

/* The error of the formula, half a unit in the last place, and the rounding of erf where GELU is 0. */
static void gelu(const struct set *s)
{
    double worst = 0;
    s->activation->bf16_gelu(got, all, ALL);
    for (int i = 0; i < ALL; i++) {
        double x = (double)bf16_to_f32(all[i]), y = (double)bf16_to_f32(got[i]);
        double exact = 0.5 * x * (1 + erf(x / sqrt(2)));
        if (isnan(x) || isinf(x)) {
            worst = isnan(x) && !isnan(y) ? INFINITY : worst;
            continue;
        }
        worst = worse(worst, fabs(y - exact) - fabs(exact) * 0x1.02p-8 - fabs(x) * 0x1p-22);
    }
    ok(worst < 6.5e-5, "%s: GELU # %.1e beside rounding", isa_name(s->isa), worst);
    uint16_t *in_place = malloc(sizeof all);
    memcpy(in_place, all, sizeof all);
    s->activation->bf16_gelu(in_place, in_place, ALL);
    ok(memcmp(in_place, got, sizeof got) == 0, "%s: GELU in place", isa_name(s->isa));
    activation_loops_base.bf16_gelu(in_place, all, ALL);
    int64_t differ = 0;
    for (int i = 0; i < ALL; i++)
        differ += !same(in_place[i], got[i]);
    is_int(differ, 0, "%s: GELU has the bits of base", isa_name(s->isa));
    free(in_place);
}

/* Its slope, and the value beside it, which is that of forward. */
static void gelu_backward(const struct set *s)
{
    static uint16_t ones[ALL], slope[ALL], value[ALL], base[ALL], d[ALL], x[ALL];
    double worst = 0;
    int64_t differ = 0;
    for (int i = 0; i < ALL; i++)
        ones[i] = f32_to_bf16(1);
    s->activation->bf16_gelu_bwd(slope, value, ones, all, ALL);
    for (int i = 0; i < ALL; i++) {
        double at = (double)bf16_to_f32(all[i]), y = (double)bf16_to_f32(slope[i]);
        double exact = 0.5 * (1 + erf(at / sqrt(2))) + at * exp(-0.5 * at * at) / sqrt(2 * acos(-1));
        if (isnan(at) || isinf(at))
            worst = isnan(at) && !isnan(y) ? INFINITY : worst;
        else
            worst = worse(worst, fabs(y - exact) - fabs(exact) * 0x1.02p-8);
    }
    ok(worst < 1e-4, "%s: GELU's slope # %.1e beside rounding", isa_name(s->isa), worst);
    s->activation->bf16_gelu(got, all, ALL);
    activation_loops_base.bf16_gelu_bwd(base, NULL, ones, all, ALL);
    memcpy(d, ones, sizeof d), memcpy(x, all, sizeof x);
    s->activation->bf16_gelu_bwd(d, x, d, x, ALL);
    for (int i = 0; i < ALL; i++)
        differ += !same(value[i], got[i]) || !same(x[i], got[i]) || !same(d[i], slope[i]) || !same(base[i], slope[i]);
    is_int(differ, 0, "%s: in place, without the value and in base the same bits", isa_name(s->isa));
}

int main(void)
{
    for (int i = 0; i < ALL; i++)
        all[i] = (uint16_t)i;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (sets[i].isa > isa_best()) {
            skip("not on this processor", "%s", isa_name(sets[i].isa));
            continue;
        }
        conversions(&sets[i]);
        gelu(&sets[i]);
        gelu_backward(&sets[i]);
    }
    return tap_done();
}
