/* Operations in bf16 against the same operations in float32 on the rounded operands: the result differs by the rounding
 * of the output, and by sums in another order. The bits do not depend on threads. */
#include "opbed.h"
#include "precision.h"

/* Relative to the largest value: half a unit in the last place of bf16 is 2^-9. */
static const double ROUNDED = 0x1p-8, EXACT = 1e-5;

static void compare(struct pair y, int64_t n, double limit, const char *what)
{
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < n; i++) {
        worst = worse(worst, fabs((double)bf16_to_f32(y.bf16[i]) - (double)y.f32[i]));
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
    ON_DEVICE(&ctx, op_pack(&ctx, tensor_packed(COPY(bytes, n_bytes), DTYPE_BF16, N, K), COPY(w.f32, N, K)));
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

/* Threads share tiles of rows; they do not change them. */
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

/* Gradients against those of float32 from the rounded operands; T rows in chunks and tiles. */
static void linear_backward(int64_t T, int64_t N, int64_t K)
{
    struct pair x = rounded(T * K, 1), w = rounded(N * K, 0.2), dy = rounded(T * N, 1), dx = empty(T * K);
    float *wide = zeros_f32(T * K), *dw[2], *db[2];
    char what[80];
    snprintf(what, sizeof what, "gradients of linear %d x %d x %d", (int)T, (int)N, (int)K);
    for (int i = 0; i < 2; i++) {
        dw[i] = zeros_f32(N * K), db[i] = zeros_f32(N);
        dw[i][0] = db[i][0] = 0.25f; /* they accumulate */
    }
    ON_DEVICE(&ctx, op_linear_bwd_x(&ctx, COPY(dx.f32, T, K), COPY(dy.f32, T, N), COPY(w.f32, N, K)));
    ON_DEVICE(&ctx, op_linear_bwd_x(&ctx, COPY(dx.bf16, T, K), COPY(dy.bf16, T, N), COPY(w.f32, N, K)));
    ON_DEVICE(&ctx, op_linear_bwd_x(&ctx, COPY(wide, T, K), COPY(dy.bf16, T, N), COPY(w.f32, N, K)));
    ON_DEVICE(&ctx, op_linear_bwd_w(&ctx, COPY(dw[0], N, K), COPY(db[0], N), COPY(dy.f32, T, N), COPY(x.f32, T, K)));
    ON_DEVICE(&ctx, op_linear_bwd_w(&ctx, COPY(dw[1], N, K), COPY(db[1], N), COPY(dy.bf16, T, N), COPY(x.bf16, T, K)));
    clean(what);
    compare(dx, T * K, ROUNDED, what);
    is_near(wide, dx.f32, T * K, EXACT, "%s: dx in float32", what);
    is_near(dw[1], dw[0], N * K, EXACT, "%s: dw", what);
    is_near(db[1], db[0], N, EXACT, "%s: db", what);
    release(x), release(w), release(dy), release(dx);
    free(wide), free(dw[0]), free(dw[1]), free(db[0]), free(db[1]);
}

static void gradient_on_threads(void)
{
    enum { T = 1300, N = 400, K = 96 };
    struct pair x = rounded(T * K, 1), dy = rounded(T * N, 1);
    float *dw[2] = {zeros_f32(N * K), zeros_f32(N * K)};
    struct op_ctx alone = ctx;
    alone.pool = NULL;
    ON_DEVICE(&ctx, op_linear_bwd_w(&ctx, COPY(dw[0], N, K), TENSOR_NONE, COPY(dy.bf16, T, N), COPY(x.bf16, T, K)));
    ON_DEVICE(&alone, op_linear_bwd_w(&alone, COPY(dw[1], N, K), TENSOR_NONE, COPY(dy.bf16, T, N), COPY(x.bf16, T, K)));
    ok(memcmp(dw[0], dw[1], N * K * sizeof(float)) == 0, "linear_bwd_w: the same bits with one thread");
    release(x), release(dy);
    free(dw[0]), free(dw[1]);
}

/* Scratch of products with T rows, as a plan counts it. */
static size_t planned(int64_t T)
{
    enum { N = 200, K = 40 };
    struct device_arena plan = {0};
    struct op_ctx c = {.backend = ctx.backend, .pool = ctx.pool, .scratch = &plan};
    struct tensor x = {.dtype = DTYPE_BF16, .n_dims = 2, .dims = {T, K}}, y = x, w = x;
    y.dims[1] = N, w.dims[0] = N, w.dtype = DTYPE_F32;
    op_linear_fwd(&c, y, x, w, TENSOR_NONE);
    op_linear_bwd_x(&c, x, y, w);
    op_linear_bwd_w(&c, w, TENSOR_NONE, y, x);
    return plan.high;
}

/* A batch has fewer masked patches than the plan: its scratch fits. */
static void scratch_fits(void)
{
    int64_t larger = 0;
    for (int64_t T = 1; T < 1100; T += 9)
        larger += planned(T) > planned(1100) || planned(T) > planned(T + 9);
    is_int(larger, 0, "products with fewer rows take no more scratch");
}

/* ------------------------------------------------------------------ the others */
static void norm(int64_t T, int64_t C)
{
    float *x = noise(T * C, 1), *w = noise(C, 1), *b = noise(C, 1), *mean = zeros_f32(T), *rstd = zeros_f32(T);
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
    float *x = noise(T * C, 1), *gamma = noise(C, 1), *y = zeros_f32(T * C), *z = zeros_f32(T * C);
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

static void residual_backward(int64_t T, int64_t C)
{
    enum { M = 20 };
    struct pair r = rounded(M * C, 1), dr = empty(M * C);
    float *dx = noise(T * C, 1), *gamma = noise(C, 1), *scale = noise(M, 1), *wide = zeros_f32(M * C),
          *dgamma[3] = {zeros_f32(C), zeros_f32(C), zeros_f32(C)};
    int64_t rows[M];
    for (int i = 0; i < M; i++)
        rows[i] = T - 1 - i;
    ON_DEVICE(&ctx, op_residual_bwd(&ctx, COPY(dr.f32, M, C), COPY(dgamma[0], C), COPY(dx, T, C), COPY(r.f32, M, C),
                                    COPY(gamma, C), COPY(rows, M), COPY(scale, M)));
    ON_DEVICE(&ctx, op_residual_bwd(&ctx, COPY(dr.bf16, M, C), COPY(dgamma[1], C), COPY(dx, T, C), COPY(r.bf16, M, C),
                                    COPY(gamma, C), COPY(rows, M), COPY(scale, M)));
    ON_DEVICE(&ctx, op_residual_bwd(&ctx, COPY(wide, M, C), COPY(dgamma[2], C), COPY(dx, T, C), COPY(r.bf16, M, C),
                                    COPY(gamma, C), COPY(rows, M), COPY(scale, M)));
    compare(dr, M * C, ROUNDED, "residual_bwd");
    is_near(wide, dr.f32, M * C, EXACT, "residual_bwd: dr in float32");
    is_near(dgamma[1], dgamma[0], C, EXACT, "residual_bwd: dgamma");
    is_near(dgamma[2], dgamma[0], C, EXACT, "residual_bwd: dgamma beside dr in float32");
    release(r), release(dr);
    free(dx), free(gamma), free(scale), free(wide), free(dgamma[0]), free(dgamma[1]), free(dgamma[2]);
}

/* In place, as backward passes call them; one with more elements than an item of work. */
static void gelu_backward(int64_t n)
{
    struct pair d = rounded(n, 1), x = rounded(n, 2), y = empty(n);
    ON_DEVICE(&ctx, op_gelu_bwd(&ctx, COPY(y.f32, n), TENSOR_NONE, COPY(d.f32, n), COPY(x.f32, n)));
    ON_DEVICE(&ctx, op_gelu_bwd(&ctx, COPY(y.bf16, n), TENSOR_NONE, COPY(d.bf16, n), COPY(x.bf16, n)));
    compare(y, n, ROUNDED, "gelu_bwd");
    ON_DEVICE(&ctx, op_gelu_bwd(&ctx, COPY(d.f32, n), COPY(x.f32, n), COPY(d.f32, n), COPY(x.f32, n)));
    ON_DEVICE(&ctx, op_gelu_bwd(&ctx, COPY(d.bf16, n), COPY(x.bf16, n), COPY(d.bf16, n), COPY(x.bf16, n)));
    compare(d, n, ROUNDED, "gelu_bwd in place");
    compare(x, n, ROUNDED, "gelu_bwd: gelu itself");
    release(d), release(x), release(y);
}

static void swiglu_backward(int64_t T, int64_t h)
{
    struct pair u = rounded(T * 2 * h, 1), d = rounded(T * h, 1), du = empty(T * 2 * h);
    ON_DEVICE(&ctx, op_swiglu_bwd(&ctx, COPY(du.f32, T, 2 * h), TENSOR_NONE, COPY(d.f32, T, h), COPY(u.f32, T, 2 * h)));
    ON_DEVICE(&ctx, op_swiglu_bwd(&ctx, COPY(du.bf16, T, 2 * h), TENSOR_NONE, COPY(d.bf16, T, h),
                                  COPY(u.bf16, T, 2 * h)));
    ON_DEVICE(&ctx, op_swiglu_bwd(&ctx, COPY(u.f32, T, 2 * h), COPY(d.f32, T, h), COPY(d.f32, T, h),
                                  COPY(u.f32, T, 2 * h)));
    ON_DEVICE(&ctx, op_swiglu_bwd(&ctx, COPY(u.bf16, T, 2 * h), COPY(d.bf16, T, h), COPY(d.bf16, T, h),
                                  COPY(u.bf16, T, 2 * h)));
    compare(u, T * 2 * h, ROUNDED, "swiglu_bwd");
    compare(d, T * h, ROUNDED, "swiglu_bwd: swiglu itself");
    ok(memcmp(du.f32, u.f32, (size_t)(T * 2 * h) * 4) == 0 && memcmp(du.bf16, u.bf16, (size_t)(T * 2 * h) * 2) == 0,
       "swiglu_bwd: the same bits without it");
    release(u), release(d), release(du);
}

static void swiglu(int64_t T, int64_t h)
{
    struct pair u = rounded(T * 2 * h, 1), y = empty(T * h);
    ON_DEVICE(&ctx, op_swiglu_fwd(&ctx, COPY(y.f32, T, h), COPY(u.f32, T, 2 * h)));
    ON_DEVICE(&ctx, op_swiglu_fwd(&ctx, COPY(y.bf16, T, h), COPY(u.bf16, T, 2 * h)));
    compare(y, T * h, ROUNDED, "swiglu");
    release(u), release(y);
}

/* What does not go together is refused. */
static void refused(void)
{
    struct pair x = rounded(64, 1), y = empty(64);
    struct fmt_error e = {0};
    ON_DEVICE(&ctx, op_linear_fwd(&ctx, COPY(y.bf16, 8, 8), COPY(x.f32, 8, 8), COPY(x.f32, 8, 8), TENSOR_NONE));
    is_int(op_sync(&ctx, &e), FMT_MISMATCH, "bf16 from float32 rows: %s", e.text);
    e = (struct fmt_error){0};
    ON_DEVICE(&ctx, op_linear_fwd(&ctx, COPY(y.bf16, 8, 8), COPY(x.bf16, 8, 8),
                                  tensor_packed(COPY(x.f32, 8, 8), DTYPE_F32, 8, 8), TENSOR_NONE));
    is_int(op_sync(&ctx, &e), FMT_MISMATCH, "a packed float32 weight for rows of bf16: %s", e.text);
    e = (struct fmt_error){0};
    struct tensor bytes = {.dtype = DTYPE_U8, .n_dims = 1, .dims = {64}};
    op_pack(&ctx, tensor_packed(bytes, DTYPE_F64, 8, 8), TENSOR_NONE);
    is_int(op_sync(&ctx, &e), FMT_MISMATCH, "packed in another type: %s", e.text);
    release(x), release(y);
}

/* ------------------------------------------------------------------ the choice */
static bool every_type(enum dtype dtype) { return dtype == DTYPE_BF16 || dtype == DTYPE_I8; }
static bool bf16_alone(enum dtype dtype) { return dtype == DTYPE_BF16; }
static bool no_type(enum dtype dtype) { return (void)dtype, false; }

/* Of a processor that supports these types and is fast with those: the precision, or the status of the error. */
static void chooses(const char *name, bool (*supports)(enum dtype), bool (*is_fast)(enum dtype), int status,
                    enum precision expected)
{
    const struct backend b = {.supports = supports, .is_fast = is_fast};
    struct fmt_error e = {0};
    enum precision p = PRECISION_COUNT;
    int got = precision_choose(&b, name, &p, &e);
    ok(got == status && (status || p == expected), "\"%s\": %s", name, got ? e.text : precision_name(p));
}

static void choices(void)
{
    chooses("auto", every_type, every_type, 0, PRECISION_BF16); /* never int8 */
    chooses("auto", every_type, no_type, 0, PRECISION_F32);
    chooses("auto", no_type, every_type, 0, PRECISION_F32);
    chooses("f32", no_type, no_type, 0, PRECISION_F32);
    chooses("bf16", bf16_alone, no_type, 0, PRECISION_BF16);
    chooses("int8", every_type, no_type, 0, PRECISION_INT8);
    chooses("int8", bf16_alone, every_type, FMT_UNSUPPORTED, PRECISION_COUNT);
    chooses("bf16", no_type, every_type, FMT_UNSUPPORTED, PRECISION_COUNT);
    chooses("fp16", every_type, every_type, FMT_INVALID, PRECISION_COUNT);
}

int main(void)
{
    if (bed_open())
        return 1;
    norm(37, 65);
    residual(37, 65);
    residual_backward(37, 65);
    gelu_backward(20001);
    swiglu(37, 65);
    swiglu_backward(37, 65);
    refused();
    choices();
    if (!ctx.backend->supports(DTYPE_BF16)) {
        skip("this processor has no instructions for it", "products of bf16");
        return bed_close();
    }
    linear(257, 384, 96);
    linear(1, 20, 33);
    linear(129, 201, 37);
    linear(0, 5, 7);
    threads_do_not_matter();
    linear_backward(257, 384, 96);
    linear_backward(1, 20, 33);
    linear_backward(1061, 201, 37);
    linear_backward(0, 5, 7);
    gradient_on_threads();
    scratch_fits();
    return bed_close();
}
