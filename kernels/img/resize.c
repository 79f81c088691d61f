/* resize.c - the two passes, with the loops of simd-resize.c. Taps are fixed-point numbers with 22 fraction bits,
 * computed in double precision as Pillow does. A sum fits 32 bits in the end, whatever wraps in between. */
#include "resize.h"

#include <math.h>
#include <string.h>

#include "isa.h"
#include "num.h"
#include "resize-loops.h"

ISA_TABLE(const struct resize_loops, resize_loops)

#define SUPPORT 2.0 /* of the bicubic filter, in input pixels unless the image is made smaller */

/* A part of one axis: output first + i is the sum of n[i] taps times the inputs from low[i] on. */
struct axis {
    int64_t in, out, first, n_out, pairs_max;
    int32_t *low, *n;
    struct resize_pair *taps; /* [n_out, pairs_max] */
    double *weight;           /* [2 * pairs_max] */
};

static double bicubic(double x) /* a = -0.5 */
{
    x = fabs(x);
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    if (x < 2)
        return (((x - 5) * x + 8) * x - 4) * -0.5;
    return 0;
}

static int32_t fixed(double w)
{
    return (int32_t)(w * (1 << RESIZE_PRECISION) + (w < 0 ? -0.5 : 0.5));
}

static void set_tap(struct resize_pair *pairs, int64_t j, int32_t tap)
{
    int32_t high = tap >> RESIZE_SPLIT; /* rounds down below 0, too, so that low is never negative */
    pairs[j / 2].high[j % 2] = (int16_t)high;
    pairs[j / 2].low[j % 2] = (int16_t)(tap - high * (1 << RESIZE_SPLIT));
}

static void axis_taps(const struct axis *a, double scale, double factor, int64_t i)
{
    double support = SUPPORT * factor, inverse = 1 / factor, sum = 0;
    double centre = ((double)(a->first + i) + 0.5) * scale;
    int64_t low = num_max((int64_t)(centre - support + 0.5), 0);
    int64_t n = num_min((int64_t)(centre + support + 0.5), a->in) - low;
    struct resize_pair *taps = a->taps + i * a->pairs_max;
    for (int64_t j = 0; j < n; j++)
        sum += a->weight[j] = bicubic(((double)(low + j) - centre + 0.5) * inverse);
    for (int64_t j = 0; j < n; j++)
        set_tap(taps, j, fixed(a->weight[j] / sum));
    if (n % 2)
        set_tap(taps, n, 0);
    a->low[i] = (int32_t)low;
    a->n[i] = (int32_t)n;
}

static struct axis axis_take(int64_t in, int64_t out, int64_t first, int64_t n_out, struct arena *scratch)
{
    double scale = (double)in / (double)out, factor = scale > 1 ? scale : 1; /* enlarging does not narrow the filter */
    struct axis a = {.in = in, .out = out, .first = first, .n_out = n_out};
    a.pairs_max = (int64_t)ceil(SUPPORT * factor) + 1; /* there are at most 2 * ceil + 1 taps */
    /* At least n_out * pairs_max, and monotonic in `in`, `out` and n_out, so that a plan for the largest covers all. */
    int64_t n_pairs = num_min((int64_t)SUPPORT * num_max(in, out) + 2 * out, (int64_t)SUPPORT * in + 3 * n_out);
    a.low = ARENA_TAKE(scratch, int32_t, n_out);
    a.n = ARENA_TAKE(scratch, int32_t, n_out);
    a.taps = ARENA_TAKE(scratch, struct resize_pair, n_pairs);
    a.weight = ARENA_TAKE(scratch, double, 2 * n_pairs);
    for (int64_t i = 0; !arena_planning(scratch) && i < n_out; i++)
        axis_taps(&a, scale, factor, i);
    return a;
}

/* The part of the input that the outputs need. */
static void axis_span(const struct axis *a, int64_t *low, int64_t *n)
{
    *low = a->low[0];
    *n = a->low[a->n_out - 1] + a->n[a->n_out - 1] - *low;
}

/* n_rows source rows -> to [n_rows, n_out * channels]; lanes and mixed are scratch. */
static void horizontal(const struct axis *x, int channels, const uint8_t *src, int64_t stride, int64_t n_rows,
                       uint8_t *to, uint8_t *lanes, uint8_t *mixed)
{
    const struct resize_loops *loops = resize_loops();
    int64_t low, n, width = channels * RESIZE_LANES;
    axis_span(x, &low, &n);
    for (int64_t y = 0; y < n_rows; y += RESIZE_LANES) {
        int n_lanes = (int)num_min(n_rows - y, RESIZE_LANES);
        const uint8_t *row[RESIZE_LANES];
        for (int l = 0; l < RESIZE_LANES; l++) /* lanes after the last row repeat it; their results are dropped */
            row[l] = src + (y + num_min(l, n_lanes - 1)) * stride + low * channels;
        loops->to_lanes(row, n * channels, lanes);
        for (int64_t i = 0; i < x->n_out; i++)
            loops->mix(lanes + (x->low[i] - low) * width, width, x->taps + i * x->pairs_max, x->n[i], width,
                       mixed + i * width);
        loops->from_lanes(mixed, x->n_out * channels, n_lanes, to + y * x->n_out * channels,
                          x->n_out * channels);
    }
}

static void vertical(const struct axis *y, const uint8_t *src, int64_t stride, int64_t first_row, int64_t row_bytes,
                     uint8_t *dst)
{
    for (int64_t i = 0; i < y->n_out; i++)
        resize_loops()->mix(src + (y->low[i] - first_row) * stride, stride, y->taps + i * y->pairs_max, y->n[i],
                            row_bytes, dst + i * row_bytes);
}

void resize_bicubic(const struct resize *r, const uint8_t *src, int64_t stride, uint8_t *dst, struct arena *scratch)
{
    size_t mark = scratch->used;
    int64_t row_bytes = r->cols * r->channels;
    struct axis x = axis_take(r->in_w, r->out_w, r->left, r->cols, scratch);
    struct axis y = axis_take(r->in_h, r->out_h, r->top, r->rows, scratch);
    uint8_t *lanes = ARENA_TAKE(scratch, uint8_t, r->in_w * r->channels * RESIZE_LANES);
    uint8_t *mixed = ARENA_TAKE(scratch, uint8_t, row_bytes * RESIZE_LANES);
    uint8_t *between = ARENA_TAKE(scratch, uint8_t, r->in_h * row_bytes);
    scratch->used = mark;
    if (arena_planning(scratch))
        return;
    bool same_w = r->in_w == r->out_w, same_h = r->in_h == r->out_h;
    int64_t first = r->top, n_rows = r->rows;
    if (!same_h)
        axis_span(&y, &first, &n_rows);
    const uint8_t *rows = src + first * stride + (same_w ? r->left * r->channels : 0);
    if (!same_w) {
        horizontal(&x, r->channels, rows, stride, n_rows, same_h ? dst : between, lanes, mixed);
        rows = between, stride = row_bytes;
    }
    if (!same_h)
        vertical(&y, rows, stride, first, row_bytes, dst);
    else if (same_w)
        for (int64_t i = 0; i < r->rows; i++)
            memcpy(dst + i * row_bytes, rows + i * stride, (size_t)row_bytes);
}
