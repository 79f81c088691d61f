/* knn.c - all similarities, tile by tile, and a heap of the k best per query. Exact search by matrix products is as
 * fast as the products; what is left is to look at every similarity once. Queries lie transposed, so that a row of a
 * tile holds one bank row's similarities to 128 queries: these are compared with the queries' worst neighbours so far
 * all at once, and the few above (k ln(n/k) of n in random order) go to their heaps.
 *
 * All products have the shape [512,dim] x [dim,128], the last ones filled up with zeros: a similarity does not
 * depend on how many queries or bank rows there are. Where there are fewer tiles of queries than threads ask for, the
 * bank is searched in segments with heaps of their own, merged at the end; the k best are the same set in any case.
 */
#include "knn.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"
#include "topk.h"
#include "num.h"

enum { TILE_QUERIES = KNN_TILE_QUERIES, TILE_BANK = 512, SEGMENTS_MAX = 16 };

struct searching {
    const struct knn_search *s;
    const struct rows *query_rows;
    int64_t first_query, n_queries, n_query_tiles, dim;
    int n_segments;
    float *queries; /* [n_query_tiles,dim,TILE_QUERIES], unit columns, zeros at the end */
    float *block;   /* [block_rows,dim], unit rows, zeros at the end */
    float *ahead;   /* the next one, read while this one is searched; NULL where one block holds all */
    bool in_blocks; /* the bank is more than one block: the next is read ahead */
    int64_t block_rows, block_first, block_n, ahead_n;
    int ahead_status;
    struct fmt_error ahead_error;
    float *tiles;             /* [n_workers,TILE_BANK,TILE_QUERIES] similarities */
    struct topk_entry *heaps; /* [n_segments,n_queries,k] */
    int *filled;              /* [n_segments,n_queries] */
};

/* x / max(|x|, 1e-12). False if the norm is not finite. That of finite values may be beyond float32. */
static bool make_unit(float *x, int64_t dim)
{
    double norm = sqrt(topk_loops()->squares(x, dim));
    if (!isfinite(norm))
        return false;
    float shrink = norm > (double)FLT_MAX ? 0x1p-32f : 1.0f, by = (float)fmax(norm * (double)shrink, 1e-12);
    for (int64_t j = 0; j < dim; j++)
        x[j] = x[j] * shrink / by;
    return true;
}

struct normalising {
    float *x;
    int64_t n, dim;
    _Atomic int64_t bad; /* the lowest row that is not finite, or n */
};

static void normalise_tile(void *arg, int64_t item, int worker)
{
    (void)worker;
    struct normalising *t = arg;
    for (int64_t i = item * TILE_QUERIES; i < num_min(t->n, (item + 1) * TILE_QUERIES); i++) {
        if (make_unit(t->x + i * t->dim, t->dim))
            continue;
        int64_t seen = t->bad;
        while (i < seen && !atomic_compare_exchange_weak(&t->bad, &seen, i))
            ;
    }
}

static int normalise(float *x, int64_t n, int64_t dim, const char *what, int64_t first, struct thread_pool *pool,
                     struct fmt_error *e)
{
    struct normalising t = {x, n, dim, n};
    thread_for(pool, num_ceil_div(n, TILE_QUERIES), normalise_tile, &t);
    if (t.bad < n)
        return fmt_fail(e, FMT_NONFINITE, "%s row %lld: a feature is not finite", what, (long long)(first + t.bad));
    return 0;
}

static struct topk heap_of(const struct searching *t, int segment, int64_t query)
{
    int64_t at = segment * t->n_queries + query;
    return (struct topk){t->heaps + at * t->s->k, t->s->k, t->filled + at};
}

/* Offers a tile's similarities to the heaps of its queries. limit [TILE_QUERIES]: what they must exceed. */
static void offer_tile(struct searching *t, const float *tile, int64_t first_query, int segment, int64_t first_row,
                       int64_t n_rows)
{
    const struct knn_search *s = t->s;
    float limit[TILE_QUERIES];
    int32_t found[TILE_QUERIES];
    for (int q = 0; q < TILE_QUERIES; q++) {
        struct topk heap = heap_of(t, segment, num_min(first_query + q, t->n_queries - 1));
        limit[q] = first_query + q < t->n_queries ? topk_limit(&heap) : INFINITY;
    }
    for (int64_t i = 0; i < n_rows; i++, tile += TILE_QUERIES) {
        int n = topk_loops()->above(tile, limit, TILE_QUERIES, found);
        for (int f = 0; f < n; f++) {
            int64_t q = first_query + found[f];
            if (s->groups_apart && s->bank->group[first_row + i] == t->query_rows->group[t->first_query + q])
                continue;
            struct topk heap = heap_of(t, segment, q);
            topk_offer(&heap, tile[found[f]], first_row + i);
            limit[found[f]] = topk_limit(&heap);
        }
    }
}

static void search_tile(struct searching *t, int64_t query_tile, int segment, int64_t bank_tile, int worker)
{
    float *tile = t->tiles + (int64_t)worker * TILE_BANK * TILE_QUERIES;
    int64_t row = bank_tile * TILE_BANK, query = query_tile * TILE_QUERIES;
    gemm_f32(false, false, TILE_BANK, TILE_QUERIES, t->dim, 1.0f, t->block + row * t->dim, t->dim,
             t->queries + query * t->dim, TILE_QUERIES, 0.0f, tile, TILE_QUERIES);
    offer_tile(t, tile, query, segment, t->block_first + row, num_min(TILE_BANK, t->block_n - row));
}

/* One item: a tile of queries against one segment of the block. */
static void search_item(struct searching *t, int64_t item, int worker)
{
    int64_t query_tile = item / t->n_segments, n_tiles = num_ceil_div(t->block_n, TILE_BANK);
    int segment = (int)(item % t->n_segments);
    for (int64_t b = n_tiles * segment / t->n_segments; b < n_tiles * (segment + 1) / t->n_segments; b++)
        search_tile(t, query_tile, segment, b, worker);
}

static int read_rows(struct searching *t, int64_t first, int64_t n, float *to, struct fmt_error *e)
{
    return rows_read(t->s->bank, first, n, to, e);
}

/* The first item reads the next block: one thread is reading while the others compute, and joins them then. */
static void search_or_read(void *arg, int64_t item, int worker)
{
    struct searching *t = arg;
    if (item > 0)
        search_item(t, item - 1, worker);
    else
        t->ahead_status = read_rows(t, t->block_first + t->block_n, t->ahead_n, t->ahead, &t->ahead_error);
}

static int64_t block_size(const struct searching *t, int64_t first)
{
    return num_min(t->block_rows, t->s->bank->n - first);
}

/* The block has been read; behind it, the next one has. */
static int search_block(struct searching *t, struct thread_pool *pool, struct fmt_error *e)
{
    int64_t padded = num_ceil_div(t->block_n, TILE_BANK) * TILE_BANK;
    int status = normalise(t->block, t->block_n, t->dim, "training", t->block_first, pool, e);
    if (status)
        return status;
    memset(t->block + t->block_n * t->dim, 0, (size_t)((padded - t->block_n) * t->dim) * sizeof(float));
    t->ahead_n = block_size(t, t->block_first + t->block_n);
    thread_for(pool, 1 + t->n_query_tiles * t->n_segments, search_or_read, t);
    if (t->ahead_status)
        return fmt_fail(e, (enum fmt_status)t->ahead_status, "%s", t->ahead_error.text);
    return 0;
}

static void next_block(struct searching *t)
{
    float *searched = t->block;
    t->block = t->ahead;
    t->ahead = searched;
    t->block_first += t->block_n;
    t->block_n = t->ahead_n;
}

static void collect_query(void *arg, int64_t q, int worker)
{
    (void)worker;
    struct searching *t = arg;
    struct topk all = heap_of(t, 0, q);
    for (int segment = 1; segment < t->n_segments; segment++) {
        struct topk part = heap_of(t, segment, q);
        for (int i = 0; i < *part.n; i++)
            topk_offer(&all, part.heap[i].value, part.heap[i].index);
    }
    topk_sort(&all);
}

static void searching_release(struct searching *t)
{
    free(t->queries);
    free(t->block);
    free(t->ahead);
    free(t->tiles);
    free(t->heaps);
    free(t->filled);
}

/* 64-byte rows for the products. */
static void *take(int64_t n, int64_t m, size_t bytes_each)
{
    size_t bytes;
    if (!num_mul((size_t)n, (size_t)m, &bytes) || !num_mul(bytes, bytes_each, &bytes) || !num_add(bytes, 64, &bytes))
        return NULL;
    return aligned_alloc(64, bytes / 64 * 64);
}

static void searching_shape(struct searching *t, const struct knn_search *s, int64_t n_queries, int n_workers)
{
    int64_t memory = s->memory_bytes > 0 ? s->memory_bytes : (int64_t)32 << 20;
    int64_t rows_all = num_max(1, num_ceil_div(s->bank->n, TILE_BANK)) * TILE_BANK;
    int64_t rows_fit = num_max(1, memory / 2 / (s->bank->dim * (int64_t)sizeof(float)) / TILE_BANK) * TILE_BANK;
    *t = (struct searching){.s = s, .n_queries = n_queries, .dim = s->bank->dim};
    t->n_query_tiles = num_ceil_div(n_queries, TILE_QUERIES);
    t->block_rows = num_min(rows_all, rows_fit);
    t->in_blocks = rows_all > t->block_rows;
    t->n_segments = (int)num_min(SEGMENTS_MAX, num_max(1, 2 * n_workers / t->n_query_tiles));
}

static int searching_init(struct searching *t, const struct knn_search *s, int64_t n_queries, int n_workers,
                          struct fmt_error *e)
{
    searching_shape(t, s, n_queries, n_workers);
    t->queries = take(t->n_query_tiles * TILE_QUERIES, t->dim, sizeof(float));
    t->block = take(t->block_rows, t->dim, sizeof(float));
    t->ahead = t->in_blocks ? take(t->block_rows, t->dim, sizeof(float)) : NULL;
    t->tiles = take(n_workers, TILE_BANK * TILE_QUERIES, sizeof(float));
    t->heaps = take(t->n_segments * n_queries, s->k, sizeof(struct topk_entry));
    t->filled = calloc((size_t)(t->n_segments * n_queries), sizeof(int));
    if (t->queries && t->block && (t->ahead || !t->in_blocks) && t->tiles && t->heaps && t->filled)
        return 0;
    searching_release(t);
    return fmt_fail(e, FMT_MEMORY, "out of memory for the neighbours of %lld rows", (long long)n_queries);
}

/* Unit rows, then transposed tile by tile; the block of the bank serves as scratch. */
static int set_queries(struct searching *t, struct thread_pool *pool, struct fmt_error *e)
{
    int64_t dim = t->dim;
    memset(t->queries, 0, (size_t)(t->n_query_tiles * TILE_QUERIES * dim) * sizeof(float));
    for (int64_t first = 0, n; first < t->n_queries; first += n) {
        n = num_min(t->block_rows, t->n_queries - first);
        int status = rows_read(t->query_rows, t->first_query + first, n, t->block, e);
        if (!status)
            status = normalise(t->block, n, dim, "query", t->first_query + first, pool, e);
        if (status)
            return status;
        for (int64_t i = first; i < first + n; i++)
            for (int64_t j = 0; j < dim; j++)
                t->queries[(i / TILE_QUERIES * dim + j) * TILE_QUERIES + i % TILE_QUERIES] =
                    t->block[(i - first) * dim + j];
    }
    return 0;
}

int knn_search(const struct knn_search *s, const struct rows *queries, int64_t first, int64_t n,
               struct thread_pool *pool, float *similarity, int64_t *index, struct fmt_error *e)
{
    if (n <= 0)
        return 0;
    if (s->k < 1 || s->bank->dim < 1)
        return fmt_fail(e, FMT_INVALID, "neighbours: k and the dimension must be at least 1");
    struct searching t;
    int status = searching_init(&t, s, n, thread_workers(pool), e);
    if (status)
        return status;
    t.query_rows = queries;
    t.first_query = first;
    status = set_queries(&t, pool, e);
    t.block_n = block_size(&t, 0);
    if (!status)
        status = read_rows(&t, 0, t.block_n, t.block, e);
    for (; !status && t.block_n > 0; next_block(&t))
        status = search_block(&t, pool, e);
    if (!status)
        status = gemm_status(e);
    if (!status)
        thread_for(pool, n, collect_query, &t);
    for (int64_t i = 0; !status && i < n * s->k; i++) {
        bool there = i % s->k < t.filled[i / s->k];
        similarity[i] = there ? t.heaps[i].value : -INFINITY;
        index[i] = there ? t.heaps[i].index : -1;
    }
    searching_release(&t);
    return status;
}

int64_t knn_search_bytes(const struct knn_search *s, int64_t n_queries, int n_workers)
{
    struct searching t;
    searching_shape(&t, s, n_queries, n_workers);
    int64_t rows = t.n_query_tiles * TILE_QUERIES + (t.in_blocks ? 2 : 1) * t.block_rows, pairs = n_queries * s->k;
    return (rows * t.dim + (int64_t)n_workers * TILE_BANK * TILE_QUERIES) * (int64_t)sizeof(float) +
           pairs * (int64_t)((size_t)t.n_segments * sizeof(struct topk_entry) + sizeof(float) + sizeof(int64_t));
}
