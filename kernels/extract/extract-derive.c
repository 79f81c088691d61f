/* extract-derive.c - the same copies and sums, in the same order, as in extract-rows.c. */
#include "extract-derive.h"

#include <string.h>

#include "extract-internal.h"

static int64_t layers_of(const struct extract_derived *d)
{
    return __builtin_popcountll(d->layers);
}

/* Values of a token of the derived row. */
static int64_t derived_dim(const struct extract *x, const struct extract_derived *d)
{
    return x->model.vit->config.C * layers_of(d) * (d->kind == FEAT_CLS_MEAN ? 2 : 1);
}

static int64_t derived_tokens(const struct extract_row *all, const struct extract_derived *d)
{
    return d->kind == FEAT_PATCH ? all->n_tokens - 1 : 1;
}

int64_t extract_derived_width(const struct extract *x, const struct extract_row *all, const struct extract_derived *d)
{
    return derived_tokens(all, d) * derived_dim(x, d);
}

/* As extract_mean_patches, of patches that are `stride` values apart. */
static void mean_patches(double *sum, const float *patches, int64_t P, int64_t stride, int64_t C, float *out)
{
    memset(sum, 0, (size_t)C * sizeof *sum);
    for (int64_t i = 0; i < P; i++)
        for (int64_t k = 0; k < C; k++)
            sum[k] += (double)patches[i * stride + k];
    for (int64_t k = 0; k < C; k++)
        out[k] = (float)(sum[k] / (double)P);
}

/* tokens: those of one layer [1 + P, C], `stride` values apart. Puts its values at `at` into each token of the row;
 * returns how many. */
static int64_t derive_layer(const struct extract *x, const float *tokens, int64_t P, enum feat_kind kind, int64_t dim,
                            double *sum, int64_t at, float *out)
{
    int64_t C = x->model.vit->config.C, stride = x->dim;
    bool cls = kind == FEAT_CLS || kind == FEAT_CLS_MEAN, mean = kind == FEAT_MEAN || kind == FEAT_CLS_MEAN;
    for (int64_t i = 0; kind == FEAT_PATCH && i < P; i++)
        memcpy(out + i * dim + at, tokens + (1 + i) * stride, (size_t)C * sizeof *out);
    if (cls)
        memcpy(out + at, tokens, (size_t)C * sizeof *out);
    if (mean)
        mean_patches(sum, tokens + stride, P, stride, C, out + at + (cls ? C : 0));
    return cls && mean ? 2 * C : C;
}

void extract_derive(const struct extract *x, const struct extract_row *all, const struct extract_derived *d,
                    double *sum, float *out)
{
    int64_t C = x->model.vit->config.C, dim = derived_dim(x, d), at = 0, l = 0;
    for (int i = 0; i < 64; i++) {
        if (d->layers >> i & 1)
            at += derive_layer(x, all->values + l * C, all->n_tokens - 1, d->kind, dim, sum, at, out);
        l += (int64_t)(x->settings.layers >> i & 1);
    }
    for (int64_t i = 0; i < derived_tokens(all, d) && d->unit_length; i++)
        extract_bring_to_unit_length(out + i * dim, dim);
}
