/* import.c - opening weights: which of the file's tensors are meant, their published names, the network they make.
 *
 * Every name is cleaned of wrappers; then the words that may stand before a network ("teacher.", "model.", ...) are
 * peeled off one at a time, and what does not stand under the word that was taken is left out. What remains is renamed
 * and sorted, so that parts of one tensor lie together. */
#include "nn/import.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/model.h"
#include "nn/names.h"

/* A tensor on its way to a name. */
struct candidate {
    const struct named *from;
    char *text, *rest; /* the cleaned name; what is left of it */
    bool out;          /* not under the word that was taken */
    struct names_target target;
};

struct candidates {
    struct candidate *item;
    int64_t n;
};

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* ------------------------------------------------------------------ which tensors */
static void release_candidates(struct candidates *c)
{
    for (int64_t i = 0; i < c->n; i++)
        free(c->item[i].text);
    free(c->item);
}

static int collect_candidates(const struct named_set *set, struct candidates *c, struct fmt_error *e)
{
    c->item = calloc((size_t)set->n + 1, sizeof *c->item);
    c->n = 0;
    if (!c->item)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < set->n; i++) {
        struct candidate *k = &c->item[c->n++];
        size_t room = strlen(set->item[i].name) + 1;
        k->from = &set->item[i];
        k->text = malloc(room);
        if (!k->text)
            return fmt_no_memory(e);
        (void)names_clean(set->item[i].name, k->text, room); /* never longer than the name */
        k->rest = k->text;
    }
    return 0;
}

/* Keeps what stands under the word, without it; false if nothing does. */
static bool take_under(struct candidates *c, const char *word)
{
    bool any = false;
    for (int64_t i = 0; i < c->n; i++)
        any = any || (!c->item[i].out && has_prefix(c->item[i].rest, word));
    for (int64_t i = 0; i < c->n && any; i++) {
        struct candidate *k = &c->item[i];
        if (!has_prefix(k->rest, word))
            k->out = true;
        else
            k->rest += strlen(word);
    }
    return any;
}

static int choose_network(struct candidates *c, struct weights *w, struct fmt_error *e)
{
    enum { WORDS = 4, ROUNDS = 4 };
    static const char *const words[2][WORDS] = {{"teacher.", "model.", "state_dict.", "student."},
                                                {"student.", "model.", "state_dict.", "teacher."}};
    w->one_network = true;
    for (int round = 0; round < ROUNDS; round++) {
        int i = 0;
        while (i < WORDS && !take_under(c, words[w->net][i]))
            i++;
        if (i == WORDS)
            break;
        if (w->net == WEIGHTS_STUDENT && i == WORDS - 1)
            return fmt_fail(e, FMT_MISMATCH, "holds a teacher and no student");
        w->one_network = i != 0;
        if (i == 0 || i == WORDS - 1)
            break; /* a network's own word is the last one */
    }
    return 0;
}

/* ------------------------------------------------------------------ names */
static int by_target(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->out != y->out)
        return x->out ? 1 : -1;
    int order = strcmp(x->target.name, y->target.name);
    return order ? order : x->target.part - y->target.part;
}

static int leave_out(struct weights *w, const struct candidate *k, struct fmt_error *e)
{
    const char **grown = realloc(w->left_out, (size_t)(w->n_left_out + 1) * sizeof *grown);
    if (!grown)
        return fmt_no_memory(e);
    w->left_out = grown;
    grown[w->n_left_out++] = k->from->name;
    return 0;
}

static int rename_all(struct weights *w, struct candidates *c, struct fmt_error *e)
{
    for (int64_t i = 0; i < c->n; i++) {
        struct candidate *k = &c->item[i];
        enum names_kind kind = k->out ? NAMES_EXTRA : names_publish(k->rest, &k->target);
        if (kind == NAMES_TOO_LONG && !k->from->unusable)
            return fmt_fail(e, FMT_MISMATCH, "%.200s belongs nowhere in such a network", k->from->name);
        k->out = kind != NAMES_PARAMETER;
        if (k->out && leave_out(w, k, e))
            return (int)e->status;
    }
    if (c->n > 1)
        qsort(c->item, (size_t)c->n, sizeof *c->item, by_target);
    return 0;
}

/* Shape of the parts of one tensor together: n_dims -1 where they do not fit. */
static void stack_shape(struct weights_tensor *t, int n_parts)
{
    const struct named *first = t->from[0];
    t->n_dims = first->n_dims;
    memcpy(t->dims, first->dims, sizeof t->dims);
    for (int i = 1; i < t->n_from; i++) {
        const struct named *part = t->from[i];
        bool fits = part->n_dims == first->n_dims && part->n_dims > 0;
        for (int d = 1; d < first->n_dims && fits; d++)
            fits = part->dims[d] == first->dims[d];
        if (!fits || t->n_dims < 0 || __builtin_add_overflow(t->dims[0], part->dims[0], &t->dims[0]))
            t->n_dims = -1;
    }
    if (t->n_from != n_parts)
        t->n_dims = -1;
}

static int group(struct weights *w, const struct candidates *c, struct fmt_error *e)
{
    w->tensor = calloc((size_t)c->n + 1, sizeof *w->tensor);
    if (!w->tensor)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < c->n && !c->item[i].out;) {
        struct weights_tensor *t = &w->tensor[w->n_tensors++];
        const struct names_target *target = &c->item[i].target;
        memcpy(t->name, target->name, sizeof t->name);
        int n_parts = target->n_parts, last_part = -1;
        for (; i < c->n && !c->item[i].out && strcmp(c->item[i].target.name, t->name) == 0; i++) {
            if (c->item[i].target.part == last_part || c->item[i].target.n_parts != n_parts)
                return fmt_fail(e, FMT_INVALID, "%.150s: two tensors for %.100s", c->item[i].from->name, t->name);
            last_part = c->item[i].target.part;
            t->from[t->n_from++] = c->item[i].from;
        }
        stack_shape(t, n_parts);
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct weights_tensor *)a)->name, ((const struct weights_tensor *)b)->name);
}

const struct weights_tensor *weights_find(const struct weights *w, const char *name)
{
    struct weights_tensor key;
    snprintf(key.name, sizeof key.name, "%s", name);
    return w->n_tensors ? bsearch(&key, w->tensor, (size_t)w->n_tensors, sizeof key, by_name) : NULL;
}

/* The side of a square of n, or -1. */
static int64_t square_root(int64_t n)
{
    int64_t side = (int64_t)llround(sqrt((double)n));
    return n > 0 && side * side == n ? side : -1;
}

/* What timm names or keeps otherwise, and only shapes tell: the gated feed-forward; positions without class token. */
static void settle_timm(struct weights *w)
{
    struct weights_tensor *pos = (struct weights_tensor *)(uintptr_t)weights_find(w, "backbone.pos_embed");
    if (pos && pos->n_dims == 3 && square_root(pos->dims[1]) > 0 && square_root(pos->dims[1] - 1) < 0) {
        pos->zero_row = true;
        pos->dims[1]++;
    }
    const struct weights_tensor *fc1 = weights_find(w, "backbone.blocks.0.mlp.fc1.weight");
    const struct weights_tensor *fc2 = weights_find(w, "backbone.blocks.0.mlp.fc2.weight");
    if (!fc1 || !fc2 || fc1->n_dims != 2 || fc2->n_dims != 2 || fc1->dims[0] != 2 * fc2->dims[1])
        return;
    for (int64_t i = 0; i < w->n_tensors; i++) {
        char *at = strstr(w->tensor[i].name, ".mlp.fc");
        if (!at || (at[7] != '1' && at[7] != '2') || at[8] != '.')
            continue;
        char rest[PARAMS_NAME_MAX], made[2 * PARAMS_NAME_MAX];
        snprintf(rest, sizeof rest, "%s", at + 9);
        snprintf(made, sizeof made, "%.*s.mlp.%s.%s", (int)(at - w->tensor[i].name), w->tensor[i].name,
                 at[7] == '1' ? "w12" : "w3", rest);
        if (strlen(made) < PARAMS_NAME_MAX)
            memcpy(w->tensor[i].name, made, strlen(made) + 1);
    }
    qsort(w->tensor, (size_t)w->n_tensors, sizeof *w->tensor, by_name);
}

/* ------------------------------------------------------------------ the network */
/* Dimension d of a tensor, or otherwise where there is no such tensor or it has no such dimension. */
static int64_t dimension(const struct weights *w, const char *name, int d, int64_t otherwise)
{
    const struct weights_tensor *t = weights_find(w, name);
    return t && d < t->n_dims ? t->dims[d] : otherwise;
}

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
        if (*end != '.' || block < 0 || block >= VIT_DEPTH_MAX)
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
    v.C = dimension(w, "backbone.norm.weight", 0, dimension(w, "backbone.cls_token", 2, 0));
    v.hidden = s.swiglu ? dimension(w, "backbone.blocks.0.mlp.w12.weight", 0, 0) / 2
                        : dimension(w, "backbone.blocks.0.mlp.fc1.weight", 0, 0);
    if (v.hidden == 0)
        v.hidden = vit_hidden(v.C, 4, v.ffn);
    v.n_heads = v.C % PUBLISHED_HEAD_WIDTH == 0 ? v.C / PUBLISHED_HEAD_WIDTH : 0;
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

/* The settings that hold: the file's own; the hint's before them. */
static int read_settings(struct weights *w, const struct weights_hint *hint, struct fmt_error *e)
{
    const char *text = named_meta_find(&w->file.set, CONFIG_META_KEY);
    w->has_settings = text || hint->model || hint->config;
    int status = text ? config_parse(&w->settings, text, strlen(text), "settings", e) : 0;
    if (!status && hint->model)
        return published_model(hint->model, &w->settings, e);
    if (!status && hint->config) {
        config_release(&w->settings);
        status = config_copy(&w->settings, hint->config, e);
    }
    return status;
}

static int describe_network(struct weights *w, const struct weights_hint *hint, struct fmt_error *e)
{
    int status = read_settings(w, hint, e);
    if (status)
        return status;
    w->vit = w->has_settings ? model_vit(&w->settings) : deduce(w);
    int64_t side = square_root(dimension(w, "backbone.pos_embed", 1, 1) - 1);
    if (side > 0)
        w->vit.M = side;
    else if (!w->has_settings)
        w->vit.M = PUBLISHED_GRID;
    for (int i = 0; i < 3; i++) {
        w->mean[i] = (float)w->settings.augment.mean[i];
        w->std[i] = (float)w->settings.augment.std[i];
    }
    w->has_head = look_at_head(w, params_module_name[PARAMS_DINO_HEAD], &w->head);
    w->has_ibot_head = look_at_head(w, params_module_name[PARAMS_IBOT_HEAD], &w->ibot_head);
    return 0;
}

struct vit_config weights_shape(const struct weights *w)
{
    struct vit_config v = w->vit;
    if (!w->has_settings && v.n_heads == 0)
        v.n_heads = 1;
    return v;
}

static int check_network(const struct weights *w, const struct weights_hint *hint, struct fmt_error *e)
{
    struct vit_config shape = weights_shape(w);
    bool any = false;
    for (int64_t i = 0; i < w->n_tensors && !any; i++)
        any = has_prefix(w->tensor[i].name, "backbone.blocks.");
    if (!any)
        return fmt_fail(e, FMT_MISMATCH, "no weights of a vision transformer (%lld tensors%s%.60s)",
                        (long long)w->file.set.n, w->file.set.n ? ", the first is " : "",
                        w->file.set.n ? w->file.set.item[0].name : "");
    if (!w->has_settings && w->vit.n_heads == 0 && !hint->tensors_only)
        return fmt_fail(e, FMT_MISMATCH, "the number of heads cannot be deduced from a width of %lld; name the model "
                        "or its settings", (long long)w->vit.C);
    return vit_check(&shape, e);
}

int weights_open(struct weights *w, const char *path, const struct weights_hint *hint, struct fmt_error *e)
{
    struct fmt_error why = {0};
    struct candidates c = {0};
    *w = (struct weights){.net = hint->net};
    config_init(&w->settings);
    int status = tensorfile_open(&w->file, path, e);
    if (status) {
        config_release(&w->settings);
        return status;
    }
    w->path = strdup(path);
    if (!w->path)
        status = fmt_no_memory(&why);
    if (!status)
        status = collect_candidates(&w->file.set, &c, &why);
    if (!status)
        status = choose_network(&c, w, &why);
    if (!status)
        status = rename_all(w, &c, &why);
    if (!status)
        status = group(w, &c, &why);
    release_candidates(&c);
    if (!status) {
        settle_timm(w);
        status = describe_network(w, hint, &why);
    }
    if (!status)
        status = check_network(w, hint, &why);
    if (!status)
        return 0;
    weights_close(w);
    fmt_prefix(&why, path);
    return fmt_fail(e, why.status, "%s", why.text);
}

void weights_close(struct weights *w)
{
    for (int64_t i = 0; i < w->n_problems; i++)
        free(w->problem[i]);
    free(w->problem);
    free(w->left_out);
    free(w->path);
    free(w->tensor);
    config_release(&w->settings);
    tensorfile_close(&w->file);
    *w = (struct weights){0};
}

const char *weights_text(const struct vit_config *v, char out[WEIGHTS_TEXT])
{
    char registers[32] = "no registers", resampling[64], ffn[48] = "no FFN", heads[32] = "unknown heads";
    if (v->n_heads > 0)
        snprintf(heads, sizeof heads, "%lld heads", (long long)v->n_heads);
    if (v->ffn != VIT_IDENTITY)
        snprintf(ffn, sizeof ffn, "%s of %lld", v->ffn == VIT_SWIGLU ? "SwiGLU" : "MLP", (long long)v->hidden);
    if (v->R > 0)
        snprintf(registers, sizeof registers, "%lld registers", (long long)v->R);
    if (v->offset != 0)
        snprintf(resampling, sizeof resampling, "offset %g%s", v->offset, v->antialias ? ", antialiased" : "");
    else
        snprintf(resampling, sizeof resampling, "%s", v->antialias ? "antialiased" : "plain");
    snprintf(out, WEIGHTS_TEXT,
             "width %lld, %lld blocks, %s, %s, patch %lld, %s, positions %lld x %lld (resampled: %s)",
             (long long)v->C, (long long)v->depth, heads, ffn,
             (long long)v->patch, registers, (long long)v->M, (long long)v->M, resampling);
    return out;
}
