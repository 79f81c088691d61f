/* prototypebed.h - a prototype layer with its logits, for the tests of prototypes.h.
 */
#ifndef PROTOTYPEBED_H
#define PROTOTYPEBED_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "opbed.h"
#include "prototypes.h"

enum { ROUNDS = 3 };

struct layer {
    int64_t T, K, b;
    float *z, *v, *g, *logits;
    uint16_t *z_bf16; /* z, for products in bf16; NULL: in float32 */
};

static bool in_bf16; /* of the layers that are made */

/* On the device, inside of ON_DEVICE. */
static inline struct prototype_layer on_device(const struct layer *l)
{
    return (struct prototype_layer){
        .z = l->z_bf16 ? COPY(l->z_bf16, l->T, l->b) : COPY(l->z, l->T, l->b),
        .v = COPY(l->v, l->K, l->b),
        .g = COPY(l->g, l->K, 1)};
}

static inline void layer_logits(struct layer *l)
{
    ON_DEVICE(&ctx, struct prototype_layer p = on_device(l); op_prototype_fwd(&ctx, COPY(l->logits, l->T, l->K), &p));
}

static inline struct layer layer_make(int64_t T, int64_t K, int64_t b)
{
    struct layer l = {T, K, b, noise(T * b, 0.5), noise(K * b, 1), noise(K, 0.3), zeros_f32(T * K), NULL};
    if (in_bf16)
        l.z_bf16 = calloc((size_t)(T * b), sizeof *l.z_bf16);
    for (int64_t i = 0; i < T * b && in_bf16; i++) {
        l.z_bf16[i] = f32_to_bf16(l.z[i]);
        l.z[i] = bf16_to_f32(l.z_bf16[i]);
    }
    for (int64_t k = 0; k < K; k++)
        l.g[k] += 1;
    layer_logits(&l);
    return l;
}

static inline void layer_free(struct layer *l)
{
    free(l->z), free(l->v), free(l->g), free(l->logits), free(l->z_bf16);
}

/* log_col [K] and log_row [n] of rows [first, first + n). */
static inline void sinkhorn(const struct layer *l, int64_t first, int64_t n, double *col, double *row,
                            double temperature)
{
    ON_DEVICE(&ctx, struct prototype_layer p = on_device(l);
              struct tensor log_col = COPY(col, l->K), log_row = COPY(row, n);
              op_fill(&ctx, log_row, 0);
              for (int round = 1; round <= ROUNDS; round++)
                  op_prototype_sinkhorn(&ctx, log_col, log_row, &p, first, temperature,
                                        round < ROUNDS ? log((double)n) : 0));
}

#endif
