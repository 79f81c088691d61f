/* vit-internal.h - what forward (vit-forward.c) and backward (vit-backward.c) of the backbone share.
 *
 * The residual stream x [T,C] is one buffer that every branch adds to in place. A branch works on the rows of the
 * images it is computed for (all, without drop path): it gathers them, and scatters its result back. Backward walks the
 * same way with the gradient dx [T,C]; what is cheap is computed again (norms' outputs, activations, patches).
 * In bf16 gradients between products are rounded, too; those of the stream, of norms and of weights are float32.
 */
#ifndef VIT_INTERNAL_H
#define VIT_INTERNAL_H

#include "vit.h"

/* A walk through the network. */
struct vit_pass {
    struct op_ctx *c;
    const struct vit *v;
    const struct params_array *w; /* values, with a feed those of the current unit */
    const struct params_array *g; /* gradients, backward alone; likewise */
    struct vit_activations *act;
    struct device_arena *saved;   /* where what backward needs goes: the caller's arena, or scratch */
    struct arena *host;
};

/* Rows of the table as operands: their elements in the shape that an operation takes; TENSOR_NONE of row -1. */
static inline struct tensor vit_vector(const struct params_array *a, int row)
{
    struct tensor t = params_tensor(a, row);
    return row < 0 ? t : TENSOR_SHAPED(t, tensor_elements(t));
}

/* [n,the rest]: the row's elements as n rows. */
static inline struct tensor vit_matrix(const struct params_array *a, int row, int64_t n)
{
    struct tensor t = params_tensor(a, row);
    return row < 0 ? t : TENSOR_SHAPED(t, n, tensor_elements(t) / n);
}

/* What follows is about this unit (vit.h). */
static inline void vit_enter(struct vit_pass *k, int64_t unit)
{
    const struct vit_feed *feed = k->act->request.feed;
    if (feed)
        k->w = feed->values(feed->arg, unit);
}

static inline struct tensor vit_scratch(const struct vit_pass *k, int64_t rows, int64_t width)
{
    return TENSOR_TAKE(k->c->scratch, DTYPE_F32, rows, width);
}

/* The same for values between products: of the type of the request's precision. */
static inline struct tensor vit_activation(const struct vit_pass *k, int64_t rows, int64_t width)
{
    return TENSOR_TAKE(k->c->scratch, precision_activations(k->act->request.precision), rows, width);
}

static inline int64_t vit_patches(const struct vit *v, const struct vit_input *in)
{
    return in->H / v->config.patch * (in->W / v->config.patch);
}

static inline bool vit_grid_is_stored(const struct vit_config *f, int64_t H, int64_t W)
{
    return H == W && H / f->patch == f->grid;
}

/* Width of what goes into the activation. */
static inline int64_t vit_inner_width(const struct vit_config *f)
{
    return f->ffn == VIT_SWIGLU ? 2 * f->hidden : f->hidden;
}

/* In bf16 backward takes the residual stream from its end back to the beginning, branch by branch: x less what the
 * branch added is x before it, to a rounding of float32. So the inputs of branches need no memory, and norms see them
 * in float32. In float32 they are saved. */
static inline bool vit_rebuilds_stream(const struct vit_request *r)
{
    return precision_activations(r->precision) == DTYPE_BF16;
}

/* -- vit-forward.c -- */
/* The rows of x [T,C] that a branch works on: gathered into the arena, or x itself. */
struct tensor vit_branch_rows(const struct vit_pass *k, const struct vit_branch *b, struct tensor x,
                              struct device_arena *arena);
/* y = the norm of x with the weights of these rows; mean, rstd TENSOR_NONE where no backward follows. */
void vit_layernorm(const struct vit_pass *k, struct tensor y, struct tensor mean, struct tensor rstd, struct tensor x,
                   int w, int b);
void vit_patchify(const struct vit_pass *k, const struct vit_input *in, struct tensor patches);
struct tensor vit_input_rows(const struct vit_pass *k, struct tensor x, int i); /* input i's rows [B,tokens,C] */
/* Weights of one axis on which the stored grid is resampled, [pixels / patch,grid] in scratch. */
struct tensor vit_axis(struct op_ctx *c, const struct vit_config *f, int64_t pixels, struct arena *host);

#endif
