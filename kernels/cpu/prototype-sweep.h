/* prototype-sweep.h - a sweep over the tiles of a prototype layer: what the operations of prototypes.h are made of.
 *
 * The prototypes are cut into strips of whole tiles, as many strips whatever the number of threads; a thread takes a
 * strip and works on its tiles in order, with the tile's weights, logits and targets in its cache. What
 * rows need from all prototypes (softmax denominators, losses) is left as one partial result per tile, and dz as one
 * per strip; these are joined in order afterwards.
 *
 * Why tiles of prototypes and not of rows: all rows of a batch meet a prototype at once, so its gradient is complete
 * in the cache and goes straight through the weight norm into the gradient array, one write of K x b values a step.
 *
 *   struct sweep s = sweep_plan(c, p, other, first, n, x_rows);      takes scratch, while planning too
 *   sweep_run(c, &s, tile_function, &arg);                           calls the function for every tile
 */
#ifndef PROTOTYPE_SWEEP_H
#define PROTOTYPE_SWEEP_H

#include "cpu.h"
#include "matmul-scratch.h"
#include "prototype-loops.h"
#include "prototypes.h"

/* A prototype layer as pointers. */
struct sweep_layer {
    int64_t T, K, b;
    const float *z, *v, *g;
    const uint16_t *z_bf16; /* instead of z: products are in bf16 */
    float *logits;          /* memory to cache them, or NULL */
    uint16_t *logits_bf16;  /* instead of logits: memory to cache them, rounded */
    bool bf16, rounds, cached; /* products are in bf16; logits are rounded; the memory for logits holds them */
};
struct sweep_layer sweep_layer(const struct prototype_layer *p);

/* Scratch of each worker for products in bf16 (prototype-sweep-bf16.c). Weights of a tile beyond the last prototype are
 * zero, so that the products of all tiles have one shape. */
struct sweep_bf16 {
    uint16_t *w, *d; /* [PROTOTYPES_TILE,b]: weights, rounded; [n,PROTOTYPES_TILE]: gradient at the logits */
    uint8_t *packed; /* an operand, packed_bytes */
    int64_t packed_bytes;
    struct matmul_scratch scratch;
};

struct sweep;
typedef void sweep_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker);

struct sweep {
    const struct prototype_loops *loops;
    struct sweep_layer p;
    int64_t first, n; /* rows */
    int64_t n_tiles, tiles_per_strip;
    float *w, *inverse, *x; /* scratch of each worker: weights, 1 / |v|, logits */
    int64_t x_count;
    struct sweep_bf16 bf16;
    sweep_tile *tile;
    void *arg;
};

/* Prototypes of a tile. */
static inline int64_t sweep_columns(const struct sweep_layer *p, int64_t tile)
{
    return num_min(PROTOTYPES_TILE, p->K - tile * PROTOTYPES_TILE);
}

static inline float *sweep_worker_w(const struct sweep *s, int worker) /* [PROTOTYPES_TILE,b] */
{
    return s->w + worker * PROTOTYPES_TILE * s->p.b;
}

/* Over rows [first, first + n). x_rows: rows of logits in a worker's scratch s.x. other: a layer of as wide rows whose
 * logits are computed in the same sweep, or NULL. */
struct sweep sweep_plan(struct op_ctx *c, const struct prototype_layer *p, const struct prototype_layer *other,
                        int64_t first, int64_t n, int64_t x_rows);
void sweep_run(struct op_ctx *c, struct sweep *s, sweep_tile *tile, void *arg);

/* A tile's weights, normalised, into the worker's scratch. */
void sweep_weights(const struct sweep *s, const struct sweep_layer *p, int64_t tile, int worker);
/* These, and the logits of rows [first, first + n) into out [n,PROTOTYPES_TILE], columns beyond the last prototype
 * undefined. */
void sweep_product(const struct sweep *s, const struct sweep_layer *p, int64_t tile, int64_t first, int64_t n,
                   float *out, int worker);
/* The logits of rows [first, first + n) of a tile: the cached ones where they lie, or from bf16 or computed into
 * `scratch`. */
const float *sweep_logits_of(const struct sweep *s, const struct sweep_layer *p, int64_t tile, int64_t first,
                             int64_t n, float *scratch, int worker);
const float *sweep_logits(const struct sweep *s, int64_t tile, int worker); /* of the sweep's own rows */

/* Softmax denominators: for each row and tile the largest exponent and the sum relative to it. */
struct sweep_denominators {
    double *largest, *sum; /* [n_tiles, n] */
    double *log_row;       /* out [n]: minus the logarithm of the whole sum, minus log_rows */
    double log_rows;       /* 0, or the logarithm of the number of rows (Sinkhorn-Knopp) */
    int64_t n, n_tiles;
};
struct sweep_denominators sweep_denominators_take(struct op_ctx *c, const struct sweep *s, double *log_row);
/* A tile's part, of the exponents x * scale + col. */
void sweep_denominators_tile(const struct sweep *s, const struct sweep_denominators *d, const float *x, int64_t tile,
                             double scale, const double *col);
void sweep_denominators_join(struct op_ctx *c, struct sweep_denominators *d);
double sweep_row_lse(const double *largest, const double *sum, int64_t n_tiles, int64_t stride);

/* Where the gradients of a sweep go. */
struct sweep_gradient {
    float *dw, *parts; /* scratch: of each worker [PROTOTYPES_TILE,b], of each strip [n,b] */
    float *dv, *dg;
    uint8_t *z_packed; /* scratch: rows of z as an operand in bf16 */
};
struct sweep_gradient sweep_gradient_take(struct op_ctx *c, struct sweep *s, struct tensor dv, struct tensor dg);
/* From the gradient d at a tile's logits (rows ld apart) to those of the weights and, summed over the strip, of the
 * rows. The tile's weights are in the worker's scratch. */
void sweep_backward(const struct sweep *s, const struct sweep_gradient *a, int64_t tile, bool first_of_strip,
                    int worker, const float *d, int64_t ld);
/* dz [n,b] = or += the sum of the strips. */
void sweep_join_dz(struct op_ctx *c, const struct sweep *s, const struct sweep_gradient *a, struct tensor dz, bool add);

/* -- prototype-sweep-bf16.c: the same steps where a layer has z_bf16 -- */
void sweep_bf16_plan(struct op_ctx *c, struct sweep *s, int64_t rows); /* rows: the most of a product */
void sweep_bf16_weights(const struct sweep *s, const struct sweep_layer *p, int64_t tile, int worker);
void sweep_bf16_product(const struct sweep *s, const struct sweep_layer *p, int64_t first, int64_t n, float *out,
                        int worker);
void sweep_bf16_gradient_take(struct op_ctx *c, struct sweep *s, struct sweep_gradient *a);
/* dw = d^T z, dz = or += d w */
void sweep_bf16_backward(const struct sweep *s, const struct sweep_gradient *a, int64_t tile, const float *d,
                         int64_t ld, float *dw, float *dz, bool add, int worker);

#endif
