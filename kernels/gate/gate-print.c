/* gate-print.c - the box is moved and stretched in smaller and smaller steps, by coarse detail at half and at full
 * resolution, and at last by fine detail: where photographs of one kind of part are all alike, only that tells a copy
 * from another one, and only if it lies exactly. */
#include "gate-print.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "gate-detail.h"
#include "gate-search.h"

enum { SIDE = GATE_PRINT_SIDE };

/* ------------------------------------------------------------------ a box */

/* Sums of a, b, a^2, b^2 and ab over pixels. */
struct sums {
    double a, b, aa, bb, ab;
};

static double correlation_of(const struct sums *s, double n)
{
    double aa = s->aa - s->a * s->a / n, bb = s->bb - s->b * s->b / n;
    return aa > 0 && bb > 0 ? (s->ab - s->a * s->b / n) / sqrt(aa * bb) : 0;
}

static int border_of(int side)
{
    return GATE_RADIUS * side / SIDE;
}

/* Adds a row of the part, and what lies under it: between the rows up and down of the whole. */
static void add_row(struct sums *s, const float *a, const float *up, const float *down, float weight,
                    const struct gate_line *columns, int side)
{
    float sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0, row[SIDE];
    for (int x = 0; x < side; x++)
        row[x] = up[x] + weight * (down[x] - up[x]);
    for (int x = border_of(side); x < side - border_of(side); x++) {
        const float *pair = row + columns->at[x];
        float b = pair[0] + columns->weight[x] * (pair[1] - pair[0]);
        sa += a[x];
        sb += b;
        saa += a[x] * a[x];
        sbb += b * b;
        sab += a[x] * b;
    }
    s->a += (double)sa;
    s->b += (double)sb;
    s->aa += (double)saa;
    s->bb += (double)sbb;
    s->ab += (double)sab;
}

static double correlation(const struct gate_detail *part, const struct gate_detail *whole, const struct gate_box *box)
{
    int side = part->side, first = border_of(side), end = side - first;
    double n = (double)(end - first) * (end - first);
    struct gate_line columns, rows;
    struct sums s = {0};
    gate_line_of_whole(&columns, side, box->margin[0], box->margin[1]);
    gate_line_of_whole(&rows, side, box->margin[2], box->margin[3]);
    for (int y = first; y < end; y++) {
        const float *up = whole->v + rows.at[y] * side;
        add_row(&s, part->v + y * side, up, up + side, rows.weight[y], &columns, side);
    }
    return correlation_of(&s, n);
}

/* ------------------------------------------------------------------ in place */

/* Catmull and Rom's cubic through four pixels, at a share t of the way from b to c. */
static float cubic(float a, float b, float c, float d, float t)
{
    return b + 0.5f * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

static int near_edge(int i)
{
    return i < 0 ? 0 : i >= SIDE ? SIDE - 1 : i;
}

/* The part where it lies on the whole, in parts of grey levels; around it its edge. */
static void put_in_place(const struct gate_print *part, const struct gate_line *columns, const struct gate_line *rows,
                         int32_t *grey)
{
    float across[SIDE * SIDE]; /* [rows of the part, columns of the whole] */
    for (int y = 0; y < SIDE; y++) {
        const uint8_t *p = part->luma + y * SIDE;
        for (int x = 0; x < SIDE; x++) {
            int at = columns->at[x];
            across[y * SIDE + x] = cubic(p[near_edge(at - 1)], p[at], p[at + 1], p[near_edge(at + 2)],
                                         columns->weight[x]);
        }
    }
    for (int y = 0; y < SIDE; y++) {
        int at = rows->at[y];
        const float *a = across + near_edge(at - 1) * SIDE, *b = across + at * SIDE, *c = b + SIDE;
        const float *d = across + near_edge(at + 2) * SIDE;
        for (int x = 0; x < SIDE; x++)
            grey[y * SIDE + x] = (int32_t)lrintf(GATE_PARTS * cubic(a[x], b[x], c[x], d[x], rows->weight[y]));
    }
}

/* Detail depends on the scale at which it was blurred: so the part is first put where it lies on the whole, at the
 * whole's scale. */
void gate_placed_set(struct gate_placed *p, const struct gate_print *part, const struct gate_box *box)
{
    int32_t grey[SIDE * SIDE];
    bool column[SIDE];
    struct gate_detail d;
    struct gate_line columns, rows;
    const double *m = box->margin;
    gate_line_of_part(&columns, SIDE, m[0], m[1]);
    gate_line_of_part(&rows, SIDE, m[2], m[3]);
    put_in_place(part, &columns, &rows, grey);
    gate_detail_fine(grey, &d);
    memcpy(p->detail, d.v, sizeof p->detail);
    for (int x = 0; x < SIDE; x++)
        column[x] = gate_line_counts(x, SIDE, m[0], m[1]);
    for (int y = 0; y < SIDE; y++) {
        bool row = gate_line_counts(y, SIDE, m[2], m[3]);
        for (int x = 0; x < SIDE; x++)
            p->inside[y * SIDE + x] = row && column[x];
    }
}

static double compare_placed(const struct gate_placed *p, const struct gate_detail *whole)
{
    struct sums s = {0};
    double n = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        double a = (double)p->detail[i], b = (double)whole->v[i];
        if (!p->inside[i])
            continue;
        n++;
        s.a += a;
        s.b += b;
        s.aa += a * a;
        s.bb += b * b;
        s.ab += a * b;
    }
    return correlation_of(&s, n);
}

static struct gate_detail fine_of(const struct gate_print *p)
{
    int32_t grey[SIDE * SIDE];
    struct gate_detail d;
    for (int i = 0; i < SIDE * SIDE; i++)
        grey[i] = GATE_PARTS * p->luma[i];
    gate_detail_fine(grey, &d);
    return d;
}

double gate_placed_compare(const struct gate_placed *p, const struct gate_print *whole)
{
    struct gate_detail fine = fine_of(whole);
    return compare_placed(p, &fine);
}

/* ------------------------------------------------------------------ the search */
struct pair {
    const struct gate_print *part;          /* in place; NULL: by `detail` */
    const struct gate_detail *detail, *whole;
};

static double compare(const struct pair *p, const struct gate_box *box)
{
    struct gate_placed placed;
    if (!p->part)
        return correlation(p->detail, p->whole, box);
    gate_placed_set(&placed, p->part, box);
    return compare_placed(&placed, p->whole);
}

/* Moves and stretches the box along both axes while that helps. */
static double climb(const struct pair *p, double step, double least, struct gate_box *box)
{
    static const int move[][4] = {{1, -1, 0, 0}, {-1, 1, 0, 0}, {0, 0, 1, -1}, {0, 0, -1, 1}, /* move */
                                  {1, 0, 0, 0}, {-1, 0, 0, 0}, {0, 1, 0, 0}, {0, -1, 0, 0},   /* one side */
                                  {0, 0, 1, 0}, {0, 0, -1, 0}, {0, 0, 0, 1}, {0, 0, 0, -1}};
    enum { MOVES = sizeof move / sizeof *move };
    double most = compare(p, box);
    for (; step >= least; step /= 2)
        for (int i = 0, idle = 0; idle < MOVES; i = (i + 1) % MOVES) {
            struct gate_box moved = *box;
            double *m = moved.margin;
            for (int k = 0; k < 4; k++)
                m[k] = fmax(0, m[k] + step * move[i][k]);
            bool allowed = m[0] + m[1] <= GATE_CUT && m[2] + m[3] <= GATE_CUT;
            double c = allowed ? compare(p, &moved) : -2;
            idle = c > most ? 0 : idle + 1;
            *box = c > most ? moved : *box;
            most = fmax(most, c);
        }
    return most;
}

static const double pixel = 1.0 / SIDE;

static struct gate_detail detail_of_sketch(const struct gate_sketch *s)
{
    struct gate_detail d = {.side = GATE_SKETCH_SIDE};
    for (int i = 0; i < GATE_SKETCH_PIXELS; i++)
        d.v[i] = s->detail[i];
    return d;
}

double gate_sketch_approach(const struct gate_sketch *part, const struct gate_sketch *whole, struct gate_box *box)
{
    struct gate_detail p = detail_of_sketch(part), w = detail_of_sketch(whole);
    return climb(&(struct pair){NULL, &p, &w}, 1.5 * pixel, 0.3 * pixel, box);
}

double gate_print_approach(const struct gate_print *part, const struct gate_print *whole, struct gate_box *box)
{
    struct gate_detail p = gate_detail_of(part), w = gate_detail_of(whole);
    struct gate_detail half_p = gate_detail_half(&p), half_w = gate_detail_half(&w);
    return climb(&(struct pair){NULL, &half_p, &half_w}, 2 * pixel, pixel / 2, box);
}

double gate_print_refine(const struct gate_print *part, const struct gate_print *whole, struct gate_box *box)
{
    struct gate_detail p = gate_detail_of(part), w = gate_detail_of(whole), fine = fine_of(whole);
    climb(&(struct pair){NULL, &p, &w}, pixel / 2, pixel / 8, box);
    return climb(&(struct pair){part, NULL, &fine}, pixel / 4, pixel / 16, box);
}
