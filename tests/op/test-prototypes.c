/* The prototype layer and its losses: against plain formulas in double, by finite differences. Targets are in
 * test-prototype-targets.c. */
#include "prototype-loops.h"
#include "prototypebed.h"

/* ---- a case: a student, a teacher with targets, pairs ---- */

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

/* Losses follow from the logits as in float32. */
static void test_all_in_bf16(void)
{
    in_bf16 = true;
    test_xent(5, 4, 4, 31, 3);
    test_xent(40, 23, 0, 1500, 33);
    test_xent(1, 1, 1, 1, 1);
    test_xent(5, 4, 2, 8449, 3);
    test_bf16(40, 600, 16);
    test_bf16(5, 8449, 4);
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
    test_xent(5, 4, 2, 8449, 3); /* 34 tiles: a strip has two */
    test_logits_differences(7, 300, 12);
    test_xent_differences();
    test_kl();
    if (ctx.backend->supports(DTYPE_BF16))
        test_all_in_bf16();
    else
        skip("this processor has no instructions for it", "prototypes in bf16");
    BED_COMPARE_SETS(prototype_loops, "prototype loops");
    return bed_close();
}
