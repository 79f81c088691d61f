/* test-cubic-grid.c - numbers of Pillow, ramps, narrow grids, and peaks that are never higher than their cell. */
#include <math.h>

#include "cubic-grid.h"
#include "tap.h"

static double along(const float *x, int64_t n, double at)
{
    struct cubic_place here = cubic_place(at, n), only = cubic_place(0, 1);
    return cubic_value(x, n, &only, &here);
}

/* Image.fromarray(x).resize((32, 1), Image.BICUBIC) of Pillow: places 10 to 21 of 32, which no edge changes. */
static void test_pillow(void)
{
    static const float x[8] = {0, 1, 3, 2, 5, 4, 7, 6};
    static const double want[] = {2.9912109, 2.6689453, 2.2138672, 1.9541016, 2.2109375, 3.0078125, 3.9921875,
                                  4.7890625, 5.0390625, 4.7421875, 4.2578125, 3.9609375};
    for (int i = 0; i < (int)(sizeof want / sizeof *want); i++) {
        double got = along(x, 8, (10 + i + 0.5) / 4 - 0.5);
        ok(fabs(got - want[i]) < 1e-6, "place %d: %.7f, Pillow has %.7f", 10 + i, got, want[i]);
    }
}

static void test_ramp(void)
{
    float x[5 * 7];
    double worst = 0;
    for (int i = 0; i < 35; i++)
        x[i] = (float)(2 + 0.5 * (i % 7) - 0.25 * (i / 7));
    for (double v = 0; v <= 4; v += 0.125)
        for (double u = 0; u <= 6; u += 0.125) {
            struct cubic_place y = cubic_place(v, 5), h = cubic_place(u, 7);
            worst = worse(worst, fabs(cubic_value(x, 7, &y, &h) - (2 + 0.5 * u - 0.25 * v)));
        }
    ok(worst < 1e-12, "a ramp stays, from edge to edge: %g", worst);
    ok(along(x, 7, -3) == 2 && along(x, 7, 9) == 5, "beyond the outer middles it is level");
}

static void test_bounds(void)
{
    static const float peak[6] = {1, 1, 9, 9, 1, 1};
    double least = INFINITY, largest = -INFINITY;
    for (double at = 0; at <= 5; at += 0.01) {
        least = fmin(least, along(peak, 6, at));
        largest = fmax(largest, along(peak, 6, at));
    }
    ok(least == 1 && largest == 9, "neither above the largest cell nor below the least: %g, %g", least, largest);
    static const float single[5] = {0, 0, 1, 0, 0};
    ok(along(single, 5, 2) == 1 && along(single, 5, 2.25) > 0.85 && along(single, 5, 2.9) < 0.07 &&
           along(single, 5, 3.3) == 0,
       "a peak is fuller than by lines, and ends sooner: %g, %g", along(single, 5, 2.25), along(single, 5, 2.9));
}

static void test_narrow(void)
{
    static const float one[1] = {7}, two[2] = {1, 3};
    ok(along(one, 1, 0) == 7 && along(one, 1, 5) == 7, "one cell");
    ok(fabs(along(two, 2, 0.25) - 1.5) < 1e-12, "two cells: a line");
}

int main(void)
{
    test_pillow();
    test_ramp();
    test_bounds();
    test_narrow();
    return tap_done();
}
