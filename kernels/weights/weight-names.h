/* weight-names.h - converts tensor names of other naming schemes to the published names. Text only.
 *
 * Published: "blocks.3.attn.qkv.weight", in checkpoints after "backbone.", "dino_head." or "ibot_head."; sharded
 * training inserts the number of a chunk before that of the block. Hugging Face:
 * "encoder.layer.3.attention.attention.query.weight" (also key and value: three parts of one tensor), since
 * transformers 5 "encoder.layer.3.attention.q_proj.weight". timm: as published except for "reg_token" and, with SwiGLU,
 * "mlp.fc1" and "mlp.fc2" for "mlp.w12" and "mlp.w3", which only shapes distinguish.
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
int weight_names_module_of(const char *published); /* the backbone, if no other module is named */

/* Words before the names of the backbone in a whole network: "backbone.", ... */
enum { WEIGHT_NAMES_BACKBONE_PREFIXES = 3 };
extern const char *const weight_names_backbone_prefix[WEIGHT_NAMES_BACKBONE_PREFIXES];

/* Drops the words that wrappers insert in a name (module, _fsdp_wrapped_module, _orig_mod, ...). False: the result does
 * not fit the `capacity` bytes of out; strlen(name) + 1 is always enough. */
bool weight_names_unwrap(const char *name, char *out, size_t capacity);

/* What follows "blocks.3." or "encoder.layer.3." at the beginning of a name inside a backbone; else NULL. */
const char *weight_names_after_block(const char *name);

enum weight_names_kind {
    WEIGHT_NAMES_PARAMETER, /* *out is set; the name may still be one that no network has */
    WEIGHT_NAMES_UNUSED,    /* known in files of weights, but not needed: a classifier, centers of the losses */
    WEIGHT_NAMES_TOO_LONG
};

/* The parameter that a tensor of a file provides. */
struct weight_names_target {
    char name[PARAMS_NAME_MAX]; /* with its module */
    int part, n_parts;          /* part `part` of n_parts along the first axis of the named tensor */
    bool hugging_face;          /* the name was one of Hugging Face's, of a block */
};

/* name: unwrapped, and without the words before the module ("teacher."). */
enum weight_names_kind weight_names_publish(const char *name, struct weight_names_target *out);

#endif
