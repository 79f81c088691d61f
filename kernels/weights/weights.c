/* weights.c - opens weights in steps: the file (tensorfile.h), its names (weights-assign.c), its architecture
 * (weights-deduce.c). */
#include "weights.h"

#include <stdlib.h>
#include <string.h>

#include "weights-internal.h"
#include "weights-quantized.h"

struct vit_config weights_vit_config(const struct weights *w)
{
    struct vit_config v = w->vit;
    if (!w->has_settings && v.n_heads == 0)
        v.n_heads = 1;
    return v;
}

static int check_network(const struct weights *w, const struct weights_hint *hint, struct fmt_error *e)
{
    struct vit_config config = weights_vit_config(w);
    if (!w->has_settings && w->vit.C == 0)
        return fmt_fail(e, FMT_MISMATCH, "cannot determine the width: norm.weight, cls_token and "
                        "patch_embed.proj.weight are all missing");
    if (!w->has_settings && w->vit.n_heads == 0 && !hint->tensors_only)
        return fmt_fail(e, FMT_MISMATCH, "the number of heads cannot be deduced from a width of %lld; name the model "
                        "or its settings", (long long)w->vit.C);
    return vit_check(&config, e);
}

/* What the metadata say of products. */
static int find_quantized(struct weights *w, struct fmt_error *e)
{
    const char *how = named_tensor_meta_find(&w->file.set, WEIGHTS_QUANTIZED_KEY);
    w->quantized = how != NULL;
    return !how || strcmp(how, WEIGHTS_QUANTIZED_INT8) == 0
               ? 0
               : fmt_fail(e, FMT_UNSUPPORTED, "quantized to %.40s, which is not known here", how);
}

/* w->file is open; opened: whether that failed. */
static int open_network(struct weights *w, int opened, const struct weights_hint *hint, struct fmt_error *e)
{
    struct fmt_error why = {0};
    config_init(&w->settings);
    if (opened) {
        config_release(&w->settings);
        return opened;
    }
    w->role = hint->role;
    w->path = strdup(w->file.path);
    int status = w->path ? find_quantized(w, &why) : fmt_no_memory(&why);
    if (!status)
        status = weights_assign(w, &why);
    if (!status)
        status = weights_deduce(w, hint, &why);
    if (!status)
        status = check_network(w, hint, &why);
    if (!status)
        return 0;
    fmt_prefix(&why, w->file.path);
    weights_close(w);
    return fmt_fail(e, why.status, "%s", why.text);
}

int weights_open(struct weights *w, const char *path, const struct weights_hint *hint, struct fmt_error *e)
{
    *w = (struct weights){0};
    return open_network(w, tensorfile_open(&w->file, path, e), hint, e);
}

int weights_open_over(struct weights *w, const char *name, const struct fmt_reader *reader,
                      const struct weights_hint *hint, struct fmt_error *e)
{
    *w = (struct weights){0};
    return open_network(w, tensorfile_open_over(&w->file, name, reader, e), hint, e);
}

void weights_close(struct weights *w)
{
    for (int64_t i = 0; i < w->n_problems; i++)
        free(w->problem[i]);
    free(w->problem);
    free(w->unused);
    free(w->path);
    free(w->tensor);
    config_release(&w->settings);
    tensorfile_close(&w->file);
    *w = (struct weights){0};
}
