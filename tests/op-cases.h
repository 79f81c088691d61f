/* op-cases.h - all cases of test-op.c (op-case.h). One test includes it.
 */
#ifndef OP_CASES_H
#define OP_CASES_H

#include "num.h"
#include "op-cases-rows.h"
#include "op-cases-tokens.h"

/* ------------------------------------------------------------------ whole arrays */
/* y = x^T with 2 x added, the sum of squares, a quotient of two doubles, x[0] by way of bf16, the squares of runs */

enum { RUN = 7 }; /* elements */

static void arrays_shape(struct run *r)
{
    operand(r, 0, "x", r->T * ROW_C, false);
    r->y_n = r->T * ROW_C + 3 + num_ceil_div(r->T * ROW_C, RUN);
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
    double *each = calloc((size_t)num_ceil_div(n, RUN), sizeof *each);
    ON_DEVICE(&r->c, op_sum_squares_each(&r->c, each, COPY(r->in[0].x, n), RUN));
    for (int64_t i = 0; i < num_ceil_div(n, RUN) && !op_planning(&r->c); i++)
        r->y[n + 3 + i] = (float)each[i];
    free(each);
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
    for (int64_t i = 0; i < n; i++) {
        double *run = &y[n + 3 + i / RUN], square = (double)r->in[0].x[i] * (double)r->in[0].x[i];
        *run = i % RUN ? *run + square : square;
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
    {" transpose axpy sum_squares sum_squares_each fill copy divide convert ", arrays_shape, arrays_forward, NULL,
     arrays_plain},
};

#endif
