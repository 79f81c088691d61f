/* opbed.h - what the tests in op/ share: a context of two threads on the test's device, random arrays in host memory,
 * difference quotients. Arrays are for free(). One test includes it.
 *
 *   int main(void) { if (bed_open()) return 1;  ...;  return bed_close(); }
 */
#ifndef OPBED_H
#define OPBED_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device-copies.h"
#include "half.h"
#include "isa.h"
#include "op.h"
#include "rng.h"
#include "tap.h"
#include "test-device.h"

static struct op_ctx ctx;
static struct device_arena scratch;
static struct rng draws;

static inline int bed_open(void)
{
    struct fmt_error e = {0};
    ctx = (struct op_ctx){.backend = test_backend(), .pool = thread_open(2, &e), .scratch = &scratch};
    draws = rng_stream(7, 0, 0, RNG_TEST);
    return !ctx.backend || !ctx.pool || device_arena_init(&scratch, ctx.backend, 64 << 20, &e);
}

static inline int bed_close(void) /* the exit status */
{
    thread_close(ctx.pool);
    device_arena_release(&scratch);
    return tap_done();
}

/* Whether this processor has an instruction set; where not, the check of these loops is skipped. */
static inline bool bed_has(enum isa set, const char *loops)
{
    bool has = isa_best() >= set;
    if (!has)
        skip("not on this processor", "%s: %s", loops, isa_name(set));
    return has;
}

/* compare_sets(base, other, name) of a test for the loops of each instruction set against those of the base. */
#if defined(__x86_64__)
#define BED_COMPARE_SETS(loops, what)                               \
    do {                                                            \
        if (bed_has(ISA_AVX2, what))                                \
            compare_sets(&loops##_base, &loops##_avx2, "avx2");     \
        if (bed_has(ISA_AVX512, what))                              \
            compare_sets(&loops##_base, &loops##_avx512, "avx512"); \
    } while (0)
#else
#define BED_COMPARE_SETS(loops, what) ((void)0)
#endif

static inline float *noise(int64_t n, double scale)
{
    float *x = calloc((size_t)n + 1, sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(scale * rng_normal(&draws));
    return x;
}

static inline float *zeros_f32(int64_t n) { return calloc((size_t)n + 1, sizeof(float)); }
static inline double *zeros_f64(int64_t n) { return calloc((size_t)n + 1, sizeof(double)); }

/* The same numbers in both types. */
struct pair {
    float *f32;
    uint16_t *bf16;
};

/* n random values, rounded to bf16. */
static inline struct pair rounded(int64_t n, double scale)
{
    struct pair p = {noise(n, scale), calloc((size_t)n + 1, sizeof *p.bf16)};
    for (int64_t i = 0; i < n; i++) {
        p.bf16[i] = f32_to_bf16(p.f32[i]);
        p.f32[i] = bf16_to_f32(p.bf16[i]);
    }
    return p;
}

static inline struct pair empty(int64_t n)
{
    struct pair p = {calloc((size_t)n + 1, sizeof *p.f32), calloc((size_t)n + 1, sizeof *p.bf16)};
    return p;
}

static inline void release(struct pair p)
{
    free(p.f32);
    free(p.bf16);
}

/* No operation has failed since. */
static inline void clean(const char *what)
{
    struct fmt_error e = {0};
    if (op_sync(&ctx, &e))
        ok(false, "%s: %s", what, e.text);
}

REFERENCE static inline double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* What check_direction differentiates: a function of the numbers x that it is given. */
struct function {
    double (*value)(void *arg); /* at the present x */
    void *arg;
    double h; /* step; 0: 4e-3, for values that were rounded to float on the way */
};

/* Finite differences: the derivative along a random direction against gradient . direction. */
static inline void check_direction(const char *what, struct function f, float *x, int64_t n, const float *gradient)
{
    float *at = malloc((size_t)n * sizeof *at), *direction = noise(n, 1);
    double h = f.h > 0 ? f.h : 4e-3;
    memcpy(at, x, (size_t)n * sizeof *at);
    double value[2];
    for (int side = 0; side < 2; side++) {
        double sign = side ? -1 : 1;
        for (int64_t i = 0; i < n; i++)
            x[i] = at[i] + (float)(sign * h * (double)direction[i]);
        value[side] = f.value(f.arg);
    }
    memcpy(x, at, (size_t)n * sizeof *at);
    double expected = dot(gradient, direction, n), moved = (value[0] - value[1]) / (2 * h);
    double scale = sqrt(dot(gradient, gradient, n)) + 1e-12;
    ok(fabs(moved - expected) <= 5e-3 * scale + 2e-4, "%s: difference quotient %.6g, gradient %.6g", what, moved,
       expected);
    free(at), free(direction);
}

#endif
