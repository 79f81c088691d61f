/* weights-internal.h - the steps of weights_open (weights.h), one file each. */
#ifndef WEIGHTS_INTERNAL_H
#define WEIGHTS_INTERNAL_H

#include <math.h>

#include "weight-names.h"
#include "weights.h"

/* Side of a square of n cells; -1: n is not a square. */
static inline int64_t weights_square_side(int64_t n)
{
    int64_t side = (int64_t)llround(sqrt((double)n));
    return n > 0 && side * side == n ? side : -1;
}

/* -- weights-assign.c -- */

/* A tensor of the file whose published name is being determined. */
struct weights_candidate {
    const struct named_tensor *tensor;
    char *text;       /* its name, unwrapped */
    const char *name; /* the text without the prefix of the chosen network */
    bool unused;      /* not part of the chosen network, or not needed */
    struct weight_names_target target;
};

struct weights_candidates {
    struct weights_candidate *item;
    int64_t n;
};

/* Sets tensor, unused, role_unnamed, choice, warning and hugging_face of w. */
int weights_assign(struct weights *w, struct fmt_error *e);

/* weights-network.c: chooses the network of the role; sets name and unused of the candidates, role_unnamed, choice and
 * warning of w. */
int weights_choose_network(struct weights *w, struct weights_candidates *c, struct fmt_error *e);

/* -- weights-text.c -- */

/* Adds to w->warning, after "; " if there is one already. */
void weights_warn(struct weights *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* -- weights-lookup.c -- */

bool weights_is_asked(const char *name, unsigned modules); /* is its module in the mask? */
/* The rows of the modules, sorted by name; the caller frees the array. NULL: no memory. */
const struct param **weights_sorted_rows(const struct params *t, unsigned modules, int *n);
bool weights_has_row(const struct param *const *sorted, int n, const char *name);

/* -- weights-hash.c -- */

/* What the hash has of a row before its values: name with its zero byte, number of dimensions u8, dimensions u64
 * little-endian. */
void weights_hash_shape(struct digest *d, const struct param *row);

/* -- weights-product.c: the tensors of a product in int8 -- */

enum weights_part { WEIGHTS_PART_VALUES, WEIGHTS_PART_SCALE, WEIGHTS_PART_SMOOTHING, WEIGHTS_PARTS };
bool weights_is_product(const char *name); /* "backbone.blocks.3.attn.qkv.weight": may be in int8 */
/* The name of a part of a product; false: it is too long. */
bool weights_part_name(const char *product, enum weights_part part, char out[PARAMS_NAME_MAX]);
/* A part of a row; NULL: the file does not have it. Only values in I8 have other parts. */
const struct weights_tensor *weights_part(const struct weights *w, const char *row, enum weights_part part);

/* -- weights-packing.c -- */

/* What becomes of the products of such a file: for each begin, all pieces of its parts, end. dtype: I8 or BF16 */
struct weights_packing {
    struct op_ctx *c;
    const struct vit *vit;
    const struct params *table;
    struct packed_weights *packed;
    struct tensor part[WEIGHTS_PARTS]; /* of the product that is read, in scratch, each [elements] */
    size_t mark;
};
void weights_packing_begin(struct weights_packing *p, const struct param *row, enum dtype dtype);
void weights_packing_add(struct weights_packing *p, enum weights_part part, int64_t first, int64_t n, const void *from);
void weights_packing_end(struct weights_packing *p, const struct param *row, enum dtype dtype);

/* -- weights-load.c -- */

/* packing NULL: no product is packed, all rows go into values. digest NULL: no hash. The check must have succeeded. */
int weights_load_rows(struct weights *w, struct op_ctx *c, const struct params_array *values, unsigned modules,
                      struct weights_packing *packing, struct digest *digest, struct fmt_error *e);

/* -- weights-read.c -- */

/* Elements first .. first+n-1 of a part, as int8_t where it is I8, else as float. *bytes: how many that are. */
int weights_part_read(const struct weights_tensor *t, int64_t first, int64_t n, void *out, size_t *bytes,
                      struct fmt_error *e);
/* FMT_NONFINITE or FMT_INVALID, with the tensor's name, if one of these elements x [n] is none that it may have. */
int weights_part_check(const struct weights_tensor *t, enum weights_part part, const void *x, int64_t n,
                       struct fmt_error *e);
/* Calls use(arg, piece, bytes) for the first n elements of a part, piece by piece, after both. */
typedef void weights_use_piece(void *arg, const void *piece, size_t bytes);
int weights_each_piece(const struct weights_tensor *t, enum weights_part part, int64_t n, weights_use_piece *use,
                       void *arg, struct fmt_error *e);

/* -- weights-deduce.c -- */

/* Derives the architecture from tensor shapes and settings: sets settings, vit, the heads and pixel_norm of w. */
int weights_deduce(struct weights *w, const struct weights_hint *hint, struct fmt_error *e);

/* weights-published.c: the settings of a published model, by its name. */
int weights_published_settings(const char *model, struct config *c, struct fmt_error *e);

/* -- weights-hf-config.c: Hugging Face's config.json in the folder of the file. Missing values: -1, eps 0. -- */
struct weights_hf {
    bool found;
    char *path; /* of config.json, to be freed; NULL if there is none */
    int64_t width, depth, heads, patch, registers;
    int swiglu;
    double eps;
};
int weights_hf_read(struct weights_hf *h, const char *path_of_weights, struct fmt_error *e);
/* FMT_MISMATCH, with both values, if it contradicts the tensors. */
int weights_hf_check(const struct weights_hf *h, const struct vit_config *of_tensors, struct fmt_error *e);
/* If it contradicts the settings in values that tensors do not determine: "num_attention_heads 4, here 2"; else "". */
enum { WEIGHTS_HF_TEXT_MAX = 160 };
const char *weights_hf_differs(const struct weights_hf *h, const struct vit_config *in_force,
                               char out[WEIGHTS_HF_TEXT_MAX]);

#endif
