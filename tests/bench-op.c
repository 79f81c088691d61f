/* bench-op.c - speed of the operations that are products, in this thread alone, each beside the peak of its instruction
 * (peak.h): the figures that comments in kernels/cpu give.
 *
 *   bench-op sgemm [M N K]                       gemm_f32 with B [K,N], with B [N,K], and with A [K,M]
 *   bench-op linear PRECISION [T N K]            y [T,N] = x [T,K] w^T, w [N,K] packed; f32, bf16, int8
 *   bench-op gradients PRECISION [T N K]         its backward, of x and of w; f32, bf16
 *   bench-op attention PRECISION [TOKENS]        a head of 64, forward and backward; f32, bf16
 *
 * Times are those of the processor; the best of many tries counts.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench-row.h"
#include "gemm.h"
#include "op.h"
#include "test-device.h"

enum { TRIES = 40, TRIES_MIN = 2, ARRAYS = 5 };
static const double TRY_SECONDS = 0.01, ALL_SECONDS = 1;

struct bed {
    struct op_ctx c;
    struct device_arena memory, scratch;
    enum precision precision;
    int64_t M, N, K;
    bool ta, tb; /* gemm.h */
    struct tensor t[ARRAYS];
};

static _Noreturn void fail(const char *text)
{
    fprintf(stderr, "bench-op: %s\n", text);
    exit(2);
}

/* ------------------------------------------------------------------ timing */
static double seconds_of(struct bed *b, void (*work)(struct bed *b), int n)
{
    double start = bench_clock(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < n; i++)
        work(b);
    return bench_clock(CLOCK_THREAD_CPUTIME_ID) - start;
}

/* ops: of one call of work. */
static void print_speed(struct bed *b, const char *what, void (*work)(struct bed *b), double ops)
{
    struct fmt_error e = {0};
    double best = INFINITY, all = 0, peak = peak_gops(NULL, bench_kind[b->precision]);
    int n = (int)(TRY_SECONDS / (seconds_of(b, work, 1) + 1e-9)) + 1;
    for (int i = 0; i < TRIES && (i < TRIES_MIN || all < ALL_SECONDS); i++) {
        double s = seconds_of(b, work, n);
        best = fmin(best, s / n);
        all += s;
    }
    if (op_sync(&b->c, &e))
        fail(e.text);
    printf("%-10s %-4s %6lld x %5lld x %5lld: %8.1f us, %6.1f GOP/s, %5.1f %% of %.1f\n", what,
           precision_name(b->precision), (long long)b->M, (long long)b->N, (long long)b->K, 1e6 * best,
           1e-9 * ops / best, 1e-7 * ops / best / peak, peak);
}

/* ------------------------------------------------------------------ operands */
/* Values between -1 and 1. */
static struct tensor take(struct bed *b, enum dtype dtype, int64_t rows, int64_t columns)
{
    int64_t n = rows * columns;
    struct tensor x = TENSOR_TAKE(&b->memory, DTYPE_F32, rows, columns);
    float *host = malloc((size_t)n * sizeof *host);
    for (int64_t i = 0; i < n && host; i++)
        host[i] = (float)(i * 2654435761 % 65536) / 32768.0f - 1;
    op_copy_in(&b->c, x, host);
    free(host);
    if (dtype == DTYPE_F32)
        return x;
    struct tensor rounded = TENSOR_TAKE(&b->memory, DTYPE_BF16, rows, columns);
    op_convert(&b->c, rounded, x);
    return rounded;
}

/* w [N,K] in the order that products of this precision have. */
static struct tensor take_weight(struct bed *b)
{
    static const enum dtype types[PRECISION_COUNT] = {DTYPE_F32, DTYPE_BF16, DTYPE_I8};
    struct tensor w = take(b, DTYPE_F32, b->N, b->K);
    enum dtype type = types[b->precision];
    size_t bytes = b->c.backend->packed_bytes(type, b->N, b->K);
    if (!bytes)
        return w;
    struct tensor packed = tensor_packed(TENSOR_TAKE(&b->memory, DTYPE_U8, (int64_t)bytes), type, b->N, b->K);
    if (type == DTYPE_I8) {
        struct tensor q = TENSOR_TAKE(&b->memory, DTYPE_I8, b->N, b->K);
        struct tensor scale = TENSOR_TAKE(&b->memory, DTYPE_F32, b->N);
        op_quantize(&b->c, q, scale, w, TENSOR_NONE);
        op_pack_int8(&b->c, packed, q, scale, TENSOR_NONE);
    } else {
        op_pack(&b->c, packed, w);
    }
    return packed;
}

/* ------------------------------------------------------------------ work */
static void gemm(struct bed *b)
{
    const float *x = (const float *)b->t[0].data.at, *w = (const float *)b->t[1].data.at;
    gemm_f32(b->ta, b->tb, b->M, b->N, b->K, 1, x, b->ta ? b->M : b->K, w, b->tb ? b->K : b->N, 0,
             (float *)b->t[2].data.at, b->N);
}

static void sgemm(struct bed *b)
{
    double ops = 2.0 * (double)b->M * (double)b->N * (double)b->K;
    b->t[0] = take(b, DTYPE_F32, b->M, b->K);
    b->t[1] = take(b, DTYPE_F32, b->N, b->K);
    b->t[2] = take(b, DTYPE_F32, b->M, b->N);
    print_speed(b, "B [K,N]", gemm, ops);
    b->tb = true;
    print_speed(b, "B [N,K]", gemm, ops);
    b->ta = true, b->tb = false;
    print_speed(b, "A [K,M]", gemm, ops);
}

static void linear_fwd(struct bed *b)
{
    op_linear_fwd(&b->c, b->t[2], b->t[0], b->t[1], TENSOR_NONE);
}

static void linear(struct bed *b)
{
    enum dtype type = precision_activations(b->precision);
    b->t[0] = take(b, type, b->M, b->K);
    b->t[1] = take_weight(b);
    b->t[2] = take(b, type, b->M, b->N);
    print_speed(b, "linear", linear_fwd, 2.0 * (double)b->M * (double)b->N * (double)b->K);
}

static void linear_bwd_x(struct bed *b)
{
    op_linear_bwd_x(&b->c, b->t[0], b->t[2], b->t[1]);
}

static void linear_bwd_w(struct bed *b)
{
    op_linear_bwd_w(&b->c, b->t[1], TENSOR_NONE, b->t[2], b->t[0]);
}

static void gradients(struct bed *b)
{
    enum dtype type = precision_activations(b->precision);
    double ops = 2.0 * (double)b->M * (double)b->N * (double)b->K;
    b->t[0] = take(b, type, b->M, b->K);
    b->t[1] = take(b, DTYPE_F32, b->N, b->K);
    b->t[2] = take(b, type, b->M, b->N);
    print_speed(b, "of x", linear_bwd_x, ops);
    print_speed(b, "of w", linear_bwd_w, ops);
}

static void attention_fwd(struct bed *b)
{
    op_attention_fwd(&b->c, b->t[0], b->t[1], b->t[2], &(const int64_t[2]){1, b->M}, 1, 1);
}

static void attention_bwd(struct bed *b)
{
    op_attention_bwd(&b->c, b->t[3], b->t[4], b->t[0], b->t[1], b->t[2], &(const int64_t[2]){1, b->M}, 1, 1);
}

static void attention(struct bed *b)
{
    enum dtype type = precision_activations(b->precision);
    double ops = 4.0 * (double)b->M * (double)b->M * (double)b->K;
    b->t[0] = take(b, type, b->M, b->K);
    b->t[1] = take(b, DTYPE_F32, b->M, 1);
    b->t[2] = take(b, type, b->M, 3 * b->K);
    b->t[3] = take(b, type, b->M, 3 * b->K);
    b->t[4] = take(b, type, b->M, b->K);
    print_speed(b, "attention", attention_fwd, ops);
    print_speed(b, "backward", attention_bwd, 2.5 * ops);
}

/* ------------------------------------------------------------------ the command */
static const struct work {
    const char *name;
    void (*run)(struct bed *b);
    bool one_precision, has_int8, is_square;
} works[] = {{"sgemm", sgemm, .one_precision = true},
             {"linear", linear, .has_int8 = true},
             {"gradients", gradients, .has_int8 = false},
             {"attention", attention, .is_square = true}};

static int64_t size_at(char **argv, int argc, int i, int64_t usual)
{
    int64_t n = usual;
    if (i < argc && (!num_i64(argv[i], &n) || n <= 0))
        fail("a size is a whole number above 0");
    return n;
}

/* From the arguments after its name. */
static void run(const struct work *w, int argc, char **argv)
{
    static struct bed b;
    struct fmt_error e = {0};
    const struct backend *backend = test_backend();
    int at = w->one_precision ? 0 : 1;
    if (at && (argc == 0 || precision_choose(backend, argv[0], &b.precision, &e)))
        fail(argc ? e.text : "a precision is missing");
    if (b.precision == PRECISION_INT8 && !w->has_int8)
        fail("this operation has no int8");
    b.M = size_at(argv, argc, at, 257);
    b.N = w->is_square ? b.M : size_at(argv, argc, at + 1, 1536);
    b.K = w->is_square ? 64 : size_at(argv, argc, at + 2, 384);
    b.c = (struct op_ctx){.backend = backend, .scratch = &b.scratch};
    if ((backend->open && backend->open(&e)) || device_arena_init(&b.memory, backend, 1u << 30, &e) ||
        device_arena_init(&b.scratch, backend, 1u << 30, &e))
        fail(e.text);
    w->run(&b);
    device_arena_release(&b.memory);
    device_arena_release(&b.scratch);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof works / sizeof *works && argc > 1; i++)
        if (strcmp(argv[1], works[i].name) == 0) {
            run(&works[i], argc - 2, argv + 2);
            return 0;
        }
    fail("sgemm, linear, gradients or attention");
}
