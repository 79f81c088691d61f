/* Operations on rows as a whole: to unit length, KoLeo, effective rank. By finite differences, by numbers of the
 * reference in numpy, and in the degenerate cases: rows of zeros, rows that coincide. */
#include <math.h>
#include <string.h>

#include "opbed.h"
#include "prototypes.h"

struct rows_value {
    float *x, *y, *norm, *dy;
    int64_t T, C;
};

static double l2norm_value(void *arg)
{
    struct rows_value *a = arg;
    ON_DEVICE(&ctx, op_l2norm_fwd(&ctx, COPY(a->y, a->T, a->C), COPY(a->norm, a->T), COPY(a->x, a->T, a->C), 1e-12f));
    return dot(a->y, a->dy, a->T * a->C);
}

static void test_l2norm(int64_t T, int64_t C)
{
    struct rows_value a = {noise(T * C, 1), zeros_f32(T * C), zeros_f32(T), noise(T * C, 1), T, C};
    float *dx = zeros_f32(T * C);
    l2norm_value(&a);
    double worst = 0;
    for (int64_t t = 0; t < T; t++)
        worst = worse(worst, fabs(dot(a.y + t * C, a.y + t * C, C) - 1));
    ok(worst < 1e-6, "rows of %lld have length 1 (%.2g)", (long long)C, worst);
    ON_DEVICE(&ctx, op_l2norm_bwd(&ctx, COPY(dx, T, C), COPY(a.dy, T, C), COPY(a.y, T, C), COPY(a.norm, T), 1e-12f));
    check_direction("l2norm", (struct function){l2norm_value, &a, 0}, a.x, T * C, dx);
    memset(a.x, 0, (size_t)(T * C) * sizeof *a.x);
    l2norm_value(&a);
    ok(a.y[0] == 0 && a.norm[0] == 0, "a row of zeros is left as it is");
    clean("l2norm");
    free(a.x), free(a.y), free(a.norm), free(a.dy), free(dx);
}

static double koleo_value(void *arg)
{
    struct rows_value *a = arg;
    struct koleo_result koleo = {0};
    float *dx = zeros_f32(a->T * a->C);
    ON_DEVICE(&ctx, op_koleo(&ctx, &koleo, COPY(dx, a->T, a->C), COPY(a->x, a->T, a->C), 1));
    free(dx);
    return koleo.loss;
}

static void test_koleo(void)
{
    static float three[6] = {1, 2, 2, 1, -1, 0.5f};
    struct rows_value v = {.x = three, .T = 3, .C = 2};
    struct koleo_result koleo = {.loss = koleo_value(&v)};
    ok(fabs(koleo.loss - 0.1899057039) < 1e-7, "KoLeo: the number of the reference (%.10f)", koleo.loss);
    v.T = 1;
    ok(koleo_value(&v) == 0, "KoLeo of one row is 0");
    for (int64_t B = 2; B <= 130; B += 64) {
        struct rows_value a = {.x = noise(B * 17, 1), .T = B, .C = 17};
        float *dx = zeros_f32(B * 17);
        ON_DEVICE(&ctx, op_koleo(&ctx, &koleo, COPY(dx, B, 17), COPY(a.x, B, 17), 1));
        check_direction("KoLeo", (struct function){koleo_value, &a, 3e-4}, a.x, B * 17, dx);
        free(a.x), free(dx);
    }
    /* Rows 0 and 1 the same: left out and counted; the others as they were, their divisor too. */
    float *x = noise(4 * 8, 1), *dx = zeros_f32(4 * 8);
    memcpy(x + 8, x, 8 * sizeof *x);
    for (int i = 0; i < 8; i++)
        x[16 + i] = (float)(i == 0 ? 3 : 0.1 * i), x[24 + i] = (float)(i == 0 ? 3 : -0.1 * i);
    ON_DEVICE(&ctx, op_koleo(&ctx, &koleo, COPY(dx, 4, 8), COPY(x, 4, 8), 1));
    struct rows_value last = {.x = x + 16, .T = 2, .C = 8};
    ok(koleo.n_left_out == 2 && isfinite(koleo.loss) && fabs(koleo.loss - koleo_value(&last) * 2 / 4) < 1e-9,
       "KoLeo leaves out %lld rows that coincide", (long long)koleo.n_left_out);
    bool finite = true, still = true;
    for (int i = 0; i < 32; i++)
        finite &= isfinite(dx[i]) != 0, still &= i >= 16 || dx[i] == 0;
    ok(finite && still, "and moves them by nothing");
    clean("KoLeo");
    free(x), free(dx);
}

static void test_rank(void)
{
    double rank = 0;
    float *x = zeros_f32(5 * 6);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 6; j++)
            x[i * 6 + j] = (float)(i * (j + 1)) + 2;
    ON_DEVICE(&ctx, op_effective_rank(&ctx, &rank, COPY(x, 5, 6)));
    ok(fabs(rank - 1) < 1e-9, "rows on a line have rank %.6f", rank);
    memset(x, 0, 30 * sizeof *x);
    for (int i = 0; i < 5; i++)
        x[i * 6 + i] = 3;
    ON_DEVICE(&ctx, op_effective_rank(&ctx, &rank, COPY(x, 5, 6)));
    ok(fabs(rank - 4) < 1e-9, "five corners of a simplex have rank %.6f", rank);
    memset(x, 0, 30 * sizeof *x);
    ON_DEVICE(&ctx, op_effective_rank(&ctx, &rank, COPY(x, 5, 6)));
    ok(rank == 0, "rows that are the same have rank 0");
    free(x);
}

int main(void)
{
    if (bed_open())
        return 1;
    test_l2norm(5, 31);
    test_l2norm(1, 257);
    test_koleo();
    test_rank();
    return bed_close();
}
