/* gate-search.c - a box is a fixed mask over the sketch of the whole, so that its mean and deviation there are known
 * before; what is left is a product of 576 small integers for each picture and box. */
#include "gate-search.h"

#include <math.h>

#include "gate-detail.h"

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

/* 1 where the box counts, else 0; returns how many. */
static int mask_of(const struct gate_box *box, bool *inside)
{
    bool column[SIDE], row[SIDE];
    int n = 0;
    for (int i = 0; i < SIDE; i++) {
        column[i] = gate_line_counts(i, SIDE, box->margin[0], box->margin[1]);
        row[i] = gate_line_counts(i, SIDE, box->margin[2], box->margin[3]);
    }
    for (int i = 0; i < PIXELS; i++) {
        inside[i] = row[i / SIDE] && column[i % SIDE];
        n += inside[i];
    }
    return n;
}

static struct gate_detail quarter_of(const struct gate_print *p)
{
    struct gate_detail full = gate_detail_of(p), half = gate_detail_half(&full);
    return gate_detail_half(&half);
}

/* ------------------------------------------------------------------ the known ones */

/* Details are sums of 16, each of at most 64 grey levels in parts: here in grey levels / PARTS again. */
void gate_sketch_make(const struct gate_print *p, struct gate_sketch *s)
{
    struct gate_detail d = quarter_of(p);
    for (int i = 0; i < PIXELS; i++)
        s->detail[i] = (int16_t)lrintf(d.v[i] / 16);
    for (int b = 0; b < GATE_BOXES; b++) {
        struct gate_box box = gate_search_box(b);
        bool inside[PIXELS];
        int64_t n = mask_of(&box, inside), sum = 0, squares = 0;
        for (int i = 0; i < PIXELS; i++)
            if (inside[i]) {
                sum += s->detail[i];
                squares += s->detail[i] * s->detail[i];
            }
        double left = (double)squares - (double)sum * (double)sum / (double)n;
        s->scale[b] = left > 0 ? (float)(1 / sqrt(left)) : 0;
    }
}

/* ------------------------------------------------------------------ the one that is looked for */
static void set_box(const struct gate_detail *part, const struct gate_box *box, int16_t *to, float *scale)
{
    struct gate_line columns, rows;
    bool inside[PIXELS];
    float v[PIXELS], sum = 0;
    int64_t squares = 0;
    int n = mask_of(box, inside);
    gate_line_of_part(&columns, SIDE, box->margin[0], box->margin[1]);
    gate_line_of_part(&rows, SIDE, box->margin[2], box->margin[3]);
    for (int i = 0; i < PIXELS; i++) {
        int x = i % SIDE, y = i / SIDE;
        const float *up = part->v + rows.at[y] * SIDE + columns.at[x], *down = up + SIDE;
        float left = up[0] + rows.weight[y] * (down[0] - up[0]), right = up[1] + rows.weight[y] * (down[1] - up[1]);
        v[i] = inside[i] ? (left + columns.weight[x] * (right - left)) / 16 : 0;
        sum += v[i];
    }
    for (int i = 0; i < PIXELS; i++) {
        to[i] = inside[i] ? (int16_t)lrintf(v[i] - sum / (float)n) : 0;
        squares += to[i] * to[i];
    }
    *scale = squares > 0 ? (float)(1 / sqrt((double)squares)) : 0;
}

void gate_search_set(struct gate_search *s, const struct gate_print *part)
{
    struct gate_detail d = quarter_of(part);
    for (int b = 0; b < GATE_BOXES; b++) {
        struct gate_box box = gate_search_box(b);
        set_box(&d, &box, s->detail[b], &s->scale[b]);
    }
}

/* Whole numbers: at most 576 products of 1024 x 2048. */
static int32_t product(const int16_t *a, const int16_t *b)
{
    int32_t sum = 0;
    for (int i = 0; i < PIXELS; i++)
        sum += a[i] * b[i];
    return sum;
}

double gate_search_compare(const struct gate_search *s, const struct gate_sketch *whole, int *i_box)
{
    double most = -2;
    for (int b = 0; b < GATE_BOXES; b++) {
        double c = (double)product(s->detail[b], whole->detail) * (double)s->scale[b] * (double)whole->scale[b];
        if (c > most) {
            most = c;
            *i_box = b;
        }
    }
    return most;
}
