/* knn.c - exact search: queries and bank are scaled to unit length, block by block, and passed to op_nearest. While the
 * device processes one block of the bank, the next one is read. */
#include "knn.h"

#include <stdlib.h>

#include "device-arena.h"
#include "nearest.h"
#include "num.h"

struct search {
    const struct knn_search *s;
    const struct rows *queries;
    struct op_ctx c;
    struct device_arena memory, scratch;
    struct nearest part;
    int64_t first_query, n_queries, query_tile, n_query_tiles, dim;
    struct tensor query_group, bank_group; /* [n_queries], [block_rows]; or none */
    struct tensor block, ahead;            /* [block_rows,dim]; ahead: read while block is searched */
    bool in_blocks;                        /* the bank is more than one block */
    int64_t block_rows, block_first, block_n, ahead_n;
    int ahead_status;
    struct fmt_error ahead_error;
};

/* Scales rows 0 .. n - 1 of x to unit length. what: "query" or "training"; first: number of the first row. */
static int make_unit(struct search *t, struct tensor x, int64_t n, const char *what, int64_t first, struct fmt_error *e)
{
    int64_t bad = -1;
    op_unit_rows(&t->c, &bad, tensor_rows(x, 0, n));
    if (bad < 0)
        return 0;
    return fmt_fail(e, FMT_NONFINITE, "%s row %lld: a feature is not finite", what, (long long)(first + bad));
}

/* Sets rows n .. end - 1 of x to zero. */
static void pad_with_zeros(struct search *t, struct tensor x, int64_t n, int64_t end)
{
    op_fill(&t->c, tensor_rows(x, n, end - n), 0);
}

static int64_t whole_tiles(int64_t n_rows)
{
    return num_ceil_div(n_rows, NEAREST_BANK) * NEAREST_BANK;
}

static int64_t block_size(const struct search *t, int64_t first)
{
    return num_min(t->block_rows, t->s->bank->n - first);
}

static void read_ahead(void *arg)
{
    struct search *t = arg;
    int64_t first = t->block_first + t->block_n;
    struct op_ctx c = {.backend = t->c.backend, .scratch = &t->memory}; /* copies use no scratch */
    t->ahead_status = rows_load(t->s->bank, first, t->ahead_n, &c, t->ahead, &t->ahead_error);
}

static int search_block(struct search *t, struct fmt_error *e)
{
    int64_t padded = whole_tiles(t->block_n);
    int status = make_unit(t, t->block, t->block_n, "training", t->block_first, e);
    if (status)
        return status;
    pad_with_zeros(t, t->block, t->block_n, padded);
    t->part.first_part = t->block_first == 0;
    t->part.last_part = t->block_first + t->block_n == t->s->bank->n;
    t->part.bank = tensor_rows(t->block, 0, padded);
    t->part.first = t->block_first;
    t->part.n = t->block_n;
    if (t->s->exclude_own_group) {
        t->part.bank_group = tensor_rows(t->bank_group, 0, t->block_n);
        op_copy_in(&t->c, t->part.bank_group, t->s->bank->group + t->block_first);
    }
    t->ahead_n = block_size(t, t->block_first + t->block_n);
    op_nearest(&t->c, &t->part, &(struct nearest_host_work){read_ahead, t});
    if (t->ahead_status)
        return fmt_fail(e, (enum fmt_status)t->ahead_status, "%s", t->ahead_error.text);
    return 0;
}

static void next_block(struct search *t)
{
    struct tensor searched = t->block;
    t->block = t->ahead;
    t->ahead = searched;
    t->block_first += t->block_n;
    t->block_n = t->ahead_n;
}

/* Loads the queries, scales them and transposes them tile by tile; the block of the bank serves as scratch. */
static int set_queries(struct search *t, struct fmt_error *e)
{
    int64_t tile = t->query_tile, rows_fit = t->block_rows / tile * tile;
    for (int64_t first = 0, n; first < t->n_queries; first += n) {
        n = num_min(rows_fit, t->n_queries - first);
        int64_t n_tiles = num_ceil_div(n, tile);
        int status = rows_load(t->queries, t->first_query + first, n, &t->c, tensor_rows(t->block, 0, n), e);
        if (!status)
            status = make_unit(t, t->block, n, "query", t->first_query + first, e);
        if (status)
            return status;
        pad_with_zeros(t, t->block, n, n_tiles * tile);
        for (int64_t i = 0; i < n_tiles; i++) {
            struct tensor to = tensor_rows(t->part.queries, first / tile + i, 1);
            op_transpose(&t->c, TENSOR_SHAPED(to, t->dim, tile), tensor_rows(t->block, i * tile, tile));
        }
    }
    if (t->s->exclude_own_group)
        op_copy_in(&t->c, t->part.query_group, t->queries->group + t->first_query);
    return 0;
}

/* ------------------------------------------------------------------ memory */
static void set_shape(struct search *t, const struct knn_search *s, int64_t n_queries)
{
    int64_t memory = s->memory_bytes > 0 ? s->memory_bytes : KNN_BLOCKS_BYTES;
    int64_t rows_fit = memory / 2 / (s->bank->dim * (int64_t)sizeof(float));
    *t = (struct search){.s = s, .n_queries = n_queries, .dim = s->bank->dim, .query_tile = nearest_tile(n_queries)};
    t->n_query_tiles = num_ceil_div(n_queries, t->query_tile);
    t->block_rows = whole_tiles(num_max(t->query_tile, num_min(s->bank->n, rows_fit)));
    t->in_blocks = s->bank->n > t->block_rows;
}

static void take_tensors(struct search *t, struct device_arena *a)
{
    int64_t k = t->s->k;
    t->part.queries = TENSOR_TAKE(a, DTYPE_F32, t->n_query_tiles, t->dim, t->query_tile);
    t->part.similarity = TENSOR_TAKE(a, DTYPE_F32, t->n_queries, k);
    t->part.index = TENSOR_TAKE(a, DTYPE_I64, t->n_queries, k);
    t->block = t->part.bank = TENSOR_TAKE(a, DTYPE_F32, t->block_rows, t->dim);
    if (t->in_blocks)
        t->ahead = TENSOR_TAKE(a, DTYPE_F32, t->block_rows, t->dim);
    if (t->s->exclude_own_group) {
        t->part.query_group = TENSOR_TAKE(a, DTYPE_I64, t->n_queries);
        t->bank_group = TENSOR_TAKE(a, DTYPE_I64, t->block_rows);
    }
}

/* Sets `high` of the arenas. */
static int plan(struct search *t, const struct device *device, struct fmt_error *e)
{
    t->c = (struct op_ctx){.backend = device->backend, .pool = device->pool, .scratch = &t->scratch};
    take_tensors(t, &t->memory);
    t->part.n = t->block_rows;
    t->part.bank_group = t->bank_group;
    op_nearest(&t->c, &t->part, NULL);
    return op_sync(&t->c, e);
}

static int open_search(struct search *t, const struct device *device, struct fmt_error *e)
{
    int status = plan(t, device, e);
    if (status || device_arena_init(&t->memory, device->backend, t->memory.high, NULL) ||
        device_arena_init(&t->scratch, device->backend, t->scratch.high, NULL))
        return status ? status
                      : fmt_fail(e, FMT_MEMORY, "out of memory for the neighbours of %lld rows",
                                 (long long)t->n_queries);
    take_tensors(t, &t->memory);
    return 0;
}

int64_t knn_search_bytes(const struct knn_search *s, int64_t n_queries, const struct device *device)
{
    struct search t;
    set_shape(&t, s, n_queries);
    return plan(&t, device, NULL) ? 0 : (int64_t)(t.memory.high + t.scratch.high);
}

/* ------------------------------------------------------------------ the search */
/* Results cross to the host by tiles of queries. */
static int give(struct search *t, const struct knn_callback *callback, struct fmt_error *e)
{
    size_t pairs = NEAREST_QUERIES * (size_t)t->s->k;
    float *similarity = malloc(pairs * sizeof *similarity);
    int64_t *index = malloc(pairs * sizeof *index);
    int status = similarity && index ? 0 : fmt_no_memory(e);
    for (int64_t q = 0, m; !status && q < t->n_queries; q += m) {
        m = num_min(NEAREST_QUERIES, t->n_queries - q);
        op_copy_out(&t->c, similarity, tensor_rows(t->part.similarity, q, m));
        op_copy_out(&t->c, index, tensor_rows(t->part.index, q, m));
        status = op_sync(&t->c, e);
        if (!status)
            callback->on_neighbours(callback->arg, q, m, similarity, index);
    }
    free(similarity);
    free(index);
    return status;
}

int knn_search(const struct knn_search *s, const struct rows *queries, int64_t first, int64_t n,
               const struct device *device, const struct knn_callback *callback, struct fmt_error *e)
{
    struct search t;
    if (n <= 0)
        return 0;
    if (s->k < 1 || s->bank->dim < 1)
        return fmt_fail(e, FMT_INVALID, "neighbours: k and the dimension must be at least 1");
    set_shape(&t, s, n);
    t.queries = queries;
    t.first_query = first;
    int status = open_search(&t, device, e);
    if (!status)
        status = set_queries(&t, e);
    t.block_n = block_size(&t, 0);
    if (!status)
        status = rows_load(s->bank, 0, t.block_n, &t.c, t.block, e);
    do
        if (!status)
            status = search_block(&t, e);
    while (!status && (next_block(&t), t.block_n > 0));
    if (!status)
        status = give(&t, callback, e);
    device_arena_release(&t.memory);
    device_arena_release(&t.scratch);
    return status;
}
