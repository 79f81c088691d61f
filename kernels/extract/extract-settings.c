/* extract-settings.c - settings of extraction, their limits, and the size of a row. */
#include <stdlib.h>
#include <string.h>

#include "extract-internal.h"
#include "num.h"
#include "resize.h"

struct extract_settings extract_published_settings(void)
{
    return (struct extract_settings){.kind = FEAT_CLS, .resize = 256, .size = 224, .fit = EXTRACT_RESIZE};
}

int extract_parse_layers(const char *text, int64_t depth, uint64_t *layers, struct fmt_error *e)
{
    char *copy = strdup(text), *rest = copy, *word;
    int status = copy ? 0 : fmt_no_memory(e);
    bool list = strchr(text, ',') != NULL;
    *layers = 0;
    while (!status && (word = strsep(&rest, ",")) != NULL) {
        int64_t v;
        if (list && *word == 0 && !rest && *layers)
            break; /* "11," */
        if (!num_i64(word, &v) || v < (list ? 0 : 1) || v > (list ? depth - 1 : depth))
            status = fmt_fail(e, FMT_INVALID, "layers %.60s: a count, 1 to %lld, or a list of blocks, 0 to %lld", text,
                              (long long)depth, (long long)depth - 1);
        else if (!list)
            for (int64_t i = depth - v; i < depth; i++)
                *layers |= (uint64_t)1 << i;
        else if (*layers >> v & 1)
            status = fmt_fail(e, FMT_INVALID, "layers %.60s: block %lld twice", text, (long long)v);
        else
            *layers |= (uint64_t)1 << v;
    }
    free(copy);
    return status;
}

int extract_check_settings(const struct extract *x, struct fmt_error *e)
{
    const struct extract_settings *s = &x->settings;
    int64_t depth = x->model.vit->config.depth;
    if (s->kind == FEAT_HEAD && !x->model.head)
        return fmt_fail(e, FMT_MISMATCH, "the weights have no projection head");
    if (s->kind == FEAT_HEAD && (s->layers != (uint64_t)1 << (depth - 1) || s->no_norm))
        return fmt_fail(e, FMT_INVALID, "the head takes the normalised output of the last block");
    if (depth < VIT_DEPTH_MAX && s->layers >> depth)
        return fmt_fail(e, FMT_INVALID, "layers beyond the last block");
    if (s->resize < 0 || s->size < 0 || s->resize > RESIZE_SIDE_MAX || s->size > RESIZE_SIDE_MAX)
        return fmt_fail(e, FMT_LIMIT, "sizes are from 0 to %d", RESIZE_SIDE_MAX);
    int64_t patch = x->model.vit->config.patch;
    if (s->fit == EXTRACT_SQUEEZE && (s->size < 1 || s->resize != 0))
        return fmt_fail(e, FMT_INVALID, "a picture is squeezed to a size, without resizing it before");
    if (s->fit == EXTRACT_TILES && (s->size < 1 || s->size % patch != 0 || s->overlap < 0 || s->overlap > s->size / 2))
        return fmt_fail(e, FMT_INVALID,
                        "tiles of %lld pixels that overlap by %lld: possible are a multiple of %lld, and half of it",
                        (long long)s->size, (long long)s->overlap, (long long)patch);
    if (extract_has_parts(s) && !x->device->backend->batch_changes_bits)
        return fmt_fail(e, FMT_UNSUPPORTED, "tiles and regions are not possible on this device");
    struct extract_geometry g;
    if (s->size > 0 && extract_geometry(s, x->model.vit->config.patch, s->size, s->size, &g, e))
        return (int)(e ? e->status : FMT_INVALID);
    return x->dim <= FEAT_DIM_MAX ? 0 : fmt_fail(e, FMT_LIMIT, "tokens of %lld values", (long long)x->dim);
}

int64_t extract_row_tokens(const struct extract *x, int64_t net_h, int64_t net_w)
{
    int64_t patch = x->model.vit->config.patch;
    return x->settings.kind == FEAT_PATCH ? x->settings.with_cls + net_h / patch * (net_w / patch) : 1;
}

int64_t extract_width(const struct extract *x)
{
    int64_t size = x->settings.size;
    struct extract_geometry g;
    if (x->settings.kind != FEAT_PATCH)
        return x->dim;
    if (size == 0 || extract_geometry(&x->settings, x->model.vit->config.patch, size, size, &g, NULL))
        return 0;
    return extract_row_tokens(x, g.net_h, g.net_w) * x->dim;
}
