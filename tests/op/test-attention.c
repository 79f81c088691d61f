/* Attention in float32 and in bf16 on the same operands against sums in double: odd lengths and widths, scores that are
 * large or all alike, NaN; the bits depend on the segment alone; scratch does not grow with its length. */
#include "attention.h"
#include "opbed.h"

/* Not the operation but the functions that it has for processors without tiles. */
static bool by_products;

/* Of the largest value, float32 and bf16. To bf16 a value is rounded by up to 2^-8: o once, gradients after
 * probabilities were, which are alike where keys are. lse: 1, or |lse| if that is larger. */
static const double LIMIT_O[2] = {1e-5, 0x1p-8}, LIMIT_GRADIENT[2] = {1e-5, 0x1p-7}, LIMIT_LSE[2] = {1e-6, 1.1e-4};

/* One segment. */
struct problem {
    int64_t N, HD;
    int NH;
    struct pair qkv, d_o, o, dqkv;          /* [N,3C], [N,C], [N,C], [N,3C] */
    float *lse_f32, *lse_bf16;              /* [N,NH] */
    double *right_o, *right_dqkv, *right_lse;
};

static int64_t width(const struct problem *a)
{
    return a->NH * a->HD;
}

static struct problem problem(int64_t N, int NH, int64_t HD, double scale)
{
    struct problem a = {.N = N, .HD = HD, .NH = NH};
    int64_t n = N * width(&a);
    a.qkv = rounded(3 * n, scale), a.d_o = rounded(n, 1), a.o = empty(n), a.dqkv = empty(3 * n);
    a.lse_f32 = zeros_f32(N * NH), a.lse_bf16 = zeros_f32(N * NH);
    a.right_o = zeros_f64(n), a.right_dqkv = zeros_f64(3 * n), a.right_lse = zeros_f64(N * NH);
    return a;
}

static void release_problem(struct problem *a)
{
    release(a->qkv), release(a->d_o), release(a->o), release(a->dqkv);
    free(a->lse_f32), free(a->lse_bf16), free(a->right_o), free(a->right_dqkv), free(a->right_lse);
}

static void set(struct pair x, int64_t i, double value)
{
    x.bf16[i] = f32_to_bf16((float)value);
    x.f32[i] = bf16_to_f32(x.bf16[i]);
}

/* ------------------------------------------------------------------ in double */

/* Row i of head h: p [N] becomes its probabilities. */
REFERENCE static void right_forward_row(struct problem *a, double *p, int64_t i, int h)
{
    int64_t C = width(a), HD = a->HD;
    const float *q = a->qkv.f32 + i * 3 * C + h * HD, *k = a->qkv.f32 + C + h * HD, *v = k + C;
    double largest = -INFINITY, sum = 0;
    for (int64_t j = 0; j < a->N; j++) {
        p[j] = dot(q, k + j * 3 * C, HD) / sqrt((double)HD);
        largest = fmax(largest, p[j]);
    }
    for (int64_t j = 0; j < a->N; j++)
        sum += p[j] = exp(p[j] - largest);
    a->right_lse[i * a->NH + h] = largest + log(sum);
    for (int64_t j = 0; j < a->N; j++) {
        p[j] /= sum;
        for (int64_t c = 0; c < HD; c++)
            a->right_o[i * C + h * HD + c] += p[j] * (double)v[j * 3 * C + c];
    }
}

/* o is an operand of backward: as forward gave it, rounded. */
REFERENCE static void right_backward_row(struct problem *a, bool bf16, const double *p, int64_t i, int h)
{
    int64_t C = width(a), HD = a->HD;
    const float *q = a->qkv.f32 + i * 3 * C + h * HD, *k = a->qkv.f32 + C + h * HD, *v = k + C;
    const float *d_o = a->d_o.f32 + i * C + h * HD;
    double *dq = a->right_dqkv + i * 3 * C + h * HD, *dk = a->right_dqkv + C + h * HD, *dv = dk + C, delta = 0;
    for (int64_t c = 0, at = i * C + h * HD; c < HD; c++, at++)
        delta += (double)d_o[c] * (double)(bf16 ? bf16_to_f32(a->o.bf16[at]) : a->o.f32[at]);
    for (int64_t j = 0; j < a->N; j++) {
        double ds = p[j] * (dot(d_o, v + j * 3 * C, HD) - delta) / sqrt((double)HD);
        for (int64_t c = 0; c < HD; c++) {
            dv[j * 3 * C + c] += p[j] * (double)d_o[c];
            dq[c] += ds * (double)k[j * 3 * C + c];
            dk[j * 3 * C + c] += ds * (double)q[c];
        }
    }
}

static void solve(struct problem *a, bool bf16)
{
    double *p = zeros_f64(a->N);
    memset(a->right_o, 0, (size_t)(a->N * width(a)) * sizeof *a->right_o);
    memset(a->right_dqkv, 0, (size_t)(3 * a->N * width(a)) * sizeof *a->right_dqkv);
    for (int h = 0; h < a->NH; h++)
        for (int64_t i = 0; i < a->N; i++) {
            right_forward_row(a, p, i, h);
            right_backward_row(a, bf16, p, i, h);
        }
    free(p);
}

/* ------------------------------------------------------------------ against it */

static void forward(struct op_ctx *c, struct tensor o, struct tensor lse, struct tensor qkv, const int64_t (*seg)[2],
                    int n_seg, int NH)
{
    (by_products ? attention_products_fwd : op_attention_fwd)(c, o, lse, qkv, seg, n_seg, NH);
}

static void backward(struct op_ctx *c, struct tensor dqkv, struct tensor d_o, struct tensor o, struct tensor lse,
                     struct tensor qkv, const int64_t (*seg)[2], int n_seg, int NH)
{
    (by_products ? attention_products_bwd : op_attention_bwd)(c, dqkv, d_o, o, lse, qkv, seg, n_seg, NH);
}

static void run(struct op_ctx *c, struct problem *a)
{
    const int64_t seg[1][2] = {{1, a->N}}, N = a->N, C = width(a);
    const int NH = a->NH;
    ON_DEVICE(c, forward(c, COPY(a->o.f32, N, C), COPY(a->lse_f32, N, NH), COPY(a->qkv.f32, N, 3 * C), seg, 1, NH);
              forward(c, COPY(a->o.bf16, N, C), COPY(a->lse_bf16, N, NH), COPY(a->qkv.bf16, N, 3 * C), seg, 1, NH));
    ON_DEVICE(c, backward(c, COPY(a->dqkv.f32, N, 3 * C), COPY(a->d_o.f32, N, C), COPY(a->o.f32, N, C),
                          COPY(a->lse_f32, N, NH), COPY(a->qkv.f32, N, 3 * C), seg, 1, NH);
              backward(c, COPY(a->dqkv.bf16, N, 3 * C), COPY(a->d_o.bf16, N, C), COPY(a->o.bf16, N, C),
                       COPY(a->lse_bf16, N, NH), COPY(a->qkv.bf16, N, 3 * C), seg, 1, NH));
}

/* The largest difference in columns [first, first + C) of rows of `stride`, as a share of the largest value. */
static double worst(struct pair y, bool bf16, const double *right, int64_t N, int64_t stride, int64_t first, int64_t C)
{
    double most = 0, largest = 0;
    for (int64_t i = 0; i < N; i++)
        for (int64_t c = first; c < first + C; c++) {
            double got = (double)(bf16 ? bf16_to_f32(y.bf16[i * stride + c]) : y.f32[i * stride + c]);
            double error = fabs(got - right[i * stride + c]);
            most = error > most || isnan(error) ? error : most;
            largest = fmax(largest, fabs(right[i * stride + c]));
        }
    return most / (largest + 1e-30);
}

/* gradients: whether those of queries and keys are compared, too, and not only finite: they are differences that vanish
 * where one key has all the weight, or all keys are alike. */
static void check(struct problem *a, bool gradients, const char *what)
{
    const int64_t C = width(a);
    double error[2][5] = {{0}};
    run(&ctx, a);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        solve(a, bf16);
        const float *lse = bf16 ? a->lse_bf16 : a->lse_f32;
        double *e = error[bf16];
        e[0] = worst(a->o, bf16, a->right_o, a->N, C, 0, C);
        for (int i = 0; i < 3; i++)
            e[1 + i] = worst(a->dqkv, bf16, a->right_dqkv, a->N, 3 * C, i * C, C);
        for (int64_t i = 0; i < a->N * a->NH; i++)
            e[4] = worse(e[4], fabs((double)lse[i] - a->right_lse[i]) / fmax(1, fabs(a->right_lse[i])));
        bool good = e[0] <= LIMIT_O[bf16] && e[3] <= LIMIT_GRADIENT[bf16] && e[4] <= LIMIT_LSE[bf16] &&
                    isfinite(e[1]) && isfinite(e[2]);
        ok(good && (!gradients || (e[1] <= LIMIT_GRADIENT[bf16] && e[2] <= LIMIT_GRADIENT[bf16])),
           "%s%s, %s, %d rows, %d x %d: o %.1e, dq %.1e, dk %.1e, dv %.1e, lse %.1e", bf16 ? "bf16" : "float32",
           by_products ? " by products" : "", what, (int)a->N, a->NH, (int)a->HD, e[0], e[1], e[2], e[3], e[4]);
    }
    clean(what);
    release_problem(a);
}

static void ordinary(int64_t N, int NH, int64_t HD, double scale)
{
    struct problem a = problem(N, NH, HD, scale);
    check(&a, N > 1, "random");
}

/* All scores are -100, but those of the key that dominates, 100; -1: none does. exp(100) is beyond float32. */
static struct problem low_scores(int64_t N, int64_t HD, int64_t dominates)
{
    struct problem a = problem(N, 1, HD, 1);
    double size = sqrt(100 / sqrt((double)HD));
    for (int64_t i = 0; i < N; i++)
        for (int64_t c = 0; c < HD; c++) {
            set(a.qkv, i * 3 * HD + c, size);
            set(a.qkv, i * 3 * HD + HD + c, i == dominates ? size : -size);
        }
    return a;
}

static void one_key_dominates(int64_t N, int64_t HD)
{
    struct problem a = low_scores(N, HD, N - 1);
    check(&a, false, "one key dominates");
}

/* Where rows are padded with zeros, these would have all the weight. */
static void all_scores_are_low(int64_t N, int64_t HD)
{
    struct problem a = low_scores(N, HD, -1);
    check(&a, false, "all scores are low");
}

/* A NaN in a query spoils its row, in its head alone; in a key all rows of the head. */
static void a_nan_is_seen(bool in_key)
{
    enum { N = 600, NH = 2, HD = 20, C = NH * HD, ROW = 401 };
    struct problem a = problem(N, NH, HD, 1);
    int64_t wrong[2] = {0, 0};
    set(a.qkv, ROW * 3 * C + (in_key ? C : 0) + HD + 3, NAN);
    run(&ctx, &a);
    for (int64_t i = 0; i < N * C; i++) {
        bool spoilt = i % C >= HD && (in_key || i / C == ROW);
        wrong[0] += isnan(a.o.f32[i]) != spoilt;
        wrong[1] += isnan(bf16_to_f32(a.o.bf16[i])) != spoilt;
    }
    is_int(wrong[0], 0, "float32: NaN in a %s%s", in_key ? "key" : "query", by_products ? ", by products" : "");
    is_int(wrong[1], 0, "bf16: NaN in a %s%s", in_key ? "key" : "query", by_products ? ", by products" : "");
    clean("NaN");
    release_problem(&a);
}

/* ------------------------------------------------------------------ bits */

enum { BITS_NH = 3, BITS_HD = 20, BITS_C = BITS_NH * BITS_HD };
static const int64_t bits_segments[][2] = {{2, 600}, {0, 9}, {3, 50}, {1, 1}};
static const int64_t bits_rows[] = {600, 600, 50, 50, 50, 1};
enum { BITS_ROWS = 1351 };

/* Forward, then backward, in bf16, of rows from `row`. */
static void run_rows(struct op_ctx *c, const struct problem *a, int64_t row, int64_t n, const int64_t (*seg)[2],
                     int n_seg, uint16_t *o, float *lse, uint16_t *dqkv)
{
    const uint16_t *qkv = a->qkv.bf16 + row * 3 * BITS_C, *d_o = a->d_o.bf16 + row * BITS_C;
    o += row * BITS_C, lse += row * BITS_NH, dqkv += row * 3 * BITS_C;
    ON_DEVICE(c, forward(c, COPY(o, n, BITS_C), COPY(lse, n, BITS_NH), COPY(qkv, n, 3 * BITS_C), seg, n_seg, BITS_NH);
              backward(c, COPY(dqkv, n, 3 * BITS_C), COPY(d_o, n, BITS_C), COPY(o, n, BITS_C), COPY(lse, n, BITS_NH),
                       COPY(qkv, n, 3 * BITS_C), seg, n_seg, BITS_NH));
}

/* All segments in one call with two threads against each alone with one. */
static void bits_depend_on_the_segment_alone(void)
{
    struct problem a = problem(BITS_ROWS, BITS_NH, BITS_HD, 1);
    struct pair o = empty(BITS_ROWS * BITS_C), dqkv = empty(3 * BITS_ROWS * BITS_C);
    struct op_ctx one_thread = ctx;
    int64_t row = 0;
    one_thread.pool = NULL;
    run_rows(&ctx, &a, 0, BITS_ROWS, bits_segments, 4, a.o.bf16, a.lse_bf16, a.dqkv.bf16);
    for (size_t i = 0; i < sizeof bits_rows / sizeof *bits_rows; row += bits_rows[i++])
        run_rows(&one_thread, &a, row, bits_rows[i], (const int64_t[1][2]){{1, bits_rows[i]}}, 1, o.bf16, a.lse_f32,
                 dqkv.bf16);
    ok(row == BITS_ROWS && memcmp(o.bf16, a.o.bf16, BITS_ROWS * BITS_C * 2) == 0 &&
           memcmp(a.lse_f32, a.lse_bf16, BITS_ROWS * BITS_NH * 4) == 0,
       "bf16%s, forward: the same bits with other segments and threads", by_products ? " by products" : "");
    ok(memcmp(dqkv.bf16, a.dqkv.bf16, 3 * BITS_ROWS * BITS_C * 2) == 0, "and backward");
    clean("segments");
    release(o), release(dqkv), release_problem(&a);
}

/* Bytes of scratch of a forward pass in bf16, one head of 64. */
static int64_t scratch_bytes(int64_t N)
{
    struct device_arena planned = {.backend = ctx.backend};
    struct op_ctx c = {.backend = ctx.backend, .scratch = &planned};
    struct tensor o = {.dtype = DTYPE_BF16, .n_dims = 2, .dims = {N, 64}}, qkv = o;
    qkv.dims[1] *= 3;
    op_attention_fwd(&c, o, TENSOR_NONE, qkv, (const int64_t[1][2]){{1, N}}, 1, 1);
    ok(op_sync(&c, NULL) == 0, "planned for %d rows", (int)N);
    return (int64_t)planned.high;
}

static void lengths(const int64_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ordinary(rows[i], 2, 64, 1);
        ordinary(rows[i], 3, 5, 2);
        one_key_dominates(rows[i], 64);
        all_scores_are_low(rows[i], 64);
    }
    a_nan_is_seen(false);
    a_nan_is_seen(true);
    bits_depend_on_the_segment_alone();
}

int main(void)
{
    static const int64_t rows[] = {1, 2, 15, 16, 17, 32, 128, 257}, few[] = {1, 17, 257};
    if (bed_open())
        return 1;
    lengths(rows, sizeof rows / sizeof *rows);
    ordinary(40, 2, 33, 1);
    ordinary(100, 1, 80, 1);
    ordinary(70, 1, 200, 1);
    ordinary(1370, 1, 64, 1);
    one_key_dominates(1370, 32);
    all_scores_are_low(1370, 32);
    if (ctx.backend->supports(DTYPE_BF16))
        is_int(scratch_bytes(50000), scratch_bytes(2000), "scratch does not grow with the segment");
    by_products = ctx.backend->computes_in_host_memory;
    if (by_products)
        lengths(few, sizeof few / sizeof *few);
    return bed_close();
}
