/* attention-tiled.c - attention, forward, by tiles of query rows (tiles.h), in float32 or bf16.
 *
 * Keys and values are packed in blocks, which stay in the second-level cache while the query rows of an item pass by in
 * tiles: scores of tile and block, their powers of two (in bf16 rounded), times values. Where keys fill several blocks,
 * the sums of a tile are kept from block to block and scaled when a larger score comes (Milakov and Gimelshein 2018, as
 * in FlashAttention). So scratch does not grow with the length of a segment.
 *
 * The sum that divides is that of the powers before they are rounded, so lse has no part of the rounding.
 *
 * Blocks, parts and tiles of a segment depend on its length and the width of a head alone: the bits depend neither on
 * threads nor on other segments.
 */
#include <math.h>

#include "attention.h"

/* Elements of a packed block of keys, and of values: 512 rows of 64. Query rows of an item: multiple of TILES_ROWS. */
enum { BLOCK = 32768, KEYS_MIN = 64, QUERIES = 516 };

struct forward {
    const struct tiles *t;
    struct attention_cut cut;
    void *o;
    float *lse; /* may be NULL */
    const void *qkv;
    int64_t C, HD, keys; /* keys: in a block */
    float scale2;        /* of scores, for powers of two */
    int64_t n_items, n_workers;
    uint8_t *scratch;
    int64_t scratch_bytes; /* of a worker */
};

/* A worker's scratch. */
struct scratch {
    void *k, *v;                   /* a packed block: K^T [HD,keys], V [keys,HD] */
    void *q;                       /* a tile of queries [ROWS,HD] */
    float *s;                      /* its scores [ROWS,keys] */
    void *p;                       /* and powers; in float32 the same memory */
    float *o;                      /* sums of all tiles of the item, [ROWS,HD] each */
    struct tiles_softmax *softmax; /* of all tiles */
};

/* For so many tiles; returns the bytes it takes. base NULL: only that. */
static int64_t carve(struct scratch *m, const struct forward *a, uint8_t *base, int64_t n_tiles)
{
    const size_t each = a->t->element;
    int64_t used = 0;
    m->k = attention_carve(base, &used, tiles_packed(a->HD, a->keys), each);
    m->v = attention_carve(base, &used, tiles_packed(a->keys, a->HD), each);
    m->q = attention_carve(base, &used, TILES_ROWS * tiles_stride(a->HD), each);
    m->s = attention_carve(base, &used, TILES_ROWS * tiles_stride(a->keys), sizeof *m->s);
    m->p = each == sizeof *m->s ? m->s : attention_carve(base, &used, TILES_ROWS * tiles_stride(a->keys), each);
    m->o = attention_carve(base, &used, n_tiles * TILES_ROWS * tiles_stride(a->HD), sizeof *m->o);
    m->softmax = attention_carve(base, &used, n_tiles, sizeof *m->softmax);
    return used;
}

/* An item at work: rows of the arrays from its head's first element on, 3C elements apart. */
struct head {
    const struct forward *a;
    struct attention_item p;
    struct scratch m;
    struct tiling blocks, tiles; /* of keys; of the item's queries */
    const void *q, *k, *v;       /* q: from the item's first query on */
    const void *next_k, *next_v; /* of the item that this worker probably computes next, which has next_N rows */
    int64_t next_N;
};

static struct head open_head(const struct forward *a, int64_t item, int worker)
{
    const struct tiles *t = a->t;
    struct head h = {.a = a, .p = attention_item(&a->cut, item)};
    const struct attention_item next = attention_item(&a->cut, num_min(item + a->n_workers, a->n_items - 1));
    h.blocks = tiling_within(h.p.N, a->keys, TILES_LANES);
    h.tiles = (struct tiling){num_ceil_div(h.p.n_queries, TILES_ROWS), TILES_ROWS, h.p.n_queries};
    h.q = tiles_at(t, a->qkv, (h.p.first + h.p.query) * 3 * a->C + h.p.head * a->HD);
    h.k = tiles_at(t, a->qkv, h.p.first * 3 * a->C + a->C + h.p.head * a->HD);
    h.v = tiles_at(t, h.k, a->C);
    h.next_k = tiles_at(t, a->qkv, next.first * 3 * a->C + a->C + next.head * a->HD);
    h.next_v = tiles_at(t, h.next_k, a->C);
    h.next_N = next.N;
    carve(&h.m, a, a->scratch + worker * a->scratch_bytes, h.tiles.n);
    return h;
}

static void start_rows(struct tiles_softmax *f)
{
    for (int r = 0; r < TILES_ROWS; r++)
        f->shift[r] = -INFINITY, f->sum[r] = 0;
}

/* Writes o and lse of tile i: all keys have been summed. */
static void finish_rows(const struct head *h, const struct tiles_softmax *f, const float *sums, int64_t i)
{
    const struct forward *a = h->a;
    const int64_t row = h->p.first + h->p.query + tile_first(h->tiles, i), n = tile_rows(h->tiles, i);
    float factor[TILES_ROWS];
    for (int64_t r = 0; r < n; r++) {
        factor[r] = 1.0f / f->sum[r];
        if (a->lse)
            a->lse[(row + r) * a->cut.NH + h->p.head] = f->shift[r] / ATTENTION_LOG2_E + logf(f->sum[r]);
    }
    a->t->scale_rows(tiles_at(a->t, a->o, row * a->C + h->p.head * a->HD), a->C, sums, factor, n, a->HD);
}

static void take_queries(const struct head *h, int64_t i)
{
    const struct forward *a = h->a;
    const int64_t ld = 3 * a->C;
    if (i < h->tiles.n)
        a->t->take_rows(h->m.q, tiles_at(a->t, h->q, tile_first(h->tiles, i) * ld), ld, tile_rows(h->tiles, i), a->HD);
}

/* Tile i, whose queries have been taken, and the n_keys keys of block b. Meanwhile the queries of the next tile are
 * taken, and a share of the next item's keys and values is prefetched, not too many rows at a time. */
static void query_tile(const struct head *h, int64_t b, int64_t n_keys, int64_t i)
{
    const struct forward *a = h->a;
    const struct scratch *m = &h->m;
    const int64_t each = (int64_t)a->t->element, row_bytes = 3 * a->C * each, width = a->HD * each;
    const int64_t share = b * h->tiles.n + i, n_shares = h->blocks.n * h->tiles.n;
    struct tiles_softmax *f = m->softmax + i;
    float *sums = m->o + tile_first(h->tiles, i) * tiles_stride(a->HD);
    if (b == 0)
        start_rows(f);
    attention_prefetch(h->next_k, row_bytes, width, h->next_N, share, n_shares);
    a->t->product(m->s, NULL, m->q, m->k, a->HD, n_keys);
    take_queries(h, i + 1);
    attention_prefetch(h->next_v, row_bytes, width, h->next_N, share, n_shares);
    a->t->softmax(f, m->p, m->s, n_keys, a->scale2);
    a->t->product(sums, b ? f->keep : NULL, m->p, m->v, n_keys, a->HD);
    if (b == h->blocks.n - 1)
        finish_rows(h, f, sums, i);
}

static void forward_item(void *arg, int64_t item, int worker)
{
    const struct forward *a = arg;
    const struct head h = open_head(a, item, worker);
    const int64_t ld = 3 * a->C;
    for (int64_t b = 0; b < h.blocks.n; b++) {
        int64_t first = tile_first(h.blocks, b) * ld, n_keys = tile_rows(h.blocks, b);
        a->t->pack_transposed(h.m.k, tiles_at(a->t, h.k, first), ld, a->HD, n_keys);
        a->t->pack(h.m.v, tiles_at(a->t, h.v, first), ld, n_keys, a->HD);
        take_queries(&h, 0);
        for (int64_t i = 0; i < h.tiles.n; i++)
            query_tile(&h, b, n_keys, i);
    }
}

void attention_tiled_fwd(struct op_ctx *c, const struct tiles *t, struct tensor o, struct tensor lse, struct tensor qkv,
                         const int64_t (*seg)[2], int n_seg, int NH)
{
    struct forward a = {.t = t, .cut = {seg, n_seg, NH, QUERIES, TILES_ROWS}, .o = cpu_data(o),
                        .lse = cpu_f32(lse), .qkv = cpu_data(qkv), .C = o.dims[1], .HD = o.dims[1] / NH};
    struct scratch m;
    int64_t N = attention_longest(&a.cut), most = num_max(KEYS_MIN, BLOCK / a.HD / TILES_LANES * TILES_LANES);
    if (N == 0)
        return;
    size_t mark = c->scratch->used;
    a.keys = num_min(most, tiles_lanes(N));
    a.scale2 = ATTENTION_LOG2_E / sqrtf((float)a.HD);
    a.scratch_bytes = carve(&m, &a, NULL, num_ceil_div(num_min(N, QUERIES), TILES_ROWS));
    a.n_items = attention_items(&a.cut), a.n_workers = op_workers(c);
    a.scratch = CPU_TAKE(c, uint8_t, a.scratch_bytes * a.n_workers);
    op_for(c, a.n_items, forward_item, &a);
    c->scratch->used = mark;
}
