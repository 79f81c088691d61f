/* op-cases.h - the cases of test-op.c: for each operation of ops.def its operands, the calls, and the formula written
 * down plainly in double. One test includes it.
 */
#ifndef OP_CASES_H
#define OP_CASES_H

#include <math.h>
#include <stdlib.h>

#include "device-copies.h"
#include "half.h"
#include "op.h"
#include "positions.h"
#include "rng.h"

enum { OPERANDS_MAX = 8, DIRECTIONS = 4 };
static const float ACCUMULATED = 0.25f;

struct operand {
    const char *name; /* NULL: the end */
    int64_t n;
    float *x, *d; /* values and gradient */
    bool accumulates;
};

struct run {
    struct op_ctx c;
    int64_t T;                   /* the number of rows asked for */
    struct operand in[OPERANDS_MAX];
    float *y, *dy, *saved[3]; /* output; what forward saves for backward */
    int64_t y_n, saved_n[3];
    int64_t *rows;
    uint8_t *masks;
};

struct op_case {
    const char *names;                     /* the operations of ops.def that it covers, between blanks */
    void (*shape)(struct run *r);          /* sets sizes, in[], y_n, saved_n */
    void (*forward)(struct run *r);
    void (*backward)(struct run *r);       /* NULL: none */
    void (*plain)(const struct run *r, double *y);
};

/* ------------------------------------------------------------------ helpers of the cases */

static void *take(int64_t n, size_t each)
{
    void *p = calloc((size_t)n + 1, each);
    if (!p)
        abort();
    return p;
}

static struct rng random_stream(uint64_t a, uint64_t b)
{
    return rng_stream(20, a, b, RNG_TEST);
}

static void fill_random(float *x, int64_t n, uint64_t a, uint64_t b)
{
    struct rng r = random_stream(a, b);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)rng_normal(&r);
}

static void operand(struct run *r, int i, const char *name, int64_t n, bool accumulates)
{
    r->in[i] = (struct operand){.name = name, .n = n, .accumulates = accumulates};
}

static double plain_gelu(double x)
{
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}

/* ------------------------------------------------------------------ linear: x, w, b */

enum { LIN_K = 37, LIN_N = 201 };

static void linear_shape(struct run *r)
{
    operand(r, 0, "x", r->T * LIN_K, false);
    operand(r, 1, "w", LIN_N * LIN_K, true);
    operand(r, 2, "b", LIN_N, true);
    r->y_n = r->T * LIN_N;
    r->saved_n[0] = r->y_n;
}

static void linear_forward(struct run *r)
{
    ON_DEVICE(&r->c, op_linear_fwd(&r->c, COPY(r->y, r->T, LIN_N), COPY(r->in[0].x, r->T, LIN_K),
                                   COPY(r->in[1].x, LIN_N, LIN_K), COPY(r->in[2].x, LIN_N)));
}

static void linear_backward(struct run *r)
{
    ON_DEVICE(&r->c, op_linear_bwd_x(&r->c, COPY(r->in[0].d, r->T, LIN_K), COPY(r->dy, r->T, LIN_N),
                                     COPY(r->in[1].x, LIN_N, LIN_K)));
    ON_DEVICE(&r->c, op_linear_bwd_w(&r->c, COPY(r->in[1].d, LIN_N, LIN_K), COPY(r->in[2].d, LIN_N),
                                     COPY(r->dy, r->T, LIN_N), COPY(r->in[0].x, r->T, LIN_K)));
}

static void linear_plain(const struct run *r, double *y)
{
    for (int64_t i = 0; i < r->T * LIN_N; i++) {
        const float *x = r->in[0].x + i / LIN_N * LIN_K, *w = r->in[1].x + i % LIN_N * LIN_K;
        y[i] = (double)r->in[2].x[i % LIN_N];
        for (int k = 0; k < LIN_K; k++)
            y[i] += (double)x[k] * (double)w[k];
    }
}

/* The weight packed beforehand, where that makes a difference. */
static void packed_shape(struct run *r)
{
    linear_shape(r);
    r->saved_n[0] = LIN_N * LIN_K;
}

static void packed_forward(struct run *r)
{
    if (r->c.backend->packed_bytes(DTYPE_F32, LIN_N, LIN_K) == 0) {
        linear_forward(r);
        return;
    }
    ON_DEVICE(&r->c, op_pack(&r->c, tensor_packed(COPY(r->saved[0], LIN_N * LIN_K), DTYPE_F32, LIN_N, LIN_K),
                             COPY(r->in[1].x, LIN_N, LIN_K)));
    ON_DEVICE(&r->c, op_linear_fwd(&r->c, COPY(r->y, r->T, LIN_N), COPY(r->in[0].x, r->T, LIN_K),
                                   tensor_packed(COPY(r->saved[0], LIN_N * LIN_K), DTYPE_F32, LIN_N, LIN_K),
                                   COPY(r->in[2].x, LIN_N)));
}

static void linear_gelu_forward(struct run *r)
{
    ON_DEVICE(&r->c, op_linear_gelu_fwd(&r->c, COPY(r->y, r->T, LIN_N), COPY(r->saved[0], r->T, LIN_N),
                                        COPY(r->in[0].x, r->T, LIN_K), COPY(r->in[1].x, LIN_N, LIN_K),
                                        COPY(r->in[2].x, LIN_N)));
}

static void linear_gelu_backward(struct run *r)
{
    /* in place, both */
    ON_DEVICE(&r->c, op_gelu_bwd(&r->c, COPY(r->dy, r->T, LIN_N), COPY(r->saved[0], r->T, LIN_N),
                                 COPY(r->dy, r->T, LIN_N), COPY(r->saved[0], r->T, LIN_N)));
    linear_backward(r);
}

static void linear_gelu_plain(const struct run *r, double *y)
{
    linear_plain(r, y);
    for (int64_t i = 0; i < r->y_n; i++)
        y[i] = plain_gelu(y[i]);
}

/* ------------------------------------------------------------------ activations */

enum { ACT_H = 19 };

static void gelu_shape(struct run *r)
{
    operand(r, 0, "x", r->T * ACT_H, false);
    r->y_n = r->T * ACT_H;
}

static void gelu_forward(struct run *r)
{
    ON_DEVICE(&r->c, op_gelu_fwd(&r->c, COPY(r->y, r->y_n), COPY(r->in[0].x, r->y_n)));
}

static void gelu_backward(struct run *r)
{
    ON_DEVICE(&r->c, op_gelu_bwd(&r->c, COPY(r->in[0].d, r->y_n), TENSOR_NONE, COPY(r->dy, r->y_n),
                                 COPY(r->in[0].x, r->y_n)));
}

static void gelu_plain(const struct run *r, double *y)
{
    for (int64_t i = 0; i < r->y_n; i++)
        y[i] = plain_gelu((double)r->in[0].x[i]);
}

static void swiglu_shape(struct run *r)
{
    operand(r, 0, "u", r->T * 2 * ACT_H, false);
    r->y_n = r->T * ACT_H;
    r->saved_n[0] = r->y_n;
}

static void swiglu_forward(struct run *r)
{
    ON_DEVICE(&r->c, op_swiglu_fwd(&r->c, COPY(r->y, r->T, ACT_H), COPY(r->in[0].x, r->T, 2 * ACT_H)));
}

static void swiglu_backward(struct run *r)
{
    ON_DEVICE(&r->c, op_swiglu_bwd(&r->c, COPY(r->in[0].d, r->T, 2 * ACT_H), COPY(r->saved[0], r->T, ACT_H),
                                   COPY(r->dy, r->T, ACT_H), COPY(r->in[0].x, r->T, 2 * ACT_H)));
}

static void swiglu_plain(const struct run *r, double *y)
{
    for (int64_t i = 0; i < r->y_n; i++) {
        const float *u = r->in[0].x + i / ACT_H * 2 * ACT_H + i % ACT_H;
        y[i] = (double)u[0] / (1 + exp(-(double)u[0])) * (double)u[ACT_H];
    }
}

/* ------------------------------------------------------------------ rows */

enum { ROW_C = 43 };

static void layernorm_shape(struct run *r)
{
    operand(r, 0, "x", r->T * ROW_C, false);
    operand(r, 1, "w", ROW_C, true);
    operand(r, 2, "b", ROW_C, true);
    r->y_n = r->T * ROW_C;
    r->saved_n[0] = r->saved_n[1] = r->T;
}

static void layernorm_forward(struct run *r)
{
    ON_DEVICE(&r->c, op_layernorm_fwd(&r->c, COPY(r->y, r->T, ROW_C), COPY(r->saved[0], r->T), COPY(r->saved[1], r->T),
                                      COPY(r->in[0].x, r->T, ROW_C), COPY(r->in[1].x, ROW_C), COPY(r->in[2].x, ROW_C),
                                      1e-6f));
}

static void layernorm_backward(struct run *r)
{
    ON_DEVICE(&r->c, op_layernorm_bwd(&r->c, COPY(r->in[0].d, r->T, ROW_C), COPY(r->in[1].d, ROW_C),
                                      COPY(r->in[2].d, ROW_C), COPY(r->dy, r->T, ROW_C), COPY(r->in[0].x, r->T, ROW_C),
                                      COPY(r->saved[0], r->T), COPY(r->saved[1], r->T), COPY(r->in[1].x, ROW_C)));
}

static void layernorm_plain(const struct run *r, double *y)
{
    for (int64_t t = 0; t < r->T; t++) {
        const float *x = r->in[0].x + t * ROW_C;
        double mean = 0, variance = 0;
        for (int i = 0; i < ROW_C; i++)
            mean += (double)x[i] / ROW_C;
        for (int i = 0; i < ROW_C; i++)
            variance += ((double)x[i] - mean) * ((double)x[i] - mean) / ROW_C;
        for (int i = 0; i < ROW_C; i++)
            y[t * ROW_C + i] =
                ((double)x[i] - mean) / sqrt(variance + 1e-6) * (double)r->in[1].x[i] + (double)r->in[2].x[i];
    }
}

/* Every other row, last first. */
static int64_t some_rows(struct run *r)
{
    int64_t M = (r->T + 1) / 2;
    for (int64_t i = 0; i < M && r->rows; i++)
        r->rows[i] = r->T - 1 - 2 * i;
    return M;
}

/* y = x with rows added back to themselves: x, then x[rows] += x[rows]; gathers and scatters at once. */
static void rows_shape(struct run *r)
{
    operand(r, 0, "x", r->T * ROW_C, false);
    r->y_n = r->T * ROW_C;
    r->saved_n[0] = r->y_n;
}

static void rows_forward(struct run *r)
{
    int64_t M = some_rows(r);
    ON_DEVICE(&r->c, op_copy(&r->c, COPY(r->y, r->T, ROW_C), COPY(r->in[0].x, r->T, ROW_C)));
    ON_DEVICE(&r->c, op_gather_rows(&r->c, COPY(r->saved[0], M, ROW_C), COPY(r->in[0].x, r->T, ROW_C),
                                    COPY(r->rows, M)));
    ON_DEVICE(&r->c, op_scatter_add_rows(&r->c, COPY(r->y, r->T, ROW_C), COPY(r->saved[0], M, ROW_C),
                                         COPY(r->rows, M)));
}

static void rows_backward(struct run *r)
{
    int64_t M = some_rows(r);
    ON_DEVICE(&r->c, op_copy(&r->c, COPY(r->in[0].d, r->T, ROW_C), COPY(r->dy, r->T, ROW_C)));
    ON_DEVICE(&r->c, op_gather_rows(&r->c, COPY(r->saved[0], M, ROW_C), COPY(r->dy, r->T, ROW_C), COPY(r->rows, M)));
    ON_DEVICE(&r->c, op_scatter_add_rows(&r->c, COPY(r->in[0].d, r->T, ROW_C), COPY(r->saved[0], M, ROW_C),
                                         COPY(r->rows, M)));
}

static bool is_some_row(const struct run *r, int64_t t)
{
    return (r->T - 1 - t) % 2 == 0;
}

static void rows_plain(const struct run *r, double *y)
{
    for (int64_t i = 0; i < r->y_n; i++)
        y[i] = (double)r->in[0].x[i] * (is_some_row(r, i / ROW_C) ? 2 : 1);
}

/* y = x; y[rows] += 1.5 gamma r. x's gradient is dy itself: passed through by a copy. */
static void residual_shape(struct run *r)
{
    operand(r, 0, "x", r->T * ROW_C, false);
    operand(r, 1, "r", (r->T + 1) / 2 * ROW_C, false);
    operand(r, 2, "gamma", ROW_C, true);
    r->y_n = r->T * ROW_C;
    r->saved_n[0] = r->T;
}

static void residual_forward(struct run *r)
{
    int64_t M = some_rows(r);
    ON_DEVICE(&r->c, op_fill(&r->c, COPY(r->saved[0], M), 1.5f));
    ON_DEVICE(&r->c, op_copy(&r->c, COPY(r->y, r->T, ROW_C), COPY(r->in[0].x, r->T, ROW_C)));
    ON_DEVICE(&r->c, op_residual_fwd(&r->c, COPY(r->y, r->T, ROW_C), COPY(r->in[1].x, M, ROW_C),
                                     COPY(r->in[2].x, ROW_C), COPY(r->rows, M), COPY(r->saved[0], M)));
}

static void residual_backward(struct run *r)
{
    int64_t M = some_rows(r);
    ON_DEVICE(&r->c, op_copy(&r->c, COPY(r->in[0].d, r->T, ROW_C), COPY(r->dy, r->T, ROW_C)));
    ON_DEVICE(&r->c, op_residual_bwd(&r->c, COPY(r->in[1].d, M, ROW_C), COPY(r->in[2].d, ROW_C),
                                     COPY(r->dy, r->T, ROW_C), COPY(r->in[1].x, M, ROW_C), COPY(r->in[2].x, ROW_C),
                                     COPY(r->rows, M), COPY(r->saved[0], M)));
}

static void residual_plain(const struct run *r, double *y)
{
    for (int64_t t = 0; t < r->T; t++)
        for (int i = 0; i < ROW_C; i++) {
            y[t * ROW_C + i] = (double)r->in[0].x[t * ROW_C + i];
            if (is_some_row(r, t))
                y[t * ROW_C + i] += 1.5 * (double)r->in[2].x[i] * (double)r->in[1].x[(r->T - 1 - t) / 2 * ROW_C + i];
        }
}

/* A second branch, which is undone. */
static void residual_undone_forward(struct run *r)
{
    int64_t M = some_rows(r);
    residual_forward(r);
    ON_DEVICE(&r->c, op_residual_fwd(&r->c, COPY(r->y, r->T, ROW_C), COPY(r->in[1].x, M, ROW_C),
                                     COPY(r->in[2].x, ROW_C), COPY(r->rows, M), TENSOR_NONE));
    ON_DEVICE(&r->c, op_residual_undo(&r->c, COPY(r->y, r->T, ROW_C), COPY(r->in[1].x, M, ROW_C),
                                      COPY(r->in[2].x, ROW_C), COPY(r->rows, M), TENSOR_NONE));
}

/* Without gamma, rows and scale: y = x + r. */
static void residual_bare_shape(struct run *r)
{
    operand(r, 0, "x", r->T * ROW_C, false);
    operand(r, 1, "r", r->T * ROW_C, false);
    r->y_n = r->T * ROW_C;
}

static void residual_bare_forward(struct run *r)
{
    ON_DEVICE(&r->c, op_copy(&r->c, COPY(r->y, r->T, ROW_C), COPY(r->in[0].x, r->T, ROW_C)));
    ON_DEVICE(&r->c, op_residual_fwd(&r->c, COPY(r->y, r->T, ROW_C), COPY(r->in[1].x, r->T, ROW_C), TENSOR_NONE,
                                     TENSOR_NONE, TENSOR_NONE));
}

static void residual_bare_backward(struct run *r)
{
    ON_DEVICE(&r->c, op_copy(&r->c, COPY(r->in[0].d, r->T, ROW_C), COPY(r->dy, r->T, ROW_C)));
    ON_DEVICE(&r->c, op_residual_bwd(&r->c, COPY(r->in[1].d, r->T, ROW_C), TENSOR_NONE, COPY(r->dy, r->T, ROW_C),
                                     COPY(r->in[1].x, r->T, ROW_C), TENSOR_NONE, TENSOR_NONE, TENSOR_NONE));
}

static void residual_bare_plain(const struct run *r, double *y)
{
    for (int64_t i = 0; i < r->y_n; i++)
        y[i] = (double)r->in[0].x[i] + (double)r->in[1].x[i];
}

/* ------------------------------------------------------------------ attention: two groups of segments */

enum { ATT_NH = 3, ATT_HD = 5, ATT_C = ATT_NH * ATT_HD, ATT_SHORT = 4, ATT_N_SHORT = 3 };

static void attention_segments(const struct run *r, int64_t seg[3][2])
{
    seg[0][0] = 1, seg[0][1] = r->T;                  /* one of T rows */
    seg[1][0] = 0, seg[1][1] = 7;                     /* none of a group survived drop path */
    seg[2][0] = ATT_N_SHORT, seg[2][1] = ATT_SHORT;   /* a few short ones */
}

static int64_t attention_rows(const struct run *r)
{
    return r->T + ATT_N_SHORT * ATT_SHORT;
}

static void attention_shape(struct run *r)
{
    operand(r, 0, "qkv", attention_rows(r) * 3 * ATT_C, false);
    r->y_n = attention_rows(r) * ATT_C;
    r->saved_n[0] = attention_rows(r) * ATT_NH;
}

static void attention_forward(struct run *r)
{
    int64_t seg[3][2], rows = attention_rows(r);
    attention_segments(r, seg);
    ON_DEVICE(&r->c, op_attention_fwd(&r->c, COPY(r->y, rows, ATT_C), COPY(r->saved[0], rows, ATT_NH),
                                      COPY(r->in[0].x, rows, 3 * ATT_C), seg, 3, ATT_NH));
}

static void attention_backward(struct run *r)
{
    int64_t seg[3][2], rows = attention_rows(r);
    attention_segments(r, seg);
    ON_DEVICE(&r->c, op_attention_bwd(&r->c, COPY(r->in[0].d, rows, 3 * ATT_C), COPY(r->dy, rows, ATT_C),
                                      COPY(r->y, rows, ATT_C), COPY(r->saved[0], rows, ATT_NH),
                                      COPY(r->in[0].x, rows, 3 * ATT_C), seg, 3, ATT_NH));
}

static void attention_plain_row(const struct run *r, double *y, int64_t row, int64_t first, int64_t N, int head)
{
    const float *q = r->in[0].x + row * 3 * ATT_C + head * ATT_HD;
    double sum = 0, *out = y + row * ATT_C + head * ATT_HD;
    memset(out, 0, ATT_HD * sizeof *out);
    for (int64_t j = first; j < first + N; j++) {
        const float *k = r->in[0].x + j * 3 * ATT_C + ATT_C + head * ATT_HD, *v = k + ATT_C;
        double s = 0;
        for (int i = 0; i < ATT_HD; i++)
            s += (double)q[i] * (double)k[i];
        double p = exp(s / sqrt(ATT_HD));
        sum += p;
        for (int i = 0; i < ATT_HD; i++)
            out[i] += p * (double)v[i];
    }
    for (int i = 0; i < ATT_HD; i++)
        out[i] /= sum;
}

static void attention_plain(const struct run *r, double *y)
{
    for (int64_t row = 0; row < attention_rows(r); row++)
        for (int head = 0; head < ATT_NH; head++) {
            int64_t s = row < r->T ? 0 : r->T + (row - r->T) / ATT_SHORT * ATT_SHORT;
            attention_plain_row(r, y, row, s, row < r->T ? r->T : ATT_SHORT, head);
        }
}

/* ------------------------------------------------------------------ tokens: T patches an image */

enum { TOK_B = 3, TOK_R = 2, TOK_C = 70 };

static void tokens_shape(struct run *r)
{
    operand(r, 0, "patches", TOK_B * r->T * TOK_C, false);
    operand(r, 1, "cls", TOK_C, true);
    operand(r, 2, "pos", (1 + r->T) * TOK_C, true);
    operand(r, 3, "reg", TOK_R * TOK_C, true);
    operand(r, 4, "mask_token", TOK_C, true);
    r->y_n = TOK_B * (1 + TOK_R + r->T) * TOK_C;
}

static struct tensor token_masks(struct run *r)
{
    for (int64_t i = 0; i < TOK_B * r->T && r->masks; i++)
        r->masks[i] = i % 5 == 1;
    return COPY(r->masks, TOK_B, r->T);
}

static void tokens_forward(struct run *r)
{
    ON_DEVICE(&r->c, op_tokens_fwd(&r->c, COPY(r->y, TOK_B, 1 + TOK_R + r->T, TOK_C),
                                   COPY(r->in[0].x, TOK_B * r->T, TOK_C), COPY(r->in[1].x, TOK_C),
                                   COPY(r->in[2].x, 1 + r->T, TOK_C), COPY(r->in[3].x, TOK_R, TOK_C),
                                   COPY(r->in[4].x, TOK_C), token_masks(r)));
}

static void tokens_backward(struct run *r)
{
    ON_DEVICE(&r->c, op_tokens_bwd(&r->c, COPY(r->in[0].d, TOK_B * r->T, TOK_C), COPY(r->in[1].d, TOK_C),
                                   COPY(r->in[2].d, 1 + r->T, TOK_C), COPY(r->in[3].d, TOK_R, TOK_C),
                                   COPY(r->in[4].d, TOK_C), COPY(r->dy, TOK_B, 1 + TOK_R + r->T, TOK_C),
                                   token_masks(r)));
}

static void tokens_plain(const struct run *r, double *y)
{
    int64_t N = 1 + TOK_R + r->T;
    for (int64_t i = 0; i < r->y_n; i++) {
        int64_t b = i / TOK_C / N, t = i / TOK_C % N, j = t - 1 - TOK_R, c = i % TOK_C;
        if (t == 0)
            y[i] = (double)r->in[1].x[c] + (double)r->in[2].x[c];
        else if (j < 0)
            y[i] = (double)r->in[3].x[(t - 1) * TOK_C + c];
        else
            y[i] = (double)(r->masks[b * r->T + j] ? r->in[4].x[c] : r->in[0].x[(b * r->T + j) * TOK_C + c]) +
                   (double)r->in[2].x[(1 + j) * TOK_C + c];
    }
}

/* ------------------------------------------------------------------ interpolation: M = 9, to T % 23 + 1 x 4 */

enum { INT_M = 9, INT_W = 4, INT_C = 6 };

static int64_t interp_height(const struct run *r)
{
    return r->T % 23 + 1;
}

static void interp_shape(struct run *r)
{
    operand(r, 0, "x", INT_M * INT_M * INT_C, true);
    r->y_n = interp_height(r) * INT_W * INT_C;
    r->saved_n[0] = interp_height(r) * INT_M;
    r->saved_n[1] = INT_W * INT_M;
}

static void interp_weights(struct run *r)
{
    if (op_planning(&r->c))
        return;
    positions_axis(r->saved[0], INT_M, interp_height(r), r->T % 2 ? 0.1 : 0, r->T % 3);
    positions_axis(r->saved[1], INT_M, INT_W, r->T % 2 ? 0.1 : 0, r->T % 3);
}

static void interp_forward(struct run *r)
{
    interp_weights(r);
    ON_DEVICE(&r->c, op_interp_fwd(&r->c, COPY(r->y, interp_height(r) * INT_W, INT_C),
                                   COPY(r->in[0].x, INT_M * INT_M, INT_C), COPY(r->saved[0], interp_height(r), INT_M),
                                   COPY(r->saved[1], INT_W, INT_M)));
}

static void interp_backward(struct run *r)
{
    ON_DEVICE(&r->c, op_interp_bwd(&r->c, COPY(r->in[0].d, INT_M * INT_M, INT_C),
                                   COPY(r->dy, interp_height(r) * INT_W, INT_C),
                                   COPY(r->saved[0], interp_height(r), INT_M), COPY(r->saved[1], INT_W, INT_M)));
}

static void interp_plain(const struct run *r, double *y)
{
    for (int64_t at = 0; at < r->y_n; at++) {
        int64_t i = at / INT_C / INT_W, j = at / INT_C % INT_W, c = at % INT_C;
        y[at] = 0;
        for (int m = 0; m < INT_M; m++)
            for (int n = 0; n < INT_M; n++)
                y[at] += (double)r->saved[0][i * INT_M + m] * (double)r->saved[1][j * INT_M + n] *
                         (double)r->in[0].x[(m * INT_M + n) * INT_C + c];
    }
}

/* ------------------------------------------------------------------ images of T % 7 + 1 patches in a row */

enum { IMG_B = 2, IMG_P = 5, IMG_GH = 3 };

static int64_t image_columns(const struct run *r)
{
    return r->T % 7 + 1;
}

static void patchify_shape(struct run *r)
{
    r->y_n = IMG_B * IMG_GH * image_columns(r) * 3 * IMG_P * IMG_P;
    operand(r, 0, "image", r->y_n, false);
    r->saved_n[0] = (r->y_n + 3) / 4; /* the same as bytes */
}

static void patchify_forward(struct run *r)
{
    int64_t gw = image_columns(r);
    ON_DEVICE(&r->c, op_patchify_fwd(&r->c, COPY(r->y, IMG_B * IMG_GH * gw, 3 * IMG_P * IMG_P),
                                     COPY(r->in[0].x, IMG_B, 3, IMG_GH * IMG_P, gw * IMG_P), IMG_P));
}

/* Which pixel element `at` of the patches is: image, colour, row, column. */
static void patch_pixel(const struct run *r, int64_t at, int64_t from[4])
{
    int64_t gw = image_columns(r), row = at / (3 * IMG_P * IMG_P), k = at % (3 * IMG_P * IMG_P);
    from[0] = row / (IMG_GH * gw);
    from[1] = k / (IMG_P * IMG_P);
    from[2] = row / gw % IMG_GH * IMG_P + k / IMG_P % IMG_P;
    from[3] = row % gw * IMG_P + k % IMG_P;
}

static void patchify_plain(const struct run *r, double *y)
{
    int64_t H = IMG_GH * IMG_P, W = image_columns(r) * IMG_P, s[4];
    for (int64_t at = 0; at < r->y_n; at++) {
        patch_pixel(r, at, s);
        y[at] = (double)r->in[0].x[((s[0] * 3 + s[1]) * H + s[2]) * W + s[3]];
    }
}

static const struct pixel_norm NORM = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};

static void patchify_u8_forward(struct run *r)
{
    int64_t gw = image_columns(r);
    uint8_t *pixels = (uint8_t *)r->saved[0];
    for (int64_t i = 0; i < r->y_n && pixels; i++)
        pixels[i] = (uint8_t)(i * 37 + i / 11);
    ON_DEVICE(&r->c, op_patchify_u8_fwd(&r->c, COPY(r->y, IMG_B * IMG_GH * gw, 3 * IMG_P * IMG_P),
                                        COPY(pixels, IMG_B, IMG_GH * IMG_P, gw * IMG_P, 3), IMG_P, NORM));
}

static void patchify_u8_plain(const struct run *r, double *y)
{
    int64_t H = IMG_GH * IMG_P, W = image_columns(r) * IMG_P, s[4];
    const uint8_t *pixels = (const uint8_t *)r->saved[0];
    for (int64_t at = 0; at < r->y_n; at++) {
        patch_pixel(r, at, s);
        y[at] = ((double)pixels[((s[0] * H + s[2]) * W + s[3]) * 3 + s[1]] / 255 - (double)NORM.mean[s[1]]) /
                (double)NORM.std[s[1]];
    }
}

/* ------------------------------------------------------------------ whole arrays */
/* y = x^T with 2 x added, the sum of squares, a quotient of two doubles, and x[0] by way of bf16 */

static void arrays_shape(struct run *r)
{
    operand(r, 0, "x", r->T * ROW_C, false);
    r->y_n = r->T * ROW_C + 3;
    r->saved_n[0] = 5; /* two doubles, a bf16 */
}

static void arrays_forward(struct run *r)
{
    double squares = 0;
    int64_t n = r->T * ROW_C;
    ON_DEVICE(&r->c, op_transpose(&r->c, COPY(r->y, ROW_C, r->T), COPY(r->in[0].x, r->T, ROW_C)));
    ON_DEVICE(&r->c, op_axpy(&r->c, COPY(r->y, n), 2, COPY(r->in[0].x, n)));
    ON_DEVICE(&r->c, op_sum_squares(&r->c, &squares, COPY(r->in[0].x, n)));
    if (!op_planning(&r->c))
        r->y[n] = (float)squares;
    double *f64 = (double *)(void *)r->saved[0];
    ON_DEVICE(&r->c, op_fill(&r->c, COPY(f64, 1), 7));
    ON_DEVICE(&r->c, op_copy(&r->c, COPY(f64 ? f64 + 1 : f64, 1), COPY(f64, 1)));
    ON_DEVICE(&r->c, op_divide(&r->c, COPY(r->y ? r->y + n + 1 : r->y, 1), COPY(f64 ? f64 + 1 : f64, 1), 3));
    uint16_t *bf16 = (uint16_t *)(void *)(f64 ? f64 + 2 : f64);
    ON_DEVICE(&r->c, op_convert(&r->c, COPY(bf16, 1), COPY(r->in[0].x, 1)));
    ON_DEVICE(&r->c, op_convert(&r->c, COPY(r->y ? r->y + n + 2 : r->y, 1), COPY(bf16, 1)));
}

static void arrays_plain(const struct run *r, double *y)
{
    int64_t n = r->T * ROW_C;
    y[n] = 0;
    for (int64_t i = 0; i < n; i++) {
        y[i] = (double)r->in[0].x[i % r->T * ROW_C + i / r->T] + 2 * (double)r->in[0].x[i];
        y[n] += (double)r->in[0].x[i] * (double)r->in[0].x[i];
    }
    y[n + 1] = 7.0 / 3;
    y[n + 2] = (double)bf16_to_f32(f32_to_bf16(r->in[0].x[0]));
}

/* ------------------------------------------------------------------ the list */

static const struct op_case cases[] = {
    {" linear_fwd linear_bwd_x linear_bwd_w ", linear_shape, linear_forward, linear_backward, linear_plain},
    {" linear_fwd pack ", packed_shape, packed_forward, NULL, linear_plain},
    {" linear_gelu_fwd gelu_bwd ", linear_shape, linear_gelu_forward, linear_gelu_backward, linear_gelu_plain},
    {" gelu_fwd gelu_bwd ", gelu_shape, gelu_forward, gelu_backward, gelu_plain},
    {" swiglu_fwd swiglu_bwd ", swiglu_shape, swiglu_forward, swiglu_backward, swiglu_plain},
    {" layernorm_fwd layernorm_bwd ", layernorm_shape, layernorm_forward, layernorm_backward, layernorm_plain},
    {" gather_rows scatter_add_rows copy ", rows_shape, rows_forward, rows_backward, rows_plain},
    {" residual_fwd residual_bwd fill ", residual_shape, residual_forward, residual_backward, residual_plain},
    {" residual_undo ", residual_shape, residual_undone_forward, residual_backward, residual_plain},
    {" residual_fwd residual_bwd ", residual_bare_shape, residual_bare_forward, residual_bare_backward,
     residual_bare_plain},
    {" attention_fwd attention_bwd ", attention_shape, attention_forward, attention_backward, attention_plain},
    {" tokens_fwd tokens_bwd ", tokens_shape, tokens_forward, tokens_backward, tokens_plain},
    {" interp_fwd interp_bwd ", interp_shape, interp_forward, interp_backward, interp_plain},
    {" patchify_fwd ", patchify_shape, patchify_forward, NULL, patchify_plain},
    {" patchify_u8_fwd ", patchify_shape, patchify_u8_forward, NULL, patchify_u8_plain},
    {" transpose axpy sum_squares fill copy divide convert ", arrays_shape, arrays_forward, NULL, arrays_plain},
};

#endif
