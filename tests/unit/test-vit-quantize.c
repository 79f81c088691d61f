/* int8 of a network with a few channels that are much larger than the others, as trained ones have them. Without
 * smoothing the other channels lose their digits, with it they do not. What is not good enough stays in bf16, and the
 * result is the same each time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "extract.h"
#include "tap.h"
#include "vitbed.h"

enum { SIDE = 112, PATCH = 14, OUTLIERS = 3 };
static const struct vit_config config = {.C = 96, .depth = 4, .n_heads = 3, .patch = PATCH, .grid = SIDE / PATCH,
                                         .ffn = VIT_MLP, .hidden = 384, .layerscale = 1, .qkv_bias = true,
                                         .proj_bias = true, .ffn_bias = true};
static float image[3 * SIDE * SIDE];

/* Channel k of a norm's output times `factor`, and the columns of the weight that reads it divided by that: the same
 * function in exact arithmetic. */
static void plant(struct vitbed *b, int norm_w, int norm_b, int weight, int64_t k, float factor)
{
    const struct param *p = &b->table.rows[weight];
    b->values[b->table.rows[norm_w].offset + k] *= factor;
    b->values[b->table.rows[norm_b].offset + k] *= factor;
    for (int64_t n = 0; n < p->dims[0]; n++)
        b->values[p->offset + n * p->dims[1] + k] /= factor;
}

static void open_network(struct vitbed *b)
{
    struct fmt_error e = {0};
    bed_init(b, &config);
    if (device_arena_init(&b->scratch, b->c.backend, 0, &e))
        abort();
    params_init(&b->c, &b->w, 3);
    op_copy_out(&b->c, b->values, b->w.data);
    for (int64_t i = 0; i < config.depth; i++)
        for (int64_t k = 0; k < OUTLIERS; k++) {
            const struct vit_block_rows *row = &b->vit.block[i];
            plant(b, row->norm1_w, row->norm1_b, row->qkv_w, 11 + 31 * k, 60);
            plant(b, row->norm2_w, row->norm2_b, row->fc1_w, 7 + 29 * k, 60);
        }
    op_copy_in(&b->c, b->w.data, b->values);
    b->images.values[0] = image;
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        image[i] = sinf((float)i * 0.37f) + cosf((float)(i / SIDE) * 0.11f);
}

/* The smallest cosine of a token with that of float32. */
static double worst_cosine(struct vitbed *b, const struct vit_packed *packed, const float *exact)
{
    struct vit_request r = {.n_inputs = 1, .inputs = {{.B = 1, .H = SIDE, .W = SIDE}}, .packed = packed,
                            .precision = packed ? PRECISION_INT8 : PRECISION_F32};
    const struct vit_activations *act = bed_run(b, &r, NULL, NULL, NULL);
    float *got = bed_host(b, act->normed);
    double worst = 1;
    for (int64_t t = 0; t < act->T; t++) {
        double dot = 0, aa = 0, bb = 0;
        for (int64_t k = 0; k < config.C; k++) {
            double x = (double)got[t * config.C + k], y = (double)exact[t * config.C + k];
            dot += x * y, aa += x * x, bb += y * y;
        }
        worst = fmin(worst, dot / sqrt(aa * bb));
    }
    free(got);
    return worst;
}

static float *exact_tokens(struct vitbed *b)
{
    struct vit_request r = {.n_inputs = 1, .inputs = {{.B = 1, .H = SIDE, .W = SIDE}}};
    const struct vit_activations *act = bed_run(b, &r, NULL, NULL, NULL);
    return bed_host(b, act->normed);
}

static void pack(struct vitbed *b, const struct vit_quantization *given, struct extract_packed *packed)
{
    struct fmt_error e = {0};
    struct device device = {.backend = b->c.backend};
    if (extract_pack_weights(&device, &b->vit, &b->w, PRECISION_INT8, given, packed, &e))
        ok(false, "packed: %s", e.text);
}

static void outliers(struct vitbed *b)
{
    struct fmt_error e = {0};
    struct vit_quantization plain;
    struct extract_packed packed, again;
    char text[VIT_QUANTIZE_TEXT_MAX];
    float *exact = exact_tokens(b);
    if (vit_quantization_init(&plain, &b->vit, &b->w, &e))
        abort();
    pack(b, &plain, &packed);
    double without = worst_cosine(b, &packed.weights, exact);
    extract_packed_release(&packed);
    pack(b, NULL, &packed);
    double with = worst_cosine(b, &packed.weights, exact);
    ok(with > 0.99, "smoothed: %.5f", with);
    ok(1 - without > 4 * (1 - with), "not smoothed: %.5f", without);
    is_text(vit_quantization_text(&packed.quantization, text), "16 of 16 products in int8", "all products are good");
    pack(b, NULL, &again);
    bool same = true;
    for (int64_t i = 0; i < config.depth; i++)
        for (int k = 0; k < VIT_PRODUCTS; k++) {
            const struct vit_quantized_product *p = &packed.quantization.product[i][k],
                                               *q = &again.quantization.product[i][k];
            same = same && p->error == q->error &&
                   memcmp(p->smoothing, q->smoothing, (size_t)p->K * sizeof *p->smoothing) == 0;
        }
    ok(same, "the same smoothing each time");
    extract_packed_release(&again);
    extract_packed_release(&packed);
    vit_quantization_release(&plain);
    free(exact);
}

/* A product that is not finite is never quantised, and those after it see nothing finite. */
static void stays_in_bf16(struct vitbed *b)
{
    struct extract_packed packed;
    char text[VIT_QUANTIZE_TEXT_MAX];
    b->values[b->table.rows[b->vit.block[1].fc2_w].offset] = NAN;
    op_copy_in(&b->c, b->w.data, b->values);
    pack(b, NULL, &packed);
    vit_quantization_text(&packed.quantization, text);
    ok(!vit_is_quantized(&packed.quantization.product[1][VIT_FC2]) && strstr(text, "7 of 16") && strstr(text, "1.fc2"),
       "not finite: %s", text);
    extract_packed_release(&packed);
}

int main(void)
{
    struct vitbed b;
    const struct backend *backend = test_backend();
    if (!backend->supports(DTYPE_I8) || !backend->supports(DTYPE_BF16)) {
        skip("this processor has no instructions for it", "int8");
        return tap_done();
    }
    open_network(&b);
    outliers(&b);
    stays_in_bf16(&b);
    bed_release(&b);
    return tap_done();
}
