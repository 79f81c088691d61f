/* cubic-grid.h - values that stand in the middles of the cells of a grid, at places between them: cubic convolution
 * with a = -1/2 along both axes (Keys 1981, "Cubic convolution interpolation for digital image processing").
 *
 *   struct cubic_place y = cubic_place(at_y, rows), x = cubic_place(at_x, columns);
 *   value = cubic_value(grid, columns, &y, &x);
 *
 * At the middle of a cell the value is the cell's; a ramp stays a ramp, to the outer middles; beyond them values are
 * those of the nearest place between them. No value is above the largest of the up to 4 x 4 cells around it, nor below
 * the least. By lines between the middles the top of a peak would be narrower, and its foot wider.
 */
#ifndef CUBIC_GRID_H
#define CUBIC_GRID_H

#include <stdint.h>

struct cubic_place { /* along one axis */
    int64_t cell[4];
    double weight[4]; /* their sum is 1 */
};

/* at: in cells, 0 is the middle of the first of n. */
struct cubic_place cubic_place(double at, int64_t n);
/* grid [rows,columns] */
double cubic_value(const float *grid, int64_t columns, const struct cubic_place *y, const struct cubic_place *x);

#endif
