/* head.h - the projection head (DINOHead): a perceptron D -> hidden -> ... -> bottleneck with GELU between its layers,
 * rows brought to unit length, and a last layer of prototypes with weight norm, W[k] = g[k] v[k] / |v[k]|.
 *
 * Here is the part up to the unit rows z [T,bottleneck]. The logits z W^T are never a tensor of their own: the losses
 * (loss.h) go over the prototypes in tiles.
 */
#ifndef HEAD_H
#define HEAD_H

#include <stdint.h>

struct arena;
struct op_ctx;
struct params;

#define HEAD_LAYERS_MAX 8

struct head_config {
    int64_t in_dim, hidden_dim, bottleneck_dim, n_prototypes;
    int n_layers; /* linear layers before the prototypes */
};

/* Where a head's parameters lie in the table (indices). */
struct head {
    struct head_config config;
    int64_t weight[HEAD_LAYERS_MAX], bias[HEAD_LAYERS_MAX], weight_g, weight_v;
};

#endif
