/* peak.c - every worker runs the same chains of multiply-adds; a try lasts until the slowest is done. */
#include "peak.h"

#include <time.h>

#include "peak-loops.h"

enum { TRIES = 24, ROUNDS = 1000000 }; /* half a second: a shared machine is seldom idle for long */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void run(void *arg, int64_t item, int worker)
{
    (void)worker;
    ((volatile float *)arg)[16 * item] = peak_loops()->run(ROUNDS);
}

double peak_gflops(struct thread_pool *pool)
{
    enum { WORKERS_MAX = 256 };
    static float sink[16 * WORKERS_MAX];
    int n = thread_workers(pool) < WORKERS_MAX ? thread_workers(pool) : WORKERS_MAX;
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        double start = seconds();
        thread_for(pool, n, run, sink);
        double rate = 1e-9 * n * ROUNDS * peak_loops()->flops_per_round / (seconds() - start);
        best = rate > best ? rate : best;
    }
    return best;
}
