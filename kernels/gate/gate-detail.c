/* gate-detail.c - see gate-detail.h. */
#include "gate-detail.h"

#include <stdbool.h>

#include "gate-loops.h"
#include "isa.h"

ISA_TABLE(const struct gate_loops, gate_loops)

enum { SIDE = GATE_PRINT_SIDE, ALL = GATE_PRINT_BYTES };

void gate_detail_coarse(const int32_t grey[ALL], struct gate_detail *d)
{
    d->side = SIDE;
    gate_loops()->coarse(grey, d->v);
}

void gate_detail_fine(const int32_t grey[ALL], struct gate_detail *d)
{
    d->side = SIDE;
    gate_loops()->fine(grey, d->v);
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
void gate_line_of_whole(struct gate_line *l, int side, double before, double behind)
{
    gate_loops()->line_of_whole(l, side, before, behind);
}

void gate_line_of_part(struct gate_line *l, int side, double before, double behind)
{
    gate_loops()->line_of_part(l, side, before, behind);
}

static bool counts(int i, int side, double before, double behind)
{
    double share = ((i + 0.5) / side - before) / (1 - before - behind), border = (double)GATE_RADIUS / SIDE;
    return share >= border && share <= 1 - border;
}

void gate_line_range(int side, double before, double behind, int range[2])
{
    range[0] = 0, range[1] = side;
    while (range[0] < side && !counts(range[0], side, before, behind))
        range[0]++;
    while (range[1] > range[0] && !counts(range[1] - 1, side, before, behind))
        range[1]--;
}
