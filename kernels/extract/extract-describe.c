/* extract-describe.c - the description of features in their file: header and recipe. */
#include <stdio.h>
#include <string.h>

#include "extract-internal.h"
#include "num.h"

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

static const char *const fit_name[] = {
    [EXTRACT_RESIZE] = "resize", [EXTRACT_CROP] = "crop", [EXTRACT_PAD] = "pad",
    [EXTRACT_SQUEEZE] = "squeeze", [EXTRACT_TILES] = "tiles"};
/* Behind the fit where there are regions: an item that only some recipes have would not tell them from the others. */
static const char in_regions[] = ", in regions";

/* Sets fit and regions. False: they are in a way that is not known. */
static bool take_fit(const struct recipe *r, const char *text, struct extract_settings *s)
{
    enum { FITS = sizeof fit_name / sizeof *fit_name };
    const char *regions = recipe_find(r, "regions"), *overlap = recipe_find(r, "overlap");
    size_t n = strcspn(text, ",");
    int fit = 0;
    while (fit < FITS && (strncmp(text, fit_name[fit], n) != 0 || fit_name[fit][n] != 0))
        fit++;
    s->fit = (enum extract_fit)fit;
    if (fit == FITS || (s->fit == EXTRACT_TILES && (!overlap || !num_i64(overlap, &s->overlap))))
        return false;
    if (text[n] == 0)
        return true;
    return strcmp(text + n, in_regions) == 0 && regions &&
           extract_regions_parse(regions, strlen(regions), &s->regions, NULL) == 0;
}

static int add_fit(const struct extract_settings *s, struct recipe *r, struct fmt_error *e)
{
    char text[EXTRACT_REGIONS_TEXT_MAX];
    snprintf(text, sizeof text, "%s%s", fit_name[s->fit], s->regions.n > 0 ? in_regions : "");
    int status = recipe_add(r, "fit", text, e);
    if (!status && s->fit == EXTRACT_TILES)
        status = recipe_add_int(r, "overlap", s->overlap, e);
    if (status || s->regions.n == 0)
        return status;
    extract_regions_text(&s->regions, text);
    return recipe_add(r, "regions", text, e);
}

int extract_settings_from(const struct feat_header *h, struct extract_settings *s, struct fmt_error *e)
{
    static const char *const needed[] = {"resize", "size", "fit", "as_stored"};
    const char *value[4];
    for (int i = 0; i < 4; i++)
        if (!(value[i] = recipe_find(&h->recipe, needed[i])))
            return fmt_fail(e, FMT_INVALID, "does not say how images became the network's input (%s)", needed[i]);
    *s = (struct extract_settings){.kind = h->kind, .layers = h->layers, .no_norm = !h->normalised,
                                   .unit_length = h->unit, .as_stored = strcmp(value[3], "yes") == 0};
    if (!take_fit(&h->recipe, value[2], s) || !num_i64(value[0], &s->resize) || !num_i64(value[1], &s->size) ||
        h->layers == 0)
        return fmt_fail(e, FMT_INVALID, "made in a way that this version does not know");
    return 0;
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
    const struct extract_settings *s = &x->settings;
    int status = recipe_add_int(r, "resize", s->resize, e);
    if (!status)
        status = recipe_add_int(r, "size", s->size, e);
    if (!status)
        status = add_fit(s, r, e);
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
