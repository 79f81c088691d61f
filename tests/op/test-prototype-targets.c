/* The targets of the prototype layer, and the figures of collapse: the properties that training relies on, also where
 * the rows lie on several ranks. */
#include "prototypebed.h"

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

int main(void)
{
    if (bed_open())
        return 1;
    test_sinkhorn();
    test_sinkhorn_vector();
    test_centering();
    test_sinkhorn_ranks();
    test_collapse();
    in_bf16 = ctx.backend->supports(DTYPE_BF16); /* the same, from logits in bf16 */
    if (in_bf16)
        test_sinkhorn_ranks();
    else
        skip("this processor has no instructions for it", "prototypes in bf16");
    return bed_close();
}
