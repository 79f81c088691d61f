/* The backbone against the published code's numbers: golden/vit_*.safetensors, weights from golden/vit_*.pth. Every
 * size, mask and layer that the files hold; then gradients. */
#include <math.h>

#include "weights.h"
#include "model.h"
#include "vitbed.h"

static const double ABSOLUTE = 1e-5, RELATIVE = 1e-4, GRADIENT = 1e-4;

static bool is_true(const struct golden *g, const char *key)
{
    const char *text = named_tensor_meta_find(&g->set, key);
    return text && strcmp(text, "True") == 0;
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
        status = weights_load(&w, &b->table, WEIGHTS_BACKBONE, b->values, &e);
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
static void compare_part(const struct vitbed *b, struct golden *g, const float *x, int64_t first, int64_t n,
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

static void compare_norm(const struct vitbed *b, struct golden *g, const char *prefix)
{
    const struct vit_activations *p = b->pass;
    int64_t R = b->vit.config.R, N = p->n_tokens[0];
    compare_part(b, g, p->normed, 0, 1, prefix, "x_norm_clstoken");
    compare_part(b, g, p->normed, 1, R, prefix, "x_norm_regtokens");
    compare_part(b, g, p->normed, 1 + R, N - 1 - R, prefix, "x_norm_patchtokens");
}

/* Block outputs "intermediate<k>" (of the last two blocks, normalised) and "raw_block<i>" (patches as a map). */
static void compare_layers(struct vitbed *b, struct golden *g, const char *prefix)
{
    const struct vit_activations *p = b->pass;
    int64_t R = b->vit.config.R, P = p->n_tokens[0] - 1 - R, C = b->vit.config.C, B = p->request.inputs[0].B;
    char name[96];
    for (int64_t i = 0; i < b->vit.config.depth; i++) {
        float *normed = bed_take(p->T * C, sizeof *normed);
        vit_final_norm(&b->c, &b->vit, b->values, normed, p->layers[i], p->T);
        int64_t k = i - (b->vit.config.depth - 2);
        snprintf(name, sizeof name, "intermediate%d.cls", (int)k);
        compare_part(b, g, normed, 0, 1, prefix, name);
        snprintf(name, sizeof name, "intermediate%d.patch", (int)k);
        compare_part(b, g, normed, 1 + R, P, prefix, name);
        free(normed);
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

static struct vit_input input_of(struct golden *g, const char *name)
{
    const struct named_tensor *t = golden_find(g, name);
    return (struct vit_input){.B = t->dims[0], .H = t->dims[2], .W = t->dims[3], .values = golden_f32(g, name, NULL)};
}

static bool forward_at(struct vitbed *b, struct golden *g, int size)
{
    char prefix[32], name[64];
    snprintf(prefix, sizeof prefix, "%d.", size);
    snprintf(name, sizeof name, "%simage", prefix);
    if (!golden_find(g, name))
        return false;
    struct vit_request r = {.n_inputs = 1, .return_tokens = true, .inputs = {input_of(g, name)}};
    for (int64_t i = 0; i < b->vit.config.depth; i++)
        r.return_layer[i] = true;
    bed_run(b, &r, NULL, NULL, NULL);
    int64_t N = b->pass->n_tokens[0];
    float *pos = bed_take((N - b->vit.config.R) * b->vit.config.C, sizeof *pos);
    vit_positions(&b->c, &b->vit, b->values, r.inputs[0].H, r.inputs[0].W, pos);
    compare(g, pos, "%s%s", prefix, "pos_embed");
    free(pos);
    compare_part(b, g, b->pass->tokens, 0, N, prefix, "tokens");
    compare_part(b, g, b->pass->prenorm, 0, N, prefix, "x_prenorm");
    compare_norm(b, g, prefix);
    compare_layers(b, g, prefix);
    snprintf(name, sizeof name, "%smasks", prefix);
    if (golden_find(g, name)) {
        int64_t n;
        uint8_t *masks = masks_of(g, name, &n);
        r.inputs[0].masks = masks;
        bed_run(b, &r, NULL, NULL, NULL);
        snprintf(name, sizeof name, "%smasked.", prefix);
        compare_norm(b, g, name);
        free(masks);
    }
    return true;
}

/* Weights turned for extraction give the same features to rounding. */
static void turned(struct vitbed *b, struct golden *g)
{
    struct fmt_error e = {0};
    device_arena_release(&b->scratch); /* planned, then taken */
    if (vit_transpose_weights(&b->c, &b->vit, NULL) &&
        device_arena_init(&b->scratch, b->c.backend, b->scratch.high, &e))
        abort();
    if (!vit_transpose_weights(&b->c, &b->vit, b->values)) {
        skip("this processor multiplies as well without", "turned weights");
        return;
    }
    struct vit_request r = {.n_inputs = 1, .weights_transposed = true, .inputs = {input_of(g, "1.image")}};
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
        turned(&b, &g);
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

static void gradients(const char *name)
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
        struct vit_request r = {.n_inputs = 1, .save_for_backward = true, .inputs = {input_of(&g, "image")}};
        r.inputs[0].masks = masks;
        float *grads = bed_take(b.table.count, sizeof *grads);
        bed_run(&b, &r, grads, given_gradient, &g);
        for (int i = 0; i < b.table.n_rows; i++) {
            char text[128];
            snprintf(text, sizeof text, "grad.%s", b.table.rows[i].name + strlen("backbone."));
            is_near(grads + b.table.rows[i].offset, golden_f32(&g, text, NULL), b.table.rows[i].count, GRADIENT,
                    "%s %s", name, text);
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
        float y[4], want[4];
        struct vitbed b;
        bed_init(&b, &config);
        ok(device_arena_init(&b.scratch, b.c.backend, 1 << 12, &e) == 0, "memory for a norm");
        for (int i = 0; i < 4; i++) {
            b.values[b.vit.norm_w + i] = 1;
            want[i] = (float)((x[i] - mean) / sqrt(variance + (eps[k] > 0 ? eps[k] : 1e-6)));
        }
        vit_final_norm(&b.c, &b.vit, b.values, y, x, 1);
        is_close(y, want, 4, 1e-6, 1e-5, "rows of small variance with an epsilon of %g", eps[k]);
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
        gradients(names[i]);
    return tap_done();
}
