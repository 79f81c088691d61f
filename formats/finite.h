/* finite.h - a check of many numbers, at the speed of memory. */
#ifndef FINITE_H
#define FINITE_H

#include <stdbool.h>
#include <stdint.h>

bool finite_all(const float *x, int64_t n); /* false: one of them is infinite or a NaN */

#endif
