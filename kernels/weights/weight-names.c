/* weight-names.c - see weight-names.h. */
#include "weight-names.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "head.h"
#include "vit.h"

const char *const weight_names_module[WEIGHT_NAMES_MODULES] = {VIT_MODULE, HEAD_DINO, HEAD_IBOT};
const char *const weight_names_backbone_prefix[WEIGHT_NAMES_BACKBONE_PREFIXES] = {"backbone.", "dinov2.",
                                                                                 "dinov2_with_registers."};

/* Behind a prefix, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

bool weight_names_clean(const char *name, char *out, size_t room)
{
    static const char *const wrappers[] = {"module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_orig_mod"};
    size_t at = 0;
    if (room == 0)
        return false;
    while (*name) {
        size_t n = strcspn(name, ".");
        bool drop = false;
        for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers && name[n] == '.'; i++)
            drop = drop || (strlen(wrappers[i]) == n && strncmp(wrappers[i], name, n) == 0);
        size_t take = n + (name[n] == '.');
        if (!drop) {
            if (take >= room - at)
                return false;
            memcpy(out + at, name, take);
            at += take;
        }
        name += take;
    }
    out[at] = 0;
    return true;
}

static bool is_extra(const char *name)
{
    static const char *const extras[] = {"head.", "classifier.", "linear_head.", "dino_loss.", "ibot_patch_loss."};
    for (size_t i = 0; i < sizeof extras / sizeof *extras; i++)
        if (behind(name, extras[i]))
            return true;
    return false;
}

/* "weight" of "encoder.layer.3.<theirs>.weight" and the like. */
struct renaming {
    const char *theirs, *ours;
    int part, n_parts;
};

static const struct renaming hugging_face[] = {
    {"attention.attention.query.", "attn.qkv.", 0, 3}, {"attention.attention.key.", "attn.qkv.", 1, 3},
    {"attention.attention.value.", "attn.qkv.", 2, 3}, {"attention.output.dense.", "attn.proj.", 0, 1},
    {"attention.q_proj.", "attn.qkv.", 0, 3},          {"attention.k_proj.", "attn.qkv.", 1, 3},
    {"attention.v_proj.", "attn.qkv.", 2, 3},          {"attention.o_proj.", "attn.proj.", 0, 1},
    {"layer_scale1.lambda1", "ls1.gamma", 0, 1},       {"layer_scale2.lambda1", "ls2.gamma", 0, 1},
    {"mlp.weights_in.", "mlp.w12.", 0, 1},             {"mlp.weights_out.", "mlp.w3.", 0, 1},
    {"mlp.gate_proj.", "mlp.w12.", 0, 2},              {"mlp.up_proj.", "mlp.w12.", 1, 2},
    {"mlp.down_proj.", "mlp.w3.", 0, 1},
};

static const struct renaming roots[] = {
    {"embeddings.position_embeddings", "pos_embed", 0, 1},
    {"embeddings.patch_embeddings.projection.", "patch_embed.proj.", 0, 1},
    {"embeddings.", "", 0, 1}, /* cls_token, mask_token, register_tokens */
    {"layernorm.", "norm.", 0, 1},
    {"reg_token", "register_tokens", 0, 1},
};

/* A number and the dot behind it: where the text goes on, or NULL. */
static const char *behind_number(const char *text)
{
    const char *p = text;
    while (isdigit((unsigned char)*p))
        p++;
    return p > text && *p == '.' ? p + 1 : NULL;
}

const char *weight_names_after_block(const char *name)
{
    const char *rest = behind(name, "blocks.");
    if (!rest)
        rest = behind(name, "encoder.layer.");
    return rest ? behind_number(rest) : NULL;
}

/* A name inside the backbone. */
static bool publish_backbone(const char *name, struct weight_names_target *out)
{
    const struct renaming *r = NULL;
    const char *rest = name, *layer = behind(name, "encoder.layer."), *block = behind(name, "blocks.");
    char before[32] = "";
    if (layer && behind_number(layer)) {
        rest = behind_number(layer);
        snprintf(before, sizeof before, "blocks.%.*s", (int)(rest - layer < 12 ? rest - layer : 12), layer);
        for (size_t i = 0; i < sizeof hugging_face / sizeof *hugging_face && !r; i++)
            r = behind(rest, hugging_face[i].theirs) ? &hugging_face[i] : NULL;
    } else if (block && behind_number(block) && behind_number(behind_number(block))) {
        rest = behind_number(block); /* the chunk goes, the block stays */
        snprintf(before, sizeof before, "blocks.");
    } else if (!block) {
        for (size_t i = 0; i < sizeof roots / sizeof *roots && !r; i++)
            r = behind(name, roots[i].theirs) ? &roots[i] : NULL;
    }
    out->hugging_face = layer && *before;
    out->part = r ? r->part : 0;
    out->n_parts = r ? r->n_parts : 1;
    int n = snprintf(out->name, sizeof out->name, "backbone.%s%s%s", before, r ? r->ours : "",
                     r ? behind(rest, r->theirs) : rest);
    return n < (int)sizeof out->name;
}

/* A name inside a head, with its module. */
static bool publish_head(const char *name, struct weight_names_target *out)
{
    static const char *const normed[][2] = {{".parametrizations.weight.original0", ".weight_g"},
                                            {".parametrizations.weight.original1", ".weight_v"}};
    size_t n = strlen(name);
    const char *tail = "";
    for (size_t i = 0; i < 2 && !*tail; i++) {
        size_t k = strlen(normed[i][0]);
        if (n <= k || strcmp(name + n - k, normed[i][0]) != 0)
            continue;
        n -= k;
        tail = normed[i][1];
    }
    out->hugging_face = false;
    out->part = 0;
    out->n_parts = 1;
    return n < sizeof out->name && snprintf(out->name, sizeof out->name, "%.*s%s", (int)n, name, tail) <
                                       (int)sizeof out->name;
}

enum weight_names_kind weight_names_publish(const char *name, struct weight_names_target *out)
{
    for (int m = WEIGHT_NAMES_DINO_HEAD; m < WEIGHT_NAMES_MODULES; m++) {
        const char *rest = behind(name, weight_names_module[m]);
        if (rest && *rest == '.')
            return publish_head(name, out) ? WEIGHT_NAMES_PARAMETER : WEIGHT_NAMES_TOO_LONG;
    }
    for (size_t i = 0; i < WEIGHT_NAMES_BACKBONE_PREFIXES; i++) {
        const char *rest = behind(name, weight_names_backbone_prefix[i]);
        if (rest)
            return publish_backbone(rest, out) ? WEIGHT_NAMES_PARAMETER : WEIGHT_NAMES_TOO_LONG;
    }
    if (is_extra(name))
        return WEIGHT_NAMES_UNUSED;
    return publish_backbone(name, out) ? WEIGHT_NAMES_PARAMETER : WEIGHT_NAMES_TOO_LONG;
}
