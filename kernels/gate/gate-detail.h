/* gate-detail.h - the detail of a print: the picture less its blurred self, which light and shadow hardly change. For
 * gate-print.c and gate-search.c. */
#ifndef GATE_DETAIL_H
#define GATE_DETAIL_H

#include <stdint.h>

#include "gate-print.h"

/* Grey levels have PARTS parts here. The blur reaches RADIUS pixels of a print to each side: so near its edges the
 * detail of a part was made without what the whole has beyond them, and does not count. */
enum { GATE_PARTS = 16, GATE_RADIUS = 6 };

struct gate_detail {
    int side;
    float v[GATE_PRINT_BYTES]; /* [side, side] */
};

/* Means of 3 x 3 pixels less means of 13 x 13: what compression changes and resampling cannot keep is left out. */
void gate_detail_coarse(const int32_t grey[GATE_PRINT_BYTES], struct gate_detail *d);
/* Means of 3 x 3 less means of 9 x 9, divided by its own deviation over 13 x 13 pixels: faint texture counts as much as
 * edges, which all photographs of one kind of part share. (7 x 7 and 11 x 11 tell more parts apart and lose more copies
 * that were compressed again; 13 x 13 and 13 x 13 the reverse.) */
void gate_detail_fine(const int32_t grey[GATE_PRINT_BYTES], struct gate_detail *d);
struct gate_detail gate_detail_of(const struct gate_print *p); /* coarse */
struct gate_detail gate_detail_half(const struct gate_detail *d); /* at half the resolution: sums of four */

/* Where the pixels of a line come from: between pixel at[i] and the one behind it, weighted. */
struct gate_line {
    int at[GATE_PRINT_SIDE];
    float weight[GATE_PRINT_SIDE];
};
/* Pixels of a line of the whole under the part that lies between margins before and behind. */
void gate_line_of_whole(struct gate_line *l, int side, double before, double behind);
/* Pixels of the part that lie on a line of the whole; outside the part its edge. */
void gate_line_of_part(struct gate_line *l, int side, double before, double behind);
/* The pixels of a line of the whole that lie in the part, and not near its edges: from range[0] to before range[1]. */
void gate_line_range(int side, double before, double behind, int range[2]);

#endif
