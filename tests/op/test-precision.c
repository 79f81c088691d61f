/* Operations in bf16 against the same operations in float32 on the rounded operands: the result differs by the rounding
 * of the output, and by sums in another order. The bits do not depend on threads. */
#include "opbed.h"

/* Relative to the largest value: half a unit in the last place of bf16 is 2^-9. */
static const double ROUNDED = 0x1p-8, EXACT = 1e-5;

static void compare(struct pair y, int64_t n, double limit, const char *what)
{
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)bf16_to_f32(y.bf16[i]) - (double)y.f32[i]));
        largest = fmax(largest, fabs((double)y.f32[i]));
    }
    ok((largest > 0 || n == 0) && worst <= limit * largest, "%s: %.1e of the largest value", what,
       worst / (largest + 1e-30));
}

/* ------------------------------------------------------------------ products */
static void linear(int64_t T, int64_t N, int64_t K)
{
    struct pair x = rounded(T * K, 1), w = rounded(N * K, 0.2), y = empty(T * N), u = empty(T * N);
    float *b = noise(N, 1), *wide = calloc((size_t)(T * N), sizeof *wide);
    int64_t n_bytes = (int64_t)ctx.backend->packed_bytes(DTYPE_BF16, N, K);
    uint8_t *bytes = calloc((size_t)n_bytes + 1, 1);
    char what[80];
    ON_DEVICE(&ctx, op_linear_fwd(&ctx, COPY(y.f32, T, N), COPY(x.f32, T, K), COPY(w.f32, N, K), COPY(b, N)));
    ON_DEVICE(&ctx, op_linear_fwd(&ctx, COPY(y.bf16, T, N), COPY(x.bf16, T, K), COPY(w.f32, N, K), COPY(b, N)));
    ON_DEVICE(&ctx, op_linear_fwd(&ctx, COPY(wide, T, N), COPY(x.bf16, T, K), COPY(w.f32, N, K), COPY(b, N)));
    snprintf(what, sizeof what, "linear %d x %d x %d", (int)T, (int)N, (int)K);
    compare(y, T * N, ROUNDED, what);
    is_near(wide, y.f32, T * N, EXACT, "%s, result in float32", what);
    ON_DEVICE(&ctx, op_pack(&ctx, tensor_packed(COPY(bytes, n_bytes), DTYPE_BF16, N, K), COPY(w.f32, N, K),
                            TENSOR_NONE));
    uint16_t *again = calloc((size_t)(T * N), sizeof *again);
    ON_DEVICE(&ctx, op_linear_fwd(&ctx, COPY(again, T, N), COPY(x.bf16, T, K),
                                  tensor_packed(COPY(bytes, n_bytes), DTYPE_BF16, N, K), COPY(b, N)));
    ok(memcmp(again, y.bf16, (size_t)(T * N) * 2) == 0, "%s: the same bits with a packed weight", what);
    ON_DEVICE(&ctx, op_linear_gelu_fwd(&ctx, COPY(y.f32, T, N), COPY(u.f32, T, N), COPY(x.f32, T, K), COPY(w.f32, N, K),
                                       COPY(b, N)));
    ON_DEVICE(&ctx, op_linear_gelu_fwd(&ctx, COPY(y.bf16, T, N), COPY(u.bf16, T, N), COPY(x.bf16, T, K),
                                       COPY(w.f32, N, K), COPY(b, N)));
    compare(y, T * N, ROUNDED, "linear_gelu");
    compare(u, T * N, ROUNDED, "linear_gelu: the GELU's input");
    release(x), release(w), release(y), release(u);
    free(b), free(wide), free(bytes), free(again);
}

/* A row's bits do not depend on which other rows there are, if its tile has as many. */
static void threads_do_not_matter(void)
{
    enum { T = 300, N = 400, K = 96 };
    struct pair x = rounded(T * K, 1), w = rounded(N * K, 1), y = empty(T * N);
    uint16_t *other = calloc(T * N, sizeof *other);
    struct op_ctx alone = ctx;
    alone.pool = NULL;
    ON_DEVICE(&ctx, op_linear_fwd(&ctx, COPY(y.bf16, T, N), COPY(x.bf16, T, K), COPY(w.f32, N, K), TENSOR_NONE));
    ON_DEVICE(&alone, op_linear_fwd(&alone, COPY(other, T, N), COPY(x.bf16, T, K), COPY(w.f32, N, K), TENSOR_NONE));
    ok(memcmp(other, y.bf16, T * N * 2) == 0, "linear: the same bits with one thread");
    release(x), release(w), release(y);
    free(other);
}

/* ------------------------------------------------------------------ the others */
static void norm(int64_t T, int64_t C)
{
    float *x = noise(T * C, 1), *w = noise(C, 1), *b = noise(C, 1), *mean = empty(T).f32, *rstd = empty(T).f32;
    struct pair y = empty(T * C);
    ON_DEVICE(&ctx, op_layernorm_fwd(&ctx, COPY(y.f32, T, C), COPY(mean, T), COPY(rstd, T), COPY(x, T, C), COPY(w, C),
                                     COPY(b, C), 1e-6f));
    ON_DEVICE(&ctx, op_layernorm_fwd(&ctx, COPY(y.bf16, T, C), COPY(mean, T), COPY(rstd, T), COPY(x, T, C), COPY(w, C),
                                     COPY(b, C), 1e-6f));
    for (int64_t i = 0; i < T * C; i++)
        if (y.bf16[i] != f32_to_bf16(y.f32[i])) {
            ok(false, "layernorm: element %d is not the rounded one", (int)i);
            return;
        }
    ok(true, "layernorm rounds its output");
    release(y);
    free(x), free(w), free(b), free(mean), free(rstd);
}

static void residual(int64_t T, int64_t C)
{
    struct pair r = rounded(T * C, 1);
    float *x = noise(T * C, 1), *gamma = noise(C, 1), *y = empty(T * C).f32, *z = empty(T * C).f32;
    for (int with_gamma = 0; with_gamma < 2; with_gamma++) {
        const float *g = with_gamma ? gamma : NULL;
        memcpy(y, x, (size_t)(T * C) * sizeof *y);
        memcpy(z, x, (size_t)(T * C) * sizeof *z);
        ON_DEVICE(&ctx, op_residual_fwd(&ctx, COPY(y, T, C), COPY(r.f32, T, C), g ? COPY(g, C) : TENSOR_NONE,
                                        TENSOR_NONE, TENSOR_NONE));
        ON_DEVICE(&ctx, op_residual_fwd(&ctx, COPY(z, T, C), COPY(r.bf16, T, C), g ? COPY(g, C) : TENSOR_NONE,
                                        TENSOR_NONE, TENSOR_NONE));
        ok(memcmp(y, z, (size_t)(T * C) * sizeof *y) == 0, "residual %s gamma: the same bits",
           with_gamma ? "with" : "without");
    }
    release(r);
    free(x), free(gamma), free(y), free(z);
}

static void swiglu(int64_t T, int64_t h)
{
    struct pair u = rounded(T * 2 * h, 1), y = empty(T * h);
    ON_DEVICE(&ctx, op_swiglu_fwd(&ctx, COPY(y.f32, T, h), COPY(u.f32, T, 2 * h)));
    ON_DEVICE(&ctx, op_swiglu_fwd(&ctx, COPY(y.bf16, T, h), COPY(u.bf16, T, 2 * h)));
    compare(y, T * h, ROUNDED, "swiglu");
    release(u), release(y);
}

static void patchify(void)
{
    enum { B = 2, H = 12, W = 8, P = 4, ROWS = B * 6, WIDTH = 3 * P * P };
    float *x = noise(B * 3 * H * W, 1);
    struct pair y = empty(ROWS * WIDTH);
    ON_DEVICE(&ctx, op_patchify_fwd(&ctx, COPY(y.f32, ROWS, WIDTH), COPY(x, B, 3, H, W), P));
    ON_DEVICE(&ctx, op_patchify_fwd(&ctx, COPY(y.bf16, ROWS, WIDTH), COPY(x, B, 3, H, W), P));
    compare(y, ROWS * WIDTH, ROUNDED / 2, "patchify");
    release(y);
    free(x);
}

/* What does not go together is refused. */
static void refused(void)
{
    struct pair x = rounded(64, 1), y = empty(64);
    struct fmt_error e = {0};
    ON_DEVICE(&ctx, op_linear_fwd(&ctx, COPY(y.bf16, 8, 8), COPY(x.f32, 8, 8), COPY(x.f32, 8, 8), TENSOR_NONE));
    is_int(op_sync(&ctx, &e), FMT_MISMATCH, "bf16 from float32 rows: %s", e.text);
    e = (struct fmt_error){0};
    struct tensor bytes = {.dtype = DTYPE_U8, .n_dims = 1, .dims = {64}};
    op_pack(&ctx, tensor_packed(bytes, DTYPE_F64, 8, 8), TENSOR_NONE, TENSOR_NONE);
    is_int(op_sync(&ctx, &e), FMT_MISMATCH, "packed in another type: %s", e.text);
    release(x), release(y);
}

int main(void)
{
    if (bed_open())
        return 1;
    norm(37, 65);
    residual(37, 65);
    swiglu(37, 65);
    patchify();
    refused();
    if (!ctx.backend->supports(DTYPE_BF16)) {
        skip("this processor has no instructions for it", "products of bf16");
        return bed_close();
    }
    linear(257, 384, 96);
    linear(1, 20, 33);
    linear(129, 201, 37);
    linear(0, 5, 7);
    threads_do_not_matter();
    return bed_close();
}
