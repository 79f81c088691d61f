/* gate-print.c - details at three resolutions. At the lowest one all boxes of a coarse grid are tried, then the best is
 * moved and stretched in smaller and smaller steps at the higher ones. */
#include "gate-print.h"

#include <math.h>
#include <stdbool.h>

enum { SIDE = GATE_PRINT_SIDE, RADIUS = 6, MARGINS = 5 };

struct detail {
    int side;
    float v[SIDE * SIDE]; /* [side, side] */
};

/* ------------------------------------------------------------------ detail */

/* out = the sum of `in` over 2 * radius + 1 pixels along rows (step 1) or columns (step SIDE); beyond an edge its pixel
 * repeats. */
static void sum_lines(const int32_t *in, int32_t *out, int step, int radius)
{
    int across = step == 1 ? SIDE : 1;
    for (int line = 0; line < SIDE; line++) {
        const int32_t *first = in + line * across, *last = first + (SIDE - 1) * step;
        int32_t sum = radius * *first;
        for (int i = 0; i < radius; i++)
            sum += first[i * step];
        for (int i = 0; i < SIDE; i++) {
            sum += i + radius < SIDE ? first[(i + radius) * step] : *last;
            out[line * across + i * step] = sum;
            sum -= i >= radius ? first[(i - radius) * step] : *first;
        }
    }
}

static void sum_boxes(const int32_t *in, int32_t *out, int radius)
{
    int32_t rows[SIDE * SIDE];
    sum_lines(in, rows, 1, radius);
    sum_lines(rows, out, SIDE, radius);
}

/* In grey levels / PARTS; cut where edges would count for more than all else. Pixels are blurred a little as well: what
 * compression changes and resampling cannot keep is left out. */
enum { PARTS = 16, CUT = 64 * PARTS };

static void set_detail(const int32_t *grey, struct detail *d)
{
    int32_t fine[SIDE * SIDE], coarse[SIDE * SIDE];
    const float of_fine = 1.0f / 9, of_coarse = 1.0f / ((2 * RADIUS + 1) * (2 * RADIUS + 1));
    sum_boxes(grey, fine, 1);
    sum_boxes(grey, coarse, RADIUS);
    d->side = SIDE;
    for (int i = 0; i < SIDE * SIDE; i++)
        d->v[i] = fminf(fmaxf((float)fine[i] * of_fine - (float)coarse[i] * of_coarse, -CUT), CUT);
}

/* The detail at half the resolution: sums of four. */
static struct detail half_of(const struct detail *d)
{
    struct detail h = {.side = d->side / 2};
    for (int y = 0; y < h.side; y++)
        for (int x = 0; x < h.side; x++) {
            const float *v = d->v + 2 * y * d->side + 2 * x;
            h.v[y * h.side + x] = v[0] + v[1] + v[d->side] + v[d->side + 1];
        }
    return h;
}

static struct detail detail_of(const struct gate_print *p)
{
    int32_t grey[SIDE * SIDE];
    struct detail d;
    for (int i = 0; i < SIDE * SIDE; i++)
        grey[i] = PARTS * p->luma[i];
    set_detail(grey, &d);
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

static double correlation_of(const struct sums *s, double n)
{
    double aa = s->aa - s->a * s->a / n, bb = s->bb - s->b * s->b / n;
    return aa > 0 && bb > 0 ? (s->ab - s->a * s->b / n) / sqrt(aa * bb) : 0;
}

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
    return correlation_of(&s, n);
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

/* The pixels of the part that lie on a line of the whole; outside the part its edge. */
static void set_inverse_line(struct line *l, int side, double before, double behind)
{
    for (int i = 0; i < side; i++) {
        double p = ((i + 0.5) / side - before) / (1 - before - behind) * side - 0.5;
        p = p < 0 ? 0 : p > side - 1 ? side - 1 : p;
        l->at[i] = p >= side - 1 ? side - 2 : (int)p;
        l->weight[i] = (float)(p - l->at[i]);
    }
}

/* Whether a pixel of the whole's line lies in the part, and not near its edges. */
static bool counts(int i, int side, double before, double behind)
{
    double share = ((i + 0.5) / side - before) / (1 - before - behind), border = (double)RADIUS / SIDE;
    return share >= border && share <= 1 - border;
}

/* Detail depends on the scale at which it was blurred: here the part is first put where it lies on the whole, at the
 * whole's scale, and then compared inside of the box. */
static double compare_in_place(const struct gate_print *part, const struct detail *whole, const struct gate_box *box)
{
    int32_t grey[SIDE * SIDE];
    struct detail d;
    struct line columns, rows;
    struct sums s = {0};
    double n = 0;
    set_inverse_line(&columns, SIDE, box->margin[0], box->margin[1]);
    set_inverse_line(&rows, SIDE, box->margin[2], box->margin[3]);
    for (int i = 0; i < SIDE * SIDE; i++) {
        int x = i % SIDE, y = i / SIDE;
        const uint8_t *up = part->luma + rows.at[y] * SIDE + columns.at[x], *down = up + SIDE;
        float left = up[0] + rows.weight[y] * (float)(down[0] - up[0]);
        float right = up[1] + rows.weight[y] * (float)(down[1] - up[1]);
        grey[i] = (int32_t)lrintf(PARTS * (left + columns.weight[x] * (right - left)));
    }
    set_detail(grey, &d);
    for (int i = 0; i < SIDE * SIDE; i++) {
        double a = (double)d.v[i], b = (double)whole->v[i];
        if (!counts(i % SIDE, SIDE, box->margin[0], box->margin[1]) ||
            !counts(i / SIDE, SIDE, box->margin[2], box->margin[3]))
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

double gate_print_refine(const struct gate_print *part, const struct gate_print *whole, struct gate_box *box)
{
    static const double pixel = 1.0 / SIDE;
    struct detail p = detail_of(part), w = detail_of(whole), half_p = half_of(&p), half_w = half_of(&w);
    climb(&half_p, &half_w, 2 * pixel, pixel / 2, box);
    climb(&p, &w, pixel / 2, pixel / 16, box);
    return compare_in_place(part, &w, box);
}

double gate_print_align(const struct gate_print *part, const struct gate_print *whole, struct gate_box *box)
{
    struct detail p = detail_of(part), w = detail_of(whole);
    struct detail half_p = half_of(&p), half_w = half_of(&w);
    struct detail quarter_p = half_of(&half_p), quarter_w = half_of(&half_w);
    search_grid(&quarter_p, &quarter_w, box);
    return gate_print_refine(part, whole, box);
}

/* ------------------------------------------------------------------ one box of many */
enum { HALF_SIDE = GATE_HALF_SIDE };

void gate_half_make(const struct gate_print *p, struct gate_half *half)
{
    struct detail full = detail_of(p), d = half_of(&full);
    for (int i = 0; i < GATE_HALF_BYTES; i++)
        half->detail[i] = (int8_t)lrintf(fminf(fmaxf(d.v[i] / (4 * PARTS / 2), -127), 127));
}

void gate_overlay_set(struct gate_overlay *o, const struct gate_print *part, const struct gate_box *box)
{
    struct detail full = detail_of(part), d = half_of(&full);
    struct line columns, rows;
    double sum = 0, squares = 0;
    *o = (struct gate_overlay){.n = 0};
    set_inverse_line(&columns, HALF_SIDE, box->margin[0], box->margin[1]);
    set_inverse_line(&rows, HALF_SIDE, box->margin[2], box->margin[3]);
    for (int i = 0; i < GATE_HALF_BYTES; i++) {
        int x = i % HALF_SIDE, y = i / HALF_SIDE;
        if (!counts(x, HALF_SIDE, box->margin[0], box->margin[1]) ||
            !counts(y, HALF_SIDE, box->margin[2], box->margin[3]))
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
