/* vit.h - the backbone: a vision transformer as DINOv2 has it, forward and backward.
 *
 * A network is a config, its rows in a table of parameters (params.h), and an array of values over that table
 * (params-array.h); several arrays over one table share one struct vit.
 *
 *   vit_params(&vit, &config, &table, &e);
 *   struct vit_request r = {.n_inputs = 2, .inputs = {globals, locals}, .save_for_backward = true, .drop_path = drops};
 *   vit_forward(&c, &vit, &student, &r, &memory, &act, &error);     act.normed [T,C]: normalised tokens of all inputs
 *   ... d_normed [T,C] from the losses (zero where none) ...
 *   vit_backward(&c, &vit, &student, &act, d_normed, &memory, &gradients);                        gradients += ...
 *
 * All inputs of a request are packed into one sequence of T rows: image after image, input after input; an image's
 * rows are [cls | registers | patches in raster order], and attention is within one image. vit_row() finds a row.
 * For a single image every product is called with that image's rows only, so its bits do not depend on what else is
 * computed: extraction makes one request per image where that matters (extract.h).
 *
 * Memory comes from the arenas that are given; nothing is allocated. With planning arenas, and planning scratch in the
 * context, the same calls count what they need. Activations are valid until the caller resets the arena.
 */
#ifndef VIT_H
#define VIT_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "device-arena.h"
#include "fmt.h"
#include "op.h"
#include "params-array.h"
#include "params.h"
#include "pixel-norm.h"
#include "precision.h"
#include "rng.h"
#include "vit-sizes.h"

/* ------------------------------------------------------------------ the network */

enum vit_ffn { VIT_MLP, VIT_SWIGLU, VIT_IDENTITY };

struct vit_config {
    int64_t C;          /* embed_dim */
    int64_t depth;      /* blocks */
    int64_t n_heads;    /* C is a multiple */
    int64_t patch;      /* side in pixels */
    int64_t grid;       /* side of the stored position grid */
    int64_t R;          /* register tokens */
    enum vit_ffn ffn;
    int64_t hidden;     /* MLP inner width, h of SwiGLU (w12 has 2h rows), 0 of the identity: vit-sizes.h */
    float layerscale;   /* first value of gamma; 0: no LayerScale at all */
    bool qkv_bias, proj_bias, ffn_bias;
    bool antialias;     /* interpolate_antialias */
    double offset;      /* interpolate_offset */
    double eps;         /* of the norms; 0 stands for VIT_EPS */
};

#define VIT_EPS 1e-6          /* as published */
#define VIT_MODULE "backbone" /* its module in a table of parameters */

enum { VIT_INPUTS_MAX = 2 };

int vit_check(const struct vit_config *config, struct fmt_error *e); /* ranges, and heads that divide the width */

/* Rows of the table; -1 where the config has none. */
struct vit_block_rows {
    int norm1_w, norm1_b, qkv_w, qkv_b, proj_w, proj_b, ls1, norm2_w, norm2_b;
    int fc1_w, fc1_b, fc2_w, fc2_b; /* MLP fc1, fc2; SwiGLU w12, w3; identity none */
    int ls2;
};
struct vit {
    struct vit_config config;
    int cls, pos, reg, mask, patch_w, patch_b, norm_w, norm_b;
    struct vit_block_rows block[VIT_DEPTH_MAX];
};

/* Checks the config, begins the module "backbone", and appends its rows in published order. */
int vit_params(struct vit *v, const struct vit_config *config, struct params *t, struct fmt_error *e);

/* ------------------------------------------------------------------ drop path */

/* Which images of one input a branch is computed for, and what its output is multiplied by. n may be 0 (a micro-batch
 * of which no image was drawn). Host memory. */
struct vit_subset {
    const int64_t *images; /* [n] indices into the input's images, none twice, any order; NULL: all */
    int64_t n;
    float scale;           /* images / n of the whole batch */
};
/* Both branches of one block, for each input. */
struct vit_drop_path {
    struct vit_subset attn[VIT_INPUTS_MAX], ffn[VIT_INPUTS_MAX];
};
/* How many of b images training computes a branch for: max(trunc(b (1 - rate)), 1). */
int64_t vit_drop_path_count(int64_t b, double rate);
/* What training uses: draws n = vit_drop_path_count of b images without replacement, scale = b / n. Returns n.
 * images [b] */
int64_t vit_drop_path_draw(struct rng *r, int64_t b, double rate, int64_t *images, float *scale);
/* The published form for one tensor and a rate of at most 0.1, which its training loop never uses: each image by
 * itself, scale = 1 / (1 - rate). Returns how many were drawn, 0 to b. images [b] */
int64_t vit_drop_path_bernoulli(struct rng *r, int64_t b, double rate, int64_t *images, float *scale);
/* The rate of a block: `rate` for all, or linspace(0, rate, depth). */
double vit_drop_path_rate(double rate, bool uniform, int64_t block, int64_t depth);

/* ------------------------------------------------------------------ forward and backward */

/* B images of one size: pixels [B,H,W,3] u8 (normalised here), or values [B,3,H,W] f32 already normalised; the other is
 * TENSOR_NONE. masks [B,P] u8, or TENSOR_NONE: 1 = the patch is replaced by the mask token. */
struct vit_input {
    int64_t B, H, W; /* H, W multiples of the patch */
    struct tensor pixels, values, masks;
};

/* Sees the input x [T,K] of each product of the blocks before it is computed, while planning without data, too. */
enum vit_product { VIT_QKV, VIT_PROJ, VIT_FC1, VIT_FC2, VIT_PRODUCTS }; /* of a block */
struct vit_observer {
    void (*see)(void *arg, struct op_ctx *c, int64_t block, enum vit_product product, struct tensor x);
    void *arg;
};

/* Values and gradients of a unit at a time (params-cut.h), where the arrays that a call is given do not have them: 0
 * the embeddings, 1 + i block i, depth + 1 the last norm. Forward enters the units in this order, backward in the
 * other. */
struct vit_feed {
    /* Returns an array that has the unit; its values are used until the next unit is entered. */
    const struct params_array *(*values)(void *arg, int64_t unit);
    /* Backward alone: an array that its gradients are added to; then they are complete. */
    const struct params_array *(*gradients)(void *arg, int64_t unit);
    void (*complete)(void *arg, int64_t unit);
    void *arg;
};

struct vit_request {
    int n_inputs;
    struct vit_input inputs[VIT_INPUTS_MAX];
    struct pixel_norm pixel_norm;          /* for pixels */
    const struct vit_drop_path *drop_path; /* [depth] or NULL: every image in every branch */
    enum precision precision;              /* of products; activations are of precision_activations() */
    const struct vit_packed *packed;       /* vit_pack of the values in this precision; NULL: packed in each product */
    const struct vit_observer *observer;   /* or NULL */
    const struct vit_feed *feed;           /* NULL: all is in the arrays; not with vit_packed; must live as long */
    bool save_for_backward;                /* what vit_backward needs */
    bool return_layer[VIT_DEPTH_MAX];      /* the output of this block (before the norm) */
    bool return_tokens;                    /* the input of the first block */
};

/* Weights of products in the backend's own order (op_pack), for many passes over single images. */
struct vit_packed {
    struct tensor patch, block[VIT_DEPTH_MAX][VIT_PRODUCTS]; /* TENSOR_NONE: as the values have it */
};

/* What backward needs of a branch of a block. M = n_rows: the rows of the images that it is computed for. */
struct vit_branch {
    int64_t n_rows;
    int64_t seg[VIT_INPUTS_MAX][2];  /* (images, rows of each), for op_attention */
    struct tensor rows, scale;       /* [M] i64 rows of the sequence, [M] f32; TENSOR_NONE: all rows in order, 1 */
    struct tensor x, mean, rstd;     /* [M,C], [M], [M]: input of the norm (not saved in bf16) and its statistics */
    struct tensor inner;             /* qkv [M,3C], or the input of the activation [M,hidden or 2 hidden] */
    struct tensor attention, lse;    /* [M,C], [M,heads] */
    struct tensor out;               /* [M,C] before the LayerScale */
};

/* What a forward pass gives. T rows of C; the rows of input i begin at first[i], n_tokens[i] to an image. */
struct vit_activations {
    struct vit_request request; /* shallow: its arrays must live as long */
    int64_t T;
    int64_t first[VIT_INPUTS_MAX], n_tokens[VIT_INPUTS_MAX];
    struct tensor tokens;                /* [T,C] input of the first block if asked for */
    struct tensor prenorm;               /* [T,C] output of the last block */
    struct tensor normed;                /* [T,C] after the final norm */
    struct tensor layers[VIT_DEPTH_MAX]; /* [T,C] outputs of the blocks asked for */
    struct tensor mean, rstd;            /* [T] of the final norm; these and the branches are for vit_backward */
    struct vit_branch attn[VIT_DEPTH_MAX], ffn[VIT_DEPTH_MAX];
};

/* Where activations and lists go. */
struct vit_memory {
    struct device_arena *device; /* activations: until the caller resets it */
    struct arena *host;          /* lists on their way to the device: given back before a call returns */
};

/* The row of a token: 0 cls, 1..R registers, then patches. */
static inline int64_t vit_row(const struct vit_activations *a, int input, int64_t image, int64_t token)
{
    return a->first[input] + image * a->n_tokens[input] + token;
}

/* 0, or FMT_MISMATCH for sizes that do not fit the config; failures of operations stick to the context. */
int vit_forward(struct op_ctx *c, const struct vit *v, const struct params_array *values,
                const struct vit_request *request, const struct vit_memory *memory, struct vit_activations *act,
                struct fmt_error *e);
/* grads += gradients, given d_normed [T,C], the gradient at act->normed; request.save_for_backward was set, in float32
 * or bf16. d_normed, act->prenorm and what forward saved are overwritten: once for each forward pass. Temporaries come
 * from the context's scratch and from memory->host. */
void vit_backward(struct op_ctx *c, const struct vit *v, const struct params_array *values,
                  struct vit_activations *act, struct tensor d_normed, const struct vit_memory *memory,
                  const struct params_array *grads);

/* y [n,C] = the final norm of rows x [n,C] (of a block's output); y may be x. */
void vit_final_norm(struct op_ctx *c, const struct vit *v, const struct params_array *values, struct tensor y,
                    struct tensor x);
/* out [1 + P,C]: the position embedding for images of H x W pixels, the cls row first. host: as vit_memory has it. */
void vit_positions(struct op_ctx *c, const struct vit *v, const struct params_array *values, int64_t H, int64_t W,
                   struct arena *host, struct tensor out);

#endif
