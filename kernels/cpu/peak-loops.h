/* peak-loops.h - see simd-peak.c. */
#ifndef PEAK_LOOPS_H
#define PEAK_LOOPS_H

#include <stdint.h>

#include "isa.h"
#include "peak.h"

struct peak_loop {
    double ops_per_round;        /* 0: the instruction set has no such instruction */
    float (*run)(int64_t rounds); /* a value that must be used */
};
struct peak_loops {
    struct peak_loop kind[PEAK_KINDS];
};

#ifndef ISA
ISA_TABLE(const struct peak_loops, peak_loops)
#endif

#endif
