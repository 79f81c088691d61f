/* vit-backward.c - gradients of the backbone, from the normalised tokens back to the patches (vit-internal.h). */
#include "vit-internal.h"

static struct tensor grad(const struct vit_pass *k, int row)
{
    return vit_vector(k->g, row);
}

/* ------------------------------------------------------------------ what both branches begin and end with */

/* dout [M,C] = the gradient at the branch's output before the LayerScale. Where the input of the branch was not saved,
 * the stream is taken back to it. */
static void residual_backward(const struct vit_pass *k, struct vit_branch *b, struct tensor dout, struct tensor dx,
                              int ls)
{
    struct tensor gamma = vit_vector(k->w, ls), stream = k->act->prenorm;
    op_residual_bwd(k->c, dout, grad(k, ls), dx, b->out, gamma, b->rows, b->scale);
    if (!vit_rebuilds_stream(&k->act->request))
        return;
    op_residual_undo(k->c, stream, b->out, gamma, b->rows, b->scale);
    b->x = vit_branch_rows(k, b, stream, k->c->scratch);
}

/* The norm's output again, into y. */
static void norm_again(const struct vit_pass *k, const struct vit_branch *b, struct tensor y, int w, int bias)
{
    vit_layernorm(k, y, TENSOR_NONE, TENSOR_NONE, b->x, w, bias);
}

/* Where the gradient at the norm's output n [M,C] goes: over it, or, as it is float32, over `done`, which is not needed
 * any more, or beside both where that is too narrow. */
static struct tensor norm_gradient(const struct vit_pass *k, struct tensor n, struct tensor done)
{
    struct tensor over = {.data = done.data, .dtype = DTYPE_F32, .n_dims = 2, .dims = {n.dims[0], n.dims[1]}};
    if (n.dtype == DTYPE_F32)
        return n;
    return done.dims[1] >= 2 * n.dims[1] ? over : vit_scratch(k, n.dims[0], n.dims[1]);
}

/* dn [M,C], the gradient at the norm's output, becomes the one at the branch's input and is added to dx. */
static void norm_backward(const struct vit_pass *k, const struct vit_branch *b, struct tensor dx, struct tensor dn,
                          int w, int bias)
{
    op_layernorm_bwd(k->c, dn, grad(k, w), grad(k, bias), dn, b->x, b->mean, b->rstd, vit_vector(k->w, w));
    if (tensor_given(b->rows))
        op_scatter_add_rows(k->c, dx, dn, b->rows);
    else
        op_axpy(k->c, dx, 1, dn);
}

/* ------------------------------------------------------------------ blocks */

/* dout [M,C], the gradient at the output of the MLP or SwiGLU, to the one at its input, which is returned. dout is
 * overwritten. */
static struct tensor mlp_backward(const struct vit_pass *k, int64_t i, struct tensor dout)
{
    const struct vit_config *f = &k->v->config;
    const struct vit_block_rows *row = &k->v->block[i];
    const struct vit_branch *b = &k->act->ffn[i];
    struct tensor da = vit_activation(k, b->n_rows, f->hidden), n = dout;
    op_linear_bwd_x(k->c, da, dout, params_tensor(k->w, row->fc2_w));
    /* The activation's value and its gradient overwrite its input and da: GELU in this order, SwiGLU in the other. */
    struct tensor a = b->inner, du = da;
    if (f->ffn == VIT_SWIGLU) {
        op_swiglu_bwd(k->c, b->inner, da, da, b->inner);
        a = da, du = b->inner;
    } else {
        op_gelu_bwd(k->c, da, b->inner, da, b->inner);
    }
    op_linear_bwd_w(k->c, params_tensor(k->g, row->fc2_w), grad(k, row->fc2_b), dout, a);
    struct tensor dn = norm_gradient(k, n, a);
    norm_again(k, b, n, row->norm2_w, row->norm2_b);
    op_linear_bwd_w(k->c, params_tensor(k->g, row->fc1_w), grad(k, row->fc1_b), du, n);
    op_linear_bwd_x(k->c, dn, du, params_tensor(k->w, row->fc1_w));
    return dn;
}

static void ffn_backward(const struct vit_pass *k, int64_t i, struct tensor dx)
{
    const struct vit_block_rows *row = &k->v->block[i];
    struct vit_branch *b = &k->act->ffn[i];
    size_t mark = k->c->scratch->used;
    bool identity = k->v->config.ffn == VIT_IDENTITY; /* the branch is its norm */
    struct tensor dout = identity ? vit_scratch(k, b->n_rows, k->v->config.C)
                                  : vit_activation(k, b->n_rows, k->v->config.C);
    residual_backward(k, b, dout, dx, row->ls2);
    struct tensor dn = identity ? dout : mlp_backward(k, i, dout);
    norm_backward(k, b, dx, dn, row->norm2_w, row->norm2_b);
    k->c->scratch->used = mark;
}

static void attention_backward(const struct vit_pass *k, int64_t i, struct tensor dx)
{
    const struct vit_config *f = &k->v->config;
    const struct vit_block_rows *row = &k->v->block[i];
    struct vit_branch *b = &k->act->attn[i];
    size_t mark = k->c->scratch->used;
    struct tensor dout = vit_activation(k, b->n_rows, f->C), n = dout;
    struct tensor da = vit_activation(k, b->n_rows, f->C), dqkv = vit_activation(k, b->n_rows, 3 * f->C);
    residual_backward(k, b, dout, dx, row->ls1);
    op_linear_bwd_x(k->c, da, dout, params_tensor(k->w, row->proj_w));
    op_linear_bwd_w(k->c, params_tensor(k->g, row->proj_w), grad(k, row->proj_b), dout, b->attention);
    op_attention_bwd(k->c, dqkv, da, b->attention, b->lse, b->inner, b->seg, k->act->request.n_inputs,
                     (int)f->n_heads);
    struct tensor dn = norm_gradient(k, n, b->inner);
    norm_again(k, b, n, row->norm1_w, row->norm1_b);
    op_linear_bwd_w(k->c, params_tensor(k->g, row->qkv_w), grad(k, row->qkv_b), dqkv, n);
    op_linear_bwd_x(k->c, dn, dqkv, params_tensor(k->w, row->qkv_w));
    norm_backward(k, b, dx, dn, row->norm1_w, row->norm1_b);
    k->c->scratch->used = mark;
}

/* ------------------------------------------------------------------ tokens and positions */

/* The gradient dpos [1+P,C] at resampled positions, to the stored ones. */
static void positions_backward(const struct vit_pass *k, const struct vit_input *in, struct tensor dpos)
{
    const struct vit_config *f = &k->v->config;
    struct tensor dstored = vit_matrix(k->g, k->v->pos, 1 + f->grid * f->grid);
    op_axpy(k->c, tensor_rows(dstored, 0, 1), 1, tensor_rows(dpos, 0, 1));
    struct tensor wy = vit_axis(k->c, f, in->H, k->host), wx = vit_axis(k->c, f, in->W, k->host);
    op_interp_bwd(k->c, tensor_rows(dstored, 1, f->grid * f->grid), tensor_rows(dpos, 1, dpos.dims[0] - 1), wy, wx);
}

static void tokens_backward(const struct vit_pass *k, int i, struct tensor dx)
{
    const struct vit *v = k->v;
    const struct vit_config *f = &v->config;
    const struct vit_input *in = &k->act->request.inputs[i];
    int64_t P = vit_patches(v, in);
    bool stored = vit_grid_is_stored(f, in->H, in->W);
    size_t mark = k->c->scratch->used;
    struct tensor patches = vit_scratch(k, in->B * P, 3 * f->patch * f->patch),
                  dembedded = vit_scratch(k, in->B * P, f->C),
                  dpos = stored ? vit_matrix(k->g, v->pos, 1 + P) : vit_scratch(k, 1 + P, f->C);
    if (!stored)
        op_fill(k->c, dpos, 0);
    op_tokens_bwd(k->c, dembedded, grad(k, v->cls), dpos, vit_matrix(k->g, v->reg, f->R), grad(k, v->mask),
                  vit_input_rows(k, dx, i), in->masks);
    if (!stored)
        positions_backward(k, in, dpos);
    vit_patchify(k, in, patches);
    op_linear_bwd_w(k->c, vit_matrix(k->g, v->patch_w, f->C), grad(k, v->patch_b), dembedded, patches);
    k->c->scratch->used = mark;
}

/* ------------------------------------------------------------------ the whole */

static void enter(struct vit_pass *k, int64_t unit)
{
    const struct vit_feed *feed = k->act->request.feed;
    vit_enter(k, unit);
    if (feed)
        k->g = feed->gradients(feed->arg, unit);
}

static void leave(const struct vit_pass *k, int64_t unit)
{
    const struct vit_feed *feed = k->act->request.feed;
    if (feed)
        feed->complete(feed->arg, unit);
}

void vit_backward(struct op_ctx *c, const struct vit *v, const struct params_array *values,
                  struct vit_activations *act, struct tensor d_normed, const struct vit_memory *memory,
                  const struct params_array *grads)
{
    struct vit_pass k = {.c = c, .v = v, .w = values, .g = grads, .act = act, .host = memory->host};
    struct tensor dx = d_normed;
    int64_t norm = 1 + v->config.depth;
    if (!op_check(c, act->request.save_for_backward && !act->request.packed,
                  "backbone: backward without what forward saves for it") ||
        !op_check(c, act->request.precision != PRECISION_INT8, "backbone: backward in int8"))
        return;
    enter(&k, norm);
    op_layernorm_bwd(c, dx, grad(&k, v->norm_w), grad(&k, v->norm_b), d_normed, act->prenorm, act->mean, act->rstd,
                     vit_vector(k.w, v->norm_w));
    leave(&k, norm);
    for (int64_t i = v->config.depth; i-- > 0;) {
        enter(&k, 1 + i);
        ffn_backward(&k, i, dx);
        attention_backward(&k, i, dx);
        leave(&k, 1 + i);
    }
    enter(&k, 0);
    for (int i = 0; i < act->request.n_inputs; i++)
        tokens_backward(&k, i, dx);
    leave(&k, 0);
}
