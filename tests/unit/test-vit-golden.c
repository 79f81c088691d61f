/* The backbone against the published code's numbers: golden/vit_*.safetensors, weights from golden/vit_*.pth. Every
 * size, mask and layer that the files hold; then gradients. */
#include <math.h>

#include "weights.h"
#include "model.h"
#include "vit-pack.h"
#include "vitbed.h"

static const double ABSOLUTE = 1e-5, RELATIVE = 1e-4, GRADIENT = 1e-4, GRADIENT_BF16 = 0.03;

static bool is_true(const struct golden *g, const char *key)
{
    const char *text = named_tensor_meta_find(&g->set, key);
    return text && strcmp(text, "True") == 0;
}

/* Through the device, as tools load them. */
static int load_values(struct vitbed *b, struct weights *w, struct fmt_error *e)
{
    device_arena_release(&b->scratch);
    if (device_arena_init(&b->scratch, b->c.backend, 0, e))
        return FMT_MEMORY;
    int status = weights_load(w, &b->c, &b->w, WEIGHTS_BACKBONE, e);
    op_copy_out(&b->c, b->values, b->w.data);
    return status ? status : op_sync(&b->c, e);
}

/* The network of a golden file, which states what tensors cannot say: heads and resampling. */
static bool bed_load(struct vitbed *b, const struct golden *g, const char *name)
{
    struct fmt_error e = {0};
    struct weights w;
    char path[64];
    snprintf(path, sizeof path, "%s.pth", name);
    int status = weights_open(&w, tap_golden(path), &(struct weights_hint){.tensors_only = true}, &e);
    if (status == 0) {
        struct vit_config config = w.vit;
        config.n_heads = (int64_t)golden_number(g, "num_heads", 0);
        config.antialias = is_true(g, "interpolate_antialias");
        config.offset = golden_number(g, "interpolate_offset", 0);
        bed_init(b, &config);
        status = load_values(b, &w, &e);
        weights_close(&w);
    }
    return ok(status == 0, "%s: weights can be loaded %s", name, e.text);
}

static void compare(struct golden *g, const float *x, const char *format, const char *prefix, const char *what)
{
    char name[96];
    snprintf(name, sizeof name, format, prefix, what);
    int64_t n;
    const float *want = golden_f32(g, name, &n);
    is_close(x, want, n, ABSOLUTE, RELATIVE, "%s", name);
}

/* A part of the output against "<prefix><what>", where the file has it. */
static void compare_part(struct vitbed *b, struct golden *g, struct tensor x, int64_t first, int64_t n,
                         const char *prefix, const char *what)
{
    char name[96];
    snprintf(name, sizeof name, "%s%s", prefix, what);
    if (!golden_find(g, name))
        return;
    float *part = bed_part(b, x, 0, first, n);
    compare(g, part, "%s%s", prefix, what);
    free(part);
}

static void compare_norm(struct vitbed *b, struct golden *g, const char *prefix)
{
    const struct vit_activations *p = b->act;
    int64_t R = b->vit.config.R, N = p->n_tokens[0];
    compare_part(b, g, p->normed, 0, 1, prefix, "x_norm_clstoken");
    compare_part(b, g, p->normed, 1, R, prefix, "x_norm_regtokens");
    compare_part(b, g, p->normed, 1 + R, N - 1 - R, prefix, "x_norm_patchtokens");
}

/* A tensor beside those of a pass. */
static struct tensor take_extra(struct vitbed *b, int64_t n, int64_t C)
{
    b->extra.used = 0;
    return TENSOR_TAKE(&b->extra, DTYPE_F32, n, C);
}

/* Block outputs "intermediate<k>" (of the last two blocks, normalised) and "raw_block<i>" (patches as a map). */
static void compare_layers(struct vitbed *b, struct golden *g, const char *prefix)
{
    const struct vit_activations *p = b->act;
    int64_t R = b->vit.config.R, P = p->n_tokens[0] - 1 - R, C = b->vit.config.C, B = p->request.inputs[0].B;
    char name[96];
    for (int64_t i = 0; i < b->vit.config.depth; i++) {
        struct tensor normed = take_extra(b, p->T, C);
        vit_final_norm(&b->c, &b->vit, &b->w, normed, p->layers[i]);
        int64_t k = i - (b->vit.config.depth - 2);
        snprintf(name, sizeof name, "intermediate%d.cls", (int)k);
        compare_part(b, g, normed, 0, 1, prefix, name);
        snprintf(name, sizeof name, "intermediate%d.patch", (int)k);
        compare_part(b, g, normed, 1 + R, P, prefix, name);
        snprintf(name, sizeof name, "raw_block%d.cls", (int)i);
        compare_part(b, g, p->layers[i], 0, 1, prefix, name);
        snprintf(name, sizeof name, "%sraw_block%d.patch_map", prefix, (int)i);
        if (!golden_find(g, name))
            continue;
        float *part = bed_part(b, p->layers[i], 0, 1 + R, P), *map = bed_take(B * P * C, sizeof *map);
        for (int64_t at = 0; at < B * P * C; at++)
            map[(at / (P * C) * C + at % C) * P + at / C % P] = part[at];
        compare(g, map, "%s%s", name, "");
        free(part);
        free(map);
    }
}

static uint8_t *masks_of(struct golden *g, const char *name, int64_t *n)
{
    const float *f = golden_f32(g, name, n);
    uint8_t *m = bed_take(*n, 1);
    for (int64_t i = 0; i < *n; i++)
        m[i] = f[i] != 0;
    return m;
}

/* The image of that name, and no masks. */
static struct vit_input input_of(struct vitbed *b, struct golden *g, const char *name)
{
    const struct named_tensor *t = golden_find(g, name);
    b->images = (struct bed_images){.values = {golden_f32(g, name, NULL)}};
    return (struct vit_input){.B = t->dims[0], .H = t->dims[2], .W = t->dims[3]};
}

static bool forward_at(struct vitbed *b, struct golden *g, int size)
{
    char prefix[32], name[64];
    snprintf(prefix, sizeof prefix, "%d.", size);
    snprintf(name, sizeof name, "%simage", prefix);
    if (!golden_find(g, name))
        return false;
    struct vit_request r = {.n_inputs = 1, .return_tokens = true, .inputs = {input_of(b, g, name)}};
    for (int64_t i = 0; i < b->vit.config.depth; i++)
        r.return_layer[i] = true;
    bed_run(b, &r, NULL, NULL, NULL);
    int64_t N = b->act->n_tokens[0];
    struct tensor positions = take_extra(b, N - b->vit.config.R, b->vit.config.C);
    vit_positions(&b->c, &b->vit, &b->w, r.inputs[0].H, r.inputs[0].W, &b->host, positions);
    float *pos = bed_host(b, positions);
    compare(g, pos, "%s%s", prefix, "pos_embed");
    free(pos);
    compare_part(b, g, b->act->tokens, 0, N, prefix, "tokens");
    compare_part(b, g, b->act->prenorm, 0, N, prefix, "x_prenorm");
    compare_norm(b, g, prefix);
    compare_layers(b, g, prefix);
    snprintf(name, sizeof name, "%smasks", prefix);
    if (golden_find(g, name)) {
        int64_t n;
        uint8_t *masks = masks_of(g, name, &n);
        b->images.masks[0] = masks;
        bed_run(b, &r, NULL, NULL, NULL);
        snprintf(name, sizeof name, "%smasked.", prefix);
        compare_norm(b, g, name);
        free(masks);
    }
    return true;
}

/* Weights packed for extraction give the same features to rounding. */
static void packed(struct vitbed *b, struct golden *g)
{
    struct fmt_error e = {0};
    struct device_arena none = {0}; /* float32 is packed in place */
    struct vit_packed packed;
    device_arena_release(&b->scratch); /* planned, then taken */
    vit_pack(&b->c, &b->vit, &b->w, PRECISION_F32, NULL, &none, &packed);
    if (device_arena_init(&b->scratch, b->c.backend, b->scratch.high, &e))
        abort();
    vit_pack(&b->c, &b->vit, &b->w, PRECISION_F32, NULL, &none, &packed);
    op_copy_out(&b->c, b->values, b->w.data); /* from where a run takes them */
    struct vit_request r = {.n_inputs = 1, .packed = &packed, .inputs = {input_of(b, g, "1.image")}};
    bed_run(b, &r, NULL, NULL, NULL);
    compare_norm(b, g, "1.");
}

static void forward(const char *name)
{
    struct golden g;
    struct vitbed b;
    char file[64];
    snprintf(file, sizeof file, "%s.safetensors", name);
    if (!golden_open(&g, file))
        return;
    if (bed_load(&b, &g, name)) {
        int sizes = 0;
        while (forward_at(&b, &g, sizes))
            sizes++;
        ok(sizes > 0, "%s: %d sizes", name, sizes);
        packed(&b, &g);
        bed_release(&b);
    }
    golden_close(&g);
}

/* ------------------------------------------------------------------ gradients */

static void given_gradient(void *arg, const struct vit_activations *p, float *d)
{
    struct golden *g = arg;
    static const char *const names[3] = {"d_clstoken", "d_regtokens", "d_patchtokens"};
    int64_t B = p->request.inputs[0].B, N = p->n_tokens[0], C = 0, first = 0;
    for (int k = 0; k < 3; k++) {
        const struct named_tensor *t = golden_find(g, names[k]);
        if (!t)
            continue;
        C = t->dims[t->n_dims - 1];
        int64_t n = t->n / B / C;
        const float *from = golden_f32(g, names[k], NULL);
        for (int64_t i = 0; i < B; i++)
            memcpy(d + (i * N + first) * C, from + i * n * C, (size_t)(n * C) * sizeof *d);
        first += n;
    }
    is_int(first, N, "the given gradients cover all tokens");
}

/* limit: of the distance in L2, relative to the gradient of a row of the table. A distance of d is a cosine of
 * 1 - d^2 / 2. */
static void gradients(const char *name, enum precision precision, double limit)
{
    struct golden g;
    struct vitbed b;
    char file[64];
    snprintf(file, sizeof file, "%s_grad.safetensors", name);
    if (!golden_open(&g, file))
        return;
    if (bed_load(&b, &g, name)) {
        int64_t n;
        uint8_t *masks = masks_of(&g, "masks", &n);
        struct vit_request r = {.n_inputs = 1, .save_for_backward = true, .inputs = {input_of(&b, &g, "image")},
                                .precision = precision};
        b.images.masks[0] = masks;
        float *grads = bed_take(b.table.count, sizeof *grads);
        bed_run(&b, &r, grads, given_gradient, &g);
        for (int i = 0; i < b.table.n_rows; i++) {
            char text[128];
            snprintf(text, sizeof text, "grad.%s", b.table.rows[i].name + strlen("backbone."));
            is_near(grads + b.table.rows[i].offset, golden_f32(&g, text, NULL), b.table.rows[i].count, limit,
                    "%s %s %s", name, precision_name(precision), text);
        }
        free(grads);
        free(masks);
        bed_release(&b);
    }
    golden_close(&g);
}

/* Norms have the epsilon of the settings; nothing said: 1e-6. */
static void epsilon(void)
{
    struct config c;
    struct fmt_error e = {0};
    config_init(&c);
    is_close((float[]){(float)model_vit(&c).eps}, (float[]){1e-6f}, 1, 0, 0, "as published, if nothing is said");
    ok(config_set(&c, "student.layer_norm_eps=0.05", &e) == 0 && model_vit(&c).eps == 0.05, "a setting %s", e.text);
    config_release(&c);
    static const double eps[] = {0, 0.05};
    for (int k = 0; k < 2; k++) {
        const struct vit_config config = {.C = 4, .depth = 1, .n_heads = 1, .patch = 2, .grid = 2, .hidden = 4,
                                          .qkv_bias = true, .proj_bias = true, .ffn_bias = true, .eps = eps[k]};
        const float x[4] = {0.001f, 0.002f, 0.003f, 0.006f};
        const double mean = 0.003, variance = 3.5e-6;
        float want[4];
        struct vitbed b;
        bed_init(&b, &config);
        ok(device_arena_init(&b.scratch, b.c.backend, 1 << 12, &e) == 0, "memory for a norm");
        for (int i = 0; i < 4; i++) {
            want[i] = (float)((x[i] - mean) / sqrt(variance + (eps[k] > 0 ? eps[k] : 1e-6)));
        }
        const float ones[4] = {1, 1, 1, 1};
        struct tensor rows = take_extra(&b, 1, 4);
        params_clear(&b.c, &b.w);
        params_write(&b.c, &b.w, b.vit.norm_w, 0, 4, ones);
        op_copy_in(&b.c, rows, x);
        vit_final_norm(&b.c, &b.vit, &b.w, rows, rows);
        float *y = bed_host(&b, rows);
        is_close(y, want, 4, 1e-6, 1e-5, "rows of small variance with an epsilon of %g", eps[k]);
        free(y);
        bed_release(&b);
    }
}

int main(void)
{
    epsilon();
    static const char *const names[] = {"vit_plain", "vit_reg4", "vit_swiglu", "vit_chunked"};
    for (int i = 0; i < 4; i++)
        forward(names[i]);
    for (int i = 0; i < 3; i++)
        gradients(names[i], PRECISION_F32, GRADIENT);
    if (!test_backend()->supports(DTYPE_BF16))
        skip("this processor has no instructions for it", "gradients in bf16");
    else
        for (int i = 0; i < 3; i++)
            gradients(names[i], PRECISION_BF16, GRADIENT_BF16);
    return tap_done();
}
