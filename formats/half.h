/* half.h - numbers of 16 bits: f16 (IEEE 754 binary16) and bf16 (the upper half of a float32).
 *
 * To float32 is exact. From float32 rounds to the nearest, ties to even; beyond the range it gives infinity; a NaN
 * stays a NaN. The functions of bf16 are integer arithmetic without branches: compilers vectorise loops over them, and
 * every instruction set gives the same bits (the instruction of AVX-512 takes subnormal numbers for zero).
 */
#ifndef HALF_H
#define HALF_H

#include <stdint.h>
#include <string.h>

/* A float32 as its bits, and back. */
static inline uint32_t f32_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline float f32_of_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

float f16_to_f32(uint16_t h);
uint16_t f32_to_f16(float f);

static inline float bf16_to_f32(uint16_t h)
{
    return f32_of_bits((uint32_t)h << 16);
}

static inline uint16_t f32_to_bf16(float f)
{
    uint32_t u = f32_bits(f);
    uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16, nan = u >> 16 | 0x40;
    return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

#endif
