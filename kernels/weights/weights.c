/* weights.c - opening weights, in steps: the file (tensorfile.h), its names (weights-assign.c), its network
 * (weights-deduce.c); and texts about them. */
#include "weights.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights-internal.h"
#include "weight-names.h"

struct vit_config weights_vit_config(const struct weights *w)
{
    struct vit_config v = w->vit;
    if (!w->has_settings && v.n_heads == 0)
        v.n_heads = 1;
    return v;
}

static int check_network(const struct weights *w, const struct weights_hint *hint, struct fmt_error *e)
{
    struct vit_config shape = weights_vit_config(w);
    if (!w->has_settings && w->vit.C == 0)
        return fmt_fail(e, FMT_MISMATCH, "none of norm.weight, cls_token and patch_embed.proj.weight is there to tell "
                        "the width");
    if (!w->has_settings && w->vit.n_heads == 0 && !hint->tensors_only)
        return fmt_fail(e, FMT_MISMATCH, "the number of heads cannot be deduced from a width of %lld; name the model "
                        "or its settings", (long long)w->vit.C);
    return vit_check(&shape, e);
}

int weights_open(struct weights *w, const char *path, const struct weights_hint *hint, struct fmt_error *e)
{
    struct fmt_error why = {0};
    *w = (struct weights){.net = hint->net};
    config_init(&w->settings);
    int status = tensorfile_open(&w->file, path, e);
    if (status) {
        config_release(&w->settings);
        return status;
    }
    w->path = strdup(w->file.path);
    if (!w->path)
        status = fmt_no_memory(&why);
    if (!status)
        status = weights_assign(w, &why);
    if (!status)
        status = weights_deduce(w, hint, &why);
    if (!status)
        status = check_network(w, hint, &why);
    if (!status)
        return 0;
    fmt_prefix(&why, w->path ? w->path : path);
    weights_close(w);
    return fmt_fail(e, why.status, "%s", why.text);
}

void weights_warn(struct weights *w, const char *format, ...)
{
    va_list ap;
    size_t at = strlen(w->warning);
    if (at)
        at += (size_t)snprintf(w->warning + at, sizeof w->warning - at, "; ");
    if (at >= sizeof w->warning)
        return;
    va_start(ap, format);
    vsnprintf(w->warning + at, sizeof w->warning - at, format, ap);
    va_end(ap);
}

/* Has the list, ", " between its words, the word of n bytes? */
static bool is_listed(const char *list, const char *word, size_t n)
{
    for (const char *at = list; *at; at += strcspn(at, ","), at += 2 * (*at != 0))
        if (strcspn(at, ",") == n && strncmp(at, word, n) == 0)
            return true;
    return false;
}

const char *weights_unused_text(const struct weights *w, char out[WEIGHTS_UNUSED_TEXT_MAX])
{
    char list[WEIGHTS_UNUSED_TEXT_MAX - 60] = "", clean[2 * PARAMS_NAME_MAX];
    out[0] = 0;
    for (int64_t i = 0; i < w->n_left_out; i++) {
        size_t at = strlen(list);
        const char *word = weight_names_clean(w->left_out[i], clean, sizeof clean) ? clean : w->left_out[i];
        size_t n = strcspn(word, ".");
        if (is_listed(list, word, n))
            continue;
        if (at + n + 8 > sizeof list) {
            snprintf(list + at, sizeof list - at, ", ...");
            break;
        }
        snprintf(list + at, sizeof list - at, "%s%.*s", at ? ", " : "", (int)n, word);
    }
    if (w->n_left_out)
        snprintf(out, WEIGHTS_UNUSED_TEXT_MAX, "; %s left out: %s", FMT_COUNT(w->n_left_out, "tensor", "tensors"),
                 list);
    return out;
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

const char *weights_deduced_text(const struct weights *w)
{
    if (w->of_config_json)
        return "; heads as config.json says, resampling deduced";
    if (w->has_settings)
        return "";
    return w->vit.n_heads > 0 ? "; heads and resampling deduced" : "; resampling deduced";
}

const char *weights_network_text(const struct vit_config *v, char out[WEIGHTS_NETWORK_TEXT_MAX])
{
    char resampling[64], ffn[48] = "no FFN", eps[40] = "";
    if (v->ffn != VIT_IDENTITY)
        snprintf(ffn, sizeof ffn, "%s of %lld", v->ffn == VIT_SWIGLU ? "SwiGLU" : "MLP", (long long)v->hidden);
    if (v->eps != 0 && v->eps != VIT_EPS)
        snprintf(eps, sizeof eps, ", epsilon %g", v->eps);
    if (v->offset != 0)
        snprintf(resampling, sizeof resampling, "offset %g%s", v->offset, v->antialias ? ", antialiased" : "");
    else
        snprintf(resampling, sizeof resampling, "%s", v->antialias ? "antialiased" : "plain");
    snprintf(out, WEIGHTS_NETWORK_TEXT_MAX,
             "width %lld, %s, %s, %s, patch %lld, %s, positions %lld x %lld (resampled: %s)%s", (long long)v->C,
             FMT_COUNT(v->depth, "block", "blocks"),
             v->n_heads > 0 ? FMT_COUNT(v->n_heads, "head", "heads") : "unknown heads", ffn, (long long)v->patch,
             v->R > 0 ? FMT_COUNT(v->R, "register", "registers") : "no registers", (long long)v->grid, (long long)v->grid,
             resampling, eps);
    return out;
}
