/* head.h - the projection head (DINOHead): a perceptron D -> hidden -> ... -> bottleneck with GELU between its layers,
 * rows brought to unit length, and a last layer of prototypes with weight norm, W[k] = g[k] v[k] / |v[k]|.
 *
 * Here is the part up to the unit rows z [T,bottleneck]. The logits z W^T are no tensor of their own where it can be
 * helped: the losses go over the prototypes in tiles (prototypes.h). head_prototypes() gives them what they need.
 */
#ifndef HEAD_H
#define HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "device-arena.h"
#include "params.h"
#include "op.h"
#include "prototypes.h"

enum { HEAD_LAYERS_MAX = 16 };

#define HEAD_DINO "dino_head" /* modules of a table of parameters */
#define HEAD_IBOT "ibot_head"

struct head_config {
    int64_t in_dim, hidden_dim, bottleneck_dim, n_prototypes;
    int64_t n_layers; /* linear layers before the prototypes: 1 .. HEAD_LAYERS_MAX */
};

/* A head's place in the arrays of a table. */
struct head {
    struct head_config config;
    int64_t weight[HEAD_LAYERS_MAX], bias[HEAD_LAYERS_MAX], weight_g, weight_v; /* offsets */
};

/* Begins the module and appends its rows in published order. `layer`: for layer-wise decay, depth + 1. */
int head_params(struct head *h, const struct head_config *config, const char *module, int layer, struct params *t,
                struct fmt_error *e);

/* What a forward pass leaves; valid until the caller resets the arena. */
struct head_activations {
    int64_t T;
    const float *x;               /* [T,D]: as given, must live as long */
    float *before[HEAD_LAYERS_MAX]; /* of GELU; kept for backward, else NULL */
    float *after[HEAD_LAYERS_MAX];  /* input of the next layer */
    float *norm, *z;              /* [T], [T,bottleneck] */
};

void head_forward(struct op_ctx *c, const struct head *h, const float *values, const float *x, int64_t T, bool keep,
                  struct device_arena *arena, struct head_activations *pass);
/* dx [T,D] = ...; grads += ...; given dz [T,bottleneck], which is overwritten. keep was set. */
void head_backward(struct op_ctx *c, const struct head *h, const float *values, const struct head_activations *pass,
                   float *dz,
                   float *dx, struct device_arena *arena, float *grads);

/* Rows z [T,bottleneck] before this head's prototypes. */
struct prototype_layer head_prototypes(const struct head *h, const float *values, const float *z, int64_t T);

#endif
