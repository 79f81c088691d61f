/* weights-export.h - opened weights (weights.h) as a list for the writers of named tensors: published names, converted
 * as they are written, nothing held.
 *
 *   struct export x;
 *   export_list(&x, &w, &table, &form, e);
 *   struct named_values values = export_values(&x);
 *   pth_write(&io, "teacher", x.out, x.n, &values, e);
 *   export_release(&x);
 */
#ifndef WEIGHTS_EXPORT_H
#define WEIGHTS_EXPORT_H

#include "block-chunks.h"
#include "weights.h"

struct export_form {
    bool bare;      /* the backbone alone, its names without "backbone." */
    int64_t chunks; /* of block names; 0: none */
    enum named_dtype dtype;
};

struct export {
    struct named_out *out; /* backbone in published order, then heads */
    int64_t n;
    const struct weights_tensor **from; /* NULL: zeros, for what the file may lack */
    char (*name)[CHUNK_NAME_ROOM];
};

/* w has passed weights_check with the table (of vit_params). */
int export_list(struct export *x, const struct weights *w, const struct params *table, const struct export_form *form,
                struct fmt_error *e);
struct named_values export_values(struct export *x);
void export_release(struct export *x);

#endif
