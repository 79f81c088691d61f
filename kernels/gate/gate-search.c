/* gate-search.c - a box is a fixed mask over the sketch of the whole, so that its mean and deviation there are known
 * before; what is left is a product of 576 small integers for each picture and box. */
#include "gate-search.h"

#include <math.h>
#include <string.h>

#include "gate-detail.h"
#include "gate-loops.h"
#include "isa.h"

ISA_TABLE(const struct gate_loops, gate_loops)

enum { SIDE = GATE_SKETCH_SIDE, PIXELS = GATE_SKETCH_PIXELS };

/* ------------------------------------------------------------------ boxes */
/* Of 0, 2, 4 and 6 steps that are cut away 0, 1, 2 ... are before. */
static void margins_of(int i, double *before, double *behind)
{
    static const double step = GATE_CUT / 6;
    int all = 0;
    for (; i > all; all += 2)
        i -= all + 1;
    *before = i * step;
    *behind = (all - i) * step;
}

struct gate_box gate_search_box(int i)
{
    struct gate_box box;
    margins_of(i % GATE_BOXES_ALONG, &box.margin[0], &box.margin[1]);
    margins_of(i / GATE_BOXES_ALONG, &box.margin[2], &box.margin[3]);
    return box;
}

/* The pixels along an axis that count, where i cuts it: from the first to before the second. */
static void set_ranges(int range[GATE_BOXES_ALONG][2])
{
    for (int i = 0; i < GATE_BOXES_ALONG; i++) {
        double before, behind;
        margins_of(i, &before, &behind);
        gate_line_range(SIDE, before, behind, range[i]);
    }
}

static struct gate_detail quarter_of(const struct gate_print *p)
{
    struct gate_detail full = gate_detail_of(p), half = gate_detail_half(&full);
    return gate_detail_half(&half);
}

/* ------------------------------------------------------------------ the known ones */

/* Sums over the pixels before row y and column x, of a picture: those of any box are four of them. */
struct corners {
    int64_t at[SIDE + 1][SIDE + 1];
};

static int64_t sum_in(const struct corners *c, const int rows[2], const int columns[2])
{
    return c->at[rows[1]][columns[1]] - c->at[rows[0]][columns[1]] - c->at[rows[1]][columns[0]] +
           c->at[rows[0]][columns[0]];
}

static void set_corners(const struct gate_sketch *s, struct corners *sums, struct corners *squares)
{
    memset(sums->at[0], 0, sizeof sums->at[0]);
    memset(squares->at[0], 0, sizeof squares->at[0]);
    for (int y = 0; y < SIDE; y++) {
        int64_t sum = 0, square = 0;
        sums->at[y + 1][0] = squares->at[y + 1][0] = 0;
        for (int x = 0; x < SIDE; x++) {
            int64_t v = s->detail[y * SIDE + x];
            sums->at[y + 1][x + 1] = sums->at[y][x + 1] + (sum += v);
            squares->at[y + 1][x + 1] = squares->at[y][x + 1] + (square += v * v);
        }
    }
}

/* Details are sums of 16, each of at most 64 grey levels in parts: here in grey levels / PARTS again. */
void gate_sketch_make(const struct gate_print *p, struct gate_sketch *s)
{
    struct gate_detail d = quarter_of(p);
    struct corners sums, squares;
    int range[GATE_BOXES_ALONG][2];
    for (int i = 0; i < PIXELS; i++)
        s->detail[i] = (int16_t)lrintf(d.v[i] / 16);
    set_ranges(range);
    set_corners(s, &sums, &squares);
    for (int b = 0; b < GATE_BOXES; b++) {
        const int *columns = range[b % GATE_BOXES_ALONG], *rows = range[b / GATE_BOXES_ALONG];
        double n = (double)(rows[1] - rows[0]) * (columns[1] - columns[0]);
        double sum = (double)sum_in(&sums, rows, columns);
        double left = (double)sum_in(&squares, rows, columns) - sum * sum / n;
        s->scale[b] = left > 0 ? (float)(1 / sqrt(left)) : 0;
    }
}

/* ------------------------------------------------------------------ the one that is looked for */
static void set_box(const struct gate_detail *part, const struct gate_box *box, const int x_range[2],
                    const int y_range[2], int16_t *to, float *scale)
{
    struct gate_line columns, rows;
    float v[PIXELS], sum = 0;
    int64_t squares = 0;
    int n = (x_range[1] - x_range[0]) * (y_range[1] - y_range[0]);
    gate_line_of_part(&columns, SIDE, box->margin[0], box->margin[1]);
    gate_line_of_part(&rows, SIDE, box->margin[2], box->margin[3]);
    memset(to, 0, PIXELS * sizeof *to);
    for (int y = y_range[0]; y < y_range[1]; y++)
        for (int x = x_range[0]; x < x_range[1]; x++) {
            const float *up = part->v + rows.at[y] * SIDE + columns.at[x], *down = up + SIDE;
            float left = up[0] + rows.weight[y] * (down[0] - up[0]), right = up[1] + rows.weight[y] * (down[1] - up[1]);
            sum += v[y * SIDE + x] = (left + columns.weight[x] * (right - left)) / 16;
        }
    for (int y = y_range[0]; y < y_range[1]; y++)
        for (int x = x_range[0]; x < x_range[1]; x++) {
            int i = y * SIDE + x;
            to[i] = (int16_t)lrintf(v[i] - sum / (float)n);
            squares += to[i] * to[i];
        }
    *scale = squares > 0 ? (float)(1 / sqrt((double)squares)) : 0;
}

void gate_search_set(struct gate_search *s, const struct gate_print *part)
{
    struct gate_detail d = quarter_of(part);
    int range[GATE_BOXES_ALONG][2];
    set_ranges(range);
    for (int b = 0; b < GATE_BOXES; b++) {
        struct gate_box box = gate_search_box(b);
        set_box(&d, &box, range[b % GATE_BOXES_ALONG], range[b / GATE_BOXES_ALONG], s->detail[b], &s->scale[b]);
    }
}

double gate_search_compare(const struct gate_search *s, const struct gate_sketch *whole, int *i_box)
{
    return gate_loops()->search(s, whole, i_box);
}
