/* gate-print.c - details at three resolutions. At the lowest one all boxes of a coarse grid are tried, then the best is
 * moved and stretched in smaller and smaller steps at the higher ones. */
#include "gate-print.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { SIDE = GATE_PRINT_SIDE, RADIUS = 6, MARGINS = 5 };
enum level { FULL, HALF, QUARTER, LEVELS };

struct detail {
    int side;
    float v[SIDE * SIDE]; /* [side, side] */
};

/* ------------------------------------------------------------------ detail */

/* out = the mean of `in` over 2 * radius + 1 pixels along rows (step 1) or columns (step SIDE); beyond an edge its
 * pixel repeats. */
static void blur_lines(const float *in, float *out, int step, int radius)
{
    int across = step == 1 ? SIDE : 1;
    for (int line = 0; line < SIDE; line++)
        for (int i = 0; i < SIDE; i++) {
            float sum = 0;
            for (int k = i - radius; k <= i + radius; k++)
                sum += in[line * across + (k < 0 ? 0 : k >= SIDE ? SIDE - 1 : k) * step];
            out[line * across + i * step] = sum / (float)(2 * radius + 1);
        }
}

static void blur(const float *in, float *out, int radius)
{
    float rows[SIDE * SIDE];
    blur_lines(in, rows, 1, radius);
    blur_lines(rows, out, SIDE, radius);
}

/* Pixels are blurred a little as well: what compression changes and resampling cannot keep is left out. */
void gate_print_make(const uint8_t *luma, struct gate_print *p)
{
    float grey[SIDE * SIDE], fine[SIDE * SIDE], coarse[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++)
        grey[i] = (float)luma[i];
    blur(grey, fine, 1);
    blur(grey, coarse, RADIUS);
    for (int i = 0; i < SIDE * SIDE; i++)
        p->detail[i] = (int8_t)lrintf(fminf(fmaxf(2 * (fine[i] - coarse[i]), -127), 127));
}

static struct detail detail_at(const struct gate_print *p, enum level level)
{
    int times = 1 << level, side = SIDE / times;
    struct detail d = {.side = side};
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            int sum = 0;
            for (int i = 0; i < times * times; i++)
                sum += p->detail[(y * times + i / times) * SIDE + x * times + i % times];
            d.v[y * side + x] = (float)sum;
        }
    return d;
}

/* ------------------------------------------------------------------ a box */

/* Where the pixels of a line come from: between pixel at[i] and the one behind it, weighted. */
struct line {
    int at[SIDE];
    float weight[SIDE];
};

static void set_line(struct line *l, int side, double before, double behind)
{
    for (int i = 0; i < side; i++) {
        double p = (before + (1 - before - behind) * (i + 0.5) / side) * side - 0.5;
        p = p < 0 ? 0 : p > side - 1 ? side - 1 : p;
        l->at[i] = p >= side - 1 ? side - 2 : (int)p;
        l->weight[i] = (float)(p - l->at[i]);
    }
}

/* Sums of a, b, a^2, b^2 and ab over pixels. */
struct sums {
    double a, b, aa, bb, ab;
};

/* Near its edges the detail of a part was made without what the whole has beyond them: these pixels do not count. */
static int border_of(int side)
{
    return RADIUS * side / SIDE;
}

/* Adds a row of the part, and what lies under it: between the rows up and down of the whole. */
static void add_row(struct sums *s, const float *a, const float *up, const float *down, float weight,
                    const struct line *columns, int side)
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

static double correlation(const struct detail *part, const struct detail *whole, const struct gate_box *box)
{
    int side = part->side, first = border_of(side), end = side - first;
    double n = (double)(end - first) * (end - first);
    struct line columns, rows;
    struct sums s = {0};
    set_line(&columns, side, box->margin[0], box->margin[1]);
    set_line(&rows, side, box->margin[2], box->margin[3]);
    for (int y = first; y < end; y++) {
        const float *up = whole->v + rows.at[y] * side;
        add_row(&s, part->v + y * side, up, up + side, rows.weight[y], &columns, side);
    }
    double aa = s.aa - s.a * s.a / n, bb = s.bb - s.b * s.b / n;
    return aa > 0 && bb > 0 ? (s.ab - s.a * s.b / n) / sqrt(aa * bb) : 0;
}

/* ------------------------------------------------------------------ the search */

/* All boxes whose margins are multiples of a quarter of what may be cut away. */
static void search_grid(const struct detail *part, const struct detail *whole, struct gate_box *best)
{
    double step = GATE_CUT / (MARGINS - 1), most = -2;
    for (int i = 0; i < MARGINS * MARGINS * MARGINS * MARGINS; i++) {
        int left = i % MARGINS, right = i / MARGINS % MARGINS;
        int top = i / MARGINS / MARGINS % MARGINS, bottom = i / MARGINS / MARGINS / MARGINS;
        if (left + right >= MARGINS || top + bottom >= MARGINS)
            continue;
        struct gate_box box = {{left * step, right * step, top * step, bottom * step}};
        double c = correlation(part, whole, &box);
        if (c > most) {
            most = c;
            *best = box;
        }
    }
}

/* Moves and stretches the box along both axes while that helps. */
static double climb(const struct detail *part, const struct detail *whole, double step, double least,
                    struct gate_box *box)
{
    static const int move[][4] = {{1, -1, 0, 0}, {-1, 1, 0, 0}, {0, 0, 1, -1}, {0, 0, -1, 1}, /* move */
                                  {1, 0, 0, 0}, {-1, 0, 0, 0}, {0, 1, 0, 0}, {0, -1, 0, 0},   /* one side */
                                  {0, 0, 1, 0}, {0, 0, -1, 0}, {0, 0, 0, 1}, {0, 0, 0, -1}};
    enum { MOVES = sizeof move / sizeof *move };
    double most = correlation(part, whole, box);
    for (; step >= least; step /= 2)
        for (int i = 0, idle = 0; idle < MOVES; i = (i + 1) % MOVES) {
            struct gate_box moved = *box;
            double *m = moved.margin;
            for (int k = 0; k < 4; k++)
                m[k] = fmax(0, m[k] + step * move[i][k]);
            bool allowed = m[0] + m[1] <= GATE_CUT && m[2] + m[3] <= GATE_CUT;
            double c = allowed ? correlation(part, whole, &moved) : -2;
            idle = c > most ? 0 : idle + 1;
            *box = c > most ? moved : *box;
            most = fmax(most, c);
        }
    return most;
}

double gate_print_refine(const struct gate_print *part, const struct gate_print *whole, struct gate_box *box)
{
    static const double pixel = 1.0 / SIDE;
    struct detail p = detail_at(part, HALF), w = detail_at(whole, HALF);
    climb(&p, &w, 2 * pixel, pixel / 2, box);
    p = detail_at(part, FULL);
    w = detail_at(whole, FULL);
    return climb(&p, &w, pixel / 2, pixel / 16, box);
}

double gate_print_align(const struct gate_print *part, const struct gate_print *whole, struct gate_box *box)
{
    struct detail p = detail_at(part, QUARTER), w = detail_at(whole, QUARTER);
    search_grid(&p, &w, box);
    return gate_print_refine(part, whole, box);
}

/* ------------------------------------------------------------------ one box of many */
enum { HALF_SIDE = GATE_HALF_SIDE };

void gate_half_make(const struct gate_print *p, struct gate_half *half)
{
    struct detail d = detail_at(p, HALF);
    for (int i = 0; i < GATE_HALF_BYTES; i++)
        half->detail[i] = (int8_t)lrintf(d.v[i] / 4);
}

/* The pixels of the part that lie on a line of the whole; weight -1: none that count. */
static void set_inverse_line(struct line *l, double before, double behind)
{
    const double border = (double)border_of(HALF_SIDE) / HALF_SIDE;
    for (int i = 0; i < HALF_SIDE; i++) {
        double share = ((i + 0.5) / HALF_SIDE - before) / (1 - before - behind), p = share * HALF_SIDE - 0.5;
        p = p < 0 ? 0 : p > HALF_SIDE - 1 ? HALF_SIDE - 1 : p;
        l->at[i] = p >= HALF_SIDE - 1 ? HALF_SIDE - 2 : (int)p;
        l->weight[i] = share < border || share > 1 - border ? -1 : (float)(p - l->at[i]);
    }
}

void gate_overlay_set(struct gate_overlay *o, const struct gate_print *part, const struct gate_box *box)
{
    struct detail d = detail_at(part, HALF);
    struct line columns, rows;
    double sum = 0, squares = 0;
    *o = (struct gate_overlay){.n = 0};
    set_inverse_line(&columns, box->margin[0], box->margin[1]);
    set_inverse_line(&rows, box->margin[2], box->margin[3]);
    for (int i = 0; i < GATE_HALF_BYTES; i++) {
        int x = i % HALF_SIDE, y = i / HALF_SIDE;
        if (columns.weight[x] < 0 || rows.weight[y] < 0)
            continue;
        const float *up = d.v + rows.at[y] * HALF_SIDE + columns.at[x], *down = up + HALF_SIDE;
        float left = up[0] + rows.weight[y] * (down[0] - up[0]), right = up[1] + rows.weight[y] * (down[1] - up[1]);
        o->detail[i] = left + columns.weight[x] * (right - left);
        o->inside[i] = 1;
        o->n++;
        sum += (double)o->detail[i];
    }
    for (int i = 0; i < GATE_HALF_BYTES; i++) {
        o->detail[i] -= o->inside[i] * (float)(sum / (double)o->n);
        squares += (double)(o->detail[i] * o->detail[i]);
    }
    o->squares = (float)squares;
}

/* In LANES sums, whose order is the same on every processor. */
double gate_overlay_compare(const struct gate_overlay *o, const struct gate_half *whole)
{
    enum { LANES = 16 };
    float sum[LANES] = {0}, squares[LANES] = {0}, product[LANES] = {0};
    double b = 0, bb = 0, ab = 0, aa = (double)o->squares, n = (double)o->n;
    for (int i = 0; i < GATE_HALF_BYTES; i += LANES)
        for (int k = 0; k < LANES; k++) {
            float v = (float)whole->detail[i + k], inside = v * o->inside[i + k];
            sum[k] += inside;
            squares[k] += inside * inside;
            product[k] += v * o->detail[i + k];
        }
    for (int k = 0; k < LANES; k++) {
        b += (double)sum[k];
        bb += (double)squares[k];
        ab += (double)product[k];
    }
    bb -= b * b / n;
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}
