/* weights-hf-config.c - Hugging Face's config.json: the values of a Dinov2Model, or of the backbone of another model.
 * */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "json-scan.h"
#include "weights-internal.h"

enum { JSON_BYTES_MAX = 1 << 20 };

/* "folder/config.json" of "folder/model.safetensors"; NULL: no memory. */
static char *path_beside(const char *path)
{
    char *folder = file_directory(path);
    char *made = folder ? file_join(folder, "config.json") : NULL;
    free(folder);
    return made;
}

/* The object that describes the backbone; NULL: there is none, or it is of another kind of model. */
static const cJSON *find_backbone(const cJSON *root)
{
    const cJSON *inner = json_member(root, "backbone_config");
    const cJSON *c = cJSON_IsObject(inner) ? inner : root;
    const char *type = cJSON_GetStringValue(json_member(c, "model_type"));
    return type && (strcmp(type, "dinov2") == 0 || strcmp(type, "dinov2_with_registers") == 0) ? c : NULL;
}

/* Reads a non-negative integer; *out is unchanged if there is none. */
static int read_count(const cJSON *c, const char *key, int64_t *out, struct fmt_error *e)
{
    enum { COUNT_MAX = 1 << 30 };
    const cJSON *item = json_member(c, key);
    if (!item || cJSON_IsNull(item))
        return 0;
    double v = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(v >= 0 && v <= COUNT_MAX) || v != (double)(int64_t)v)
        return fmt_fail(e, FMT_INVALID, "%s is not a non-negative integer", key);
    *out = (int64_t)v;
    return 0;
}

static int read_eps(const cJSON *c, double *eps, struct fmt_error *e)
{
    const cJSON *item = json_member(c, "layer_norm_eps");
    if (item && (!cJSON_IsNumber(item) || !(item->valuedouble > 0 && item->valuedouble < 1)))
        return fmt_fail(e, FMT_INVALID, "layer_norm_eps is not between 0 and 1");
    if (item)
        *eps = item->valuedouble;
    return 0;
}

static int read_fields(struct weights_hf *h, const cJSON *c, struct fmt_error *e)
{
    const struct {
        const char *key;
        int64_t *to;
    } counts[] = {{"hidden_size", &h->width}, {"num_hidden_layers", &h->depth}, {"num_attention_heads", &h->heads},
                  {"patch_size", &h->patch}, {"num_register_tokens", &h->registers}};
    int status = read_eps(c, &h->eps, e);
    for (size_t i = 0; i < sizeof counts / sizeof *counts && !status; i++)
        status = read_count(c, counts[i].key, counts[i].to, e);
    const cJSON *swiglu = json_member(c, "use_swiglu_ffn");
    if (cJSON_IsBool(swiglu))
        h->swiglu = cJSON_IsTrue(swiglu);
    const char *act = cJSON_GetStringValue(json_member(c, "hidden_act"));
    if (!status && act && h->swiglu != 1 && strcmp(act, "gelu") != 0)
        return fmt_fail(e, FMT_UNSUPPORTED, "hidden_act is %.60s: only gelu is supported", act);
    if (!status && h->heads == 0)
        return fmt_fail(e, FMT_INVALID, "num_attention_heads is 0");
    return status;
}

int weights_hf_read(struct weights_hf *h, const char *path_of_weights, struct fmt_error *e)
{
    *h = (struct weights_hf){.width = -1, .depth = -1, .heads = -1, .patch = -1, .registers = -1, .swiglu = -1};
    h->path = path_beside(path_of_weights);
    if (!h->path)
        return fmt_no_memory(e);
    if (!file_exists(h->path)) {
        free(h->path);
        h->path = NULL;
        return 0;
    }
    struct fmt_error why = {0};
    uint8_t *text;
    size_t n;
    if (file_load_regular(h->path, JSON_BYTES_MAX, &text, &n, e))
        return (int)e->status;
    cJSON *root = cJSON_ParseWithLength((const char *)text, n);
    const cJSON *backbone = find_backbone(root);
    int status = 0;
    if (!cJSON_IsObject(root))
        status = fmt_fail(&why, FMT_INVALID, "no JSON object");
    else if (backbone)
        status = read_fields(h, backbone, &why);
    h->found = backbone && !status;
    cJSON_Delete(root);
    free(text);
    fmt_prefix(&why, "the accompanying config.json");
    return status ? fmt_fail(e, why.status, "%s", why.text) : 0;
}

int weights_hf_check(const struct weights_hf *h, const struct vit_config *t, struct fmt_error *e)
{
    const struct {
        const char *key;
        int64_t says, have;
    } both[] = {{"hidden_size", h->width, t->C}, {"num_hidden_layers", h->depth, t->depth},
                {"patch_size", h->patch, t->patch}, {"num_register_tokens", h->registers, t->R}};
    for (size_t i = 0; i < sizeof both / sizeof *both; i++)
        if (both[i].says >= 0 && both[i].says != both[i].have)
            return fmt_fail(e, FMT_MISMATCH, "the accompanying config.json says %s %lld, the tensors have %lld",
                            both[i].key, (long long)both[i].says, (long long)both[i].have);
    if (h->heads > 0 && t->C % h->heads)
        return fmt_fail(e, FMT_MISMATCH, "the accompanying config.json says num_attention_heads %lld, which do not "
                        "divide the width %lld", (long long)h->heads, (long long)t->C);
    if (h->swiglu >= 0 && h->swiglu != (t->ffn == VIT_SWIGLU))
        return fmt_fail(e, FMT_MISMATCH, "the accompanying config.json says use_swiglu_ffn %s, the tensors have %s",
                        h->swiglu ? "true" : "false", t->ffn == VIT_SWIGLU ? "SwiGLU" : "an MLP");
    return 0;
}

const char *weights_hf_differs(const struct weights_hf *h, const struct vit_config *in_force,
                               char out[WEIGHTS_HF_TEXT_MAX])
{
    size_t at = 0;
    out[0] = 0;
    if (h->found && h->heads >= 0 && h->heads != in_force->n_heads)
        at = (size_t)snprintf(out, WEIGHTS_HF_TEXT_MAX, "num_attention_heads %lld, here %lld", (long long)h->heads,
                              (long long)in_force->n_heads);
    if (h->found && h->eps > 0 && h->eps != in_force->eps)
        snprintf(out + at, WEIGHTS_HF_TEXT_MAX - at, "%slayer_norm_eps %g, here %g", at ? "; " : "", h->eps,
                 in_force->eps);
    return out;
}
