/* gate-print.h - whether two pictures are the same one, perhaps compressed again, lighter or darker, or cropped. */
#ifndef GATE_PRINT_H
#define GATE_PRINT_H

#include <stdint.h>

enum { GATE_PRINT_SIDE = 64 };

/* The picture squeezed to a square, grey: what is needed to know it again. */
struct gate_print {
    uint8_t luma[GATE_PRINT_SIDE * GATE_PRINT_SIDE]; /* rows from the top */
};

/* Correlation of the detail of both pictures, -1 .. 1, where one is laid best over the other or over a part of it of at
 * least GATE_PART of each side. The same both ways. */
#define GATE_PART 0.85
double gate_print_alike(const struct gate_print *a, const struct gate_print *b);

#endif
