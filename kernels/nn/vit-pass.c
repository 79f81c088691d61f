/* vit-pass.c - forward and backward of the backbone (vit.h).
 *
 * The residual stream x [T,C] is one buffer that every branch adds to in place. A branch works on the rows of the
 * images it keeps (all, without drop path): it gathers them, and scatters its result back. Backward walks the same
 * way with the gradient dx [T,C]; what is cheap is computed again (norms' outputs, activations, patches).
 */
#include "positions.h"
#include "vit.h"

struct walk {
    struct op_ctx *c;
    const struct vit *v;
    const float *w;
    float *g; /* gradients, or NULL */
    struct vit_activations *pass;
    struct device_arena *keep; /* what backward needs goes here, or to scratch */
};

/* ------------------------------------------------------------------ parameters as tensors */

static struct tensor vector_at(const float *w, int64_t at, int64_t n)
{
    return at < 0 ? TENSOR_NONE : HOST_TENSOR(w ? w + at : w, n);
}

static struct tensor matrix_at(const float *w, int64_t at, int64_t N, int64_t K)
{
    return HOST_TENSOR(w ? w + at : w, N, K);
}

static struct tensor weight_at(const struct walk *k, int64_t at, int64_t N, int64_t K)
{
    struct tensor t = matrix_at(k->w, at, N, K);
    t.transposed = k->pass->request.weights_transposed;
    return t;
}

static float *scratch(const struct walk *k, int64_t n)
{
    return HOST_TAKE(k->c->scratch, float, n);
}

static void norm(const struct walk *k, float *y, float *mean, float *rstd, const float *x, int64_t w_at, int64_t b_at,
                 int64_t n, bool kept)
{
    int64_t C = k->v->config.C;
    op_layernorm_fwd(k->c, HOST_TENSOR(y, n, C), kept ? HOST_TENSOR(mean, n) : TENSOR_NONE,
                     kept ? HOST_TENSOR(rstd, n) : TENSOR_NONE,
                     HOST_TENSOR(x, n, C), vector_at(k->w, w_at, C), vector_at(k->w, b_at, C),
                     (float)k->v->config.eps);
}

/* ------------------------------------------------------------------ positions and tokens */

static int64_t patches_of(const struct vit *v, const struct vit_input *in)
{
    return in->H / v->config.patch * (in->W / v->config.patch);
}

static bool grid_as_stored(const struct vit_config *f, int64_t H, int64_t W)
{
    return H == W && H / f->patch == f->grid;
}

/* The weights of one axis, in scratch. */
static struct tensor axis(struct op_ctx *c, const struct vit_config *f, int64_t pixels)
{
    int64_t out = pixels / f->patch;
    float *w = HOST_TAKE(c->scratch, float, out * f->grid);
    if (!op_planning(c))
        positions_axis(w, f->grid, out, f->offset, f->antialias);
    return HOST_TENSOR(w, out, f->grid);
}

void vit_positions(struct op_ctx *c, const struct vit *v, const float *values, int64_t H, int64_t W, float *out)
{
    const struct vit_config *f = &v->config;
    int64_t C = f->C, P = H / f->patch * (W / f->patch);
    const float *pos = values ? values + v->pos : NULL, *grid = pos ? pos + C : NULL;
    float *rest = out ? out + C : NULL;
    size_t mark = c->scratch->used;
    op_copy(c, HOST_TENSOR(out, C), HOST_TENSOR(pos, C));
    if (grid_as_stored(f, H, W))
        op_copy(c, HOST_TENSOR(rest, P * C), HOST_TENSOR(grid, P * C));
    else
        op_interp_fwd(c, HOST_TENSOR(rest, P, C), HOST_TENSOR(grid, f->grid * f->grid, C), axis(c, f, H),
                      axis(c, f, W));
    c->scratch->used = mark;
}

static void patchify(const struct walk *k, const struct vit_input *in, float *patches)
{
    const struct vit_request *r = &k->pass->request;
    int64_t p = k->v->config.patch, P = patches_of(k->v, in);
    struct tensor y = HOST_TENSOR(patches, in->B * P, 3 * p * p);
    if (in->values)
        op_patchify_fwd(k->c, y, HOST_TENSOR(in->values, in->B, 3, in->H, in->W), (int)p);
    else
        op_patchify_u8_fwd(k->c, y, HOST_TENSOR(in->pixels, in->B, in->H, in->W, 3), (int)p, r->pixel_norm);
}

static struct tensor masks_of(const struct walk *k, const struct vit_input *in)
{
    return in->masks ? HOST_TENSOR(in->masks, in->B, patches_of(k->v, in)) : TENSOR_NONE;
}

/* Input i's rows of the sequence. */
static struct tensor input_rows(const struct walk *k, float *x, int i)
{
    const struct vit_activations *p = k->pass;
    int64_t C = k->v->config.C;
    return HOST_TENSOR(x ? x + p->first[i] * C : x, p->request.inputs[i].B, p->n_tokens[i], C);
}

static void tokens_forward(const struct walk *k, int i, float *x)
{
    const struct vit *v = k->v;
    const struct vit_input *in = &k->pass->request.inputs[i];
    int64_t C = v->config.C, P = patches_of(v, in), K = 3 * v->config.patch * v->config.patch;
    size_t mark = k->c->scratch->used;
    float *patches = scratch(k, in->B * P * K), *embedded = scratch(k, in->B * P * C), *pos = scratch(k, (1 + P) * C);
    patchify(k, in, patches);
    op_linear_fwd(k->c, HOST_TENSOR(embedded, in->B * P, C), HOST_TENSOR(patches, in->B * P, K),
                  weight_at(k, v->patch_w, C, K),
                  vector_at(k->w, v->patch_b, C));
    vit_positions(k->c, v, k->w, in->H, in->W, pos);
    op_tokens_fwd(k->c, input_rows(k, x, i), HOST_TENSOR(embedded, in->B * P, C), vector_at(k->w, v->cls, C),
                  HOST_TENSOR(pos, 1 + P, C), v->reg < 0 ? TENSOR_NONE : matrix_at(k->w, v->reg, v->config.R, C),
                  vector_at(k->w, v->mask, C), masks_of(k, in));
    k->c->scratch->used = mark;
}

static void tokens_backward(const struct walk *k, int i, float *dx)
{
    const struct vit *v = k->v;
    const struct vit_config *f = &v->config;
    const struct vit_input *in = &k->pass->request.inputs[i];
    int64_t C = f->C, P = patches_of(v, in), K = 3 * f->patch * f->patch;
    bool stored = grid_as_stored(f, in->H, in->W);
    float *dstored = k->g ? k->g + v->pos : NULL, *dgrid = k->g ? dstored + C : NULL;
    size_t mark = k->c->scratch->used;
    float *patches = scratch(k, in->B * P * K), *dembedded = scratch(k, in->B * P * C);
    float *dpos = stored ? dstored : scratch(k, (1 + P) * C);
    if (!stored)
        op_fill(k->c, HOST_TENSOR(dpos, 1 + P, C), 0);
    op_tokens_bwd(k->c, HOST_TENSOR(dembedded, in->B * P, C), vector_at(k->g, v->cls, C), HOST_TENSOR(dpos, 1 + P, C),
                  v->reg < 0 ? TENSOR_NONE : matrix_at(k->g, v->reg, f->R, C), vector_at(k->g, v->mask, C),
                  input_rows(k, dx, i), masks_of(k, in));
    if (!stored) {
        op_axpy(k->c, HOST_TENSOR(dstored, C), 1, HOST_TENSOR(dpos, C));
        op_interp_bwd(k->c, HOST_TENSOR(dgrid, f->grid * f->grid, C), HOST_TENSOR(dpos ? dpos + C : dpos, P, C),
                      axis(k->c, f, in->H),
                      axis(k->c, f, in->W));
    }
    patchify(k, in, patches);
    op_linear_bwd_w(k->c, matrix_at(k->g, v->patch_w, C, K), vector_at(k->g, v->patch_b, C),
                    HOST_TENSOR(dembedded, in->B * P, C), HOST_TENSOR(patches, in->B * P, K));
    k->c->scratch->used = mark;
}

/* ------------------------------------------------------------------ which rows a branch works on */

static void list_rows(const struct walk *k, struct vit_branch *b, const struct vit_subset *subset)
{
    const struct vit_activations *p = k->pass;
    int64_t m = 0;
    for (int i = 0; i < p->request.n_inputs; i++)
        for (int64_t s = 0; s < b->seg[i][0]; s++) {
            int64_t image = subset[i].images ? subset[i].images[s] : s;
            if (!op_check(k->c, image >= 0 && image < p->request.inputs[i].B, "drop path: no such image"))
                return;
            for (int64_t t = 0; t < p->n_tokens[i]; t++, m++) {
                b->rows[m] = vit_row(p, i, image, t);
                b->scale[m] = subset[i].images ? subset[i].scale : 1.0f;
            }
        }
}

static void choose_rows(const struct walk *k, struct vit_branch *b, const struct vit_subset *subset)
{
    const struct vit_activations *p = k->pass;
    bool all = true;
    *b = (struct vit_branch){0};
    for (int i = 0; i < p->request.n_inputs; i++) {
        bool some = subset && subset[i].images;
        b->seg[i][0] = some ? subset[i].n : p->request.inputs[i].B;
        b->seg[i][1] = p->n_tokens[i];
        b->M += b->seg[i][0] * b->seg[i][1];
        all = all && !some;
    }
    b->listed = !all;
    if (all)
        return;
    b->rows = HOST_TAKE(k->keep, int64_t, b->M);
    b->scale = HOST_TAKE(k->keep, float, b->M);
    if (!op_planning(k->c))
        list_rows(k, b, subset);
}

/* Asked of `listed`, not of the pointers, which are NULL while planning. */
static struct tensor rows_of(const struct vit_branch *b)
{
    return b->listed ? HOST_TENSOR(b->rows, b->M) : TENSOR_NONE;
}

static struct tensor scale_of(const struct vit_branch *b)
{
    return b->listed ? HOST_TENSOR(b->scale, b->M) : TENSOR_NONE;
}

/* The branch's own rows of x: a copy if it is to be kept (x goes on changing) or if rows are listed. */
static void branch_input(const struct walk *k, struct vit_branch *b, float *x, float *normed, int64_t w_at,
                         int64_t b_at)
{
    int64_t C = k->v->config.C, M = b->M, T = k->pass->T;
    bool kept = k->pass->request.save_for_backward;
    b->x = b->listed || kept ? HOST_TAKE(k->keep, float, M * C) : x;
    if (b->listed)
        op_gather_rows(k->c, HOST_TENSOR(b->x, M, C), HOST_TENSOR(x, T, C), rows_of(b));
    else if (kept)
        op_copy(k->c, HOST_TENSOR(b->x, M, C), HOST_TENSOR(x, M, C));
    b->mean = HOST_TAKE(k->keep, float, M);
    b->rstd = HOST_TAKE(k->keep, float, M);
    norm(k, normed, b->mean, b->rstd, b->x, w_at, b_at, M, true);
}

/* ------------------------------------------------------------------ blocks, forward */

static void attention_forward(const struct walk *k, int64_t i, float *x)
{
    const struct vit_config *f = &k->v->config;
    const struct vit_block_rows *at = &k->v->block[i];
    const struct vit_drop_path *drop = k->pass->request.drop_path;
    struct vit_branch *b = &k->pass->attn[i];
    int64_t C = f->C, T = k->pass->T;
    size_t mark = k->c->scratch->used;
    choose_rows(k, b, drop ? drop[i].attn : NULL);
    int64_t M = b->M;
    float *normed = scratch(k, M * C);
    branch_input(k, b, x, normed, at->norm1_w, at->norm1_b);
    b->inner = HOST_TAKE(k->keep, float, M * 3 * C);
    b->o = HOST_TAKE(k->keep, float, M * C);
    b->lse = HOST_TAKE(k->keep, float, M * f->n_heads);
    b->r = HOST_TAKE(k->keep, float, M * C);
    op_linear_fwd(k->c, HOST_TENSOR(b->inner, M, 3 * C), HOST_TENSOR(normed, M, C), weight_at(k, at->qkv_w, 3 * C, C),
                  vector_at(k->w, at->qkv_b, 3 * C));
    op_attention_fwd(k->c, HOST_TENSOR(b->o, M, C), HOST_TENSOR(b->lse, M, f->n_heads), HOST_TENSOR(b->inner, M, 3 * C),
                     b->seg, k->pass->request.n_inputs, (int)f->n_heads);
    op_linear_fwd(k->c, HOST_TENSOR(b->r, M, C), HOST_TENSOR(b->o, M, C), weight_at(k, at->proj_w, C, C),
                  vector_at(k->w, at->proj_b, C));
    op_residual_fwd(k->c, HOST_TENSOR(x, T, C), HOST_TENSOR(b->r, M, C), vector_at(k->w, at->ls1, C), rows_of(b),
                    scale_of(b));
    k->c->scratch->used = mark;
}

static int64_t inner_width(const struct vit_config *f)
{
    return f->ffn == VIT_SWIGLU ? 2 * f->hidden : f->hidden;
}

/* MLP or SwiGLU of the branch's rows of x, into b->r. */
static void ffn_products(const struct walk *k, int64_t i, float *x)
{
    const struct vit_config *f = &k->v->config;
    const struct vit_block_rows *at = &k->v->block[i];
    struct vit_branch *b = &k->pass->ffn[i];
    int64_t C = f->C, M = b->M, h = f->hidden, inner = inner_width(f);
    bool keep = k->pass->request.save_for_backward, swiglu = f->ffn == VIT_SWIGLU;
    float *normed = scratch(k, M * C), *a = scratch(k, M * h);
    branch_input(k, b, x, normed, at->norm2_w, at->norm2_b);
    b->inner = keep || swiglu ? HOST_TAKE(k->keep, float, M * inner) : NULL;
    struct tensor u = keep || swiglu ? HOST_TENSOR(b->inner, M, inner) : TENSOR_NONE, w1 = weight_at(k, at->fc1_w,
                                                                                                     inner, C);
    struct tensor b1 = vector_at(k->w, at->fc1_b, inner);
    if (swiglu) {
        op_linear_fwd(k->c, u, HOST_TENSOR(normed, M, C), w1, b1);
        op_swiglu_fwd(k->c, HOST_TENSOR(a, M, h), u);
    } else {
        op_linear_gelu_fwd(k->c, HOST_TENSOR(a, M, h), u, HOST_TENSOR(normed, M, C), w1, b1);
    }
    op_linear_fwd(k->c, HOST_TENSOR(b->r, M, C), HOST_TENSOR(a, M, h), weight_at(k, at->fc2_w, C, h),
                  vector_at(k->w, at->fc2_b, C));
}

static void ffn_forward(const struct walk *k, int64_t i, float *x)
{
    const struct vit_config *f = &k->v->config;
    const struct vit_block_rows *at = &k->v->block[i];
    const struct vit_drop_path *drop = k->pass->request.drop_path;
    struct vit_branch *b = &k->pass->ffn[i];
    int64_t C = f->C, T = k->pass->T;
    size_t mark = k->c->scratch->used;
    choose_rows(k, b, drop ? drop[i].ffn : NULL);
    int64_t M = b->M;
    b->r = HOST_TAKE(k->keep, float, M * C);
    if (f->ffn == VIT_IDENTITY)
        branch_input(k, b, x, b->r, at->norm2_w, at->norm2_b);
    else
        ffn_products(k, i, x);
    op_residual_fwd(k->c, HOST_TENSOR(x, T, C), HOST_TENSOR(b->r, M, C), vector_at(k->w, at->ls2, C), rows_of(b),
                    scale_of(b));
    k->c->scratch->used = mark;
}

/* ------------------------------------------------------------------ blocks, backward */

/* dr [M,C]: the gradient at the branch's output before the LayerScale. */
static void residual_backward(const struct walk *k, const struct vit_branch *b, float *dr, const float *dx, int64_t ls)
{
    int64_t C = k->v->config.C, M = b->M;
    op_residual_bwd(k->c, HOST_TENSOR(dr, M, C), vector_at(k->g, ls, C), HOST_TENSOR(dx, k->pass->T, C),
                    HOST_TENSOR(b->r, M, C),
                    vector_at(k->w, ls, C), rows_of(b), scale_of(b));
}

/* dn [M,C], the gradient at the norm's output, becomes the one at the branch's input and is added to dx. */
static void norm_backward(const struct walk *k, const struct vit_branch *b, float *dx, float *dn, int64_t w_at,
                          int64_t b_at)
{
    int64_t C = k->v->config.C, M = b->M;
    op_layernorm_bwd(k->c, HOST_TENSOR(dn, M, C), vector_at(k->g, w_at, C), vector_at(k->g, b_at, C),
                     HOST_TENSOR(dn, M, C),
                     HOST_TENSOR(b->x, M, C), HOST_TENSOR(b->mean, M), HOST_TENSOR(b->rstd, M), vector_at(k->w, w_at,
                                                                                                          C));
    if (b->listed)
        op_scatter_add_rows(k->c, HOST_TENSOR(dx, k->pass->T, C), HOST_TENSOR(dn, M, C), rows_of(b));
    else
        op_axpy(k->c, HOST_TENSOR(dx, M, C), 1, HOST_TENSOR(dn, M, C));
}

/* dr [M,C], the gradient at the output of the MLP or SwiGLU, to the one at its input, which is returned. */
static float *products_backward(const struct walk *k, int64_t i, float *dr)
{
    const struct vit_config *f = &k->v->config;
    const struct vit_block_rows *at = &k->v->block[i];
    const struct vit_branch *b = &k->pass->ffn[i];
    int64_t C = f->C, M = b->M, h = f->hidden, inner = inner_width(f);
    float *da = scratch(k, M * h), *n = scratch(k, M * C);
    op_linear_bwd_x(k->c, HOST_TENSOR(da, M, h), HOST_TENSOR(dr, M, C), matrix_at(k->w, at->fc2_w, C, h));
    /* The activation's value and its gradient take the place of its input and of da, one way or the other. */
    struct tensor u = HOST_TENSOR(b->inner, M, inner), t = HOST_TENSOR(da, M, h), a = u, du = t;
    if (f->ffn == VIT_SWIGLU) {
        op_swiglu_bwd(k->c, u, t, t, u);
        a = t, du = u;
    } else {
        op_gelu_bwd(k->c, t, u, t, u);
    }
    op_linear_bwd_w(k->c, matrix_at(k->g, at->fc2_w, C, h), vector_at(k->g, at->fc2_b, C), HOST_TENSOR(dr, M, C), a);
    norm(k, n, NULL, NULL, b->x, at->norm2_w, at->norm2_b, M, false);
    op_linear_bwd_w(k->c, matrix_at(k->g, at->fc1_w, inner, C), vector_at(k->g, at->fc1_b, inner), du,
                    HOST_TENSOR(n, M, C));
    op_linear_bwd_x(k->c, HOST_TENSOR(n, M, C), du, matrix_at(k->w, at->fc1_w, inner, C));
    return n;
}

static void ffn_backward(const struct walk *k, int64_t i, float *dx)
{
    const struct vit_block_rows *at = &k->v->block[i];
    const struct vit_branch *b = &k->pass->ffn[i];
    size_t mark = k->c->scratch->used;
    float *dr = scratch(k, b->M * k->v->config.C);
    residual_backward(k, b, dr, dx, at->ls2);
    float *dn = k->v->config.ffn == VIT_IDENTITY ? dr : products_backward(k, i, dr);
    norm_backward(k, b, dx, dn, at->norm2_w, at->norm2_b);
    k->c->scratch->used = mark;
}

static void attention_backward(const struct walk *k, int64_t i, float *dx)
{
    const struct vit_config *f = &k->v->config;
    const struct vit_block_rows *at = &k->v->block[i];
    struct vit_branch *b = &k->pass->attn[i];
    int64_t C = f->C, M = b->M;
    size_t mark = k->c->scratch->used;
    float *dr = scratch(k, M * C), *d_o = scratch(k, M * C), *dqkv = scratch(k, M * 3 * C), *n = dr;
    residual_backward(k, b, dr, dx, at->ls1);
    op_linear_bwd_x(k->c, HOST_TENSOR(d_o, M, C), HOST_TENSOR(dr, M, C), matrix_at(k->w, at->proj_w, C, C));
    op_linear_bwd_w(k->c, matrix_at(k->g, at->proj_w, C, C), vector_at(k->g, at->proj_b, C), HOST_TENSOR(dr, M, C),
                    HOST_TENSOR(b->o, M, C));
    op_attention_bwd(k->c, HOST_TENSOR(dqkv, M, 3 * C), HOST_TENSOR(d_o, M, C), HOST_TENSOR(b->o, M, C),
                     HOST_TENSOR(b->lse, M, f->n_heads),
                     HOST_TENSOR(b->inner, M, 3 * C), b->seg, k->pass->request.n_inputs,
                     (int)f->n_heads);
    norm(k, n, NULL, NULL, b->x, at->norm1_w, at->norm1_b, M, false);
    op_linear_bwd_w(k->c, matrix_at(k->g, at->qkv_w, 3 * C, C), vector_at(k->g, at->qkv_b, 3 * C),
                    HOST_TENSOR(dqkv, M, 3 * C), HOST_TENSOR(n, M, C));
    op_linear_bwd_x(k->c, HOST_TENSOR(n, M, C), HOST_TENSOR(dqkv, M, 3 * C), matrix_at(k->w, at->qkv_w, 3 * C, C));
    norm_backward(k, b, dx, n, at->norm1_w, at->norm1_b);
    k->c->scratch->used = mark;
}

/* ------------------------------------------------------------------ the whole */

static int lay_out(const struct vit *v, const struct vit_request *r, struct vit_activations *pass, struct fmt_error *e)
{
    const struct vit_config *f = &v->config;
    *pass = (struct vit_activations){.request = *r};
    if (r->n_inputs < 1 || r->n_inputs > VIT_INPUTS_MAX)
        return fmt_fail(e, FMT_MISMATCH, "backbone: %d inputs", r->n_inputs);
    for (int i = 0; i < r->n_inputs; i++) {
        const struct vit_input *in = &r->inputs[i];
        if (in->B < 0 || in->H < f->patch || in->W < f->patch || in->H % f->patch || in->W % f->patch)
            return fmt_fail(e, FMT_MISMATCH,
                            "backbone: an image of %lld x %lld pixels is no multiple of the patch of %lld",
                            (long long)in->W, (long long)in->H, (long long)f->patch);
        pass->first[i] = pass->T;
        pass->n_tokens[i] = 1 + f->R + patches_of(v, in);
        pass->T += in->B * pass->n_tokens[i];
    }
    return 0;
}

static float *copy_of(const struct walk *k, struct device_arena *arena, const float *x)
{
    int64_t T = k->pass->T, C = k->v->config.C;
    float *copy = HOST_TAKE(arena, float, T * C);
    op_copy(k->c, HOST_TENSOR(copy, T, C), HOST_TENSOR(x, T, C));
    return copy;
}

int vit_forward(struct op_ctx *c, const struct vit *v, const float *values, const struct vit_request *request,
                struct device_arena *arena, struct vit_activations *pass, struct fmt_error *e)
{
    int status = lay_out(v, request, pass, e);
    if (status)
        return status;
    struct walk k = {.c = c, .v = v, .w = values, .pass = pass,
                     .keep = request->save_for_backward ? arena : c->scratch};
    int64_t T = pass->T, C = v->config.C;
    float *x = pass->prenorm = HOST_TAKE(arena, float, T * C);
    pass->normed = HOST_TAKE(arena, float, T * C);
    pass->mean = HOST_TAKE(arena, float, T);
    pass->rstd = HOST_TAKE(arena, float, T);
    for (int i = 0; i < request->n_inputs; i++)
        tokens_forward(&k, i, x);
    if (request->return_tokens)
        pass->tokens = copy_of(&k, arena, x);
    for (int64_t i = 0; i < v->config.depth; i++) {
        attention_forward(&k, i, x);
        ffn_forward(&k, i, x);
        if (request->return_layer[i])
            pass->layers[i] = copy_of(&k, arena, x);
    }
    norm(&k, pass->normed, pass->mean, pass->rstd, x, v->norm_w, v->norm_b, T, true);
    return 0;
}

void vit_final_norm(struct op_ctx *c, const struct vit *v, const float *values, float *y, const float *x, int64_t n)
{
    struct walk k = {.c = c, .v = v, .w = values};
    norm(&k, y, NULL, NULL, x, v->norm_w, v->norm_b, n, false);
}

void vit_backward(struct op_ctx *c, const struct vit *v, const float *values, struct vit_activations *pass,
                  float *d_norm,
                  float *grads)
{
    struct walk k = {.c = c, .v = v, .w = values, .g = grads, .pass = pass};
    int64_t T = pass->T, C = v->config.C;
    if (!op_check(c, pass->request.save_for_backward && !pass->request.weights_transposed,
                  "backbone: backward of a pass that kept nothing"))
        return;
    float *dx = d_norm;
    op_layernorm_bwd(c, HOST_TENSOR(dx, T, C), vector_at(grads, v->norm_w, C), vector_at(grads, v->norm_b, C),
                     HOST_TENSOR(d_norm, T, C), HOST_TENSOR(pass->prenorm, T, C), HOST_TENSOR(pass->mean, T),
                     HOST_TENSOR(pass->rstd, T), vector_at(values, v->norm_w, C));
    for (int64_t i = v->config.depth; i-- > 0;) {
        ffn_backward(&k, i, dx);
        attention_backward(&k, i, dx);
    }
    for (int i = 0; i < pass->request.n_inputs; i++)
        tokens_backward(&k, i, dx);
}

/* ------------------------------------------------------------------ weights turned */

static void turn(struct op_ctx *c, float *w, int64_t N, int64_t K)
{
    size_t mark = c->scratch->used;
    float *copy = HOST_TAKE(c->scratch, float, N * K);
    op_copy(c, HOST_TENSOR(copy, N * K), HOST_TENSOR(w, N * K));
    op_transpose(c, HOST_TENSOR(w, K, N), HOST_TENSOR(copy, N, K));
    c->scratch->used = mark;
}

bool vit_transpose_weights(struct op_ctx *c, const struct vit *v, float *values)
{
    const struct vit_config *f = &v->config;
    if (!c->backend->prefers_transposed_weights())
        return false;
    float *w = values;
    turn(c, w ? w + v->patch_w : w, f->C, 3 * f->patch * f->patch);
    for (int64_t i = 0; i < f->depth; i++) {
        const struct vit_block_rows *at = &v->block[i];
        turn(c, w ? w + at->qkv_w : w, 3 * f->C, f->C);
        turn(c, w ? w + at->proj_w : w, f->C, f->C);
        turn(c, w ? w + at->fc1_w : w, inner_width(f), f->C);
        turn(c, w ? w + at->fc2_w : w, f->C, f->hidden);
    }
    return true;
}
