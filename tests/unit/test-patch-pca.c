/* test-patch-pca.c - components against axes that the data were made from and the eigenvalue equation; signs and bytes
 * that repeat; data without variance. */
#include <stdlib.h>
#include <string.h>

#include "patch-pca.h"
#include "rng.h"
#include "tap.h"

enum { DIM = 24, N = 600 };

/* x = 5 a u0 + 3 b u1 + 2 c u2 + 0.1 noise + 7, with orthogonal u of one entry each but for signs. */
static float *draw(uint64_t seed)
{
    float *x = calloc(N, DIM * sizeof *x);
    struct rng r = rng_stream(seed, 0, 0, RNG_TEST);
    for (int i = 0; i < N; i++) {
        double a = rng_normal(&r), b = rng_normal(&r), c = rng_normal(&r);
        for (int d = 0; d < DIM; d++) {
            double v = 7 + 0.1 * rng_normal(&r);
            v += d < 4 ? 5 * a * (d == 1 ? -0.7 : 0.4123105625617661) : 0;
            v += d >= 8 && d < 10 ? 3 * b * (d == 9 ? -0.8 : 0.6) : 0;
            v += d == 20 ? 2 * c : 0;
            x[i * DIM + d] = (float)v;
        }
    }
    return x;
}

/* |cov axis - variance axis| / variance, with a covariance of its own. */
static double residual(const struct patch_pca *p, const float *x, int k)
{
    double worst = 0;
    const double *axis = p->axis + k * DIM;
    for (int d = 0; d < DIM; d++) {
        double sum = 0;
        for (int j = 0; j < DIM; j++) {
            double c = 0;
            for (int i = 0; i < N; i++)
                c += (x[i * DIM + d] - p->mean[d]) * (x[i * DIM + j] - p->mean[j]);
            sum += c / N * axis[j];
        }
        worst = worse(worst, fabs(sum - p->variance[k] * axis[d]) / p->variance[k]);
    }
    return worst;
}

static void test_components(const float *x, const struct patch_pca *p)
{
    ok(p->variance[0] > p->variance[1] && p->variance[1] > p->variance[2], "in descending order: %g %g %g",
       p->variance[0], p->variance[1], p->variance[2]);
    for (int k = 0; k < 3; k++) {
        double r = residual(p, x, k);
        ok(r < 1e-7, "component %d is an eigenvector: %.1e", k, r);
    }
    ok(p->axis[1] > 0.69 && p->axis[0] < -0.4, "of the first the largest entry is positive");
    ok(p->axis[DIM + 9] > 0.79 && p->axis[DIM + 8] < -0.59, "of the second, too");
    ok(p->axis[2 * DIM + 20] > 0.99, "and of the third");
}

static void test_image(const float *x, const struct patch_pca *p)
{
    struct image im = {0}, again = {0};
    struct patch_pca q;
    patch_pca_image(p, x, 20, 30, &im, NULL);
    ok(im.width == 30 && im.height == 20 && im.components == 3, "a pixel for each patch");
    int n_low = 0, n_high = 0;
    for (int i = 0; i < N; i++) {
        n_low += im.pixels[3 * i] == 0;
        n_high += im.pixels[3 * i] == 255;
    }
    ok(n_low >= 6 && n_low <= 9 && n_high >= 6 && n_high <= 9, "a hundredth of them at either end: %d, %d", n_low,
       n_high);
    patch_pca_fit(&q, x, N, DIM, NULL);
    patch_pca_image(&q, x, 20, 30, &again, NULL);
    ok(memcmp(im.pixels, again.pixels, 3 * N) == 0, "the same input gives the same bytes");
    patch_pca_release(&q);
    image_release(&im);
    image_release(&again);
}

/* What is not there: all alike, one token, fewer values than components, values that are none. */
static void test_poor(void)
{
    float same[4 * 5], one[3] = {1, 2, 3}, two[2 * 2] = {0, 0, 1, 1}, bad[2] = {1, NAN};
    struct patch_pca p;
    struct image im = {0};
    struct fmt_error e = {0};
    for (int i = 0; i < 20; i++)
        same[i] = 3;
    ok(patch_pca_fit(&p, same, 4, 5, NULL) == 0 && p.variance[0] == 0, "alike: no variance");
    patch_pca_image(&p, same, 2, 2, &im, NULL);
    ok(im.pixels[0] == 128 && im.pixels[11] == 128, "and grey");
    patch_pca_release(&p);
    ok(patch_pca_fit(&p, one, 1, 3, NULL) == 0 && p.total == 0, "one token");
    patch_pca_release(&p);
    ok(patch_pca_fit(&p, two, 2, 2, NULL) == 0 && fabs(p.variance[0] - 0.5) < 1e-12 && p.variance[1] == 0,
       "two values: one component, no third");
    patch_pca_image(&p, two, 1, 2, &im, NULL);
    ok(im.pixels[0] == 0 && im.pixels[3] == 255 && im.pixels[2] == 128, "which is red");
    patch_pca_release(&p);
    ok(patch_pca_fit(&p, bad, 1, 2, &e) == FMT_NONFINITE, "not a number is refused: %s", e.text);
    image_release(&im);
}

int main(void)
{
    float *x = draw(1);
    struct patch_pca p;
    patch_pca_fit(&p, x, N, DIM, NULL);
    test_components(x, &p);
    test_image(x, &p);
    patch_pca_release(&p);
    free(x);
    test_poor();
    return tap_done();
}
