/* bench-row.h - the table of make bench: a row is a rate, GFLOP/s with their share of what the processor can do in
 * registers (kernels/cpu/peak.h), seconds of processors for each unit, peak memory. A row is printed where it was
 * measured; bench-run (bench-run.c) gives a whole command one.
 */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "peak.h"
#include "vit.h"
#include "num.h"

struct bench_time {
    double wall, cpu; /* seconds; cpu: of all threads, which is meaningful on a shared machine, too */
};

static const struct bench_time BENCH_WORST = {1e30, 1e30};

static inline double bench_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline struct bench_time bench_now(void)
{
    return (struct bench_time){bench_clock(CLOCK_MONOTONIC), bench_clock(CLOCK_PROCESS_CPUTIME_ID)};
}

static inline struct bench_time bench_since(struct bench_time start)
{
    struct bench_time now = bench_now();
    return (struct bench_time){now.wall - start.wall, now.cpu - start.cpu};
}

/* The best of each. */
static inline struct bench_time bench_best(struct bench_time a, struct bench_time b)
{
    return (struct bench_time){a.wall < b.wall ? a.wall : b.wall, a.cpu < b.cpu ? a.cpu : b.cpu};
}

static inline void bench_head(void)
{
    printf("%-50s %20s %8s %8s %10s %10s\n", "", "rate", "GFLOP/s", "of peak", "CPU s each", "memory");
}

/* Before the work and after it: a shared machine may be busy for half a second. */
struct bench_peak {
    struct thread_pool *pool;
    double gflops;
};

static inline double bench_peak(struct bench_peak *p)
{
    double now = peak_gflops(p->pool);
    p->gflops = now > p->gflops ? now : p->gflops;
    return p->gflops;
}

/* n units took t. flops: of all n, only products, multiply and add counted apart; 0 where they say nothing (and peak
 * may be NULL). bytes: the most memory in use. */
static inline void bench_row(const char *what, double n, const char *unit, struct bench_time t, double flops,
                             struct bench_peak *peak, double bytes)
{
    char rate[32], speed[16] = "-", share[16] = "-", memory[32];
    snprintf(rate, sizeof rate, "%.*f %s/s", n / t.wall < 100 ? 2 : 0, n / t.wall, unit);
    if (flops > 0) {
        snprintf(speed, sizeof speed, "%.1f", 1e-9 * flops / t.wall);
        snprintf(share, sizeof share, "%.1f %%", 1e-7 * flops / t.wall / bench_peak(peak));
    }
    printf("%-50s %20s %8s %8s %10.4f %10s\n", what, rate, speed, share, t.cpu / n, num_bytes_text(bytes, memory));
    fflush(stdout);
}

static inline double bench_memory(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return (double)u.ru_maxrss * 1024;
}

/* The products of one image of N tokens going forward. */
static inline double bench_vit_flops(const struct vit_config *f, double N)
{
    double C = (double)f->C, inner = (double)f->hidden * (f->ffn == VIT_SWIGLU ? 3 : 2);
    double patch = 3.0 * (double)(f->patch * f->patch);
    return 2 * N * C * patch + (double)f->depth * (2 * N * C * (4 * C + inner) + 4 * N * N * C);
}

#endif
