/* op-cases-rows.h - the cases of test-op.c whose rows do not know each other: linear layers, activations, norms, rows
 * that are gathered, residuals.
 */
#ifndef OP_CASES_ROWS_H
#define OP_CASES_ROWS_H

#include "op-case.h"

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

#endif
