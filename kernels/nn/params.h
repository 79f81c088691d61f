/* params.h - the parameters of a network as one table: name, shape, element type, module, first value, rates. Values,
 * working copies, gradients and moments are arrays of one layout: row i of the table is the elements
 * [rows[i].offset, rows[i].offset + rows[i].count) of each. All that goes over parameters (update, average, hash,
 * files) goes over a table.
 *
 *   struct params t = {0};
 *   vit_params(&vit, &config, &t, &e);                 module "backbone"
 *   head_params(..., HEAD_DINO, ..., &t, &e);          module "dino_head"
 *   struct params_array w = params_array_take(&arena, &t, DTYPE_F32);       params-array.h
 *
 * Each row begins at a multiple of 16 elements. The gaps are padding, zero in every array, so that sums, scalings and
 * copies of whole arrays need not skip them. The rows of a module are contiguous.
 */
#ifndef PARAMS_H
#define PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "dtype.h"
#include "fmt.h"

/* First values. `value`: the constant, the standard deviation, or the bound of U(-value, value). */
enum params_init { INIT_CONSTANT, INIT_NORMAL, INIT_UNIFORM };

enum params_flags {
    PARAM_DECAY = 1,       /* takes weight decay */
    PARAM_LAST_LAYER = 2,  /* frozen at the start */
    PARAM_PATCH_EMBED = 4, /* its learning rate is multiplied by patch_embed_lr_mult */
    PARAM_OPTIONAL = 8     /* a file of weights may lack it: mask_token */
};

enum { PARAMS_NAME_MAX = 80, PARAMS_DIMS_MAX = 4, PARAMS_MODULES_MAX = 8, PARAMS_MODULE_NAME_MAX = 32 };

struct param {
    char name[PARAMS_NAME_MAX]; /* published, with its module: "backbone.blocks.3.attn.qkv.weight" */
    int n_dims;
    int64_t dims[PARAMS_DIMS_MAX];
    int64_t offset, count; /* elements */
    enum dtype dtype;      /* that the network's operations take; an array may have another one */
    bool trained;          /* false: not in the gradient norm, not updated, not averaged into the teacher */
    int module;            /* index into the table's modules */
    enum params_init init;
    float value;
    int layer; /* for layer-wise decay: 0 embeddings, block + 1, depth + 1 for the norm; heads: depth + 1 */
    unsigned flags;
};

struct params_module {
    char name[PARAMS_MODULE_NAME_MAX]; /* "backbone" */
};

struct params {
    struct param *rows; /* owned */
    int n_rows, capacity;
    struct params_module modules[PARAMS_MODULES_MAX];
    int n_modules;
    int64_t count; /* elements of one array, padding included */
};

/* Begins a module: the rows that are added next belong to it. Names are unique; FMT_LIMIT beyond
 * PARAMS_MODULES_MAX. */
int params_add_module(struct params *t, const char *name, struct fmt_error *e);
/* Appends a row to the last module: a trained float32 row "MODULE.NAME" with the dims, init, value, layer and flags of
 * `row`. *index (optional): its index. */
int params_add(struct params *t, const char *name, const struct param *row, int *index, struct fmt_error *e);
void params_release(struct params *t);
/* New offsets: rows for which `last` is true come after all others, whose elements, padding included, are returned. An
 * array of so many does without them. No array of the table may exist yet; modules need not be contiguous any more. */
int64_t params_put_last(struct params *t, bool (*last)(const struct param *row));

int params_find(const struct params *t, const char *name);          /* index of a row; -1: none */
int params_find_module(const struct params *t, const char *name);   /* index of a module; -1: none */
/* Elements from the first to the end of the last row of a module, padding included; 0 if module is -1. */
int64_t params_module_span(const struct params *t, int module, int64_t *offset);
/* The same without padding; 0 if module is -1. */
int64_t params_module_elements(const struct params *t, int module);
/* The next run of trained rows of a module from row *row on, padding included: false when there is none. *row is left
 * after the range: for (int row = 0; params_trained_range(t, m, &row, &first, &count);) */
bool params_trained_range(const struct params *t, int module, int *row, int64_t *first, int64_t *count);

#endif
