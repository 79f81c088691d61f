/* peak.c - every worker runs the same chains of instructions, or copies its part; the best of several tries counts. */
#include "peak.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "arena.h"
#include "peak-loops.h"

enum { TRIES = 24, ROUNDS = 1000000, COPY_TRIES = 8 };
#define COPY_BYTES ((size_t)256 << 20)

static const char *const names[PEAK_KINDS] = {
    [PEAK_F32] = "float32 multiply-add",
    [PEAK_BF16] = "bf16 dot product (vdpbf16ps)",
    [PEAK_INT8] = "int8 dot product (vpdpbusd)",
};

const char *peak_name(enum peak_kind kind)
{
    return names[kind];
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The table of an instruction set has all that a processor of this set may have; this one may lack the newest. */
static bool processor_has(enum peak_kind kind)
{
    return kind == PEAK_BF16 ? isa_has_bf16() : kind == PEAK_INT8 ? isa_has_vnni() : true;
}

enum { ITEMS_MAX = 256 };
struct chains {
    const struct peak_loop *loop;
    double s[ITEMS_MAX]; /* of the processor, for each item */
};

static void run(void *arg, int64_t item, int worker)
{
    (void)worker;
    struct chains *c = arg;
    double start = seconds(CLOCK_THREAD_CPUTIME_ID);
    volatile float used = c->loop->run(ROUNDS);
    (void)used;
    c->s[item] = seconds(CLOCK_THREAD_CPUTIME_ID) - start;
}

double peak_gops(struct thread_pool *pool, enum peak_kind kind)
{
    struct chains c = {.loop = &peak_loops()->kind[kind]};
    const int n_workers = thread_workers(pool), n = n_workers < ITEMS_MAX ? n_workers : ITEMS_MAX;
    double best = 0;
    if (!c.loop->run || !processor_has(kind))
        return 0;
    for (int i = 0; i < TRIES; i++) {
        double s = 0;
        thread_for(pool, n, run, &c);
        for (int item = 0; item < n; item++)
            s += c.s[item];
        double rate = 1e-9 * n_workers * n * ROUNDS * c.loop->ops_per_round / s;
        best = rate > best ? rate : best;
    }
    return best;
}

struct copy {
    char *to, *from;
    size_t part_bytes;
};

/* Past the caches: an ordinary store would first read what it overwrites. */
static void copy_part(void *arg, int64_t part, int worker)
{
    (void)worker;
    const struct copy *c = arg;
    char *to = c->to + (size_t)part * c->part_bytes, *from = c->from + (size_t)part * c->part_bytes;
#if defined(__SSE2__)
    for (size_t i = 0; i < c->part_bytes; i += sizeof(__m128i))
        _mm_stream_si128((__m128i *)(void *)(to + i), _mm_load_si128((const __m128i *)(const void *)(from + i)));
    _mm_sfence();
#else
    memcpy(to, from, c->part_bytes);
#endif
}

double peak_copy_gbytes(struct thread_pool *pool)
{
    const int n = thread_workers(pool);
    struct copy c = {.part_bytes = COPY_BYTES / (size_t)n / ARENA_ALIGN * ARENA_ALIGN};
    struct arena memory = {0};
    double best = 0;
    if (arena_init(&memory, 2 * COPY_BYTES, NULL))
        return 0;
    c.to = (char *)memory.base;
    c.from = c.to + COPY_BYTES;
    memset(memory.base, 1, 2 * COPY_BYTES); /* pages that were never written to are not there yet */
    for (int i = 0; i < COPY_TRIES; i++) {
        double start = seconds(CLOCK_MONOTONIC);
        thread_for(pool, n, copy_part, &c);
        double rate = 2e-9 * (double)n * (double)c.part_bytes / (seconds(CLOCK_MONOTONIC) - start);
        best = rate > best ? rate : best;
    }
    arena_release(&memory);
    return best;
}
