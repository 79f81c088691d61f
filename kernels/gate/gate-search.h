/* gate-search.h - which of many pictures another one may be a copy of, and which part of it: each is compared in all
 * boxes of a coarse grid, at a quarter of the resolution of prints.
 *
 *   gate_sketch_make(&print, &sketch);                  of each that is known
 *   gate_search_set(&s, &print);                        of the one that is looked for
 *   double c = gate_search_compare(&s, &sketch, &i_box);
 *   struct gate_box box = gate_search_box(i_box);
 */
#ifndef GATE_SEARCH_H
#define GATE_SEARCH_H

#include "gate-print.h"

/* Along each axis 0, 5, 10 or 15 % are cut away, in steps of 2.5 % from one side to the other: sixteen boxes. */
enum { GATE_SKETCH_SIDE = GATE_PRINT_SIDE / 4, GATE_SKETCH_PIXELS = GATE_SKETCH_SIDE * GATE_SKETCH_SIDE };
enum { GATE_BOXES_ALONG = 16, GATE_BOXES = GATE_BOXES_ALONG * GATE_BOXES_ALONG };

struct gate_sketch {
    int16_t detail[GATE_SKETCH_PIXELS];
    float scale[GATE_BOXES]; /* 1 / (deviation within the box * square root of its pixels); 0: no detail there */
};
void gate_sketch_make(const struct gate_print *p, struct gate_sketch *s);

struct gate_search { /* the picture in each box: of mean 0, 0 around it */
    int16_t detail[GATE_BOXES][GATE_SKETCH_PIXELS];
    float scale[GATE_BOXES];
};
void gate_search_set(struct gate_search *s, const struct gate_print *part);
/* The largest correlation, and the box that has it. The same on every processor. */
double gate_search_compare(const struct gate_search *s, const struct gate_sketch *whole, int *i_box);
struct gate_box gate_search_box(int i);
/* From such a box to where the sketches agree best. */
double gate_sketch_approach(const struct gate_part *part, const struct gate_sketch *whole, struct gate_box *box);

#endif
