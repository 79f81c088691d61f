/* weights.h - weights from any file onto a params table: naming schemes, what the file does not say, and complete lists
 * of what is missing, misshapen or does not belong.
 *
 *   struct weights w;
 *   weights_open(&w, "dinov2_vits14_pretrain.pth", &(struct weights_hint){0}, e);
 *   vit_params(&vit, &w.vit, &table, e);                      the file's own dimensions, position grid included
 *   weights_load(&w, &table, WEIGHTS_BACKBONE, values, e);    w.n_loaded, w.n_new; on failure w.problem[] says all
 *   weights_close(&w);
 *
 * Understood are the published names, with or without chunks of blocks; those of Hugging Face (query, key and value
 * apart) and of timm; in safetensors, .pth and checkpoints of ours. Any words may stand before all names of a network
 * ("teacher.backbone."); of several networks in a file the teacher is taken, else the averaged one ("ema", "swa",
 * "averaged" or "shadow" among the words), else the one that is no student's; where words do not tell, it is an error
 * that names them. The resampling of positions is the published one whatever the names. Tensors go one by one straight
 * into the caller's array: nothing large is held twice.
 *
 * What the tensors cannot say (number of heads, epsilon, form of the resampling, normalisation of pixels) comes, in
 * this order, from the hint, from settings that the file carries (CONFIG_META_KEY), of Hugging Face's names from
 * config.json beside the file (heads and epsilon), from how the published models have it.
 */
#ifndef WEIGHTS_H
#define WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "digest.h"
#include "head.h"
#include "params.h"
#include "vit.h"
#include "tensorfile.h"
#include "weight-names.h"

enum weights_net { WEIGHTS_TEACHER, WEIGHTS_STUDENT };

/* Modules to load: a mask. */
enum {
    WEIGHTS_BACKBONE = 1 << WEIGHT_NAMES_BACKBONE,
    WEIGHTS_DINO_HEAD = 1 << WEIGHT_NAMES_DINO_HEAD,
    WEIGHTS_IBOT_HEAD = 1 << WEIGHT_NAMES_IBOT_HEAD,
    WEIGHTS_ALL = WEIGHTS_BACKBONE | WEIGHTS_DINO_HEAD | WEIGHTS_IBOT_HEAD
};

struct weights_hint {
    enum weights_net net;        /* of a file that holds both */
    const char *model;           /* "dinov2_vits14_reg": the published model by its name; or NULL */
    const struct config *config; /* settings; or NULL. Not together with model */
    bool tensors_only;           /* the number of heads need not be known: w.vit.n_heads is 0 then */
};

/* A tensor of the file under its published name. */
struct weights_tensor {
    char name[PARAMS_NAME_MAX]; /* with its module: "backbone.norm.bias" */
    int n_dims;
    int64_t dims[NAMED_TENSOR_DIMS_MAX];
    const struct named_tensor *from[3]; /* n_from of them follow one another along the first axis (q, k, v) */
    int n_from;
    bool zero_row; /* a row of zeros comes first: timm keeps no position of the class token */
};

struct weights {
    char *path; /* of the file; of a folder, of the file in it */
    struct tensorfile file;
    enum weights_net net;
    bool one_network;      /* the file does not name the network that was asked for: what it holds was taken */
    char choice[300];      /* to be told: of 2 networks "teacher" was taken, not "student"; or "" */
    char warning[400];     /* to be told; or "": what was guessed; config.json says another thing than the hint */
    bool hugging_face;     /* names of blocks are Hugging Face's */
    struct vit_config vit; /* M is the file's, whatever the hint says */
    bool has_head, has_ibot_head;
    struct head_config head, ibot_head;
    struct pixel_norm pixel_norm;
    bool has_settings;      /* by a hint, in or beside the file; else heads and resampling are deduced, to be told */
    bool of_config_json;    /* of them heads and epsilon are config.json's, the rest is deduced */
    struct config settings; /* those, or the defaults */
    struct weights_tensor *tensor;
    int64_t n_tensors;
    const char **left_out; /* names in the file that were recognised and are not used (a classifier, ...) */
    int64_t n_left_out;
    char **problem;        /* lines "NAME is missing", "NAME is [..], this model needs [..]", ... */
    int64_t n_problems;
    int64_t n_loaded, n_new; /* rows of the modules asked for: read from the file; left as they were */
};

/* A name that hint.model may have. Else FMT_INVALID, with those that are known. */
int weights_check_model(const char *name, struct fmt_error *e);

int weights_open(struct weights *w, const char *path, const struct weights_hint *hint, struct fmt_error *e);
void weights_close(struct weights *w);

/* w.vit as vit_params takes it: where the number of heads is unknown it is 1, as no tensor depends on it. */
struct vit_config weights_vit_config(const struct weights *w);

const struct weights_tensor *weights_find(const struct weights *w, const char *name); /* published; NULL: not there */

/* "width 384, 12 blocks, 6 heads, MLP of 1536, patch 14, no registers, positions 37 x 37 (resampled: offset 0.1)". */
enum { WEIGHTS_NETWORK_TEXT_MAX = 400 };
const char *weights_network_text(const struct vit_config *v, char out[WEIGHTS_NETWORK_TEXT_MAX]);
/* "; 24 tensors left out: decoder, head", to follow it: the first words of their names; or "" */
enum { WEIGHTS_UNUSED_TEXT_MAX = 200 };
const char *weights_unused_text(const struct weights *w, char out[WEIGHTS_UNUSED_TEXT_MAX]);
const char *weights_deduced_text(const struct weights *w); /* "; heads and resampling deduced", to follow it; or "" */

/* Elements first .. first+n-1 of a tensor, row-major. */
int weights_read(const struct weights_tensor *t, int64_t first, int64_t n, float *out, struct fmt_error *e);

/* What weights_load checks, without reading. */
int weights_check(struct weights *w, const struct params *t, unsigned modules, struct fmt_error *e);

/* Reads the rows of the modules asked for into values (of the table's layout). The backbone must be complete but for
 * mask_token, which is left as it is; a head that the file lacks altogether is left as it is, one that it has must be
 * complete. Fails with FMT_MISMATCH and w.problem filled before anything is read, or as reading fails. */
int weights_load(struct weights *w, const struct params *t, unsigned modules, float *values, struct fmt_error *e);

/* SHA-256 over name, shape and float32 values of the rows of the modules asked for, sorted by name. mask_token is left
 * out: features do not depend on it, and not every scheme of names has it. */
int weights_hash(const struct params *t, unsigned modules, const float *values, uint8_t out[DIGEST_BYTES],
                 struct fmt_error *e);

/* The same of a file: of the backbone of its teacher, of its backbone and DINO head, which features of the head carry;
 * then both of its student, where it holds several networks. Zeros: there is none. */
enum { WEIGHTS_HASHES = 4 };
int weights_file_hashes(const char *path, uint8_t hash[WEIGHTS_HASHES][DIGEST_BYTES], struct fmt_error *e);

#endif
