/* test-safetensors.c - tables of named tensors, conversions of numbers, the safetensors format. */
#include <math.h>
#include <string.h>

#include "golden.h"
#include "half.h"

static void every_golden_file(void)
{
    char **names;
    int64_t n_names;
    struct fmt_error e = {0};
    if (file_list(tap_golden(""), &names, &n_names, &e)) {
        ok(false, "golden files can be listed: %s", e.text);
        return;
    }
    for (int64_t i = 0; i < n_names; i++) {
        const char *suffix = strrchr(names[i], '.');
        struct golden g;
        if (!suffix || strcmp(suffix, ".safetensors") != 0 || !golden_open(&g, names[i]))
            continue;
        bool finite = true;
        for (int64_t t = 0; t < g.set.n; t++) {
            int64_t n;
            const double *v = golden_f64(&g, g.set.item[t].name, &n);
            for (int64_t k = 0; k < n; k++)
                finite = finite && isfinite(v[k]);
        }
        ok(g.set.n > 0 && finite, "%s: %lld tensors, all finite", names[i], (long long)g.set.n);
        golden_close(&g);
    }
    file_list_free(names, n_names);
}

/* ------------------------------------------------------------------ files made here */
struct made {
    uint8_t *data;
    struct fmt_memory memory;
    struct fmt_reader reader;
    struct named_tensor_set set;
    struct fmt_error error;
};

/* Length, header and n_data bytes that count up. */
static int open_made(struct made *m, const char *header, size_t n_data)
{
    size_t n = strlen(header);
    *m = (struct made){.data = calloc(8 + n + n_data + 1, 1)};
    for (int i = 0; i < 8; i++)
        m->data[i] = (uint8_t)(n >> (8 * i));
    memcpy(m->data + 8, header, n);
    for (size_t i = 0; i < n_data; i++)
        m->data[8 + n + i] = (uint8_t)i;
    m->memory = (struct fmt_memory){m->data, 8 + n + n_data, 0};
    m->reader = fmt_memory_reader(&m->memory);
    return safetensors_read(&m->reader, &m->set, &m->error);
}

static void close_made(struct made *m)
{
    named_tensor_release(&m->set);
    free(m->data);
}

#define T(name, type, shape, from, to)                                                                             \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"

static void refused(void)
{
    static const struct {
        const char *header, *what;
        size_t n_data;
    } bad[] = {{"", "an empty header", 0},
               {"[]", "no object", 0},
               {"{", "broken JSON", 0},
               {"{\"a\":1}", "an entry that is no object", 0},
               {"{" T("a", "F32", "[2]", 0, 4) "}", "a range that is too short", 4},
               {"{" T("a", "F32", "[2]", 0, 8) "}", "data that end early", 4},
               {"{" T("a", "U8", "[2]", 0, 2) "}", "bytes after the last tensor", 3},
               {"{" T("a", "U8", "[1]", 1, 2) "}", "a hole", 2},
               {"{" T("a", "U8", "[2]", 0, 2) "," T("b", "U8", "[2]", 1, 3) "}", "an overlap", 3},
               {"{" T("a", "U8", "[1]", 0, 1) "," T("a", "U8", "[1]", 1, 2) "}", "one name twice", 2},
               {"{" T("a", "U8", "[-1]", 0, 1) "}", "a negative size", 1},
               {"{" T("a", "U8", "[1.5]", 0, 1) "}", "half an element", 1},
               {"{" T("a", "F32", "[4503599627370496,4503599627370496]", 0, 0) "}", "sizes whose product overflows", 0},
               {"{" T("a", "F64", "[4503599627370496,512]", 0, 0) "}", "bytes that overflow", 0},
               {"{" T("a", "U8", "[1,1,1,1,1,1,1,1,1]", 0, 1) "}", "nine dimensions", 1},
               {"{" T("a", "U8", "[1]", 1, 0) "}", "an end before the beginning", 1},
               {"{" T("a", "U8", "[1]", 0, 1e300) "}", "an end that no file has", 1},
               {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", "no data_offsets", 1},
               {"{\"__metadata__\":{\"a\":1}}", "metadata that are no text", 0},
               {"{}x", "text after the header", 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct made m;
        int status = open_made(&m, bad[i].header, bad[i].n_data);
        ok(status != 0 && m.error.text[0] && m.set.n == 0, "%s: %s", bad[i].what, m.error.text);
        close_made(&m);
    }
    struct made m;
    ok(open_made(&m, "{}   ", 0) == 0 && m.set.n == 0, "no tensors at all, and blanks after the header");
    m.data[7] = 0x7f;
    ok(safetensors_read(&m.reader, &m.set, &m.error) == FMT_MAGIC, "a header of exabytes: %s", m.error.text);
    close_made(&m);
}

static void cut(void)
{
    static const char header[] =
        "{\"__metadata__\":{\"k\":\"v\"}," T("a", "F32", "[2]", 0, 8) "," T("b", "I16", "[1]", 8, 10) "}";
    struct made m;
    bool good = open_made(&m, header, 10) == 0 && m.set.n == 2 && strcmp(named_tensor_meta_find(&m.set, "k"), "v") == 0;
    int64_t n_taken = 0;
    for (size_t n = 0; n < sizeof header - 1 + 18; n++) {
        struct fmt_memory part = {m.data, n, 0};
        struct fmt_reader r = fmt_memory_reader(&part);
        struct named_tensor_set set = {0};
        n_taken += safetensors_read(&r, &set, NULL) == 0;
    }
    ok(good && n_taken == 0, "cut anywhere, it is refused");
    close_made(&m);
}

/* ------------------------------------------------------------------ numbers */
static void numbers(void)
{
    int64_t n_bad = 0;
    for (uint32_t h = 0; h < 65536; h++) { /* every f16 and bf16 converts to itself */
        float f = f16_to_f32((uint16_t)h), b = bf16_to_f32((uint16_t)h);
        n_bad += isnan(f) ? (h & 0x7c00) != 0x7c00 || !isnan(f16_to_f32(f32_to_f16(f)))
                          : f32_to_f16(f) != h;
        n_bad +=
            isnan(b) ? !isnan(bf16_to_f32(f32_to_bf16(b))) : f32_to_bf16(b) != h;
    }
    is_int(n_bad, 0, "all halves and bfloat16 go to float and back");
    ok(f16_to_f32(0x3c00) == 1 && f16_to_f32(1) == 0x1p-24f &&
           f16_to_f32(0x7bff) == 65504 && f16_to_f32(0xfc00) == -INFINITY &&
           f16_to_f32(0x8400) == -0x1p-14f,
       "known halves");
    ok(f32_to_f16(65519) == 0x7bff && f32_to_f16(65520) == 0x7c00 &&
           f32_to_f16(1 + 0x1p-11f) == 0x3c00 && f32_to_f16(1 + 3 * 0x1p-11f) == 0x3c02 &&
           f32_to_f16(0x1p-25f) == 0 && f32_to_f16(0x1.8p-24f) == 2 &&
           f32_to_f16(-0x1p-14f) == 0x8400,
       "halves round to the nearest, ties to even");
    ok(f32_to_bf16(1 + 0x1p-8f) == 0x3f80 && f32_to_bf16(1 + 3 * 0x1p-8f) == 0x3f82,
       "bfloat16 as well");
    struct made m;
    ok(open_made(&m, "{" T("a", "I64", "[1]", 0, 8) "," T("b", "I8", "[1]", 8, 9) "," T("c", "BOOL", "[]", 9, 10) ","
                     T("d", "F8_E4M3", "[1]", 10, 11) "}", 11) == 0, "types %s", m.error.text);
    double v[3] = {0};
    struct fmt_error e = {0};
    ok(named_tensor_read_f64(&m.set.item[0], 0, 1, &v[0], &e) == 0 && v[0] == 506097522914230528.0 &&
           named_tensor_read_f64(&m.set.item[1], 0, 1, &v[1], &e) == 0 && v[1] == 8 &&
           named_tensor_read_f64(&m.set.item[2], 0, 1, &v[2], &e) == 0 && v[2] == 1, "integers and booleans");
    ok(named_tensor_read_f64(&m.set.item[3], 0, 1, v, &e) == FMT_UNSUPPORTED, "a type that is not known: %s", e.text);
    e = (struct fmt_error){0};
    ok(named_tensor_read_f64(&m.set.item[1], 1, 1, v, &e) == FMT_INVALID, "elements beyond the end: %s", e.text);
    close_made(&m);
}

static int whole_numbers(void *arg, int64_t i, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    (void)arg, (void)e;
    for (int64_t k = 0; k < n; k++)
        out[k] = i == 0 ? (float)((first + k) % 255 - 127) : 0.5f;
    return 0;
}

/* Integers of 8 bits are written as they are, and read as they are; only from tensors of this type. */
static void bytes(void)
{
    enum { N = 100000 }; /* more than a piece */
    static int8_t q[N];
    struct named_tensor_out list[] = {{.name = "q", .dtype = DTYPE_I8, .n_dims = 2, .dims = {N / 10, 10}},
                                      {.name = "s", .dtype = DTYPE_F32, .n_dims = 1, .dims = {3}}};
    struct named_tensor_values values = {NULL, whole_numbers};
    struct fmt_buffer b = {0};
    struct fmt_writer w = fmt_buffer_writer(&b);
    struct fmt_error e = {0};
    struct named_tensor_set set = {0};
    int status = safetensors_write(&w, list, 2, NULL, 0, &values, &e);
    struct fmt_memory memory = {b.data, b.bytes, 0};
    struct fmt_reader r = fmt_memory_reader(&memory);
    ok(status == 0 && safetensors_read(&r, &set, &e) == 0 && set.n == 2 && set.item[0].dtype == DTYPE_I8, "I8 %s",
       e.text);
    int64_t wrong = named_tensor_read_i8(&set.item[0], 7, N - 7, q, &e);
    for (int i = 0; i < N - 7; i++)
        wrong += q[i] != (i + 7) % 255 - 127;
    is_int(wrong, 0, "every integer %s", e.text);
    ok(named_tensor_read_i8(&set.item[1], 0, 3, q, &e) == FMT_MISMATCH, "%s", e.text);
    named_tensor_release(&set);
    fmt_buffer_release(&b);
}

int main(void)
{
    bytes();
    every_golden_file();
    refused();
    cut();
    numbers();
    return tap_done();
}
