/* fastmath.h - exp and erf in plain C that compilers vectorise, with the same bits on every instruction set (no
 * contraction, no table, no branch). For the simd-*.c files.
 *
 *   fast_exp    relative error below 1.5e-7 for -87.3 <= x <= 88.3; smaller x give
 *               1.2e-38, larger 2.2e38; of NaN it is NaN
 *   fast_exp2   2^x for x <= 127.4: relative error below 1.5e-7 for x >= -126, 1.2e-38 for smaller x; of NaN it is NaN
 *   fast_erf2   erf(x / sqrt 2), absolute error below 5e-7; of NaN it is NaN
 *
 * tests/unit/test-fastmath.c measures them.
 */
#ifndef FASTMATH_H
#define FASTMATH_H

#include <stdint.h>
#include <string.h>

/* Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits. */
#define FAST_MAGIC 12582912.0f

/* 2^n of t = n + FAST_MAGIC. */
static inline float fast_power(float t)
{
    uint32_t bits;
    float power;
    memcpy(&bits, &t, sizeof bits);
    bits = (bits << 23) + 0x3f800000u;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2. exp(r) is 1 + r + r^2 q(r), q of degree 4 fitted to the
 * smallest largest relative error (3e-9). */
static inline float fast_exp(float x)
{
    x = x < -87.3f ? -87.3f : x;
    x = x > 88.3f ? 88.3f : x;
    float t = x * 1.44269504f + FAST_MAGIC;
    float n = t - FAST_MAGIC;
    float r = (x - n * 0.693359375f) - n * -2.12194440e-4f; /* ln 2 in two parts: the first product is exact */
    float q = (((0.00138131483f * r + 0.00836941041f) * r + 0.041668456f) * r + 0.166665152f) * r + 0.49999994f;
    float p = 1.0f + (r + r * r * q);
    return p * fast_power(t);
}

/* 2^x for the softmax, whose exponents are never large. It is cheaper, as x - n is exact. */
static inline float fast_exp2(float x)
{
    x = x < -126.0f ? -126.0f : x;
    float t = x + FAST_MAGIC;
    float r = x - (t - FAST_MAGIC);
    float q = (((0.00015353362f * r + 0.00133988739f) * r + 0.00961843692f) * r + 0.0555033237f) * r + 0.240226477f;
    float p = (q * r + 0.693147182f) * r + 1.0f;
    return p * fast_power(t);
}

/* x P(x^2) / Q(x^2), both of degree 5, fitted on |x| <= 5.5 to the smallest largest absolute error (1.5e-8 before
 * rounding); beyond 5.5 erf is 1 to 4e-8. */
static inline float fast_erf2(float x)
{
    x = x < -5.5f ? -5.5f : x;
    x = x > 5.5f ? 5.5f : x;
    float s = x * x;
    float p = ((((4.54986733e-08f * s + 1.2704264e-05f) * s + 0.000337654084f) * s + 0.00935453828f) * s +
               0.0677055493f) * s + 0.797884464f;
    float q = ((((1.19750416e-06f * s + 7.36479633e-05f) * s + 0.00188445253f) * s + 0.0286459476f) * s +
               0.251522243f) * s + 1.0f;
    return x * p / q;
}

#endif
