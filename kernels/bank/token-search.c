/* token-search.c - tokens are transposed tile by tile, as op_nearest takes its queries; the additional value is then a
 * row of ones below each tile. */
#include "token-search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"

enum { WIDTH_UNIT = 16, ROWS_AT_ONCE = 256 };

static int64_t whole_tiles(int64_t n, int64_t tile)
{
    return num_ceil_div(n, tile) * tile;
}

static void take(struct token_search *s)
{
    struct device_arena *a = &s->memory;
    int64_t padded = whole_tiles(s->n_tokens_max, nearest_tile(s->n_tokens_max));
    s->vectors = TENSOR_TAKE(a, DTYPE_F32, whole_tiles(s->n_vectors_max, NEAREST_BANK), s->width);
    s->tokens = TENSOR_TAKE(a, DTYPE_F32, padded, s->dim);
    s->tiles = TENSOR_TAKE(a, DTYPE_F32, padded, s->width);
    s->product = TENSOR_TAKE(a, DTYPE_F32, s->n_tokens_max, 1);
    s->index = TENSOR_TAKE(a, DTYPE_I64, s->n_tokens_max, 1);
    if (s->grouped) {
        s->vector_group = TENSOR_TAKE(a, DTYPE_I64, s->n_vectors_max);
        s->token_group = TENSOR_TAKE(a, DTYPE_I64, s->n_tokens_max);
    }
}

static void nearest(struct token_search *s, int64_t n)
{
    int64_t tile = nearest_tile(n), padded = whole_tiles(n, tile);
    struct nearest part = {.similarity = tensor_rows(s->product, 0, n), .index = tensor_rows(s->index, 0, n),
                           .queries = TENSOR_SHAPED(tensor_rows(s->tiles, 0, padded), padded / tile, s->width, tile),
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
                               .width = whole_tiles(dim + 1, WIDTH_UNIT), .n_vectors_max = n_vectors_max,
                               .n_tokens_max = n_tokens_max, .n_vectors = n_vectors_max, .grouped = grouped};
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
    if (!status && !(s->token = malloc((size_t)(n_tokens_max * dim) * sizeof *s->token)))
        status = fmt_no_memory(e);
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
    free(s->token);
    *s = (struct token_search){.n_vectors = 0};
}

/* [n,width]: values, -|v|^2 / 2, zeros */
static void widen(const struct token_search *s, const float *x, int64_t n, float *wide)
{
    memset(wide, 0, (size_t)(n * s->width) * sizeof *wide);
    for (int64_t i = 0; i < n; i++) {
        double square = 0;
        for (int64_t j = 0; j < s->dim; j++)
            square += (double)x[i * s->dim + j] * (double)x[i * s->dim + j];
        memcpy(wide + i * s->width, x + i * s->dim, (size_t)s->dim * sizeof *wide);
        wide[i * s->width + s->dim] = (float)(-square / 2);
    }
}

int token_search_set(struct token_search *s, const float *x, const int64_t *group, int64_t n, struct fmt_error *e)
{
    int64_t padded = whole_tiles(n, NEAREST_BANK);
    float *wide = malloc((size_t)(ROWS_AT_ONCE * s->width) * sizeof *wide);
    if (!wide)
        return fmt_no_memory(e);
    s->n_vectors = n;
    s->x = x;
    for (int64_t i = 0, m; i < n; i += m) {
        m = num_min(ROWS_AT_ONCE, n - i);
        widen(s, x + i * s->dim, m, wide);
        op_copy_in(&s->c, tensor_rows(s->vectors, i, m), wide);
    }
    free(wide);
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

/* Tokens [padded,dim] to tiles [padded / tile,width,tile]. */
static void lay_tiles(struct token_search *s, int64_t padded, int64_t tile)
{
    for (int64_t i = 0; i < padded; i += tile) {
        struct tensor to = TENSOR_SHAPED(tensor_rows(s->tiles, i, tile), s->width, tile);
        op_transpose(&s->c, tensor_rows(to, 0, s->dim), tensor_rows(s->tokens, i, tile));
        op_fill(&s->c, tensor_rows(to, s->dim, 1), 1);
        if (s->width > s->dim + 1)
            op_fill(&s->c, tensor_rows(to, s->dim + 1, s->width - s->dim - 1), 0);
    }
}

struct measuring {
    const struct token_search *s;
    const int64_t *index;
    float *distance;
    int64_t n;
};

static void measure(void *arg, int64_t item, int worker)
{
    const struct measuring *m = arg;
    const struct token_search *s = m->s;
    (void)worker;
    for (int64_t i = item * ROWS_AT_ONCE; i < num_min(m->n, (item + 1) * ROWS_AT_ONCE); i++) {
        const float *x = s->token + i * s->dim, *v = m->index[i] < 0 ? NULL : s->x + m->index[i] * s->dim;
        double sum = 0;
        for (int64_t j = 0; j < s->dim; j++) {
            double d = v ? (double)x[j] - (double)v[j] : 2 * (double)x[j];
            sum += d * d;
        }
        m->distance[i] = (float)sqrt(sum);
    }
}

int token_search_run(struct token_search *s, const int64_t *group, int64_t n, float *distance, int64_t *index,
                     struct fmt_error *e)
{
    int64_t tile = nearest_tile(n), padded = whole_tiles(n, tile);
    struct measuring m = {s, index, distance, n};
    if (padded > n)
        op_fill(&s->c, tensor_rows(s->tokens, n, padded - n), 0);
    lay_tiles(s, padded, tile);
    if (s->grouped)
        op_copy_in(&s->c, tensor_rows(s->token_group, 0, n), group);
    nearest(s, n);
    op_copy_out(&s->c, index, tensor_rows(s->index, 0, n));
    op_copy_out(&s->c, s->token, tensor_rows(s->tokens, 0, n));
    int status = op_sync(&s->c, e);
    if (!status)
        op_for(&s->c, num_ceil_div(n, ROWS_AT_ONCE), measure, &m);
    return status;
}
