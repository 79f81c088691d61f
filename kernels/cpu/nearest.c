/* nearest.c - all similarities, tile by tile, and a heap of the k best per query. An exact search by matrix products is
 * as fast as the products, if every similarity is examined once and cheaply. Queries are transposed, so that a row of a
 * tile holds one bank row's similarities to up to 512 queries: these are compared with the queries' worst neighbours so
 * far all at once, and the few above (k ln(n/k) of n in random order) go to their heaps.
 *
 * Products have the shape [128,C] x [C,512], or fewer columns: close to the peak (tests/bench-op sgemm 128 512 384),
 * and the result stays in the second-level cache. Where there are few tiles of queries for the threads, the bank is
 * searched in segments with heaps of their own, merged at the end; the k best are the same set in any case.
 */
#include "nearest.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "cpu.h"
#include "topk.h"

/* ------------------------------------------------------------------ rows of unit length */
/* x / max(|x|, 1e-12). False if the norm is not finite. That of finite values may be beyond float32. */
static bool make_unit(float *x, int64_t C)
{
    double norm = sqrt(topk_loops()->squares(x, C));
    if (!isfinite(norm))
        return false;
    float shrink = norm > (double)FLT_MAX ? 0x1p-32f : 1.0f;
    topk_loops()->divide(x, C, shrink, (float)fmax(norm * (double)shrink, 1e-12));
    return true;
}

struct unit_rows {
    float *x;
    int64_t T, C;
    _Atomic int64_t nonfinite; /* the lowest row that is not finite, or T */
};

static void unit_rows_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    struct unit_rows *u = arg;
    for (int64_t i = item * CPU_ROWS; i < num_min(u->T, (item + 1) * CPU_ROWS); i++) {
        if (make_unit(u->x + i * u->C, u->C))
            continue;
        int64_t seen = u->nonfinite;
        while (i < seen && !atomic_compare_exchange_weak(&u->nonfinite, &seen, i))
            ;
    }
}

void cpu_unit_rows(struct op_ctx *c, int64_t *nonfinite, struct tensor x)
{
    struct unit_rows u = {cpu_f32(x), x.dims[0], x.dims[1], x.dims[0]};
    op_for(c, num_ceil_div(u.T, CPU_ROWS), unit_rows_item, &u);
    *nonfinite = u.nonfinite < u.T ? u.nonfinite : -1;
}

/* ------------------------------------------------------------------ the search */
enum { SEGMENTS_MAX = 16 };

/* Segments of a part of the bank, each with k neighbours of every query until they are merged: eight pieces of work for
 * each thread. In the first part there is no k-th best yet that limits what a segment collects: two. */
static int segments(int64_t n_query_tiles, int n_workers, bool first_part)
{
    return (int)num_min(SEGMENTS_MAX, num_max(1, (first_part ? 2 : 8) * n_workers / num_max(1, n_query_tiles)));
}

struct searching {
    const struct nearest *s;
    const struct nearest_host_work *host_work;
    int64_t Q, C, k, query_tile, n_query_tiles;
    int n_segments;
    const float *queries, *bank;
    const int64_t *query_group, *bank_group; /* or NULL */
    float *similarity;
    int64_t *index;
    float *tiles;             /* [workers,NEAREST_BANK,query_tile] similarities */
    struct topk_entry *heaps; /* [n_segments,Q,k] */
    int *filled;              /* [n_segments,Q] */
    float *least;             /* [Q] what a similarity must exceed in any segment: the worst of the results so far */
};

static struct topk heap_of(const struct searching *t, int segment, int64_t query)
{
    int64_t at = segment * t->Q + query;
    return (struct topk){t->heaps + at * t->k, (int)t->k, t->filled + at};
}

/* The first segment starts with the results so far, which close_heaps left as a heap. */
static void open_heaps(void *arg, int64_t q, int worker)
{
    (void)worker;
    const struct searching *t = arg;
    int n = 0;
    struct topk first = heap_of(t, 0, q);
    for (; !t->s->first_part && n < t->k && t->index[q * t->k + n] >= 0; n++)
        first.heap[n] = (struct topk_entry){t->similarity[q * t->k + n], t->index[q * t->k + n]};
    *first.n = n;
    t->least[q] = topk_limit(&first);
    for (int segment = 1; segment < t->n_segments; segment++)
        *heap_of(t, segment, q).n = 0;
}

static float limit_of(const struct searching *t, int segment, int64_t query)
{
    struct topk heap = heap_of(t, segment, query);
    float own = topk_limit(&heap), least = t->least[query];
    return own > least ? own : least;
}

/* Offers a tile's similarities, [NEAREST_BANK,n_columns], to the heaps of its queries. */
static void offer_tile(const struct searching *t, const float *tile, int64_t n_columns, int64_t first_query,
                       int segment, int64_t first_row)
{
    float limit[NEAREST_TILE_MAX]; /* what they must exceed */
    int32_t found[NEAREST_TILE_MAX];
    int64_t n_rows = num_min(NEAREST_BANK, t->s->n - first_row);
    for (int64_t q = 0; q < n_columns; q++)
        limit[q] = first_query + q < t->Q ? limit_of(t, segment, first_query + q) : INFINITY;
    for (int64_t i = 0; i < n_rows; i++, tile += n_columns) {
        int n = topk_loops()->above(tile, limit, (int)n_columns, found);
        for (int f = 0; f < n; f++) {
            int64_t q = first_query + found[f];
            if (t->bank_group && t->bank_group[first_row + i] == t->query_group[q])
                continue;
            struct topk heap = heap_of(t, segment, q);
            topk_offer(&heap, tile[found[f]], t->s->first + first_row + i);
            limit[found[f]] = limit_of(t, segment, q);
        }
    }
}

static void search_tile(const struct searching *t, int64_t query_tile, int segment, int64_t bank_tile, int worker)
{
    float *tile = t->tiles + (int64_t)worker * NEAREST_BANK * t->query_tile;
    int64_t row = bank_tile * NEAREST_BANK, query = query_tile * t->query_tile;
    int64_t n_columns = num_min(t->query_tile, nearest_tile(t->Q - query)); /* of the last tile, those that are used */
    gemm_f32(false, false, NEAREST_BANK, n_columns, t->C, 1.0f, t->bank + row * t->C, t->C,
             t->queries + query * t->C, t->query_tile, 0.0f, tile, n_columns);
    offer_tile(t, tile, n_columns, query, segment, row);
}

/* The first item is the host's work: one thread does it while the others compute, and joins them then. Every other is a
 * tile of queries against one segment of the bank. */
static void search_item(void *arg, int64_t item, int worker)
{
    const struct searching *t = arg;
    if (item == 0) {
        if (t->host_work)
            t->host_work->work(t->host_work->arg);
        return;
    }
    int64_t query_tile = (item - 1) / t->n_segments, n_tiles = num_ceil_div(t->s->n, NEAREST_BANK);
    int segment = (int)((item - 1) % t->n_segments);
    for (int64_t b = n_tiles * segment / t->n_segments; b < n_tiles * (segment + 1) / t->n_segments; b++)
        search_tile(t, query_tile, segment, b, worker);
}

static void close_heaps(void *arg, int64_t q, int worker)
{
    (void)worker;
    const struct searching *t = arg;
    struct topk all = heap_of(t, 0, q);
    for (int segment = 1; segment < t->n_segments; segment++) {
        struct topk part = heap_of(t, segment, q);
        for (int i = 0; i < *part.n; i++)
            topk_offer(&all, part.heap[i].value, part.heap[i].index);
    }
    if (t->s->last_part)
        topk_sort(&all);
    for (int64_t i = 0; i < t->k; i++) {
        t->similarity[q * t->k + i] = i < *all.n ? all.heap[i].value : -INFINITY;
        t->index[q * t->k + i] = i < *all.n ? all.heap[i].index : -1;
    }
}

void cpu_nearest(struct op_ctx *c, const struct nearest *s, const struct nearest_host_work *host_work)
{
    size_t mark = c->scratch->used;
    struct searching t = {.s = s, .host_work = host_work, .Q = s->similarity.dims[0], .C = s->bank.dims[1],
                          .k = s->similarity.dims[1],
                          .n_query_tiles = s->queries.dims[0], .query_tile = s->queries.dims[2],
                          .queries = cpu_f32(s->queries), .bank = cpu_f32(s->bank),
                          .query_group = cpu_i64(s->query_group), .bank_group = cpu_i64(s->bank_group),
                          .similarity = cpu_f32(s->similarity), .index = cpu_i64(s->index)};
    t.n_segments = segments(t.n_query_tiles, op_workers(c), s->first_part);
    t.tiles = CPU_TAKE(c, float, op_workers(c) * NEAREST_BANK * t.query_tile);
    t.heaps = CPU_TAKE(c, struct topk_entry, t.n_segments * t.Q * t.k);
    t.filled = CPU_TAKE(c, int, t.n_segments * t.Q);
    t.least = CPU_TAKE(c, float, t.Q);
    op_for(c, t.Q, open_heaps, &t);
    op_for(c, 1 + t.n_query_tiles * t.n_segments, search_item, &t);
    op_for(c, t.Q, close_heaps, &t);
    c->scratch->used = mark;
}
