/* token-search.h - the nearest of a set of vectors to each of many tokens, by cosine, exactly (nearest.h). The vectors
 * are on the device from token_search_set on, so that many calls share them.
 *
 *   struct token_search s;
 *   token_search_open(&s, &device, dim, n_vectors_max, n_tokens_max, grouped, e);
 *   token_search_set(&s, vectors, groups, n, e);
 *   token_search_run(&s, x, group, n, similarity, index, e);         x: a tensor of token_search_tokens
 *   token_search_close(&s);
 *
 * A similarity does not depend on how many vectors or tokens there are, nor on threads; of equal ones the vector with
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
    int64_t dim, n_vectors_max, n_tokens_max, n_vectors;
    bool grouped;
    struct tensor vectors, tokens, tiles; /* [n_vectors_max,dim], [n_tokens_max,dim], [..] tokens transposed by tile */
    struct tensor similarity, index, vector_group, token_group;
};

/* grouped: vectors and tokens have groups, and a vector of the token's own group is not its nearest. */
int token_search_open(struct token_search *s, const struct device *device, int64_t dim, int64_t n_vectors_max,
                      int64_t n_tokens_max, bool grouped, struct fmt_error *e);
void token_search_close(struct token_search *s); /* a zeroed struct is allowed */

/* x [n,dim] of unit length, group [n] (NULL unless grouped): host memory, read before the call returns. */
int token_search_set(struct token_search *s, const float *x, const int64_t *group, int64_t n, struct fmt_error *e);

/* The tensor [n,dim] into which the caller loads n tokens of unit length, n <= n_tokens_max; then token_search_run. Its
 * rows are rounded up to a tile. */
struct tensor token_search_tokens(const struct token_search *s, int64_t n);
/* similarity [n], index [n] (may be NULL): of the nearest vector; -INFINITY, -1: there is none. group [n] or NULL. */
int token_search_run(struct token_search *s, const int64_t *group, int64_t n, float *similarity, int64_t *index,
                     struct fmt_error *e);

#endif
