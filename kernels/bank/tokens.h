/* tokens.h - the tokens of rows of features (rows.h), one after another: each row has n_tokens of them. Token t of row
 * r has the number r n_tokens + t; a list may pick some of them.
 *
 *   struct tokens t = {.rows = &rows, .n_tokens = header.n_tokens};
 *   tokens_load(&t, first, n, &c, x, e);        tokens first .. first + n - 1 of the list to a tensor x [n,dim]
 */
#ifndef TOKENS_H
#define TOKENS_H

#include "rows.h"

struct tokens {
    const struct rows *rows; /* its dim is n_tokens times that of a token */
    int64_t n_tokens;        /* of a row */
    const int64_t *pick;     /* [n_picked] numbers, ascending; NULL: all */
    int64_t n_picked;
};

static inline int64_t tokens_count(const struct tokens *t)
{
    return t->pick ? t->n_picked : t->rows->n * t->n_tokens;
}
static inline int64_t tokens_dim(const struct tokens *t)
{
    return t->rows->dim / t->n_tokens;
}
static inline int64_t tokens_number(const struct tokens *t, int64_t i)
{
    return t->pick ? t->pick[i] : i;
}

/* As they are. FMT_NONFINITE: "KEY, token 17: a value is not finite, or far too large". */
int tokens_load(const struct tokens *t, int64_t first, int64_t n, struct op_ctx *c, struct tensor to,
                struct fmt_error *e);

/* How many rows, from `first` on, are of one photograph: its tiles or regions (dino-extract --tiles, --regions) follow
 * one another with the same key and content; else 1. rows: columns key, content. */
int64_t tokens_parts(const struct rows *rows, int64_t first);

#endif
