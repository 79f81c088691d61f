/* tokens.c - runs of tokens of one row are copied at once. */
#include "tokens.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"

/* Tokens first .. first + n - 1 of row p, to row `at` of `to`. */
static int load_run(const struct tokens *t, int64_t p, int64_t first, int64_t n, struct op_ctx *c, struct tensor to,
                    int64_t at, struct fmt_error *e)
{
    const struct rows *r = t->rows;
    int64_t row = rows_index(r, p), dim = tokens_dim(t), n_read;
    if (tensor_given(r->x)) {
        struct tensor all = TENSOR_SHAPED(r->x, tensor_elements(r->x) / dim, dim);
        op_copy(c, tensor_rows(to, at, n), tensor_rows(all, row * t->n_tokens + first, n));
        return 0;
    }
    const float *x = r->host_x ? r->host_x + row * r->dim : NULL;
    int status = x ? 0 : r->read(r->arg, row, 1, &x, &n_read, e);
    if (!status)
        op_copy_in(c, tensor_rows(to, at, n), x + first * dim);
    return status;
}

/* Sums of squares in float32 must not overflow either. */
static int check_finite(const struct tokens *t, int64_t first, int64_t n, struct op_ctx *c, struct tensor x,
                        struct fmt_error *e)
{
    double *squares = malloc((size_t)n * sizeof *squares);
    int64_t i = 0;
    if (!squares)
        return fmt_no_memory(e);
    op_sum_squares_each(c, squares, x, x.dims[1]);
    int status = op_sync(c, e);
    while (!status && i < n && squares[i] < 1e36)
        i++;
    free(squares);
    if (status || i == n)
        return status;
    int64_t number = tokens_number(t, first + i), p = number / t->n_tokens;
    return fmt_fail(e, FMT_NONFINITE, "%s, token %lld: a value is not finite, or far too large",
                    t->rows->key ? t->rows->key[p] : "a photograph", (long long)(number % t->n_tokens));
}

int tokens_load(const struct tokens *t, int64_t first, int64_t n, struct op_ctx *c, struct tensor to,
                struct fmt_error *e)
{
    for (int64_t i = 0, run; i < n; i += run) {
        int64_t number = tokens_number(t, first + i), p = number / t->n_tokens, token = number % t->n_tokens;
        for (run = 1; i + run < n && token + run < t->n_tokens && tokens_number(t, first + i + run) == number + run;)
            run++;
        int status = load_run(t, p, token, run, c, to, i, e);
        if (status)
            return status;
    }
    return check_finite(t, first, n, c, tensor_rows(to, 0, n), e);
}

int64_t tokens_parts(const struct rows *r, int64_t first)
{
    int64_t n = 1;
    while (first + n < r->n && strcmp(r->key[first + n], r->key[first]) == 0 &&
           memcmp(r->content[first + n], r->content[first], DIGEST_BYTES) == 0)
        n++;
    return n;
}
