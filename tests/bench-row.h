/* bench-row.h - the table of make bench. A row is a piece of work, timed several times where its memory is its own: in
 * a process that does nothing else. bench-run (bench-run.c) gives a whole command one.
 *
 *   struct bench_row row = {.what = "...", .unit = "images", .n = 8, .ops = ...};
 *   for (...) {
 *       struct bench_time start = bench_now();
 *       ... the work ...
 *       bench_add(&row, start);
 *   }
 *   bench_print(&row, &peak, false);
 *
 * The columns: units per second of the best run; operations per second, and as a share of what the processor can do
 * with the instruction of that precision (peak.h), by the clock and by the time of processors (what a shared machine
 * gives to others lowers the first only); seconds of processors for each unit; the median of the runs, and their 99th
 * percentile, which is the slowest where they are fewer than a hundred; the most memory in use.
 */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "config.h"
#include "num.h"
#include "peak.h"
#include "precision.h"
#include "vit.h"

struct bench_time {
    double wall, cpu; /* seconds; cpu: of all threads */
};

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

static inline double bench_memory(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss * 1024;
}

/* BENCH_DEPTH=N in the environment: networks of N blocks, whatever their name, to try the benchmarks out in no time. */
static inline int bench_set_depth(struct config *c, struct fmt_error *e)
{
    const char *depth = getenv("BENCH_DEPTH");
    char word[40];
    snprintf(word, sizeof word, "student.depth=%.10s", depth ? depth : "null");
    return config_set(c, word, e);
}

/* ------------------------------------------------------------------ peaks */

/* The instruction of a precision. Products of int8 that have no weight, those of attention, are bf16 all the same. */
static const enum peak_kind bench_kind[PRECISION_COUNT] = {
    [PRECISION_F32] = PEAK_F32, [PRECISION_BF16] = PEAK_BF16, [PRECISION_INT8] = PEAK_INT8};

/* What speeds are compared with, measured before the work and after it. */
struct bench_peak {
    struct thread_pool *pool;
    double gops[PEAK_KINDS];
};

static inline double bench_peak(struct bench_peak *p, enum peak_kind kind)
{
    double now = peak_gops(p->pool, kind);
    p->gops[kind] = now > p->gops[kind] ? now : p->gops[kind];
    return p->gops[kind];
}

/* ------------------------------------------------------------------ rows */

enum { BENCH_RUNS_MAX = 400 };
struct bench_row {
    const char *what, *unit;
    enum precision precision;
    double n;                            /* units of a run */
    double ops;                          /* of a run, in products only, a multiply-add being two; 0: they say nothing */
    double bytes;                        /* the most memory in use */
    int n_runs;
    double wall[BENCH_RUNS_MAX], cpu[BENCH_RUNS_MAX]; /* seconds of each run, of the clock and of processors */
};

static inline void bench_add_run(struct bench_row *r, double wall, double cpu)
{
    if (r->n_runs == BENCH_RUNS_MAX)
        return;
    r->wall[r->n_runs] = wall;
    r->cpu[r->n_runs++] = cpu;
}

static inline void bench_add(struct bench_row *r, struct bench_time start)
{
    struct bench_time now = bench_now();
    bench_add_run(r, now.wall - start.wall, now.cpu - start.cpu);
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of the runs of a row, sorted: the one of nearest rank. */
static inline double bench_quantile(const double *sorted, int n, double q)
{
    int rank = (int)(q * n);
    return sorted[rank < q * n || rank == 0 ? rank : rank - 1];
}

static inline void bench_head(void)
{
    printf("%-42s %-4s %19s %7s %6s %6s %10s %10s %10s %10s\n", "", "", "rate", "GOP/s", "peak", "of CPU", "CPU s each",
           "median", "99 %", "memory");
}

static inline const char *bench_share(char out[16], double share)
{
    snprintf(out, 16, "%.1f%%", 100 * share);
    return out;
}

/* peak: NULL where ops is 0. */
static inline void bench_print_table(const struct bench_row *r, struct bench_peak *peak)
{
    char rate[32], gops[16] = "-", share[16] = "-", of_cpu[16] = "-", memory[32];
    double best = r->wall[0], cpu = r->cpu[0];
    snprintf(rate, sizeof rate, "%.*f %s/s", r->n / best < 100 ? 2 : 0, r->n / best, r->unit);
    if (r->ops > 0) {
        double all = 1e9 * bench_peak(peak, bench_kind[r->precision]);
        snprintf(gops, sizeof gops, "%.1f", 1e-9 * r->ops / best);
        bench_share(share, r->ops / best / all);
        bench_share(of_cpu, r->ops / cpu / (all / thread_workers(peak->pool)));
    }
    printf("%-42s %-4s %19s %7s %6s %6s %10.4f %8.1fms %8.1fms %10s\n", r->what, precision_name(r->precision), rate,
           gops, share, of_cpu, cpu / r->n, 1e3 * bench_quantile(r->wall, r->n_runs, 0.5),
           1e3 * bench_quantile(r->wall, r->n_runs, 0.99), num_bytes_text(r->bytes, memory));
}

/* As a line of the table or, for scripts, as four numbers separated by tabs: the medians of seconds and of seconds of
 * processors, the 99th percentile of seconds, all for one unit, and bytes. */
static inline void bench_print(struct bench_row *r, struct bench_peak *peak, bool bare)
{
    qsort(r->wall, (size_t)r->n_runs, sizeof *r->wall, bench_compare);
    qsort(r->cpu, (size_t)r->n_runs, sizeof *r->cpu, bench_compare);
    if (bare)
        printf("%.6g\t%.6g\t%.6g\t%.0f\n", bench_quantile(r->wall, r->n_runs, 0.5) / r->n,
               bench_quantile(r->cpu, r->n_runs, 0.5) / r->n, bench_quantile(r->wall, r->n_runs, 0.99) / r->n,
               r->bytes);
    else
        bench_print_table(r, peak);
    fflush(stdout);
}

/* The products of one image of N tokens going forward. */
static inline double bench_vit_ops(const struct vit_config *f, double N)
{
    double C = (double)f->C, inner = (double)f->hidden * (f->ffn == VIT_SWIGLU ? 3 : 2);
    double patch = 3.0 * (double)(f->patch * f->patch);
    return 2 * N * C * patch + (double)f->depth * (2 * N * C * (4 * C + inner) + 4 * N * N * C);
}

#endif
