/* weight-names.c - see weight-names.h. Each scheme is a table that renames prefixes. */
#include "weight-names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "head.h"
#include "text.h"
#include "vit.h"

const char *const weight_names_module[WEIGHT_NAMES_MODULES] = {VIT_MODULE, HEAD_DINO, HEAD_IBOT};
const char *const weight_names_backbone_prefix[WEIGHT_NAMES_BACKBONE_PREFIXES] = {"backbone.", "dinov2.",
                                                                                 "dinov2_with_registers."};

int weight_names_module_of(const char *published)
{
    for (int m = WEIGHT_NAMES_DINO_HEAD; m < WEIGHT_NAMES_MODULES; m++)
        if (text_after(published, weight_names_module[m]))
            return m;
    return WEIGHT_NAMES_BACKBONE;
}

static bool is_wrapper(const char *word, size_t n)
{
    static const char *const wrappers[] = {"module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_orig_mod"};
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
        if (strlen(wrappers[i]) == n && strncmp(wrappers[i], word, n) == 0)
            return true;
    return false;
}

bool weight_names_unwrap(const char *name, char *out, size_t capacity)
{
    size_t at = 0;
    if (capacity == 0)
        return false;
    while (*name) {
        size_t n = strcspn(name, "."), n_with_dot = n + (name[n] == '.');
        if (n_with_dot == n || !is_wrapper(name, n)) { /* the last word names the tensor */
            if (n_with_dot >= capacity - at)
                return false;
            memcpy(out + at, name, n_with_dot);
            at += n_with_dot;
        }
        name += n_with_dot;
    }
    out[at] = 0;
    return true;
}

/* Replaces <theirs> with <ours>; the text after it ("weight") is unchanged. */
struct renaming {
    const char *theirs, *ours;
    int part, n_parts;
};

static const struct renaming hugging_face[] = { /* inside a block */
    {"attention.attention.query.", "attn.qkv.", 0, 3}, {"attention.attention.key.", "attn.qkv.", 1, 3},
    {"attention.attention.value.", "attn.qkv.", 2, 3}, {"attention.output.dense.", "attn.proj.", 0, 1},
    {"attention.q_proj.", "attn.qkv.", 0, 3},          {"attention.k_proj.", "attn.qkv.", 1, 3},
    {"attention.v_proj.", "attn.qkv.", 2, 3},          {"attention.o_proj.", "attn.proj.", 0, 1},
    {"layer_scale1.lambda1", "ls1.gamma", 0, 1},       {"layer_scale2.lambda1", "ls2.gamma", 0, 1},
    {"mlp.weights_in.", "mlp.w12.", 0, 1},             {"mlp.weights_out.", "mlp.w3.", 0, 1},
    {"mlp.gate_proj.", "mlp.w12.", 0, 2},              {"mlp.up_proj.", "mlp.w12.", 1, 2},
    {"mlp.down_proj.", "mlp.w3.", 0, 1},
};

static const struct renaming outside_blocks[] = {
    {"embeddings.position_embeddings", "pos_embed", 0, 1},
    {"embeddings.patch_embeddings.projection.", "patch_embed.proj.", 0, 1},
    {"embeddings.", "", 0, 1}, /* cls_token, mask_token, register_tokens */
    {"layernorm.", "norm.", 0, 1},
    {"reg_token", "register_tokens", 0, 1},
};

static const struct renaming unchanged = {"", "", 0, 1};

#define FIND_RENAMING(table, name) find_renaming(table, sizeof(table) / sizeof *(table), name)
static const struct renaming *find_renaming(const struct renaming *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (text_after(name, table[i].theirs))
            return &table[i];
    return &unchanged;
}

/* What follows a number and a dot, or NULL. */
static const char *after_number(const char *text)
{
    const char *p = text;
    while (isdigit((unsigned char)*p))
        p++;
    return p > text && *p == '.' ? p + 1 : NULL;
}

const char *weight_names_after_block(const char *name)
{
    const char *rest = text_after(name, "blocks.");
    if (!rest)
        rest = text_after(name, "encoder.layer.");
    return rest ? after_number(rest) : NULL;
}

/* A name inside the backbone. */
static bool publish_backbone(const char *name, struct weight_names_target *out)
{
    enum { NUMBER_MAX = 12 }; /* characters of a block's number with its dot; more than any network needs */
    const struct renaming *r = &unchanged;
    const char *rest = name, *layer = text_after(name, "encoder.layer."), *block = text_after(name, "blocks.");
    char before[32] = "";
    if (layer && after_number(layer)) {
        rest = after_number(layer);
        snprintf(before, sizeof before, "blocks.%.*s", (int)(rest - layer < NUMBER_MAX ? rest - layer : NUMBER_MAX),
                 layer);
        r = FIND_RENAMING(hugging_face, rest);
    } else if (block && after_number(block) && after_number(after_number(block))) {
        rest = after_number(block); /* drops the number of the chunk, which comes before that of the block */
        snprintf(before, sizeof before, "blocks.");
    } else if (!block) {
        r = FIND_RENAMING(outside_blocks, name);
    }
    out->hugging_face = layer && *before;
    out->part = r->part;
    out->n_parts = r->n_parts;
    return snprintf(out->name, sizeof out->name, "backbone.%s%s%s", before, r->ours, text_after(rest, r->theirs)) <
           (int)sizeof out->name;
}

/* A name inside a head, with its module. */
static bool publish_head(const char *name, struct weight_names_target *out)
{
    static const char *const weight_norm[][2] = {{".parametrizations.weight.original0", ".weight_g"},
                                                 {".parametrizations.weight.original1", ".weight_v"}};
    size_t n = strlen(name);
    const char *ending = "";
    for (size_t i = 0; i < 2 && !*ending; i++)
        if (n > strlen(weight_norm[i][0]) && text_ends_with(name, weight_norm[i][0])) {
            n -= strlen(weight_norm[i][0]);
            ending = weight_norm[i][1];
        }
    out->hugging_face = false;
    out->part = 0;
    out->n_parts = 1;
    return n < sizeof out->name &&
           snprintf(out->name, sizeof out->name, "%.*s%s", (int)n, name, ending) < (int)sizeof out->name;
}

static bool is_unused(const char *name)
{
    static const char *const unused[] = {"head.", "classifier.", "linear_head.", "dino_loss.", "ibot_patch_loss."};
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++)
        if (text_after(name, unused[i]))
            return true;
    return false;
}

enum weight_names_kind weight_names_publish(const char *name, struct weight_names_target *out)
{
    for (int m = WEIGHT_NAMES_DINO_HEAD; m < WEIGHT_NAMES_MODULES; m++) {
        const char *rest = text_after(name, weight_names_module[m]);
        if (rest && *rest == '.')
            return publish_head(name, out) ? WEIGHT_NAMES_PARAMETER : WEIGHT_NAMES_TOO_LONG;
    }
    for (size_t i = 0; i < WEIGHT_NAMES_BACKBONE_PREFIXES; i++) {
        const char *rest = text_after(name, weight_names_backbone_prefix[i]);
        if (rest)
            return publish_backbone(rest, out) ? WEIGHT_NAMES_PARAMETER : WEIGHT_NAMES_TOO_LONG;
    }
    if (is_unused(name))
        return WEIGHT_NAMES_UNUSED;
    return publish_backbone(name, out) ? WEIGHT_NAMES_PARAMETER : WEIGHT_NAMES_TOO_LONG;
}
