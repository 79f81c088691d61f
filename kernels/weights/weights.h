/* weights.h - loads weights from any supported file into a params table: naming schemes, settings that the file does
 * not record, and complete lists of tensors that are missing, of wrong shape or unexpected.
 *
 *   struct weights w;
 *   weights_open(&w, "dinov2_vits14_pretrain.pth", &(struct weights_hint){0}, e);
 *   vit_params(&vit, &w.vit, &table, e);                     the file's dimensions, position grid included
 *   weights_load(&w, &c, &values, WEIGHTS_BACKBONE, e);      w.n_loaded, w.n_new; on failure w.problem[] has all
 *   weights_close(&w);
 *
 * Supported are the published names, with or without chunks of blocks, and those of Hugging Face (separate query, key
 * and value) and of timm, in safetensors, .pth and dinotools checkpoints. Any words may precede all names of a network
 * ("teacher.backbone."). If a file holds several networks, the teacher is chosen, else the averaged one ("ema", "swa",
 * "averaged" or "shadow" among the words), else the one not belonging to a student; if ambiguous, it is an error that
 * lists them. The resampling of positions is the published one, whatever the names. Tensors are read one by one,
 * directly into the caller's array: nothing large is held twice.
 *
 * What tensors do not determine (number of heads, epsilon, kind of resampling, normalisation of pixels) comes, in this
 * order, from the hint, from settings stored in the file (CONFIG_META_KEY), with Hugging Face's names from config.json
 * in the same folder (heads and epsilon), from the published models. */
#ifndef WEIGHTS_H
#define WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "digest.h"
#include "head.h"
#include "params-array.h"
#include "params.h"
#include "tensorfile.h"
#include "vit.h"
#include "weight-names.h"

enum weights_role { WEIGHTS_TEACHER, WEIGHTS_STUDENT };

/* Modules to load: a mask. */
enum {
    WEIGHTS_BACKBONE = 1 << WEIGHT_NAMES_BACKBONE,
    WEIGHTS_DINO_HEAD = 1 << WEIGHT_NAMES_DINO_HEAD,
    WEIGHTS_IBOT_HEAD = 1 << WEIGHT_NAMES_IBOT_HEAD,
    WEIGHTS_ALL = WEIGHTS_BACKBONE | WEIGHTS_DINO_HEAD | WEIGHTS_IBOT_HEAD
};

struct weights_hint {
    enum weights_role role;      /* of a file that holds both networks */
    const char *model;           /* "dinov2_vits14_reg": the published model by its name; or NULL */
    const struct config *config; /* settings; or NULL. Not together with model */
    bool tensors_only;           /* an unknown number of heads is accepted: then w.vit.n_heads is 0 */
};

/* A tensor of the file under its published name. */
struct weights_tensor {
    char name[PARAMS_NAME_MAX]; /* with its module: "backbone.norm.bias" */
    int n_dims;                 /* -1: a part is missing, or the parts do not fit together */
    int64_t dims[NAMED_TENSOR_DIMS_MAX];
    const struct named_tensor *part[3]; /* [n_parts] concatenated along the first axis (q, k, v) */
    int n_parts;
    bool zero_first_row; /* a row of zeros is prepended: timm has no position for the class token */
};

struct weights {
    char *path; /* of the file; of a folder, of the file in it */
    struct tensorfile file;
    enum weights_role role;
    bool role_unnamed;      /* no prefix names the requested role: the file's only network was chosen */
    char choice[300];       /* for the user: of 2 networks "teacher" was taken, not "student"; or "" */
    char warning[400];      /* for the user: a guess; a config.json that contradicts the hint; or "" */
    bool hugging_face;      /* block names are Hugging Face's */
    bool quantized;         /* products are in int8 (weights-quantized.h) */
    struct vit_config vit;  /* grid is always the file's */
    bool has_dino_head, has_ibot_head;
    struct head_config dino_head, ibot_head;
    struct pixel_norm pixel_norm;
    bool has_settings;      /* from a hint, the file or config.json; else heads and resampling are deduced */
    bool from_config_json;  /* heads and epsilon of the settings are from config.json, the rest is deduced */
    struct config settings; /* these settings, or the defaults */
    struct weights_tensor *tensor;
    int64_t n_tensors;      /* sorted by name */
    const char **unused;    /* names in the file that were recognised but are not needed (a classifier, ...) */
    int64_t n_unused;
    char **problem;         /* lines "NAME is missing", "NAME is [..], this model needs [..]", ... */
    int64_t n_problems;
    int64_t n_loaded, n_new; /* rows of the requested modules: read from the file; left unchanged */
};

/* Returns 0 if hint.model may have this name; else FMT_INVALID, with the known names. */
int weights_check_model(const char *name, struct fmt_error *e);

/* Errors begin with the path. On failure there is nothing to close. */
int weights_open(struct weights *w, const char *path, const struct weights_hint *hint, struct fmt_error *e);
/* Of a file inside another one (tensorfile_open_over), which has no config.json beside it. */
int weights_open_over(struct weights *w, const char *name, const struct fmt_reader *reader,
                      const struct weights_hint *hint, struct fmt_error *e);
void weights_close(struct weights *w);

/* w.vit for vit_params: an unknown number of heads is replaced with 1, because no tensor depends on it. */
struct vit_config weights_vit_config(const struct weights *w);

const struct weights_tensor *weights_find(const struct weights *w, const char *name); /* published; NULL: none */

/* -- weights-text.c: texts for the user -- */

/* "width 384, 12 blocks, 6 heads, MLP of 1536, patch 14, no registers, positions 37 x 37 (resampled: offset 0.1)". */
enum { WEIGHTS_NETWORK_TEXT_MAX = 400 };
const char *weights_network_text(const struct vit_config *v, char out[WEIGHTS_NETWORK_TEXT_MAX]);
/* "; 24 tensors left out: decoder, head" (the first words of their names), to be appended to it; or "" */
enum { WEIGHTS_UNUSED_TEXT_MAX = 200 };
const char *weights_unused_text(const struct weights *w, char out[WEIGHTS_UNUSED_TEXT_MAX]);
const char *weights_deduced_text(const struct weights *w); /* "; heads and resampling deduced", to be appended; or "" */

/* Elements first .. first+n-1 of a tensor, row-major (weights-read.c). */
int weights_read(const struct weights_tensor *t, int64_t first, int64_t n, float *out, struct fmt_error *e);

/* -- weights-load.c -- */

/* Fills w.problem with everything that prevents the rows of the requested modules from being loaded; FMT_MISMATCH if
 * there is any. The backbone must be complete except for mask_token; a head may be absent, but not incomplete.
 * FMT_UNSUPPORTED: the products are in int8, not in float32. */
int weights_check(struct weights *w, const struct params *t, unsigned modules, struct fmt_error *e);
/* The same for all that can be hashed, written or listed as it is stored: products may be in int8. */
int weights_check_stored(struct weights *w, const struct params *t, unsigned modules, struct fmt_error *e);

/* weights_check, then reads the rows into the array, piece by piece. Rows missing in the file are left unchanged. */
int weights_load(struct weights *w, struct op_ctx *c, const struct params_array *values, unsigned modules,
                 struct fmt_error *e);
/* The same, and weights_hash of these rows as they then are, at the same time. */
int weights_load_hashed(struct weights *w, struct op_ctx *c, const struct params_array *values, unsigned modules,
                        uint8_t hash[DIGEST_BYTES], struct fmt_error *e);

/* -- weights-hash.c -- */

/* SHA-256 over name, shape and float32 values of the rows of the requested modules, sorted by name. mask_token is
 * excluded: features do not depend on it, and not every naming scheme has it. */
int weights_hash(struct op_ctx *c, const struct params_array *values, unsigned modules, uint8_t out[DIGEST_BYTES],
                 struct fmt_error *e);
/* The same of values that a function reads: elements [first, first + n) of a row of the table, row by row, in order. */
typedef int weights_read_row(void *arg, int i_row, int64_t first, int64_t n, float *out, struct fmt_error *e);
int weights_hash_rows(const struct params *t, unsigned modules, weights_read_row *read, void *arg,
                      uint8_t out[DIGEST_BYTES], struct fmt_error *e);
/* The same for the values that weights_load would read into an array over t; weights_check_stored must have succeeded.
 * Of a product in int8 the values are its integers, one byte each, then its scales, then its smoothing. */
int weights_hash_tensors(const struct weights *w, const struct params *t, unsigned modules, uint8_t out[DIGEST_BYTES],
                         struct fmt_error *e);

/* The hashes of the weights in a file that features may record: of the teacher's backbone; of this backbone with the
 * DINO head; then both for the student, if the file holds several networks. Zeros: there is none. */
enum { WEIGHTS_HASHES = 4 };
int weights_file_hashes(const char *path, uint8_t hash[WEIGHTS_HASHES][DIGEST_BYTES], struct fmt_error *e);

#endif
