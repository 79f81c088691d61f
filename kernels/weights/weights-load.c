/* weights-load.c - loads the tensors of opened weights into the rows of a table, if weights_check finds no problem.
 *
 * Pieces of tensors pass through a pipeline (thread.h): they are read and copied to their rows, checked, and hashed in
 * the order that the hash prescribes. The hash is sequential and takes longest (about 50 ms for ViT-S), so reading and
 * checking by another thread cost no time.
 */
#include <stdlib.h>
#include <string.h>

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

/* The exponent of infinities and NaN has all bits set. Blocks of fixed length, which compilers turn into vectors. */
static bool is_finite(const float *x, int64_t n)
{
    enum { BLOCK = 64 };
    const uint32_t exponent = 0x7f800000;
    uint32_t bits[BLOCK] = {0}, bad = 0;
    for (int64_t first = 0; first < n; first += BLOCK) {
        memcpy(bits, x + first, (size_t)num_min(BLOCK, n - first) * sizeof *x);
        for (int k = 0; k < BLOCK; k++)
            bad |= (bits[k] & exponent) == exponent;
    }
    return !bad;
}

static int fail_nonfinite(const struct weights_tensor *t, struct fmt_error *e)
{
    return fmt_fail(e, FMT_NONFINITE, "%.200s holds numbers that are not finite", t->part[0]->name);
}

int weights_each_piece(const struct weights_tensor *t, int64_t n, weights_use_piece *use, void *arg,
                       struct fmt_error *e)
{
    float *piece = malloc((size_t)num_min(n, PARAMS_PIECE) * sizeof *piece);
    int status = piece ? 0 : fmt_no_memory(e);
    for (int64_t first = 0; first < n && !status; first += PARAMS_PIECE) {
        int64_t n_piece = num_min(PARAMS_PIECE, n - first);
        status = weights_read(t, first, n_piece, piece, e);
        if (!status && !is_finite(piece, n_piece))
            status = fail_nonfinite(t, e);
        if (!status)
            use(arg, first, n_piece, piece);
    }
    free(piece);
    return status;
}

/* ------------------------------------------------------------------ the pipeline */
enum { SLOTS = 8 };

struct piece {
    const struct param *row;
    const struct weights_tensor *tensor; /* NULL: the file does not have it, and the row is left unchanged */
    int64_t first, n;
    struct fmt_error failure;
};

struct load {
    struct weights *w;
    struct op_ctx *c; /* used by one thread at a time: in read_piece */
    const struct params_array *values;
    const struct param **rows; /* [n_rows], sorted as the hash needs them */
    int n_rows, i_row;         /* the next piece begins at element `first` of row i_row */
    int64_t first;
    struct digest *digest; /* NULL: not hashed */
    struct piece piece[SLOTS];
    float *numbers; /* [SLOTS, PARAMS_PIECE] */
    struct fmt_error why;
};

static float *numbers_of(const struct load *l, int slot)
{
    return l->numbers + (int64_t)slot * PARAMS_PIECE;
}

static bool is_hashed(const struct load *l, const struct param *row)
{
    return l->digest && !(row->flags & PARAM_OPTIONAL);
}

/* Sets the next piece. False: there is none. */
static bool take_piece(struct load *l, struct piece *p)
{
    if (l->i_row == l->n_rows)
        return false;
    const struct param *row = l->rows[l->i_row];
    *p = (struct piece){.row = row, .tensor = weights_find(l->w, row->name), .first = l->first,
                        .n = num_min(PARAMS_PIECE, row->count - l->first)};
    l->first += p->n;
    if (l->first < row->count)
        return true;
    l->w->n_loaded += p->tensor != NULL;
    l->w->n_new += p->tensor == NULL;
    l->first = 0;
    l->i_row++;
    return true;
}

/* Failures are stored, so that the first one in the order of the pieces is reported. */
static int read_piece(void *arg, int slot, int64_t item)
{
    (void)item;
    struct load *l = arg;
    struct piece *p = &l->piece[slot];
    if (!take_piece(l, p))
        return FMT_END;
    int row = (int)(p->row - l->values->table->rows);
    if (!p->tensor && is_hashed(l, p->row))
        params_read(l->c, l->values, row, p->first, p->n, numbers_of(l, slot));
    if (p->tensor && weights_read(p->tensor, p->first, p->n, numbers_of(l, slot), &p->failure) == 0)
        params_write(l->c, l->values, row, p->first, p->n, numbers_of(l, slot));
    if (!p->failure.status)
        op_sync(l->c, &p->failure);
    return 0;
}

static int check_piece(void *arg, int slot, int64_t item, int worker)
{
    (void)item, (void)worker;
    struct load *l = arg;
    struct piece *p = &l->piece[slot];
    if (p->tensor && !p->failure.status && !is_finite(numbers_of(l, slot), p->n))
        fail_nonfinite(p->tensor, &p->failure);
    return 0;
}

static int hash_piece(void *arg, int slot, int64_t item)
{
    (void)item;
    struct load *l = arg;
    const struct piece *p = &l->piece[slot];
    l->why = p->failure;
    if (p->failure.status || !is_hashed(l, p->row))
        return (int)p->failure.status;
    if (p->first == 0)
        weights_hash_shape(l->digest, p->row);
    digest_add(l->digest, numbers_of(l, slot), (size_t)p->n * sizeof(float));
    return 0;
}

static int load_rows(struct load *l, unsigned modules)
{
    struct thread_pipe pipe = {l, SLOTS, read_piece, check_piece, hash_piece};
    l->rows = weights_sorted_rows(l->values->table, modules, &l->n_rows);
    l->numbers = malloc(SLOTS * PARAMS_PIECE * sizeof *l->numbers);
    int status = l->rows && l->numbers ? thread_pipe_run(l->c->pool, &pipe) : FMT_MEMORY;
    free(l->rows);
    free(l->numbers);
    return status;
}

static int load(struct weights *w, struct op_ctx *c, const struct params_array *values, unsigned modules,
                struct digest *digest, struct fmt_error *e)
{
    struct load l = {.w = w, .c = c, .values = values, .digest = digest};
    int status = weights_check(w, values->table, modules, e);
    w->n_loaded = w->n_new = 0;
    if (status)
        return status;
    status = load_rows(&l, modules);
    if (!status)
        return 0;
    if (!l.why.status)
        return fmt_no_memory(e);
    fmt_prefix(&l.why, w->path);
    return fmt_fail(e, l.why.status, "%s", l.why.text);
}

int weights_load(struct weights *w, struct op_ctx *c, const struct params_array *values, unsigned modules,
                 struct fmt_error *e)
{
    return load(w, c, values, modules, NULL, e);
}

int weights_load_hashed(struct weights *w, struct op_ctx *c, const struct params_array *values, unsigned modules,
                        uint8_t hash[DIGEST_BYTES], struct fmt_error *e)
{
    struct digest digest;
    digest_init(&digest);
    int status = load(w, c, values, modules, &digest, e);
    digest_end(&digest, hash);
    return status;
}
