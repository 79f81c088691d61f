/* test-identity.c - blocks whose FFN is the identity: what they compute, their gradients by finite differences. */
#include <math.h>

#include "vitbed.h"

enum { B = 3, SIDE = 28, C = 8, TOKENS = 5 };

static void weigh(void *arg, const struct vit_activations *act, float *d)
{
    memcpy(d, arg, (size_t)(act->T * C) * sizeof *d);
}

static double loss(struct vitbed *b, const struct vit_request *r, const float *weight)
{
    const struct vit_activations *act = bed_run(b, r, NULL, NULL, NULL);
    float *normed = bed_host(b, act->normed);
    double sum = 0;
    for (int64_t i = 0; i < act->T * C; i++)
        sum += (double)weight[i] * (double)normed[i];
    free(normed);
    return sum;
}

static float *values_of(struct vitbed *b, int row)
{
    return b->values + b->table.rows[row].offset;
}

/* x + gamma2 * LN2(x) of the first block, whose input is what its attention left: here nothing, as gamma1 is 0. */
static void test_forward(struct vitbed *b, struct vit_request r)
{
    const struct vit_block_rows *row = &b->vit.block[0];
    float *gamma1 = values_of(b, row->ls1);
    const float *w = values_of(b, row->norm2_w), *bias = values_of(b, row->norm2_b), *gamma2 = values_of(b, row->ls2);
    memset(gamma1, 0, C * sizeof *gamma1);
    r.drop_path = NULL;
    r.return_tokens = r.return_layer[0] = true;
    const struct vit_activations *act = bed_run(b, &r, NULL, NULL, NULL);
    float *tokens = bed_host(b, act->tokens), *layer = bed_host(b, act->layers[0]);
    float want[B * TOKENS * C];
    for (int64_t t = 0; t < B * TOKENS; t++) {
        const float *x = tokens + t * C;
        double mean = 0, square = 0;
        for (int i = 0; i < C; i++)
            mean += (double)x[i] / C;
        for (int i = 0; i < C; i++)
            square += ((double)x[i] - mean) * ((double)x[i] - mean) / C;
        for (int i = 0; i < C; i++) {
            double n = ((double)x[i] - mean) / sqrt(square + 1e-6);
            n = n * (double)w[i] + (double)bias[i];
            want[t * C + i] = (float)((double)x[i] + (double)gamma2[i] * n);
        }
    }
    is_close(layer, want, B * TOKENS * C, 1e-5, 1e-5, "the block is x + gamma2 * LN2(x)");
    free(tokens);
    free(layer);
}

static void test_gradients(struct vitbed *b, const struct vit_request *r, float *weight, const char *what)
{
    float *g = bed_take(b->table.count, sizeof *g);
    struct vit_request keep = *r;
    keep.save_for_backward = true;
    bed_run(b, &keep, g, weigh, weight);
    double worst = 0, largest = 0;
    for (int n = 0; n < b->table.n_rows; n++) {
        const struct param *p = &b->table.rows[n];
        for (int64_t i = p->offset; i < p->offset + p->count; i += p->count > 64 ? 29 : 3) {
            const float step = 4e-3f, at = b->values[i];
            b->values[i] = at + step;
            double up = loss(b, r, weight);
            b->values[i] = at - step;
            double slope = (up - loss(b, r, weight)) / (2 * (double)step);
            b->values[i] = at;
            worst = worse(worst, fabs(slope - (double)g[i]));
            largest = fmax(largest, fabs(slope));
        }
    }
    ok(largest > 0 && worst < 2e-3 * largest, "%s: gradients are the slopes (%g of %g)", what, worst, largest);
    free(g);
}

int main(void)
{
    struct vit_config f = {.C = C, .depth = 2, .n_heads = 2, .patch = 14, .grid = 2, .ffn = VIT_IDENTITY,
                           .layerscale = 0.5f, .qkv_bias = true, .proj_bias = true, .ffn_bias = true, .offset = 0.1};
    struct vitbed b;
    bed_init(&b, &f);
    bool has_ffn = false;
    for (int i = 0; i < b.table.n_rows; i++)
        has_ffn = has_ffn || strstr(b.table.rows[i].name, ".mlp.");
    ok(!has_ffn, "the table has no parameter of an FFN");
    struct rng r = rng_stream(5, 0, 0, 0);
    for (int64_t i = 0; i < b.table.count; i++)
        b.values[i] = (float)(0.3 * rng_normal(&r));
    static float pixels[B * 3 * SIDE * SIDE], weight[B * TOKENS * C];
    for (int i = 0; i < B * 3 * SIDE * SIDE; i++)
        pixels[i] = (float)rng_normal(&r);
    for (int i = 0; i < B * TOKENS * C; i++)
        weight[i] = (float)rng_normal(&r);
    struct vit_request all = {.n_inputs = 1, .inputs = {{.B = B, .H = SIDE, .W = SIDE}}};
    b.images.values[0] = pixels;
    static const int64_t two[] = {2, 0};
    const struct vit_subset drawn = {two, 2, 1.5f};
    const struct vit_drop_path drop[2] = {{.attn = {drawn}, .ffn = {drawn}}, {.attn = {drawn}, .ffn = {drawn}}};
    struct vit_request some = all;
    some.drop_path = drop;
    test_gradients(&b, &all, weight, "every image");
    test_gradients(&b, &some, weight, "drop path");
    test_forward(&b, all);
    bed_release(&b);
    return tap_done();
}
