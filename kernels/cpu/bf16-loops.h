/* bf16-loops.h - between float32 and bf16 in plain C that compilers vectorise, as half.c does it for one number: to
 * nearest, ties to even, a NaN stays one. In integers, so that every instruction set gives the same bits (the
 * instruction of AVX-512 flushes subnormal numbers to zero). For the simd-*.c files. */
#ifndef BF16_LOOPS_H
#define BF16_LOOPS_H

#include <stdint.h>
#include <string.h>

static inline uint16_t bf16_rounded(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16, nan = u >> 16 | 0x40;
    return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

static inline float bf16_value(uint16_t x)
{
    uint32_t u = (uint32_t)x << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

#endif
