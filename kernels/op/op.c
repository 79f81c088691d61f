/* op.c - every operation checks its shapes and element types here, once for all backends, and is dispatched. A check
 * that fails leaves its message in the context and the operation undone.
 */
#include "op.h"

#include <stdio.h>

/* ------------------------------------------------------------------ the context */

int op_sync(struct op_ctx *c, struct fmt_error *e)
{
    if (c->backend->sync)
        c->backend->sync(c);
    int status = (int)c->error.status;
    if (status)
        fmt_fail(e, c->error.status, "%s", c->error.text);
    c->error = (struct fmt_error){0};
    return status;
}

bool op_planning(const struct op_ctx *c)
{
    return device_arena_planning(c->scratch) || c->error.status;
}

bool op_check(struct op_ctx *c, bool good, const char *what)
{
    if (!good && !c->error.status)
        fmt_fail(&c->error, FMT_MISMATCH, "%s", what);
    return good && !c->error.status;
}

/* An operand that lies elsewhere, as host memory does, is an error of the caller that no CPU would notice. */
static bool is_on_device(const struct op_ctx *c, struct tensor t)
{
    size_t bytes = (size_t)tensor_elements(t) * dtype_bytes(t.dtype);
    return bytes == 0 || op_planning(c) || !c->backend->owns || c->backend->owns(t.data, bytes);
}

/* Bytes of a tensor to copy; 0 while planning, after an error and of a tensor without memory, which is one. */
static size_t bytes_to_copy(struct op_ctx *c, struct tensor t)
{
    size_t bytes = (size_t)tensor_elements(t) * dtype_bytes(t.dtype);
    if (op_planning(c) || bytes == 0)
        return 0;
    bool good = op_check(c, t.data.at != 0, "copy: a tensor has no memory") &&
                op_check(c, is_on_device(c, t), "copy: a tensor is not in the memory of the device");
    return good ? bytes : 0;
}

void op_copy_in(struct op_ctx *c, struct tensor to, const void *host)
{
    size_t bytes = bytes_to_copy(c, to);
    if (bytes)
        c->backend->copy_in(c, to.data, host, bytes);
}

void op_copy_out(struct op_ctx *c, void *host, struct tensor from)
{
    size_t bytes = bytes_to_copy(c, from);
    if (bytes)
        c->backend->copy_out(c, host, from.data, bytes);
}

struct tensor op_borrow(struct op_ctx *c, struct device_arena *a, enum dtype dtype, const void *host, int n_dims,
                        const int64_t *dims)
{
    if (!c->backend->computes_in_host_memory) {
        struct tensor copy = device_arena_take(a, dtype, n_dims, dims);
        op_copy_in(c, copy, host);
        return copy;
    }
    struct tensor t = {.dtype = dtype, .n_dims = n_dims};
    for (int i = 0; i < n_dims; i++)
        t.dims[i] = dims[i];
    if (!op_planning(c))
        t.data.at = (uintptr_t)host;
    return t;
}

bool op_shape(struct op_ctx *c, const char *what, struct tensor t, enum dtype dtype, int n_dims, const int64_t *dims)
{
    struct tensor expected = {.dtype = dtype, .n_dims = n_dims};
    for (int i = 0; i < n_dims; i++)
        expected.dims[i] = dims[i];
    bool same = tensor_same_shape(t, expected);
    if (c->error.status)
        return false;
    if (!same) {
        char is[96], should[96];
        fmt_fail(&c->error, FMT_MISMATCH, "%s is %s, not %s", what, tensor_text(t, is), tensor_text(expected, should));
    } else if (!t.data.at && tensor_elements(t) && !op_planning(c)) {
        fmt_fail(&c->error, FMT_MISMATCH, "%s has no memory", what);
    } else if (!is_on_device(c, t)) {
        fmt_fail(&c->error, FMT_MISMATCH, "%s is not in the memory of the device", what);
    }
    return !c->error.status;
}

void op_for(struct op_ctx *c, int64_t n_items, void (*work)(void *arg, int64_t item, int worker), void *arg)
{
    if (op_planning(c))
        return;
    if (c->pool)
        thread_for(c->pool, n_items, work, arg);
    else
        for (int64_t item = 0; item < n_items; item++)
            work(arg, item, 0);
}

int op_workers(const struct op_ctx *c)
{
    return thread_workers(c->pool);
}

/* ------------------------------------------------------------------ checks */

/* `what`: "op: operand", made by the macros from the names that the contract uses. */
#define SHAPE(op, t, ...) OP_SHAPE(c, op, t, DTYPE_F32, __VA_ARGS__)
#define OPTIONAL(op, t, ...) (!tensor_given(t) || SHAPE(op, t, __VA_ARGS__))
#define SHAPE_I64(op, t, ...) OP_SHAPE(c, op, t, DTYPE_I64, __VA_ARGS__)

static int64_t dim(struct tensor t, int i)
{
    return i < t.n_dims ? t.dims[i] : 0;
}

/* F32 or BF16. */
static enum dtype either(struct tensor t)
{
    return t.dtype == DTYPE_BF16 ? DTYPE_BF16 : DTYPE_F32;
}
#define EITHER(op, t, ...) OP_SHAPE(c, op, t, either(t), __VA_ARGS__)

/* What goes with x is F32 if x is, and either if x is BF16. */
static enum dtype with(struct tensor x, struct tensor t)
{
    return x.dtype == DTYPE_BF16 ? either(t) : DTYPE_F32;
}
#define WITH(op, x, t, ...) OP_SHAPE(c, op, t, with(x, t), __VA_ARGS__)

/* The weight [N,K] of a forward product with x: F32, or packed in a type that goes with x, F32 or, of BF16, BF16 or
 * I8. */
static bool weight_shape(struct op_ctx *c, const char *what, struct tensor w, struct tensor x, int64_t N, int64_t K)
{
    enum dtype packed = x.dtype != DTYPE_BF16 ? DTYPE_F32 : w.dtype == DTYPE_I8 ? DTYPE_I8 : DTYPE_BF16;
    struct tensor elements = w;
    elements.packed = false;
    return op_shape(c, what, elements, w.packed ? packed : DTYPE_F32, 2, (int64_t[]){N, K});
}

static bool same(struct op_ctx *c, const char *what, struct tensor a, struct tensor b)
{
    return op_shape(c, what, a, DTYPE_F32, b.n_dims, b.dims);
}

/* Of b's type, F32 or BF16, too. */
static bool like(struct op_ctx *c, const char *what, struct tensor a, struct tensor b)
{
    return op_shape(c, what, a, either(b), b.n_dims, b.dims);
}

/* ------------------------------------------------------------------ products */

void op_linear_fwd(struct op_ctx *c, struct tensor y, struct tensor x, struct tensor w, struct tensor b)
{
    int64_t T = dim(x, 0), K = dim(x, 1), N = dim(w, 0);
    if (EITHER("linear_fwd", x, T, K) && WITH("linear_fwd", x, y, T, N) &&
        weight_shape(c, "linear_fwd: w", w, x, N, K) && OPTIONAL("linear_fwd", b, N))
        c->backend->linear_fwd(c, y, x, w, b);
}

void op_linear_gelu_fwd(struct op_ctx *c, struct tensor a, struct tensor u, struct tensor x, struct tensor w,
                        struct tensor b)
{
    int64_t T = dim(x, 0), K = dim(x, 1), N = dim(w, 0);
    if (EITHER("linear_gelu_fwd", x, T, K) && WITH("linear_gelu_fwd", x, a, T, N) &&
        (!tensor_given(u) || OP_SHAPE(c, "linear_gelu_fwd", u, a.dtype, T, N)) &&
        weight_shape(c, "linear_gelu_fwd: w", w, x, N, K) && OPTIONAL("linear_gelu_fwd", b, N))
        c->backend->linear_gelu_fwd(c, a, u, x, w, b);
}

void op_linear_bwd_x(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor w)
{
    int64_t T = dim(dy, 0), N = dim(w, 0), K = dim(w, 1);
    if (EITHER("linear_bwd_x", dy, T, N) && WITH("linear_bwd_x", dy, dx, T, K) && SHAPE("linear_bwd_x", w, N, K))
        c->backend->linear_bwd_x(c, dx, dy, w);
}

void op_linear_bwd_w(struct op_ctx *c, struct tensor dw, struct tensor db, struct tensor dy, struct tensor x)
{
    int64_t T = dim(dy, 0), N = dim(dy, 1), K = dim(x, 1);
    if (SHAPE("linear_bwd_w", dw, N, K) && OPTIONAL("linear_bwd_w", db, N) && EITHER("linear_bwd_w", dy, T, N) &&
        OP_SHAPE(c, "linear_bwd_w", x, either(dy), T, K))
        c->backend->linear_bwd_w(c, dw, db, dy, x);
}

/* ------------------------------------------------------------------ activations */

void op_gelu_fwd(struct op_ctx *c, struct tensor y, struct tensor x)
{
    if (same(c, "gelu_fwd: x", x, x) && same(c, "gelu_fwd: y", y, x))
        c->backend->gelu_fwd(c, y, x);
}

void op_gelu_bwd(struct op_ctx *c, struct tensor dx, struct tensor y, struct tensor dy, struct tensor x)
{
    if (like(c, "gelu_bwd: x", x, x) && like(c, "gelu_bwd: dx", dx, x) && like(c, "gelu_bwd: dy", dy, x) &&
        (!tensor_given(y) || like(c, "gelu_bwd: y", y, x)))
        c->backend->gelu_bwd(c, dx, y, dy, x);
}

void op_swiglu_fwd(struct op_ctx *c, struct tensor y, struct tensor u)
{
    int64_t T = dim(y, 0), h = dim(y, 1);
    if (EITHER("swiglu_fwd", y, T, h) && OP_SHAPE(c, "swiglu_fwd", u, either(y), T, 2 * h))
        c->backend->swiglu_fwd(c, y, u);
}

void op_swiglu_bwd(struct op_ctx *c, struct tensor du, struct tensor y, struct tensor dy, struct tensor u)
{
    int64_t T = dim(dy, 0), h = dim(dy, 1);
    if (EITHER("swiglu_bwd", u, T, 2 * h) && OP_SHAPE(c, "swiglu_bwd", du, either(u), T, 2 * h) &&
        (!tensor_given(y) || OP_SHAPE(c, "swiglu_bwd", y, either(u), T, h)) &&
        OP_SHAPE(c, "swiglu_bwd", dy, either(u), T, h))
        c->backend->swiglu_bwd(c, du, y, dy, u);
}

/* ------------------------------------------------------------------ rows */

void op_layernorm_fwd(struct op_ctx *c, struct tensor y, struct tensor mean, struct tensor rstd, struct tensor x,
                      struct tensor w, struct tensor b, float eps)
{
    int64_t T = dim(x, 0), C = dim(x, 1);
    if (EITHER("layernorm_fwd", y, T, C) && OPTIONAL("layernorm_fwd", mean, T) && OPTIONAL("layernorm_fwd", rstd, T) &&
        op_check(c, tensor_given(mean) == tensor_given(rstd), "layernorm_fwd: mean without rstd") &&
        SHAPE("layernorm_fwd", x, T, C) && SHAPE("layernorm_fwd", w, C) && SHAPE("layernorm_fwd", b, C))
        c->backend->layernorm_fwd(c, y, mean, rstd, x, w, b, eps);
}

void op_layernorm_bwd(struct op_ctx *c, struct tensor dx, struct tensor dw, struct tensor db, struct tensor dy,
                      struct tensor x, struct tensor mean, struct tensor rstd, struct tensor w)
{
    int64_t T = dim(x, 0), C = dim(x, 1);
    if (SHAPE("layernorm_bwd", dx, T, C) && SHAPE("layernorm_bwd", dw, C) && SHAPE("layernorm_bwd", db, C) &&
        SHAPE("layernorm_bwd", dy, T, C) && SHAPE("layernorm_bwd", x, T, C) && SHAPE("layernorm_bwd", mean, T) &&
        SHAPE("layernorm_bwd", rstd, T) && SHAPE("layernorm_bwd", w, C))
        c->backend->layernorm_bwd(c, dx, dw, db, dy, x, mean, rstd, w);
}

void op_gather_rows(struct op_ctx *c, struct tensor y, struct tensor x, struct tensor rows)
{
    int64_t M = dim(rows, 0), T = dim(x, 0), C = dim(x, 1);
    if (SHAPE("gather_rows", y, M, C) && SHAPE("gather_rows", x, T, C) && SHAPE_I64("gather_rows", rows, M))
        c->backend->gather_rows(c, y, x, rows);
}

void op_scatter_add_rows(struct op_ctx *c, struct tensor x, struct tensor y, struct tensor rows)
{
    int64_t M = dim(rows, 0), T = dim(x, 0), C = dim(x, 1);
    if (SHAPE("scatter_add_rows", x, T, C) && SHAPE("scatter_add_rows", y, M, C) &&
        SHAPE_I64("scatter_add_rows", rows, M))
        c->backend->scatter_add_rows(c, x, y, rows);
}

void op_column_magnitudes(struct op_ctx *c, struct tensor largest, struct tensor x, struct tensor rows)
{
    int64_t T = dim(x, 0), C = dim(x, 1), n = dim(rows, 0);
    if (SHAPE("column_magnitudes", largest, C) && SHAPE("column_magnitudes", x, T, C) &&
        (!tensor_given(rows) || SHAPE_I64("column_magnitudes", rows, n)))
        c->backend->column_magnitudes(c, largest, x, rows);
}

/* What both residual operations share: rows and scale belong to the M rows of a branch. */
static bool residual_shapes(struct op_ctx *c, struct tensor x, struct tensor r, struct tensor gamma, struct tensor rows,
                            struct tensor scale)
{
    int64_t M = dim(r, 0), C = dim(r, 1), T = tensor_given(rows) ? dim(x, 0) : M;
    return EITHER("residual", r, M, C) && SHAPE("residual", x, T, C) && OPTIONAL("residual", gamma, C) &&
           OPTIONAL("residual", scale, M) && (!tensor_given(rows) || SHAPE_I64("residual", rows, M));
}

void op_residual_fwd(struct op_ctx *c, struct tensor x, struct tensor r, struct tensor gamma, struct tensor rows,
                     struct tensor scale)
{
    if (residual_shapes(c, x, r, gamma, rows, scale))
        c->backend->residual_fwd(c, x, r, gamma, rows, scale);
}

void op_residual_undo(struct op_ctx *c, struct tensor x, struct tensor r, struct tensor gamma, struct tensor rows,
                      struct tensor scale)
{
    if (residual_shapes(c, x, r, gamma, rows, scale))
        c->backend->residual_undo(c, x, r, gamma, rows, scale);
}

void op_residual_bwd(struct op_ctx *c, struct tensor dr, struct tensor dgamma, struct tensor dx, struct tensor r,
                     struct tensor gamma, struct tensor rows, struct tensor scale)
{
    int64_t M = dim(r, 0), C = dim(r, 1);
    if (WITH("residual_bwd", r, dr, M, C) &&
        op_check(c, tensor_given(dgamma) == tensor_given(gamma), "residual_bwd: gamma without dgamma") &&
        OPTIONAL("residual_bwd", dgamma, C) && residual_shapes(c, dx, r, gamma, rows, scale))
        c->backend->residual_bwd(c, dr, dgamma, dx, r, gamma, rows, scale);
}

/* ------------------------------------------------------------------ attention */

static bool attention_shapes(struct op_ctx *c, struct tensor o, struct tensor lse, struct tensor qkv,
                             const int64_t (*seg)[2], int n_seg, int NH)
{
    int64_t T = dim(o, 0), C = dim(o, 1), rows = 0;
    for (int i = 0; i < n_seg; i++)
        rows += seg[i][0] * seg[i][1];
    return op_check(c, NH > 0 && C % NH == 0, "attention: the heads do not divide the width") &&
           EITHER("attention", o, T, C) && OPTIONAL("attention", lse, T, (int64_t)NH) &&
           OP_SHAPE(c, "attention", qkv, either(o), T, 3 * C) &&
           op_check(c, rows == T, "attention: the segments do not fill the rows");
}

void op_attention_fwd(struct op_ctx *c, struct tensor o, struct tensor lse, struct tensor qkv, const int64_t (*seg)[2],
                      int n_seg, int NH)
{
    if (attention_shapes(c, o, lse, qkv, seg, n_seg, NH))
        c->backend->attention_fwd(c, o, lse, qkv, seg, n_seg, NH);
}

void op_attention_bwd(struct op_ctx *c, struct tensor dqkv, struct tensor d_o, struct tensor o, struct tensor lse,
                      struct tensor qkv, const int64_t (*seg)[2], int n_seg, int NH)
{
    int64_t T = dim(o, 0), C = dim(o, 1);
    if (OP_SHAPE(c, "attention_bwd", dqkv, either(o), T, 3 * C) &&
        OP_SHAPE(c, "attention_bwd", d_o, either(o), T, C) &&
        SHAPE("attention_bwd", lse, T, (int64_t)NH) && attention_shapes(c, o, lse, qkv, seg, n_seg, NH))
        c->backend->attention_bwd(c, dqkv, d_o, o, lse, qkv, seg, n_seg, NH);
}

/* ------------------------------------------------------------------ images and tokens */

static bool patch_shapes(struct op_ctx *c, struct tensor y, int64_t B, int64_t H, int64_t W, int64_t p)
{
    return op_check(c, p > 0 && H % p == 0 && W % p == 0, "patchify: the image is no multiple of the patch") &&
           SHAPE("patchify", y, B * (H / p) * (W / p), 3 * p * p);
}

void op_patchify_fwd(struct op_ctx *c, struct tensor y, struct tensor x, int p)
{
    int64_t B = dim(x, 0), H = dim(x, 2), W = dim(x, 3);
    if (SHAPE("patchify_fwd", x, B, 3, H, W) && patch_shapes(c, y, B, H, W, p))
        c->backend->patchify_fwd(c, y, x, p);
}

void op_patchify_u8_fwd(struct op_ctx *c, struct tensor y, struct tensor x, int p, struct pixel_norm norm)
{
    int64_t B = dim(x, 0), H = dim(x, 1), W = dim(x, 2);
    if (OP_SHAPE(c, "patchify_u8_fwd", x, DTYPE_U8, B, H, W, 3) && patch_shapes(c, y, B, H, W, p))
        c->backend->patchify_u8_fwd(c, y, x, p, norm);
}

void op_tokens_fwd(struct op_ctx *c, struct tensor x, struct tensor patches, struct tensor cls, struct tensor pos,
                   struct tensor reg, struct tensor mask_token, struct tensor masks)
{
    int64_t B = dim(x, 0), C = dim(x, 2), R = dim(reg, 0), P = dim(x, 1) - 1 - R;
    if (op_check(c, P >= 0, "tokens_fwd: fewer rows than registers") && SHAPE("tokens_fwd", x, B, 1 + R + P, C) &&
        SHAPE("tokens_fwd", patches, B * P, C) && SHAPE("tokens_fwd", cls, C) && SHAPE("tokens_fwd", pos, 1 + P, C) &&
        OPTIONAL("tokens_fwd", reg, R, C) && (!tensor_given(masks) || SHAPE("tokens_fwd", mask_token, C)) &&
        (!tensor_given(masks) || OP_SHAPE(c, "tokens_fwd", masks, DTYPE_U8, B, P)))
        c->backend->tokens_fwd(c, x, patches, cls, pos, reg, mask_token, masks);
}

void op_tokens_bwd(struct op_ctx *c, struct tensor dpatches, struct tensor dcls, struct tensor dpos, struct tensor dreg,
                   struct tensor dmask_token, struct tensor dx, struct tensor masks)
{
    int64_t B = dim(dx, 0), C = dim(dx, 2), R = dim(dreg, 0), P = dim(dx, 1) - 1 - R;
    if (op_check(c, P >= 0, "tokens_bwd: fewer rows than registers") && SHAPE("tokens_bwd", dpatches, B * P, C) &&
        SHAPE("tokens_bwd", dcls, C) && SHAPE("tokens_bwd", dpos, 1 + P, C) && OPTIONAL("tokens_bwd", dreg, R, C) &&
        (!tensor_given(masks) || SHAPE("tokens_bwd", dmask_token, C)) && SHAPE("tokens_bwd", dx, B, 1 + R + P, C) &&
        (!tensor_given(masks) || OP_SHAPE(c, "tokens_bwd", masks, DTYPE_U8, B, P)))
        c->backend->tokens_bwd(c, dpatches, dcls, dpos, dreg, dmask_token, dx, masks);
}

static bool interp_shapes(struct op_ctx *c, struct tensor small, struct tensor grid, struct tensor wy, struct tensor wx)
{
    int64_t oh = dim(wy, 0), ow = dim(wx, 0), G = dim(wy, 1), C = dim(grid, 1);
    return SHAPE("interp", wy, oh, G) && SHAPE("interp", wx, ow, G) && SHAPE("interp", grid, G * G, C) &&
           SHAPE("interp", small, oh * ow, C);
}

void op_interp_fwd(struct op_ctx *c, struct tensor y, struct tensor x, struct tensor wy, struct tensor wx)
{
    if (interp_shapes(c, y, x, wy, wx))
        c->backend->interp_fwd(c, y, x, wy, wx);
}

void op_interp_bwd(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor wy, struct tensor wx)
{
    if (interp_shapes(c, dy, dx, wy, wx))
        c->backend->interp_bwd(c, dx, dy, wy, wx);
}

/* ------------------------------------------------------------------ whole arrays */

void op_transpose(struct op_ctx *c, struct tensor y, struct tensor x)
{
    int64_t N = dim(x, 0), K = dim(x, 1);
    if (SHAPE("transpose", y, K, N) && SHAPE("transpose", x, N, K))
        c->backend->transpose(c, y, x);
}

/* packed is a weight [N,K] in an order that the backend has. */
static bool check_packed(struct op_ctx *c, struct tensor packed, int64_t N, int64_t K)
{
    struct tensor order = packed;
    order.packed = false;
    bool has_order = packed.packed && c->backend->packed_bytes(packed.dtype, N, K) > 0;
    if (!has_order && c->backend->sync)
        c->backend->sync(c); /* memory that has run out is the reason, then */
    return op_check(c, has_order, "pack: no such order") &&
           op_shape(c, "pack: packed", order, packed.dtype, 2, (int64_t[]){N, K});
}

void op_pack(struct op_ctx *c, struct tensor packed, struct tensor w)
{
    int64_t N = dim(w, 0), K = dim(w, 1);
    if (check_packed(c, packed, N, K) && op_check(c, packed.dtype != DTYPE_I8, "pack: int8 is quantised first") &&
        SHAPE("pack", w, N, K))
        c->backend->pack(c, packed, w);
}

void op_quantize(struct op_ctx *c, struct tensor q, struct tensor scale, struct tensor w, struct tensor smoothing)
{
    int64_t N = dim(w, 0), K = dim(w, 1);
    if (OP_SHAPE(c, "quantize", q, DTYPE_I8, N, K) && SHAPE("quantize", scale, N) && SHAPE("quantize", w, N, K) &&
        OPTIONAL("quantize", smoothing, K))
        c->backend->quantize(c, q, scale, w, smoothing);
}

void op_pack_int8(struct op_ctx *c, struct tensor packed, struct tensor q, struct tensor scale,
                  struct tensor smoothing)
{
    int64_t N = dim(q, 0), K = dim(q, 1);
    if (check_packed(c, packed, N, K) && op_check(c, packed.dtype == DTYPE_I8, "pack_int8: not for another type") &&
        OP_SHAPE(c, "pack_int8", q, DTYPE_I8, N, K) && SHAPE("pack_int8", scale, N) &&
        OPTIONAL("pack_int8", smoothing, K))
        c->backend->pack_int8(c, packed, q, scale, smoothing);
}

void op_convert(struct op_ctx *c, struct tensor y, struct tensor x)
{
    enum dtype to = either(x) == DTYPE_F32 ? DTYPE_BF16 : DTYPE_F32;
    if (op_shape(c, "convert: x", x, either(x), x.n_dims, x.dims) && op_shape(c, "convert: y", y, to, x.n_dims, x.dims))
        c->backend->convert(c, y, x);
}

/* f32 or f64, of any shape. */
static bool floats(struct op_ctx *c, const char *what, struct tensor x)
{
    return op_shape(c, what, x, x.dtype == DTYPE_F64 ? DTYPE_F64 : DTYPE_F32, x.n_dims, x.dims);
}

void op_fill(struct op_ctx *c, struct tensor x, double value)
{
    if (floats(c, "fill: x", x))
        c->backend->fill(c, x, value);
}

void op_copy(struct op_ctx *c, struct tensor y, struct tensor x)
{
    if (op_shape(c, "copy: x", x, x.dtype, x.n_dims, x.dims) && op_shape(c, "copy: y", y, x.dtype, x.n_dims, x.dims))
        c->backend->copy(c, y, x);
}

void op_divide(struct op_ctx *c, struct tensor y, struct tensor x, double divisor)
{
    if (op_shape(c, "divide: x", x, DTYPE_F64, x.n_dims, x.dims) && same(c, "divide: y", y, x) &&
        op_check(c, divisor != 0, "divide: by zero"))
        c->backend->divide(c, y, x, divisor);
}

void op_axpy(struct op_ctx *c, struct tensor y, double a, struct tensor x)
{
    if (floats(c, "axpy: x", x) && op_shape(c, "axpy: y", y, x.dtype, x.n_dims, x.dims))
        c->backend->axpy(c, y, a, x);
}

void op_sum_squares(struct op_ctx *c, double *out, struct tensor x)
{
    if (same(c, "sum_squares: x", x, x))
        c->backend->sum_squares(c, out, x);
}

void op_sum_squares_each(struct op_ctx *c, double *out, struct tensor x, int64_t each)
{
    if (op_check(c, each > 0, "sum_squares_each: of no elements") && same(c, "sum_squares_each: x", x, x))
        c->backend->sum_squares_each(c, out, x, each);
}
