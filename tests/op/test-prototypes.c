/* The prototype layer, its targets and its losses: against plain formulas in double, by finite differences, and the
 * properties that training relies on. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prototype-loops.h"
#include "opbed.h"
#include "prototypes.h"

enum { ROUNDS = 3 };

/* Of rows [first, first + n). */
static void sinkhorn(const struct prototype_layer *p, int64_t first, int64_t n, double *col, double *row, double tau)
{
    struct tensor log_col = HOST_TENSOR(col, p->v.dims[0]), log_row = HOST_TENSOR(row, n);
    op_fill(&ctx, log_row, 0);
    for (int round = 1; round <= ROUNDS; round++)
        op_prototype_sinkhorn(&ctx, log_col, log_row, p, first, tau, round < ROUNDS ? log((double)n) : 0);
}

/* ---- a case: a student, a teacher with targets, pairs ---- */

struct layer {
    int64_t T, K, b;
    float *z, *v, *g, *logits;
    struct prototype_layer p;
};

static struct layer layer_make(int64_t T, int64_t K, int64_t b)
{
    struct layer l = {T, K, b, noise(T * b, 0.5), noise(K * b, 1), noise(K, 0.3), zeros_f32(T * K),
                      {.logits_cached = false}};
    for (int64_t k = 0; k < K; k++)
        l.g[k] += 1;
    l.p = (struct prototype_layer){
        .z = HOST_TENSOR(l.z, T, b), .v = HOST_TENSOR(l.v, K, b), .g = HOST_TENSOR(l.g, K, 1)};
    op_prototype_fwd(&ctx, HOST_TENSOR(l.logits, T, K), &l.p);
    return l;
}

static void layer_free(struct layer *l)
{
    free(l->z), free(l->v), free(l->g), free(l->logits);
}

struct xent_case {
    struct layer s, t;
    int64_t n_first;
    double *log_col[2], *log_row;
    int64_t *target;
    float *weight;
    struct prototype_targets targets;
    struct prototype_pairs pairs;
};

static struct xent_case case_make(int64_t Ts, int64_t Tt, int64_t n_first, int64_t K, int64_t b)
{
    struct xent_case x = {layer_make(Ts, K, b),
                          layer_make(Tt, K, b),
                          n_first,
                          {zeros_f64(K), zeros_f64(K)},
                          zeros_f64(Tt),
                          calloc((size_t)(2 * Ts), sizeof(int64_t)),
                          noise(Ts, 1),
                          .pairs = {.temperature = 0}};
    if (n_first)
        sinkhorn(&x.t.p, 0, n_first, x.log_col[0], x.log_row, 0.1);
    if (n_first < Tt)
        sinkhorn(&x.t.p, n_first, Tt - n_first, x.log_col[1], x.log_row + n_first, 0.1);
    for (int64_t i = 0; i < Ts; i++) {
        x.target[2 * i] = (int64_t)rng_below(&draws, (uint64_t)Tt);
        x.target[2 * i + 1] = i % 3 == 0 ? (int64_t)rng_below(&draws, (uint64_t)Tt) : -1;
    }
    x.targets = (struct prototype_targets){
        x.t.p, 0.1, n_first, {HOST_TENSOR(x.log_col[0], K), HOST_TENSOR(x.log_col[1], K)}, HOST_TENSOR(x.log_row, Tt)};
    x.pairs = (struct prototype_pairs){HOST_TENSOR(x.target, Ts, 2), HOST_TENSOR(x.weight, Ts), 0.2};
    return x;
}

static void case_free(struct xent_case *x)
{
    layer_free(&x->s), layer_free(&x->t);
    free(x->log_col[0]), free(x->log_col[1]), free(x->log_row), free(x->target), free(x->weight);
}

static double target_of(const struct xent_case *x, int64_t row, int64_t k)
{
    if (row < 0)
        return 0;
    return exp((double)x->t.logits[row * x->t.K + k] / 0.1 + x->log_col[row >= x->n_first][k] + x->log_row[row]);
}

/* Loss of each row and the gradient at the logits, by the formulas of the specification. */
static void plain_xent(const struct xent_case *x, double *loss, float *dlogits)
{
    for (int64_t i = 0; i < x->s.T; i++) {
        const float *s = x->s.logits + i * x->s.K;
        double sum = 0, target_sum = 0;
        for (int64_t k = 0; k < x->s.K; k++)
            sum += exp((double)s[k] / 0.2);
        loss[i] = 0;
        for (int64_t k = 0; k < x->s.K; k++) {
            double t = target_of(x, x->target[2 * i], k) + target_of(x, x->target[2 * i + 1], k);
            loss[i] -= t * ((double)s[k] / 0.2 - log(sum));
            target_sum += t;
        }
        for (int64_t k = 0; k < x->s.K; k++) {
            double t = target_of(x, x->target[2 * i], k) + target_of(x, x->target[2 * i + 1], k);
            double d = (exp((double)s[k] / 0.2) / sum * target_sum - t) / 0.2;
            dlogits[i * x->s.K + k] = (float)((double)x->weight[i] * d);
        }
    }
}

struct xent_out {
    double *loss, *lse, *target_sum;
    float *dz, *dv, *dg;
};

static struct xent_out run_xent(struct xent_case *x, bool cache)
{
    int64_t T = x->s.T, K = x->s.K, b = x->s.b;
    struct xent_out o = {zeros_f64(T), zeros_f64(T), zeros_f64(T), zeros_f32(T * b), zeros_f32(K * b), zeros_f32(K)};
    struct prototype_layer s = x->s.p;
    struct prototype_targets t = x->targets;
    float *logits[2] = {NULL, NULL};
    if (cache) {
        logits[0] = zeros_f32(prototypes_logits_count(T, K));
        logits[1] = zeros_f32(prototypes_logits_count(x->t.T, K));
        s.logits = HOST_TENSOR(logits[0], PROTOTYPES_LOGITS(T, K));
        t.teacher.logits = HOST_TENSOR(logits[1], PROTOTYPES_LOGITS(x->t.T, K));
        op_prototype_cache_logits(&ctx, &t.teacher);
    }
    struct tensor lse = HOST_TENSOR(o.lse, T), target_sum = HOST_TENSOR(o.target_sum, T);
    op_prototype_xent_fwd(&ctx, HOST_TENSOR(o.loss, T), lse, target_sum, &s, &t, &x->pairs);
    op_prototype_xent_bwd(&ctx, HOST_TENSOR(o.dz, T, b), HOST_TENSOR(o.dv, K, b), HOST_TENSOR(o.dg, K, 1), lse,
                          target_sum, &s, &t, &x->pairs);
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

static void check_threads(struct xent_case *x, const struct xent_out *want)
{
    struct fmt_error e = {0};
    struct thread_pool *pool = ctx.pool;
    for (int n = 1; n <= 5; n += 2) {
        ctx.pool = thread_open(n, &e);
        struct xent_out o = run_xent(x, n == 3);
        ok(out_same(&o, want, &x->s), "cross-entropy: %d threads, the same bits", n);
        out_free(&o);
        thread_close(ctx.pool);
    }
    ctx.pool = pool;
}

static void test_xent(int64_t Ts, int64_t Tt, int64_t n_first, int64_t K, int64_t b)
{
    struct xent_case x = case_make(Ts, Tt, n_first, K, b);
    struct xent_out o = run_xent(&x, false);
    double *loss = zeros_f64(Ts), worst = 0;
    float *d = zeros_f32(Ts * K), *dz = zeros_f32(Ts * b), *dv = zeros_f32(K * b), *dg = zeros_f32(K);
    plain_xent(&x, loss, d);
    op_prototype_bwd(&ctx, HOST_TENSOR(dz, Ts, b), HOST_TENSOR(dv, K, b), HOST_TENSOR(dg, K, 1), HOST_TENSOR(d, Ts, K),
                     &x.s.p);
    for (int64_t i = 0; i < Ts; i++)
        worst = fmax(worst, fabs(o.loss[i] - loss[i]) / (1 + fabs(loss[i])));
    ok(worst < 1e-5, "cross-entropy %lld x %lld x %lld: losses (%.2g)", (long long)Ts, (long long)K, (long long)b,
       worst);
    is_near(o.dz, dz, Ts * b, 2e-5, "gradient at the rows");
    is_near(o.dv, dv, K * b, 2e-5, "gradient at v");
    is_near(o.dg, dg, K, 2e-5, "gradient at g");
    check_threads(&x, &o);
    clean("cross-entropy");
    out_free(&o);
    free(loss), free(d), free(dz), free(dv), free(dg);
    case_free(&x);
}

/* ---- finite differences ---- */

struct logits_value {
    struct layer *l;
    const float *dlogits;
};

static double logits_value(void *arg)
{
    struct logits_value *a = arg;
    struct layer *l = a->l;
    op_prototype_fwd(&ctx, HOST_TENSOR(l->logits, l->T, l->K), &l->p);
    return dot(l->logits, a->dlogits, l->T * l->K);
}

static void test_logits_differences(int64_t T, int64_t K, int64_t b)
{
    struct layer l = layer_make(T, K, b);
    float *d = noise(T * K, 0.1), *dz = zeros_f32(T * b), *dv = zeros_f32(K * b), *dg = zeros_f32(K);
    struct logits_value a = {&l, d};
    op_prototype_bwd(&ctx, HOST_TENSOR(dz, T, b), HOST_TENSOR(dv, K, b), HOST_TENSOR(dg, K, 1), HOST_TENSOR(d, T, K),
                     &l.p);
    check_direction("logits, z", (struct function){logits_value, &a, 0}, l.z, T * b, dz);
    check_direction("logits, v", (struct function){logits_value, &a, 0}, l.v, K * b, dv);
    check_direction("logits, g", (struct function){logits_value, &a, 0}, l.g, K, dg);
    clean("logits");
    free(d), free(dz), free(dv), free(dg);
    layer_free(&l);
}

static double xent_value(void *arg)
{
    struct xent_case *x = arg;
    double *rows = zeros_f64(3 * x->s.T), sum = 0;
    struct prototype_layer s = x->s.p;
    int64_t T = x->s.T;
    op_prototype_xent_fwd(&ctx, HOST_TENSOR(rows, T), HOST_TENSOR(rows + T, T), HOST_TENSOR(rows + 2 * T, T), &s,
                          &x->targets, &x->pairs);
    for (int64_t i = 0; i < x->s.T; i++)
        sum += rows[i] * (double)x->weight[i];
    free(rows);
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
    struct layer *l = a->l;
    op_prototype_kl(&ctx, &loss, HOST_TENSOR(dz, a->n, l->b), HOST_TENSOR(dv, l->K, l->b), HOST_TENSOR(dg, l->K, 1),
                    &l->p, a->first, 0.2, 0.7);
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
    double loss = kl_loss(&a, dz, dv, dg), want = 0;
    for (int64_t k = 0; k < l.K; k++) {
        double mean = 0;
        for (int64_t t = 2; t < 7; t++) {
            double sum = 0;
            for (int64_t j = 0; j < l.K; j++)
                sum += exp((double)l.logits[t * l.K + j] / 0.2);
            mean += exp((double)l.logits[t * l.K + k] / 0.2) / sum / 5;
        }
        want += mean * log(mean * (double)l.K);
    }
    ok(fabs(loss - 0.7 * want) < 1e-6, "KL to uniform: %.7g, by the formula %.7g", loss, 0.7 * want);
    memcpy(all + 2 * 12, dz, 5 * 12 * sizeof *dz);
    check_direction("KL, z", (struct function){kl_value, &a, 0}, l.z, 9 * 12, all);
    check_direction("KL, v", (struct function){kl_value, &a, 0}, l.v, 300 * 12, dv);
    check_direction("KL, g", (struct function){kl_value, &a, 0}, l.g, 300, dg);
    clean("KL");
    free(dz), free(dv), free(dg), free(all);
    layer_free(&l);
}

/* ---- targets ---- */

static void row_sums(const struct layer *l, const double *col, const double *row, double tau, double *sum)
{
    for (int64_t i = 0; i < l->T; i++)
        sum[i] = 0;
    for (int64_t i = 0; i < l->T; i++)
        for (int64_t k = 0; k < l->K; k++)
            sum[i] += exp((double)l->logits[i * l->K + k] / tau + col[k] + row[i]);
}

static void test_targets(void)
{
    struct layer l = layer_make(11, 600, 8);
    double *col = zeros_f64(600), *row = zeros_f64(11), *sum = zeros_f64(11), *mean = zeros_f64(600), worst[2] = {0};
    float *center = noise(600, 0.1);
    sinkhorn(&l.p, 0, 11, col, row, 0.05);
    row_sums(&l, col, row, 0.05, sum);
    for (int i = 0; i < 11; i++)
        worst[0] = fmax(worst[0], fabs(sum[i] - 1));
    op_prototype_center(&ctx, HOST_TENSOR(col, 600), HOST_TENSOR(row, 11), HOST_TENSOR(mean, 600), &l.p, 0,
                        HOST_TENSOR(center, 600), 0.05);
    row_sums(&l, col, row, 0.05, sum);
    for (int i = 0; i < 11; i++)
        worst[1] = fmax(worst[1], fabs(sum[i] - 1));
    ok(worst[0] < 1e-6 && worst[1] < 1e-6, "targets of a row sum to 1: Sinkhorn-Knopp %.2g, centering %.2g off",
       worst[0], worst[1]);
    double want = 0;
    for (int64_t t = 0; t < 11; t++)
        want += (double)l.logits[t * 600 + 300];
    ok(fabs(mean[300] - want) < 1e-6, "the sum of a prototype's logits");
    /* A permuted batch: the same numbers for each prototype. */
    double *col2 = zeros_f64(600), *col1 = zeros_f64(600), *row2 = zeros_f64(11), off = 0;
    sinkhorn(&l.p, 0, 11, col1, row, 0.05);
    float *z = zeros_f32(11 * 8);
    for (int64_t t = 0; t < 11; t++)
        memcpy(z + (t * 4 + 3) % 11 * 8, l.z + t * 8, 8 * sizeof *z);
    struct prototype_layer q = l.p;
    q.z = HOST_TENSOR(z, 11, 8);
    sinkhorn(&q, 0, 11, col2, row2, 0.05);
    for (int64_t k = 0; k < 600; k++)
        off = fmax(off, fabs(col1[k] - col2[k]));
    for (int64_t t = 0; t < 11; t++)
        off = fmax(off, fabs(row[t] - row2[(t * 4 + 3) % 11]));
    ok(off < 1e-5, "Sinkhorn-Knopp of a permuted batch is the permuted one (%.2g)", off);
    clean("targets");
    free(col), free(row), free(sum), free(center), free(mean), free(col1), free(col2), free(row2), free(z);
    layer_free(&l);
}

/* ---- targets of rows that lie on several ranks ---- */

enum { RANKS = 3 };
static const int64_t rank_first[RANKS + 1] = {0, 5, 6, 11};

/* One round over rows of n_ranks ranks, as a world would make it; col_max, col_sum, new_max: [RANKS][K]. */
static void round_in_parts(const struct layer *l, int n_ranks, double *log_col, double *log_row, double *vectors,
                           double tau, double log_rows)
{
    int64_t K = l->K;
    double *max = vectors, *sum = vectors + RANKS * K, *all = vectors + 2 * RANKS * K;
    for (int r = 0; r < n_ranks; r++) {
        int64_t first = n_ranks == 1 ? 0 : rank_first[r], n = n_ranks == 1 ? l->T : rank_first[r + 1] - first;
        op_prototype_sinkhorn_columns(&ctx, HOST_TENSOR(max + r * K, K), HOST_TENSOR(sum + r * K, K),
                                      HOST_TENSOR(log_row + first, n), &l->p, first, tau);
    }
    for (int64_t k = 0; k < K; k++) {
        all[k] = max[k];
        for (int r = 1; r < n_ranks; r++)
            all[k] = fmax(all[k], max[r * K + k]);
    }
    for (int r = 0; r < n_ranks; r++)
        op_prototype_sinkhorn_rescale(&ctx, HOST_TENSOR(sum + r * K, K), HOST_TENSOR(max + r * K, K),
                                      HOST_TENSOR(all, K));
    for (int r = 1; r < n_ranks; r++)
        for (int64_t k = 0; k < K; k++)
            sum[k] += sum[r * K + k];
    for (int r = 0; r < n_ranks; r++) {
        int64_t first = n_ranks == 1 ? 0 : rank_first[r], n = n_ranks == 1 ? l->T : rank_first[r + 1] - first;
        op_prototype_sinkhorn_rows(&ctx, HOST_TENSOR(log_col, K), HOST_TENSOR(log_row + first, n), HOST_TENSOR(all, K),
                                   HOST_TENSOR(sum, K), &l->p, first, tau, log_rows);
    }
}

static void test_ranks(void)
{
    struct layer l = layer_make(11, 600, 8);
    double *col[2] = {zeros_f64(600), zeros_f64(600)}, *row[2] = {zeros_f64(11), zeros_f64(11)};
    double *vectors = zeros_f64(3 * RANKS * 600);
    for (int n_ranks = 1; n_ranks <= RANKS; n_ranks += RANKS - 1) {
        double off = 0;
        sinkhorn(&l.p, 0, 11, col[0], row[0], 0.05);
        memset(row[1], 0, 11 * sizeof *row[1]);
        for (int round = 1; round <= ROUNDS; round++)
            round_in_parts(&l, n_ranks, col[1], row[1], vectors, 0.05, round < ROUNDS ? log(11.0) : 0);
        for (int64_t k = 0; k < 600; k++)
            off = fmax(off, fabs(col[0][k] - col[1][k]));
        for (int64_t t = 0; t < 11; t++)
            off = fmax(off, fabs(row[0][t] - row[1][t]));
        ok(n_ranks == 1 ? off == 0 : off < 1e-5, "Sinkhorn-Knopp on %d ranks: %.2g off", n_ranks, off);
    }
    clean("ranks");
    free(col[0]), free(col[1]), free(row[0]), free(row[1]), free(vectors);
    layer_free(&l);
}

/* The specification's vectors. */
static void test_sinkhorn_vector(void)
{
    static const float logits[12] = {0.10f,  -0.20f, 0.05f, 0.00f, 0.30f, -0.10f,
                                     -0.25f, 0.15f,  0.20f, 0.30f, 0.05f, -0.05f};
    static const double want[2][12] = {{0.350666, 0.000282, 0.649051, 0.000380, 0.999419, 0.000201, 0.000002, 0.060676,
                                        0.939322, 0.996179, 0.002801, 0.001020},
                                       {0.410901, 0.007285, 0.581814, 0.010495, 0.982229, 0.007275, 0.000458, 0.178908,
                                        0.820634, 0.947235, 0.034305, 0.018460}};
    static const float v[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, g[3] = {1, 1, 1};
    struct prototype_layer p = {.z = HOST_TENSOR(logits, 4, 3), .v = HOST_TENSOR(v, 3, 3), .g = HOST_TENSOR(g, 3, 1)};
    for (int i = 0; i < 2; i++) {
        double col[3], row[4], tau = i ? 0.07 : 0.04, worst = 0;
        sinkhorn(&p, 0, 4, col, row, tau);
        for (int j = 0; j < 12; j++)
            worst = fmax(worst, fabs(exp((double)logits[j] / tau + col[j % 3] + row[j / 3]) - want[i][j]));
        ok(worst < 1e-6, "Sinkhorn-Knopp at %.2f: the specification's numbers (%.2g)", tau, worst);
    }
}

struct collapse {
    double entropy;
    struct prototype_collapse sums;
};

static struct collapse collapse(const struct layer *l, double temperature)
{
    struct collapse out = {0};
    double *share = zeros_f64(l->K), *won = zeros_f64(l->K);
    struct tensor share_sum = HOST_TENSOR(share, l->K), winners = HOST_TENSOR(won, l->K);
    op_prototype_collapse_sums(&ctx, &out.entropy, share_sum, winners, &l->p, 0, l->T, l->T, TENSOR_NONE, temperature);
    op_prototype_collapse(&ctx, &out.sums, share_sum, winners, l->T);
    free(share), free(won);
    return out;
}

static void test_collapse(void)
{
    struct layer l = layer_make(6, 700, 8);
    struct collapse w, same;
    double entropy = 0, *mean = zeros_f64(700), of_mean = 0;
    int64_t winners = 0;
    bool won[700] = {0};
    for (int64_t t = 0; t < 6; t++) {
        double sum = 0, h = 0;
        int64_t best = 0;
        for (int64_t k = 0; k < 700; k++) {
            sum += exp((double)l.logits[t * 700 + k] / 0.3);
            best = l.logits[t * 700 + k] > l.logits[t * 700 + best] ? k : best;
        }
        for (int64_t k = 0; k < 700; k++) {
            double q = exp((double)l.logits[t * 700 + k] / 0.3) / sum;
            h -= q * log(q);
            mean[k] += q / 6;
        }
        won[best] = true;
        entropy += h / 6;
    }
    for (int64_t k = 0; k < 700; k++)
        of_mean -= mean[k] * log(mean[k]), winners += won[k];
    w = collapse(&l, 0.3);
    ok(fabs(w.entropy - entropy) < 1e-5 && fabs(w.sums.entropy_of_mean - of_mean) < 1e-5,
       "entropies %.6f, %.6f; by the formula %.6f, %.6f", w.entropy, w.sums.entropy_of_mean, entropy, of_mean);
    is_int(w.sums.n_winners, winners, "winners");
    for (int64_t t = 1; t < 6; t++)
        memcpy(l.z + t * 8, l.z, 8 * sizeof *l.z);
    same = collapse(&l, 0.3);
    ok(fabs(same.entropy - same.sums.entropy_of_mean) < 1e-6 && same.sums.n_winners == 1,
       "all rows alike: one winner, no spread");
    memset(l.z, 0, 6 * 8 * sizeof *l.z);
    same = collapse(&l, 0.3);
    ok(fabs(same.entropy - log(700)) < 1e-5 && same.sums.n_winners == 1, "all logits alike: entropy log K, one winner");
    clean("collapse");
    free(mean);
    layer_free(&l);
}

/* ---- instruction sets ---- */

#if defined(__x86_64__)
extern const struct prototype_loops prototype_loops_base, prototype_loops_avx2, prototype_loops_avx512;

static void compare_sets(const struct prototype_loops *a, const struct prototype_loops *b, const char *name)
{
    enum { T = 9, N = 251, NB = 37 };
    float *x = noise(T * PROTOTYPES_TILE, 3), *v = noise(N * NB, 1), *g = noise(N, 1), *w[2], *inv[2], *o[2];
    double col[PROTOTYPES_TILE], row[T], col_top[2][PROTOTYPES_TILE], col_sum[2][PROTOTYPES_TILE], top[2][T], sum[2][T], four[2][4];
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
                !memcmp(col_top[0], col_top[1], N * sizeof(double)) && !memcmp(col_sum[0], col_sum[1], N * sizeof(double)) && !memcmp(top[0], top[1], sizeof top[0]) &&
                !memcmp(sum[0], sum[1], sizeof sum[0]) && !memcmp(four[0], four[1], sizeof four[0]) &&
                !memcmp(o[0], o[1], T * PROTOTYPES_TILE * sizeof(float));
    ok(same, "prototype loops: %s gives the bits of the base", name);
    for (int s = 0; s < 2; s++)
        free(w[s]), free(inv[s]), free(o[s]);
    free(x), free(v), free(g);
}
#endif

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
    test_targets();
    test_ranks();
    test_sinkhorn_vector();
    test_collapse();
    BED_COMPARE_SETS(prototype_loops, "prototype loops");
    return bed_close();
}
