/* weights-read.c - elements of a tensor of opened weights, and the check that they are finite. */
#include <stdlib.h>

#include "finite.h"
#include "num.h"
#include "weights-internal.h"

int weights_read(const struct weights_tensor *t, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    int64_t at = 0; /* index of the first element of the part */
    if (t->zero_first_row) {
        int64_t row = t->dims[t->n_dims - 1];
        for (; first < row && n > 0; first++, n--)
            *out++ = 0;
        at = row;
    }
    for (int i = 0; i < t->n_parts && n > 0; i++) {
        int64_t skip = first - at, k = num_min(n, t->part[i]->n - skip);
        at += t->part[i]->n;
        if (k <= 0)
            continue;
        if (named_tensor_read_f32(t->part[i], skip, k, out, e))
            return (int)e->status;
        first += k;
        out += k;
        n -= k;
    }
    return n > 0 ? fmt_fail(e, FMT_INVALID, "%.200s: elements beyond its end", t->name) : 0;
}

int weights_check_finite(const struct weights_tensor *t, const float *x, int64_t n, struct fmt_error *e)
{
    return finite_all(x, n) ? 0
                            : fmt_fail(e, FMT_NONFINITE, "%.200s holds numbers that are not finite", t->part[0]->name);
}

int weights_each_piece(const struct weights_tensor *t, int64_t n, weights_use_piece *use, void *arg,
                       struct fmt_error *e)
{
    float *piece = malloc((size_t)num_min(n, PARAMS_PIECE) * sizeof *piece);
    int status = piece ? 0 : fmt_no_memory(e);
    for (int64_t first = 0; first < n && !status; first += PARAMS_PIECE) {
        int64_t n_piece = num_min(PARAMS_PIECE, n - first);
        status = weights_read(t, first, n_piece, piece, e);
        if (!status)
            status = weights_check_finite(t, piece, n_piece, e);
        if (!status)
            use(arg, first, n_piece, piece);
    }
    free(piece);
    return status;
}
