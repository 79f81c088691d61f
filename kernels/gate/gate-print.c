/* gate-print.c - the box is moved and stretched in smaller and smaller steps, by coarse detail at half and at full
 * resolution, and at last by fine detail: where photographs of one kind of part are all alike, only that tells a copy
 * from another one, and only if it lies exactly. Each step moves along one axis: what the other one makes of a picture
 * is kept, and so is the value of each box that was tried. */
#include "gate-print.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "gate-detail.h"
#include "gate-loops.h"
#include "gate-search.h"
#include "isa.h"

ISA_TABLE(const struct gate_loops, gate_loops)

enum { SIDE = GATE_PRINT_SIDE };

/* Sums of a, b, a^2, b^2 and ab over pixels. */
struct sums {
    double a, b, aa, bb, ab;
};

static double correlation_of(const struct sums *s, double n)
{
    double aa = s->aa - s->a * s->a / n, bb = s->bb - s->b * s->b / n;
    return aa > 0 && bb > 0 ? (s->ab - s->a * s->b / n) / sqrt(aa * bb) : 0;
}

/* Whether both margins are those of before, which become these. */
static bool is_same(double before[2], const double margin[2])
{
    bool same = before[0] == margin[0] && before[1] == margin[1];
    memcpy(before, margin, 2 * sizeof *before);
    return same;
}

static const double nowhere[2] = {-1, -1};

/* ------------------------------------------------------------------ the part */
static int border_of(int side)
{
    return GATE_RADIUS * side / SIDE;
}

static void set_turned(struct gate_turned *t, const struct gate_detail *d)
{
    int first = border_of(d->side), end = d->side - first;
    t->side = d->side;
    t->sum = t->squares = 0;
    memset(t->v, 0, sizeof t->v);
    gate_loops()->turn(d->v, d->side, NULL, t->v);
    for (int y = first; y < end; y++) {
        float sum = 0, squares = 0;
        for (int x = first; x < end; x++) {
            float a = d->v[y * d->side + x];
            sum += a;
            squares += a * a;
        }
        t->sum += (double)sum;
        t->squares += (double)squares;
    }
}

static struct gate_detail detail_of_sketch(const struct gate_sketch *s)
{
    struct gate_detail d = {.side = GATE_SKETCH_SIDE};
    for (int i = 0; i < GATE_SKETCH_PIXELS; i++)
        d.v[i] = s->detail[i];
    return d;
}

void gate_part_set(struct gate_part *p, const struct gate_print *print)
{
    struct gate_detail whole = gate_detail_of(print), half = gate_detail_half(&whole);
    struct gate_sketch sketch;
    float luma[SIDE * SIDE];
    gate_sketch_make(print, &sketch);
    struct gate_detail quarter = detail_of_sketch(&sketch);
    set_turned(&p->whole, &whole);
    set_turned(&p->half, &half);
    set_turned(&p->quarter, &quarter);
    for (int i = 0; i < SIDE * SIDE; i++)
        luma[i] = print->luma[i];
    gate_loops()->turn(luma, SIDE, NULL, p->luma);
}

/* ------------------------------------------------------------------ a box of coarse detail */
struct coarse {
    const struct gate_turned *part;
    const struct gate_detail *whole;
    double across[2], along[2]; /* margins that these are of: */
    struct gate_line columns;
    float turned[GATE_TURNED_MAX]; /* the whole, its rows where those of the part are */
};

static void set_coarse(struct coarse *c, const struct gate_turned *part, const struct gate_detail *whole)
{
    c->part = part;
    c->whole = whole;
    memcpy(c->across, nowhere, sizeof nowhere);
    memcpy(c->along, nowhere, sizeof nowhere);
    memset(c->turned, 0, (size_t)(part->side * gate_pitch(part->side)) * sizeof *c->turned);
}

static double compare_coarse(struct coarse *c, const double *margin)
{
    int side = c->part->side, first = border_of(side), end = side - first;
    struct sums s = {.a = c->part->sum, .aa = c->part->squares};
    struct gate_row_sums of;
    if (!is_same(c->across, margin))
        gate_line_of_whole(&c->columns, side, margin[0], margin[1]);
    if (!is_same(c->along, margin + 2)) {
        struct gate_line rows;
        gate_line_of_whole(&rows, side, margin[2], margin[3]);
        gate_loops()->turn(c->whole->v, side, &rows, c->turned);
    }
    gate_loops()->sum_rows(c->part->v, c->turned, side, first, &c->columns, &of);
    for (int y = first; y < end; y++) {
        s.b += (double)of.b[y];
        s.bb += (double)of.bb[y];
        s.ab += (double)of.ab[y];
    }
    return correlation_of(&s, (double)(end - first) * (end - first));
}

/* ------------------------------------------------------------------ in place, by fine detail */
struct placing {
    const struct gate_part *part;
    double margin[2]; /* that `across` is of */
    float across[SIDE * SIDE];
};

/* Detail depends on the scale at which it was blurred: so the part is first put where it lies on the whole, at the
 * whole's scale. */
static void put_in_place(struct placing *p, const double *margin, struct gate_placed *placed)
{
    int32_t grey[SIDE * SIDE];
    struct gate_line line;
    if (!is_same(p->margin, margin)) {
        gate_line_of_part(&line, SIDE, margin[0], margin[1]);
        gate_loops()->place_columns(p->part->luma, &line, p->across);
    }
    gate_line_of_part(&line, SIDE, margin[2], margin[3]);
    gate_loops()->place_rows(p->across, &line, grey);
    gate_loops()->fine(grey, placed->detail);
    gate_line_range(SIDE, margin[0], margin[1], placed->columns);
    gate_line_range(SIDE, margin[2], margin[3], placed->rows);
}

void gate_placed_set(struct gate_placed *placed, const struct gate_part *part, const struct gate_box *box)
{
    struct placing p = {.part = part};
    memcpy(p.margin, nowhere, sizeof nowhere);
    put_in_place(&p, box->margin, placed);
}

static double compare_placed(const struct gate_placed *p, const struct gate_detail *whole)
{
    struct sums s = {0};
    double n = (double)(p->rows[1] - p->rows[0]) * (p->columns[1] - p->columns[0]);
    for (int y = p->rows[0]; y < p->rows[1]; y++)
        for (int i = y * SIDE + p->columns[0]; i < y * SIDE + p->columns[1]; i++) {
            double a = (double)p->detail[i], b = (double)whole->v[i];
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
struct climb {
    struct coarse *coarse; /* NULL: by these */
    struct placing *placing;
    const struct gate_detail *fine;
    struct tried {
        struct gate_box box;
        double value;
    } tried[64]; /* the newest of n_tried */
    unsigned n_tried;
};

static double compare(struct climb *c, const struct gate_box *box)
{
    enum { KEPT = sizeof c->tried / sizeof *c->tried };
    for (unsigned i = 0; i < c->n_tried && i < KEPT; i++)
        if (memcmp(&c->tried[i].box, box, sizeof *box) == 0)
            return c->tried[i].value;
    struct tried *t = &c->tried[c->n_tried++ % KEPT];
    t->box = *box;
    if (c->coarse)
        return t->value = compare_coarse(c->coarse, box->margin);
    struct gate_placed placed;
    put_in_place(c->placing, box->margin, &placed);
    return t->value = compare_placed(&placed, c->fine);
}

/* Moves and stretches the box along both axes while that helps. */
static double climb(struct climb *c, double step, double least, struct gate_box *box)
{
    static const int move[][4] = {{1, -1, 0, 0}, {-1, 1, 0, 0}, {0, 0, 1, -1}, {0, 0, -1, 1}, /* move */
                                  {1, 0, 0, 0}, {-1, 0, 0, 0}, {0, 1, 0, 0}, {0, -1, 0, 0},   /* one side */
                                  {0, 0, 1, 0}, {0, 0, -1, 0}, {0, 0, 0, 1}, {0, 0, 0, -1}};
    enum { MOVES = sizeof move / sizeof *move };
    double most = compare(c, box);
    for (; step >= least; step /= 2)
        for (int i = 0, idle = 0; idle < MOVES; i = (i + 1) % MOVES) {
            struct gate_box moved = *box;
            double *m = moved.margin;
            for (int k = 0; k < 4; k++)
                m[k] = fmax(0, m[k] + step * move[i][k]);
            bool allowed = m[0] + m[1] <= GATE_CUT && m[2] + m[3] <= GATE_CUT;
            double value = allowed ? compare(c, &moved) : -2;
            idle = value > most ? 0 : idle + 1;
            *box = value > most ? moved : *box;
            most = fmax(most, value);
        }
    return most;
}

static const double pixel = 1.0 / SIDE;

static double climb_coarse(const struct gate_turned *part, const struct gate_detail *whole, double step, double least,
                           struct gate_box *box)
{
    struct coarse coarse;
    struct climb c;
    set_coarse(&coarse, part, whole);
    c.coarse = &coarse;
    c.n_tried = 0;
    return climb(&c, step, least, box);
}

double gate_sketch_approach(const struct gate_part *part, const struct gate_sketch *whole, struct gate_box *box)
{
    struct gate_detail w = detail_of_sketch(whole);
    return climb_coarse(&part->quarter, &w, 1.5 * pixel, 0.3 * pixel, box);
}

double gate_print_approach(const struct gate_part *part, const struct gate_print *whole, struct gate_box *box)
{
    struct gate_detail w = gate_detail_of(whole), half = gate_detail_half(&w);
    return climb_coarse(&part->half, &half, 2 * pixel, pixel / 2, box);
}

double gate_print_refine(const struct gate_part *part, const struct gate_print *whole, struct gate_box *box)
{
    struct gate_detail w = gate_detail_of(whole), fine = fine_of(whole);
    struct placing placing = {.part = part};
    struct climb c = {.placing = &placing, .fine = &fine};
    memcpy(placing.margin, nowhere, sizeof nowhere);
    climb_coarse(&part->whole, &w, pixel / 2, pixel / 8, box);
    return climb(&c, pixel / 4, pixel / 16, box);
}
