/* A backbone in int8 against float32. Channels are made large as those of trained networks are, without a change of
 * what the network computes: gains of norms and rows of V are multiplied, the columns that follow divided; and what the
 * first blocks add to the stream has channels that are large from there on. Without smoothing the limits break, with it
 * they hold, fitted to noise or to the images. What is not good enough stays in bf16, and the result is the same each
 * time.
 *
 *   test-vit-quantize                      a narrow network
 *   test-vit-quantize vit_base|vit_large   one of the published sizes at full size, in a few minutes
 */
#include <math.h>

#include "extract.h"
#include "precision-check.h"
#include "tap.h"
#include "vitbed.h"

enum { IMAGES = 3, LARGE = 5 }; /* large channels of an input */

static struct device device;

/* ------------------------------------------------------------------ a network */
static float *values_of(struct vitbed *b, int row)
{
    return b->values + b->table.rows[row].offset;
}

/* Weights that keep the size of what they multiply, norms near 1, small biases. */
static void draw_values(struct vitbed *b)
{
    for (int i = 0; i < b->table.n_rows; i++) {
        const struct param *row = &b->table.rows[i];
        struct rng r = rng_stream(3, (uint64_t)i, 0, RNG_TEST);
        int64_t n_inputs = row->n_dims > 1 ? row->count / row->dims[0] : 0;
        bool is_gain = row->n_dims == 1 && strstr(row->name, "norm") && strstr(row->name, "weight");
        bool is_token = strstr(row->name, "pos_embed") || strstr(row->name, "token");
        double scale = is_token ? 0.5 : n_inputs > 1 ? 1 / sqrt((double)n_inputs) : 0.1;
        for (int64_t k = 0; k < row->count; k++)
            values_of(b, i)[k] = (float)((is_gain ? 1 : 0) + scale * rng_normal(&r));
    }
}

static void scale_column(struct vitbed *b, int row, int64_t column, float factor)
{
    const struct param *p = &b->table.rows[row];
    for (int64_t n = 0; n < p->dims[0]; n++)
        values_of(b, row)[n * p->dims[1] + column] *= factor;
}

/* 20 to 100 times, channel by channel. */
static float factor_of(int i)
{
    return 20 * powf(5, (float)i / (LARGE - 1));
}

/* gain, bias: of a norm; w: the weight that its output is multiplied with */
static void plant_in_norm(struct vitbed *b, int gain, int bias, int w, int64_t block)
{
    int64_t C = b->vit.config.C;
    for (int i = 0; i < LARGE; i++) {
        int64_t channel = (block * 7 + i * C / LARGE) % C;
        values_of(b, gain)[channel] *= factor_of(i);
        values_of(b, bias)[channel] *= factor_of(i);
        scale_column(b, w, channel, 1 / factor_of(i));
    }
}

static void plant_in_v(struct vitbed *b, const struct vit_block_rows *row, int64_t block)
{
    int64_t C = b->vit.config.C;
    for (int i = 0; i < LARGE; i++) {
        int64_t channel = (block * 5 + i * C / LARGE) % C;
        for (int64_t k = 0; k < C; k++)
            values_of(b, row->qkv_w)[(2 * C + channel) * C + k] *= factor_of(i);
        values_of(b, row->qkv_b)[2 * C + channel] *= factor_of(i);
        scale_column(b, row->proj_w, channel, 1 / factor_of(i));
    }
}

/* Hidden channels that are always large: their GELU is the identity. */
static void plant_in_hidden(struct vitbed *b, const struct vit_block_rows *row)
{
    int64_t hidden = b->vit.config.hidden;
    for (int i = 0; i < LARGE; i++) {
        values_of(b, row->fc1_b)[i * hidden / LARGE] += factor_of(i);
        scale_column(b, row->fc2_w, i * hidden / LARGE, 1 / factor_of(i));
    }
}

/* A channel of the residual stream that is large in every token, as massive activations are. */
static void plant_in_stream(struct vitbed *b)
{
    int64_t C = b->vit.config.C, n = b->table.rows[b->vit.pos].count / C;
    for (int64_t t = 0; t < n; t++)
        values_of(b, b->vit.pos)[t * C + 3] += 100;
    for (int64_t i = 0; i < b->vit.config.depth; i++) {
        scale_column(b, b->vit.block[i].qkv_w, 3, 0.05f);
        scale_column(b, b->vit.block[i].fc1_w, 3, 0.05f);
    }
    values_of(b, b->vit.norm_w)[3] = 0.05f;
}

/* Outputs of the second block that make two channels of the stream 60 times as large as the others from there on. */
static void plant_in_outputs(struct vitbed *b)
{
    int64_t C = b->vit.config.C;
    const struct vit_block_rows *row = &b->vit.block[1];
    for (int i = 0; i < 2; i++) {
        int64_t channel = i ? C / 2 : C / 3;
        const struct param *w = &b->table.rows[i ? row->fc2_w : row->proj_w];
        for (int64_t k = 0; k < w->dims[1]; k++)
            values_of(b, i ? row->fc2_w : row->proj_w)[channel * w->dims[1] + k] *= 60;
        for (int64_t block = 2; block < b->vit.config.depth; block++) {
            scale_column(b, b->vit.block[block].qkv_w, channel, 0.05f);
            scale_column(b, b->vit.block[block].fc1_w, channel, 0.05f);
        }
        values_of(b, b->vit.norm_w)[channel] = 0.05f;
    }
}

static void plant(struct vitbed *b)
{
    for (int64_t i = 0; i < b->vit.config.depth; i++) {
        const struct vit_block_rows *row = &b->vit.block[i];
        plant_in_norm(b, row->norm1_w, row->norm1_b, row->qkv_w, i);
        plant_in_v(b, row, i);
        plant_in_norm(b, row->norm2_w, row->norm2_b, row->fc1_w, i + 1);
        plant_in_hidden(b, row);
    }
    plant_in_stream(b);
    plant_in_outputs(b);
}

/* ------------------------------------------------------------------ comparing */
/* Of white noise, of a gradient, of stripes: [IMAGES,3,side,side], for free() */
static float *draw_images(int64_t side)
{
    float *x = bed_take(IMAGES * 3 * side * side, sizeof *x);
    struct rng r = rng_stream(5, 0, 0, RNG_TEST);
    for (int64_t i = 0; i < 3 * side * side; i++) {
        x[i] = (float)rng_normal(&r);
        x[i + 3 * side * side] = (float)(i % side) * 4 / (float)side - 2 + 0.05f * x[i];
        x[i + 6 * side * side] = (i / side / 5 % 2 ? 1.5f : -1) + 0.2f * x[i];
    }
    return x;
}

struct cosines {
    double patch, class; /* the smallest */
};

/* Of int8, as --check has them. */
static double limit(enum precision_check_part part)
{
    return precision_check_limit(PRECISION_INT8, part);
}

static bool within_limits(struct cosines c)
{
    return c.patch >= limit(PRECISION_CHECK_PATCH) && c.class >= limit(PRECISION_CHECK_CLS);
}

static struct cosines compare(struct vitbed *b, const float *x, const float *y)
{
    int64_t C = b->vit.config.C, N = b->act->n_tokens[0];
    struct cosines c = {1, 1};
    for (int64_t t = 0; t < IMAGES * N; t++) {
        double *least = t % N ? &c.patch : &c.class, value = cosine(x + t * C, y + t * C, C);
        if (!(value >= *least))
            *least = value;
    }
    return c;
}

/* Normalised tokens [T,C], for free() */
static float *forward(struct vitbed *b, int64_t side, enum precision precision, const struct vit_packed *packed)
{
    struct vit_request r = {.n_inputs = 1, .precision = precision, .packed = packed,
                            .inputs = {{.B = IMAGES, .H = side, .W = side}}};
    bed_run(b, &r, NULL, NULL, NULL);
    return bed_host(b, b->act->normed);
}

/* given: NULL: fitted; else as it is */
static struct cosines in_int8(struct vitbed *b, int64_t side, const float *exact, const struct vit_quantization *given,
                              char *text)
{
    struct packed_weights packed;
    struct fmt_error e = {0};
    op_copy_in(&b->c, b->w.data, b->values);
    if (extract_pack_weights(&device, &b->vit, &b->w, PRECISION_INT8, given, &packed, &e)) {
        ok(false, "packed: %s", e.text);
        return (struct cosines){0, 0};
    }
    vit_quantization_text(given ? given : &packed.quantization, text);
    float *y = forward(b, side, PRECISION_INT8, &packed.weights);
    struct cosines c = compare(b, exact, y);
    free(y);
    packed_weights_release(&packed);
    return c;
}

/* q, of no smoothing, is fitted to the images. */
static void fit_to_images(struct vitbed *b, int64_t side, struct vit_quantization *q)
{
    const struct vit_observer range = {vit_quantization_see_range, q}, error = {vit_quantization_see_error, q};
    struct vit_request r = {.n_inputs = 1, .observer = &range, .inputs = {{.B = IMAGES, .H = side, .W = side}}};
    bed_run(b, &r, NULL, NULL, NULL);
    vit_quantization_smooth(&b->c, q);
    r.observer = &error;
    bed_run(b, &r, NULL, NULL, NULL);
}

static void check_limits(struct vitbed *b, int64_t side, const char *name)
{
    struct vit_quantization none;
    struct fmt_error e = {0};
    char text[VIT_QUANTIZE_TEXT_MAX];
    float *exact = forward(b, side, PRECISION_F32, NULL);
    struct cosines c = in_int8(b, side, exact, NULL, text);
    ok(within_limits(c), "%s, fitted to noise: patch %.4f, class %.4f; %s", name, c.patch, c.class, text);
    if (vit_quantization_init(&none, &b->vit, &b->w, &e))
        abort();
    c = in_int8(b, side, exact, &none, text);
    ok(c.patch < limit(PRECISION_CHECK_PATCH) && c.class < limit(PRECISION_CHECK_CLS),
       "%s, not smoothed: patch %.4f, class %.4f; %s", name, c.patch, c.class, text);
    fit_to_images(b, side, &none);
    c = in_int8(b, side, exact, &none, text);
    ok(within_limits(c), "%s, fitted to the images: patch %.4f, class %.4f; %s", name, c.patch, c.class, text);
    vit_quantization_release(&none);
    free(exact);
}

/* In each row of a weight one input that is 250 times as large as the others, in every row another one: nothing smooths
 * that. */
static void check_rule(struct vitbed *b, int64_t side)
{
    char text[VIT_QUANTIZE_TEXT_MAX];
    const struct vit_block_rows *row = &b->vit.block[2];
    const struct param *w = &b->table.rows[row->fc1_w];
    for (int64_t n = 0; n < w->dims[0]; n++)
        values_of(b, row->fc1_w)[n * w->dims[1] + n * 11 % w->dims[1]] = 250 / sqrtf((float)w->dims[1]);
    float *exact = forward(b, side, PRECISION_F32, NULL);
    struct cosines c = in_int8(b, side, exact, NULL, text);
    ok(strstr(text, "block 0, 2.fc1 (error ") != NULL, "what has large errors stays in bf16: %s", text);
    ok(within_limits(c), "which keeps the limits: patch %.4f, class %.4f", c.patch,
       c.class);
    free(exact);
}

static void pack(struct vitbed *b, struct packed_weights *packed)
{
    struct fmt_error e = {0};
    op_copy_in(&b->c, b->w.data, b->values);
    if (extract_pack_weights(&device, &b->vit, &b->w, PRECISION_INT8, NULL, packed, &e))
        ok(false, "packed: %s", e.text);
}

static void check_repetition(struct vitbed *b)
{
    struct packed_weights one, two;
    bool same = true;
    pack(b, &one);
    pack(b, &two);
    for (int64_t i = 0; i < b->vit.config.depth; i++)
        for (int k = 0; k < VIT_PRODUCTS; k++) {
            const struct vit_quantized_product *p = &one.quantization.product[i][k];
            const struct vit_quantized_product *q = &two.quantization.product[i][k];
            same = same && p->error == q->error &&
                   memcmp(p->smoothing, q->smoothing, (size_t)p->K * sizeof *p->smoothing) == 0;
        }
    ok(same, "the same smoothing and errors each time");
    packed_weights_release(&one);
    packed_weights_release(&two);
}

/* A product that is not finite is never quantised, and those after it see nothing finite. */
static void check_not_finite(struct vitbed *b)
{
    struct packed_weights packed;
    char text[VIT_QUANTIZE_TEXT_MAX];
    values_of(b, b->vit.block[1].fc2_w)[0] = NAN;
    pack(b, &packed);
    vit_quantization_text(&packed.quantization, text);
    ok(strstr(text, "3 of ") == text && strstr(text, "block 0, 1.fc2, block 2"), "not finite: %s", text);
    packed_weights_release(&packed);
}

/* Of the deepest network three products of each block: what has no room is counted. */
static void check_text(void)
{
    struct vit v = {.config = {.depth = VIT_DEPTH_MAX}};
    struct vit_quantization q = {.vit = &v};
    char text[VIT_QUANTIZE_TEXT_MAX];
    const char *last;
    for (int i = 0; i < VIT_DEPTH_MAX; i++)
        for (int k = 0; k < VIT_PRODUCTS; k++)
            q.product[i][k] = (struct vit_quantized_product){.N = 8, .K = 8, .error = k ? 0.25 : 0};
    vit_quantization_text(&q, text);
    int shown = 0, more = 0;
    for (const char *at = text; (at = strstr(at, "(error 25.0 %)")); at++)
        shown++;
    last = strstr(text, ", and ");
    if (!last || sscanf(last, ", and %d more", &more) != 1)
        more = 0;
    ok(strstr(text, "64 of 256 products in int8; in bf16 (first and last block, errors above 3 %): "
                    "0.proj (error 25.0 %), 0.fc1") == text && shown > 0 && more > 0 && shown + more == 192,
       "%d products are listed, %d counted", shown, more);
}

static struct vit_config narrow(void)
{
    return (struct vit_config){.C = 320, .depth = 5, .n_heads = 5, .patch = 8, .grid = 8, .ffn = VIT_MLP,
                               .hidden = 1280, .qkv_bias = true, .proj_bias = true, .ffn_bias = true};
}

static struct vit_config published(const char *arch)
{
    bool large = strcmp(arch, "vit_large") == 0;
    struct vit_config c = narrow();
    c.C = large ? 1024 : 768, c.depth = large ? 24 : 12, c.n_heads = c.C / 64, c.hidden = 4 * c.C;
    c.patch = 14, c.grid = 16;
    return c;
}

int main(int argc, char **argv)
{
    struct vitbed b;
    check_text();
    device = test_device(2);
    if (!device.backend->supports(DTYPE_I8) || !device.backend->supports(DTYPE_BF16)) {
        skip("this processor has no instructions for it", "int8");
        return tap_done();
    }
    struct vit_config config = argc > 1 ? published(argv[1]) : narrow();
    int64_t side = config.patch * config.grid;
    bed_init(&b, &config);
    b.c.pool = device.pool;
    b.images.values[0] = draw_images(side);
    draw_values(&b);
    check_rule(&b, side);
    draw_values(&b);
    plant(&b);
    check_limits(&b, side, "large channels");
    check_repetition(&b);
    check_not_finite(&b);
    free((void *)(uintptr_t)b.images.values[0]);
    bed_release(&b);
    thread_close(device.pool);
    return tap_done();
}
