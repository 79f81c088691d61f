/* Products of bf16 and int8 against sums in double and in integers, packed from every source and order, at odd sizes;
 * a row's bits do not depend on the other rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "matmul.h"
#include "tap.h"

static uint32_t state = 1;
static float uniform(void)
{
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / (1 << 23) - 1;
}

static void *take(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (!p)
        abort();
    memset(p, 0, (bytes + 127) / 64 * 64);
    return p;
}

struct shape {
    int64_t M, N, K;
};

static const struct shape shapes[] = {{1, 1, 1},      {3, 5, 7},       {16, 192, 384}, {64, 65, 66},   {257, 64, 257},
                                      {17, 1152, 33}, {256, 192, 384}, {100, 20, 588}, {48, 272, 64}, {5, 1000, 31}};

/* Of many rows one in each vector of a tile, and the last ones. */
static bool is_checked(struct shape s, int64_t row)
{
    return row % 15 == 0 || row >= s.M - 3;
}

/* -- bf16 -- */

/* Packed in parts the bytes are the same. */
static bool packed_in_parts(struct shape s, const uint16_t *b, int64_t stride_k, int64_t stride_n)
{
    size_t bytes = matmul_packed_bytes(DTYPE_BF16, s.K, s.N);
    uint8_t *whole = take(bytes), *parts = take(bytes);
    matmul_pack(DTYPE_BF16, s.K, s.N, b, DTYPE_BF16, stride_k, stride_n, whole);
    for (int64_t n0 = 0; n0 < s.N; n0 += MATMUL_PART)
        matmul_pack_part(DTYPE_BF16, s.K, s.N, b, DTYPE_BF16, stride_k, stride_n, n0,
                         s.N - n0 < MATMUL_PART ? s.N - n0 : MATMUL_PART, parts);
    bool same = memcmp(whole, parts, bytes) == 0;
    free(whole), free(parts);
    return same;
}

/* As A [M,K] and B [K,N] are stored, and whether C is added to. */
struct form {
    enum dtype source; /* of B */
    bool weight_order, ta, accumulate;
};

static double worst_bf16(struct shape s, struct form f)
{
    bool weight_order = f.weight_order, accumulate = f.accumulate;
    struct matmul m = {.type = DTYPE_BF16, .M = s.M, .N = s.N, .K = s.K, .ta = f.ta, .accumulate = accumulate};
    int64_t stride_k = weight_order ? 1 : s.N, stride_n = weight_order ? s.K : 1;
    uint16_t *a = take((size_t)(s.M * s.K) * 2), *half = take((size_t)(s.K * s.N) * 2);
    float *b = take((size_t)(s.K * s.N) * 4), *c = take((size_t)(s.M * s.N + 1) * 4);
    for (int64_t i = 0; i < s.M; i++)
        for (int64_t k = 0; k < s.K; k++)
            a[f.ta ? k * s.M + i : i * s.K + k] = f32_to_bf16(uniform());
    for (int64_t i = 0; i < s.K * s.N; i++)
        b[i] = uniform(), half[i] = f32_to_bf16(b[i]);
    for (int64_t i = 0; i <= s.M * s.N; i++)
        c[i] = 0.5f;
    void *packed = take(matmul_packed_bytes(DTYPE_BF16, s.K, s.N)), *scratch = take(matmul_scratch_bytes(&m));
    matmul_pack(DTYPE_BF16, s.K, s.N, f.source == DTYPE_F32 ? (void *)b : half, f.source, stride_k, stride_n, packed);
    matmul_run(&m, a, packed, c, scratch);
    double worst = packed_in_parts(s, half, stride_k, stride_n) ? 0 : INFINITY;
    for (int64_t i = 0; i < s.M; i++) {
        for (int64_t n = 0; n < s.N && is_checked(s, i); n++) {
            double sum = accumulate ? 0.5 : 0;
            for (int64_t k = 0; k < s.K; k++)
                sum += (double)bf16_to_f32(a[f.ta ? k * s.M + i : i * s.K + k]) *
                       bf16_to_f32(half[k * stride_k + n * stride_n]);
            worst = worse(worst, fabs(sum - c[i * s.N + n]) / sqrt((double)s.K));
        }
    }
    if (c[s.M * s.N] != 0.5f)
        worst = INFINITY; /* wrote beyond the end */
    free(a), free(half), free(b), free(c), free(packed), free(scratch);
    return worst;
}

/* With a bias, rounded: in units of the last place of bf16. */
static double worst_rounded(struct shape s)
{
    uint16_t *a = take((size_t)(s.M * s.K) * 2), *b = take((size_t)(s.K * s.N) * 2), *c = take((size_t)(s.M * s.N) * 2);
    float *bias = take((size_t)s.N * 4), *exact = take((size_t)(s.M * s.N) * 4);
    struct matmul m = {.type = DTYPE_BF16, .M = s.M, .N = s.N, .K = s.K, .bias = bias};
    for (int64_t i = 0; i < s.M * s.K; i++)
        a[i] = f32_to_bf16(uniform());
    for (int64_t i = 0; i < s.K * s.N; i++)
        b[i] = f32_to_bf16(uniform());
    for (int64_t i = 0; i < s.N; i++)
        bias[i] = 3 * uniform();
    void *packed = take(matmul_packed_bytes(DTYPE_BF16, s.K, s.N)), *scratch = take(matmul_scratch_bytes(&m));
    matmul_pack(DTYPE_BF16, s.K, s.N, b, DTYPE_BF16, s.N, 1, packed);
    matmul_run(&m, a, packed, exact, scratch);
    m.rounded = true;
    free(scratch);
    scratch = take(matmul_scratch_bytes(&m));
    matmul_run(&m, a, packed, c, scratch);
    double worst = 0;
    for (int64_t i = 0; i < s.M * s.N; i++) {
        double sum = (double)bias[i % s.N];
        for (int64_t k = 0; k < s.K && is_checked(s, i / s.N); k++)
            sum += (double)bf16_to_f32(a[i / s.N * s.K + k]) * bf16_to_f32(b[k * s.N + i % s.N]);
        if (is_checked(s, i / s.N) && !(fabs(sum - (double)exact[i]) <= 1e-5 * sqrt((double)s.K)))
            worst = INFINITY;
        worst = worse(worst, c[i] == f32_to_bf16(exact[i]) ? 0 : INFINITY);
    }
    free(a), free(b), free(c), free(bias), free(exact), free(packed), free(scratch);
    return worst;
}

/* -- int8 -- */

static int64_t wrong_int8(struct shape s)
{
    struct matmul m = {.type = DTYPE_I8, .M = s.M, .N = s.N, .K = s.K};
    int8_t *a = take((size_t)(s.M * s.K)), *w = take((size_t)(s.N * s.K));
    int32_t *c = take((size_t)(s.M * s.N) * 4);
    for (int64_t i = 0; i < s.M * s.K; i++)
        a[i] = (int8_t)(i % 3 ? 127 * uniform() : i % 2 ? -127 : 127); /* the extremes show saturation */
    for (int64_t i = 0; i < s.N * s.K; i++)
        w[i] = (int8_t)(i % 3 ? 127 * uniform() : -127);
    void *packed = take(matmul_packed_bytes(DTYPE_I8, s.K, s.N)), *scratch = take(matmul_scratch_bytes(&m));
    matmul_pack(DTYPE_I8, s.K, s.N, w, DTYPE_I8, 1, s.K, packed);
    matmul_run(&m, a, packed, c, scratch);
    int64_t wrong = 0;
    for (int64_t i = 0; i < s.M; i++)
        for (int64_t n = 0; n < s.N && is_checked(s, i); n++) {
            int64_t sum = 0;
            for (int64_t k = 0; k < s.K; k++)
                sum += (int64_t)a[i * s.K + k] * w[n * s.K + k];
            wrong += sum != c[i * s.N + n];
        }
    free(a), free(w), free(c), free(packed), free(scratch);
    return wrong;
}

/* More shapes than the cache of primitives holds. */
static double many_shapes(void)
{
    double worst = 0;
    for (int64_t n = 1; n <= 600; n++)
        worst = worse(worst, worst_bf16((struct shape){2, n, 4}, (struct form){DTYPE_BF16, .weight_order = true}));
    return worst;
}

/* What is planned for the longest sums holds shorter ones, too (linear-bf16-weight.c). */
static void scratch_grows(void)
{
    const struct matmul longest = {.type = DTYPE_BF16, .M = 192, .N = 384, .K = 512, .ta = true, .accumulate = true};
    size_t most = matmul_scratch_bytes(&longest), packed = matmul_packed_bytes(DTYPE_BF16, 512, 384);
    int64_t larger = 0;
    for (int64_t K = 1; K < 512; K += 5) {
        struct matmul m = longest, narrow = longest;
        m.K = narrow.K = K, narrow.M = 100;
        larger += matmul_scratch_bytes(&m) > most || matmul_scratch_bytes(&narrow) > most ||
                  matmul_packed_bytes(DTYPE_BF16, K, 384) > packed;
    }
    is_int(larger, 0, "scratch and packed bytes grow with the length of the sums");
}

int main(void)
{
    if (!matmul_supports(DTYPE_BF16)) {
        skip("this processor has no instructions for it", "products of bf16");
    } else {
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            double worst = 0;
            for (int v = 0; v < 16; v++)
                worst = worse(worst, worst_bf16(shapes[i], (struct form){v & 1 ? DTYPE_F32 : DTYPE_BF16, v & 2, v & 4,
                                                                        v & 8}));
            ok(worst < 1e-6, "bf16: %d x %d x %d in 16 ways: %.1e", (int)shapes[i].M, (int)shapes[i].N,
               (int)shapes[i].K, worst);
        }
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            ok(worst_rounded(shapes[i]) == 0, "bf16: %d x %d x %d with a bias, rounded", (int)shapes[i].M,
               (int)shapes[i].N, (int)shapes[i].K);
        ok(many_shapes() < 1e-6, "bf16: more shapes than are cached");
        scratch_grows();
    }
    if (!matmul_supports(DTYPE_I8))
        skip("this processor has no instructions for it", "products of int8");
    else
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            is_int(wrong_int8(shapes[i]), 0, "int8: %d x %d x %d", (int)shapes[i].M, (int)shapes[i].N,
                   (int)shapes[i].K);
    return tap_done();
}
