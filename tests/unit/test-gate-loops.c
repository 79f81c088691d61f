/* The loops of gate-loops.h against plain ones, bit for bit, in the copy for each instruction set. */
#include <math.h>
#include <string.h>

#include "gate-loops.h"
#include "isa.h"
#include "rng.h"
#include "tap.h"

ISA_TABLE(const struct gate_loops, gate_loops) /* declares the copies */

enum { SIDE = GATE_PRINT_SIDE, ALL = GATE_PRINT_BYTES };

static const struct {
    enum isa isa;
    const struct gate_loops *loops;
} sets[] = {
    {ISA_BASE, &gate_loops_base},
#if defined(__x86_64__)
    {ISA_AVX2, &gate_loops_avx2},
    {ISA_AVX512, &gate_loops_avx512},
#endif
};

static int32_t grey[ALL];
static float picture[ALL], other[ALL], want[ALL], got[ALL];
static float turned[GATE_TURNED_MAX], other_turned[GATE_TURNED_MAX], whole_turned[GATE_TURNED_MAX];

static void draw(void)
{
    struct rng rng = rng_stream(1, 0, 0, RNG_INIT);
    for (int i = 0; i < ALL; i++) {
        bool edge = i % SIDE > 50 && i / SIDE > 30; /* strong enough to be cut */
        grey[i] = (int32_t)(rng_below(&rng, 1500)) + (edge ? 2500 : 0);
        picture[i] = (float)grey[i] / 7;
        other[i] = (float)rng_below(&rng, 1000) - 500;
    }
}

/* ------------------------------------------------------------------ detail */
static int near_edge(int i)
{
    return i < 0 ? 0 : i >= SIDE ? SIDE - 1 : i;
}

static int32_t box(const int32_t *in, int radius, int y, int x)
{
    int32_t sum = 0;
    for (int i = -radius; i <= radius; i++)
        for (int k = -radius; k <= radius; k++)
            sum += in[near_edge(y + i) * SIDE + near_edge(x + k)];
    return sum;
}

static void plain_coarse(int radius, float *v)
{
    const float area = (float)((2 * radius + 1) * (2 * radius + 1)), cut = 64 * GATE_PARTS;
    for (int i = 0; i < ALL; i++)
        v[i] = fminf(fmaxf((float)box(grey, 1, i / SIDE, i % SIDE) * (1.0f / 9) -
                               (float)box(grey, radius, i / SIDE, i % SIDE) * (1 / area), -cut), cut);
}

static void plain_fine(float *v)
{
    static int32_t squares[ALL];
    plain_coarse(4, v);
    for (int i = 0; i < ALL; i++)
        squares[i] = (int32_t)(v[i] * v[i]);
    for (int i = 0; i < ALL; i++)
        v[i] /= sqrtf((float)box(squares, 6, i / SIDE, i % SIDE) * (1.0f / 169) + 4 * GATE_PARTS * GATE_PARTS);
}

static void details(const struct gate_loops *loops, const char *name)
{
    loops->coarse(grey, got);
    plain_coarse(GATE_RADIUS, want);
    ok(memcmp(got, want, sizeof got) == 0, "%s: coarse detail", name);
    loops->fine(grey, got);
    plain_fine(want);
    ok(memcmp(got, want, sizeof got) == 0, "%s: fine detail", name);
}

/* ------------------------------------------------------------------ correlation */
static bool sums_are(const struct gate_row_sums *s, int side, int first, const struct gate_line *columns,
                     const struct gate_line *rows)
{
    for (int y = first; y < side - first; y++) {
        float row[SIDE], b = 0, bb = 0, ab = 0;
        const float *up = other + rows->at[y] * side;
        for (int x = 0; x < side; x++)
            row[x] = up[x] + rows->weight[y] * (up[side + x] - up[x]);
        for (int x = first; x < side - first; x++) {
            const float *pair = row + columns->at[x];
            float v = pair[0] + columns->weight[x] * (pair[1] - pair[0]);
            b += v;
            bb += v * v;
            ab += picture[y * side + x] * v;
        }
        if (memcmp(&b, &s->b[y], sizeof b) != 0 || memcmp(&bb, &s->bb[y], sizeof b) != 0 ||
            memcmp(&ab, &s->ab[y], sizeof b) != 0)
            return false;
    }
    return true;
}

static void sums(const struct gate_loops *loops, const char *name)
{
    for (int side = SIDE; side >= SIDE / 4; side /= 2) {
        struct gate_line columns, rows;
        struct gate_row_sums s;
        int first = GATE_RADIUS * side / SIDE;
        loops->line_of_whole(&columns, side, 0.03, 0.08);
        loops->line_of_whole(&rows, side, 0.11, 0);
        loops->turn(picture, side, NULL, turned);
        loops->turn(other, side, &rows, other_turned);
        loops->sum_rows(turned, other_turned, side, first, &columns, &s);
        ok(sums_are(&s, side, first, &columns, &rows), "%s: sums of rows of %d", name, side);
    }
}

/* ------------------------------------------------------------------ in place */
static float cubic(float a, float b, float c, float d, float t)
{
    return b + 0.5f * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/* Four pixels around a place of a line, `step` apart. */
static float between(const float *line, const struct gate_line *l, int i, int step)
{
    int at = l->at[i];
    return cubic(line[near_edge(at - 1) * step], line[at * step], line[(at + 1) * step],
                 line[near_edge(at + 2) * step], l->weight[i]);
}

static void placing(const struct gate_loops *loops, const char *name)
{
    static float across[ALL];
    static int32_t placed[ALL], by_hand[ALL];
    struct gate_line columns, rows;
    loops->line_of_part(&columns, SIDE, 0.02, 0.1);
    loops->line_of_part(&rows, SIDE, 0.07, 0.05);
    loops->turn(picture, SIDE, NULL, whole_turned);
    loops->place_columns(whole_turned, &columns, across);
    loops->place_rows(across, &rows, placed);
    for (int i = 0; i < ALL; i++)
        want[i] = between(picture + i / SIDE * SIDE, &columns, i % SIDE, 1);
    ok(memcmp(across, want, sizeof want) == 0, "%s: columns in place", name);
    for (int i = 0; i < ALL; i++)
        by_hand[i] = (int32_t)lrintf(GATE_PARTS * between(want + i % SIDE, &rows, i / SIDE, SIDE));
    ok(memcmp(placed, by_hand, sizeof placed) == 0, "%s: rows in place", name);
}

int main(void)
{
    int n = (int)(sizeof sets / sizeof *sets);
    (void)gate_loops;
    draw();
    for (int i = 0; i < n; i++) {
        if (sets[i].isa > isa_of_processor()) {
            skip("not on this processor", "%s", isa_name(sets[i].isa));
            continue;
        }
        details(sets[i].loops, isa_name(sets[i].isa));
        sums(sets[i].loops, isa_name(sets[i].isa));
        placing(sets[i].loops, isa_name(sets[i].isa));
    }
    return tap_done();
}
