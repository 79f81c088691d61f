/* params.h - the parameters of a network as one table: name, shape, place, first value, rates. Values, gradients,
 * Adam's moments and the teacher are arrays of one layout: floats[row->offset ...]. Everything that runs over
 * parameters (update, average, hash, files) runs over this table.
 *
 *   struct params t = {0};
 *   vit_params(&vit, &config, &t, &e);                 backbone.*
 *   head_params(..., &t, ...);                         dino_head.*, ibot_head.*
 *   float *w = ARENA_TAKE(arena, float, t.count);      zeroed
 *   params_init(&t, w, seed);
 *
 * Each tensor begins at a multiple of 16 elements; the gaps are padding, always zero in every array, so whole-array
 * sums, scalings and copies need not leave them out.
 */
#ifndef PARAMS_H
#define PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

enum params_module { PARAMS_BACKBONE, PARAMS_DINO_HEAD, PARAMS_IBOT_HEAD, PARAMS_MODULES };
extern const char *const params_module_name[PARAMS_MODULES]; /* "backbone", "dino_head", "ibot_head" */

/* First values. `value`: the constant, the deviation, or the bound of U(-value, value). */
enum params_init { INIT_CONSTANT, INIT_NORMAL, INIT_UNIFORM };

enum params_flags {
    PARAM_DECAY = 1,       /* takes weight decay */
    PARAM_LAST_LAYER = 2,  /* frozen at the start */
    PARAM_PATCH_EMBED = 4, /* learns slower by patch_embed_lr_mult */
    PARAM_OPTIONAL = 8     /* a file of weights may lack it: mask_token */
};

enum { PARAMS_NAME_MAX = 80, PARAMS_DIMS_MAX = 4 };

struct param {
    char name[PARAMS_NAME_MAX]; /* published, with its module: "backbone.blocks.3.attn.qkv.weight" */
    int n_dims;
    int64_t dims[PARAMS_DIMS_MAX];
    int64_t offset, count; /* elements */
    enum params_module module;
    enum params_init init;
    float value;
    int layer; /* for layer-wise decay: 0 embeddings, block + 1, depth + 1 for the norm; heads: depth + 1 */
    unsigned flags;
};

struct params {
    struct param *rows; /* owned */
    int n_rows, room;
    int64_t count; /* elements of one array, padding included */
};

/* Appends a row; offset and count are set here, name, dims and the rest are the caller's. On success *at (optional)
 * is the row's offset. */
int params_add(struct params *t, const struct param *row, int64_t *at, struct fmt_error *e);
void params_release(struct params *t);

const struct param *params_find(const struct params *t, const char *name); /* NULL: none */
/* Elements from the first to the end of the last row of a module (rows of a module stand together); 0 rows: 0. */
int64_t params_module_span(const struct params *t, enum params_module m, int64_t *offset);
/* First values of all rows; row i draws from the stream (seed, i, 0, RNG_INIT). */
void params_init(const struct params *t, float *values, uint64_t seed);
int64_t params_elements(const struct params *t, enum params_module m); /* without padding */

#endif
