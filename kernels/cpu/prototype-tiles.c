/* prototype-tiles.c - see prototype-tiles.h. */
#include "prototype-tiles.h"

#include <math.h>

#include "gemm.h"
#include "isa.h"
#include "num.h"

ISA_TABLE(const struct proto_loops, proto_loops)

enum { STRIPS_MAX = 32 };

int64_t proto_columns(const struct prototypes *p, int64_t tile)
{
    return num_min(PROTOTYPES_TILE, p->K - tile * PROTOTYPES_TILE);
}

float *proto_worker_w(const struct proto_pass *pass, int worker)
{
    return pass->w + worker * PROTOTYPES_TILE * pass->p->b;
}

static float *worker_inverse(const struct proto_pass *pass, int worker)
{
    return pass->inverse + worker * PROTOTYPES_TILE;
}

void proto_weights(const struct proto_pass *pass, const struct prototypes *p, int64_t tile, int worker)
{
    int64_t k0 = tile * PROTOTYPES_TILE;
    pass->loops->weights(proto_worker_w(pass, worker), worker_inverse(pass, worker), p->v + k0 * p->b, p->g + k0,
                         proto_columns(p, tile), p->b);
}

void proto_product(const struct proto_pass *pass, const struct prototypes *p, int64_t tile, int64_t first, int64_t n,
                   float *out, int worker)
{
    proto_weights(pass, p, tile, worker);
    gemm_f32(false, true, n, proto_columns(p, tile), p->b, 1, p->z + first * p->b, p->b, proto_worker_w(pass, worker),
             p->b, 0, out, PROTOTYPES_TILE);
}

float *proto_kept_tile(const struct prototypes *p, int64_t tile)
{
    return p->logits + tile * PROTOTYPES_TILE * p->T;
}

const float *proto_logits(const struct proto_pass *pass, const struct prototypes *p, int64_t tile, int64_t first,
                          int64_t n, float *room, int worker)
{
    if (p->kept)
        return proto_kept_tile(p, tile) + first * PROTOTYPES_TILE;
    proto_product(pass, p, tile, first, n, room, worker);
    return room;
}

const float *proto_pass_logits(const struct proto_pass *pass, int64_t tile, int worker)
{
    return proto_logits(pass, pass->p, tile, pass->first, pass->n, pass->x + worker * pass->x_count, worker);
}

struct proto_pass proto_plan(struct op_ctx *c, const struct prototypes *p, int64_t first, int64_t n, int64_t x_rows)
{
    int64_t n_tiles = num_ceil_div(p->K, PROTOTYPES_TILE), workers = op_workers(c);
    struct proto_pass pass = {.loops = proto_loops(), .p = p, .first = first, .n = n, .n_tiles = n_tiles};
    pass.tiles_per_strip = num_ceil_div(n_tiles, STRIPS_MAX);
    pass.x_count = x_rows * PROTOTYPES_TILE;
    pass.w = ARENA_TAKE(c->scratch, float, workers * PROTOTYPES_TILE * p->b);
    pass.inverse = ARENA_TAKE(c->scratch, float, workers * PROTOTYPES_TILE);
    pass.x = ARENA_TAKE(c->scratch, float, workers * pass.x_count);
    return pass;
}

static int64_t n_strips(const struct proto_pass *pass)
{
    return num_ceil_div(pass->n_tiles, pass->tiles_per_strip);
}

static void run_strip(void *arg, int64_t strip, int worker)
{
    struct proto_pass *pass = arg;
    int64_t tile = strip * pass->tiles_per_strip, end = num_min(tile + pass->tiles_per_strip, pass->n_tiles);
    for (bool opens = true; tile < end; tile++, opens = false)
        pass->tile(pass, tile, opens, worker);
}

void proto_run(struct op_ctx *c, struct proto_pass *pass,
               void (*tile)(struct proto_pass *pass, int64_t tile, bool opens_strip, int worker), void *arg)
{
    pass->tile = tile;
    pass->arg = arg;
    op_for(c, n_strips(pass), run_strip, pass);
}

/* ---- softmax denominators ---- */

struct proto_denominators proto_denominators_take(struct op_ctx *c, const struct proto_pass *pass, double *log_row)
{
    int64_t count = pass->n_tiles * pass->n;
    return (struct proto_denominators){.largest = ARENA_TAKE(c->scratch, double, count),
                                       .sum = ARENA_TAKE(c->scratch, double, count),
                                       .log_row = log_row,
                                       .n = pass->n,
                                       .n_tiles = pass->n_tiles};
}

void proto_denominators_tile(const struct proto_pass *pass, const struct proto_denominators *d, const float *x,
                             int64_t tile, double scale, const double *col)
{
    pass->loops->rows_lse(d->largest + tile * pass->n, d->sum + tile * pass->n, x, pass->n,
                          proto_columns(pass->p, tile), scale, col);
}

double proto_row_lse(const double *largest, const double *sum, int64_t n_tiles, int64_t stride)
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
    struct proto_denominators *d = arg;
    d->log_row[t] = -proto_row_lse(d->largest + t, d->sum + t, d->n_tiles, d->n) - d->less;
}

void proto_denominators_join(struct op_ctx *c, struct proto_denominators *d)
{
    op_for(c, d->n, join_row, d);
}

/* ---- gradients ---- */

void proto_backward(struct proto_pass *pass, const struct proto_gradient *a, int64_t tile, bool opens, int worker,
                    const float *d, int64_t ld)
{
    const struct prototypes *p = pass->p;
    int64_t k0 = tile * PROTOTYPES_TILE, columns = proto_columns(p, tile);
    const float *w = proto_worker_w(pass, worker), *z = p->z + pass->first * p->b;
    float *dw = a->dw + worker * PROTOTYPES_TILE * p->b,
          *part = a->parts + tile / pass->tiles_per_strip * pass->n * p->b;
    gemm_f32(true, false, columns, p->b, pass->n, 1, d, ld, z, p->b, 0, dw, p->b);
    pass->loops->weights_bwd(a->dv + k0 * p->b, a->dg + k0, dw, p->v + k0 * p->b, p->g + k0,
                             worker_inverse(pass, worker), columns, p->b);
    gemm_f32(false, false, pass->n, p->b, columns, 1, d, ld, w, p->b, opens ? 0 : 1, part, p->b);
}

struct proto_gradient proto_gradient_take(struct op_ctx *c, const struct proto_pass *pass, float *dv, float *dg)
{
    int64_t b = pass->p->b;
    return (struct proto_gradient){.dw = ARENA_TAKE(c->scratch, float, op_workers(c) * PROTOTYPES_TILE * b),
                                   .parts = ARENA_TAKE(c->scratch, float, n_strips(pass) * pass->n * b),
                                   .dv = dv,
                                   .dg = dg};
}

struct joined {
    float *dz;
    const float *parts;
    int64_t n_parts, n, b;
    bool add;
};

static void join_dz_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    struct joined *j = arg;
    for (int64_t i = 0; i < j->b; i++) {
        double sum = j->add ? (double)j->dz[t * j->b + i] : 0;
        for (int64_t s = 0; s < j->n_parts; s++)
            sum += (double)j->parts[(s * j->n + t) * j->b + i];
        j->dz[t * j->b + i] = (float)sum;
    }
}

void proto_join_dz(struct op_ctx *c, const struct proto_pass *pass, const struct proto_gradient *a, float *dz, bool add)
{
    struct joined j = {dz, a->parts, n_strips(pass), pass->n, pass->p->b, add};
    op_for(c, pass->n, join_dz_row, &j);
}
