/* test-weights-load.c - tensors larger than what is copied at once: their values, their parts, their hash, and numbers
 * that are not finite. */
#include <math.h>

#include "rng.h"
#include "weightsbed.h"

/* One block, 192 wide: a weight of query, key and value together has 110592 elements. */
static const struct vit_config config = {.C = 192, .depth = 1, .n_heads = 3, .patch = 14, .grid = 4, .hidden = 768,
                                         .layerscale = 1, .qkv_bias = true, .proj_bias = true, .ffn_bias = true};

/* What a file is written from: each tensor a run of values. */
struct source {
    struct named_tensor_out out[64];
    char name[64][PARAMS_NAME_MAX];
    const float *values[64];
    int n;
};

static int read_source(void *arg, int64_t i, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    const struct source *s = arg;
    (void)e;
    memcpy(out, s->values[i] + first, (size_t)n * sizeof *out);
    return 0;
}

static void add_source(struct source *s, const char *name, const struct param *row, int64_t first_row, int64_t n_rows,
                       const float *values)
{
    int64_t of_row = row->count / row->dims[0];
    struct named_tensor_out *out = &s->out[s->n];
    snprintf(s->name[s->n], PARAMS_NAME_MAX, "%s", name);
    *out = (struct named_tensor_out){.name = s->name[s->n], .dtype = DTYPE_F32, .n_dims = row->n_dims};
    memcpy(out->dims, row->dims, (size_t)row->n_dims * sizeof *row->dims);
    out->dims[0] = n_rows;
    s->values[s->n++] = values + row->offset + first_row * of_row;
}

/* Published names; query, key and value apart, as Hugging Face has them, where asked for. */
static const char *write_file(const struct params *t, const float *values, bool apart)
{
    static const char *const part[] = {"query", "key", "value"};
    static struct source s;
    struct named_tensor_values from = {&s, read_source};
    struct fmt_error e = {0};
    struct file_out f;
    s.n = 0;
    for (int i = 0; i < t->n_rows; i++) {
        const struct param *row = &t->rows[i];
        const char *qkv = strstr(row->name, "attn.qkv.");
        for (int k = 0; k < 3 && qkv && apart; k++) {
            char name[PARAMS_NAME_MAX];
            snprintf(name, sizeof name, "encoder.layer.0.attention.attention.%s.%s", part[k],
                     qkv + strlen("attn.qkv."));
            add_source(&s, name, row, k * config.C, config.C, values);
        }
        if (!qkv || !apart)
            add_source(&s, row->name + strlen("backbone."), row, 0, row->dims[0], values);
    }
    const char *path = scratch_file("large.safetensors");
    if (file_create(&f, path, &e))
        exit(1);
    struct fmt_writer io = file_writer(&f);
    if (safetensors_write(&io, s.out, s.n, NULL, 0, &from, &e) || file_commit(&f, &e))
        exit(1);
    return path;
}

static void draw_values(const struct params *t, float *values)
{
    struct rng r = rng_stream(11, 0, 0, RNG_TEST);
    for (int i = 0; i < t->n_rows; i++)
        for (int64_t k = 0; k < t->rows[i].count; k++)
            values[t->rows[i].offset + k] = (float)rng_normal(&r);
}

/* The hash of an array on the device, and that of the file. */
static void check_hash(struct network *n, const float *values)
{
    uint8_t array[DIGEST_BYTES], file[DIGEST_BYTES];
    struct fmt_error e = {0};
    struct device_memory m;
    device_memory_open(&m, 1, (size_t)(n->table.count + 64) * sizeof(float));
    struct params_array a = array_to_device(&m, &n->table, values);
    ok(weights_hash(&m.c, &a, WEIGHTS_BACKBONE, array, &e) == 0 &&
           weights_hash_tensors(&n->w, &n->table, WEIGHTS_BACKBONE, file, &e) == 0 &&
           memcmp(array, file, sizeof file) == 0,
       "an array and the file it came from have one hash %s", e.text);
    device_memory_close(&m);
}

/* Loading and hashing at once, by threads that work on different pieces. */
static void check_loading(struct network *n, const float *values)
{
    uint8_t file[DIGEST_BYTES], loaded[DIGEST_BYTES];
    struct fmt_error e = {0};
    size_t bytes = (size_t)n->table.count * sizeof *values;
    weights_hash_tensors(&n->w, &n->table, WEIGHTS_BACKBONE, file, &e);
    for (int n_threads = 1; n_threads <= 8; n_threads *= 2) {
        struct device_memory m;
        float *zeros = calloc(1, bytes);
        device_memory_open(&m, n_threads, bytes + 64 * sizeof *values);
        struct params_array a = array_to_device(&m, &n->table, zeros);
        int status = weights_load_hashed(&n->w, &m.c, &a, WEIGHTS_BACKBONE, loaded, &e);
        float *got = to_host(&m, a.data);
        ok(status == 0 && memcmp(got, values, bytes) == 0 && memcmp(loaded, file, sizeof file) == 0,
           "%s: every value, and the hash of the file %s", FMT_COUNT(n_threads, "thread", "threads"), e.text);
        free(got);
        free(zeros);
        device_memory_close(&m);
    }
}

/* Of several rows that cannot be loaded the first by name is reported, with any number of threads. */
static void check_failure(struct network *n, const char *row)
{
    uint8_t hash[DIGEST_BYTES];
    for (int n_threads = 1; n_threads <= 8; n_threads *= 2) {
        struct fmt_error e = {0};
        struct device_memory m;
        device_memory_open(&m, n_threads, (size_t)(n->table.count + 64) * sizeof(float));
        struct params_array a = params_array_take(&m.memory, &n->table, DTYPE_F32);
        int status = weights_load_hashed(&n->w, &m.c, &a, WEIGHTS_BACKBONE, hash, &e);
        ok(status == FMT_NONFINITE && strstr(e.text, row) && strstr(e.text, "not finite"), "%s: %s",
           FMT_COUNT(n_threads, "thread", "threads"), e.text);
        device_memory_close(&m);
    }
}

int main(void)
{
    struct params t = {0};
    struct vit vit;
    struct fmt_error e = {0};
    struct network n;
    if (!ok(vit_params(&vit, &config, &t, &e) == 0, "a network %s", e.text))
        return tap_done();
    float *values = calloc((size_t)t.count + 1, sizeof *values);
    draw_values(&t, values);
    const struct param *qkv = &t.rows[vit.block[0].qkv_w];
    ok(qkv->count > PARAMS_PIECE, "%s is more than a piece", qkv->name);
    for (int apart = 0; apart < 2; apart++) {
        ok(open_network(&n, write_file(&t, values, apart), &plain) == 0 && n.table.count == t.count, "%s %s",
           apart ? "query, key and value apart" : "one tensor", n.error.text);
        ok(memcmp(n.values, values, (size_t)t.count * sizeof *values) == 0, "every value, and 0 between the rows");
        check_hash(&n, values);
        check_loading(&n, values);
        close_network(&n);
    }
    values[qkv->offset + PARAMS_PIECE + 3] = NAN;
    ok(open_network(&n, write_file(&t, values, true), &plain) == FMT_NONFINITE && strstr(n.error.text, "not finite"),
       "%s", n.error.text);
    close_network(&n);
    values[t.rows[vit.norm_w].offset] = INFINITY;
    ok(open_network(&n, write_file(&t, values, false), &plain) == FMT_NONFINITE, "%s", n.error.text);
    check_failure(&n, "blocks.0.attn.qkv.weight");
    close_network(&n);
    free(values);
    params_release(&t);
    return tap_done();
}
