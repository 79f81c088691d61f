/* attention-bf16-forward.c - attention of bf16 operands: products in bf16 with sums in float32, softmax in float32.
 *
 * Keys and values are packed in blocks, which stay in the second-level cache while the query rows of an item pass by in
 * tiles: scores of tile and block, their powers of two, rounded to bf16, times values. Where keys fill several blocks,
 * the sums of a tile are kept from block to block and scaled when a larger score comes (Milakov and Gimelshein 2018, as
 * in FlashAttention). So scratch does not grow with the length of a segment.
 *
 * The sum that divides is that of the powers before they are rounded, so that lse is float32's.
 *
 * Blocks, parts and tiles of a segment depend on its length and the width of a head alone: the bits depend neither on
 * threads nor on other segments.
 */
#include <math.h>

#include "attention.h"
#include "bf16-tiles.h"
#include "msg.h"

#if defined(__x86_64__)

static const float LOG2_E = 1.44269504f;

/* Elements of a packed block of keys, 64 KiB, and of values; query rows of an item, a multiple of BF16_ROWS. */
enum { BLOCK = 32768, KEYS_MIN = 64, QUERIES = 516 };

struct forward {
    struct attention_cut cut;
    uint16_t *o;
    float *lse; /* may be NULL */
    const uint16_t *qkv;
    int64_t C, HD, keys; /* keys: in a block */
    float scale2;        /* of scores, for powers of two */
    int64_t n_items, n_workers;
    uint8_t *scratch;
    int64_t scratch_bytes; /* of a worker */
};

/* A worker's scratch. */
struct forward_room {
    uint16_t *k, *v;              /* a packed block: K^T [HD,keys], V [keys,HD] */
    uint16_t *q, *p;              /* a tile of queries [ROWS,HD] and powers [ROWS,keys] */
    float *s, *o;                 /* scores of a tile [ROWS,keys]; sums of all tiles of the item, [ROWS,HD] each */
    struct bf16_softmax *softmax; /* of all tiles */
};

/* For so many tiles of rows; returns the bytes it takes. base NULL: only that. */
static int64_t lay_out(struct forward_room *m, const struct forward *a, uint8_t *base, int64_t tiles)
{
    int64_t used = 0;
    m->k = attention_carve(base, &used, bf16_packed(a->HD, a->keys), sizeof *m->k);
    m->v = attention_carve(base, &used, bf16_packed(a->keys, a->HD), sizeof *m->v);
    m->q = attention_carve(base, &used, BF16_ROWS * bf16_stride(a->HD), sizeof *m->q);
    m->p = attention_carve(base, &used, BF16_ROWS * bf16_stride(a->keys), sizeof *m->p);
    m->s = attention_carve(base, &used, BF16_ROWS * bf16_stride(a->keys), sizeof *m->s);
    m->o = attention_carve(base, &used, tiles * BF16_ROWS * bf16_stride(a->HD), sizeof *m->o);
    m->softmax = attention_carve(base, &used, tiles, sizeof *m->softmax);
    return used;
}

static void start_rows(struct bf16_softmax *f)
{
    for (int r = 0; r < BF16_ROWS; r++)
        f->shift[r] = -INFINITY, f->sum[r] = 0;
}

/* Writes n rows of o and lse from row `row`: all keys have been summed. */
static void finish_rows(const struct forward *a, const struct bf16_softmax *f, const float *sums, int64_t row,
                        int64_t n, int64_t head)
{
    float factor[BF16_ROWS];
    for (int64_t r = 0; r < n; r++) {
        factor[r] = 1.0f / f->sum[r];
        if (a->lse)
            a->lse[(row + r) * a->cut.NH + head] = f->shift[r] / LOG2_E + logf(f->sum[r]);
    }
    bf16_scale_rows(a->o + row * a->C + head * a->HD, a->C, sums, factor, n, a->HD);
}

static void forward_item(void *arg, int64_t i, int worker)
{
    const struct forward *a = arg;
    struct attention_item p = attention_item(&a->cut, i);
    struct attention_item next = attention_item(&a->cut, num_min(i + a->n_workers, a->n_items - 1));
    struct tiling blocks = tiling_within(p.N, a->keys, BF16_LANES);
    struct tiling tiles = {num_ceil_div(p.n_queries, BF16_ROWS), BF16_ROWS, p.n_queries};
    struct forward_room m;
    lay_out(&m, a, a->scratch + worker * a->scratch_bytes, tiles.n);
    const int64_t ld = 3 * a->C, HD = a->HD;
    const uint16_t *k = a->qkv + p.first * ld + a->C + p.head * HD, *v = k + a->C, *q = k - a->C + p.query * ld;
    const uint16_t *next_k = a->qkv + next.first * ld + a->C + next.head * HD;
    for (int64_t b = 0; b < blocks.n; b++) {
        int64_t k0 = tile_first(blocks, b), n_keys = tile_rows(blocks, b);
        bf16_pack_transposed(m.k, k + k0 * ld, ld, HD, n_keys);
        bf16_pack(m.v, v + k0 * ld, ld, n_keys, HD);
        bf16_take_rows(m.q, q, ld, tile_rows(tiles, 0), HD);
        for (int64_t t = 0; t < tiles.n; t++) {
            struct bf16_softmax *f = m.softmax + t;
            float *sums = m.o + tile_first(tiles, t) * bf16_stride(HD);
            attention_prefetch(next_k, ld, HD, next.N, b * tiles.n + t, blocks.n * tiles.n);
            if (b == 0)
                start_rows(f);
            bf16_product(m.s, NULL, m.q, m.k, HD, n_keys);
            if (t + 1 < tiles.n)
                bf16_take_rows(m.q, q + tile_first(tiles, t + 1) * ld, ld, tile_rows(tiles, t + 1), HD);
            attention_prefetch(next_k + a->C, ld, HD, next.N, b * tiles.n + t, blocks.n * tiles.n);
            bf16_softmax(f, m.p, m.s, n_keys, a->scale2);
            bf16_product(sums, b ? f->keep : NULL, m.p, m.v, n_keys, HD);
            if (b == blocks.n - 1)
                finish_rows(a, f, sums, p.first + p.query + tile_first(tiles, t), tile_rows(tiles, t), p.head);
        }
    }
}

void attention_bf16_fwd(struct op_ctx *c, struct tensor o, struct tensor lse, struct tensor qkv,
                        const int64_t (*seg)[2], int n_seg, int NH)
{
    struct forward a = {.cut = {seg, n_seg, NH, QUERIES, BF16_ROWS}, .o = cpu_bf16(o), .lse = cpu_f32(lse),
                        .qkv = cpu_bf16(qkv), .C = o.dims[1], .HD = o.dims[1] / NH};
    int64_t N = attention_longest(&a.cut), most = num_max(KEYS_MIN, BLOCK / a.HD / BF16_LANES * BF16_LANES);
    if (N == 0)
        return;
    size_t mark = c->scratch->used;
    struct forward_room m;
    a.keys = num_min(most, bf16_lanes(N));
    a.scale2 = LOG2_E / sqrtf((float)a.HD);
    a.scratch_bytes = lay_out(&m, &a, NULL, num_ceil_div(num_min(N, QUERIES), BF16_ROWS));
    a.n_items = attention_items(&a.cut), a.n_workers = op_workers(c);
    a.scratch = CPU_TAKE(c, uint8_t, a.scratch_bytes * a.n_workers);
    op_for(c, a.n_items, forward_item, &a);
    c->scratch->used = mark;
}
#else
void attention_bf16_fwd(struct op_ctx *c, struct tensor o, struct tensor lse, struct tensor qkv,
                        const int64_t (*seg)[2], int n_seg, int NH)
{
    (void)c, (void)o, (void)lse, (void)qkv, (void)seg, (void)n_seg, (void)NH;
    msg_bug("attention in bf16 without its instructions");
}
#endif
