/* linear-bf16-weight.c - the gradient of a linear layer's weight in bf16: dw [N,K] += dy [T,N]^T x [T,K], with sums in
 * float32, and db [N] += sums of dy's columns.
 *
 * The rows are cut into chunks. Of one after the other x is packed, once for all strips of dw; then each strip of rows
 * of dw is one item: it takes its columns of the chunk of dy, which the product needs adjacent and transposes itself,
 * and adds the product. So the order of a sum depends on the shape alone, and the scratch of fewer rows is never more:
 * chunks have CHUNK rows but for the last, which may be lower.
 */
#include <string.h>

#include "linear-layer.h"
#include "matmul-scratch.h"

enum { CHUNK = 512, STRIP = 192 };

struct weight_gradient {
    struct tiling chunks, strips; /* of rows of dy and x; of rows of dw */
    int64_t chunk, N, K;          /* chunk: the one at work */
    float *dw, *db;
    const uint16_t *dy, *x;
    uint8_t *packed;   /* a chunk of x */
    uint16_t *columns; /* [worker,CHUNK,strips.height]: of dy */
    struct matmul_scratch scratch;
};

static void pack_item(void *arg, int64_t part, int worker)
{
    (void)worker;
    const struct weight_gradient *g = arg;
    int64_t first = part * MATMUL_PART;
    matmul_pack_part(DTYPE_BF16, tile_rows(g->chunks, g->chunk), g->K, g->x + tile_first(g->chunks, g->chunk) * g->K,
                     DTYPE_BF16, g->K, 1, first, num_min(MATMUL_PART, g->K - first), g->packed);
}

/* Columns [n0, n0 + n) of the chunk of dy, and their sums. */
static void take_columns(const struct weight_gradient *g, int64_t n0, int64_t n, uint16_t *to)
{
    const uint16_t *from = g->dy + tile_first(g->chunks, g->chunk) * g->N + n0;
    for (int64_t end = tile_rows(g->chunks, g->chunk), t = 0; t < end; t++, from += g->N, to += n) {
        memcpy(to, from, (size_t)n * sizeof *to);
        if (g->db)
            convert_loops()->bf16_scale_add(g->db + n0, 1, to, NULL, n);
    }
}

static void strip_item(void *arg, int64_t item, int worker)
{
    const struct weight_gradient *g = arg;
    int64_t n0 = tile_first(g->strips, item), n = tile_rows(g->strips, item);
    uint16_t *columns = g->columns + worker * CHUNK * g->strips.height;
    struct matmul m = {.type = DTYPE_BF16, .M = n, .N = g->K, .K = tile_rows(g->chunks, g->chunk), .ta = true,
                       .accumulate = true};
    take_columns(g, n0, n, columns);
    matmul_run(&m, columns, g->packed, g->dw + n0 * g->K, matmul_scratch_of(g->scratch, worker));
}

void linear_bf16_bwd_w(struct op_ctx *c, struct tensor dw, struct tensor db, struct tensor dy, struct tensor x)
{
    int64_t T = dy.dims[0], N = dw.dims[0], K = dw.dims[1];
    size_t mark = c->scratch->used;
    struct weight_gradient g = {.chunks = {num_ceil_div(T, CHUNK), CHUNK, T}, .strips = tiling_of(N, STRIP), .N = N,
                                .K = K, .dw = cpu_f32(dw), .db = cpu_f32(db), .dy = cpu_bf16(dy), .x = cpu_bf16(x)};
    struct matmul largest = {.type = DTYPE_BF16, .M = g.strips.height, .N = K, .K = CHUNK, .ta = true,
                             .accumulate = true};
    g.packed = CPU_TAKE(c, uint8_t, (int64_t)matmul_packed_bytes(DTYPE_BF16, CHUNK, K));
    g.columns = CPU_TAKE(c, uint16_t, op_workers(c) * CHUNK * g.strips.height);
    g.scratch = matmul_scratch_take(c, &largest, 1);
    for (; g.chunk < g.chunks.n; g.chunk++) {
        op_for(c, num_ceil_div(K, MATMUL_PART), pack_item, &g);
        op_for(c, g.strips.n, strip_item, &g);
    }
    c->scratch->used = mark;
}
