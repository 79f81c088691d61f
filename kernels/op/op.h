/* op.h - the operations that networks and losses are made of.
 *
 * The boundary between host and device: a plain pointer is host memory, a struct tensor is on the device. Data cross
 * it in op_copy_in, op_copy_out and op_borrow only, and in an operation's `out`, one result for the host.
 *
 *   struct op_ctx c = {.backend = device.backend, .pool = device.pool, .scratch = &scratch};   device: device_open
 *   struct tensor x = TENSOR_TAKE(&arena, DTYPE_F32, T, C), y = TENSOR_TAKE(&arena, DTYPE_F32, T, C);
 *   op_copy_in(&c, x, pixels);
 *   op_gelu_fwd(&c, y, x);
 *   op_copy_out(&c, host, y);
 *   status = op_sync(&c, &error);
 *
 * An operation checks shapes and element types once, here, and calls the backend of its context (backend.h).
 * Operations may be asynchronous, so errors are sticky: a step runs straight through and op_sync reports at the end;
 * after an error every operation does nothing.
 *
 * Scratch of an operation is taken from c->scratch and released before it returns. While the scratch arena is
 * planning (device-arena.h) operations check shapes and count scratch, and touch no data: run the code
 * once to plan, then again with memory.
 *
 * Results do not depend on the number of threads: work is cut by shapes alone, sums have a fixed order. pool NULL
 * means this thread only, also inside a parallel loop of the caller (one context per worker then).
 *
 * A backend is a folder beside kernels/cpu with files of the same names (kernels/cuda/layernorm.cu), one of which
 * fills in a struct backend by including ops.def (kernels/cuda/backend-cuda.c); a line in
 * kernels/device/device-list.c; and in the Makefile a rule for its sources, its folder in KERNEL_DIRS, a line
 * MAY_INCLUDE_kernels/cuda, and the folder in that of kernels/device. tests/op compares it with the CPU.
 *
 * Letters: T rows, C channels, B images or crops, H, W height and width, N tokens of an image = 1 + R registers + P
 * patches, NH heads, K inputs of a product, M rows that are listed, G side of the stored grid of positions. "+=":
 * accumulates, "=": is overwritten. Operands are F32 where no element type is given; "either" is F32 or BF16. Unless
 * said otherwise an output must not overlap an input. An optional operand is TENSOR_NONE.
 */
#ifndef OP_H
#define OP_H

#include <stdbool.h>
#include <stdint.h>

#include "backend.h"
#include "device-arena.h"
#include "fmt.h"
#include "pixel-norm.h"
#include "tensor.h"
#include "thread.h"

struct op_ctx {
    const struct backend *backend;
    struct thread_pool *pool;
    struct device_arena *scratch;
    struct fmt_error error; /* the first one; status FMT_OK: none */
};

int op_sync(struct op_ctx *c, struct fmt_error *e); /* waits; the sticky error or 0; clears it */

/* -- between host and device: the only crossings -- */
void op_copy_in(struct op_ctx *c, struct tensor to, const void *host);  /* has read the host's memory when it returns */
void op_copy_out(struct op_ctx *c, void *host, struct tensor from);     /* waits */
/* The host's data as an operand that is only read: OP_BORROW(c, arena, DTYPE_U8, pixels, B, H, W, 3). A copy, taken
 * from the arena; on a backend that computes in the host's memory that memory itself, and nothing is taken. The host
 * must not modify it until the arena is reset. */
#define OP_BORROW(c, arena, dtype, host, ...) \
    op_borrow((c), (arena), (dtype), (host), TENSOR_COUNT(__VA_ARGS__), (const int64_t[]){__VA_ARGS__})
struct tensor op_borrow(struct op_ctx *c, struct device_arena *a, enum dtype dtype, const void *host, int n_dims,
                        const int64_t *dims);

/* -- for backends and for operations of other modules -- */
bool op_planning(const struct op_ctx *c);                     /* or failed: check shapes, touch nothing */
bool op_check(struct op_ctx *c, bool good, const char *what); /* !good: FMT_MISMATCH "what"; returns good */
/* t is element type `dtype` with exactly these dimensions, else the sticky error "op: operand is ..., not ...". */
#define OP_SHAPE(c, op, t, type, ...) \
    op_shape((c), op ": " #t, (t), (type), TENSOR_COUNT(__VA_ARGS__), (int64_t[]){__VA_ARGS__})
bool op_shape(struct op_ctx *c, const char *what, struct tensor t, enum dtype dtype, int n_dims, const int64_t *dims);
/* work(arg, item, worker) for all items, over the pool; worker < op_workers(c). */
void op_for(struct op_ctx *c, int64_t n_items, void (*work)(void *arg, int64_t item, int worker), void *arg);
int op_workers(const struct op_ctx *c);

/* -- products -- */

/* What a product computes in follows from the element types of its operands. x F32: in float32, w F32, y F32. x BF16:
 * in bf16 with sums in float32; w F32 (rounded to bf16) or packed BF16; or packed I8: each row of x is quantised, sums
 * are exact. The bias is added before the result is rounded to y's type, F32 or BF16; GELU is that of the rounded
 * value, as published mixed precision has it. */

/* packed (tensor_packed) = w [N,K] in the backend's own order: F32 exactly, BF16 rounded */
void op_pack(struct op_ctx *c, struct tensor packed, struct tensor w);
/* q [N,K] I8 = round(w[n,k] smoothing[k] / scale[n]), -127 to 127, symmetric by output channel: scale [N] = max over k
 * of |w[n,k] smoothing[k]| / 127, which is NaN, with q = 0, where one is not finite. smoothing [K] (optional) is
 * positive and moves the range of columns of x to the weight (SmoothQuant, Xiao et al. 2022). */
void op_quantize(struct op_ctx *c, struct tensor q, struct tensor scale, struct tensor w, struct tensor smoothing);
/* packed I8 = the weight that op_quantize made. Products with it quantise the rows of x, asymmetric: v = x[t,k] /
 * smoothing[k] becomes round((v - offset) / scale), offset the middle and scale 1 / 254 of the row's range. */
void op_pack_int8(struct op_ctx *c, struct tensor packed, struct tensor q, struct tensor scale,
                  struct tensor smoothing);

/* y [T,N] = x [T,K] w [N,K]^T + b [N] (optional); w may be packed in both forward products */
void op_linear_fwd(struct op_ctx *c, struct tensor y, struct tensor x, struct tensor w, struct tensor b);
/* u [T,N] = x w^T + b, a [T,N] = gelu(u), of one type; u optional (where no backward follows) */
void op_linear_gelu_fwd(struct op_ctx *c, struct tensor a, struct tensor u, struct tensor x, struct tensor w,
                        struct tensor b);
/* dx [T,K] = dy [T,N] w [N,K]: in float32, or with dy BF16 in bf16, w rounded and dx either */
void op_linear_bwd_x(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor w);
/* dw [N,K] += dy [T,N]^T x [T,K]; db [N] (optional) += column sums of dy; dy, x either, of one type */
void op_linear_bwd_w(struct op_ctx *c, struct tensor dw, struct tensor db, struct tensor dy, struct tensor x);

/* -- activations: element by element -- */

/* y = 0.5 x (1 + erf(x / sqrt 2)); y may be x */
void op_gelu_fwd(struct op_ctx *c, struct tensor y, struct tensor x);
/* dx = dy gelu'(x), dx may be dy; y (optional) = gelu(x), which is computed anyway; y may be x; all either, of one
 * type */
void op_gelu_bwd(struct op_ctx *c, struct tensor dx, struct tensor y, struct tensor dy, struct tensor x);
/* y [T,h] = silu(u[:, :h]) * u[:, h:], u [T,2h]; both either, of one type */
void op_swiglu_fwd(struct op_ctx *c, struct tensor y, struct tensor u);
/* du [T,2h] = ..., du may be u; y (optional) [T,h] = the forward value, may be dy; all either, of one type */
void op_swiglu_bwd(struct op_ctx *c, struct tensor du, struct tensor y, struct tensor dy, struct tensor u);

/* -- rows -- */

/* y [T,C] either = (x - mean) rstd w + b, biased variance, eps under the root; mean, rstd [T] for backward (optional,
 * both or neither); without them y may be x */
void op_layernorm_fwd(struct op_ctx *c, struct tensor y, struct tensor mean, struct tensor rstd, struct tensor x,
                      struct tensor w, struct tensor b, float eps);
/* dx [T,C] = ..., may be dy; dw, db [C] += ... */
void op_layernorm_bwd(struct op_ctx *c, struct tensor dx, struct tensor dw, struct tensor db, struct tensor dy,
                      struct tensor x, struct tensor mean, struct tensor rstd, struct tensor w);
/* y [M,C] = x[rows[i]], rows [M] i64 */
void op_gather_rows(struct op_ctx *c, struct tensor y, struct tensor x, struct tensor rows);
/* x[rows[i]] += y[i], no row twice */
void op_scatter_add_rows(struct op_ctx *c, struct tensor x, struct tensor y, struct tensor rows);
/* largest [C] = the largest magnitude in each column of x[rows[i]], of not finite values any; x [T,C], rows [n] i64
 * (optional: all) */
void op_column_magnitudes(struct op_ctx *c, struct tensor largest, struct tensor x, struct tensor rows);
/* x[rows[i]] += scale[i] gamma r[i]: the end of a branch. r [M,C] either; gamma [C], scale [M], rows [M] optional
 * (1, 1, all rows in order); no row twice */
void op_residual_fwd(struct op_ctx *c, struct tensor x, struct tensor r, struct tensor gamma, struct tensor rows,
                     struct tensor scale);
/* x[rows[i]] -= scale[i] gamma r[i]: x before op_residual_fwd, but for a rounding of float32 */
void op_residual_undo(struct op_ctx *c, struct tensor x, struct tensor r, struct tensor gamma, struct tensor rows,
                      struct tensor scale);
/* dr [M,C] = scale[i] gamma dx[rows[i]], F32, or either if r is BF16; dgamma [C] += sum scale[i] r[i] dx[rows[i]] (left
 * out with gamma) */
void op_residual_bwd(struct op_ctx *c, struct tensor dr, struct tensor dgamma, struct tensor dx, struct tensor r,
                     struct tensor gamma, struct tensor rows, struct tensor scale);

/* -- attention -- */

/* o [T,C] = softmax(q k^T / sqrt(C / NH)) v in each segment of rows and each head; qkv [T,3C]. seg (host memory, also
 * while planning) cuts the rows into segments: seg[i][0] segments of seg[i][1] rows each, one entry after the other;
 * together they are all T rows. lse [T,NH] (optional): log of the sum of exponentials, for backward. qkv, o, d_o, dqkv
 * are either, of one type: in bf16 products have sums in float32, softmax is in float32. */
void op_attention_fwd(struct op_ctx *c, struct tensor o, struct tensor lse, struct tensor qkv, const int64_t (*seg)[2],
                      int n_seg, int NH);
/* dqkv [T,3C] = ... from d_o [T,C] and what forward gave */
void op_attention_bwd(struct op_ctx *c, struct tensor dqkv, struct tensor d_o, struct tensor o, struct tensor lse,
                      struct tensor qkv, const int64_t (*seg)[2], int n_seg, int NH);

/* -- images and tokens -- */

/* y [B*gh*gw, 3*p*p] = patches of x [B,3,H,W] f32, already normalised; column c*p*p + ky*p + kx */
void op_patchify_fwd(struct op_ctx *c, struct tensor y, struct tensor x, int p);
/* the same from pixels x [B,H,W,3] u8: (x / 255 - mean[c]) / std[c] */
void op_patchify_u8_fwd(struct op_ctx *c, struct tensor y, struct tensor x, int p, struct pixel_norm norm);
/* x [B,1+R+P,C] = [cls + pos[0] | reg | patch (mask_token where masked) + pos[1..]]; patches [B*P,C], cls [C],
 * pos [1+P,C], reg [R,C] (optional), mask_token [C] and masks [B,P] u8 (optional) */
void op_tokens_fwd(struct op_ctx *c, struct tensor x, struct tensor patches, struct tensor cls, struct tensor pos,
                   struct tensor reg, struct tensor mask_token, struct tensor masks);
/* dpatches [B*P,C] = ... (0 where masked); dcls, dpos, dreg, dmask_token += ... */
void op_tokens_bwd(struct op_ctx *c, struct tensor dpatches, struct tensor dcls, struct tensor dpos, struct tensor dreg,
                   struct tensor dmask_token, struct tensor dx, struct tensor masks);
/* y [oh*ow,C] = resampled x [G*G,C]; wy [oh,G], wx [ow,G] f32: the weights of each axis, zero but for a few taps */
void op_interp_fwd(struct op_ctx *c, struct tensor y, struct tensor x, struct tensor wy, struct tensor wx);
/* dx [G*G,C] += the transposed weights of dy [oh*ow,C] */
void op_interp_bwd(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor wy, struct tensor wx);

/* y [K,N] = x [N,K] transposed */
void op_transpose(struct op_ctx *c, struct tensor y, struct tensor x);

/* -- whole arrays, any shape -- */

void op_fill(struct op_ctx *c, struct tensor x, double value);               /* x: f32 or f64 */
void op_copy(struct op_ctx *c, struct tensor y, struct tensor x);           /* y = x, of any element type */
/* y = x, F32 to BF16 (to nearest, ties to even) or BF16 to F32 */
void op_convert(struct op_ctx *c, struct tensor y, struct tensor x);
/* y f32 = x f64 / divisor: a mean of sums */
void op_divide(struct op_ctx *c, struct tensor y, struct tensor x, double divisor);
void op_axpy(struct op_ctx *c, struct tensor y, double a, struct tensor x); /* y += a x; f32 or f64 */
/* *out = sum of squares, in double, in fixed order; NaN or infinity where x has one (host memory, waits) */
void op_sum_squares(struct op_ctx *c, double *out, struct tensor x);
/* The same of runs of `each` elements of x [n], the last one of the rest: out [n / each, rounded up] */
void op_sum_squares_each(struct op_ctx *c, double *out, struct tensor x, int64_t each);

#endif
