/* prototype-sweep-bf16.c - the products of a sweep in bf16 (matmul.h), with sums in float32:
 *
 *   logits [n,TILE] = z [n,b] w^T      dw [TILE,b] = d^T z      dz [n,b] += d w      w [TILE,b], d [n,TILE]
 *
 * The tile's weights are rounded once and packed in the order that each product wants; z is packed once for all tiles.
 * A tile is in the first two levels of cache for all of this. */
#include <string.h>

#include "prototype-sweep.h"

enum { TILE = PROTOTYPES_TILE };

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

void sweep_bf16_plan(struct op_ctx *c, struct sweep *s, int64_t rows)
{
    int64_t b = s->p.b, workers = op_workers(c), n = num_max(1, rows); /* a batch may have no masked patch */
    const struct matmul products[] = {logits_product(n, b), dw_product(n, b), dz_product(n, b, false),
                                      dz_product(n, b, true)};
    int64_t packed_bytes = num_max(cpu_lines(matmul_packed_bytes(DTYPE_BF16, b, TILE)),
                                   cpu_lines(matmul_packed_bytes(DTYPE_BF16, TILE, b)));
    s->bf16 = (struct sweep_bf16){.packed_bytes = packed_bytes};
    s->bf16.w = CPU_TAKE(c, uint16_t, workers * TILE * b);
    s->bf16.packed = CPU_TAKE(c, uint8_t, workers * packed_bytes);
    s->bf16.scratch = matmul_scratch_take(c, products, sizeof products / sizeof *products);
}

static uint16_t *worker_weights(const struct sweep *s, int worker)
{
    return s->bf16.w + worker * TILE * s->p.b;
}

static uint8_t *worker_packed(const struct sweep *s, int worker)
{
    return s->bf16.packed + worker * s->bf16.packed_bytes;
}

void sweep_bf16_weights(const struct sweep *s, const struct sweep_layer *p, int64_t tile, int worker)
{
    uint16_t *w = worker_weights(s, worker);
    int64_t count = sweep_columns(p, tile) * p->b;
    convert_loops()->to_bf16(w, sweep_worker_w(s, worker), count);
    memset(w + count, 0, (size_t)(TILE * p->b - count) * sizeof *w);
}

void sweep_bf16_product(const struct sweep *s, const struct sweep_layer *p, int64_t first, int64_t n, float *out,
                        int worker)
{
    struct matmul m = logits_product(n, p->b);
    matmul_pack(DTYPE_BF16, p->b, TILE, worker_weights(s, worker), DTYPE_BF16, 1, p->b, worker_packed(s, worker));
    matmul_run(&m, p->z_bf16 + first * p->b, worker_packed(s, worker), out, matmul_scratch_of(s->bf16.scratch, worker));
}

void sweep_bf16_gradient_take(struct op_ctx *c, struct sweep *s, struct sweep_gradient *a)
{
    int64_t b = s->p.b;
    s->bf16.d = CPU_TAKE(c, uint16_t, op_workers(c) * s->n * TILE);
    a->z_packed = CPU_TAKE(c, uint8_t, (int64_t)matmul_packed_bytes(DTYPE_BF16, num_max(1, s->n), b));
    if (!op_planning(c) && s->n > 0)
        matmul_pack(DTYPE_BF16, s->n, b, s->p.z_bf16 + s->first * b, DTYPE_BF16, b, 1, a->z_packed);
}

void sweep_bf16_backward(const struct sweep *s, const struct sweep_gradient *a, int64_t tile, const float *d,
                         int64_t ld, float *dw, float *dz, bool add, int worker)
{
    int64_t b = s->p.b, columns = sweep_columns(&s->p, tile);
    uint16_t *rounded = s->bf16.d + worker * s->n * TILE;
    if (s->n == 0) {
        memset(dw, 0, (size_t)(TILE * b) * sizeof *dw);
        return;
    }
    for (int64_t t = 0; t < s->n; t++) {
        convert_loops()->to_bf16(rounded + t * TILE, d + t * ld, columns);
        memset(rounded + t * TILE + columns, 0, (size_t)(TILE - columns) * sizeof *rounded);
    }
    struct matmul of_w = dw_product(s->n, b), of_z = dz_product(s->n, b, add);
    matmul_run(&of_w, rounded, a->z_packed, dw, matmul_scratch_of(s->bf16.scratch, worker));
    matmul_pack(DTYPE_BF16, TILE, b, worker_weights(s, worker), DTYPE_BF16, b, 1, worker_packed(s, worker));
    matmul_run(&of_z, rounded, worker_packed(s, worker), dz, matmul_scratch_of(s->bf16.scratch, worker));
}
