/* attention-products.c - attention by products of float32 (gemm.h): for processors without tiles.
 *
 * One item is one head of one segment: it transposes its keys to [HD,N] once, then works on one tile of query rows
 * after the other, whose scores [rows,N] fit into the second-level cache: product, softmax in place (exponentials only;
 * the sum divides the tile's output at the end), product. Nothing N x N is stored: backward computes the probabilities
 * of a tile again from lse, the log of the sum of exponentials of each row.
 *
 *   p = exp(scale s - lse)   dv += p^T do   dp = do v^T   ds = scale p (dp - rowsum(do o))   dq = ds k   dk += ds^T q
 *
 * The tiles of a segment depend on its length alone and dk, dv are summed over them in order, so the bits depend
 * neither on threads nor on other segments.
 */
#include <math.h>
#include <string.h>

#include "attention.h"

/* Scores of a tile: 320 KiB of f32, so that they and the keys and values of a head fit into a second-level cache of
 * 512 KiB. Rows of a tile and elements of a row are multiples of 16, a cache line of f32. */
enum { SCORES_MAX = 81920, ROUND = 16 };

struct attention {
    struct attention_cut cut;
    float *o, *lse_out, *dqkv;
    const float *qkv, *d_o, *o_in, *lse;
    int64_t C, NH, HD;
    float scale;
    float *scratch;
    int64_t scratch_floats; /* of a worker */
};

static int64_t round_up(int64_t n)
{
    return num_ceil_div(n, ROUND) * ROUND;
}

/* Elements from one row of scores to the next: no multiple of 256 (1 KiB), whose rows would compete for the same cache
 * sets in the walk down a column. */
static int64_t score_stride(int64_t N)
{
    int64_t n = round_up(N);
    return n % 256 == 0 ? n + ROUND : n;
}

static struct tiling query_tiles(int64_t N)
{
    return tiling_within(N, num_max(ROUND, SCORES_MAX / score_stride(N) / ROUND * ROUND), ROUND);
}

/* -- forward -- */

static void softmax_rows(const struct attention *a, float *s, int64_t ld, struct attention_item p, int64_t r0,
                         int64_t n, float *factor)
{
    for (int64_t r = 0; r < n; r++) {
        float *row = s + r * ld;
        float scale2 = a->scale * ATTENTION_LOG2_E, shift2 = row_loops()->max(row, p.N) * scale2;
        float sum = row_loops()->exp2_sum(row, scale2, shift2, p.N);
        factor[r] = 1.0f / sum;
        if (a->lse_out)
            a->lse_out[(p.first + r0 + r) * a->NH + p.head] = shift2 / ATTENTION_LOG2_E + logf(sum);
    }
}

static void forward_item(void *arg, int64_t item, int worker)
{
    const struct attention *a = arg;
    struct attention_item p = attention_item(&a->cut, item);
    int64_t ld = score_stride(p.N), ldq = 3 * a->C;
    struct tiling tiles = query_tiles(p.N);
    float *kt = a->scratch + worker * a->scratch_floats, *s = kt + a->HD * ld, *factor = s + tiles.height * ld;
    const float *q = a->qkv + p.first * ldq + p.head * a->HD, *k = q + a->C, *v = k + a->C;
    elementwise_loops()->transpose(kt, ld, k, ldq, p.N, a->HD);
    for (int64_t i = 0; i < tiles.n; i++) {
        int64_t r0 = tile_first(tiles, i), n = tile_rows(tiles, i);
        float *o = a->o + (p.first + r0) * a->C + p.head * a->HD;
        gemm_f32(false, false, n, p.N, a->HD, 1, q + r0 * ldq, ldq, kt, ld, 0, s, ld);
        softmax_rows(a, s, ld, p, r0, n, factor);
        gemm_f32(false, false, n, a->HD, p.N, 1, s, ld, v, ldq, 0, o, a->C);
        for (int64_t r = 0; r < n; r++)
            elementwise_loops()->scale(o + r * a->C, factor[r], o + r * a->C, a->HD);
    }
}

/* n_scores: how many matrices of scores, and of transposed keys or values, an item needs at once. */
static void attention_run(struct op_ctx *c, struct attention *a, int64_t n_scores,
                          void (*item)(void *arg, int64_t item, int worker))
{
    int64_t N = attention_longest(&a->cut);
    if (N == 0)
        return;
    size_t mark = c->scratch->used;
    a->HD = a->C / a->NH;
    a->scale = 1.0f / sqrtf((float)a->HD);
    struct tiling tiles = query_tiles(N);
    /* Shorter segments have more rows in a tile: no more than SCORES_MAX scores hold in the narrowest rows, and evening
     * out the tiles (query_tiles) adds up to ROUND rows. */
    int64_t rows = num_max(tiles.height, num_min(N, SCORES_MAX / ROUND)) + ROUND;
    int64_t scores = num_max(SCORES_MAX, tiles.height * score_stride(N)) + ROUND * score_stride(N);
    a->scratch_floats = round_up(n_scores * (a->HD * score_stride(N) + scores) + rows);
    a->scratch = CPU_TAKE(c, float, a->scratch_floats * op_workers(c));
    op_for(c, attention_items(&a->cut), item, a);
    c->scratch->used = mark;
}

/* bf16 by way of float32. */
static void forward_bf16(struct op_ctx *c, struct tensor o, struct tensor lse, struct tensor qkv,
                         const int64_t (*seg)[2], int n_seg, int NH)
{
    size_t mark = c->scratch->used;
    struct tensor o32 = TENSOR_TAKE(c->scratch, DTYPE_F32, o.dims[0], o.dims[1]);
    struct tensor qkv32 = TENSOR_TAKE(c->scratch, DTYPE_F32, qkv.dims[0], qkv.dims[1]);
    cpu_convert(c, qkv32, qkv);
    attention_products_fwd(c, o32, lse, qkv32, seg, n_seg, NH);
    cpu_convert(c, o, o32);
    c->scratch->used = mark;
}

void attention_products_fwd(struct op_ctx *c, struct tensor o, struct tensor lse, struct tensor qkv,
                            const int64_t (*seg)[2], int n_seg, int NH)
{
    if (o.dtype == DTYPE_BF16) {
        forward_bf16(c, o, lse, qkv, seg, n_seg, NH);
        return;
    }
    struct attention a = {.o = cpu_f32(o), .lse_out = cpu_f32(lse), .qkv = cpu_f32(qkv), .C = o.dims[1], .NH = NH,
                          .cut = {.seg = seg, .n_seg = n_seg, .NH = NH}};
    attention_run(c, &a, 1, forward_item);
}

/* -- backward -- */

/* s: scores, then probabilities; dp: their gradients, then those of the scores. */
static void softmax_bwd_rows(const struct attention *a, float *s, float *dp, int64_t ld, struct attention_item p,
                             int64_t r0, int64_t n)
{
    for (int64_t r = 0; r < n; r++) {
        int64_t row = p.first + r0 + r, at = row * a->C + p.head * a->HD;
        float delta = row_loops()->dot(a->d_o + at, a->o_in + at, a->HD);
        float lse2 = a->lse[row * a->NH + p.head] * ATTENTION_LOG2_E;
        row_loops()->softmax_bwd(s + r * ld, dp + r * ld, a->scale * ATTENTION_LOG2_E, lse2, a->scale, delta, p.N);
    }
}

static void backward_item(void *arg, int64_t item, int worker)
{
    const struct attention *a = arg;
    struct attention_item p = attention_item(&a->cut, item);
    int64_t ld = score_stride(p.N), ldq = 3 * a->C, HD = a->HD;
    struct tiling tiles = query_tiles(p.N);
    float *kt = a->scratch + worker * a->scratch_floats, *vt = kt + HD * ld, *s = vt + HD * ld;
    float *dp = s + tiles.height * ld;
    const float *q = a->qkv + p.first * ldq + p.head * HD, *k = q + a->C, *v = k + a->C;
    float *dq = a->dqkv + p.first * ldq + p.head * HD, *dk = dq + a->C, *dv = dk + a->C;
    elementwise_loops()->transpose(kt, ld, k, ldq, p.N, HD);
    elementwise_loops()->transpose(vt, ld, v, ldq, p.N, HD);
    for (int64_t i = 0; i < tiles.n; i++) {
        int64_t r0 = tile_first(tiles, i), n = tile_rows(tiles, i);
        const float *qi = q + r0 * ldq, *doi = a->d_o + (p.first + r0) * a->C + p.head * HD;
        float beta = i ? 1 : 0;
        gemm_f32(false, false, n, p.N, HD, 1, qi, ldq, kt, ld, 0, s, ld);
        gemm_f32(false, false, n, p.N, HD, 1, doi, a->C, vt, ld, 0, dp, ld);
        softmax_bwd_rows(a, s, dp, ld, p, r0, n);
        gemm_f32(true, false, p.N, HD, n, 1, s, ld, doi, a->C, beta, dv, ldq);
        gemm_f32(true, false, p.N, HD, n, 1, dp, ld, qi, ldq, beta, dk, ldq);
        gemm_f32(false, false, n, HD, p.N, 1, dp, ld, k, ldq, 0, dq + r0 * ldq, ldq);
    }
}

static void backward_bf16(struct op_ctx *c, struct tensor dqkv, struct tensor d_o, struct tensor o, struct tensor lse,
                          struct tensor qkv, const int64_t (*seg)[2], int n_seg, int NH)
{
    const struct tensor narrow[] = {dqkv, d_o, o, qkv};
    struct tensor wide[4];
    size_t mark = c->scratch->used;
    for (int i = 0; i < 4; i++) {
        wide[i] = TENSOR_TAKE(c->scratch, DTYPE_F32, narrow[i].dims[0], narrow[i].dims[1]);
        if (i > 0)
            cpu_convert(c, wide[i], narrow[i]);
    }
    attention_products_bwd(c, wide[0], wide[1], wide[2], lse, wide[3], seg, n_seg, NH);
    cpu_convert(c, dqkv, wide[0]);
    c->scratch->used = mark;
}

void attention_products_bwd(struct op_ctx *c, struct tensor dqkv, struct tensor d_o, struct tensor o, struct tensor lse,
                            struct tensor qkv, const int64_t (*seg)[2], int n_seg, int NH)
{
    if (o.dtype == DTYPE_BF16) {
        backward_bf16(c, dqkv, d_o, o, lse, qkv, seg, n_seg, NH);
        return;
    }
    struct attention a = {.dqkv = cpu_f32(dqkv), .qkv = cpu_f32(qkv), .d_o = cpu_f32(d_o), .o_in = cpu_f32(o),
                          .lse = cpu_f32(lse), .C = o.dims[1], .NH = NH,
                          .cut = {.seg = seg, .n_seg = n_seg, .NH = NH}};
    attention_run(c, &a, 2, backward_item);
}
