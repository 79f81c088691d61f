/* peak.h - what the processor can do at most: multiply-adds in registers alone. For benchmarks, which give speeds as a
 * share of it. */
#ifndef PEAK_H
#define PEAK_H

#include "thread.h"

/* GFLOP/s of all workers together, the best of a few tries of some 20 ms. */
double peak_gflops(struct thread_pool *pool);

#endif
