/* config.h - the settings of a training run: one table (config.def) of names, kinds, ranges and defaults, YAML in
 * and out, dotted key=value words, and the origin of every value.
 *
 *   struct config cfg;
 *   config_init(&cfg);                                          the defaults
 *   config_load(&cfg, "vitl14.yaml", &e);                       a file over them
 *   config_set(&cfg, "train.batch_size_per_gpu=8", &e);         a word of the command line over that
 *   config_finish(&cfg, 0, 1, &e);                              computed values; contradictions
 *   ... cfg.optim.base_lr ...
 *   config_release(&cfg);
 *
 * Keys are the published ones and our own. An unknown key is an error that names the most similar known key. A value
 * out of range is an error that names the range. A file may nest its sections or write dotted names. JSON is YAML, so
 * the same function reads the settings in dinotools files (config_json). Anchors, aliases, merge keys, tags and second
 * documents are refused: no published file has them, and a few bytes of them can expand to gigabytes.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"
#include "pixel-norm.h"

#define CONFIG_INTS_MAX 16
#define CONFIG_PATHS_MAX 64
#define CONFIG_FILE_MAX (1 << 20)  /* bytes of a settings file */
#define CONFIG_TEXT_MAX 4096       /* bytes of a string */

/* Files of a run hold its settings, as config_json(.., CONFIG_RESULT, ..) writes and config_parse reads them, under
 * this key: of the JSON object that is a checkpoint's state, and of a safetensors file's __metadata__ (where the JSON
 * is the text of a string). */
#define CONFIG_META_KEY "settings"

struct config_ints {
    int n;
    int64_t item[CONFIG_INTS_MAX];
};

struct config_paths {
    int n;                              /* 0: '' or null, and item[0] is "" */
    const char *item[CONFIG_PATHS_MAX]; /* none is empty */
};

/* CHOICE fields: the index into the list of words in config.def. */
enum config_centering { CENTERING_SOFTMAX, CENTERING_SINKHORN };
enum config_resume { RESUME_NULL, RESUME_TRUE, RESUME_FALSE };
enum config_arch { ARCH_SMALL, ARCH_BASE, ARCH_LARGE, ARCH_GIANT2 };
enum config_ffn { FFN_MLP, FFN_SWIGLU, FFN_SWIGLUFUSED, FFN_IDENTITY }; /* the two SwiGLU are the same */
enum config_optimizer { OPTIMIZER_ADAMW, OPTIMIZER_SGD, OPTIMIZER_ADAM };
enum config_blur_rule { BLUR_PUBLISHED, BLUR_PAPER };
enum config_sharding { SHARD_GRAD_OP, FULL_SHARD, NO_SHARD };
enum config_param_dtype { PARAM_DTYPE_FP32, PARAM_DTYPE_BF16, PARAM_DTYPE_FP16 };

enum config_kind {
    CONFIG_INT,
    CONFIG_REAL,
    CONFIG_BOOL,
    CONFIG_TEXT,
    CONFIG_PAIR,
    CONFIG_TRIPLE,
    CONFIG_INTS,
    CONFIG_PATHS,
    CONFIG_CHOICE
};
enum config_source { CONFIG_PUBLISHED, CONFIG_OURS };
enum config_effect { CONFIG_RESULT = 1, CONFIG_QUIET = 2, CONFIG_UNUSED = 4 }; /* masks of config_json, config_differ */
enum config_origin { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_WORD, CONFIG_COMPUTED };

/* One number for every key: CONFIG_train_seed. */
enum config_id {
#define SECTION(s)
#define END(s)
#define INT(s, f, d, lo, hi, src, eff, help) CONFIG_##s##_##f,
#define INT_NULL INT
#define REAL INT
#define REAL_NULL INT
#define BOOL(s, f, d, src, eff, help) CONFIG_##s##_##f,
#define TEXT BOOL
#define TEXT_NAMED(s, f, n, d, src, eff, help) CONFIG_##s##_##f,
#define PAIR(s, f, a, b, lo, hi, src, eff, help) CONFIG_##s##_##f,
#define TRIPLE(s, f, a, b, c, lo, hi, src, eff, help) CONFIG_##s##_##f,
#define INTS(s, f, n, d, lo, hi, src, eff, help) CONFIG_##s##_##f,
#define PATHS(s, f, n, d, src, eff, help) CONFIG_##s##_##f,
#define CHOICE(s, f, d, words, src, eff, help) CONFIG_##s##_##f,
#define CHOICE_NAMED(s, f, n, d, words, src, eff, help) CONFIG_##s##_##f,
#include "config.def"
#include "config-undef.h"
    CONFIG_N_KEYS
};

/* The settings by their published names: cfg.train.batch_size_per_gpu. Strings are never NULL and belong to the
 * struct; INT_NULL is 0 where the value is null. */
struct config {
#define SECTION(s) struct {
#define END(s) } s;
#define INT(s, f, d, lo, hi, src, eff, help) int64_t f;
#define INT_NULL INT
#define REAL(s, f, d, lo, hi, src, eff, help) double f;
#define REAL_NULL REAL
#define BOOL(s, f, d, src, eff, help) bool f;
#define TEXT(s, f, d, src, eff, help) const char *f;
#define TEXT_NAMED(s, f, n, d, src, eff, help) const char *f;
#define PAIR(s, f, a, b, lo, hi, src, eff, help) double f[2];
#define TRIPLE(s, f, a, b, c, lo, hi, src, eff, help) double f[3];
#define INTS(s, f, n, d, lo, hi, src, eff, help) struct config_ints f;
#define PATHS(s, f, n, d, src, eff, help) struct config_paths f;
#define CHOICE(s, f, d, words, src, eff, help) int f;
#define CHOICE_NAMED(s, f, n, d, words, src, eff, help) int f;
#include "config.def"
#include "config-undef.h"
    struct {
        uint8_t kind;     /* enum config_origin */
        const char *file; /* name of the file; NULL else */
        int line;         /* in the file */
    } origin[CONFIG_N_KEYS];
    char **texts; /* every string that a field or an origin points to and that is not a literal */
    int n_texts;
};

/* A row of the table. */
struct config_key {
    const char *name; /* "optim.base_lr" */
    uint8_t kind, source, effect;
    bool null_allowed;
    int n;                /* numbers in a PAIR or TRIPLE */
    double low, high;     /* of a number */
    const char *words;    /* of a CHOICE: "a|b|c" */
    const char *help;
    size_t offset;        /* of the field in struct config */
};
const struct config_key *config_key(int id); /* 0 .. CONFIG_N_KEYS-1 */
int config_find(const char *name);           /* the id, or -1 */
const char *config_suggest(const char *name); /* the known key that is most similar */

void config_init(struct config *c);
void config_release(struct config *c);
int config_copy(struct config *to, const struct config *from, struct fmt_error *e); /* `to` is overwritten */

/* Each returns 0, or a status with "FILE:LINE: key: reason" in e; c may then hold some of the new values. */
int config_load(struct config *c, const char *path, struct fmt_error *e);
int config_parse(struct config *c, const char *text, size_t bytes, const char *name, struct fmt_error *e);
int config_set(struct config *c, const char *word, struct fmt_error *e); /* "key=value" */

/* Fills in what is computed (train.ranks, optim.lr, the rank of the process for {rank} in paths, fp32 for fp16; `rank`
 * of `n_ranks` processes) and refuses values that contradict each other. */
int config_finish(struct config *c, int rank, int n_ranks, struct fmt_error *e);

/* compute_precision: what the products of each part of a run are computed in, and what of it each of several processes
 * holds (config-precision.c). */
enum config_part {
    PART_TEACHER_BACKBONE,
    PART_TEACHER_DINO_HEAD,
    PART_TEACHER_IBOT_HEAD,
    PART_STUDENT_BACKBONE,
    PART_STUDENT_DINO_HEAD,
    PART_STUDENT_IBOT_HEAD,
    CONFIG_PARTS
};
const char *config_part_name(enum config_part part);   /* as in the keys: "teacher.backbone" */
int config_param_dtype_key(enum config_part part);     /* CONFIG_compute_precision_teacher_backbone_param_dtype */
/* PARAM_DTYPE_FP32 where the key is without effect: for iBOT heads unless ibot.separate_head. */
enum config_param_dtype config_param_dtype(const struct config *c, enum config_part part);
enum config_sharding config_sharding(const struct config *c, enum config_part part);
bool config_asks_fp16(const struct config *c);         /* before config_finish: whether a param_dtype is fp16 */

/* The value of a key as YAML text that config_set reads back: "[0.32, 1.0]"; for free(). NULL: no memory. */
char *config_value(const struct config *c, int id);
/* Its origin: "default", "vitl14.yaml:3", "command line", "computed"; cut to `bytes`. */
const char *config_origin_text(const struct config *c, int id, char *out, size_t bytes);

/* All values as a YAML file, which the published code can read too but for our keys. with_origin: a comment after each
 * value names its origin, and says so if it is without effect. */
int config_write(const struct config *c, bool with_origin, struct fmt_buffer *out, struct fmt_error *e);

/* {"optim.base_lr":0.004,...}: the keys whose effect is in the mask, in the order of the table. */
int config_json(const struct config *c, int effects, struct fmt_buffer *out, struct fmt_error *e);

/* The first key >= id of the mask whose value differs, CONFIG_N_KEYS if none:
 * for (int i = config_differ(a, b, m, 0); i < CONFIG_N_KEYS; i = config_differ(a, b, m, i + 1)) */
int config_differ(const struct config *a, const struct config *b, int effects, int id);

/* Why a key is without effect, always or with these other values: "ibot.separate_head is false"; NULL: it has one. */
const char *config_unused_reason(const struct config *c, int id);
/* Calls `found` for each key without effect that a file or a word has set to another value than its default. */
void config_each_unused(const struct config *c, void (*found)(void *arg, const char *key, const char *why), void *arg);

/* The dimensions that student.* mean. */
struct config_dims {
    int64_t embed_dim, depth, num_heads, ffn_hidden; /* ffn_hidden: of w1 and w2 each in SwiGLU; 0: identity */
    int64_t patch, grid;                             /* side of a patch in pixels; stored positions a side */
};
struct config_dims config_dims(const struct config *c);
struct pixel_norm config_pixel_norm(const struct config *c); /* augment.mean, augment.std */
/* The peak of the learning rate (optim.lr): base_lr sqrt(images of a step, of all ranks / 1024). */
double config_peak_lr(const struct config *c, int n_ranks);

static inline int64_t config_iterations(const struct config *c) /* of the whole run */
{
    return c->optim.epochs * c->train.OFFICIAL_EPOCH_LENGTH;
}
static inline int64_t config_step_images(const struct config *c) /* of all ranks */
{
    return c->train.batch_size_per_gpu * (c->train.ranks ? c->train.ranks : 1);
}
static inline int64_t config_micro_batch(const struct config *c)
{
    return c->train.micro_batch_size ? c->train.micro_batch_size : c->train.batch_size_per_gpu;
}

#endif
