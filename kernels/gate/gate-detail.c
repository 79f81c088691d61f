/* gate-detail.c - see gate-detail.h. */
#include "gate-detail.h"

#include <math.h>

enum { SIDE = GATE_PRINT_SIDE, ALL = GATE_PRINT_BYTES };

/* ------------------------------------------------------------------ sums over boxes */

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

/* ------------------------------------------------------------------ detail */

/* Means over 3 x 3 pixels less those over a larger box; cut where edges would count for more than all else. */
static void subtract_blurred(const int32_t *grey, int radius, float *v)
{
    enum { CUT = 64 * GATE_PARTS };
    int32_t fine[ALL], coarse[ALL];
    const float of_coarse = 1.0f / (float)((2 * radius + 1) * (2 * radius + 1));
    sum_boxes(grey, fine, 1);
    sum_boxes(grey, coarse, radius);
    for (int i = 0; i < ALL; i++)
        v[i] = fminf(fmaxf((float)fine[i] * (1.0f / 9) - (float)coarse[i] * of_coarse, -CUT), CUT);
}

void gate_detail_coarse(const int32_t grey[ALL], struct gate_detail *d)
{
    d->side = SIDE;
    subtract_blurred(grey, GATE_RADIUS, d->v);
}

void gate_detail_fine(const int32_t grey[ALL], struct gate_detail *d)
{
    enum { BLUR = 4, AROUND = 6, FAINT = 2 * GATE_PARTS };
    int32_t squares[ALL], sum[ALL];
    d->side = SIDE;
    subtract_blurred(grey, BLUR, d->v);
    for (int i = 0; i < ALL; i++)
        squares[i] = (int32_t)(d->v[i] * d->v[i]);
    sum_boxes(squares, sum, AROUND);
    for (int i = 0; i < ALL; i++) /* two grey levels more: what compression leaves in flat places is no texture */
        d->v[i] /= sqrtf((float)sum[i] * (1.0f / ((2 * AROUND + 1) * (2 * AROUND + 1))) + FAINT * FAINT);
}

struct gate_detail gate_detail_half(const struct gate_detail *d)
{
    struct gate_detail h = {.side = d->side / 2};
    for (int y = 0; y < h.side; y++)
        for (int x = 0; x < h.side; x++) {
            const float *v = d->v + 2 * y * d->side + 2 * x;
            h.v[y * h.side + x] = v[0] + v[1] + v[d->side] + v[d->side + 1];
        }
    return h;
}

struct gate_detail gate_detail_of(const struct gate_print *p)
{
    int32_t grey[ALL];
    struct gate_detail d;
    for (int i = 0; i < ALL; i++)
        grey[i] = GATE_PARTS * p->luma[i];
    gate_detail_coarse(grey, &d);
    return d;
}

/* ------------------------------------------------------------------ lines */
static void set_pixel(struct gate_line *l, int i, int side, double p)
{
    p = p < 0 ? 0 : p > side - 1 ? side - 1 : p;
    l->at[i] = p >= side - 1 ? side - 2 : (int)p;
    l->weight[i] = (float)(p - l->at[i]);
}

void gate_line_of_whole(struct gate_line *l, int side, double before, double behind)
{
    for (int i = 0; i < side; i++)
        set_pixel(l, i, side, (before + (1 - before - behind) * (i + 0.5) / side) * side - 0.5);
}

void gate_line_of_part(struct gate_line *l, int side, double before, double behind)
{
    for (int i = 0; i < side; i++)
        set_pixel(l, i, side, ((i + 0.5) / side - before) / (1 - before - behind) * side - 0.5);
}

bool gate_line_counts(int i, int side, double before, double behind)
{
    double share = ((i + 0.5) / side - before) / (1 - before - behind), border = (double)GATE_RADIUS / SIDE;
    return share >= border && share <= 1 - border;
}
