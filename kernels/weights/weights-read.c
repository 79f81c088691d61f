/* weights-read.c - elements of a tensor of opened weights, and the check that they are such as they may be. */
#include <math.h>
#include <stdlib.h>

#include "finite.h"
#include "num.h"
#include "weights-internal.h"
#include "weights-quantized.h"

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

int weights_part_read(const struct weights_tensor *t, int64_t first, int64_t n, void *out, size_t *bytes,
                      struct fmt_error *e)
{
    bool integers = t->part[0]->dtype == DTYPE_I8;
    *bytes = (size_t)n * (integers ? 1 : sizeof(float));
    return integers ? named_tensor_read_i8(t->part[0], first, n, out, e) : weights_read(t, first, n, out, e);
}

/* -127, the least that is allowed, or what is below it (-128). */
static int8_t least_integer(const int8_t *x, int64_t n)
{
    int8_t least = -127;
    for (int64_t i = 0; i < n; i++)
        least = x[i] < least ? x[i] : least;
    return least;
}

/* The smallest of x [n]. */
static float least_float(const float *x, int64_t n)
{
    float least = INFINITY;
    for (int64_t i = 0; i < n; i++)
        least = x[i] < least ? x[i] : least;
    return least;
}

int weights_part_check(const struct weights_tensor *t, enum weights_part part, const void *x, int64_t n,
                       struct fmt_error *e)
{
    const char *name = t->part[0]->name;
    if (t->part[0]->dtype == DTYPE_I8)
        return least_integer(x, n) >= -127 ? 0 : fmt_fail(e, FMT_INVALID, "%.200s holds -128", name);
    if (!finite_all(x, n))
        return fmt_fail(e, FMT_NONFINITE, "%.200s holds numbers that are not finite", name);
    if (part == WEIGHTS_PART_SCALE && least_float(x, n) < 0)
        return fmt_fail(e, FMT_INVALID, "%.200s holds negative scales", name);
    if (part == WEIGHTS_PART_SMOOTHING && least_float(x, n) < WEIGHTS_SMOOTHING_MIN)
        return fmt_fail(e, FMT_INVALID, "%.200s holds numbers that nothing can be divided by", name);
    return 0;
}

int weights_each_piece(const struct weights_tensor *t, enum weights_part part, int64_t n, weights_use_piece *use,
                       void *arg, struct fmt_error *e)
{
    float *piece = malloc((size_t)num_min(n, PARAMS_PIECE) * sizeof *piece);
    int status = piece ? 0 : fmt_no_memory(e);
    for (int64_t first = 0; first < n && !status; first += PARAMS_PIECE) {
        int64_t n_piece = num_min(PARAMS_PIECE, n - first);
        size_t bytes;
        status = weights_part_read(t, first, n_piece, piece, &bytes, e);
        if (!status)
            status = weights_part_check(t, part, piece, n_piece, e);
        if (!status)
            use(arg, piece, bytes);
    }
    free(piece);
    return status;
}
