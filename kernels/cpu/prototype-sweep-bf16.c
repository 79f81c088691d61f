/* prototype-sweep-bf16.c - the products of a sweep in bf16 (matmul.h), with sums in float32:
 *
 *   logits [n,TILE] = z [n,b] w^T      dw [TILE,b] = d^T z      dz [n,b] += d w      w [TILE,b], d [n,TILE]
 *
 * The tile's weights are rounded once and packed in the order that each product wants; z is packed once for all tiles.
 * A tile is in the first two levels of cache for all of this. */
#include <string.h>

#include "matmul.h"
#include "prototype-sweep.h"

enum { TILE = PROTOTYPES_TILE, LINE = 64 };

static struct matmul logits_product(int64_t n, int64_t b)
{
    return (struct matmul){.type = DTYPE_BF16, .M = n, .N = TILE, .K = b};
}

static struct matmul dw_product(int64_t n, int64_t b)
{
    return (struct matmul){.type = DTYPE_BF16, .M = TILE, .N = b, .K = n, .ta = true};
}

static struct matmul dz_product(int64_t n, int64_t b, bool add)
{
    return (struct matmul){.type = DTYPE_BF16, .M = n, .N = b, .K = TILE, .accumulate = add};
}

static int64_t whole_lines(size_t bytes)
{
    return num_ceil_div((int64_t)bytes, LINE) * LINE;
}

/* What the library needs for any of these products. */
static int64_t library_bytes(int64_t n, int64_t b)
{
    const struct matmul products[] = {logits_product(n, b), dw_product(n, b), dz_product(n, b, false),
                                      dz_product(n, b, true)};
    int64_t most = 0;
    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        most = num_max(most, whole_lines(matmul_scratch_bytes(&products[i])));
    return most;
}

void sweep_bf16_plan(struct op_ctx *c, struct sweep *s, int64_t rows)
{
    int64_t b = s->p.b, workers = op_workers(c), n = num_max(1, rows); /* a batch may have no masked patch */
    int64_t packed = num_max(whole_lines(matmul_packed_bytes(DTYPE_BF16, b, TILE)),
                             whole_lines(matmul_packed_bytes(DTYPE_BF16, TILE, b)));
    s->low = (struct sweep_bf16){.packed_bytes = (size_t)packed, .library_bytes = (size_t)library_bytes(n, b)};
    s->low.w = CPU_TAKE(c, uint16_t, workers * TILE * b);
    s->low.packed = CPU_TAKE(c, uint8_t, workers * packed);
    s->low.library = CPU_TAKE(c, uint8_t, workers * (int64_t)s->low.library_bytes);
}

static uint8_t *worker_packed(const struct sweep *s, int worker)
{
    return s->low.packed + (size_t)worker * s->low.packed_bytes;
}

static uint8_t *worker_library(const struct sweep *s, int worker)
{
    return s->low.library + (size_t)worker * s->low.library_bytes;
}

void sweep_bf16_weights(const struct sweep *s, const struct sweep_layer *p, int64_t tile, int worker)
{
    uint16_t *w = s->low.w + worker * TILE * p->b;
    int64_t count = sweep_columns(p, tile) * p->b;
    convert_loops()->to_bf16(w, sweep_worker_w(s, worker), count);
    memset(w + count, 0, (size_t)(TILE * p->b - count) * sizeof *w);
}

void sweep_bf16_product(const struct sweep *s, const struct sweep_layer *p, int64_t first, int64_t n, float *out,
                        int worker)
{
    struct matmul m = logits_product(n, p->b);
    matmul_pack(DTYPE_BF16, p->b, TILE, s->low.w + worker * TILE * p->b, DTYPE_BF16, 1, p->b, worker_packed(s, worker));
    matmul_run(&m, p->z_bf16 + first * p->b, worker_packed(s, worker), out, worker_library(s, worker));
}

void sweep_bf16_gradient_take(struct op_ctx *c, struct sweep *s, struct sweep_gradient *a)
{
    int64_t b = s->p.b;
    s->low.d = CPU_TAKE(c, uint16_t, op_workers(c) * s->n * TILE);
    a->z_packed = CPU_TAKE(c, uint8_t, (int64_t)matmul_packed_bytes(DTYPE_BF16, num_max(1, s->n), b));
    if (!op_planning(c) && s->n > 0)
        matmul_pack(DTYPE_BF16, s->n, b, s->p.z_bf16 + s->first * b, DTYPE_BF16, b, 1, a->z_packed);
}

void sweep_bf16_backward(const struct sweep *s, const struct sweep_gradient *a, int64_t tile, const float *d,
                         int64_t ld, float *dw, float *dz, bool add, int worker)
{
    int64_t b = s->p.b, columns = sweep_columns(&s->p, tile);
    uint16_t *low = s->low.d + worker * s->n * TILE;
    if (s->n == 0) {
        memset(dw, 0, (size_t)(TILE * b) * sizeof *dw);
        return;
    }
    for (int64_t t = 0; t < s->n; t++) {
        convert_loops()->to_bf16(low + t * TILE, d + t * ld, columns);
        memset(low + t * TILE + columns, 0, (size_t)(TILE - columns) * sizeof *low);
    }
    struct matmul of_w = dw_product(s->n, b), of_z = dz_product(s->n, b, add);
    matmul_run(&of_w, low, a->z_packed, dw, worker_library(s, worker));
    matmul_pack(DTYPE_BF16, TILE, b, s->low.w + worker * TILE * b, DTYPE_BF16, b, 1, worker_packed(s, worker));
    matmul_run(&of_z, low, worker_packed(s, worker), dz, worker_library(s, worker));
}
