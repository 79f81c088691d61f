/* weights-deduce.c - the network that opened tensors make: what their shapes tell, and what settings say beside them.
 * */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights-internal.h"
#include "model.h"

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

int64_t weights_square_side(int64_t n)
{
    int64_t side = (int64_t)llround(sqrt((double)n));
    return n > 0 && side * side == n ? side : -1;
}

/* ------------------------------------------------------------------ what shapes tell */
/* Dimension d of a tensor, or otherwise where there is no such tensor or it has no such dimension. */
static int64_t dimension(const struct weights *w, const char *name, int d, int64_t otherwise)
{
    const struct weights_tensor *t = weights_find(w, name);
    return t && d < t->n_dims ? t->dims[d] : otherwise;
}

enum { BLOCKS_SEEN_MAX = 1 << 20 }; /* more than a network may have, which vit_check tells */

/* Number of blocks, and a word for each thing that any block has. */
struct seen {
    int64_t depth;
    bool ls, qkv_bias, proj_bias, ffn_bias, swiglu;
};

static struct seen look_at_blocks(const struct weights *w)
{
    struct seen s = {0};
    for (int64_t i = 0; i < w->n_tensors; i++) {
        const char *name = w->tensor[i].name, *rest;
        if (!has_prefix(name, "backbone.blocks."))
            continue;
        char *end;
        long block = strtol(name + strlen("backbone.blocks."), &end, 10);
        if (*end != '.' || block < 0 || block >= BLOCKS_SEEN_MAX)
            continue;
        rest = end + 1;
        s.depth = s.depth > block + 1 ? s.depth : block + 1;
        s.ls = s.ls || has_prefix(rest, "ls1.") || has_prefix(rest, "ls2.");
        s.qkv_bias = s.qkv_bias || strcmp(rest, "attn.qkv.bias") == 0;
        s.proj_bias = s.proj_bias || strcmp(rest, "attn.proj.bias") == 0;
        s.ffn_bias = s.ffn_bias || strcmp(rest, "mlp.fc1.bias") == 0 || strcmp(rest, "mlp.w12.bias") == 0;
        s.swiglu = s.swiglu || has_prefix(rest, "mlp.w12.");
    }
    return s;
}

enum { PUBLISHED_HEAD_WIDTH = 64, PUBLISHED_PATCH = 14, PUBLISHED_GRID = 37 };
static const double published_offset = 0.1;

/* From the first tensor that is there: which of them are missing is told later. */
static int64_t width_of(const struct weights *w)
{
    int64_t C = dimension(w, "backbone.norm.weight", 0, 0);
    if (C == 0)
        C = dimension(w, "backbone.cls_token", 2, 0);
    if (C == 0)
        C = dimension(w, "backbone.patch_embed.proj.weight", 0, 0);
    return C ? C : dimension(w, "backbone.blocks.0.norm1.weight", 0, 0);
}

/* As the published models have it where the tensors do not say. */
static struct vit_config deduce(const struct weights *w)
{
    struct seen s = look_at_blocks(w);
    struct vit_config v = {
        .depth = s.depth,
        .patch = dimension(w, "backbone.patch_embed.proj.weight", 3, PUBLISHED_PATCH),
        .R = dimension(w, "backbone.register_tokens", 1, 0),
        .ffn = s.swiglu ? VIT_SWIGLU : VIT_MLP, /* identity is never guessed: missing tensors must be an error */
        .layerscale = s.ls ? 1.0f : 0.0f,
        .qkv_bias = s.qkv_bias,
        .proj_bias = s.proj_bias,
        .ffn_bias = s.ffn_bias,
    };
    v.C = width_of(w);
    v.hidden = s.swiglu ? dimension(w, "backbone.blocks.0.mlp.w12.weight", 0, 0) / 2
                        : dimension(w, "backbone.blocks.0.mlp.fc1.weight", 0, 0);
    if (v.hidden == 0 && v.ffn != VIT_IDENTITY)
        v.hidden = vit_sizes_hidden(v.C, 4, s.swiglu);
    v.n_heads = v.C % PUBLISHED_HEAD_WIDTH == 0 ? v.C / PUBLISHED_HEAD_WIDTH : 0;
    v.eps = VIT_EPS;
    int64_t side = weights_square_side(dimension(w, "backbone.pos_embed", 1, 1) - 1);
    v.grid = side > 0 ? side : PUBLISHED_GRID;
    v.antialias = v.R > 0;
    v.offset = v.R > 0 ? 0 : published_offset;
    return v;
}

/* "dinov2_vit{s,b,l,g}14[_reg]" */
struct published {
    char letter;
    const char *arch, *ffn;
};

static const struct published *find_published(const char *name, bool *registers)
{
    static const struct published sizes[] = {{'s', "vit_small", "mlp"}, {'b', "vit_base", "mlp"},
                                             {'l', "vit_large", "mlp"}, {'g', "vit_giant2", "swiglufused"}};
    const char *rest = has_prefix(name, "dinov2_vit") ? name + strlen("dinov2_vit") : "";
    *registers = *rest && strcmp(rest + 1, "14_reg") == 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (*rest == sizes[i].letter && (*registers || strcmp(rest + 1, "14") == 0))
            return &sizes[i];
    return NULL;
}

int weights_check_model(const char *name, struct fmt_error *e)
{
    bool registers;
    if (find_published(name, &registers))
        return 0;
    return fmt_fail(e, FMT_INVALID, "%.80s is no published model; they are dinov2_vit{s,b,l,g}14[_reg]", name);
}

static int published_model(const char *name, struct config *c, struct fmt_error *e)
{
    static const char *const plain[] = {"student.num_register_tokens=0", "student.interpolate_antialias=false",
                                        "student.interpolate_offset=0.1"};
    static const char *const reg[] = {"student.num_register_tokens=4", "student.interpolate_antialias=true",
                                      "student.interpolate_offset=0.0"};
    static const char *const common[] = {"student.patch_size=14", "crops.global_crops_size=518",
                                         "student.layerscale=1.0"};
    bool registers;
    const struct published *p = find_published(name, &registers);
    if (!p)
        return weights_check_model(name, e);
    char arch[40], ffn[40];
    snprintf(arch, sizeof arch, "student.arch=%s", p->arch);
    snprintf(ffn, sizeof ffn, "student.ffn_layer=%s", p->ffn);
    int status = config_set(c, arch, e);
    if (!status)
        status = config_set(c, ffn, e);
    for (size_t k = 0; k < 3 && !status; k++) {
        status = config_set(c, common[k], e);
        if (!status)
            status = config_set(c, registers ? reg[k] : plain[k], e);
    }
    return status;
}

/* Widths of a projection head from its tensors; false if the file has none. */
static bool look_at_head(const struct weights *w, const char *module, struct head_config *h)
{
    char name[PARAMS_NAME_MAX];
    *h = (struct head_config){0};
    snprintf(name, sizeof name, "%s.last_layer.weight_v", module);
    h->n_prototypes = dimension(w, name, 0, 0);
    h->bottleneck_dim = dimension(w, name, 1, 0);
    for (int i = 0; i < HEAD_LAYERS_MAX; i++) {
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
/* Settings that make this network (model.h), so that it can be written with them. */
static int settings_of(const struct vit_config *v, struct config *c, struct fmt_error *e)
{
    double wide = v->ffn == VIT_SWIGLU ? 1.5 * (double)v->hidden : (double)v->hidden, ratio = wide / (double)v->C;
    while (vit_sizes_hidden(v->C, ratio, v->ffn == VIT_SWIGLU) < v->hidden) /* the product may round to just below */
        ratio = nextafter(ratio, HUGE_VAL);
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
    WORD("student.mlp_ratio=%.17g", ratio);
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

/* What config.json says holds where nothing is said before it; else it is told where the two differ. */
static int use_hf(struct weights *w, const struct weights_hf *h, struct fmt_error *e)
{
    struct vit_config v = deduce(w);
    if (h->path && !h->found)
        weights_warn(w, "%.200s describes another kind of model and is not used", h->path);
    if (!h->found || v.C == 0)
        return 0;
    int status = weights_hf_check(h, &v, e);
    v.n_heads = h->heads > 0 ? h->heads : v.n_heads;
    v.eps = h->eps > 0 ? h->eps : v.eps;
    if (status || v.n_heads == 0) /* neither said there nor by the width */
        return status;
    status = settings_of(&v, &w->settings, e);
    w->has_settings = w->of_config_json = !status;
    return status;
}

/* config.json of a Hugging Face model beside the file. */
static int look_beside(struct weights *w, struct fmt_error *e)
{
    struct weights_hf h;
    struct fmt_error why = {0};
    char differs[WEIGHTS_HF_TEXT_MAX];
    if (!w->hugging_face || strcmp(w->file.path, "-") == 0)
        return 0;
    int status = weights_hf_read(&h, w->file.path, &why);
    if (!w->has_settings) {
        if (!status)
            status = use_hf(w, &h, &why);
        if (status)
            fmt_fail(e, why.status, "%s", why.text);
    } else if (!status) { /* else it is not asked what it says */
        struct vit_config holds = model_vit(&w->settings);
        if (*weights_hf_differs(&h, &holds, differs))
            weights_warn(w, "%.180s says %s", h.path, differs);
    }
    status = w->has_settings ? 0 : status;
    free(h.path);
    return status;
}

/* The settings that hold: the file's own, or those beside it; the hint's before them. */
static int read_settings(struct weights *w, const struct weights_hint *hint, struct fmt_error *e)
{
    const char *text = named_tensor_meta_find(&w->file.set, CONFIG_META_KEY);
    w->has_settings = text || hint->model || hint->config;
    int status = text ? config_parse(&w->settings, text, strlen(text), "settings", e) : 0;
    if (!status && hint->model)
        status = published_model(hint->model, &w->settings, e);
    else if (!status && hint->config) {
        config_release(&w->settings);
        status = config_copy(&w->settings, hint->config, e);
    }
    return status ? status : look_beside(w, e);
}

/* ------------------------------------------------------------------ the network */
static int check_positions(const struct weights *w, struct fmt_error *e)
{
    const struct weights_tensor *t = weights_find(w, "backbone.pos_embed");
    char dims[NAMED_TENSOR_DIMS_TEXT_MAX];
    if (!t || t->from[0]->unusable) /* told with all that is missing */
        return 0;
    if (t->n_dims == 3 && weights_square_side(t->dims[1] - 1) > 0)
        return 0;
    named_tensor_dims_text(t->dims, t->n_dims, dims);
    if (t->n_dims != 3)
        return fmt_fail(e, FMT_MISMATCH, "%.150s is %s, and no [1,1+M*M,width]: no positions of a square grid",
                        t->from[0]->name, dims);
    return fmt_fail(e, FMT_MISMATCH, "%.150s is %s: %lld positions, or %lld without that of the class token, make no "
                    "square grid", t->from[0]->name, dims, (long long)t->dims[1], (long long)t->dims[1] - 1);
}

int weights_deduce(struct weights *w, const struct weights_hint *hint, struct fmt_error *e)
{
    int status = check_positions(w, e);
    if (!status)
        status = read_settings(w, hint, e);
    if (status)
        return status;
    w->vit = w->has_settings ? model_vit(&w->settings) : deduce(w);
    int64_t side = weights_square_side(dimension(w, "backbone.pos_embed", 1, 1) - 1);
    if (side > 0)
        w->vit.grid = side;
    w->pixel_norm = config_pixel_norm(&w->settings);
    w->has_head = look_at_head(w, weight_names_module[WEIGHT_NAMES_DINO_HEAD], &w->head);
    w->has_ibot_head = look_at_head(w, weight_names_module[WEIGHT_NAMES_IBOT_HEAD], &w->ibot_head);
    return 0;
}
