/* test-weights-quantized.c - files of weights in int8: what is written is what is packed, bit by bit, with any number
 * of threads; float32 is refused; so is what is hostile in such a file. */
#include <math.h>

#include "calibrate.h"
#include "device-copies.h"
#include "weights-quantized.h"
#include "weightsbed.h"

static struct device device;

/* A network of float32 on the device, fitted to noise. */
struct fitted {
    struct weights w;
    struct vit vit;
    struct params table;
    struct device_memory memory;
    struct params_array values;
    struct vit_quantization q;
};

/* Of the last product of the middle block the error is too large. */
static bool fit(struct fitted *f, const char *name)
{
    struct fmt_error e = {0};
    *f = (struct fitted){.table = {0}};
    if (weights_open(&f->w, tap_golden(name), &plain, &e) || vit_params(&f->vit, &f->w.vit, &f->table, &e))
        return ok(false, "%s: %s", name, e.text);
    device_memory_open(&f->memory, 1, (size_t)(f->table.count + 64) * sizeof(float));
    f->values = params_array_take(&f->memory.memory, &f->table, DTYPE_F32);
    bool good = weights_load(&f->w, &f->memory.c, &f->values, WEIGHTS_BACKBONE, &e) == 0 &&
                vit_quantization_init(&f->q, &f->vit, &f->values, &e) == 0 &&
                calibrate_without_images(&f->q, &device, &e) == 0;
    f->q.product[1][VIT_FC2].error = 1;
    return ok(good, "%s is fitted %s", name, e.text);
}

static void release(struct fitted *f)
{
    vit_quantization_release(&f->q);
    params_release(&f->table);
    device_memory_close(&f->memory);
    weights_close(&f->w);
}

static const char *write_quantized(struct fitted *f, const char *name)
{
    struct fmt_error e = {0};
    struct weights_export x;
    struct weights_origin origin = {0};
    struct weights_meta meta;
    struct file_out out;
    struct weights_export_options how = {.dtype = DTYPE_F32};
    const char *path = scratch_file(name);
    if (weights_export_list(&x, &f->w, &f->table, &how, &e) || weights_meta_make(&meta, &f->w, &origin, &e) ||
        file_create(&out, path, &e))
        exit(1);
    struct fmt_writer io = file_writer(&out);
    int status = weights_quantized_write(&io, &device, &x, &f->q, &meta, &e);
    ok(status == 0 && file_commit(&out, &e) == 0, "written %s", e.text);
    weights_meta_release(&meta);
    weights_export_release(&x);
    return path;
}

/* ------------------------------------------------------------------ what is read is what was meant */
static bool same_bytes(struct op_ctx *c, struct tensor a, struct tensor b)
{
    if (!tensor_given(a) && !tensor_given(b))
        return true;
    int64_t n = (int64_t)c->backend->packed_bytes(a.dtype, a.dims[0], a.dims[1]);
    bool same = a.dtype == b.dtype && a.dims[0] == b.dims[0] && a.dims[1] == b.dims[1];
    a.packed = b.packed = false;
    a.dtype = b.dtype = DTYPE_U8;
    a.n_dims = b.n_dims = 1;
    a.dims[0] = b.dims[0] = n;
    uint8_t *x = copy_to_host(c, a), *y = copy_to_host(c, b);
    same = same && memcmp(x, y, (size_t)n) == 0;
    free(x), free(y);
    return same;
}

/* The file's packed weights are those that the fit makes from float32. */
static void check_packed(struct fitted *f, const char *path, int n_threads)
{
    struct fmt_error e = {0};
    struct device own = test_device(n_threads);
    struct weights w;
    struct device_memory m;
    struct packed_weights stored, made;
    uint8_t hash[DIGEST_BYTES], of_file[DIGEST_BYTES], of_f32[DIGEST_BYTES];
    struct params table = {0};
    if (vit_params(&f->vit, &f->w.vit, &table, &e)) /* as the fitted one, in another order */
        exit(1);
    int64_t count = weights_put_products_last(&table);
    device_memory_open(&m, 1, (size_t)(count + 64) * sizeof(float));
    struct params_array values = params_array_take_part(&m.memory, &table, DTYPE_F32, 0, count);
    ok(count < table.count / 4 && count > 0, "%lld of %lld values are not of products", (long long)count,
       (long long)table.count);
    if (!ok(weights_open(&w, path, &plain, &e) == 0 && w.quantized &&
                weights_load_quantized(&w, &own, &f->vit, &values, WEIGHTS_BACKBONE, &stored, hash, &e) == 0 &&
                extract_pack_weights(&device, &f->vit, &f->values, PRECISION_INT8, &f->q, &made, &e) == 0,
            "loaded by %d %s", n_threads, e.text))
        return;
    bool same = same_bytes(&m.c, stored.weights.patch, made.weights.patch);
    int n_int8 = 0;
    for (int64_t i = 0; i < f->vit.config.depth; i++)
        for (int k = 0; k < VIT_PRODUCTS; k++) {
            same = same && same_bytes(&m.c, stored.weights.block[i][k], made.weights.block[i][k]);
            n_int8 += stored.weights.block[i][k].dtype == DTYPE_I8;
        }
    ok(same && n_int8 == 3, "%d products in int8, every packed weight as from float32", n_int8);
    char text[VIT_QUANTIZE_TEXT_MAX];
    is_text(vit_quantization_text(&stored.quantization, text),
            "3 of 12 products in int8; in bf16 (first and last block, errors above 3 %): block 0, 1.fc2, block 2; "
            "patch embedding in float32", "named so");
    ok(weights_hash_tensors(&w, &f->table, WEIGHTS_BACKBONE, of_file, &e) == 0 &&
           memcmp(hash, of_file, sizeof hash) == 0 &&
           weights_hash_tensors(&f->w, &f->table, WEIGHTS_BACKBONE, of_f32, &e) == 0 &&
           memcmp(hash, of_f32, sizeof hash) != 0,
       "the hash of the file, which is another than that of float32 %s", e.text);
    packed_weights_release(&stored);
    packed_weights_release(&made);
    params_release(&table);
    device_memory_close(&m);
    weights_close(&w);
    thread_close(own.pool);
}

/* weights.h refuses such a file where it needs float32. */
static void check_refused(struct fitted *f, const char *path)
{
    struct fmt_error e = {0};
    struct weights w;
    if (weights_open(&w, path, &plain, &e))
        exit(1);
    ok(weights_load(&w, &f->memory.c, &f->values, WEIGHTS_BACKBONE, &e) == FMT_UNSUPPORTED &&
           strstr(e.text, "quantised to int8; this needs the weights in float32"), "%s", e.text);
    weights_close(&w);
}

/* ------------------------------------------------------------------ hostile files */
struct change {
    const char *tensor, *what; /* what is wrong with it */
    enum dtype dtype;          /* DTYPE_NONE: as it is */
    int64_t rows;              /* 0: as it is */
    float first;               /* its first element; 0: as it is */
    const char *left_out;      /* a tensor */
    const char *expected;      /* in the message or the list of problems */
};

struct changing {
    const struct change *change;
    const struct named_tensor *from[256];
};

static int read_changed(void *arg, int64_t i, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    const struct changing *c = arg;
    int status = named_tensor_read_f32(c->from[i], first, n, out, e);
    if (first == 0 && strcmp(c->from[i]->name, c->change->tensor) == 0)
        out[0] = c->change->first != 0 ? c->change->first : out[0];
    return status;
}

static const char *write_changed(const struct named_tensor_set *set, const struct change *change, const char *how)
{
    static struct named_tensor_out out[256];
    struct changing c = {.change = change};
    struct named_tensor_values values = {&c, read_changed};
    char key[] = WEIGHTS_QUANTIZED_KEY;
    struct named_tensor_meta meta = {key, (char *)(uintptr_t)how};
    struct fmt_error e = {0};
    struct file_out f;
    int64_t n = 0;
    for (int64_t i = 0; i < set->n; i++) {
        const struct named_tensor *t = &set->item[i];
        bool changed = strcmp(t->name, change->tensor) == 0;
        if (change->left_out && strcmp(t->name, change->left_out) == 0)
            continue;
        out[n] = (struct named_tensor_out){.name = t->name, .dtype = t->dtype, .n_dims = t->n_dims};
        memcpy(out[n].dims, t->dims, sizeof out[n].dims);
        if (changed && change->dtype != DTYPE_NONE)
            out[n].dtype = change->dtype;
        if (changed && change->rows > 0)
            out[n].dims[0] = change->rows;
        c.from[n++] = t;
    }
    const char *path = scratch_file("changed.safetensors");
    if (file_create(&f, path, &e))
        exit(1);
    struct fmt_writer io = file_writer(&f);
    if (safetensors_write(&io, out, n, &meta, 1, &values, &e) || file_commit(&f, &e))
        exit(1);
    return path;
}

static void check_change(struct fitted *f, const struct named_tensor_set *set, const struct change *change)
{
    struct fmt_error e = {0};
    struct weights w;
    struct packed_weights packed;
    uint8_t hash[DIGEST_BYTES];
    bool named = false;
    if (weights_open(&w, write_changed(set, change, WEIGHTS_QUANTIZED_INT8), &plain, &e)) {
        ok(false, "%s: %s", change->what, e.text);
        return;
    }
    int status = weights_load_quantized(&w, &device, &f->vit, &f->values, WEIGHTS_BACKBONE, &packed, hash, &e);
    for (int64_t i = 0; i < w.n_problems; i++)
        named = named || strstr(w.problem[i], change->expected);
    ok(status != 0 && (named || strstr(e.text, change->expected)), "%s: %s", change->what, e.text);
    weights_close(&w);
}

#define QKV "backbone.blocks.1.attn.qkv."
static const struct change changes[] = {
    {QKV "weight", "float32 where int8 is meant", DTYPE_F32, 0, 0, NULL, "qkv.weight is F32: a product is I8 or BF16"},
    {QKV "weight", "bf16 with a scale", DTYPE_BF16, 0, 0, NULL, "qkv.weight_scale belongs nowhere"},
    {QKV "weight", "-128", 0, 0, -128, NULL, "holds -128"},
    {QKV "weight", "a row less", 0, 191, 0, NULL, "qkv.weight is [191,64]"},
    {"", "no scale", 0, 0, 0, QKV "weight_scale", "qkv.weight_scale is missing"},
    {"", "no smoothing", 0, 0, 0, QKV "smoothing", "qkv.smoothing is missing"},
    {"", "no integers", 0, 0, 0, QKV "weight", "qkv.weight is missing"},
    {QKV "weight_scale", "a scale of halves", DTYPE_F16, 0, 0, NULL, "weight_scale is F16 [192], not F32 [192]"},
    {QKV "weight_scale", "a scale less", 0, 191, 0, NULL, "weight_scale is F32 [191], not F32 [192]"},
    {QKV "weight_scale", "a scale of NaN", 0, 0, NAN, NULL, "weight_scale holds numbers that are not finite"},
    {QKV "weight_scale", "a negative scale", 0, 0, -1, NULL, "weight_scale holds negative scales"},
    {QKV "smoothing", "a smoothing of infinity", 0, 0, INFINITY, NULL, "smoothing holds numbers that are not finite"},
    {QKV "smoothing", "a negative smoothing", 0, 0, -1, NULL, "smoothing holds numbers that nothing can be divided"},
    {QKV "smoothing", "one smoothing less", 0, 63, 0, NULL, "smoothing is F32 [63], not F32 [64]"},
    {"backbone.blocks.0.attn.qkv.weight", "a product of NaN in bf16", 0, 0, NAN, NULL, "qkv.weight holds numbers that"},
    {"backbone.norm.weight", "a norm in int8", DTYPE_I8, 0, 0, NULL, "norm.weight is I8, not floating-point"},
};

static void hostile(struct fitted *f, const char *path)
{
    struct fmt_error e = {0};
    struct tensorfile file;
    struct weights w;
    if (tensorfile_open(&file, path, &e))
        exit(1);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        check_change(f, &file.set, &changes[i]);
    ok(weights_open(&w, write_changed(&file.set, &(struct change){.tensor = ""}, "int4"), &plain, &e) ==
               FMT_UNSUPPORTED && strstr(e.text, "int4"), "%s", e.text);
    tensorfile_close(&file);
}

int main(void)
{
    device = test_device(2);
    if (!device.backend->supports(DTYPE_I8) || !device.backend->supports(DTYPE_BF16)) {
        skip("this processor has no instructions for it", "int8");
        return tap_done();
    }
    static const char *const networks[] = {"vit_plain.pth", "vit_swiglu.pth"};
    for (int i = 0; i < 2; i++) {
        struct fitted f;
        char path[400];
        if (!fit(&f, networks[i]))
            continue;
        snprintf(path, sizeof path, "%s", write_quantized(&f, "int8.safetensors"));
        check_packed(&f, path, 1);
        check_packed(&f, path, 4);
        check_refused(&f, path);
        if (i == 0)
            hostile(&f, path);
        release(&f);
    }
    thread_close(device.pool);
    return tap_done();
}
