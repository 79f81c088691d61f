/* weights-internal.h - the steps of weights_open (weights.h), one file each. */
#ifndef WEIGHTS_INTERNAL_H
#define WEIGHTS_INTERNAL_H

#include "weights.h"

/* weights-assign.c: which of the file's tensors are meant, under their published names: w->tensor, w->left_out,
 * w->one_network, w->choice, w->warning, w->hugging_face. */
int weights_assign(struct weights *w, struct fmt_error *e);

/* weights.c: w->warning, behind what is said there already. */
void weights_warn(struct weights *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* weights-deduce.c: the network that they make: w->settings, w->vit, the heads, the normalisation of pixels. */
int weights_deduce(struct weights *w, const struct weights_hint *hint, struct fmt_error *e);
int64_t weights_square_side(int64_t n); /* of a square of n; -1: n is none */

/* weights-hf.c: what Hugging Face's config.json beside the file says. Not said: -1, of eps 0. */
struct weights_hf {
    bool found;
    char *path; /* of the file; NULL where there is none. For free() */
    int64_t width, depth, heads, patch, registers;
    int swiglu;
    double eps;
};
int weights_hf_read(struct weights_hf *h, const char *path_of_weights, struct fmt_error *e);
/* FMT_MISMATCH, with both values, where it says another thing than the tensors do. */
int weights_hf_check(const struct weights_hf *h, const struct vit_config *of_tensors, struct fmt_error *e);
/* Where it says another thing than holds, of what no tensor tells: "num_attention_heads 4, here 2"; "" else. */
enum { WEIGHTS_HF_TEXT_MAX = 160 };
const char *weights_hf_differs(const struct weights_hf *h, const struct vit_config *holds,
                               char out[WEIGHTS_HF_TEXT_MAX]);

#endif
