/* peak.h - what the processor can do at most: each kind of multiply-add in registers alone, and copies in memory. For
 * benchmarks, which give speeds as a share of it.
 *
 * The kinds are the vector instructions that the precisions of a network compute with. Tiles of a matrix unit (AMX) are
 * not among them: where a library uses those, a share may exceed 100 %.
 */
#ifndef PEAK_H
#define PEAK_H

#include "thread.h"

enum peak_kind {
    PEAK_F32,  /* float32 multiply-add, fused where the processor has that */
    PEAK_BF16, /* vdpbf16ps: two products of bf16 to a float32 sum */
    PEAK_INT8, /* vpdpbusd: four products of u8 and s8 to an int32 sum, without saturation */
    PEAK_KINDS
};

const char *peak_name(enum peak_kind kind); /* "float32 multiply-add", "bf16 dot product (vdpbf16ps)" ... */

/* 1e9 operations/s, a multiply-add being two, of all workers at work together, the best of a few tries. The seconds are
 * those of processors: what others take of a shared machine lowers speeds, but not the peak that they are compared
 * with. 0: this processor, or DINOTOOLS_ISA, has no such instruction. Takes 0.1 to 0.3 s. */
double peak_gops(struct thread_pool *pool, enum peak_kind kind);

/* 1e9 bytes/s, those read and those written, of a copy that all workers share, in seconds of the clock: the best of a
 * few tries. It needs 512 MiB, more than caches hold, while it lasts. 0: out of memory. */
double peak_copy_gbytes(struct thread_pool *pool);

#endif
