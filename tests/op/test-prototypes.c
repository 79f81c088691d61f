/* The prototype layer, its targets and its losses: against plain formulas in double, by finite differences, and the
 * properties that training relies on. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "opbed.h"
#include "prototype-loops.h"
#include "prototypes.h"

enum { ROUNDS = 3 };

/* ---- a case: a student, a teacher with targets, pairs ---- */

struct layer {
    int64_t T, K, b;
    float *z, *v, *g, *logits;
    uint16_t *z_bf16; /* z, for products in bf16; NULL: in float32 */
};

static bool in_bf16; /* of the layers that are made */

/* On the device, inside of ON_DEVICE. */
static struct prototype_layer on_device(const struct layer *l)
{
    return (struct prototype_layer){
        .z = l->z_bf16 ? COPY(l->z_bf16, l->T, l->b) : COPY(l->z, l->T, l->b),
        .v = COPY(l->v, l->K, l->b),
        .g = COPY(l->g, l->K, 1)};
}

static void layer_logits(struct layer *l)
{
    ON_DEVICE(&ctx, struct prototype_layer p = on_device(l); op_prototype_fwd(&ctx, COPY(l->logits, l->T, l->K), &p));
}

static struct layer layer_make(int64_t T, int64_t K, int64_t b)
{
    struct layer l = {T, K, b, noise(T * b, 0.5), noise(K * b, 1), noise(K, 0.3), zeros_f32(T * K), NULL};
    if (in_bf16)
        l.z_bf16 = calloc((size_t)(T * b), sizeof *l.z_bf16);
    for (int64_t i = 0; i < T * b && in_bf16; i++) {
        l.z_bf16[i] = f32_to_bf16(l.z[i]);
        l.z[i] = bf16_to_f32(l.z_bf16[i]);
    }
    for (int64_t k = 0; k < K; k++)
        l.g[k] += 1;
    layer_logits(&l);
    return l;
}

static void layer_free(struct layer *l)
{
    free(l->z), free(l->v), free(l->g), free(l->logits), free(l->z_bf16);
}

/* log_col [K] and log_row [n] of rows [first, first + n). */
static void sinkhorn(const struct layer *l, int64_t first, int64_t n, double *col, double *row, double temperature)
{
    ON_DEVICE(&ctx, struct prototype_layer p = on_device(l);
              struct tensor log_col = COPY(col, l->K), log_row = COPY(row, n);
              op_fill(&ctx, log_row, 0);
              for (int round = 1; round <= ROUNDS; round++)
                  op_prototype_sinkhorn(&ctx, log_col, log_row, &p, first, temperature,
                                        round < ROUNDS ? log((double)n) : 0));
}

struct xent_case {
    struct layer s, t;
    int64_t n_first;
    double *log_col[2], *log_row;
    int64_t *target;
    float *weight;
};

static const double TEACHER_TEMPERATURE = 0.1, STUDENT_TEMPERATURE = 0.2;

static struct xent_case case_make(int64_t Ts, int64_t Tt, int64_t n_first, int64_t K, int64_t b)
{
    struct xent_case x = {layer_make(Ts, K, b),
                          layer_make(Tt, K, b),
                          n_first,
                          {zeros_f64(K), zeros_f64(K)},
                          zeros_f64(Tt),
                          calloc((size_t)(2 * Ts), sizeof(int64_t)),
                          noise(Ts, 1)};
    if (n_first)
        sinkhorn(&x.t, 0, n_first, x.log_col[0], x.log_row, TEACHER_TEMPERATURE);
    if (n_first < Tt)
        sinkhorn(&x.t, n_first, Tt - n_first, x.log_col[1], x.log_row + n_first, TEACHER_TEMPERATURE);
    for (int64_t i = 0; i < Ts; i++) {
        x.target[2 * i] = (int64_t)rng_below(&draws, (uint64_t)Tt);
        x.target[2 * i + 1] = i % 3 == 0 ? (int64_t)rng_below(&draws, (uint64_t)Tt) : -1;
    }
    return x;
}

static void case_free(struct xent_case *x)
{
    layer_free(&x->s), layer_free(&x->t);
    free(x->log_col[0]), free(x->log_col[1]), free(x->log_row), free(x->target), free(x->weight);
}

static struct prototype_targets targets_on_device(const struct xent_case *x)
{
    return (struct prototype_targets){.teacher = on_device(&x->t),
                                      .temperature = TEACHER_TEMPERATURE,
                                      .n_first = x->n_first,
                                      .log_col = {COPY(x->log_col[0], x->t.K), COPY(x->log_col[1], x->t.K)},
                                      .log_row = COPY(x->log_row, x->t.T)};
}

static struct prototype_pairs pairs_on_device(const struct xent_case *x)
{
    return (struct prototype_pairs){COPY(x->target, x->s.T, 2), COPY(x->weight, x->s.T), STUDENT_TEMPERATURE};
}

static double target_of(const struct xent_case *x, int64_t row, int64_t k)
{
    if (row < 0)
        return 0;
    return exp((double)x->t.logits[row * x->t.K + k] / TEACHER_TEMPERATURE + x->log_col[row >= x->n_first][k] +
               x->log_row[row]);
}

/* Loss of each row and the gradient at the logits, by the published formulas. */
static void plain_xent(const struct xent_case *x, double *loss, float *dlogits)
{
    const double tau = STUDENT_TEMPERATURE;
    for (int64_t i = 0; i < x->s.T; i++) {
        const float *s = x->s.logits + i * x->s.K;
        double sum = 0, target_sum = 0;
        for (int64_t k = 0; k < x->s.K; k++)
            sum += exp((double)s[k] / tau);
        loss[i] = 0;
        for (int64_t k = 0; k < x->s.K; k++) {
            double t = target_of(x, x->target[2 * i], k) + target_of(x, x->target[2 * i + 1], k);
            loss[i] -= t * ((double)s[k] / tau - log(sum));
            target_sum += t;
        }
        for (int64_t k = 0; k < x->s.K; k++) {
            double t = target_of(x, x->target[2 * i], k) + target_of(x, x->target[2 * i + 1], k);
            double d = (exp((double)s[k] / tau) / sum * target_sum - t) / tau;
            dlogits[i * x->s.K + k] = (float)((double)x->weight[i] * d);
        }
    }
}

struct xent_out {
    double *loss, *lse, *target_sum;
    float *dz, *dv, *dg;
};

static bool teacher_rounds; /* its logits, to bf16 */

static struct xent_out run_xent(const struct xent_case *x, bool cache)
{
    int64_t T = x->s.T, K = x->s.K, b = x->s.b;
    struct xent_out o = {zeros_f64(T), zeros_f64(T), zeros_f64(T), zeros_f32(T * b), zeros_f32(K * b), zeros_f32(K)};
    float *logits[2] = {zeros_f32(prototypes_logits_count(T, K)), zeros_f32(prototypes_logits_count(x->t.T, K))};
    ON_DEVICE(&ctx, struct prototype_layer s = on_device(&x->s);
              struct prototype_targets t = targets_on_device(x);
              struct prototype_pairs pairs = pairs_on_device(x);
              struct tensor lse = COPY(o.lse, T), target_sum = COPY(o.target_sum, T);
              t.teacher.rounds_logits = teacher_rounds;
              if (cache) {
                  s.logits = COPY(logits[0], PROTOTYPES_LOGITS(T, K));
                  t.teacher.logits = teacher_rounds ? COPY((uint16_t *)logits[1], PROTOTYPES_LOGITS(x->t.T, K))
                                                    : COPY(logits[1], PROTOTYPES_LOGITS(x->t.T, K));
                  op_prototype_cache_logits(&ctx, &t.teacher);
              }
              op_prototype_xent_fwd(&ctx, COPY(o.loss, T), lse, target_sum, &s, &t, &pairs);
              op_prototype_xent_bwd(&ctx, COPY(o.dz, T, b), COPY(o.dv, K, b), COPY(o.dg, K, 1), lse, target_sum, &s, &t,
                                    &pairs));
    free(logits[0]), free(logits[1]);
    return o;
}

static void out_free(struct xent_out *o)
{
    free(o->loss), free(o->lse), free(o->target_sum), free(o->dz), free(o->dv), free(o->dg);
}

static bool out_same(const struct xent_out *a, const struct xent_out *b, const struct layer *l)
{
    return memcmp(a->loss, b->loss, (size_t)l->T * sizeof(double)) == 0 &&
           memcmp(a->dz, b->dz, (size_t)(l->T * l->b) * sizeof(float)) == 0 &&
           memcmp(a->dv, b->dv, (size_t)(l->K * l->b) * sizeof(float)) == 0 &&
           memcmp(a->dg, b->dg, (size_t)l->K * sizeof(float)) == 0;
}

static void check_threads(const struct xent_case *x, const struct xent_out *expected)
{
    struct fmt_error e = {0};
    struct thread_pool *pool = ctx.pool;
    for (int n = 1; n <= 5; n += 2) {
        ctx.pool = thread_open(n, &e);
        struct xent_out o = run_xent(x, n == 3);
        ok(out_same(&o, expected, &x->s), "cross-entropy: %d threads, the same bits", n);
        out_free(&o);
        thread_close(ctx.pool);
    }
    ctx.pool = pool;
}

/* Logits of the teacher that are rounded to bf16: near those that are not, and the same bits whether cached or not. */
static void check_rounded_logits(const struct xent_case *x, const struct xent_out *expected)
{
    teacher_rounds = true;
    struct xent_out o = run_xent(x, false);
    double worst = 0;
    check_threads(x, &o);
    for (int64_t i = 0; i < x->s.T; i++)
        worst = worse(worst, fabs(o.loss[i] - expected->loss[i]) / (1 + fabs(expected->loss[i])));
    ok(worst < 0.02, "rounded logits: losses (%.2g)", worst);
    is_near(o.dz, expected->dz, x->s.T * x->s.b, 0.05, "rounded logits: gradient at the rows");
    is_near(o.dv, expected->dv, x->s.K * x->s.b, 0.05, "rounded logits: gradient at v");
    teacher_rounds = false;
    out_free(&o);
}

/* The gradients of the layer from those at its logits. */
static void layer_backward(const struct layer *l, const float *dlogits, float *dz, float *dv, float *dg)
{
    ON_DEVICE(&ctx, struct prototype_layer p = on_device(l);
              op_prototype_bwd(&ctx, COPY(dz, l->T, l->b), COPY(dv, l->K, l->b), COPY(dg, l->K, 1),
                               COPY(dlogits, l->T, l->K), &p));
}

static void test_xent(int64_t Ts, int64_t Tt, int64_t n_first, int64_t K, int64_t b)
{
    struct xent_case x = case_make(Ts, Tt, n_first, K, b);
    struct xent_out o = run_xent(&x, false);
    double *loss = zeros_f64(Ts), worst = 0;
    float *d = zeros_f32(Ts * K), *dz = zeros_f32(Ts * b), *dv = zeros_f32(K * b), *dg = zeros_f32(K);
    plain_xent(&x, loss, d);
    layer_backward(&x.s, d, dz, dv, dg);
    for (int64_t i = 0; i < Ts; i++)
        worst = worse(worst, fabs(o.loss[i] - loss[i]) / (1 + fabs(loss[i])));
    ok(worst < 1e-5, "cross-entropy %lld x %lld x %lld: losses (%.2g)", (long long)Ts, (long long)K, (long long)b,
       worst);
    double limit = in_bf16 ? 1e-3 : 2e-5; /* a gradient at a logit may be rounded the other way */
    is_near(o.dz, dz, Ts * b, limit, "gradient at the rows");
    is_near(o.dv, dv, K * b, limit, "gradient at v");
    is_near(o.dg, dg, K, limit, "gradient at g");
    check_threads(&x, &o);
    if (in_bf16 && K > 1) /* of one prototype all gradients are 0 */
        check_rounded_logits(&x, &o);
    clean("cross-entropy");
    out_free(&o);
    free(loss), free(d), free(dz), free(dv), free(dg);
    case_free(&x);
}

/* Products in bf16 against those of float32. */
static void test_bf16(int64_t T, int64_t K, int64_t b)
{
    struct layer l = layer_make(T, K, b);
    float *d = noise(T * K, 0.1), *logits = zeros_f32(T * K);
    float *dz[2], *dv[2], *dg[2];
    memcpy(logits, l.logits, (size_t)(T * K) * sizeof *logits);
    for (int i = 0; i < 2; i++) {
        dz[i] = zeros_f32(T * b), dv[i] = zeros_f32(K * b), dg[i] = zeros_f32(K);
        layer_backward(&l, d, dz[i], dv[i], dg[i]);
        free(l.z_bf16);
        l.z_bf16 = NULL;
    }
    layer_logits(&l);
    is_near(logits, l.logits, T * K, 0.004, "bf16: logits");
    is_near(dz[0], dz[1], T * b, 0.004, "bf16: gradient at the rows");
    is_near(dv[0], dv[1], K * b, 0.004, "bf16: gradient at v");
    is_near(dg[0], dg[1], K, 0.02, "bf16: gradient at g");
    clean("bf16");
    for (int i = 0; i < 2; i++)
        free(dz[i]), free(dv[i]), free(dg[i]);
    free(d), free(logits);
    layer_free(&l);
}

/* ---- finite differences ---- */

struct logits_value {
    struct layer *l;
    const float *dlogits;
};

static double logits_value(void *arg)
{
    struct logits_value *a = arg;
    layer_logits(a->l);
    return dot(a->l->logits, a->dlogits, a->l->T * a->l->K);
}

static void test_logits_differences(int64_t T, int64_t K, int64_t b)
{
    struct layer l = layer_make(T, K, b);
    float *d = noise(T * K, 0.1), *dz = zeros_f32(T * b), *dv = zeros_f32(K * b), *dg = zeros_f32(K);
    struct logits_value a = {&l, d};
    layer_backward(&l, d, dz, dv, dg);
    check_direction("logits, z", (struct function){logits_value, &a, 0}, l.z, T * b, dz);
    check_direction("logits, v", (struct function){logits_value, &a, 0}, l.v, K * b, dv);
    check_direction("logits, g", (struct function){logits_value, &a, 0}, l.g, K, dg);
    clean("logits");
    free(d), free(dz), free(dv), free(dg);
    layer_free(&l);
}

static double xent_value(void *arg)
{
    const struct xent_case *x = arg;
    int64_t T = x->s.T;
    double *loss = zeros_f64(T), *lse = zeros_f64(T), *target_sum = zeros_f64(T), sum = 0;
    ON_DEVICE(&ctx, struct prototype_layer s = on_device(&x->s);
              struct prototype_targets t = targets_on_device(x);
              struct prototype_pairs pairs = pairs_on_device(x);
              op_prototype_xent_fwd(&ctx, COPY(loss, T), COPY(lse, T), COPY(target_sum, T), &s, &t, &pairs));
    for (int64_t i = 0; i < T; i++)
        sum += loss[i] * (double)x->weight[i];
    free(loss), free(lse), free(target_sum);
    return sum;
}

static void test_xent_differences(void)
{
    struct xent_case x = case_make(9, 7, 3, 300, 12);
    struct xent_out o = run_xent(&x, false);
    struct function f = {xent_value, &x, 0};
    check_direction("cross-entropy, z", f, x.s.z, 9 * 12, o.dz);
    check_direction("cross-entropy, v", f, x.s.v, 300 * 12, o.dv);
    check_direction("cross-entropy, g", f, x.s.g, 300, o.dg);
    clean("cross-entropy");
    out_free(&o);
    case_free(&x);
}

struct kl_value {
    struct layer *l;
    int64_t first, n;
};

static double kl_loss(const struct kl_value *a, float *dz, float *dv, float *dg)
{
    double loss = 0;
    const struct layer *l = a->l;
    ON_DEVICE(&ctx, struct prototype_layer p = on_device(l);
              op_prototype_kl(&ctx, &loss, COPY(dz, a->n, l->b), COPY(dv, l->K, l->b), COPY(dg, l->K, 1), &p, a->first,
                              0.2, 0.7));
    return 0.7 * loss;
}

static double kl_value(void *arg)
{
    struct kl_value *a = arg;
    struct layer *l = a->l;
    float *dz = zeros_f32(a->n * l->b), *dv = zeros_f32(l->K * l->b), *dg = zeros_f32(l->K);
    double loss = kl_loss(a, dz, dv, dg);
    free(dz), free(dv), free(dg);
    return loss;
}

static void test_kl(void)
{
    struct layer l = layer_make(9, 300, 12);
    struct kl_value a = {&l, 2, 5};
    float *dz = zeros_f32(5 * 12), *dv = zeros_f32(300 * 12), *dg = zeros_f32(300), *all = zeros_f32(9 * 12);
    double loss = kl_loss(&a, dz, dv, dg), expected = 0;
    for (int64_t k = 0; k < l.K; k++) {
        double mean = 0;
        for (int64_t t = 2; t < 7; t++) {
            double sum = 0;
            for (int64_t j = 0; j < l.K; j++)
                sum += exp((double)l.logits[t * l.K + j] / 0.2);
            mean += exp((double)l.logits[t * l.K + k] / 0.2) / sum / 5;
        }
        expected += mean * log(mean * (double)l.K);
    }
    ok(fabs(loss - 0.7 * expected) < 1e-6, "KL to uniform: %.7g, by the formula %.7g", loss, 0.7 * expected);
    memcpy(all + 2 * 12, dz, 5 * 12 * sizeof *dz);
    check_direction("KL, z", (struct function){kl_value, &a, 0}, l.z, 9 * 12, all);
    check_direction("KL, v", (struct function){kl_value, &a, 0}, l.v, 300 * 12, dv);
    check_direction("KL, g", (struct function){kl_value, &a, 0}, l.g, 300, dg);
    clean("KL");
    free(dz), free(dv), free(dg), free(all);
    layer_free(&l);
}

/* ---- targets ---- */

enum { ROWS = 11, COLUMNS = 600 };
static const double TAU = 0.05;

/* The largest difference of a row's sum of targets from 1. */
static double row_sums_off(const struct layer *l, const double *col, const double *row)
{
    double worst = 0;
    for (int64_t i = 0; i < l->T; i++) {
        double sum = 0;
        for (int64_t k = 0; k < l->K; k++)
            sum += exp((double)l->logits[i * l->K + k] / TAU + col[k] + row[i]);
        worst = worse(worst, fabs(sum - 1));
    }
    return worst;
}

static double largest_difference(const double *a, const double *b, int64_t n)
{
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        worst = worse(worst, fabs(a[i] - b[i]));
    return worst;
}

static void test_sinkhorn(void)
{
    struct layer l = layer_make(ROWS, COLUMNS, 8), moved = l;
    double *col = zeros_f64(COLUMNS), *row = zeros_f64(ROWS), *col2 = zeros_f64(COLUMNS), *row2 = zeros_f64(ROWS);
    sinkhorn(&l, 0, ROWS, col, row, TAU);
    double off = row_sums_off(&l, col, row);
    ok(off < 1e-6, "targets of a row sum to 1 after Sinkhorn-Knopp (%.2g)", off);
    /* A permuted batch: the same numbers for each prototype. */
    moved.z = zeros_f32(ROWS * 8);
    for (int64_t t = 0; t < ROWS; t++)
        memcpy(moved.z + (t * 4 + 3) % ROWS * 8, l.z + t * 8, 8 * sizeof *l.z);
    sinkhorn(&moved, 0, ROWS, col2, row2, TAU);
    off = largest_difference(col, col2, COLUMNS);
    for (int64_t t = 0; t < ROWS; t++)
        off = worse(off, fabs(row[t] - row2[(t * 4 + 3) % ROWS]));
    ok(off < 1e-5, "Sinkhorn-Knopp of a permuted batch is the permuted one (%.2g)", off);
    clean("targets");
    free(col), free(row), free(col2), free(row2), free(moved.z);
    layer_free(&l);
}

/* Vectors of the reference in numpy. */
static void test_sinkhorn_vector(void)
{
    static float logits[12] = {0.10f, -0.20f, 0.05f, 0.00f, 0.30f, -0.10f, -0.25f, 0.15f, 0.20f, 0.30f, 0.05f, -0.05f};
    static const double expected[2][12] = {{0.350666, 0.000282, 0.649051, 0.000380, 0.999419, 0.000201, 0.000002,
                                            0.060676, 0.939322, 0.996179, 0.002801, 0.001020},
                                           {0.410901, 0.007285, 0.581814, 0.010495, 0.982229, 0.007275, 0.000458,
                                            0.178908, 0.820634, 0.947235, 0.034305, 0.018460}};
    static float v[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, g[3] = {1, 1, 1};
    struct layer l = {.T = 4, .K = 3, .b = 3, .z = logits, .v = v, .g = g};
    for (int i = 0; i < 2; i++) {
        double col[3] = {0}, row[4] = {0}, tau = i ? 0.07 : 0.04, worst = 0;
        sinkhorn(&l, 0, 4, col, row, tau);
        for (int j = 0; j < 12; j++)
            worst = worse(worst, fabs(exp((double)logits[j] / tau + col[j % 3] + row[j / 3]) - expected[i][j]));
        ok(worst < 1e-6, "Sinkhorn-Knopp at %.2f: the numbers of the reference (%.2g)", tau, worst);
    }
}

/* Centering of rows [first, first + n). */
static void centering(const struct layer *l, int64_t first, int64_t n, double *col, double *row, double *sum,
                      const float *center)
{
    ON_DEVICE(&ctx, struct prototype_layer p = on_device(l);
              op_prototype_center(&ctx, COPY(col, l->K), COPY(row, n), COPY(sum, l->K), &p, first,
                                  COPY(center, l->K), TAU));
}

static void test_centering(void)
{
    struct layer l = layer_make(ROWS, COLUMNS, 8);
    double *col = zeros_f64(COLUMNS), *row = zeros_f64(ROWS), *sum = zeros_f64(COLUMNS), expected = 0;
    float *center = noise(COLUMNS, 0.1);
    centering(&l, 0, ROWS, col, row, sum, center);
    double off = row_sums_off(&l, col, row);
    ok(off < 1e-6, "targets of a row sum to 1 after centering (%.2g)", off);
    for (int64_t t = 0; t < ROWS; t++)
        expected += (double)l.logits[t * COLUMNS + 300];
    ok(fabs(sum[300] - expected) < 1e-6, "the sum of a prototype's logits");
    clean("centering");
    free(col), free(row), free(sum), free(center);
    layer_free(&l);
}

/* ---- the same where rows lie on several ranks ---- */

enum { RANKS = 3 };

/* Rows [first[r], first[r + 1]) of the 11 are rank r's. */
static const int64_t *rank_rows(int n_ranks)
{
    static const int64_t one[] = {0, ROWS}, three[RANKS + 1] = {0, 5, 6, ROWS};
    return n_ranks == 1 ? one : three;
}

/* One round as a world of n_ranks makes it. max, sum: [RANKS][K]; all [K]. */
static void round_in_parts(const struct layer *l, int n_ranks, double *col, double *row, double *max, double *sum,
                           double *all, double log_rows)
{
    int64_t K = l->K;
    const int64_t *first = rank_rows(n_ranks);
    for (int r = 0; r < n_ranks; r++)
        ON_DEVICE(&ctx, struct prototype_layer p = on_device(l);
                  op_prototype_sinkhorn_columns(&ctx, COPY(max + r * K, K), COPY(sum + r * K, K),
                                                COPY(row + first[r], first[r + 1] - first[r]), &p, first[r], TAU));
    for (int64_t k = 0; k < K; k++) {
        all[k] = max[k];
        for (int r = 1; r < n_ranks; r++)
            all[k] = fmax(all[k], max[r * K + k]);
    }
    for (int r = 0; r < n_ranks; r++)
        ON_DEVICE(&ctx, op_prototype_sinkhorn_rescale(&ctx, COPY(sum + r * K, K), COPY(max + r * K, K), COPY(all, K)));
    for (int r = 1; r < n_ranks; r++)
        for (int64_t k = 0; k < K; k++)
            sum[k] += sum[r * K + k];
    for (int r = 0; r < n_ranks; r++)
        ON_DEVICE(&ctx, struct prototype_layer p = on_device(l);
                  op_prototype_sinkhorn_rows(&ctx, COPY(col, K), COPY(row + first[r], first[r + 1] - first[r]),
                                             COPY(all, K), COPY(sum, K), &p, first[r], TAU, log_rows));
}

static void test_sinkhorn_ranks(void)
{
    struct layer l = layer_make(ROWS, COLUMNS, 8);
    double *col = zeros_f64(COLUMNS), *row = zeros_f64(ROWS), *col2 = zeros_f64(COLUMNS), *row2 = zeros_f64(ROWS);
    double *max = zeros_f64(RANKS * COLUMNS), *sum = zeros_f64(RANKS * COLUMNS), *all = zeros_f64(COLUMNS);
    sinkhorn(&l, 0, ROWS, col, row, TAU);
    for (int n_ranks = 1; n_ranks <= RANKS; n_ranks += RANKS - 1) {
        memset(row2, 0, ROWS * sizeof *row2);
        for (int round = 1; round <= ROUNDS; round++)
            round_in_parts(&l, n_ranks, col2, row2, max, sum, all, round < ROUNDS ? log((double)ROWS) : 0);
        double off = worse(largest_difference(col, col2, COLUMNS), largest_difference(row, row2, ROWS));
        ok(n_ranks == 1 ? off == 0 : off < 1e-5, "Sinkhorn-Knopp in parts, %d ranks: %.2g off", n_ranks, off);
    }
    clean("ranks");
    free(col), free(row), free(col2), free(row2), free(max), free(sum), free(all);
    layer_free(&l);
}

struct collapse {
    double entropy;
    struct prototype_collapse figures;
};

/* The sums of each rank are added up. */
static struct collapse collapse_of(const struct layer *l, int n_ranks, const int64_t *first, double temperature)
{
    struct collapse out = {0};
    double *share = zeros_f64(l->K), *won = zeros_f64(l->K), *share_sum = zeros_f64(l->K), *won_sum = zeros_f64(l->K);
    for (int r = 0; r < n_ranks; r++) {
        double entropy = 0;
        ON_DEVICE(&ctx, struct prototype_layer p = on_device(l);
                  op_prototype_collapse_sums(&ctx, &entropy, COPY(share, l->K), COPY(won, l->K), &p, first[r],
                                             first[r + 1] - first[r], l->T, TENSOR_NONE, temperature));
        out.entropy += entropy;
        for (int64_t k = 0; k < l->K; k++)
            share_sum[k] += share[k], won_sum[k] += won[k];
    }
    ON_DEVICE(&ctx, op_prototype_collapse(&ctx, &out.figures, COPY(share_sum, l->K), COPY(won_sum, l->K), l->T));
    free(share), free(won), free(share_sum), free(won_sum);
    return out;
}

static struct collapse collapse_of_all(const struct layer *l, double temperature)
{
    return collapse_of(l, 1, (const int64_t[]){0, l->T}, temperature);
}

/* By the formulas. */
static struct collapse plain_collapse(const struct layer *l, double temperature)
{
    struct collapse out = {0};
    double *mean = zeros_f64(l->K);
    bool *won = calloc((size_t)l->K, sizeof *won);
    for (int64_t t = 0; t < l->T; t++) {
        const float *x = l->logits + t * l->K;
        double sum = 0;
        int64_t best = 0;
        for (int64_t k = 0; k < l->K; k++) {
            sum += exp((double)x[k] / temperature);
            best = x[k] > x[best] ? k : best;
        }
        for (int64_t k = 0; k < l->K; k++) {
            double q = exp((double)x[k] / temperature) / sum;
            out.entropy -= q * log(q) / (double)l->T;
            mean[k] += q / (double)l->T;
        }
        won[best] = true;
    }
    for (int64_t k = 0; k < l->K; k++)
        out.figures.entropy_of_mean -= mean[k] * log(mean[k]), out.figures.n_winners += won[k];
    free(mean), free(won);
    return out;
}

static void test_collapse(void)
{
    struct layer l = layer_make(ROWS, 700, 8);
    struct collapse w = collapse_of_all(&l, 0.3), plain = plain_collapse(&l, 0.3);
    struct collapse parts = collapse_of(&l, RANKS, rank_rows(RANKS), 0.3);
    ok(fabs(w.entropy - plain.entropy) < 1e-5 &&
           fabs(w.figures.entropy_of_mean - plain.figures.entropy_of_mean) < 1e-5,
       "entropies %.6f, %.6f; by the formula %.6f, %.6f", w.entropy, w.figures.entropy_of_mean, plain.entropy,
       plain.figures.entropy_of_mean);
    is_int(w.figures.n_winners, plain.figures.n_winners, "winners");
    ok(fabs(w.entropy - parts.entropy) < 1e-5 &&
           fabs(w.figures.entropy_of_mean - parts.figures.entropy_of_mean) < 1e-5 &&
           w.figures.n_winners == parts.figures.n_winners,
       "the same from sums of %d ranks", RANKS);
    for (int64_t t = 1; t < ROWS; t++)
        memcpy(l.z + t * 8, l.z, 8 * sizeof *l.z);
    w = collapse_of_all(&l, 0.3);
    ok(fabs(w.entropy - w.figures.entropy_of_mean) < 1e-6 && w.figures.n_winners == 1,
       "all rows alike: one winner, no spread");
    memset(l.z, 0, ROWS * 8 * sizeof *l.z);
    w = collapse_of_all(&l, 0.3);
    ok(fabs(w.entropy - log(700)) < 1e-5 && w.figures.n_winners == 1, "all logits alike: entropy log K, one winner");
    clean("collapse");
    layer_free(&l);
}

/* ---- instruction sets ---- */

#if defined(__x86_64__)
extern const struct prototype_loops prototype_loops_base, prototype_loops_avx2, prototype_loops_avx512;

static void compare_sets(const struct prototype_loops *a, const struct prototype_loops *b, const char *name)
{
    enum { T = 9, N = 251, NB = 37 };
    float *x = noise(T * PROTOTYPES_TILE, 3), *v = noise(N * NB, 1), *g = noise(N, 1), *w[2], *inv[2], *o[2];
    double col[PROTOTYPES_TILE], row[T], top[2][T], sum[2][T], four[2][4];
    double col_top[2][PROTOTYPES_TILE], col_sum[2][PROTOTYPES_TILE];
    for (int i = 0; i < PROTOTYPES_TILE; i++)
        col[i] = rng_normal(&draws);
    for (int i = 0; i < T; i++)
        row[i] = rng_normal(&draws) - 20;
    for (int s = 0; s < 2; s++) {
        const struct prototype_loops *l = s ? b : a;
        w[s] = zeros_f32(N * NB), inv[s] = zeros_f32(N), o[s] = zeros_f32(T * PROTOTYPES_TILE);
        l->weights(w[s], inv[s], v, g, N, NB);
        l->columns_lse(col_top[s], col_sum[s], x, T, N, 17.0, row);
        l->rows_lse(top[s], sum[s], x, T, N, 17.0, col);
        l->targets(o[s], x, T, N, 2.0, col, row);
        l->xent_row(four[s], x, o[s], o[s] + PROTOTYPES_TILE, N, 10);
        l->xent_row_bwd(o[s] + 2 * PROTOTYPES_TILE, o[s], o[s] + PROTOTYPES_TILE, N, 10, 3.5f, 1.5f, 0.3f);
    }
    bool same = !memcmp(w[0], w[1], N * NB * sizeof(float)) && !memcmp(inv[0], inv[1], N * sizeof(float)) &&
                !memcmp(col_top[0], col_top[1], N * sizeof(double)) &&
                !memcmp(col_sum[0], col_sum[1], N * sizeof(double)) && !memcmp(top[0], top[1], sizeof top[0]) &&
                !memcmp(sum[0], sum[1], sizeof sum[0]) && !memcmp(four[0], four[1], sizeof four[0]) &&
                !memcmp(o[0], o[1], T * PROTOTYPES_TILE * sizeof(float));
    ok(same, "prototype loops: %s gives the bits of the base", name);
    for (int s = 0; s < 2; s++)
        free(w[s]), free(inv[s]), free(o[s]);
    free(x), free(v), free(g);
}
#endif

/* Losses and targets follow from the logits as in float32. */
static void test_all_in_bf16(void)
{
    in_bf16 = true;
    test_xent(5, 4, 4, 31, 3);
    test_xent(40, 23, 0, 1500, 33);
    test_xent(1, 1, 1, 1, 1);
    test_bf16(40, 600, 16);
    test_sinkhorn_ranks();
    in_bf16 = false;
}

int main(void)
{
    if (bed_open())
        return 1;
    test_xent(5, 4, 4, 31, 3);
    test_xent(17, 9, 4, 257, 16);
    test_xent(40, 23, 0, 1500, 33);
    test_xent(1, 1, 1, 1, 1);
    test_logits_differences(7, 300, 12);
    test_xent_differences();
    test_kl();
    test_sinkhorn();
    test_sinkhorn_vector();
    test_centering();
    test_sinkhorn_ranks();
    test_collapse();
    if (ctx.backend->supports(DTYPE_BF16))
        test_all_in_bf16();
    else
        skip("this processor has no instructions for it", "prototypes in bf16");
    BED_COMPARE_SETS(prototype_loops, "prototype loops");
    return bed_close();
}
