/* loops.h - the hot loops of the CPU operations, one table per topic and instruction set (isa.h). A loop works on one
 * row or one stretch of memory; the operations cut the work and call them from several threads.
 */
#ifndef LOOPS_H
#define LOOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "isa.h"

/* simd-activation.c; formulas in op.h. swiglu_bwd's outputs may be its inputs */
struct activation_loops {
    /* u = x + b, a = gelu(u); u, b may be NULL; a, u may be x */
    void (*bias_gelu)(float *a, float *u, const float *x, const float *b, int64_t n);
    void (*bf16_gelu)(uint16_t *y, const uint16_t *x, int64_t n); /* y may be x */
    void (*gelu_bwd)(float *dx, float *y, const float *dy, const float *x, int64_t n); /* y may be NULL */
    /* dx may be dy, y may be x */
    void (*bf16_gelu_bwd)(uint16_t *dx, uint16_t *y, const uint16_t *dy, const uint16_t *x, int64_t n);
    void (*swiglu_fwd)(float *y, const float *gate, const float *value, int64_t n);
    /* y may be NULL */
    void (*swiglu_bwd)(float *dgate, float *dvalue, float *y, const float *dy, const float *gate, const float *value,
                       int64_t n);
};

/* simd-rows.c: sums over a row, in 16 partial sums that are added as a tree */
struct row_loops {
    float (*max)(const float *x, int64_t n); /* n > 0; passes over NaN but in x[0] (exp2_sum then shows it) */
    float (*exp2_sum)(float *x, float scale, float shift, int64_t n); /* x = 2^(scale x - shift); their sum */
    float (*dot)(const float *x, const float *y, int64_t n);
    /* p = 2^(scale2 p - lse2), dp = scale p (dp - delta) */
    void (*softmax_bwd)(float *p, float *dp, float scale2, float lse2, float scale, float delta, int64_t n);
    void (*layernorm_fwd)(float *y, float *mean, float *rstd, const float *x, const float *w, const float *b, float eps,
                          int64_t n);
    /* dx may be dy; dw, db: += */
    void (*layernorm_bwd)(float *dx, float *dw, float *db, const float *dy, const float *x, const float *w, float mean,
                          float rstd, int64_t n);
    double (*sum_squares)(const float *x, int64_t n);
};

/* simd-elementwise.c */
struct elementwise_loops {
    void (*add)(float *y, const float *x, int64_t n);                 /* y += x */
    void (*axpy)(float *y, float a, const float *x, int64_t n);       /* y += a x */
    void (*scale)(float *y, float a, const float *x, int64_t n);      /* y = a x; y may be x */
    void (*scale_add)(float *y, float a, const float *x, const float *g, int64_t n);  /* y += a g x */
    void (*scale_by)(float *y, float a, const float *x, const float *g, int64_t n);   /* y = a g x */
    void (*product_add)(float *y, float a, const float *x, const float *z, int64_t n); /* y += a x z */
    void (*pixels)(float *y, const uint8_t *x, float scale, float shift, int64_t n); /* y = x[3 i] scale + shift */
    /* y [n,m] = x [m,n] transposed, rows of x and y ldx, ldy elements apart */
    void (*transpose)(float *y, int64_t ldy, const float *x, int64_t ldx, int64_t m, int64_t n);
};

/* simd-convert.c; no array may be another one */
struct convert_loops {
    void (*to_bf16)(uint16_t *y, const float *x, int64_t n);
    void (*from_bf16)(float *y, const uint16_t *x, int64_t n);
    void (*bf16_scale_add)(float *y, float a, const uint16_t *x, const float *g, int64_t n); /* y += a g x; g NULL: 1 */
};

/* simd-quantize.c: integers of -QUANTIZE_MAX to QUANTIZE_MAX. Rows of weights are symmetric: v = scale q. Rows of
 * inputs are asymmetric: v = offset + scale q, the offset being the middle of the row's range. It is added as a float,
 * so there is no zero point that had to be rounded. */
enum { QUANTIZE_MAX = 127 };
struct quantized_row {
    float scale, offset;
};
struct quantize_loops {
    /* v = x g: q = round(v / scale), returns scale = max |v| / QUANTIZE_MAX: NaN, and q = 0, where a v is not finite */
    float (*quantize_weight_row)(int8_t *q, const float *x, const float *g, int64_t n);
    /* v = x g: q = round((v - offset) / scale), scale = the width of the range of v / (2 QUANTIZE_MAX); NaN as above */
    struct quantized_row (*quantize_input_row)(int8_t *q, const uint16_t *x, const float *g, int64_t n);
    /* y = (sums scale + q_sum offset) channel + b. For each of n output channels: sums, of the products of the weight's
     * integers with the row's; q_sum, of the weight's integers; channel, the weight's scale. b may be NULL */
    void (*to_f32)(float *y, const int32_t *sums, struct quantized_row row, const float *channel, const float *q_sum,
                   const float *b, int64_t n);
    void (*to_bf16)(uint16_t *y, const int32_t *sums, struct quantized_row row, const float *channel,
                    const float *q_sum, const float *b, int64_t n);
};

/* Before a loop whose iterations do not depend on each other, though its output may be its input. */
#ifdef __clang__
#define LOOP_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define LOOP_INDEPENDENT _Pragma("GCC ivdep")
#endif

#ifndef ISA
ISA_TABLE(const struct activation_loops, activation_loops)
ISA_TABLE(const struct row_loops, row_loops)
ISA_TABLE(const struct elementwise_loops, elementwise_loops)
ISA_TABLE(const struct convert_loops, convert_loops)
ISA_TABLE(const struct quantize_loops, quantize_loops)
#endif

#endif
