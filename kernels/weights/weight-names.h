/* weight-names.h - from the schemes in which files name tensors to the published names. Pure text.
 *
 * Published: "blocks.3.attn.qkv.weight", in checkpoints after "backbone.", "dino_head." or "ibot_head."; sharded
 * training puts the number of a chunk before that of the block. Hugging Face:
 * "encoder.layer.3.attention.attention.query.weight" (and key, value: three parts of one tensor), from transformers 5
 * on "encoder.layer.3.attention.q_proj.weight". timm: as published but for "reg_token" and, where the feed-forward is
 * SwiGLU, "mlp.fc1" and "mlp.fc2" for "mlp.w12" and "mlp.w3", which only the shapes can tell.
 * Weight-normed layers: "weight_g" and "weight_v", which torch calls parametrizations.weight.original0 and original1
 * since 2.0.
 */
#ifndef WEIGHT_NAMES_H
#define WEIGHT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "params.h"

/* The modules of a network by the first word of their parameters' names: "backbone", ... */
enum { WEIGHT_NAMES_BACKBONE, WEIGHT_NAMES_DINO_HEAD, WEIGHT_NAMES_IBOT_HEAD, WEIGHT_NAMES_MODULES };
extern const char *const weight_names_module[WEIGHT_NAMES_MODULES];
int weight_names_module_of(const char *published); /* the backbone's, where no other is named */

/* Words that a whole network puts before the names of its backbone: "backbone.", ... */
enum { WEIGHT_NAMES_BACKBONE_PREFIXES = 3 };
extern const char *const weight_names_backbone_prefix[WEIGHT_NAMES_BACKBONE_PREFIXES];

/* Drops the words that wrappers put between the parts of a name (module, _fsdp_wrapped_module, _orig_mod, ...). False:
 * the result does not fit the `capacity` bytes of out; one of strlen(name) + 1 is always enough. */
bool weight_names_unwrap(const char *name, char *out, size_t capacity);

/* What follows "blocks.3." or "encoder.layer.3." at the beginning of a name inside a backbone; else NULL. */
const char *weight_names_after_block(const char *name);

enum weight_names_kind {
    WEIGHT_NAMES_PARAMETER, /* *out is filled; it may still be a name that no network has */
    WEIGHT_NAMES_UNUSED,    /* known to come with weights and of no use here: a classifier, centers of the losses */
    WEIGHT_NAMES_TOO_LONG
};

/* Where a tensor of a file belongs. */
struct weight_names_target {
    char name[PARAMS_NAME_MAX]; /* with its module */
    int part, n_parts;          /* part `part` of n_parts along the first axis of the named tensor */
    bool hugging_face;          /* the name was one of Hugging Face's, of a block */
};

/* name: unwrapped, and without the words before the module ("teacher."). */
enum weight_names_kind weight_names_publish(const char *name, struct weight_names_target *out);

#endif
