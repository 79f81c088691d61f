/* attention-bf16-backward.c - attention.c's formulas with products in bf16:
 *
 *   p = exp(scale s - lse)   ds = p (dp - rowsum(do o))   dv = p^T do   dk = scale ds^T q   dq = scale ds k
 *
 * p and ds are computed in float32 and rounded for the products, whose sums are float32. Scores are transposed here,
 * S^T = K Q^T: keys are the rows of a tile, queries its columns. So p^T and ds^T are rows as products need them for dv
 * and dk; for dq^T = K^T ds^T, rows of K^T, ds^T is stored in pairs of its rows besides.
 *
 * A block of keys meets one block of queries after another, both of such a size that what they need, 0.5 MiB, stays in
 * the second-level cache. dk and dv of the block of keys are summed meanwhile; dq, of all queries, in memory that grows
 * with the segment (256 bytes a row where heads have 64).
 */
#include <math.h>

#include "attention.h"
#include "bf16-tiles.h"
#include "msg.h"

#if defined(__x86_64__)
static const float LOG2_E = 1.44269504f;

/* A block has so many elements of a head, 288 rows of 64, and at least STEP rows: a multiple of STEP, which is one of
 * BF16_ROWS and of BF16_LANES. */
enum { BLOCK = 18432, STEP = 48 };

struct backward {
    struct attention_cut cut;
    uint16_t *dqkv;
    const uint16_t *qkv, *d_o, *o;
    const float *lse;
    int64_t C, HD, side; /* side: rows of a block */
    float scale;
    int64_t n_items, n_workers;
    uint8_t *scratch;
    int64_t scratch_bytes; /* of a worker */
};

/* A worker's scratch. */
struct room {
    uint16_t *q_columns, *d_o_columns; /* of a block of queries, packed: q^T, do^T [HD,queries] */
    uint16_t *q, *d_o;                 /* and q, do [queries,HD] */
    uint16_t *k_columns;               /* of a block of keys: rows of k^T [HD,keys] */
    uint16_t *ds_packed;               /* of both: ds^T [keys,queries] */
    uint16_t *k_tile, *v_tile;         /* [ROWS,HD] */
    uint16_t *p, *ds;                  /* of a tile of keys, [ROWS,queries], as are s and dp */
    float *s, *dp;
    float *dk, *dv;     /* of a block of keys, [keys,HD] */
    float *dq;          /* of all blocks of queries: dq^T [HD,queries] each */
    float *lse2, *delta; /* of all queries */
};

/* For N rows; returns the bytes it takes. base NULL: only that. */
static int64_t lay_out(struct room *m, const struct backward *a, uint8_t *base, int64_t N)
{
    const int64_t HD = a->HD, side = a->side, n_blocks = num_ceil_div(N, side), ROWS = BF16_ROWS;
    int64_t used = 0;
    m->q_columns = attention_carve(base, &used, bf16_packed(HD, side), sizeof *m->q_columns);
    m->d_o_columns = attention_carve(base, &used, bf16_packed(HD, side), sizeof *m->d_o_columns);
    m->q = attention_carve(base, &used, bf16_packed(side, HD), sizeof *m->q);
    m->d_o = attention_carve(base, &used, bf16_packed(side, HD), sizeof *m->d_o);
    m->k_columns = attention_carve(base, &used, bf16_tiles(HD) * bf16_stride(side), sizeof *m->k_columns);
    m->ds_packed = attention_carve(base, &used, bf16_packed(side, side), sizeof *m->ds_packed);
    m->k_tile = attention_carve(base, &used, ROWS * bf16_stride(HD), sizeof *m->k_tile);
    m->v_tile = attention_carve(base, &used, ROWS * bf16_stride(HD), sizeof *m->v_tile);
    m->p = attention_carve(base, &used, ROWS * bf16_stride(side), sizeof *m->p);
    m->ds = attention_carve(base, &used, ROWS * bf16_stride(side), sizeof *m->ds);
    m->s = attention_carve(base, &used, ROWS * bf16_stride(side), sizeof *m->s);
    m->dp = attention_carve(base, &used, ROWS * bf16_stride(side), sizeof *m->dp);
    m->dk = attention_carve(base, &used, side * bf16_stride(HD), sizeof *m->dk);
    m->dv = attention_carve(base, &used, side * bf16_stride(HD), sizeof *m->dv);
    m->dq = attention_carve(base, &used, n_blocks * bf16_tiles(HD) * bf16_stride(side), sizeof *m->dq);
    m->lse2 = attention_carve(base, &used, bf16_stride(N) + STEP, sizeof *m->lse2);
    m->delta = attention_carve(base, &used, bf16_stride(N) + STEP, sizeof *m->delta);
    return used;
}

/* What the functions below share: an item, where its head begins in each array, and its blocks. */
struct head {
    const struct backward *a;
    struct attention_item p;
    struct room m;
    const uint16_t *q, *k, *v, *d_o; /* rows 3C elements apart, d_o C */
    uint16_t *dq, *dk, *dv;
    struct tiling keys, queries;
};

static void prepare_rows(struct head *h)
{
    const struct backward *a = h->a;
    const int64_t at = h->p.first * a->C + h->p.head * a->HD;
    bf16_row_products(h->m.delta, a->d_o + at, a->o + at, a->C, h->p.N, a->HD);
    for (int64_t r = 0; r < h->p.N; r++)
        h->m.lse2[r] = a->lse[(h->p.first + r) * a->cut.NH + h->p.head] * LOG2_E;
}

static void pack_queries(struct head *h, int64_t first, int64_t n)
{
    const int64_t ld = 3 * h->a->C, HD = h->a->HD;
    const uint16_t *q = h->q + first * ld, *d_o = h->d_o + first * h->a->C;
    bf16_pack_transposed(h->m.q_columns, q, ld, HD, n);
    bf16_pack_transposed(h->m.d_o_columns, d_o, h->a->C, HD, n);
    bf16_pack(h->m.q, q, ld, n, HD);
    bf16_pack(h->m.d_o, d_o, h->a->C, n, HD);
}

/* Adds to dk, dv of tile t of the key block b, and writes ds^T of the tile. Query block c. */
static void key_tile(struct head *h, int64_t b, struct tiling tiles, int64_t t, int64_t c)
{
    static const float one[BF16_ROWS] = {1, 1, 1, 1, 1, 1};
    const struct backward *a = h->a;
    const struct room *m = &h->m;
    const int64_t ld = 3 * a->C, HD = a->HD, n = tile_rows(tiles, t), n_queries = tile_rows(h->queries, c);
    const int64_t row = tile_first(h->keys, b) + tile_first(tiles, t), first_query = tile_first(h->queries, c);
    float *dk = m->dk + tile_first(tiles, t) * bf16_stride(HD), *dv = m->dv + tile_first(tiles, t) * bf16_stride(HD);
    const float *keep = c ? one : NULL;
    bf16_take_rows(m->k_tile, h->k + row * ld, ld, n, HD);
    bf16_take_rows(m->v_tile, h->v + row * ld, ld, n, HD);
    bf16_product(m->s, NULL, m->k_tile, m->q_columns, HD, n_queries);
    bf16_product(m->dp, NULL, m->v_tile, m->d_o_columns, HD, n_queries);
    bf16_softmax_bwd(&(struct bf16_softmax_bwd){
        .s = m->s, .dp = m->dp, .lse2 = m->lse2 + first_query, .delta = m->delta + first_query, .p = m->p, .ds = m->ds,
        .ds_packed = m->ds_packed, .K = tiles.n * BF16_ROWS, .row = tile_first(tiles, t), .n = n_queries, .n_rows = n,
        .scale2 = a->scale * LOG2_E});
    bf16_product(dv, keep, m->p, m->d_o, n_queries, HD);
    bf16_product(dk, keep, m->ds, m->q, n_queries, HD);
    if (c == h->queries.n - 1) {
        const float s = a->scale, scale[BF16_ROWS] = {s, s, s, s, s, s};
        bf16_scale_rows(h->dv + row * ld, ld, dv, one, n, HD);
        bf16_scale_rows(h->dk + row * ld, ld, dk, scale, n, HD);
    }
}

/* dq of query block c += ds k of key block b, whose ds^T has n_keys rows. */
static void add_queries(struct head *h, int64_t b, int64_t c, int64_t n_keys)
{
    static const float one[BF16_ROWS] = {1, 1, 1, 1, 1, 1};
    const struct backward *a = h->a;
    const int64_t HD = a->HD, n = tile_rows(h->queries, c), ld = 3 * a->C;
    float *dq = h->m.dq + c * bf16_tiles(HD) * bf16_stride(a->side);
    for (int64_t r = 0; r < HD; r += BF16_ROWS)
        bf16_product(dq + r * bf16_stride(n), b ? one : NULL, h->m.k_columns + r * bf16_stride(n_keys), h->m.ds_packed,
                     n_keys, n);
    if (b == h->keys.n - 1)
        bf16_scale_columns(h->dq + tile_first(h->queries, c) * ld, ld, dq, a->scale, n, HD);
}

static void backward_item(void *arg, int64_t i, int worker)
{
    const struct backward *a = arg;
    const struct attention_item p = attention_item(&a->cut, i);
    const int64_t at = p.first * 3 * a->C + p.head * a->HD, ld = 3 * a->C;
    struct head h = {.a = a, .p = p, .q = a->qkv + at, .k = a->qkv + at + a->C, .v = a->qkv + at + 2 * a->C,
                     .d_o = a->d_o + p.first * a->C + p.head * a->HD, .dq = a->dqkv + at, .dk = a->dqkv + at + a->C,
                     .dv = a->dqkv + at + 2 * a->C, .keys = tiling_within(p.N, a->side, BF16_ROWS),
                     .queries = tiling_within(p.N, a->side, BF16_LANES)};
    lay_out(&h.m, a, a->scratch + worker * a->scratch_bytes, p.N);
    prepare_rows(&h);
    for (int64_t b = 0; b < h.keys.n; b++) {
        int64_t first = tile_first(h.keys, b), n = tile_rows(h.keys, b);
        struct tiling tiles = {num_ceil_div(n, BF16_ROWS), BF16_ROWS, n};
        bf16_transpose(h.m.k_columns, h.k + first * ld, ld, n, a->HD);
        for (int64_t c = 0; c < h.queries.n; c++) {
            pack_queries(&h, tile_first(h.queries, c), tile_rows(h.queries, c));
            for (int64_t t = 0; t < tiles.n; t++)
                key_tile(&h, b, tiles, t, c);
            add_queries(&h, b, c, tiles.n * BF16_ROWS);
        }
    }
}

void attention_bf16_bwd(struct op_ctx *c, struct tensor dqkv, struct tensor d_o, struct tensor o, struct tensor lse,
                        struct tensor qkv, const int64_t (*seg)[2], int n_seg, int NH)
{
    struct backward a = {.cut = {.seg = seg, .n_seg = n_seg, .NH = NH}, .dqkv = cpu_bf16(dqkv), .qkv = cpu_bf16(qkv),
                         .d_o = cpu_bf16(d_o), .o = cpu_bf16(o), .lse = cpu_f32(lse), .C = o.dims[1],
                         .HD = o.dims[1] / NH};
    struct room m;
    int64_t N = attention_longest(&a.cut);
    if (N == 0)
        return;
    size_t mark = c->scratch->used;
    a.side = num_min(num_max(STEP, BLOCK / a.HD / STEP * STEP), num_ceil_div(N, STEP) * STEP);
    a.scale = 1.0f / sqrtf((float)a.HD);
    a.scratch_bytes = lay_out(&m, &a, NULL, N);
    a.scratch = CPU_TAKE(c, uint8_t, a.scratch_bytes * op_workers(c));
    op_for(c, attention_items(&a.cut), backward_item, &a);
    c->scratch->used = mark;
}
#else
void attention_bf16_bwd(struct op_ctx *c, struct tensor dqkv, struct tensor d_o, struct tensor o, struct tensor lse,
                        struct tensor qkv, const int64_t (*seg)[2], int n_seg, int NH)
{
    (void)c, (void)dqkv, (void)d_o, (void)o, (void)lse, (void)qkv, (void)seg, (void)n_seg, (void)NH;
    msg_bug("attention in bf16 without its instructions");
}
#endif
