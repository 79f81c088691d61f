/* vit.c - dimensions, parameters and draws of the backbone; what it computes is in vit-forward.c and vit-backward.c. */
#include "vit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ dimensions */
enum { REGISTERS_MAX = 4096, HIDDEN_MAX = 16 * VIT_WIDTH_MAX }; /* more than any settings say: files may */
int vit_check(const struct vit_config *v, struct fmt_error *e)
{
    if (v->C < 1 || v->C > VIT_WIDTH_MAX || v->n_heads < 1 || v->C % v->n_heads)
        return fmt_fail(e, FMT_INVALID, "backbone: width %lld does not divide into %s", (long long)v->C,
                        FMT_COUNT(v->n_heads, "head", "heads"));
    if (v->depth < 1 || v->depth > VIT_DEPTH_MAX)
        return fmt_fail(e, FMT_LIMIT, "backbone: %lld blocks; 1 to %d are possible", (long long)v->depth,
                        VIT_DEPTH_MAX);
    if (v->patch < 1 || v->patch > VIT_PATCH_MAX || v->grid < 1 || v->grid > VIT_GRID_MAX || v->R < 0 ||
        v->R > REGISTERS_MAX)
        return fmt_fail(e, FMT_LIMIT, "backbone: patch %lld, grid %lld, %lld registers: out of range",
                        (long long)v->patch, (long long)v->grid, (long long)v->R);
    if ((v->hidden < 1) != (v->ffn == VIT_IDENTITY) || v->hidden > HIDDEN_MAX)
        return fmt_fail(e, FMT_LIMIT, "backbone: inner width %lld is out of range", (long long)v->hidden);
    if (!(v->eps >= 0 && v->eps < 1))
        return fmt_fail(e, FMT_LIMIT, "backbone: layer_norm_eps is out of range");
    if (!isfinite(v->layerscale) || !isfinite(v->offset) || fabs(v->offset) >= 1)
        return fmt_fail(e, FMT_LIMIT, "backbone: layerscale or interpolate_offset is out of range");
    return 0;
}

double vit_drop_path_rate(double rate, bool uniform, int64_t block, int64_t depth)
{
    return uniform || depth < 2 ? (uniform ? rate : 0) : rate * (double)block / (double)(depth - 1);
}

int64_t vit_drop_path_count(int64_t b, double rate)
{
    int64_t s = (int64_t)((double)b * (1 - rate));
    return s < 1 ? 1 : s;
}

int64_t vit_drop_path_draw(struct rng *r, int64_t b, double rate, int64_t *images, float *scale)
{
    int64_t s = vit_drop_path_count(b, rate);
    rng_permutation(r, b, images);
    *scale = (float)((double)b / (double)s);
    return s;
}

int64_t vit_drop_path_bernoulli(struct rng *r, int64_t b, double rate, int64_t *images, float *scale)
{
    int64_t s = 0;
    for (int64_t i = 0; i < b; i++)
        if (rng_f64(r) >= rate)
            images[s++] = i;
    *scale = (float)(1 / (1 - rate));
    return s;
}

/* ------------------------------------------------------------------ parameters */

struct adding {
    struct params *table;
    struct fmt_error *e;
    int status;
    char block[32]; /* "" or "blocks.3." */
    int layer;
};

static const float WEIGHT_STD = 0.02f, TOKEN_STD = 1e-6f; /* of first values, as published */

static int add(struct adding *a, const char *name, enum params_init init, float value, unsigned flags, int n_dims,
               const int64_t *dims)
{
    struct param p = {.n_dims = n_dims, .init = init, .value = value, .layer = a->layer, .flags = flags};
    char text[PARAMS_NAME_MAX];
    int row = -1;
    for (int i = 0; i < n_dims; i++)
        p.dims[i] = dims[i];
    snprintf(text, sizeof text, "%s%s", a->block, name);
    if (!a->status)
        a->status = params_add(a->table, text, &p, &row, a->e);
    return row;
}

#define DIMS(...) TENSOR_COUNT(__VA_ARGS__), (const int64_t[]){__VA_ARGS__}

static int add_vector(struct adding *a, const char *name, float value, int64_t n)
{
    return add(a, name, INIT_CONSTANT, value, 0, DIMS(n));
}

/* Weight [N,K], whose row is returned, and bias [N]. */
static int add_linear(struct adding *a, const char *name, bool bias, int64_t N, int64_t K, int *bias_row)
{
    char text[48];
    snprintf(text, sizeof text, "%s.weight", name);
    int row = add(a, text, INIT_NORMAL, WEIGHT_STD, PARAM_DECAY, DIMS(N, K));
    snprintf(text, sizeof text, "%s.bias", name);
    *bias_row = bias ? add_vector(a, text, 0, N) : -1;
    return row;
}

static void add_block(struct adding *a, const struct vit_config *f, int64_t i, struct vit_block_rows *b)
{
    bool swiglu = f->ffn == VIT_SWIGLU;
    snprintf(a->block, sizeof a->block, "blocks.%d.", (int)i);
    a->layer = (int)i + 1;
    b->norm1_w = add_vector(a, "norm1.weight", 1, f->C);
    b->norm1_b = add_vector(a, "norm1.bias", 0, f->C);
    b->qkv_w = add_linear(a, "attn.qkv", f->qkv_bias, 3 * f->C, f->C, &b->qkv_b);
    b->proj_w = add_linear(a, "attn.proj", f->proj_bias, f->C, f->C, &b->proj_b);
    b->ls1 = f->layerscale != 0 ? add_vector(a, "ls1.gamma", f->layerscale, f->C) : -1;
    b->norm2_w = add_vector(a, "norm2.weight", 1, f->C);
    b->norm2_b = add_vector(a, "norm2.bias", 0, f->C);
    b->fc1_w = b->fc1_b = b->fc2_w = b->fc2_b = -1;
    if (f->ffn != VIT_IDENTITY) {
        int64_t inner = (swiglu ? 2 : 1) * f->hidden;
        b->fc1_w = add_linear(a, swiglu ? "mlp.w12" : "mlp.fc1", f->ffn_bias, inner, f->C, &b->fc1_b);
        b->fc2_w = add_linear(a, swiglu ? "mlp.w3" : "mlp.fc2", f->ffn_bias, f->C, f->hidden, &b->fc2_b);
    }
    b->ls2 = f->layerscale != 0 ? add_vector(a, "ls2.gamma", f->layerscale, f->C) : -1;
}

int vit_params(struct vit *v, const struct vit_config *config, struct params *t, struct fmt_error *e)
{
    int status = vit_check(config, e);
    if (status)
        return status;
    const struct vit_config *f = config;
    struct adding a = {.table = t, .e = e, .status = params_add_module(t, VIT_MODULE, e)};
    *v = (struct vit){.config = *config};
    if (f->eps == 0)
        v->config.eps = VIT_EPS;
    /* PyTorch's default for a convolution, which the published code leaves in place: U(-b, b), b = 1 / sqrt(fan in) */
    float bound = (float)(1 / sqrt((double)(3 * f->patch * f->patch)));
    v->cls = add(&a, "cls_token", INIT_NORMAL, TOKEN_STD, PARAM_DECAY, DIMS(1, 1, f->C));
    v->pos = add(&a, "pos_embed", INIT_NORMAL, WEIGHT_STD, PARAM_DECAY, DIMS(1, 1 + f->grid * f->grid, f->C));
    v->reg = f->R ? add(&a, "register_tokens", INIT_NORMAL, TOKEN_STD, PARAM_DECAY, DIMS(1, f->R, f->C)) : -1;
    v->mask = add(&a, "mask_token", INIT_CONSTANT, 0, PARAM_DECAY | PARAM_OPTIONAL, DIMS(1, f->C));
    v->patch_w = add(&a, "patch_embed.proj.weight", INIT_UNIFORM, bound, PARAM_DECAY | PARAM_PATCH_EMBED,
                     DIMS(f->C, 3, f->patch, f->patch));
    v->patch_b = add(&a, "patch_embed.proj.bias", INIT_UNIFORM, bound, PARAM_PATCH_EMBED, DIMS(f->C));
    for (int64_t i = 0; i < f->depth; i++)
        add_block(&a, f, i, &v->block[i]);
    a.block[0] = 0;
    a.layer = (int)f->depth + 1;
    v->norm_w = add_vector(&a, "norm.weight", 1, f->C);
    v->norm_b = add_vector(&a, "norm.bias", 0, f->C);
    return a.status;
}
