/* token-search.c - tokens are transposed tile by tile, as op_nearest takes its queries. */
#include "token-search.h"

#include "num.h"

static int64_t whole_tiles(int64_t n, int64_t tile)
{
    return num_ceil_div(n, tile) * tile;
}

static void take(struct token_search *s)
{
    struct device_arena *a = &s->memory;
    int64_t padded = whole_tiles(s->n_tokens_max, nearest_tile(s->n_tokens_max));
    s->vectors = TENSOR_TAKE(a, DTYPE_F32, whole_tiles(s->n_vectors_max, NEAREST_BANK), s->dim);
    s->tokens = TENSOR_TAKE(a, DTYPE_F32, padded, s->dim);
    s->tiles = TENSOR_TAKE(a, DTYPE_F32, padded, s->dim);
    s->similarity = TENSOR_TAKE(a, DTYPE_F32, s->n_tokens_max, 1);
    s->index = TENSOR_TAKE(a, DTYPE_I64, s->n_tokens_max, 1);
    if (s->grouped) {
        s->vector_group = TENSOR_TAKE(a, DTYPE_I64, s->n_vectors_max);
        s->token_group = TENSOR_TAKE(a, DTYPE_I64, s->n_tokens_max);
    }
}

static void nearest(struct token_search *s, int64_t n)
{
    int64_t tile = nearest_tile(n), padded = whole_tiles(n, tile);
    struct nearest part = {.similarity = tensor_rows(s->similarity, 0, n), .index = tensor_rows(s->index, 0, n),
                           .queries = TENSOR_SHAPED(tensor_rows(s->tiles, 0, padded), padded / tile, s->dim, tile),
                           .bank = tensor_rows(s->vectors, 0, whole_tiles(s->n_vectors, NEAREST_BANK)),
                           .n = s->n_vectors, .first_part = true, .last_part = true};
    if (s->grouped) {
        part.query_group = tensor_rows(s->token_group, 0, n);
        part.bank_group = tensor_rows(s->vector_group, 0, s->n_vectors);
    }
    op_nearest(&s->c, &part, NULL);
}

int token_search_open(struct token_search *s, const struct device *device, int64_t dim, int64_t n_vectors_max,
                      int64_t n_tokens_max, bool grouped, struct fmt_error *e)
{
    *s = (struct token_search){.c = {.backend = device->backend, .pool = device->pool}, .dim = dim,
                               .n_vectors_max = n_vectors_max, .n_tokens_max = n_tokens_max,
                               .n_vectors = n_vectors_max, .grouped = grouped};
    s->c.scratch = &s->scratch;
    take(s);
    /* Fewer tokens may need more scratch: the vectors are then searched in more segments. */
    for (int64_t n = num_min(NEAREST_TILE_MAX, n_tokens_max);; n = num_min(n + NEAREST_TILE_MAX, n_tokens_max)) {
        nearest(s, n);
        if (n == n_tokens_max)
            break;
    }
    int status = op_sync(&s->c, e);
    if (!status)
        status = device_arena_init(&s->memory, device->backend, s->memory.high, e);
    if (!status)
        status = device_arena_init(&s->scratch, device->backend, s->scratch.high, e);
    if (status) {
        token_search_close(s);
        return status;
    }
    take(s);
    return 0;
}

void token_search_close(struct token_search *s)
{
    device_arena_release(&s->memory);
    device_arena_release(&s->scratch);
    *s = (struct token_search){.n_vectors = 0};
}

int token_search_set(struct token_search *s, const float *x, const int64_t *group, int64_t n, struct fmt_error *e)
{
    int64_t padded = whole_tiles(n, NEAREST_BANK);
    s->n_vectors = n;
    op_copy_in(&s->c, tensor_rows(s->vectors, 0, n), x);
    if (padded > n)
        op_fill(&s->c, tensor_rows(s->vectors, n, padded - n), 0);
    if (s->grouped)
        op_copy_in(&s->c, tensor_rows(s->vector_group, 0, n), group);
    return op_sync(&s->c, e);
}

struct tensor token_search_tokens(const struct token_search *s, int64_t n)
{
    return tensor_rows(s->tokens, 0, n);
}

int token_search_run(struct token_search *s, const int64_t *group, int64_t n, float *similarity, int64_t *index,
                     struct fmt_error *e)
{
    int64_t tile = nearest_tile(n), padded = whole_tiles(n, tile);
    if (padded > n)
        op_fill(&s->c, tensor_rows(s->tokens, n, padded - n), 0);
    for (int64_t i = 0; i < padded; i += tile)
        op_transpose(&s->c, TENSOR_SHAPED(tensor_rows(s->tiles, i, tile), s->dim, tile),
                     tensor_rows(s->tokens, i, tile));
    if (s->grouped)
        op_copy_in(&s->c, tensor_rows(s->token_group, 0, n), group);
    nearest(s, n);
    op_copy_out(&s->c, similarity, tensor_rows(s->similarity, 0, n));
    if (index)
        op_copy_out(&s->c, index, tensor_rows(s->index, 0, n));
    return op_sync(&s->c, e);
}
