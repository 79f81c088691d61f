/* head.c - the perceptron of a head, layer by layer. */
#include "head.h"

#include <math.h>
#include <stdio.h>

static int64_t width_in(const struct head_config *h, int64_t layer)
{
    return layer == 0 ? h->in_dim : h->hidden_dim;
}

static int64_t width_out(const struct head_config *h, int64_t layer)
{
    return layer == h->n_layers - 1 ? h->bottleneck_dim : h->hidden_dim;
}

/* A row of one or two dimensions. */
static int add_row(struct params *t, struct param row, const char *name, int64_t *at, struct fmt_error *e)
{
    int index, status;
    row.n_dims = row.dims[1] ? 2 : 1;
    if ((status = params_add(t, name, &row, &index, e)) == 0)
        *at = t->rows[index].offset;
    return status;
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
        w.init = INIT_NORMAL, w.value = 0.02f, w.flags = PARAM_DECAY;
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

static struct tensor layer_weight(const struct head *h, const float *values, int64_t i)
{
    return HOST_TENSOR(values + h->weight[i], width_out(&h->config, i), width_in(&h->config, i));
}

static struct tensor layer_bias(const struct head *h, const float *values, int64_t i)
{
    return HOST_TENSOR(values + h->bias[i], width_out(&h->config, i));
}

void head_forward(struct op_ctx *c, const struct head *h, const float *values, const float *x, int64_t T, bool keep,
                  struct device_arena *arena, struct head_activations *pass)
{
    const struct head_config *hc = &h->config;
    *pass = (struct head_activations){.T = T, .x = x};
    pass->z = HOST_TAKE(arena, float, T * hc->bottleneck_dim);
    pass->norm = HOST_TAKE(arena, float, T);
    for (int64_t i = 0; i < hc->n_layers; i++) {
        int64_t N = width_out(hc, i);
        struct tensor in = HOST_TENSOR(x, T, width_in(hc, i)), w = layer_weight(h, values, i), b = layer_bias(h, values,
                                                                                                              i);
        pass->after[i] = HOST_TAKE(arena, float, T * N);
        if (i == hc->n_layers - 1) {
            op_linear_fwd(c, HOST_TENSOR(pass->after[i], T, N), in, w, b);
        } else {
            pass->before[i] = keep ? HOST_TAKE(arena, float, T * N) : NULL;
            op_linear_gelu_fwd(c, HOST_TENSOR(pass->after[i], T, N),
                               keep ? HOST_TENSOR(pass->before[i], T, N) : TENSOR_NONE, in,
                               w, b);
        }
        x = pass->after[i];
    }
    op_l2norm_fwd(c, HOST_TENSOR(pass->z, T, hc->bottleneck_dim), HOST_TENSOR(pass->norm, T),
                  HOST_TENSOR(x, T, hc->bottleneck_dim),
                  1e-12f);
}

void head_backward(struct op_ctx *c, const struct head *h, const float *values, const struct head_activations *pass,
                   float *dz,
                   float *dx, struct device_arena *arena, float *grads)
{
    const struct head_config *hc = &h->config;
    int64_t T = pass->T, b = hc->bottleneck_dim;
    size_t mark = arena->used;
    float *dy = dz, *hidden[2] = {NULL, NULL};
    for (int i = 0; i < 2 && hc->n_layers > 1; i++)
        hidden[i] = HOST_TAKE(arena, float, T * hc->hidden_dim);
    op_l2norm_bwd(c, HOST_TENSOR(dy, T, b), HOST_TENSOR(dz, T, b), HOST_TENSOR(pass->z, T, b),
                  HOST_TENSOR(pass->norm, T), 1e-12f);
    for (int64_t i = hc->n_layers - 1; i >= 0; i--) {
        int64_t N = width_out(hc, i), K = width_in(hc, i);
        const float *in = i > 0 ? pass->after[i - 1] : pass->x;
        float *back = i > 0 ? hidden[i % 2] : dx;
        op_linear_bwd_w(c, HOST_TENSOR(grads + h->weight[i], N, K), HOST_TENSOR(grads + h->bias[i], N),
                        HOST_TENSOR(dy, T, N),
                        HOST_TENSOR(in, T, K));
        op_linear_bwd_x(c, HOST_TENSOR(back, T, K), HOST_TENSOR(dy, T, N), layer_weight(h, values, i));
        if (i > 0)
            op_gelu_bwd(c, HOST_TENSOR(back, T, K), TENSOR_NONE, HOST_TENSOR(back, T, K),
                        HOST_TENSOR(pass->before[i - 1], T, K));
        dy = back;
    }
    arena->used = mark;
}

struct prototype_layer head_prototypes(const struct head *h, const float *values, const float *z, int64_t T)
{
    int64_t K = h->config.n_prototypes, b = h->config.bottleneck_dim;
    return (struct prototype_layer){.z = HOST_TENSOR(z, T, b),
                                    .v = HOST_TENSOR(values + h->weight_v, K, b),
                                    .g = HOST_TENSOR(values + h->weight_g, K, 1)};
}
