/* import-in.h - the steps of weights_open (import.h), one file each. */
#ifndef IMPORT_IN_H
#define IMPORT_IN_H

#include "nn/import.h"

/* import-names.c: which of the file's tensors are meant, under their published names: w->tensor, w->left_out,
 * w->one_network, w->choice. */
int import_names(struct weights *w, struct fmt_error *e);

/* import-net.c: the network that they make: w->settings, w->vit, the heads, the normalisation of pixels. */
int import_network(struct weights *w, const struct weights_hint *hint, struct fmt_error *e);
int64_t import_side(int64_t n); /* of a square of n; -1: n is none */

#endif
