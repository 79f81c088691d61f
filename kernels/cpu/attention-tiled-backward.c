/* attention-tiled-backward.c - attention, backward, by tiles (tiles.h), in float32 or bf16:
 *
 *   p = exp(scale s - lse)   ds = p (dp - rowsum(do o))   dv = p^T do   dk = scale ds^T q   dq = scale ds k
 *
 * p and ds are computed in float32; in bf16 they are rounded for the products, whose sums are float32. Scores are
 * transposed here, S^T = K Q^T: keys are the rows of a tile, queries its columns. So p^T and ds^T are rows as products
 * need them for dv and dk; for dq^T = K^T ds^T, rows of K^T, ds^T is packed besides.
 *
 * A block of keys meets one block of queries after another, both of such a size that what they need stays in the
 * second-level cache. dk and dv of the block of keys are summed meanwhile; dq, of all queries, in memory that grows
 * with the segment (256 bytes a row where heads have 64).
 */
#include <math.h>

#include "attention.h"

/* A block has so many elements of a head, 288 rows of 64, and at least STEP rows: a multiple of STEP, which is one of
 * TILES_ROWS and of TILES_LANES. */
enum { BLOCK = 18432, STEP = 48 };

struct backward {
    const struct tiles *t;
    struct attention_cut cut;
    void *dqkv;
    const void *qkv, *d_o, *o;
    const float *lse;
    int64_t C, HD, side; /* side: rows of a block */
    float scale;
    uint8_t *scratch;
    int64_t scratch_bytes; /* of a worker */
};

/* A worker's scratch. */
struct scratch {
    void *q_columns, *d_o_columns; /* of a block of queries, packed: q^T, do^T [HD,queries] */
    void *q, *d_o;                 /* and q, do [queries,HD] */
    void *k_columns;               /* of a block of keys: rows of k^T [HD,keys] */
    void *ds_packed;               /* of both: ds^T [keys,queries] */
    void *k_tile, *v_tile;         /* [ROWS,HD] */
    float *s, *dp;                 /* of a tile of keys: [ROWS,queries] */
    void *p, *ds;                  /* what they become; in float32 the same memory */
    float *dk, *dv;                /* of a block of keys: [keys,HD] */
    float *dq;                     /* of all blocks of queries: dq^T [HD,queries] each */
    float *lse2, *delta;           /* of all queries */
};

/* For N rows; returns the bytes it takes. base NULL: only that. */
static int64_t carve(struct scratch *m, const struct backward *a, uint8_t *base, int64_t N)
{
    const int64_t HD = a->HD, side = a->side, n_blocks = num_ceil_div(N, side), tile = TILES_ROWS * tiles_stride(side);
    const size_t each = a->t->element;
    int64_t used = 0;
    m->q_columns = attention_carve(base, &used, tiles_packed(HD, side), each);
    m->d_o_columns = attention_carve(base, &used, tiles_packed(HD, side), each);
    m->q = attention_carve(base, &used, tiles_packed(side, HD), each);
    m->d_o = attention_carve(base, &used, tiles_packed(side, HD), each);
    m->k_columns = attention_carve(base, &used, tiles_rows(HD) * tiles_stride(side), each);
    m->ds_packed = attention_carve(base, &used, tiles_packed(side, side), each);
    m->k_tile = attention_carve(base, &used, TILES_ROWS * tiles_stride(HD), each);
    m->v_tile = attention_carve(base, &used, TILES_ROWS * tiles_stride(HD), each);
    m->s = attention_carve(base, &used, tile, sizeof *m->s);
    m->dp = attention_carve(base, &used, tile, sizeof *m->dp);
    m->p = each == sizeof *m->s ? m->s : attention_carve(base, &used, tile, each);
    m->ds = each == sizeof *m->dp ? m->dp : attention_carve(base, &used, tile, each);
    m->dk = attention_carve(base, &used, side * tiles_stride(HD), sizeof *m->dk);
    m->dv = attention_carve(base, &used, side * tiles_stride(HD), sizeof *m->dv);
    m->dq = attention_carve(base, &used, n_blocks * tiles_rows(HD) * tiles_stride(side), sizeof *m->dq);
    m->lse2 = attention_carve(base, &used, tiles_stride(N) + STEP, sizeof *m->lse2);
    m->delta = attention_carve(base, &used, tiles_stride(N) + STEP, sizeof *m->delta);
    return used;
}

/* An item at work: rows of the arrays from its head's first element on, 3C elements apart, o and d_o C. */
struct head {
    const struct backward *a;
    struct attention_item p;
    struct scratch m;
    const void *q, *k, *v, *o, *d_o;
    void *dq, *dk, *dv;
    struct tiling keys, queries; /* blocks */
};

static struct head open_head(const struct backward *a, int64_t item, int worker)
{
    const struct tiles *t = a->t;
    struct head h = {.a = a, .p = attention_item(&a->cut, item)};
    const int64_t wide = h.p.first * 3 * a->C + h.p.head * a->HD, at = h.p.first * a->C + h.p.head * a->HD;
    h.q = tiles_at(t, a->qkv, wide), h.k = tiles_at(t, h.q, a->C), h.v = tiles_at(t, h.k, a->C);
    h.dq = tiles_at(t, a->dqkv, wide), h.dk = tiles_at(t, h.dq, a->C), h.dv = tiles_at(t, h.dk, a->C);
    h.o = tiles_at(t, a->o, at), h.d_o = tiles_at(t, a->d_o, at);
    h.keys = tiling_within(h.p.N, a->side, TILES_ROWS);
    h.queries = tiling_within(h.p.N, a->side, TILES_LANES);
    carve(&h.m, a, a->scratch + worker * a->scratch_bytes, h.p.N);
    return h;
}

static void prepare_rows(const struct head *h)
{
    const struct backward *a = h->a;
    a->t->row_products(h->m.delta, h->d_o, h->o, a->C, h->p.N, a->HD);
    for (int64_t r = 0; r < h->p.N; r++)
        h->m.lse2[r] = a->lse[(h->p.first + r) * a->cut.NH + h->p.head] * ATTENTION_LOG2_E;
}

static void pack_queries(const struct head *h, int64_t block)
{
    const struct tiles *t = h->a->t;
    const int64_t C = h->a->C, HD = h->a->HD, first = tile_first(h->queries, block), n = tile_rows(h->queries, block);
    const void *q = tiles_at(t, h->q, first * 3 * C), *d_o = tiles_at(t, h->d_o, first * C);
    t->pack_transposed(h->m.q_columns, q, 3 * C, HD, n);
    t->pack_transposed(h->m.d_o_columns, d_o, C, HD, n);
    t->pack(h->m.q, q, 3 * C, n, HD);
    t->pack(h->m.d_o, d_o, C, n, HD);
}

static const float ONE[TILES_ROWS] = {1, 1, 1, 1, 1, 1};

/* n keys of block b, from its key `first` on, and the queries of block c: adds to dk and dv of these keys, and writes
 * their ds^T. */
static void key_tile(const struct head *h, int64_t b, int64_t first, int64_t n, int64_t c)
{
    const struct backward *a = h->a;
    const struct scratch *m = &h->m;
    const int64_t ld = 3 * a->C, HD = a->HD, row = (tile_first(h->keys, b) + first) * ld;
    const int64_t query = tile_first(h->queries, c), n_queries = tile_rows(h->queries, c);
    float *dk = m->dk + first * tiles_stride(HD), *dv = m->dv + first * tiles_stride(HD);
    const struct tiles_softmax_bwd softmax = {.s = m->s, .dp = m->dp, .p = m->p, .ds = m->ds,
                                              .lse2 = m->lse2 + query, .delta = m->delta + query,
                                              .ds_packed = m->ds_packed, .K = tile_rows(h->keys, b), .row = first,
                                              .n = n_queries, .n_rows = n, .scale2 = a->scale * ATTENTION_LOG2_E};
    a->t->take_rows(m->k_tile, tiles_at(a->t, h->k, row), ld, n, HD);
    a->t->take_rows(m->v_tile, tiles_at(a->t, h->v, row), ld, n, HD);
    a->t->product(m->s, NULL, m->k_tile, m->q_columns, HD, n_queries);
    a->t->product(m->dp, NULL, m->v_tile, m->d_o_columns, HD, n_queries);
    a->t->softmax_bwd(&softmax);
    a->t->product(dv, c ? ONE : NULL, m->p, m->d_o, n_queries, HD);
    a->t->product(dk, c ? ONE : NULL, m->ds, m->q, n_queries, HD);
    if (c == h->queries.n - 1) {
        const float s = a->scale, scale[TILES_ROWS] = {s, s, s, s, s, s};
        a->t->scale_rows(tiles_at(a->t, h->dv, row), ld, dv, ONE, n, HD);
        a->t->scale_rows(tiles_at(a->t, h->dk, row), ld, dk, scale, n, HD);
    }
}

/* dq of block c += ds k, keys of block b */
static void add_queries(const struct head *h, int64_t b, int64_t c)
{
    const struct backward *a = h->a;
    const int64_t HD = a->HD, n = tile_rows(h->queries, c), n_keys = tile_rows(h->keys, b), ld = 3 * a->C;
    float *dq = h->m.dq + c * tiles_rows(HD) * tiles_stride(a->side);
    for (int64_t r = 0; r < HD; r += TILES_ROWS)
        a->t->product(dq + r * tiles_stride(n), b ? ONE : NULL,
                      tiles_at(a->t, h->m.k_columns, r * tiles_stride(n_keys)), h->m.ds_packed, n_keys, n);
    if (b == h->keys.n - 1)
        a->t->scale_columns(tiles_at(a->t, h->dq, tile_first(h->queries, c) * ld), ld, dq, a->scale, n, HD);
}

static void backward_item(void *arg, int64_t item, int worker)
{
    const struct backward *a = arg;
    const struct head h = open_head(a, item, worker);
    prepare_rows(&h);
    for (int64_t b = 0; b < h.keys.n; b++) {
        int64_t n = tile_rows(h.keys, b);
        a->t->transpose(h.m.k_columns, tiles_at(a->t, h.k, tile_first(h.keys, b) * 3 * a->C), 3 * a->C, n, a->HD);
        for (int64_t c = 0; c < h.queries.n; c++) {
            pack_queries(&h, c);
            for (int64_t first = 0; first < n; first += TILES_ROWS)
                key_tile(&h, b, first, num_min(TILES_ROWS, n - first), c);
            add_queries(&h, b, c);
        }
    }
}

void attention_tiled_bwd(struct op_ctx *c, const struct tiles *t, struct tensor dqkv, struct tensor d_o,
                         struct tensor o, struct tensor lse, struct tensor qkv, const int64_t (*seg)[2], int n_seg,
                         int NH)
{
    struct backward a = {.t = t, .cut = {.seg = seg, .n_seg = n_seg, .NH = NH}, .dqkv = cpu_data(dqkv),
                         .qkv = cpu_data(qkv), .d_o = cpu_data(d_o),
                         .o = cpu_data(o), .lse = cpu_f32(lse), .C = o.dims[1], .HD = o.dims[1] / NH};
    struct scratch m;
    int64_t N = attention_longest(&a.cut);
    if (N == 0)
        return;
    size_t mark = c->scratch->used;
    a.side = num_min(num_max(STEP, BLOCK / a.HD / STEP * STEP), num_ceil_div(N, STEP) * STEP);
    a.scale = 1.0f / sqrtf((float)a.HD);
    a.scratch_bytes = carve(&m, &a, NULL, N);
    a.scratch = CPU_TAKE(c, uint8_t, a.scratch_bytes * op_workers(c));
    op_for(c, attention_items(&a.cut), backward_item, &a);
    c->scratch->used = mark;
}
