/* gate-print.h - whether a picture is another one, perhaps compressed again, lighter or darker, or cropped.
 *
 * A print is the grey picture, squeezed to a square. What is compared is its detail: the picture less its blurred self.
 * Light and shadow, which all photographs of a place share, hardly count. A copy that was cropped lies in a box of the
 * whole:
 *
 *   struct gate_box box = {0};
 *   double alike = gate_print_align(&part, &whole, &box);        searches all boxes
 *   gate_print_refine(&part, &whole, &box)                       begins with a box that is about right
 *
 *   struct gate_overlay over;                                    the same box of many pictures, quickly
 *   gate_overlay_set(&over, &part, &box);
 *   gate_overlay_compare(&over, &half_of_whole)
 *
 * Each is the correlation of the details, -1 .. 1, where the part lies in the box; 0 where there is no detail.
 */
#ifndef GATE_PRINT_H
#define GATE_PRINT_H

#include <stdint.h>

enum { GATE_PRINT_SIDE = 96, GATE_PRINT_BYTES = GATE_PRINT_SIDE * GATE_PRINT_SIDE };
enum { GATE_HALF_SIDE = GATE_PRINT_SIDE / 2, GATE_HALF_BYTES = GATE_HALF_SIDE * GATE_HALF_SIDE };

struct gate_print {
    uint8_t luma[GATE_PRINT_BYTES]; /* rows from the top */
};

/* The part between margins at left, right, top and bottom, each a share of the side. At most GATE_CUT of a side is cut
 * away. All zero: the whole. */
#define GATE_CUT 0.15
struct gate_box {
    double margin[4];
};

double gate_print_align(const struct gate_print *part, const struct gate_print *whole, struct gate_box *box);
double gate_print_refine(const struct gate_print *part, const struct gate_print *whole, struct gate_box *box);

/* The detail of a print at half the resolution: rounded means of four, in half grey levels, cut to -127 .. 127. */
struct gate_half {
    int8_t detail[GATE_HALF_BYTES];
};
void gate_half_make(const struct gate_print *p, struct gate_half *half);

/* A part where it lies on a whole, at half the resolution; 0 around it, and of mean 0. */
struct gate_overlay {
    float detail[GATE_HALF_BYTES], inside[GATE_HALF_BYTES]; /* inside: 1 where the part lies, else 0 */
    float squares, n;                                       /* sum of detail^2; pixels inside */
};
void gate_overlay_set(struct gate_overlay *o, const struct gate_print *part, const struct gate_box *box);
double gate_overlay_compare(const struct gate_overlay *o, const struct gate_half *whole);

#endif
