/* weights-hash.c - the hash that identifies weights, in memory and in files. All tensors are read. */
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "weights-internal.h"

void weights_hash_shape(struct digest *d, const struct param *row)
{
    uint8_t shape[1 + 8 * PARAMS_DIMS_MAX];
    size_t n = 0;
    shape[n++] = (uint8_t)row->n_dims;
    for (int k = 0; k < row->n_dims; k++)
        for (int b = 0; b < 8; b++)
            shape[n++] = (uint8_t)((uint64_t)row->dims[k] >> (8 * b));
    digest_add(d, row->name, strlen(row->name) + 1);
    digest_add(d, shape, n);
}

/* Adds the values of a row from their source, little-endian as on all supported hosts. */
typedef int add_values(const void *from, struct digest *d, const struct params *t, const struct param *row,
                       struct fmt_error *e);

static int hash_rows(const struct params *t, unsigned modules, add_values *add, const void *from,
                     uint8_t out[DIGEST_BYTES], struct fmt_error *e)
{
    int n, status = 0;
    const struct param **rows = weights_sorted_rows(t, modules, &n);
    struct digest d;
    if (!rows)
        return fmt_no_memory(e);
    digest_init(&d);
    for (int i = 0; i < n && !status; i++) {
        if (rows[i]->flags & PARAM_OPTIONAL)
            continue;
        weights_hash_shape(&d, rows[i]);
        status = add(from, &d, t, rows[i], e);
    }
    digest_end(&d, out);
    free(rows);
    return status;
}

/* ------------------------------------------------------------------ a callback, an array */
struct read_values {
    weights_read_row *read;
    void *arg;
};

static int add_read_values(const void *from, struct digest *d, const struct params *t, const struct param *row,
                           struct fmt_error *e)
{
    const struct read_values *v = from;
    float *piece = malloc((size_t)num_min(row->count, PARAMS_PIECE) * sizeof *piece);
    int status = piece ? 0 : fmt_no_memory(e);
    for (int64_t first = 0; first < row->count && !status; first += PARAMS_PIECE) {
        int64_t n = num_min(PARAMS_PIECE, row->count - first);
        status = v->read(v->arg, (int)(row - t->rows), first, n, piece, e);
        digest_add(d, piece, status ? 0 : (size_t)n * sizeof *piece);
    }
    free(piece);
    return status;
}

int weights_hash_rows(const struct params *t, unsigned modules, weights_read_row *read, void *arg,
                      uint8_t out[DIGEST_BYTES], struct fmt_error *e)
{
    return hash_rows(t, modules, add_read_values, &(struct read_values){read, arg}, out, e);
}

struct device_values {
    struct op_ctx *c;
    const struct params_array *values;
};

static int read_device_row(void *arg, int i_row, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    const struct device_values *v = arg;
    params_read(v->c, v->values, i_row, first, n, out);
    return op_sync(v->c, e);
}

int weights_hash(struct op_ctx *c, const struct params_array *values, unsigned modules, uint8_t out[DIGEST_BYTES],
                 struct fmt_error *e)
{
    return weights_hash_rows(values->table, modules, read_device_row, &(struct device_values){c, values}, out, e);
}

/* ------------------------------------------------------------------ a file */
static void hash_piece(void *arg, const void *piece, size_t bytes)
{
    digest_add(arg, piece, bytes);
}

static int add_file_values(const void *from, struct digest *d, const struct params *t, const struct param *row,
                           struct fmt_error *e)
{
    (void)t;
    int status = weights_find(from, row->name) ? 0 : fmt_fail(e, FMT_MISMATCH, "%s is missing", row->name);
    for (enum weights_part part = WEIGHTS_PART_VALUES; part < WEIGHTS_PARTS && !status; part++) {
        const struct weights_tensor *tensor = weights_part(from, row->name, part);
        if (tensor)
            status = weights_each_piece(tensor, part, part ? tensor->dims[0] : row->count, hash_piece, d, e);
    }
    return status;
}

int weights_hash_tensors(const struct weights *w, const struct params *t, unsigned modules, uint8_t out[DIGEST_BYTES],
                         struct fmt_error *e)
{
    struct fmt_error why = {0};
    int status = hash_rows(t, modules, add_file_values, w, out, &why);
    if (!status)
        return 0;
    fmt_prefix(&why, w->path);
    return fmt_fail(e, why.status, "%s", why.text);
}

static int make_table(const struct weights *w, struct params *table, struct fmt_error *e)
{
    struct vit vit;
    struct head head;
    struct vit_config config = weights_vit_config(w);
    int status = vit_params(&vit, &config, table, e);
    if (!status && w->has_dino_head)
        status = head_params(&head, &w->dino_head, HEAD_DINO, (int)config.depth + 1, table, e);
    return status;
}

/* hash: of the backbone; of backbone and head. *several: the file also holds other networks. */
static int hash_network(const char *path, enum weights_role role, uint8_t hash[2][DIGEST_BYTES], bool *several,
                        struct fmt_error *e)
{
    struct weights w;
    struct params table = {0};
    struct weights_hint hint = {.role = role, .tensors_only = true};
    int status = weights_open(&w, path, &hint, e);
    if (status)
        return status;
    *several = w.choice[0] != 0;
    status = make_table(&w, &table, e);
    unsigned modules = WEIGHTS_BACKBONE | (w.has_dino_head ? WEIGHTS_DINO_HEAD : 0);
    if (!status)
        status = weights_check_stored(&w, &table, modules, e);
    if (!status)
        status = weights_hash_tensors(&w, &table, WEIGHTS_BACKBONE, hash[0], e);
    if (!status && w.has_dino_head)
        status = weights_hash_tensors(&w, &table, modules, hash[1], e);
    params_release(&table);
    weights_close(&w);
    return status;
}

int weights_file_hashes(const char *path, uint8_t hash[WEIGHTS_HASHES][DIGEST_BYTES], struct fmt_error *e)
{
    bool several;
    memset(hash, 0, WEIGHTS_HASHES * sizeof hash[0]);
    int status = hash_network(path, WEIGHTS_TEACHER, hash, &several, e);
    if (!status && several && hash_network(path, WEIGHTS_STUDENT, hash + 2, &several, NULL) != 0)
        memset(hash + 2, 0, 2 * sizeof hash[0]); /* no student is among them */
    return status;
}
