/* isa.h - the instruction set of this processor. Hot loops are in files named simd-*.c, which are compiled once for
 * each set with -DISA=base|avx2|avx512. Each copy exports one const table of functions, and its module selects one
 * here:
 *
 *   in simd-x.c:    const struct x_loops ISA_NAME(x_loops) = {...};         x_loops_avx2
 *   in x.c:         ISA_TABLE(struct x_loops, x_loops)                      declares the copies and
 *                   x_loops()->f(...)                                       defines static x_loops()
 *
 * All copies compute the same bits: no contraction, sums in a fixed number of partial sums.
 */
#ifndef ISA_H
#define ISA_H

#include <stdbool.h>

enum isa { ISA_BASE, ISA_AVX2, ISA_AVX512 };

/* The best that this processor and this build have; DINOTOOLS_ISA=base|avx2|avx512 in the environment selects a lesser
 * one (tests compare them). It does not change while the process runs. */
enum isa isa_best(void);
enum isa isa_of_processor(void); /* ignores the environment: bits of products depend only on the processor */
const char *isa_name(enum isa isa);
/* Of the processor, whatever the environment: AVX-512 with dot products of bf16 (vdpbf16ps), of int8 (vpdpbusd). */
bool isa_has_bf16(void);
bool isa_has_vnni(void);
/* Whether it multiplies bf16 faster than float32. Intel's cores without a matrix unit (AMX) have half the rate of dot
 * products that they have of float32 multiply-adds. */
bool isa_bf16_is_fast(void);

#define ISA_PASTE2(a, b) a##_##b
#define ISA_PASTE(a, b) ISA_PASTE2(a, b)
#ifdef ISA
#define ISA_NAME(name) ISA_PASTE(name, ISA)
#endif

#if defined(__x86_64__)
#define ISA_TABLE(type, name)                                                               \
    extern type name##_base, name##_avx2, name##_avx512;                                    \
    static inline type *name(void)                                                          \
    {                                                                                       \
        static type *const tables[] = {&name##_base, &name##_avx2, &name##_avx512};         \
        return tables[isa_best()];                                                          \
    }
#else
#define ISA_TABLE(type, name)       \
    extern type name##_base;        \
    static inline type *name(void)  \
    {                               \
        return &name##_base;        \
    }
#endif

#endif
