/* model.c - settings, field by field, to the dimensions of networks. */
#include "model.h"

struct vit_config model_vit(const struct config *c)
{
    struct config_dims d = config_dims(c);
    static const enum vit_ffn ffn[] = {
        [FFN_MLP] = VIT_MLP, [FFN_SWIGLU] = VIT_SWIGLU, [FFN_SWIGLUFUSED] = VIT_SWIGLU, [FFN_IDENTITY] = VIT_IDENTITY};
    return (struct vit_config){
        .C = d.embed_dim,
        .depth = d.depth,
        .n_heads = d.num_heads,
        .patch = d.patch,
        .grid = d.grid,
        .R = c->student.num_register_tokens,
        .ffn = ffn[c->student.ffn_layer],
        .hidden = d.ffn_hidden,
        .layerscale = (float)c->student.layerscale,
        .qkv_bias = c->student.qkv_bias,
        .proj_bias = c->student.proj_bias,
        .ffn_bias = c->student.ffn_bias,
        .antialias = c->student.interpolate_antialias,
        .offset = c->student.interpolate_offset,
        .eps = c->student.layer_norm_eps,
    };
}

struct head_config model_head(const struct config *c, bool ibot)
{
    struct head_config h = {
        .in_dim = config_dims(c).embed_dim,
        .hidden_dim = ibot ? c->ibot.head_hidden_dim : c->dino.head_hidden_dim,
        .bottleneck_dim = ibot ? c->ibot.head_bottleneck_dim : c->dino.head_bottleneck_dim,
        .n_prototypes = ibot ? c->ibot.head_n_prototypes : c->dino.head_n_prototypes,
        .n_layers = (int)(ibot ? c->ibot.head_nlayers : c->dino.head_nlayers),
    };
    return h;
}
