/* extract-rows.c - rows from the tokens that were copied from the device. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "extract-internal.h"

struct extract_tokens extract_tokens(const struct extract *x, int64_t n_patches)
{
    int64_t R = x->model.vit->config.R;
    switch (x->settings.kind) {
    case FEAT_CLS_MEAN:
        return (struct extract_tokens){0, 1 + R + n_patches};
    case FEAT_MEAN:
        return (struct extract_tokens){1 + R, n_patches};
    case FEAT_PATCH:
        return x->settings.with_cls ? (struct extract_tokens){0, 1 + R + n_patches}
                                    : (struct extract_tokens){1 + R, n_patches};
    case FEAT_CLS:
    case FEAT_HEAD:
        break;
    }
    return (struct extract_tokens){0, 1};
}

void extract_mean_patches(double *sum, const float *patches, int64_t P, int64_t C, float *out)
{
    memset(sum, 0, (size_t)C * sizeof *sum);
    for (int64_t i = 0; i < P; i++)
        for (int64_t k = 0; k < C; k++)
            sum[k] += (double)patches[i * C + k];
    for (int64_t k = 0; k < C; k++)
        out[k] = (float)(sum[k] / (double)P);
}

void extract_bring_to_unit_length(float *v, int64_t n)
{
    const double least = 1e-12; /* as in the published evaluation */
    double squares = 0;
    for (int64_t k = 0; k < n; k++)
        squares += (double)v[k] * (double)v[k];
    double length = sqrt(squares);
    length = length > least ? length : least;
    for (int64_t k = 0; k < n; k++)
        v[k] = (float)((double)v[k] / length);
}

/* Writes the values of one layer to the row, starting at `at` in each of its tokens; returns how many per token. */
static int64_t put_layer(const struct extract *x, const float *tokens, int64_t P, double *sum, int64_t at, float *row)
{
    int64_t C = x->model.vit->config.C, R = x->model.vit->config.R;
    switch (x->settings.kind) {
    case FEAT_CLS_MEAN:
        memcpy(row + at, tokens, (size_t)C * sizeof *row);
        extract_mean_patches(sum, tokens + (1 + R) * C, P, C, row + at + C);
        return 2 * C;
    case FEAT_MEAN:
        extract_mean_patches(sum, tokens, P, C, row + at);
        return C;
    case FEAT_PATCH:
        for (int64_t k = 0; k < P + x->settings.with_cls; k++) {
            int64_t token = x->settings.with_cls && k > 0 ? k + R : k;
            memcpy(row + k * x->dim + at, tokens + token * C, (size_t)C * sizeof *row);
        }
        return C;
    case FEAT_CLS:
    case FEAT_HEAD:
        break;
    }
    memcpy(row + at, tokens, (size_t)x->dim / (size_t)x->n_layers * sizeof *row);
    return x->dim / x->n_layers;
}

int extract_reserve_row(const struct extract *x, const struct extract_geometry *g, struct extract_row *row,
                        struct fmt_error *e)
{
    row->geometry = *g;
    row->n_parts = 1;
    row->n_tokens = extract_row_tokens(x, g->net_h, g->net_w);
    int64_t n = row->n_tokens * x->dim;
    if (n > FEAT_WIDTH_MAX)
        return fmt_fail(e, FMT_LIMIT, "a row of %lld values", (long long)n);
    if (n <= row->capacity)
        return 0;
    float *grown = realloc(row->values, (size_t)n * sizeof *grown);
    if (!grown)
        return fmt_no_memory(e);
    row->values = grown;
    row->capacity = n;
    return 0;
}

void extract_make_row(const struct extract *x, const float *values, int64_t stride, double *sum,
                      struct extract_row *row)
{
    int64_t patch = x->model.vit->config.patch, at = 0;
    int64_t P = row->geometry.net_h / patch * (row->geometry.net_w / patch);
    for (int64_t l = 0; l < x->n_layers; l++)
        at += put_layer(x, values + l * stride, P, sum, at, row->values);
    for (int64_t i = 0; i < row->n_tokens && x->settings.unit_length; i++)
        extract_bring_to_unit_length(row->values + i * x->dim, x->dim);
}
