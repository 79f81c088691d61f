/* weights-export.h - opened weights (weights.h) as a list for the writers of named tensors: published names, values
 * converted while they are written, without a copy in memory.
 *
 *   struct weights_export x;
 *   weights_export_list(&x, &w, &table, &form, e);
 *   struct named_tensor_values values = weights_export_values(&x);
 *   pth_write(&io, "teacher", x.out, x.n, &values, e);
 *   weights_export_release(&x);
 */
#ifndef WEIGHTS_EXPORT_H
#define WEIGHTS_EXPORT_H

#include "block-chunks.h"
#include "weights-origin.h"
#include "weights.h"

struct weights_export_options {
    bool bare;      /* only the backbone, its names without "backbone." */
    int64_t chunks; /* of block names (block-chunks.h); 0: none */
    enum dtype dtype;
};

struct weights_export {
    struct named_tensor_out *out; /* backbone in published order, then heads */
    int64_t n;
    const struct weights_tensor **source; /* [n]; NULL: zeros, for an optional tensor missing in the file */
    char (*name)[BLOCK_CHUNKS_NAME_MAX];
};

/* weights_check(w, table) must have succeeded; table: of vit_params. */
int weights_export_list(struct weights_export *x, const struct weights *w, const struct params *table,
                        const struct weights_export_options *options, struct fmt_error *e);
struct named_tensor_values weights_export_values(struct weights_export *x);
void weights_export_release(struct weights_export *x);

/* What a safetensors file carries so that it needs no hint: the settings, where they are known; and its origin, which
 * must live as long. */
struct weights_meta {
    struct named_tensor_meta item[8];
    int n;
    struct fmt_buffer settings;
};
int weights_meta_make(struct weights_meta *m, const struct weights *w, const struct weights_origin *origin,
                      struct fmt_error *e);
void weights_meta_add(struct weights_meta *m, const char *key, const char *value); /* of texts that live as long */
void weights_meta_release(struct weights_meta *m);

#endif
