/* token-search.h - the nearest of a set of vectors to each of many tokens, by Euclidean distance. The vectors are on
 * the device from token_search_set on, so that many calls share them.
 *
 *   struct token_search s;
 *   token_search_open(&s, &device, dim, n_vectors_max, n_tokens_max, grouped, e);
 *   token_search_set(&s, vectors, groups, n, e);
 *   token_search_run(&s, group, n, distance, index, e);              after loading token_search_tokens
 *   token_search_close(&s);
 *
 * The nearest vector v to x has the largest x v - |v|^2 / 2, which is a product: vectors get -|v|^2 / 2 as one more
 * value, tokens 1 (nearest.h). Its rounding decides between vectors that are equally far to 1e-6 of |x|^2 or so; then
 * the distance to the chosen one is computed by itself, sqrt(sum (x - v)^2) in double: it is exact to float32.
 *
 * A distance does not depend on how many vectors or tokens there are, nor on threads; of equal products the vector with
 * the lower index is the nearest.
 */
#ifndef TOKEN_SEARCH_H
#define TOKEN_SEARCH_H

#include <stdbool.h>

#include "device-arena.h"
#include "nearest.h"
#include "op.h"

struct token_search {
    struct op_ctx c;
    struct device_arena memory, scratch;
    int64_t dim, width, n_vectors_max, n_tokens_max, n_vectors; /* width: of products */
    bool grouped;
    const float *x; /* the vectors of token_search_set */
    float *token;   /* [n_tokens_max,dim] of a run */
    struct tensor vectors, tokens; /* [n_vectors_max,width], [n_tokens_max,dim] */
    struct tensor tiles;           /* tokens transposed by tile, of that width */
    struct tensor product, index, vector_group, token_group;
};

/* grouped: vectors and tokens have groups, and a vector of the token's own group is not its nearest. */
int token_search_open(struct token_search *s, const struct device *device, int64_t dim, int64_t n_vectors_max,
                      int64_t n_tokens_max, bool grouped, struct fmt_error *e);
void token_search_close(struct token_search *s); /* a zeroed struct is allowed */

/* x [n,dim]: must live until the search is closed or has other vectors. group [n] (NULL unless grouped): read before
 * the call returns. */
int token_search_set(struct token_search *s, const float *x, const int64_t *group, int64_t n, struct fmt_error *e);

/* The tensor [n,dim] into which the caller loads n tokens, n <= n_tokens_max; then token_search_run. Its rows are
 * rounded up to a tile. */
struct tensor token_search_tokens(const struct token_search *s, int64_t n);
/* distance [n], index [n]: of the nearest vector. Where none counts the index is -1 and the distance 2 |x|, which is
 * that of the opposite of the token. group [n] or NULL. */
int token_search_run(struct token_search *s, const int64_t *group, int64_t n, float *distance, int64_t *index,
                     struct fmt_error *e);

#endif
