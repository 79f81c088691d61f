/* extract-describe.c - the description of features in their file: header and recipe. */
#include "extract-internal.h"

struct feat_header extract_feat_header(const struct extract *x)
{
    const struct extract_settings *s = &x->settings;
    struct feat_header h = {.kind = s->kind, .dim = (int32_t)x->dim, .n_tokens = 1, .n_layers = (int32_t)x->n_layers,
                            .layers = s->layers, .normalised = !s->no_norm, .unit = s->unit_length};
    struct extract_geometry g;
    int64_t patch = x->model.vit->config.patch;
    if (s->size > 0 && extract_geometry(s, patch, s->size, s->size, &g, NULL) == 0) {
        h.image_h = (int32_t)g.net_h;
        h.image_w = (int32_t)g.net_w;
        h.grid_h = (int32_t)(g.net_h / patch);
        h.grid_w = (int32_t)(g.net_w / patch);
        h.n_tokens = (int32_t)extract_row_tokens(x, g.net_h, g.net_w);
    }
    return h;
}

static int add_network(const struct vit_config *v, struct recipe *r, struct fmt_error *e)
{
    int status = recipe_add_int(r, "num_heads", v->n_heads, e);
    if (!status)
        status = recipe_add_real(r, "interpolate_offset", v->offset, e);
    if (!status)
        status = recipe_add_flag(r, "interpolate_antialias", v->antialias, e);
    return status ? status : recipe_add_real(r, "layer_norm_eps", v->eps, e);
}

int extract_recipe(const struct extract *x, struct recipe *r, struct fmt_error *e)
{
    static const char *const fit[] = {[EXTRACT_RESIZE] = "resize", [EXTRACT_CROP] = "crop", [EXTRACT_PAD] = "pad"};
    const struct extract_settings *s = &x->settings;
    int status = recipe_add_int(r, "resize", s->resize, e);
    if (!status)
        status = recipe_add_int(r, "size", s->size, e);
    if (!status)
        status = recipe_add(r, "fit", fit[s->fit], e);
    if (!status)
        status = recipe_add_flag(r, "as_stored", s->as_stored, e);
    if (!status)
        status = recipe_add_reals(r, "mean", x->model.pixel_norm.mean, 3, e);
    if (!status)
        status = recipe_add_reals(r, "std", x->model.pixel_norm.std, 3, e);
    if (!status)
        status = add_network(&x->model.vit->config, r, e);
    if (!status && x->model.precision != PRECISION_F32)
        status = recipe_add(r, RECIPE_PRECISION, precision_name(x->model.precision), e);
    return status;
}
