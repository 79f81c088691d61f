/* weights-hash.c - the identity of weights, in memory and in files. All tensors are read. */
#include <stdlib.h>
#include <string.h>

#include "weights-internal.h"

/* Name with its zero byte, number of dimensions u8, dimensions u64 little-endian. */
static void hash_shape(struct digest *d, const struct param *row)
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

int weights_hash(const struct params *t, unsigned modules, const float *values, uint8_t out[DIGEST_BYTES],
                 struct fmt_error *e)
{
    int n;
    const struct param **rows = weights_sorted_rows(t, modules, &n);
    struct digest d;
    if (!rows)
        return fmt_no_memory(e);
    digest_init(&d);
    for (int i = 0; i < n; i++) {
        if (rows[i]->flags & PARAM_OPTIONAL)
            continue;
        hash_shape(&d, rows[i]);
        digest_add(&d, values + rows[i]->offset, (size_t)rows[i]->count * sizeof *values); /* little-endian hosts */
    }
    digest_end(&d, out);
    free(rows);
    return 0;
}

/* ------------------------------------------------------------------ files */
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

/* hash: of the backbone, of backbone and head. *several: the file holds other networks, too. */
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
    float *values = status ? NULL : calloc((size_t)table.count + 1, sizeof *values);
    if (!status && !values)
        status = fmt_no_memory(e);
    if (!status)
        status = weights_load(&w, &table, modules, values, e);
    if (!status)
        status = weights_hash(&table, WEIGHTS_BACKBONE, values, hash[0], e);
    if (!status && w.has_dino_head)
        status = weights_hash(&table, modules, values, hash[1], e);
    free(values);
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
