/* vit-forward.c - the backbone from pixels to normalised tokens (vit.h, vit-internal.h). */
#include "positions.h"
#include "vit-internal.h"

/* The weight [N,K] of a product of a block, packed if the request has it so. */
static struct tensor block_weight(const struct vit_pass *k, int64_t block, enum vit_product product, int row, int64_t N)
{
    const struct vit_packed *p = k->act->request.packed;
    return p && tensor_given(p->block[block][product]) ? p->block[block][product] : vit_matrix(k->w, row, N);
}

static void observe(const struct vit_pass *k, int64_t block, enum vit_product product, struct tensor x)
{
    const struct vit_observer *o = k->act->request.observer;
    if (o)
        o->see(o->arg, k->c, block, product, x);
}

static struct tensor patch_weight(const struct vit_pass *k)
{
    const struct vit_packed *p = k->act->request.packed;
    return p && tensor_given(p->patch) ? p->patch : vit_matrix(k->w, k->v->patch_w, k->v->config.C);
}

void vit_layernorm(const struct vit_pass *k, struct tensor y, struct tensor mean, struct tensor rstd, struct tensor x,
                   int w, int b)
{
    op_layernorm_fwd(k->c, y, mean, rstd, x, vit_vector(k->w, w), vit_vector(k->w, b), (float)k->v->config.eps);
}

/* ------------------------------------------------------------------ positions and tokens */

struct tensor vit_axis(struct op_ctx *c, const struct vit_config *f, int64_t pixels, struct arena *host)
{
    int64_t out = pixels / f->patch;
    struct tensor w = TENSOR_TAKE(c->scratch, DTYPE_F32, out, f->grid);
    size_t mark = host->used;
    float *weights = ARENA_TAKE(host, float, out * f->grid);
    if (!op_planning(c))
        positions_axis(weights, f->grid, out, f->offset, f->antialias);
    op_copy_in(c, w, weights);
    host->used = mark;
    return w;
}

void vit_positions(struct op_ctx *c, const struct vit *v, const struct params_array *values, int64_t H, int64_t W,
                   struct arena *host, struct tensor out)
{
    const struct vit_config *f = &v->config;
    int64_t P = H / f->patch * (W / f->patch);
    struct tensor stored = vit_matrix(values, v->pos, 1 + f->grid * f->grid);
    struct tensor grid = tensor_rows(stored, 1, f->grid * f->grid), patches = tensor_rows(out, 1, P);
    size_t mark = c->scratch->used;
    op_copy(c, tensor_rows(out, 0, 1), tensor_rows(stored, 0, 1));
    if (vit_grid_is_stored(f, H, W)) {
        op_copy(c, patches, grid);
    } else {
        struct tensor wy = vit_axis(c, f, H, host), wx = vit_axis(c, f, W, host);
        op_interp_fwd(c, patches, grid, wy, wx);
    }
    c->scratch->used = mark;
}

void vit_patchify(const struct vit_pass *k, const struct vit_input *in, struct tensor patches)
{
    int p = (int)k->v->config.patch;
    if (tensor_given(in->values))
        op_patchify_fwd(k->c, patches, in->values, p);
    else
        op_patchify_u8_fwd(k->c, patches, in->pixels, p, k->act->request.pixel_norm);
}

struct tensor vit_input_rows(const struct vit_pass *k, struct tensor x, int i)
{
    int64_t B = k->act->request.inputs[i].B, N = k->act->n_tokens[i];
    return TENSOR_SHAPED(tensor_rows(x, k->act->first[i], B * N), B, N, k->v->config.C);
}

/* The patches are embedded in float32 whatever the precision: rounding pixels to bf16 costs the worst patch of a
 * trained ViT-S more (cosine 0.9990) than all products that follow (0.9997). */
static void tokens_forward(const struct vit_pass *k, int i, struct tensor x)
{
    const struct vit *v = k->v;
    const struct vit_input *in = &k->act->request.inputs[i];
    int64_t C = v->config.C, P = vit_patches(v, in), patch_values = 3 * v->config.patch * v->config.patch;
    size_t mark = k->c->scratch->used;
    struct tensor patches = vit_scratch(k, in->B * P, patch_values), embedded = vit_scratch(k, in->B * P, C),
                  pos = vit_scratch(k, 1 + P, C);
    vit_patchify(k, in, patches);
    op_linear_fwd(k->c, embedded, patches, patch_weight(k), vit_vector(k->w, v->patch_b));
    vit_positions(k->c, v, k->w, in->H, in->W, k->host, pos);
    op_tokens_fwd(k->c, vit_input_rows(k, x, i), embedded, vit_vector(k->w, v->cls), pos,
                  vit_matrix(k->w, v->reg, v->config.R), vit_vector(k->w, v->mask), in->masks);
    k->c->scratch->used = mark;
}

/* ------------------------------------------------------------------ which rows a branch works on */

static void list_rows(const struct vit_pass *k, const struct vit_branch *b, const struct vit_subset *subset,
                      int64_t *rows, float *scale)
{
    const struct vit_activations *a = k->act;
    int64_t m = 0;
    for (int i = 0; i < a->request.n_inputs; i++)
        for (int64_t s = 0; s < b->seg[i][0]; s++) {
            int64_t image = subset[i].images ? subset[i].images[s] : s;
            if (!op_check(k->c, image >= 0 && image < a->request.inputs[i].B, "drop path: no such image"))
                return;
            for (int64_t t = 0; t < a->n_tokens[i]; t++, m++) {
                rows[m] = vit_row(a, i, image, t);
                scale[m] = subset[i].images ? subset[i].scale : 1.0f;
            }
        }
}

/* Lists of the rows and of their factors, made here and copied to the device. */
static void upload_row_lists(const struct vit_pass *k, struct vit_branch *b, const struct vit_subset *subset)
{
    size_t mark = k->host->used;
    int64_t *rows = ARENA_TAKE(k->host, int64_t, b->n_rows);
    float *scale = ARENA_TAKE(k->host, float, b->n_rows);
    b->rows = TENSOR_TAKE(k->saved, DTYPE_I64, b->n_rows);
    b->scale = TENSOR_TAKE(k->saved, DTYPE_F32, b->n_rows);
    if (!op_planning(k->c))
        list_rows(k, b, subset, rows, scale);
    op_copy_in(k->c, b->rows, rows);
    op_copy_in(k->c, b->scale, scale);
    k->host->used = mark;
}

/* subset: of each input, or NULL. */
static void select_branch_rows(const struct vit_pass *k, struct vit_branch *b, const struct vit_subset *subset)
{
    const struct vit_activations *a = k->act;
    bool all = true;
    *b = (struct vit_branch){.rows = TENSOR_NONE, .scale = TENSOR_NONE};
    for (int i = 0; i < a->request.n_inputs; i++) {
        bool some = subset && subset[i].images;
        b->seg[i][0] = some ? subset[i].n : a->request.inputs[i].B;
        b->seg[i][1] = a->n_tokens[i];
        b->n_rows += b->seg[i][0] * b->seg[i][1];
        all = all && !some;
    }
    if (!all)
        upload_row_lists(k, b, subset);
}

struct tensor vit_branch_rows(const struct vit_pass *k, const struct vit_branch *b, struct tensor x,
                              struct device_arena *arena)
{
    if (!tensor_given(b->rows))
        return x;
    struct tensor rows = TENSOR_TAKE(arena, DTYPE_F32, b->n_rows, k->v->config.C);
    op_gather_rows(k->c, rows, x, b->rows);
    return rows;
}

/* The branch's own rows of x, normed. They are saved for backward, since x is modified later, or found again by it
 * (vit_rebuilds_stream). */
static void branch_input(const struct vit_pass *k, struct vit_branch *b, struct tensor x, struct tensor normed,
                         int norm_w, int norm_b)
{
    bool backward = k->act->request.save_for_backward, save = backward && !vit_rebuilds_stream(&k->act->request);
    size_t mark = k->c->scratch->used;
    b->x = vit_branch_rows(k, b, x, save ? k->saved : k->c->scratch);
    if (save && !tensor_given(b->rows)) {
        b->x = TENSOR_TAKE(k->saved, DTYPE_F32, b->n_rows, k->v->config.C);
        op_copy(k->c, b->x, x);
    }
    b->mean = TENSOR_TAKE(k->saved, DTYPE_F32, b->n_rows);
    b->rstd = TENSOR_TAKE(k->saved, DTYPE_F32, b->n_rows);
    vit_layernorm(k, normed, b->mean, b->rstd, b->x, norm_w, norm_b);
    if (backward) /* which has the rest in memory of its own */
        k->c->scratch->used = mark;
}

/* ------------------------------------------------------------------ blocks */

/* Values that backward needs. */
static struct tensor save(const struct vit_pass *k, const struct vit_branch *b, int64_t width)
{
    return TENSOR_TAKE(k->saved, precision_activations(k->act->request.precision), b->n_rows, width);
}

static void attention_forward(const struct vit_pass *k, int64_t i, struct tensor x)
{
    const struct vit_config *f = &k->v->config;
    const struct vit_block_rows *row = &k->v->block[i];
    const struct vit_request *r = &k->act->request;
    struct vit_branch *b = &k->act->attn[i];
    size_t mark = k->c->scratch->used;
    select_branch_rows(k, b, r->drop_path ? r->drop_path[i].attn : NULL);
    struct tensor normed = vit_activation(k, b->n_rows, f->C);
    branch_input(k, b, x, normed, row->norm1_w, row->norm1_b);
    b->inner = save(k, b, 3 * f->C);
    b->attention = save(k, b, f->C);
    b->lse = TENSOR_TAKE(k->saved, DTYPE_F32, b->n_rows, f->n_heads);
    b->out = save(k, b, f->C);
    struct tensor qkv_w = block_weight(k, i, VIT_QKV, row->qkv_w, 3 * f->C),
                  proj_w = block_weight(k, i, VIT_PROJ, row->proj_w, f->C);
    observe(k, i, VIT_QKV, normed);
    op_linear_fwd(k->c, b->inner, normed, qkv_w, vit_vector(k->w, row->qkv_b));
    op_attention_fwd(k->c, b->attention, b->lse, b->inner, b->seg, r->n_inputs, (int)f->n_heads);
    observe(k, i, VIT_PROJ, b->attention);
    op_linear_fwd(k->c, b->out, b->attention, proj_w, vit_vector(k->w, row->proj_b));
    op_residual_fwd(k->c, x, b->out, vit_vector(k->w, row->ls1), b->rows, b->scale);
    k->c->scratch->used = mark;
}

/* MLP or SwiGLU of the branch's rows of x, into b->out. */
static void mlp_forward(const struct vit_pass *k, int64_t i, struct tensor x)
{
    const struct vit_config *f = &k->v->config;
    const struct vit_block_rows *row = &k->v->block[i];
    struct vit_branch *b = &k->act->ffn[i];
    int64_t inner = vit_inner_width(f);
    bool swiglu = f->ffn == VIT_SWIGLU;
    struct tensor normed = vit_activation(k, b->n_rows, f->C);
    branch_input(k, b, x, normed, row->norm2_w, row->norm2_b);
    struct tensor a = vit_activation(k, b->n_rows, f->hidden);
    b->inner = k->act->request.save_for_backward || swiglu ? save(k, b, inner) : TENSOR_NONE;
    struct tensor w1 = block_weight(k, i, VIT_FC1, row->fc1_w, inner), b1 = vit_vector(k->w, row->fc1_b);
    observe(k, i, VIT_FC1, normed);
    if (swiglu) {
        op_linear_fwd(k->c, b->inner, normed, w1, b1);
        op_swiglu_fwd(k->c, a, b->inner);
    } else {
        op_linear_gelu_fwd(k->c, a, b->inner, normed, w1, b1);
    }
    observe(k, i, VIT_FC2, a);
    op_linear_fwd(k->c, b->out, a, block_weight(k, i, VIT_FC2, row->fc2_w, f->C), vit_vector(k->w, row->fc2_b));
}

static void ffn_forward(const struct vit_pass *k, int64_t i, struct tensor x)
{
    const struct vit_block_rows *row = &k->v->block[i];
    const struct vit_drop_path *drop_path = k->act->request.drop_path;
    struct vit_branch *b = &k->act->ffn[i];
    size_t mark = k->c->scratch->used;
    select_branch_rows(k, b, drop_path ? drop_path[i].ffn : NULL);
    b->out = save(k, b, k->v->config.C);
    if (k->v->config.ffn == VIT_IDENTITY)
        branch_input(k, b, x, b->out, row->norm2_w, row->norm2_b);
    else
        mlp_forward(k, i, x);
    op_residual_fwd(k->c, x, b->out, vit_vector(k->w, row->ls2), b->rows, b->scale);
    k->c->scratch->used = mark;
}

/* ------------------------------------------------------------------ the whole */

static int lay_out(const struct vit *v, const struct vit_request *r, struct vit_activations *act, struct fmt_error *e)
{
    const struct vit_config *f = &v->config;
    *act = (struct vit_activations){.request = *r};
    if (r->n_inputs < 1 || r->n_inputs > VIT_INPUTS_MAX)
        return fmt_fail(e, FMT_MISMATCH, "backbone: %d inputs", r->n_inputs);
    for (int i = 0; i < r->n_inputs; i++) {
        const struct vit_input *in = &r->inputs[i];
        if (in->B < 0 || in->H < f->patch || in->W < f->patch || in->H % f->patch || in->W % f->patch)
            return fmt_fail(e, FMT_MISMATCH,
                            "backbone: an image of %lld x %lld pixels is no multiple of the patch of %lld",
                            (long long)in->W, (long long)in->H, (long long)f->patch);
        act->first[i] = act->T;
        act->n_tokens[i] = 1 + f->R + vit_patches(v, in);
        act->T += in->B * act->n_tokens[i];
    }
    return 0;
}

static struct tensor copy_of(struct op_ctx *c, struct device_arena *arena, struct tensor x)
{
    struct tensor copy = device_arena_take(arena, x.dtype, x.n_dims, x.dims);
    op_copy(c, copy, x);
    return copy;
}

int vit_forward(struct op_ctx *c, const struct vit *v, const struct params_array *values,
                const struct vit_request *request, const struct vit_memory *memory, struct vit_activations *act,
                struct fmt_error *e)
{
    int status = lay_out(v, request, act, e);
    if (status)
        return status;
    struct device_arena *arena = memory->device;
    struct vit_pass k = {.c = c, .v = v, .w = values, .act = act, .host = memory->host,
                         .saved = request->save_for_backward ? arena : c->scratch};
    struct tensor x = act->prenorm = TENSOR_TAKE(arena, DTYPE_F32, act->T, v->config.C);
    act->normed = TENSOR_TAKE(arena, DTYPE_F32, act->T, v->config.C);
    act->mean = TENSOR_TAKE(arena, DTYPE_F32, act->T);
    act->rstd = TENSOR_TAKE(arena, DTYPE_F32, act->T);
    vit_enter(&k, 0);
    for (int i = 0; i < request->n_inputs; i++)
        tokens_forward(&k, i, x);
    if (request->return_tokens)
        act->tokens = copy_of(c, arena, x);
    for (int64_t i = 0; i < v->config.depth; i++) {
        vit_enter(&k, 1 + i);
        attention_forward(&k, i, x);
        ffn_forward(&k, i, x);
        if (request->return_layer[i])
            act->layers[i] = copy_of(c, arena, x);
    }
    vit_enter(&k, 1 + v->config.depth);
    vit_layernorm(&k, act->normed, act->mean, act->rstd, x, v->norm_w, v->norm_b);
    return 0;
}

void vit_final_norm(struct op_ctx *c, const struct vit *v, const struct params_array *values, struct tensor y,
                    struct tensor x)
{
    struct vit_pass k = {.c = c, .v = v, .w = values};
    vit_layernorm(&k, y, TENSOR_NONE, TENSOR_NONE, x, v->norm_w, v->norm_b);
}

