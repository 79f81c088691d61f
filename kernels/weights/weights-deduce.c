/* weights-deduce.c - derives the architecture from tensor shapes and settings. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "text.h"
#include "weights-internal.h"

/* ------------------------------------------------------------------ from shapes */
/* Dimension d of a tensor, or `otherwise` if there is no such tensor or dimension. */
static int64_t dimension(const struct weights *w, const char *name, int d, int64_t otherwise)
{
    const struct weights_tensor *t = weights_find(w, name);
    return t && d < t->n_dims ? t->dims[d] : otherwise;
}

enum { BLOCK_NUMBER_MAX = 1 << 20 }; /* more than a network may have, which vit_check reports */

/* Number of blocks, and whether any block has such a tensor. */
struct blocks {
    int64_t depth;
    bool layerscale, qkv_bias, proj_bias, ffn_bias, swiglu;
};

/* tensor: "attn.qkv.bias" */
static void add_block_tensor(struct blocks *b, const char *tensor)
{
    b->layerscale = b->layerscale || text_after(tensor, "ls1.") || text_after(tensor, "ls2.");
    b->qkv_bias = b->qkv_bias || strcmp(tensor, "attn.qkv.bias") == 0;
    b->proj_bias = b->proj_bias || strcmp(tensor, "attn.proj.bias") == 0;
    b->ffn_bias = b->ffn_bias || strcmp(tensor, "mlp.fc1.bias") == 0 || strcmp(tensor, "mlp.w12.bias") == 0;
    b->swiglu = b->swiglu || text_after(tensor, "mlp.w12.");
}

static struct blocks scan_blocks(const struct weights *w)
{
    struct blocks b = {0};
    for (int64_t i = 0; i < w->n_tensors; i++) {
        const char *number = text_after(w->tensor[i].name, "backbone.blocks.");
        char *end;
        long block = number ? strtol(number, &end, 10) : -1;
        if (block < 0 || block >= BLOCK_NUMBER_MAX || *end != '.')
            continue;
        b.depth = b.depth > block + 1 ? b.depth : block + 1;
        add_block_tensor(&b, end + 1);
    }
    return b;
}

enum { PUBLISHED_HEAD_WIDTH = 64, PUBLISHED_PATCH = 14, PUBLISHED_GRID = 37, PUBLISHED_FFN_RATIO = 4 };
static const double published_offset = 0.1;

/* From the first of these tensors that exists: missing ones are reported later. */
static int64_t width_of(const struct weights *w)
{
    int64_t C = dimension(w, "backbone.norm.weight", 0, 0);
    if (C == 0)
        C = dimension(w, "backbone.cls_token", 2, 0);
    if (C == 0)
        C = dimension(w, "backbone.patch_embed.proj.weight", 0, 0);
    return C ? C : dimension(w, "backbone.blocks.0.norm1.weight", 0, 0);
}

/* Side of the stored grid of positions; -1: there is none, or it is not a square. */
static int64_t grid_of(const struct weights *w)
{
    return weights_square_side(dimension(w, "backbone.pos_embed", 1, 1) - 1);
}

/* Values that tensors do not determine are those of the published models. */
static struct vit_config deduce(const struct weights *w)
{
    struct blocks b = scan_blocks(w);
    struct vit_config v = {
        .depth = b.depth,
        .patch = dimension(w, "backbone.patch_embed.proj.weight", 3, PUBLISHED_PATCH),
        .R = dimension(w, "backbone.register_tokens", 1, 0),
        .ffn = b.swiglu ? VIT_SWIGLU : VIT_MLP, /* identity is never guessed: missing tensors must be an error */
        .layerscale = b.layerscale ? 1.0f : 0.0f,
        .qkv_bias = b.qkv_bias,
        .proj_bias = b.proj_bias,
        .ffn_bias = b.ffn_bias,
    };
    v.C = width_of(w);
    v.hidden = b.swiglu ? dimension(w, "backbone.blocks.0.mlp.w12.weight", 0, 0) / 2
                        : dimension(w, "backbone.blocks.0.mlp.fc1.weight", 0, 0);
    if (v.hidden == 0)
        v.hidden = vit_sizes_hidden(v.C, PUBLISHED_FFN_RATIO, b.swiglu);
    v.n_heads = v.C % PUBLISHED_HEAD_WIDTH == 0 ? v.C / PUBLISHED_HEAD_WIDTH : 0;
    v.eps = VIT_EPS;
    v.grid = grid_of(w) > 0 ? grid_of(w) : PUBLISHED_GRID;
    v.antialias = v.R > 0;
    v.offset = v.R > 0 ? 0 : published_offset;
    return v;
}

/* Widths of a projection head from its tensors; false if the file has none. */
static bool deduce_head(const struct weights *w, const char *module, struct head_config *h)
{
    char name[PARAMS_NAME_MAX];
    *h = (struct head_config){0};
    snprintf(name, sizeof name, "%s.last_layer.weight_v", module);
    h->n_prototypes = dimension(w, name, 0, 0);
    h->bottleneck_dim = dimension(w, name, 1, 0);
    for (int i = 0; i < HEAD_LAYERS_MAX; i++) { /* linear layers are mlp.0, mlp.2, ...; between them is GELU */
        snprintf(name, sizeof name, "%s.mlp.%d.weight", module, 2 * i);
        if (!weights_find(w, name))
            break;
        h->n_layers++;
    }
    snprintf(name, sizeof name, h->n_layers > 0 ? "%s.mlp.0.weight" : "%s.mlp.weight", module);
    h->in_dim = dimension(w, name, 1, 0);
    h->hidden_dim = dimension(w, name, 0, 0);
    if (h->n_layers == 0 && h->in_dim > 0)
        h->n_layers = 1;
    return h->n_prototypes > 0 && h->in_dim > 0;
}

/* ------------------------------------------------------------------ settings */
/* The mlp_ratio that gives this inner width. */
static double ratio_of(const struct vit_config *v)
{
    bool gated = v->ffn == VIT_SWIGLU;
    double ratio = (gated ? 1.5 * (double)v->hidden : (double)v->hidden) / (double)v->C;
    while (vit_sizes_hidden(v->C, ratio, gated) < v->hidden) /* the product may round to just below */
        ratio = nextafter(ratio, HUGE_VAL);
    return ratio;
}

/* Settings that produce this network (model.h), so that it can be written with them. */
static int settings_of(const struct vit_config *v, struct config *c, struct fmt_error *e)
{
    char word[13][64];
    int n = 0;
#define WORD(...) snprintf(word[n++], sizeof *word, __VA_ARGS__)
    WORD("student.embed_dim=%lld", (long long)v->C);
    WORD("student.depth=%lld", (long long)v->depth);
    WORD("student.num_heads=%lld", (long long)v->n_heads);
    WORD("student.pos_grid=%lld", (long long)v->grid);
    WORD("student.patch_size=%lld", (long long)v->patch);
    WORD("student.num_register_tokens=%lld", (long long)v->R);
    WORD("student.ffn_layer=%s", v->ffn == VIT_SWIGLU ? "swiglufused" : "mlp");
    WORD("student.mlp_ratio=%.17g", ratio_of(v));
    WORD("student.layerscale=%g", (double)v->layerscale);
    WORD("student.qkv_bias=%s", v->qkv_bias ? "true" : "false");
    WORD("student.layer_norm_eps=%.17g", v->eps);
    WORD("student.interpolate_antialias=%s", v->antialias ? "true" : "false");
    WORD("student.interpolate_offset=%.17g", v->offset);
#undef WORD
    int status = 0;
    for (int i = 0; i < n && !status; i++)
        status = config_set(c, word[i], e);
    return status;
}

/* Without settings, config.json provides heads and epsilon; the rest is deduced. */
static int use_config_json(struct weights *w, const struct weights_hf *h, struct fmt_error *e)
{
    struct vit_config v = deduce(w);
    if (h->path && !h->found)
        weights_warn(w, "%.200s describes another kind of model and is not used", h->path);
    if (!h->found || v.C == 0)
        return 0;
    int status = weights_hf_check(h, &v, e);
    v.n_heads = h->heads > 0 ? h->heads : v.n_heads;
    v.eps = h->eps > 0 ? h->eps : v.eps;
    if (status || v.n_heads == 0) /* neither given there nor deduced from the width */
        return status;
    status = settings_of(&v, &w->settings, e);
    w->has_settings = w->from_config_json = !status;
    return status;
}

/* With settings, warns if config.json contradicts them. */
static void compare_config_json(struct weights *w, const struct weights_hf *h)
{
    char differs[WEIGHTS_HF_TEXT_MAX];
    struct vit_config in_force = model_vit(&w->settings);
    if (*weights_hf_differs(h, &in_force, differs))
        weights_warn(w, "%.180s says %s", h->path, differs);
}

/* Reads config.json of a Hugging Face model in the folder of the file. With settings it need not be readable. */
static int read_config_json(struct weights *w, struct fmt_error *e)
{
    struct weights_hf h;
    struct fmt_error why = {0};
    if (!w->hugging_face || w->file.inside || strcmp(w->file.path, "-") == 0)
        return 0;
    int status = weights_hf_read(&h, w->file.path, &why);
    if (w->has_settings) {
        if (!status)
            compare_config_json(w, &h);
        free(h.path);
        return 0;
    }
    if (!status)
        status = use_config_json(w, &h, &why);
    free(h.path);
    return status ? fmt_fail(e, why.status, "%s", why.text) : 0;
}

/* The settings to use: those of the hint, else of the file, else of config.json. */
static int read_settings(struct weights *w, const struct weights_hint *hint, struct fmt_error *e)
{
    const char *text = named_tensor_meta_find(&w->file.set, CONFIG_META_KEY);
    w->has_settings = text || hint->model || hint->config;
    int status = text ? config_parse(&w->settings, text, strlen(text), "settings", e) : 0;
    if (!status && hint->model) {
        status = weights_published_settings(hint->model, &w->settings, e);
    } else if (!status && hint->config) {
        config_release(&w->settings);
        status = config_copy(&w->settings, hint->config, e);
    }
    return status ? status : read_config_json(w, e);
}

/* ------------------------------------------------------------------ the network */
static int check_positions(const struct weights *w, struct fmt_error *e)
{
    const struct weights_tensor *t = weights_find(w, "backbone.pos_embed");
    char dims[NAMED_TENSOR_DIMS_TEXT_MAX];
    if (!t || t->part[0]->unusable) /* reported with all missing tensors */
        return 0;
    if (t->n_dims == 3 && weights_square_side(t->dims[1] - 1) > 0)
        return 0;
    named_tensor_dims_text(t->dims, t->n_dims, dims);
    if (t->n_dims != 3)
        return fmt_fail(e, FMT_MISMATCH, "%.150s is %s, not [1,1+M*M,width]: not the positions of a square grid",
                        t->part[0]->name, dims);
    return fmt_fail(e, FMT_MISMATCH, "%.150s is %s: %lld positions, or %lld without that of the class token, do not "
                    "form a square grid", t->part[0]->name, dims, (long long)t->dims[1], (long long)t->dims[1] - 1);
}

int weights_deduce(struct weights *w, const struct weights_hint *hint, struct fmt_error *e)
{
    int status = check_positions(w, e);
    if (!status)
        status = read_settings(w, hint, e);
    if (status)
        return status;
    w->vit = w->has_settings ? model_vit(&w->settings) : deduce(w);
    if (grid_of(w) > 0)
        w->vit.grid = grid_of(w);
    w->pixel_norm = config_pixel_norm(&w->settings);
    w->has_dino_head = deduce_head(w, HEAD_DINO, &w->dino_head);
    w->has_ibot_head = deduce_head(w, HEAD_IBOT, &w->ibot_head);
    return 0;
}
