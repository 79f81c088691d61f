/* simd-gate.c - see gate-loops.h. */
#include <math.h>
#include <string.h>

#include "gate-loops.h"
#include "isa.h"

#if defined(__AVX2__) /* pictures are small: vectors of 64 bytes, where available, would be half empty */
typedef float v_f32 __attribute__((vector_size(32)));
#else
typedef float v_f32 __attribute__((vector_size(16)));
#endif
enum { SIDE = GATE_PRINT_SIDE, ALL = GATE_PRINT_BYTES, V = sizeof(v_f32) / sizeof(float) };

/* ------------------------------------------------------------------ sketches */

/* Whole numbers: at most 576 products of 1024 x 2048. */
static inline int32_t product(const int16_t *a, const int16_t *b)
{
    int32_t sum = 0;
    for (int i = 0; i < GATE_SKETCH_PIXELS; i++)
        sum += a[i] * b[i];
    return sum;
}

static double search(const struct gate_search *s, const struct gate_sketch *whole, int *i_box)
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

/* ------------------------------------------------------------------ sums over boxes */

/* Of a picture the sums over 2 * radius + 1 rows; beyond an edge its pixel repeats. */
enum { WIDE = SIDE + 2 * GATE_RADIUS };
struct column_sums {
    int32_t v[SIDE][WIDE];
};

static inline void sum_columns(const int32_t *in, int radius, struct column_sums *sums)
{
    int32_t sum[SIDE];
    for (int x = 0; x < SIDE; x++)
        sum[x] = radius * in[x];
    for (int y = 0; y < radius; y++)
        for (int x = 0; x < SIDE; x++)
            sum[x] += in[y * SIDE + x];
    for (int y = 0; y < SIDE; y++) {
        const int32_t *enters = in + (y + radius < SIDE ? y + radius : SIDE - 1) * SIDE;
        const int32_t *leaves = in + (y > radius ? y - radius : 0) * SIDE;
        int32_t *out = sums->v[y];
        for (int x = 0; x < SIDE; x++) {
            out[radius + x] = sum[x] += enters[x];
            sum[x] -= leaves[x];
        }
        for (int i = 0; i < radius; i++) {
            out[i] = out[radius];
            out[radius + SIDE + i] = out[radius + SIDE - 1];
        }
    }
}

static inline int32_t sum_box(const struct column_sums *sums, int radius, int y, int x)
{
    int32_t sum = 0;
    for (int i = 0; i <= 2 * radius; i++)
        sum += sums->v[y][x + i];
    return sum;
}

/* ------------------------------------------------------------------ detail */

/* Means over 3 x 3 pixels less those over a larger box; cut where edges would count for more than all else. */
static inline void subtract_blurred(const int32_t *grey, int radius, float *v)
{
    const float cut = 64 * GATE_PARTS, of_coarse = 1.0f / (float)((2 * radius + 1) * (2 * radius + 1));
    struct column_sums fine, coarse;
    sum_columns(grey, 1, &fine);
    sum_columns(grey, radius, &coarse);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float d = (float)sum_box(&fine, 1, y, x) * (1.0f / 9) - (float)sum_box(&coarse, radius, y, x) * of_coarse;
            d = d < -cut ? -cut : d;
            v[y * SIDE + x] = d > cut ? cut : d;
        }
}

static void coarse(const int32_t *grey, float *v)
{
    subtract_blurred(grey, GATE_RADIUS, v);
}

static void fine(const int32_t *grey, float *v)
{
    enum { BLUR = 4, AROUND = 6, FAINT = 2 * GATE_PARTS, AREA = (2 * AROUND + 1) * (2 * AROUND + 1) };
    int32_t squares[ALL];
    struct column_sums around;
    subtract_blurred(grey, BLUR, v);
    for (int i = 0; i < ALL; i++)
        squares[i] = (int32_t)(v[i] * v[i]);
    sum_columns(squares, AROUND, &around);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) /* two grey levels more: what compression leaves in flat places is no texture */
            v[y * SIDE + x] /= sqrtf((float)sum_box(&around, AROUND, y, x) * (1.0f / AREA) + FAINT * FAINT);
}

/* ------------------------------------------------------------------ lines */
static inline void set_pixel(struct gate_line *l, int i, int side, double p)
{
    p = p < 0 ? 0 : p;
    p = p > side - 1 ? side - 1 : p;
    int at = (int)p;
    l->at[i] = at = at > side - 2 ? side - 2 : at;
    l->weight[i] = (float)(p - at);
}

static void line_of_whole(struct gate_line *l, int side, double before, double behind)
{
    for (int i = 0; i < side; i++)
        set_pixel(l, i, side, (before + (1 - before - behind) * (i + 0.5) / side) * side - 0.5);
}

static void line_of_part(struct gate_line *l, int side, double before, double behind)
{
    for (int i = 0; i < side; i++)
        set_pixel(l, i, side, ((i + 0.5) / side - before) / (1 - before - behind) * side - 0.5);
}

/* ------------------------------------------------------------------ turned pictures */
typedef float v_4 __attribute__((vector_size(16)));

static inline v_4 load_4(const float *p)
{
    v_4 v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Rows of four to columns of four. */
static inline void turn_4(const v_4 r[4], float *out, int64_t stride)
{
    v_4 a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5), b = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
    v_4 c = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5), d = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
    v_4 column[4] = {__builtin_shufflevector(a, c, 0, 1, 4, 5), __builtin_shufflevector(a, c, 2, 3, 6, 7),
                     __builtin_shufflevector(b, d, 0, 1, 4, 5), __builtin_shufflevector(b, d, 2, 3, 6, 7)};
    for (int i = 0; i < 4; i++)
        memcpy(out + i * stride, &column[i], sizeof column[i]);
}

static void turn(const float *v, int side, const struct gate_line *rows, float *turned)
{
    for (int y = 0; y < side; y += 4)
        for (int x = 0; x < side; x += 4) {
            v_4 r[4];
            for (int i = 0; i < 4; i++) {
                const float *up = v + (rows ? rows->at[y + i] : y + i) * side + x;
                r[i] = load_4(up);
                if (rows)
                    r[i] += rows->weight[y + i] * (load_4(up + side) - r[i]);
            }
            turn_4(r, turned + x * gate_pitch(side) + y, gate_pitch(side));
        }
}

/* ------------------------------------------------------------------ correlation */
static inline v_f32 load(const float *p)
{
    v_f32 v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Of n vectors of rows from y on; their additions wait for none of the others'. */
static inline void sum_some(const float *part, const float *whole, int side, int first, int y, int n,
                            const struct gate_line *columns, struct gate_row_sums *sums)
{
    enum { MOST = 3 };
    v_f32 b[MOST] = {{0}}, bb[MOST] = {{0}}, ab[MOST] = {{0}};
    int pitch = gate_pitch(side);
    for (int x = first; x < side - first; x++) {
        const float *a = part + x * pitch + y, *left = whole + columns->at[x] * pitch + y;
        for (int i = 0; i < n; i++) {
            v_f32 l = load(left + i * V), v = l + columns->weight[x] * (load(left + pitch + i * V) - l);
            b[i] += v;
            bb[i] += v * v;
            ab[i] += load(a + i * V) * v;
        }
    }
    memcpy(sums->b + y, b, (size_t)n * sizeof *b);
    memcpy(sums->bb + y, bb, (size_t)n * sizeof *bb);
    memcpy(sums->ab + y, ab, (size_t)n * sizeof *ab);
}

static void sum_rows(const float *part, const float *whole, int side, int first, const struct gate_line *columns,
                     struct gate_row_sums *sums)
{
    int y = first, end = side - first;
    for (; y + 2 * V < end; y += 3 * V)
        sum_some(part, whole, side, first, y, 3, columns, sums);
    if (y + V < end)
        sum_some(part, whole, side, first, y, 2, columns, sums);
    else if (y < end)
        sum_some(part, whole, side, first, y, 1, columns, sums);
}

/* ------------------------------------------------------------------ in place */

/* Catmull and Rom's cubic through four pixels, at a share t of the way from b to c. */
static inline v_f32 cubic(v_f32 a, v_f32 b, v_f32 c, v_f32 d, float t)
{
    return b + 0.5f * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

static inline int near_edge(int i)
{
    return i < 0 ? 0 : i >= SIDE ? SIDE - 1 : i;
}

/* The lines of SIDE values, `pitch` apart, that are to be at each place of `line`. */
static inline void place(const float *in, int pitch, const struct gate_line *line, int i, float *out)
{
    int at = line->at[i];
    const float *a = in + near_edge(at - 1) * pitch, *b = in + at * pitch, *c = b + pitch;
    const float *d = in + near_edge(at + 2) * pitch;
    for (int k = 0; k < SIDE; k += V) {
        v_f32 v = cubic(load(a + k), load(b + k), load(c + k), load(d + k), line->weight[i]);
        memcpy(out + k, &v, sizeof v);
    }
}

static void place_columns(const float *turned, const struct gate_line *columns, float *across)
{
    float placed[4][SIDE];
    for (int x = 0; x < SIDE; x += 4) {
        for (int i = 0; i < 4; i++)
            place(turned, gate_pitch(SIDE), columns, x + i, placed[i]);
        for (int y = 0; y < SIDE; y += 4) {
            v_4 r[4] = {load_4(placed[0] + y), load_4(placed[1] + y), load_4(placed[2] + y), load_4(placed[3] + y)};
            turn_4(r, across + y * SIDE + x, SIDE);
        }
    }
}

/* Half to even for |v| < 2^22: the last bit of v + 1.5 * 2^23 is worth 1, so the addition rounds. */
static void place_rows(const float *across, const struct gate_line *rows, int32_t *grey)
{
    float placed[SIDE];
    for (int y = 0; y < SIDE; y++) {
        place(across, SIDE, rows, y, placed);
        for (int x = 0; x < SIDE; x++)
            grey[y * SIDE + x] = (int32_t)((GATE_PARTS * placed[x] + 12582912.0f) - 12582912.0f);
    }
}

const struct gate_loops ISA_NAME(gate_loops) = {.search = search, .coarse = coarse, .fine = fine,
                                                .line_of_whole = line_of_whole, .line_of_part = line_of_part,
                                                .turn = turn, .sum_rows = sum_rows,
                                                .place_columns = place_columns, .place_rows = place_rows};
