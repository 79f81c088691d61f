/* peak-loops.h - see simd-peak.c. */
#ifndef PEAK_LOOPS_H
#define PEAK_LOOPS_H

#include <stdint.h>

#include "isa.h"

struct peak_loops {
    double flops_per_round;
    float (*run)(int64_t rounds); /* a value that must be used */
};

#ifndef ISA
ISA_TABLE(const struct peak_loops, peak_loops)
#endif

#endif
