/* head.c - the perceptron of a head, layer by layer. */
#include "head.h"

#include <math.h>
#include <stdio.h>

static const float WEIGHT_STD = 0.02f; /* of first values, as published */
static const float LENGTH_MIN = 1e-12f; /* a shorter vector is not brought to unit length */

static int64_t width_in(const struct head_config *h, int64_t layer)
{
    return layer == 0 ? h->in_dim : h->hidden_dim;
}

static int64_t width_out(const struct head_config *h, int64_t layer)
{
    return layer == h->n_layers - 1 ? h->bottleneck_dim : h->hidden_dim;
}

/* A row of one or two dimensions. */
static int add_row(struct params *t, struct param row, const char *name, int *index, struct fmt_error *e)
{
    row.n_dims = row.dims[1] ? 2 : 1;
    return params_add(t, name, &row, index, e);
}

int head_params(struct head *h, const struct head_config *config, const char *module, int layer, struct params *t,
                struct fmt_error *e)
{
    if (config->n_layers < 1 || config->n_layers > HEAD_LAYERS_MAX)
        return fmt_fail(e, FMT_LIMIT, "%s: %lld layers, 1 to %d are possible", module,
                        (long long)config->n_layers, HEAD_LAYERS_MAX);
    int status = params_add_module(t, module, e);
    if (status)
        return status;
    *h = (struct head){.config = *config};
    struct param row = {.layer = layer};
    int64_t K = config->n_prototypes, b = config->bottleneck_dim;
    for (int64_t i = 0; i < config->n_layers; i++) {
        char name[32];
        struct param w = row, bias = row;
        w.dims[0] = width_out(config, i), w.dims[1] = width_in(config, i);
        w.init = INIT_NORMAL, w.value = WEIGHT_STD, w.flags = PARAM_DECAY;
        bias.dims[0] = w.dims[0], bias.init = INIT_CONSTANT;
        snprintf(name, sizeof name, "mlp.%lld.weight", (long long)(2 * i)); /* GELUs count between them */
        status = add_row(t, w, name, &h->weight[i], e);
        snprintf(name, sizeof name, "mlp.%lld.bias", (long long)(2 * i));
        if (status || (status = add_row(t, bias, name, &h->bias[i], e)))
            return status;
    }
    row.flags = PARAM_DECAY | PARAM_LAST_LAYER;
    struct param g = row, v = row;
    g.dims[0] = K, g.dims[1] = 1, g.init = INIT_CONSTANT, g.value = 1;
    v.dims[0] = K, v.dims[1] = b, v.init = INIT_UNIFORM, v.value = (float)(1 / sqrt((double)b));
    status = add_row(t, g, "last_layer.weight_g", &h->weight_g, e);
    return status ? status : add_row(t, v, "last_layer.weight_v", &h->weight_v, e);
}

/* x in the type of the head's products: x itself, or a rounded copy. */
static struct tensor rounded(struct op_ctx *c, const struct head *h, struct tensor x, struct device_arena *arena)
{
    if (head_rows_dtype(h) == x.dtype)
        return x;
    struct tensor copy = device_arena_take(arena, head_rows_dtype(h), x.n_dims, x.dims);
    op_convert(c, copy, x);
    return copy;
}

void head_forward(struct op_ctx *c, const struct head *h, const struct params_array *values, struct tensor x,
                  bool save_for_backward, struct device_arena *arena, struct head_activations *act)
{
    const struct head_config *hc = &h->config;
    int64_t T = x.dims[0], last = hc->n_layers - 1;
    x = rounded(c, h, x, arena);
    *act = (struct head_activations){.x = x};
    act->unit = TENSOR_TAKE(arena, DTYPE_F32, T, hc->bottleneck_dim);
    act->length = TENSOR_TAKE(arena, DTYPE_F32, T);
    for (int64_t i = 0; i < hc->n_layers; i++) {
        struct tensor w = params_tensor(values, h->weight[i]), b = params_tensor(values, h->bias[i]);
        enum dtype dtype = i < last ? head_rows_dtype(h) : DTYPE_F32;
        act->out[i] = TENSOR_TAKE(arena, dtype, T, width_out(hc, i));
        if (i < last && save_for_backward)
            act->pre_gelu[i] = TENSOR_TAKE(arena, dtype, T, width_out(hc, i));
        if (i < last)
            op_linear_gelu_fwd(c, act->out[i], act->pre_gelu[i], x, w, b);
        else
            op_linear_fwd(c, act->out[i], x, w, b);
        x = act->out[i];
    }
    op_l2norm_fwd(c, act->unit, act->length, x, LENGTH_MIN);
    act->z = rounded(c, h, act->unit, arena);
}

void head_backward(struct op_ctx *c, const struct head *h, const struct params_array *values,
                   const struct head_activations *act, struct tensor dz, struct tensor dx, struct device_arena *arena,
                   const struct params_array *grads)
{
    const struct head_config *hc = &h->config;
    size_t mark = arena->used;
    struct tensor dhidden[2];
    for (int i = 0; i < 2 && hc->n_layers > 1; i++)
        dhidden[i] = TENSOR_TAKE(arena, head_rows_dtype(h), act->x.dims[0], hc->hidden_dim);
    op_l2norm_bwd(c, dz, dz, act->unit, act->length, LENGTH_MIN);
    struct tensor dy = rounded(c, h, dz, arena);
    for (int64_t i = hc->n_layers - 1; i >= 0; i--) {
        struct tensor in = i > 0 ? act->out[i - 1] : act->x, din = i > 0 ? dhidden[i % 2] : dx;
        op_linear_bwd_w(c, params_tensor(grads, h->weight[i]), params_tensor(grads, h->bias[i]), dy, in);
        op_linear_bwd_x(c, din, dy, params_tensor(values, h->weight[i]));
        if (i > 0)
            op_gelu_bwd(c, din, TENSOR_NONE, din, act->pre_gelu[i - 1]);
        dy = din;
    }
    arena->used = mark;
}

struct prototype_layer head_prototypes(const struct head *h, const struct params_array *values, struct tensor z)
{
    return (struct prototype_layer){
        .z = z, .v = params_tensor(values, h->weight_v), .g = params_tensor(values, h->weight_g)};
}
