/* cubic-grid.c - four cells and their weights along each axis. Next to an edge the cell that is missing has the value
 * that continues the line through the last two, which is put into their weights. */
#include "cubic-grid.h"

#include <math.h>

#include "num.h"

static int64_t within(int64_t cell, int64_t n)
{
    return num_max(0, num_min(cell, n - 1));
}

struct cubic_place cubic_place(double at, int64_t n)
{
    if (n == 1)
        return (struct cubic_place){.weight = {0, 1}};
    at = fmin(fmax(at, 0), (double)(n - 1));
    int64_t first = num_min((int64_t)at, n - 2);
    double t = at - (double)first, t2 = t * t, t3 = t2 * t;
    struct cubic_place p = {
        {within(first - 1, n), first, first + 1, within(first + 2, n)},
        {t2 - (t + t3) / 2, 1 - 2.5 * t2 + 1.5 * t3, t / 2 + 2 * t2 - 1.5 * t3, (t3 - t2) / 2}};
    if (first == 0) {
        p.weight[1] += 2 * p.weight[0];
        p.weight[2] -= p.weight[0];
        p.weight[0] = 0;
    }
    if (first == n - 2) {
        p.weight[2] += 2 * p.weight[3];
        p.weight[1] -= p.weight[3];
        p.weight[3] = 0;
    }
    return p;
}

double cubic_value(const float *grid, int64_t columns, const struct cubic_place *y, const struct cubic_place *x)
{
    double sum = 0;
    float least = INFINITY, largest = -INFINITY;
    for (int i = 0; i < 4; i++) {
        const float *row = grid + y->cell[i] * columns;
        double along = 0;
        for (int k = 0; k < 4; k++) {
            float value = row[x->cell[k]];
            along += x->weight[k] * (double)value;
            least = value < least ? value : least;
            largest = value > largest ? value : largest;
        }
        sum += y->weight[i] * along;
    }
    return fmin(fmax(sum, (double)least), (double)largest);
}
