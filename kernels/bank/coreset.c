/* coreset.c - passes over all tokens, and choices between them. A pass finds for each token its distance from the
 * nearest chosen one, by a search among those that were chosen since the last pass. Then the CANDIDATES farthest tokens
 * are loaded, with the products of all pairs of them, which give their distances: |x - y|^2 = x x + y y - 2 x y. As
 * long as the farthest candidate is farther than every token that is no candidate was in the pass, it is the farthest
 * of all: distances only shrink. So hundreds of choices follow from one pass, and each costs a sweep over a row of the
 * products. */
#include "coreset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "token-search.h"

enum { CANDIDATES = 4096, CHUNK = 8192 };
#define SAME 1e-6f /* tokens are equal up to this square of their distance, by the square of their length */

struct choosing {
    const struct tokens *tokens;
    struct coreset *out;
    int64_t n, dim, size, n_candidates; /* CANDIDATES, or all tokens */
    float *nearest;               /* [n] square of the distance from the nearest chosen token, of the last pass */
    struct token_search search;   /* against those chosen since */
    int64_t n_seen;               /* chosen ones that passes have seen */
    int64_t *candidate;           /* [n_candidates] positions, ascending */
    float *candidate_nearest;     /* [n_candidates] */
    float *scratch;               /* [n] for the selection */
    float *product;               /* [n_candidates,n_candidates] */
    struct op_ctx c;
    struct device_arena memory, op_scratch;
    struct tensor x, xx; /* candidates, their products */
};

/* ------------------------------------------------------------------ a pass */
static int pass(struct choosing *s, struct fmt_error *e)
{
    float distance[CHUNK];
    int64_t index[CHUNK];
    const float *chosen = s->out->x + s->n_seen * s->dim;
    int status = token_search_set(&s->search, chosen, NULL, s->out->n - s->n_seen, e);
    for (int64_t first = 0, n; !status && first < s->n; first += n) {
        n = num_min(CHUNK, s->n - first);
        status = tokens_load(s->tokens, first, n, &s->search.c, token_search_tokens(&s->search, n), e);
        if (!status)
            status = token_search_run(&s->search, NULL, n, distance, index, e);
        for (int64_t i = 0; !status && i < n; i++)
            s->nearest[first + i] = fminf(s->nearest[first + i], distance[i] * distance[i]);
    }
    s->n_seen = s->out->n;
    s->out->n_passes++;
    return status;
}

/* ------------------------------------------------------------------ candidates */
/* The k-th largest of x [n], k from 0 (Hoare 1961); reorders x. */
static float select_largest(float *x, int64_t n, int64_t k)
{
    int64_t low = 0, high = n - 1;
    while (low < high) {
        float pivot = x[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (x[i] > pivot)
                i++;
            while (x[j] < pivot)
                j--;
            if (i <= j) {
                float swapped = x[i];
                x[i++] = x[j];
                x[j--] = swapped;
            }
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return x[k];
}

/* The farthest tokens, of equally far ones those with the lowest positions. *limit: no other token is farther than
 * this, and those that are just so far come after the candidates. */
static void find_candidates(struct choosing *s, float *limit)
{
    int64_t n = s->n_candidates, n_above = 0, found = 0;
    *limit = -INFINITY;
    if (n < s->n) {
        memcpy(s->scratch, s->nearest, (size_t)s->n * sizeof *s->scratch);
        *limit = select_largest(s->scratch, s->n, n - 1);
        for (int64_t i = 0; i < s->n; i++)
            n_above += s->nearest[i] > *limit;
    }
    int64_t n_equal = n - n_above;
    for (int64_t i = 0; i < s->n && found < n; i++) {
        bool equal = s->nearest[i] == *limit;
        if (!(s->nearest[i] > *limit) && !(equal && n_equal > 0))
            continue;
        n_equal -= equal;
        s->candidate[found] = i;
        s->candidate_nearest[found++] = s->nearest[i];
    }
}

static int load_candidates(struct choosing *s, struct fmt_error *e)
{
    struct tokens picked = *s->tokens;
    int64_t n = s->n_candidates, *number = malloc((size_t)n * sizeof *number);
    if (!number)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < n; i++)
        number[i] = tokens_number(s->tokens, s->candidate[i]);
    picked.pick = number;
    picked.n_picked = n;
    int status = tokens_load(&picked, 0, n, &s->c, s->x, e);
    free(number);
    if (status)
        return status;
    op_linear_fwd(&s->c, s->xx, s->x, s->x, TENSOR_NONE);
    op_copy_out(&s->c, s->product, s->xx);
    return op_sync(&s->c, e);
}

/* ------------------------------------------------------------------ choices */
static float product(const struct choosing *s, int64_t i, int64_t j)
{
    return s->product[i * s->n_candidates + j];
}

static void choose(struct choosing *s, int64_t i)
{
    struct coreset *out = s->out;
    op_copy_out(&s->c, out->x + out->n * s->dim, tensor_rows(s->x, i, 1));
    out->chosen[out->n++] = s->candidate[i];
    for (int64_t j = 0; j < s->n_candidates; j++) {
        float square = product(s, i, i) + product(s, j, j) - 2 * product(s, i, j);
        s->candidate_nearest[j] = fminf(s->candidate_nearest[j], square);
    }
    s->candidate_nearest[i] = -INFINITY; /* not twice */
}

static int64_t farthest(const float *nearest, int64_t n)
{
    int64_t at = 0;
    for (int64_t i = 1; i < n; i++)
        at = nearest[i] > nearest[at] ? i : at;
    return at;
}

/* False: nothing is left to choose. */
static bool choose_some(struct choosing *s, float limit)
{
    for (bool any = false; s->out->n < s->size; any = true) {
        int64_t i = farthest(s->candidate_nearest, s->n_candidates);
        float nearest = s->candidate_nearest[i];
        if (nearest <= SAME * product(s, i, i))
            return any && s->n_candidates < s->n;
        if (any && nearest <= limit)
            return true;
        choose(s, i);
    }
    return false;
}

static int choose_all(struct choosing *s, const struct coreset_progress *progress, struct fmt_error *e)
{
    int status = 0;
    bool more = true;
    while (!status && more) {
        float limit;
        if (s->out->n > 0) /* before the first choice all are equally far */
            status = pass(s, e);
        if (!status) {
            find_candidates(s, &limit);
            status = load_candidates(s, e);
        }
        if (!status) {
            more = choose_some(s, limit);
            status = op_sync(&s->c, e);
        }
        if (progress)
            progress->step(progress->arg, s->out->n);
    }
    if (!status && s->out->n > s->n_seen)
        status = pass(s, e);
    for (int64_t i = 0; i < s->out->n; i++)
        s->nearest[s->out->chosen[i]] = 0;
    s->out->radius = status ? NAN : sqrt((double)s->nearest[farthest(s->nearest, s->n)]);
    return status;
}

/* ------------------------------------------------------------------ memory */
static void take(struct choosing *s)
{
    s->x = TENSOR_TAKE(&s->memory, DTYPE_F32, s->n_candidates, s->dim);
    s->xx = TENSOR_TAKE(&s->memory, DTYPE_F32, s->n_candidates, s->n_candidates);
}

static int open_device(struct choosing *s, const struct device *device, struct fmt_error *e)
{
    s->c = (struct op_ctx){.backend = device->backend, .pool = device->pool, .scratch = &s->op_scratch};
    take(s);
    op_linear_fwd(&s->c, s->xx, s->x, s->x, TENSOR_NONE);
    int status = op_sync(&s->c, e);
    if (!status)
        status = token_search_open(&s->search, device, s->dim, num_min(s->n_candidates, s->size),
                                   num_min(CHUNK, s->n), false, e);
    if (!status)
        status = device_arena_init(&s->memory, device->backend, s->memory.high, e);
    if (!status)
        status = device_arena_init(&s->op_scratch, device->backend, s->op_scratch.high, e);
    if (!status)
        take(s);
    return status;
}

static int open_host(struct choosing *s, struct fmt_error *e)
{
    struct coreset *out = s->out;
    size_t n = (size_t)s->n, size = (size_t)s->size, candidates = (size_t)s->n_candidates;
    s->nearest = malloc(n * sizeof *s->nearest);
    s->scratch = malloc(n * sizeof *s->scratch);
    s->candidate = malloc(candidates * sizeof *s->candidate);
    s->candidate_nearest = malloc(candidates * sizeof *s->candidate_nearest);
    s->product = malloc(candidates * candidates * sizeof *s->product);
    out->chosen = malloc(size * sizeof *out->chosen);
    out->x = malloc(size * (size_t)s->dim * sizeof *out->x);
    if (!s->nearest || !s->scratch || !s->candidate || !s->candidate_nearest || !s->product || !out->chosen ||
        !out->x)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < s->n; i++)
        s->nearest[i] = INFINITY;
    return 0;
}

/* All tokens, in the order of the list. */
static int take_all(const struct choosing *s, struct fmt_error *e)
{
    struct coreset *out = s->out;
    struct op_ctx c = s->c;
    int status = 0;
    for (int64_t n; !status && out->n < s->n; out->n += n) {
        n = num_min(s->n_candidates, s->n - out->n);
        status = tokens_load(s->tokens, out->n, n, &c, tensor_rows(s->x, 0, n), e);
        op_copy_out(&c, out->x + out->n * s->dim, tensor_rows(s->x, 0, n));
        status = status ? status : op_sync(&c, e);
        for (int64_t i = out->n; i < out->n + n; i++)
            out->chosen[i] = i;
    }
    return status;
}

int coreset_choose(const struct tokens *t, int64_t size, const struct device *device,
                   const struct coreset_progress *progress, struct coreset *out, struct fmt_error *e)
{
    struct choosing s = {.tokens = t, .out = out, .n = tokens_count(t), .dim = tokens_dim(t)};
    *out = (struct coreset){.n = 0};
    s.size = num_min(size, s.n);
    s.n_candidates = num_min(CANDIDATES, s.n);
    if (s.size < 1)
        return fmt_fail(e, FMT_INVALID, "a coreset of no tokens");
    int status = open_host(&s, e);
    if (!status)
        status = open_device(&s, device, e);
    if (!status)
        status = s.size == s.n ? take_all(&s, e) : choose_all(&s, progress, e);
    token_search_close(&s.search);
    device_arena_release(&s.memory);
    device_arena_release(&s.op_scratch);
    free(s.nearest);
    free(s.scratch);
    free(s.candidate);
    free(s.candidate_nearest);
    free(s.product);
    if (status)
        coreset_release(out);
    return status;
}

void coreset_release(struct coreset *c)
{
    free(c->chosen);
    free(c->x);
    *c = (struct coreset){.n = 0};
}
