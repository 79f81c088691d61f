/* weightsbed.h - networks opened from files, and files made from the tensors of others under other names, for the tests
 * of weights.h. */
#ifndef WEIGHTSBED_H
#define WEIGHTSBED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device-memory.h"
#include "file.h"
#include "weights.h"
#include "safetensors.h"
#include "tap.h"

/* ------------------------------------------------------------------ a network in memory */
static const struct weights_hint plain; /* none: the teacher, the rest deduced */

struct network {
    struct weights w;
    struct vit vit;
    struct params table;
    float *values; /* of the layout of the table */
    struct fmt_error error;
};

/* The rows that the weights have, through a device into n->values. */
static inline int load_values(struct network *n)
{
    struct device_memory m;
    device_memory_open(&m, 1, (size_t)(n->table.count + 64) * sizeof(float));
    struct params_array values = array_to_device(&m, &n->table, n->values);
    int status = weights_load(&n->w, &m.c, &values, WEIGHTS_BACKBONE, &n->error);
    op_copy_out(&m.c, n->values, values.data);
    device_memory_close(&m);
    return status;
}

static inline int open_network(struct network *n, const char *path, const struct weights_hint *hint)
{
    memset(n, 0, sizeof *n);
    int status = weights_open(&n->w, path, hint, &n->error);
    if (status)
        return status;
    status = vit_params(&n->vit, &n->w.vit, &n->table, &n->error);
    n->values = calloc((size_t)n->table.count + 1, sizeof *n->values);
    return status ? status : load_values(n);
}

static inline void close_network(struct network *n)
{
    params_release(&n->table);
    weights_close(&n->w);
    free(n->values);
}

static inline bool has_problem(const struct network *n, const char *text)
{
    for (int64_t i = 0; i < n->w.n_problems; i++)
        if (strstr(n->w.problem[i], text))
            return true;
    return false;
}

static inline const float *row_of(const struct network *n, const char *name)
{
    int row = params_find(&n->table, name);
    return row >= 0 ? n->values + n->table.rows[row].offset : NULL;
}

/* Equal values in every row that all schemes of names have. */
static inline void same_network(const struct network *a, const struct network *b, const char *what)
{
    uint8_t x[DIGEST_BYTES], y[DIGEST_BYTES];
    struct fmt_error e = {0};
    ok(a->w.vit.C == b->w.vit.C && a->w.vit.depth == b->w.vit.depth && a->w.vit.grid == b->w.vit.grid &&
           a->w.vit.R == b->w.vit.R && a->w.vit.ffn == b->w.vit.ffn && a->w.vit.hidden == b->w.vit.hidden &&
           a->w.vit.antialias == b->w.vit.antialias && a->w.vit.offset == b->w.vit.offset,
       "%s: the same dimensions", what);
    ok(weights_hash_tensors(&a->w, &a->table, WEIGHTS_BACKBONE, x, &e) == 0 &&
           weights_hash_tensors(&b->w, &b->table, WEIGHTS_BACKBONE, y, &e) == 0 && memcmp(x, y, sizeof x) == 0,
       "%s: the same hash", what);
}

/* ------------------------------------------------------------------ files made from another's tensors */
struct piece {
    struct named_tensor_out out;
    char name[160];
    const struct named_tensor *from;
    int64_t first;            /* element of it that the piece begins with */
    const float *added;       /* NULL, or a vector that is added (timm's class token) */
};

struct rebuilt {
    struct piece piece[256];
    struct named_tensor_out out[256];
    int64_t n;
};

static inline struct piece *add(struct rebuilt *r, const char *name, const struct named_tensor *from, int64_t first,
                                int64_t rows)
{
    struct piece *p = &r->piece[r->n++];
    *p = (struct piece){.from = from, .first = first};
    snprintf(p->name, sizeof p->name, "%s", name);
    p->out = (struct named_tensor_out){.name = p->name, .dtype = DTYPE_F32, .n_dims = from->n_dims};
    memcpy(p->out.dims, from->dims, sizeof p->out.dims);
    if (rows > 0)
        p->out.dims[from->n_dims == 3 ? 1 : 0] = rows;
    return p;
}

static inline int read_piece(void *arg, int64_t i, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    const struct piece *p = &((struct rebuilt *)arg)->piece[i];
    int status = named_tensor_read_f32(p->from, p->first + first, n, out, e);
    for (int64_t k = 0; p->added && k < n; k++)
        out[k] += p->added[first + k];
    return status;
}

static inline void save(struct rebuilt *r, const char *path, const char *settings)
{
    struct fmt_error e = {0};
    struct file_out f;
    struct named_tensor_values values = {r, read_piece};
    char key[] = CONFIG_META_KEY;
    struct named_tensor_meta meta = {key, (char *)(uintptr_t)settings};
    for (int64_t i = 0; i < r->n; i++) {
        r->out[i] = r->piece[i].out;
        r->out[i].name = r->piece[i].name;
    }
    if (file_create(&f, path, &e))
        exit(1);
    struct fmt_writer io = file_writer(&f);
    if (safetensors_write(&io, r->out, r->n, settings ? &meta : NULL, settings != NULL, &values, &e) ||
        file_commit(&f, &e))
        exit(1);
}

static inline const char *scratch_file(const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", tap_scratch(), name);
    return path;
}

/* Text with every `from` as `to`. */
static inline void replace(char *text, size_t capacity, const char *from, const char *to)
{
    char rest[160];
    char *at = strstr(text, from);
    if (!at)
        return;
    snprintf(rest, sizeof rest, "%s", at + strlen(from));
    snprintf(at, capacity - (size_t)(at - text), "%s%s", to, rest);
}

#endif
