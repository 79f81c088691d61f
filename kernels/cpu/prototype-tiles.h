/* prototype-tiles.h - one pass over the tiles of a prototype layer: what the operations of prototypes.h are made of.
 *
 * The prototypes are cut into strips of whole tiles, as many strips whatever the number of threads; a thread takes a
 * strip and goes through its tiles one after the other, with the tile's weights, logits and targets in its cache. What
 * rows need from all prototypes (softmax denominators, losses) is left as one partial result per tile, and dz as one
 * per strip; these are joined in order afterwards.
 *
 * Why tiles of prototypes and not of rows: all rows of a batch meet a prototype at once, so its gradient is complete
 * in the cache and goes straight through the weight norm into the gradient array, one write of K x b values a step.
 *
 *   struct proto_pass pass = proto_plan(c, p, first, n, x_rows);      scratch is taken, while planning too
 *   proto_run(c, &pass, tile_function, &arg);                         the function sees every tile
 */
#ifndef PROTOTYPE_TILES_H
#define PROTOTYPE_TILES_H

#include "prototype-loops.h"
#include "prototypes.h"

struct proto_pass {
    const struct proto_loops *loops;
    const struct prototypes *p;
    int64_t first, n; /* rows */
    int64_t n_tiles, tiles_per_strip;
    float *w, *inverse, *x; /* scratch of each worker: weights, 1 / |v|, logits */
    int64_t x_count;
    void (*tile)(struct proto_pass *pass, int64_t tile, bool opens_strip, int worker);
    void *arg;
};

/* Over rows [first, first + n). x_rows: the rows of logits that a worker needs room for in pass.x. */
struct proto_pass proto_plan(struct op_ctx *c, const struct prototypes *p, int64_t first, int64_t n, int64_t x_rows);
void proto_run(struct op_ctx *c, struct proto_pass *pass,
               void (*tile)(struct proto_pass *pass, int64_t tile, bool opens_strip, int worker), void *arg);

int64_t proto_columns(const struct prototypes *p, int64_t tile);
float *proto_kept_tile(const struct prototypes *p, int64_t tile);                  /* [T,PROTOTYPES_TILE] */
float *proto_worker_w(const struct proto_pass *pass, int worker);             /* [PROTOTYPES_TILE,b] */
/* A tile's weights, normalised, into the worker's scratch. */
void proto_weights(const struct proto_pass *pass, const struct prototypes *p, int64_t tile, int worker);
/* These, and the logits of rows [first, first + n) into out [n,PROTOTYPES_TILE]. */
void proto_product(const struct proto_pass *pass, const struct prototypes *p, int64_t tile, int64_t first, int64_t n,
                   float *out, int worker);
/* The logits of rows [first, first + n) of a tile: where they are kept, else computed into room. */
const float *proto_logits(const struct proto_pass *pass, const struct prototypes *p, int64_t tile, int64_t first,
                          int64_t n, float *room, int worker);
const float *proto_pass_logits(const struct proto_pass *pass, int64_t tile, int worker); /* of the pass's rows */

/* Softmax denominators: for each row and tile the largest exponent and the sum beside it. */
struct proto_denominators {
    double *largest, *sum; /* [n_tiles, n] */
    double *log_row;       /* out [n]: minus the logarithm of the whole sum, minus `less` */
    double less;
    int64_t n, n_tiles;
};
struct proto_denominators proto_denominators_take(struct op_ctx *c, const struct proto_pass *pass, double *log_row);
/* A tile's part, of the exponents x * scale + col. */
void proto_denominators_tile(const struct proto_pass *pass, const struct proto_denominators *d, const float *x,
                             int64_t tile, double scale, const double *col);
void proto_denominators_join(struct op_ctx *c, struct proto_denominators *d);
double proto_row_lse(const double *largest, const double *sum, int64_t n_tiles, int64_t stride);

/* Where the gradients of a pass go. */
struct proto_gradient {
    float *dw, *parts; /* scratch: of each worker [PROTOTYPES_TILE,b], of each strip [n,b] */
    float *dv, *dg;
};
struct proto_gradient proto_gradient_take(struct op_ctx *c, const struct proto_pass *pass, float *dv, float *dg);
/* The gradient d at a tile's logits (rows ld apart) goes on to the weights and, added up over the strip, to the rows.
 * The tile's weights are in the worker's scratch. */
void proto_backward(struct proto_pass *pass, const struct proto_gradient *a, int64_t tile, bool opens, int worker,
                    const float *d, int64_t ld);
/* dz [n,b] = or += the sum of the strips. */
void proto_join_dz(struct op_ctx *c, const struct proto_pass *pass, const struct proto_gradient *a, float *dz,
                   bool add);

#endif
