/* gate-print.h - whether a picture is another one, perhaps compressed again, lighter or darker, or cropped.
 *
 * A print is the grey picture, squeezed to a square. What is compared is its detail (gate-detail.h). A copy that was
 * cropped lies in a box of the whole:
 *
 *   gate_part_set(&part, &print);                                what many pictures are compared with
 *   struct gate_box box = gate_search_box(i);                    about right (gate-search.h)
 *   double rough = gate_print_approach(&part, &whole, &box);     to about half a pixel
 *   double alike = gate_print_refine(&part, &whole, &box);       exactly
 *
 *   gate_placed_set(&placed, &part, &box);                       the same box of many pictures
 *   alike = gate_placed_compare(&placed, &whole);
 *
 * Each is the correlation of the details, -1 .. 1, where the part lies in the box; 0 where there is no detail. Between
 * pictures only `alike` can be compared, which is of fine detail.
 */
#ifndef GATE_PRINT_H
#define GATE_PRINT_H

#include <stdint.h>

enum { GATE_PRINT_SIDE = 96, GATE_PRINT_BYTES = GATE_PRINT_SIDE * GATE_PRINT_SIDE };

struct gate_print {
    uint8_t luma[GATE_PRINT_BYTES]; /* rows from the top */
};

/* The part between margins at left, right, top and bottom, each a share of the side. At most GATE_CUT of a side is cut
 * away. All zero: the whole. */
#define GATE_CUT 0.15
struct gate_box {
    double margin[4];
};

/* Detail of a part as loops of comparison read it (gate-loops.h), and its sums where it counts. */
struct gate_turned {
    int side;
    float v[GATE_PRINT_SIDE * (GATE_PRINT_SIDE + 8)];
    double sum, squares;
};
struct gate_part {
    struct gate_turned whole, half, quarter;
    float luma[GATE_PRINT_SIDE * (GATE_PRINT_SIDE + 8)];
};
void gate_part_set(struct gate_part *p, const struct gate_print *print);

double gate_print_approach(const struct gate_part *part, const struct gate_print *whole, struct gate_box *box);
double gate_print_refine(const struct gate_part *part, const struct gate_print *whole, struct gate_box *box);

/* A part where it lies on a whole, in fine detail. */
struct gate_placed {
    float detail[GATE_PRINT_BYTES];
    int columns[2], rows[2]; /* that count: from the first to before the second */
};
void gate_placed_set(struct gate_placed *p, const struct gate_part *part, const struct gate_box *box);
double gate_placed_compare(const struct gate_placed *p, const struct gate_print *whole);

#endif
