/* prototype-sweep.c - see prototype-sweep.h. */
#include "prototype-sweep.h"

#include <math.h>

#include "isa.h"

ISA_TABLE(const struct prototype_loops, prototype_loops)

/* The most threads that share a sweep, and the most partial sums of dz. */
enum { STRIPS_MAX = 32 };

struct sweep_layer sweep_layer(const struct prototype_layer *p)
{
    struct sweep_layer l = {.T = p->z.dims[0], .K = p->v.dims[0], .b = p->v.dims[1], .v = cpu_f32(p->v),
                            .g = cpu_f32(p->g), .rounds = p->rounds_logits, .cached = p->logits_cached};
    l.bf16 = p->z.dtype == DTYPE_BF16;
    if (l.bf16)
        l.z_bf16 = cpu_bf16(p->z);
    else
        l.z = cpu_f32(p->z);
    if (p->logits.dtype == DTYPE_BF16)
        l.logits_bf16 = cpu_bf16(p->logits);
    else
        l.logits = cpu_f32(p->logits);
    return l;
}

static float *worker_inverse(const struct sweep *s, int worker)
{
    return s->inverse + worker * PROTOTYPES_TILE;
}

void sweep_weights(const struct sweep *s, const struct sweep_layer *p, int64_t tile, int worker)
{
    int64_t k0 = tile * PROTOTYPES_TILE;
    s->loops->weights(sweep_worker_w(s, worker), worker_inverse(s, worker), p->v + k0 * p->b, p->g + k0,
                      sweep_columns(p, tile), p->b);
    if (p->bf16)
        sweep_bf16_weights(s, p, tile, worker);
}

void sweep_product(const struct sweep *s, const struct sweep_layer *p, int64_t tile, int64_t first, int64_t n,
                   float *out, int worker)
{
    sweep_weights(s, p, tile, worker);
    if (p->bf16)
        sweep_bf16_product(s, p, first, n, out, worker);
    else
        gemm_f32(false, true, n, sweep_columns(p, tile), p->b, 1, p->z + first * p->b, p->b, sweep_worker_w(s, worker),
                 p->b, 0, out, PROTOTYPES_TILE);
}

/* x rounded to bf16 and back. */
static void round_in_place(float *x, int64_t n)
{
    uint16_t rounded[PROTOTYPES_TILE];
    for (int64_t i = 0; i < n; i += PROTOTYPES_TILE) {
        convert_loops()->to_bf16(rounded, x + i, num_min(PROTOTYPES_TILE, n - i));
        convert_loops()->from_bf16(x + i, rounded, num_min(PROTOTYPES_TILE, n - i));
    }
}

const float *sweep_logits_of(const struct sweep *s, const struct sweep_layer *p, int64_t tile, int64_t first,
                             int64_t n, float *scratch, int worker)
{
    int64_t at = (tile * p->T + first) * PROTOTYPES_TILE;
    if (p->cached && p->logits)
        return p->logits + at;
    if (p->cached)
        convert_loops()->from_bf16(scratch, p->logits_bf16 + at, n * PROTOTYPES_TILE);
    else
        sweep_product(s, p, tile, first, n, scratch, worker);
    if (!p->cached && p->rounds)
        round_in_place(scratch, n * PROTOTYPES_TILE);
    return scratch;
}

const float *sweep_logits(const struct sweep *s, int64_t tile, int worker)
{
    return sweep_logits_of(s, &s->p, tile, s->first, s->n, s->x + worker * s->x_count, worker);
}

struct sweep sweep_plan(struct op_ctx *c, const struct prototype_layer *p, const struct prototype_layer *other,
                        int64_t first, int64_t n, int64_t x_rows)
{
    int64_t workers = op_workers(c), others = other && other->z.dtype == DTYPE_BF16 ? other->z.dims[0] : 0;
    struct sweep s = {.loops = prototype_loops(), .p = sweep_layer(p), .first = first, .n = n};
    s.n_tiles = num_ceil_div(s.p.K, PROTOTYPES_TILE);
    s.tiles_per_strip = num_ceil_div(s.n_tiles, STRIPS_MAX);
    s.x_count = x_rows * PROTOTYPES_TILE;
    s.w = CPU_TAKE(c, float, workers * PROTOTYPES_TILE * s.p.b);
    s.inverse = CPU_TAKE(c, float, workers * PROTOTYPES_TILE);
    s.x = CPU_TAKE(c, float, workers * s.x_count);
    if (s.p.bf16 || others > 0)
        sweep_bf16_plan(c, &s, num_max(s.p.T, others));
    return s;
}

static int64_t n_strips(const struct sweep *s)
{
    return num_ceil_div(s->n_tiles, s->tiles_per_strip);
}

static void run_strip(void *arg, int64_t strip, int worker)
{
    struct sweep *s = arg;
    int64_t first = strip * s->tiles_per_strip, end = num_min(first + s->tiles_per_strip, s->n_tiles);
    for (int64_t tile = first; tile < end; tile++)
        s->tile(s, tile, tile == first, worker);
}

void sweep_run(struct op_ctx *c, struct sweep *s, sweep_tile *tile, void *arg)
{
    s->tile = tile;
    s->arg = arg;
    op_for(c, n_strips(s), run_strip, s);
}

/* ---- softmax denominators ---- */

struct sweep_denominators sweep_denominators_take(struct op_ctx *c, const struct sweep *s, double *log_row)
{
    int64_t count = s->n_tiles * s->n;
    return (struct sweep_denominators){.largest = CPU_TAKE(c, double, count),
                                       .sum = CPU_TAKE(c, double, count),
                                       .log_row = log_row,
                                       .n = s->n,
                                       .n_tiles = s->n_tiles};
}

void sweep_denominators_tile(const struct sweep *s, const struct sweep_denominators *d, const float *x, int64_t tile,
                             double scale, const double *col)
{
    s->loops->rows_lse(d->largest + tile * s->n, d->sum + tile * s->n, x, s->n, sweep_columns(&s->p, tile), scale, col);
}

double sweep_row_lse(const double *largest, const double *sum, int64_t n_tiles, int64_t stride)
{
    double top = largest[0], total = 0;
    for (int64_t i = 1; i < n_tiles; i++)
        top = largest[i * stride] > top ? largest[i * stride] : top;
    for (int64_t i = 0; i < n_tiles; i++)
        total += sum[i * stride] * exp(largest[i * stride] - top);
    return top + log(total);
}

static void join_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    struct sweep_denominators *d = arg;
    d->log_row[t] = -sweep_row_lse(d->largest + t, d->sum + t, d->n_tiles, d->n) - d->log_rows;
}

void sweep_denominators_join(struct op_ctx *c, struct sweep_denominators *d)
{
    op_for(c, d->n, join_row, d);
}

/* ---- gradients ---- */

void sweep_backward(const struct sweep *s, const struct sweep_gradient *a, int64_t tile, bool first_of_strip,
                    int worker, const float *d, int64_t ld)
{
    const struct sweep_layer *p = &s->p;
    int64_t k0 = tile * PROTOTYPES_TILE, columns = sweep_columns(p, tile);
    const float *w = sweep_worker_w(s, worker), *z = p->z + s->first * p->b;
    float *dw = a->dw + worker * PROTOTYPES_TILE * p->b, *part = a->parts + tile / s->tiles_per_strip * s->n * p->b;
    if (p->bf16)
        sweep_bf16_backward(s, a, tile, d, ld, dw, part, !first_of_strip, worker);
    else
        gemm_f32(true, false, columns, p->b, s->n, 1, d, ld, z, p->b, 0, dw, p->b);
    s->loops->weights_bwd(a->dv + k0 * p->b, a->dg + k0, dw, p->v + k0 * p->b, p->g + k0, worker_inverse(s, worker),
                          columns, p->b);
    if (!p->bf16)
        gemm_f32(false, false, s->n, p->b, columns, 1, d, ld, w, p->b, first_of_strip ? 0 : 1, part, p->b);
}

struct sweep_gradient sweep_gradient_take(struct op_ctx *c, struct sweep *s, struct tensor dv, struct tensor dg)
{
    int64_t b = s->p.b;
    struct sweep_gradient a = {.dw = CPU_TAKE(c, float, op_workers(c) * PROTOTYPES_TILE * b),
                               .parts = CPU_TAKE(c, float, n_strips(s) * s->n * b),
                               .dv = cpu_f32(dv),
                               .dg = cpu_f32(dg)};
    if (s->p.bf16)
        sweep_bf16_gradient_take(c, s, &a);
    return a;
}

struct join_dz {
    float *dz;
    const float *parts;
    int64_t n_parts, n, b;
    bool add;
};

static void join_dz_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    struct join_dz *j = arg;
    for (int64_t i = 0; i < j->b; i++) {
        double sum = j->add ? (double)j->dz[t * j->b + i] : 0;
        for (int64_t s = 0; s < j->n_parts; s++)
            sum += (double)j->parts[(s * j->n + t) * j->b + i];
        j->dz[t * j->b + i] = (float)sum;
    }
}

void sweep_join_dz(struct op_ctx *c, const struct sweep *s, const struct sweep_gradient *a, struct tensor dz, bool add)
{
    struct join_dz j = {cpu_f32(dz), a->parts, n_strips(s), s->n, s->p.b, add};
    op_for(c, s->n, join_dz_row, &j);
}
