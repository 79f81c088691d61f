/* weights-load.c - loads the tensors of opened weights into the rows of a table, if weights_check finds no problem.
 *
 * Pieces of tensors pass through a pipeline (thread.h): they are read and copied to their rows, or to where products in
 * int8 are packed (weights-quantized.c), checked, and hashed in the order that the hash prescribes. The hash is
 * sequential and takes longest, so reading and checking by another thread cost no time.
 */
#include <stdlib.h>

#include "num.h"
#include "weights-internal.h"

enum { SLOTS = 8 };

struct piece {
    const struct param *row;
    enum weights_part part;
    const struct weights_tensor *tensor; /* NULL: the file does not have it, and the row is left unchanged */
    int64_t first, n;
    size_t bytes; /* of its numbers */
    bool begins, ends; /* its row */
    struct fmt_error failure;
};

struct load {
    struct weights *w;
    struct op_ctx *c; /* used by one thread at a time: in read_piece */
    const struct params_array *values;
    struct weights_packing *packing; /* of products; NULL: they are rows like others */
    const struct param **rows;       /* [n_rows], sorted as the hash needs them */
    int n_rows, i_row;               /* the next piece begins at element `first` of a part of row i_row */
    enum weights_part part;
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

/* The next part of the row that the file has; WEIGHTS_PARTS: there is none. */
static enum weights_part next_part(const struct load *l, const struct param *row)
{
    enum weights_part part = l->part + 1;
    while (part < WEIGHTS_PARTS && !weights_part(l->w, row->name, part))
        part++;
    return part;
}

/* Sets the next piece. False: there is none. */
static bool take_piece(struct load *l, struct piece *p)
{
    if (l->i_row == l->n_rows)
        return false;
    const struct param *row = l->rows[l->i_row];
    const struct weights_tensor *tensor = weights_part(l->w, row->name, l->part);
    int64_t count = l->part == WEIGHTS_PART_VALUES ? row->count : tensor->dims[0];
    *p = (struct piece){.row = row, .part = l->part, .tensor = tensor, .first = l->first,
                        .n = num_min(PARAMS_PIECE, count - l->first),
                        .begins = l->part == WEIGHTS_PART_VALUES && l->first == 0};
    l->first += p->n;
    if (l->first < count)
        return true;
    l->first = 0;
    l->part = next_part(l, row);
    if (l->part < WEIGHTS_PARTS)
        return true;
    p->ends = true;
    l->w->n_loaded += p->tensor != NULL;
    l->w->n_new += p->tensor == NULL;
    l->part = WEIGHTS_PART_VALUES;
    l->i_row++;
    return true;
}

/* Of a product whose reading failed, too: what was begun is ended. */
static void pack_piece(struct load *l, const struct piece *p, const void *numbers)
{
    const struct weights_tensor *values = weights_part(l->w, p->row->name, WEIGHTS_PART_VALUES);
    enum dtype dtype = values->part[0]->dtype == DTYPE_I8 ? DTYPE_I8 : DTYPE_BF16;
    if (p->begins)
        weights_packing_begin(l->packing, p->row, dtype);
    if (!p->failure.status)
        weights_packing_add(l->packing, p->part, p->first, p->n, numbers);
    if (p->ends)
        weights_packing_end(l->packing, p->row, dtype);
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
    p->bytes = (size_t)p->n * sizeof(float);
    if (p->tensor)
        weights_part_read(p->tensor, p->first, p->n, numbers_of(l, slot), &p->bytes, &p->failure);
    else if (is_hashed(l, p->row))
        params_read(l->c, l->values, row, p->first, p->n, numbers_of(l, slot));
    if (l->packing && weights_is_product(p->row->name))
        pack_piece(l, p, numbers_of(l, slot));
    else if (p->tensor && !p->failure.status)
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
        weights_part_check(p->tensor, p->part, numbers_of(l, slot), p->n, &p->failure);
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
    if (p->begins)
        weights_hash_shape(l->digest, p->row);
    digest_add(l->digest, numbers_of(l, slot), p->bytes);
    return 0;
}

static int run(struct load *l, unsigned modules)
{
    struct thread_pipe pipe = {l, SLOTS, read_piece, check_piece, hash_piece};
    l->rows = weights_sorted_rows(l->values->table, modules, &l->n_rows);
    l->numbers = malloc(SLOTS * PARAMS_PIECE * sizeof *l->numbers);
    int status = l->rows && l->numbers ? thread_pipe_run(l->c->pool, &pipe) : FMT_MEMORY;
    free(l->rows);
    free(l->numbers);
    return status;
}

int weights_load_rows(struct weights *w, struct op_ctx *c, const struct params_array *values, unsigned modules,
                      struct weights_packing *packing, struct digest *digest, struct fmt_error *e)
{
    struct load l = {.w = w, .c = c, .values = values, .packing = packing, .digest = digest};
    w->n_loaded = w->n_new = 0;
    int status = run(&l, modules);
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
    int status = weights_check(w, values->table, modules, e);
    return status ? status : weights_load_rows(w, c, values, modules, NULL, NULL, e);
}

int weights_load_hashed(struct weights *w, struct op_ctx *c, const struct params_array *values, unsigned modules,
                        uint8_t hash[DIGEST_BYTES], struct fmt_error *e)
{
    struct digest digest;
    digest_init(&digest);
    int status = weights_check(w, values->table, modules, e);
    if (!status)
        status = weights_load_rows(w, c, values, modules, NULL, &digest, e);
    digest_end(&digest, hash);
    return status;
}
