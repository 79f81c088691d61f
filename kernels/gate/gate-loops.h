/* gate-loops.h - the hot loops of comparing prints, one table per instruction set (isa.h). Every value and every sum of
 * floats is made by itself in a fixed order, so the width of the vectors changes no bit.
 *
 * A row of a picture must be summed from left to right, but several rows can be so at once: pictures that are compared
 * are turned, v[x * gate_pitch(side) + y], and what is summed has a place for each row. */
#ifndef GATE_LOOPS_H
#define GATE_LOOPS_H

#include "gate-detail.h"
#include "gate-search.h"

enum { GATE_LANES = 8, GATE_PITCH_MAX = GATE_PRINT_SIDE + GATE_LANES };
enum { GATE_TURNED_MAX = GATE_PRINT_SIDE * GATE_PITCH_MAX };
_Static_assert(sizeof ((struct gate_turned *)0)->v == GATE_TURNED_MAX * sizeof(float), "of gate-print.h");

static inline int gate_pitch(int side) /* lanes behind the last row are read, and do not count */
{
    return side + GATE_LANES;
}

struct gate_row_sums { /* of each row: of the whole, its squares, its products with the part */
    float b[GATE_PITCH_MAX], bb[GATE_PITCH_MAX], ab[GATE_PITCH_MAX];
};

struct gate_loops {
    /* gate_search_compare */
    double (*search)(const struct gate_search *s, const struct gate_sketch *whole, int *i_box);
    /* gate_detail_coarse and gate_detail_fine: v [GATE_PRINT_SIDE, GATE_PRINT_SIDE] */
    void (*coarse)(const int32_t *grey, float *v);
    void (*fine)(const int32_t *grey, float *v);
    /* gate_line_of_whole and gate_line_of_part */
    void (*line_of_whole)(struct gate_line *l, int side, double before, double behind);
    void (*line_of_part)(struct gate_line *l, int side, double before, double behind);
    /* turned: v [side, side]; with rows NULL its rows, else between its rows rows->at[y] and the next */
    void (*turn)(const float *v, int side, const struct gate_line *rows, float *turned);
    /* Of rows y = first .. side - first - 1 over as many columns x, both turned: a is part[x], b whole between its
     * columns columns->at[x] and the next. */
    void (*sum_rows)(const float *part, const float *whole, int side, int first, const struct gate_line *columns,
                     struct gate_row_sums *sums);
    /* The part, turned, where its columns lie on the whole: across [rows of the part, columns of the whole]. */
    void (*place_columns)(const float *turned, const struct gate_line *columns, float *across);
    /* And its rows, in parts of grey levels: grey [rows and columns of the whole]. */
    void (*place_rows)(const float *across, const struct gate_line *rows, int32_t *grey);
};

#endif
