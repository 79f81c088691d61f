/* weights-load.c - loads the tensors of opened weights into the rows of a table: if weights_check finds no problem,
 * each tensor is read and copied to its row, piece by piece. */
#include <math.h>
#include <stdlib.h>

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

static int read_finite(const struct weights_tensor *t, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    int status = weights_read(t, first, n, out, e);
    for (int64_t k = 0; k < n && !status; k++)
        if (!isfinite(out[k]))
            status = fmt_fail(e, FMT_NONFINITE, "%.200s holds numbers that are not finite", t->part[0]->name);
    return status;
}

int weights_each_piece(const struct weights_tensor *t, int64_t n, weights_use_piece *use, void *arg,
                       struct fmt_error *e)
{
    float *piece = malloc((size_t)num_min(n, PARAMS_PIECE) * sizeof *piece);
    int status = piece ? 0 : fmt_no_memory(e);
    for (int64_t first = 0; first < n && !status; first += PARAMS_PIECE) {
        int64_t n_piece = num_min(PARAMS_PIECE, n - first);
        status = read_finite(t, first, n_piece, piece, e);
        if (!status)
            use(arg, first, n_piece, piece);
    }
    free(piece);
    return status;
}

struct destination {
    struct op_ctx *c;
    const struct params_array *values;
    int row;
};

static void write_piece(void *arg, int64_t first, int64_t n, const float *piece)
{
    const struct destination *to = arg;
    params_write(to->c, to->values, to->row, first, n, piece);
}

int weights_load(struct weights *w, struct op_ctx *c, const struct params_array *values, unsigned modules,
                 struct fmt_error *e)
{
    const struct params *t = values->table;
    struct fmt_error why = {0};
    w->n_loaded = w->n_new = 0;
    int status = weights_check(w, t, modules, e);
    if (status)
        return status;
    for (int i = 0; i < t->n_rows && !status; i++) {
        const struct param *row = &t->rows[i];
        if (!weights_is_asked(row->name, modules))
            continue;
        const struct weights_tensor *x = weights_find(w, row->name);
        if (x)
            status = weights_each_piece(x, row->count, write_piece, &(struct destination){c, values, i}, &why);
        w->n_loaded += x != NULL;
        w->n_new += x == NULL;
    }
    if (!status)
        return op_sync(c, e);
    fmt_prefix(&why, w->path);
    return fmt_fail(e, why.status, "%s", why.text);
}
