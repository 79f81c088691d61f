/* weights-load.c - loads the tensors of opened weights into the rows of a table, if weights_check finds no problem.
 *
 * Pieces of tensors pass through a pipeline (thread.h): they are read and copied to their rows, checked, and hashed in
 * the order that the hash prescribes. The hash is sequential and takes longest, so reading and checking by another
 * thread cost no time.
 */
#include <stdlib.h>

#include "num.h"
#include "weights-internal.h"

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
    if (p->tensor && !p->failure.status)
        weights_check_finite(p->tensor, numbers_of(l, slot), p->n, &p->failure);
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
