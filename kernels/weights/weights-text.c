/* weights-text.c - texts that describe a file's network, its unused tensors, and warnings. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "weights-internal.h"

/* Whether the list, separated by ", ", contains the word of n bytes. */
static bool is_listed(const char *list, const char *word, size_t n)
{
    for (const char *at = list; *at; at += strcspn(at, ","), at += 2 * (*at != 0))
        if (strcspn(at, ",") == n && strncmp(at, word, n) == 0)
            return true;
    return false;
}

const char *weights_unused_text(const struct weights *w, char out[WEIGHTS_UNUSED_TEXT_MAX])
{
    enum { AROUND_MAX = 60, DOTS = 8 }; /* bytes of the text around the list; of ", ..." and more */
    char list[WEIGHTS_UNUSED_TEXT_MAX - AROUND_MAX] = "", unwrapped[2 * PARAMS_NAME_MAX];
    out[0] = 0;
    for (int64_t i = 0; i < w->n_unused; i++) {
        size_t at = strlen(list);
        const char *name = w->unused[i];
        const char *word = weight_names_unwrap(name, unwrapped, sizeof unwrapped) ? unwrapped : name;
        size_t n = strcspn(word, ".");
        if (is_listed(list, word, n))
            continue;
        if (at + n + DOTS > sizeof list) {
            snprintf(list + at, sizeof list - at, ", ...");
            break;
        }
        snprintf(list + at, sizeof list - at, "%s%.*s", at ? ", " : "", (int)n, word);
    }
    if (w->n_unused)
        snprintf(out, WEIGHTS_UNUSED_TEXT_MAX, "; %s left out: %s", FMT_COUNT(w->n_unused, "tensor", "tensors"), list);
    return out;
}

const char *weights_deduced_text(const struct weights *w)
{
    if (w->from_config_json)
        return "; heads as config.json says, resampling deduced";
    if (w->has_settings)
        return "";
    return w->vit.n_heads > 0 ? "; heads and resampling deduced" : "; resampling deduced";
}

const char *weights_network_text(const struct vit_config *v, char out[WEIGHTS_NETWORK_TEXT_MAX])
{
    char resampling[64], ffn[48] = "no FFN", eps[40] = "";
    long long grid = v->grid;
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
             v->R > 0 ? FMT_COUNT(v->R, "register", "registers") : "no registers", grid, grid, resampling, eps);
    return out;
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
