/* head.h - the projection head (DINOHead): a perceptron D -> hidden -> ... -> bottleneck with GELU between its layers,
 * rows brought to unit length, and a last layer of prototypes with weight norm, W[k] = g[k] v[k] / |v[k]|.
 *
 * Here is the part up to the unit rows z [T,bottleneck]. The logits z W^T are no tensor of their own where it can be
 * avoided: the losses go over the prototypes in tiles (prototypes.h). head_prototypes() gives them what they need.
 */
#ifndef HEAD_H
#define HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "device-arena.h"
#include "op.h"
#include "params-array.h"
#include "params.h"
#include "precision.h"
#include "prototypes.h"

enum { HEAD_LAYERS_MAX = 16 };

#define HEAD_DINO "dino_head" /* modules of a table of parameters */
#define HEAD_IBOT "ibot_head"

struct head_config {
    int64_t in_dim, hidden_dim, bottleneck_dim, n_prototypes;
    int64_t n_layers; /* linear layers before the prototypes: 1 .. HEAD_LAYERS_MAX */
};

struct head {
    struct head_config config;
    enum precision precision; /* of the products, f32 or bf16; the caller's to set, f32 after head_params */
    int weight[HEAD_LAYERS_MAX], bias[HEAD_LAYERS_MAX], weight_g, weight_v; /* rows of the table */
};

/* Begins the module and appends its rows in published order. `layer`: for layer-wise decay, depth + 1. */
int head_params(struct head *h, const struct head_config *config, const char *module, int layer, struct params *t,
                struct fmt_error *e);

/* What a forward pass gives; valid until the caller resets the arena. */
struct head_activations {
    struct tensor x;                         /* [T,D]: as given, must live as long; in bf16 a rounded copy */
    struct tensor pre_gelu[HEAD_LAYERS_MAX]; /* [T,hidden]: saved for backward, else TENSOR_NONE */
    struct tensor out[HEAD_LAYERS_MAX];      /* [T,hidden], at last [T,bottleneck] F32: outputs of the layers */
    struct tensor length, unit;              /* [T] of the last output, [T,bottleneck] at unit length, F32 */
    struct tensor z;                         /* unit, in bf16 a rounded copy: what meets the prototypes */
};

/* x [T,D] F32 */
void head_forward(struct op_ctx *c, const struct head *h, const struct params_array *values, struct tensor x,
                  bool save_for_backward, struct device_arena *arena, struct head_activations *act);
/* dx [T,D] = ...; grads += ...; given dz [T,bottleneck], which is overwritten; all F32. save_for_backward was set.
 * Temporaries come from the arena. */
void head_backward(struct op_ctx *c, const struct head *h, const struct params_array *values,
                   const struct head_activations *act, struct tensor dz, struct tensor dx, struct device_arena *arena,
                   const struct params_array *grads);

/* Of z: F32 or BF16. */
static inline enum dtype head_rows_dtype(const struct head *h)
{
    return precision_activations(h->precision);
}
/* Rows z [T,bottleneck] before this head's prototypes. */
struct prototype_layer head_prototypes(const struct head *h, const struct params_array *values, struct tensor z);

#endif
