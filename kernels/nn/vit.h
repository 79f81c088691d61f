/* vit.h - the backbone: a vision transformer as DINOv2 has it, forward and backward.
 *
 * A network is a config, its rows in a params table (params.h), and an array of values of the table's layout; several
 * arrays (student, teacher) share one struct vit.
 *
 *   vit_params(&vit, &config, &table, &e);
 *   struct vit_request r = {.n_inputs = 2, .inputs = {globals, locals}, .save_for_backward = true, .drop_path = drops};
 *   vit_forward(&c, &vit, student, &r, &arena, &pass, &error);    pass.normed [T,C]: normalised tokens of all inputs
 *   ... d_norm [T,C] from the losses (zero where none) ...
 *   vit_backward(&c, &vit, student, &pass, d_norm, grads);             grads += ...
 *
 * All inputs of a request are packed into one sequence of T rows: image after image, input after input; an image's
 * rows are [cls | registers | patches in raster order], and it attends to itself alone. vit_row() finds a row.
 * For a single image every product is called with that image's rows only, so its bits do not depend on what else is
 * computed: extraction makes one request per image, with a context without pool, and runs images in parallel.
 *
 * Memory: all comes from the arena that is given, none is allocated. With a planning arena and a planning scratch
 * arena in the context the same calls count what they need. A pass stays valid until the caller resets the arena.
 */
#ifndef VIT_H
#define VIT_H

#include <stdbool.h>
#include <stdint.h>

#include "device-arena.h"
#include "fmt.h"
#include "params.h"
#include "op.h"
#include "pixel-norm.h"
#include "rng.h"
#include "vit-sizes.h"

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

#define VIT_EPS 1e-6 /* as published */
#define VIT_MODULE "backbone" /* its module in a table of parameters */

enum { VIT_INPUTS_MAX = 2 };

int vit_check(const struct vit_config *config, struct fmt_error *e); /* ranges and what must divide what */

/* Offsets of the parameters in a table's arrays; -1 where the config has none. */
struct vit_block_rows {
    int64_t norm1_w, norm1_b, qkv_w, qkv_b, proj_w, proj_b, ls1, norm2_w, norm2_b;
    int64_t fc1_w, fc1_b, fc2_w, fc2_b; /* MLP fc1, fc2; SwiGLU w12, w3; identity none */
    int64_t ls2;
};
struct vit {
    struct vit_config config;
    int64_t cls, pos, reg, mask, patch_w, patch_b, norm_w, norm_b;
    struct vit_block_rows block[VIT_DEPTH_MAX];
};

/* Checks the config, begins the module "backbone", appends its rows in published order and remembers where they
 * are. */
int vit_params(struct vit *v, const struct vit_config *config, struct params *t, struct fmt_error *e);

/* B images of one size: pixels [B,H,W,3] u8 (normalised here by mean and deviation), or values [B,3,H,W] f32 already
 * normalised. masks [B,P] (optional): 1 = the patch is replaced by the mask token. */
struct vit_input {
    int64_t B, H, W; /* H, W multiples of the patch */
    const uint8_t *pixels;
    const float *values;
    const uint8_t *masks;
};

/* Which images of one input a branch is computed for, and what their residuals are multiplied by. kept NULL: all.
 * n_kept may be 0 (a micro-batch of which no image was kept). */
struct vit_subset {
    const int64_t *images; /* [n] indices into the input's images, none twice, any order; NULL: all */
    int64_t n;
    float scale;           /* images / n of the whole batch */
};
/* Both branches of one block, for each input. */
struct vit_drop_path {
    struct vit_subset attn[VIT_INPUTS_MAX], ffn[VIT_INPUTS_MAX];
};
/* How many of b images training keeps: max(trunc(b (1 - rate)), 1). */
int64_t vit_drop_path_count(int64_t b, double rate);
/* What training uses. Draws s = vit_drop_path_count of b images without replacement, alpha = b / s. Returns s. kept [b] */
int64_t vit_drop_path_draw(struct rng *r, int64_t b, double rate, int64_t *images, float *scale);
/* The published form for one tensor and a rate of at most 0.1, which its training loop never comes to: each image
 * on its own, alpha = 1 / (1 - rate). Returns how many are kept; none is possible. kept [b] */
int64_t vit_drop_path_bernoulli(struct rng *r, int64_t b, double rate, int64_t *images, float *scale);
/* The rate of a block: `rate` for all, or linspace(0, rate, depth). */
double vit_drop_path_rate(double rate, bool uniform, int64_t block, int64_t depth);

struct vit_request {
    int n_inputs;
    struct vit_input inputs[VIT_INPUTS_MAX];
    struct pixel_norm pixel_norm;  /* for pixels */
    const struct vit_drop_path *drop_path; /* [depth] or NULL: every image in every branch */
    bool weights_transposed;       /* values went through vit_transpose_weights */
    bool save_for_backward;        /* save what vit_backward needs */
    bool return_layer[VIT_DEPTH_MAX]; /* blocks whose output is returned (before the norm) */
    bool return_tokens;              /* the input of the first block is returned */
};

/* A branch of a block as forward leaves it for backward: M rows of the images it was computed for. */
struct vit_branch {
    int64_t M;
    int64_t seg[VIT_INPUTS_MAX][2]; /* (images, rows of each), for op_attention */
    bool listed;                    /* rows were chosen, if only all of them in another order */
    int64_t *rows;                  /* [M] rows of the sequence, NULL: all */
    float *scale;                   /* [M] alpha, NULL: 1 */
    float *x, *mean, *rstd;         /* [M,C], [M], [M]: input of the norm */
    float *inner;                   /* qkv [M,3C], or the input of the activation [M,hidden or 2 hidden] */
    float *o, *lse;                 /* attention [M,C], [M,heads] */
    float *r;                       /* [M,C] before the LayerScale */
};

/* What a forward pass gives. T rows of C; input i's images are rows first[i] + image * n_tokens[i] ... */
struct vit_activations {
    struct vit_request request; /* shallow: its arrays must live as long */
    int64_t T;
    int64_t first[VIT_INPUTS_MAX], n_tokens[VIT_INPUTS_MAX];
    float *tokens;                /* [T,C] input of the first block if asked for, else NULL */
    float *prenorm;               /* [T,C] output of the last block */
    float *normed;                /* [T,C] after the final norm */
    float *layers[VIT_DEPTH_MAX]; /* [T,C] outputs of the blocks asked for, else NULL */
    float *mean, *rstd;           /* [T] of the final norm; these and the branches for vit_backward */
    struct vit_branch attn[VIT_DEPTH_MAX], ffn[VIT_DEPTH_MAX];
};

/* The row of a token: 0 cls, 1..R registers, then patches. */
static inline int64_t vit_row(const struct vit_activations *p, int input, int64_t image, int64_t token)
{
    return p->first[input] + image * p->n_tokens[input] + token;
}

/* 0, or FMT_MISMATCH for sizes that do not fit the config; failures of operations are sticky in the context. */
int vit_forward(struct op_ctx *c, const struct vit *v, const float *values, const struct vit_request *request,
                struct device_arena *arena, struct vit_activations *pass, struct fmt_error *e);
/* For many passes over single images: turns the weights of all products in place, into the form that this machine
 * multiplies fastest (gemm.h), and says whether it did; requests over these values then set `turned`. The values have
 * the published layout no more: no hash, no file, no backward from them. */
bool vit_transpose_weights(struct op_ctx *c, const struct vit *v, float *values);
/* y [n,C] = the final norm of rows x [n,C] (of a block's output); y may be x. */
void vit_final_norm(struct op_ctx *c, const struct vit *v, const float *values, float *y, const float *x, int64_t n);
/* grads += gradients, given d_norm [T,C], the gradient at pass->normed; request.keep was set. d_norm and what the pass
 * kept are overwritten: once for each forward pass. Temporaries come from the context's scratch. */
void vit_backward(struct op_ctx *c, const struct vit *v, const float *values, struct vit_activations *pass, float *d_norm,
                  float *grads);

/* The position embedding for images of H x W pixels: out [1 + P, C], the cls row first. */
void vit_positions(struct op_ctx *c, const struct vit *v, const float *values, int64_t H, int64_t W, float *out);

#endif
