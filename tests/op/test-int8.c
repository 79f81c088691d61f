/* Products in integers of 8 bits against the formulas of linear-int8.c, bit by bit: quantised rows and weights, sums in
 * 64 bits. Smoothing keeps what columns of large values would drown. Bits depend neither on threads nor on other
 * rows. */
#include "half.h"
#include "loops.h"
#include "opbed.h"

struct shape {
    int64_t T, N, K;
};

static struct op_ctx alone; /* without a pool */

/* ------------------------------------------------------------------ the reference */
/* q = round(v / scale) of v = x g; returns scale */
static float quantize_weight(int8_t *q, const float *x, const float *g, int64_t n)
{
    float largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(x[i] * g[i]));
    for (int64_t i = 0; i < n; i++)
        q[i] = (int8_t)lrintf(x[i] * g[i] * (127 / largest));
    return largest / 127;
}

/* q = round((v - offset) / scale) of v = x g */
static struct quantized_row quantize_row(int8_t *q, const float *x, const float *g, int64_t n)
{
    float low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        low = fminf(low, x[i] * g[i]);
        high = fmaxf(high, x[i] * g[i]);
    }
    struct quantized_row row = {(high - low) / 254, low + (high - low) / 2};
    for (int64_t i = 0; i < n; i++)
        q[i] = (int8_t)lrintf(row.scale > 0 ? (x[i] * g[i] - row.offset) * (1 / row.scale) : 0);
    return row;
}

static void plain(struct shape s, const float *x, const float *w, const float *b, const float *smoothing, float *y)
{
    int8_t *p = calloc((size_t)(s.T * s.K) + 1, 1), *q = calloc((size_t)(s.N * s.K) + 1, 1);
    float *inverse = zeros_f32(s.K), *channel = zeros_f32(s.N);
    struct quantized_row *row = calloc((size_t)s.T + 1, sizeof *row);
    for (int64_t k = 0; k < s.K; k++)
        inverse[k] = 1 / smoothing[k];
    for (int64_t t = 0; t < s.T; t++)
        row[t] = quantize_row(p + t * s.K, x + t * s.K, inverse, s.K);
    for (int64_t n = 0; n < s.N; n++)
        channel[n] = quantize_weight(q + n * s.K, w + n * s.K, smoothing, s.K);
    for (int64_t i = 0; i < s.T * s.N; i++) {
        int64_t t = i / s.N, n = i % s.N, sum = 0, q_sum = 0;
        for (int64_t k = 0; k < s.K; k++) {
            sum += p[t * s.K + k] * q[n * s.K + k];
            q_sum += q[n * s.K + k];
        }
        y[i] = ((float)sum * row[t].scale + (float)q_sum * row[t].offset) * channel[n] + b[n];
    }
    free(p), free(q), free(inverse), free(row), free(channel);
}

/* ------------------------------------------------------------------ the operation */
/* Of numbers that have another form beside noise; returns them as bf16, too. */
static uint16_t *round_in_place(float *x, int64_t n)
{
    uint16_t *half = calloc((size_t)n + 1, sizeof *half);
    for (int64_t i = 0; i < n; i++) {
        half[i] = f32_to_bf16(x[i]);
        x[i] = bf16_to_f32(half[i]);
    }
    return half;
}

/* The integers and scales are those of the reference, too. */
static uint8_t *pack(struct shape s, const float *w, const float *smoothing, int64_t *n_bytes)
{
    *n_bytes = (int64_t)ctx.backend->packed_bytes(DTYPE_I8, s.N, s.K);
    uint8_t *bytes = calloc((size_t)*n_bytes + 1, 1);
    int8_t *q = calloc((size_t)(s.N * s.K) + 1, 1), *of_row = calloc((size_t)s.K + 1, 1);
    float *scale = zeros_f32(s.N), *ones = zeros_f32(s.K);
    int64_t wrong = 0;
    for (int64_t k = 0; k < s.K; k++)
        ones[k] = 1;
    ON_DEVICE(&ctx, op_quantize(&ctx, COPY(q, s.N, s.K), COPY(scale, s.N), COPY(w, s.N, s.K),
                                smoothing ? COPY(smoothing, s.K) : TENSOR_NONE));
    for (int64_t n = 0; n < s.N; n++) {
        float expected = quantize_weight(of_row, w + n * s.K, smoothing ? smoothing : ones, s.K);
        wrong += memcmp(&expected, &scale[n], sizeof expected) != 0;
        wrong += memcmp(of_row, q + n * s.K, (size_t)s.K) != 0;
    }
    is_int(wrong, 0, "%d x %d: rows of the quantised weight", (int)s.N, (int)s.K);
    ON_DEVICE(&ctx, op_pack_int8(&ctx, tensor_packed(COPY(bytes, *n_bytes), DTYPE_I8, s.N, s.K), COPY(q, s.N, s.K),
                                 COPY(scale, s.N), smoothing ? COPY(smoothing, s.K) : TENSOR_NONE));
    clean("pack");
    free(q), free(of_row), free(scale), free(ones);
    return bytes;
}

static void multiply(struct op_ctx *c, struct shape s, float *y, const uint16_t *x, uint8_t *packed, int64_t n_bytes,
                     const float *b)
{
    ON_DEVICE(c, op_linear_fwd(c, COPY(y, s.T, s.N), COPY(x, s.T, s.K),
                               tensor_packed(COPY(packed, n_bytes), DTYPE_I8, s.N, s.K), COPY(b, s.N)));
}

static void gelu(struct shape s, const float *y, const uint16_t *x, uint8_t *packed, int64_t n_bytes, const float *b)
{
    struct pair a = empty(s.T * s.N), u = empty(s.T * s.N);
    float *expected = zeros_f32(s.T * s.N);
    int64_t wrong = 0;
    ON_DEVICE(&ctx, op_linear_gelu_fwd(&ctx, COPY(a.f32, s.T, s.N), TENSOR_NONE, COPY(x, s.T, s.K),
                                       tensor_packed(COPY(packed, n_bytes), DTYPE_I8, s.N, s.K), COPY(b, s.N)));
    ON_DEVICE(&ctx, op_linear_gelu_fwd(&ctx, COPY(a.bf16, s.T, s.N), COPY(u.bf16, s.T, s.N), COPY(x, s.T, s.K),
                                       tensor_packed(COPY(packed, n_bytes), DTYPE_I8, s.N, s.K), COPY(b, s.N)));
    for (int64_t i = 0; i < s.T * s.N; i++) {
        double v = (double)y[i], half = (double)bf16_to_f32(u.bf16[i]);
        expected[i] = (float)(0.5 * v * (1 + erf(v / sqrt(2))));
        u.f32[i] = (float)(0.5 * half * (1 + erf(half / sqrt(2))));
        wrong += u.bf16[i] != f32_to_bf16(y[i]);
        wrong += !(fabsf(bf16_to_f32(a.bf16[i]) - u.f32[i]) <= 0x1p-8f * fabsf(u.f32[i]) + 1e-4f);
    }
    is_near(a.f32, expected, s.T * s.N, 1e-6, "%d x %d x %d: GELU", (int)s.T, (int)s.N, (int)s.K);
    is_int(wrong, 0, "its input rounded, and the GELU of that");
    release(a), release(u);
    free(expected);
}

/* smooth: with a smoothing of powers of a wide range, else without one. */
static void check(struct shape s, bool smooth)
{
    float *x = noise(s.T * s.K, 1), *w = noise(s.N * s.K, 0.1), *b = noise(s.N, 1), *smoothing = noise(s.K, 1);
    float *expected = zeros_f32(s.T * s.N), *y = zeros_f32(s.T * s.N), *again = zeros_f32(s.T * s.N);
    size_t bytes = (size_t)(s.T * s.N) * sizeof *y;
    int64_t n_packed;
    for (int64_t k = 0; k < s.K; k++)
        smoothing[k] = smooth ? expf(smoothing[k]) : 1;
    for (int64_t k = 0; k < s.K && s.T > 1; k++)
        x[s.K + k] = 0; /* a row of zeros */
    uint16_t *half = round_in_place(x, s.T * s.K);
    uint8_t *packed = pack(s, w, smooth ? smoothing : NULL, &n_packed);
    plain(s, x, w, b, smoothing, expected);
    multiply(&ctx, s, y, half, packed, n_packed, b);
    ok(memcmp(y, expected, bytes) == 0, "%d x %d x %d%s: the bits of the reference", (int)s.T, (int)s.N, (int)s.K,
       smooth ? ", smoothed" : "");
    multiply(&alone, s, again, half, packed, n_packed, b);
    ok(memcmp(again, y, bytes) == 0, "the same bits with one thread");
    gelu(s, y, half, packed, n_packed, b);
    if (s.T > 2) { /* the last row alone */
        struct shape one = {1, s.N, s.K};
        multiply(&ctx, one, again, half + (s.T - 1) * s.K, packed, n_packed, b);
        ok(memcmp(again, y + (s.T - 1) * s.N, (size_t)s.N * sizeof *y) == 0, "the same bits of a row by itself");
    }
    free(x), free(w), free(b), free(smoothing), free(expected), free(y), free(again), free(half), free(packed);
}

/* Scratch of a product with T rows, as a plan counts it. */
static size_t planned(int64_t T)
{
    enum { N = 1000, K = 40 };
    struct device_arena plan = {0};
    struct op_ctx c = {.backend = ctx.backend, .pool = ctx.pool, .scratch = &plan};
    struct tensor x = {.dtype = DTYPE_BF16, .n_dims = 2, .dims = {T, K}}, y = x;
    y.dims[1] = N;
    op_linear_fwd(&c, y, x, tensor_packed(TENSOR_NONE, DTYPE_I8, N, K), TENSOR_NONE);
    return plan.high;
}

/* What is planned for the most rows holds fewer. */
static void scratch_fits(void)
{
    int64_t larger = 0;
    for (int64_t T = 1; T < 300; T++)
        larger += planned(T) > planned(T + 1);
    ok(planned(1) > 0 && larger == 0, "products with fewer rows take no more scratch");
}

/* ------------------------------------------------------------------ what smoothing is for */
/* The relative error of a product whose input has columns a hundred times as large as the others, with weights a
 * hundred times as small. */
static double error_of_outliers(bool smooth)
{
    struct shape s = {64, 96, 128};
    float *x = noise(s.T * s.K, 1), *w = noise(s.N * s.K, 0.1), *b = zeros_f32(s.N), *smoothing = zeros_f32(s.K);
    float *y = zeros_f32(s.T * s.N), *exact = zeros_f32(s.T * s.N);
    int64_t n_packed;
    for (int64_t i = 0; i < (s.T + s.N) * s.K; i++)
        if (i % s.K % 50 == 0)
            *(i < s.T * s.K ? &x[i] : &w[i - s.T * s.K]) *= i < s.T * s.K ? 100 : 0.01f;
    for (int64_t k = 0; k < s.K; k++)
        smoothing[k] = k % 50 == 0 ? 100 : 1;
    uint16_t *half = round_in_place(x, s.T * s.K);
    uint8_t *packed = pack(s, w, smooth ? smoothing : NULL, &n_packed);
    multiply(&ctx, s, y, half, packed, n_packed, b);
    ON_DEVICE(&ctx, op_linear_fwd(&ctx, COPY(exact, s.T, s.N), COPY(x, s.T, s.K), COPY(w, s.N, s.K), COPY(b, s.N)));
    for (int64_t i = 0; i < s.T * s.N; i++)
        y[i] -= exact[i];
    double error = sqrt(dot(y, y, s.T * s.N) / dot(exact, exact, s.T * s.N));
    free(x), free(w), free(b), free(smoothing), free(y), free(exact), free(half), free(packed);
    return error;
}

/* ------------------------------------------------------------------ loops */
static void compare_sets(const struct quantize_loops *base, const struct quantize_loops *other, const char *name)
{
    enum { N = 1000 + 37 };
    float *x = noise(N, 3), *g = noise(N, 1), *y = zeros_f32(N), *z = zeros_f32(N);
    int8_t *p = calloc(N, 1), *q = calloc(N, 1);
    int32_t *sums = calloc(N, sizeof *sums);
    struct quantized_row row = {0.37f, -2.1f};
    bool same = true;
    for (int i = 0; i < N; i++)
        sums[i] = (int32_t)(x[i] * 1e7f);
    for (int64_t n = 0; n <= N; n += n < 40 ? 1 : 331) {
        float a = base->quantize_weight_row(p, x, g, n), b = other->quantize_weight_row(q, x, g, n);
        same = same && memcmp(&a, &b, sizeof a) == 0 && memcmp(p, q, (size_t)n) == 0;
        base->to_f32(y, sums, row, x, g, n % 2 ? g : NULL, n);
        other->to_f32(z, sums, row, x, g, n % 2 ? g : NULL, n);
        same = same && memcmp(y, z, (size_t)n * sizeof *y) == 0;
        base->to_bf16((uint16_t *)(void *)y, sums, row, x, g, n % 2 ? g : NULL, n);
        other->to_bf16((uint16_t *)(void *)z, sums, row, x, g, n % 2 ? g : NULL, n);
        same = same && memcmp(y, z, (size_t)n * sizeof *y) == 0;
    }
    uint16_t *half = round_in_place(x, N);
    struct quantized_row a = base->quantize_input_row(p, half, g, N), b = other->quantize_input_row(q, half, g, N);
    ok(same && memcmp(&a, &b, sizeof a) == 0 && memcmp(p, q, N) == 0, "the bits of the base with %s", name);
    free(x), free(g), free(y), free(z), free(p), free(q), free(sums), free(half);
}

/* A row with a number that is not finite shows it; one of zeros or of the smallest numbers is zero. */
static void special_rows(void)
{
    const struct quantize_loops *loops = quantize_loops();
    const float one[3] = {1, 1, 1};
    const uint16_t bad[][3] = {{0x3f80, 0x7fc0, 0x4000}, {0x3f80, 0xffc0, 0x4000}, {0xff80, 0x3f80, 0x4000}};
    int8_t q[3];
    ok(isnan(loops->quantize_weight_row(q, (float[]){1, NAN, 2}, one, 3)) && !q[0], "a NaN makes the scale one");
    ok(isnan(loops->quantize_weight_row(q, (float[]){-INFINITY, 1, 2}, one, 3)), "so does an infinity");
    for (int i = 0; i < 3; i++)
        ok(isnan(loops->quantize_input_row(q, bad[i], one, 3).scale) && !q[0], "%s in a row of bf16",
           i == 2 ? "an infinity" : i ? "a negative NaN" : "a NaN");
    float scale = loops->quantize_weight_row(q, (float[]){0, -0.0f, 1e-40f}, one, 3);
    ok(scale == 0 && !q[2], "a row of almost zeros is zero");
    scale = loops->quantize_weight_row(q, (float[]){-254, 1, 3}, one, 3);
    ok(scale == 2 && q[0] == -127 && q[1] == 0 && q[2] == 2, "ties go to even: %d %d %d", q[0], q[1], q[2]);
    struct quantized_row row = loops->quantize_input_row(q, (uint16_t[]){0x40a0, 0x40a0, 0x40a0}, one, 3);
    ok(row.scale == 0 && row.offset == 5 && !q[0], "a row of one value is its middle");
    row = loops->quantize_input_row(q, (uint16_t[]){0x0000, 0x437e, 0x3f80}, one, 3);
    ok(row.scale == 1 && row.offset == 127 && q[0] == -127 && q[1] == 127 && q[2] == -126, "0 to 254: all integers");
}

static void refused(void)
{
    struct fmt_error e = {0};
    int8_t q[64] = {0};
    float w[64] = {0}, scale[8] = {0}, packed[64];
    if (ctx.backend->packed_bytes(DTYPE_F32, 8, 8) == 0)
        return;
    ON_DEVICE(&ctx, op_pack_int8(&ctx, tensor_packed(COPY(packed, 64), DTYPE_F32, 8, 8), COPY(q, 8, 8), COPY(scale, 8),
                                 TENSOR_NONE));
    is_int(op_sync(&ctx, &e), FMT_MISMATCH, "integers packed as float32: %s", e.text);
    e = (struct fmt_error){0};
    ON_DEVICE(&ctx, op_quantize(&ctx, COPY(q, 8, 8), COPY(scale, 4), COPY(w, 8, 8), TENSOR_NONE));
    is_int(op_sync(&ctx, &e), FMT_MISMATCH, "too few scales: %s", e.text);
}

int main(void)
{
    if (bed_open())
        return 1;
    alone = ctx;
    alone.pool = NULL;
    special_rows();
    BED_COMPARE_SETS(quantize_loops, "loops");
    refused();
    if (!ctx.backend->supports(DTYPE_I8)) {
        skip("this processor has no instructions for it", "products of int8");
        return bed_close();
    }
    /* The longest is long enough for threads to meet in memory that should be each one's own. */
    static const struct shape shapes[] = {{257, 384, 96},  {1, 20, 33},    {129, 201, 37},
                                          {300, 3100, 64}, {6000, 384, 64}, {0, 5, 7}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int smooth = 0; smooth < 2; smooth++)
            check(shapes[i], smooth);
    scratch_fits();
    double plain_error = error_of_outliers(false), smooth_error = error_of_outliers(true);
    ok(plain_error > 0.1 && smooth_error < 0.02, "columns of large values: error %.3f, smoothed %.4f", plain_error,
       smooth_error);
    return bed_close();
}
