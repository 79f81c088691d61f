/* golden-step.h - golden files of training steps: settings, rates, crops that drop path kept, and the rules by which
 * gradients and weights are compared with them. Names in a file are those of parameters behind a prefix, "student.",
 * "step0.grad.", "step1.after.teacher."; a step's own values are behind "step1.", or "step1.rank2." in a file of
 * several ranks. */
#ifndef GOLDEN_STEP_H
#define GOLDEN_STEP_H

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "golden.h"
#include "params.h"
#include "step.h"

static inline void golden_step_set(struct config *config, const char *format, ...)
{
    char word[200];
    struct fmt_error e = {0};
    va_list ap;
    va_start(ap, format);
    vsnprintf(word, sizeof word, format, ap);
    va_end(ap);
    if (config_set(config, word, &e))
        ok(false, "setting %s: %s", word, e.text);
}

/* From the metadata; True and False as Python prints them. */
static inline void golden_step_set_from(struct config *config, const struct golden *g, const char *key,
                                        const char *meta)
{
    const char *text = named_tensor_meta_find(&g->set, meta);
    char lower[64] = "";
    for (size_t i = 0; text && text[i] && i < sizeof lower - 1; i++)
        lower[i] = (char)(text[i] == 'T' ? 't' : text[i] == 'F' ? 'f' : text[i]);
    golden_step_set(config, "%s=%s", key, lower);
}

/* Settings of a file, for config_release(). */
static inline void golden_step_settings(struct config *config, const struct golden *g)
{
    static const char *const same[][2] = {
        {"train.batch_size_per_gpu", "batch"},
        {"student.embed_dim", "embed_dim"},
        {"student.depth", "depth"},
        {"student.num_heads", "num_heads"},
        {"student.patch_size", "patch"},
        {"crops.global_crops_size", "img_size"},
        {"crops.local_crops_size", "local"},
        {"crops.local_crops_number", "n_local"},
        {"dino.head_n_prototypes", "prototypes"},
        {"dino.head_hidden_dim", "hidden"},
        {"dino.head_bottleneck_dim", "bottleneck"},
        {"ibot.head_n_prototypes", "ibot_prototypes"},
        {"ibot.head_hidden_dim", "hidden"},
        {"ibot.head_bottleneck_dim", "bottleneck"},
        {"train.centering", "centering"},
        {"ibot.separate_head", "separate_head"},
        {"student.drop_path_rate", "drop_path_rate"},
        {"dino.loss_weight", "dino_loss_weight"},
        {"ibot.loss_weight", "ibot_loss_weight"},
        {"dino.koleo_loss_weight", "koleo_loss_weight"},
        {"student.num_register_tokens", "num_register_tokens"},
        {"student.interpolate_offset", "interpolate_offset"},
        {"student.interpolate_antialias", "interpolate_antialias"},
        {"student.ffn_layer", "ffn_layer"},
        {"optim.layerwise_decay", "layerwise_decay"},
        {"optim.patch_embed_lr_mult", "patch_embed_lr_mult"},
    };
    config_init(config);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        golden_step_set_from(config, g, same[i][0], same[i][1]);
    if (named_tensor_meta_find(&g->set, "pos_grid"))
        golden_step_set_from(config, g, "student.pos_grid", "pos_grid");
    golden_step_set(config, "optim.clip_grad=%.17g", golden_number(g, "clip_grad", 3.0));
    golden_step_set(config, "ibot.mask_sample_probability=1"); /* space for any masks */
    golden_step_set(config, "ibot.mask_ratio_min_max=[0.1, 1.0]");
}

static inline struct schedule_rates golden_step_rates(const struct golden *g, int64_t k)
{
    return (struct schedule_rates){golden_number(g, "lr", 1e-3),
                                   golden_number(g, k ? "last_layer_lr_from_step1" : "last_layer_lr_step0", 0),
                                   golden_number(g, "wd", 0.05), golden_number(g, "momentum", 0.95),
                                   golden_number(g, "teacher_temp", 0.06)};
}

/* A golden tensor of parameter p; NULL if it is not there. */
static inline const float *golden_step_param(struct golden *g, const char *prefix, const struct param *p)
{
    char name[200];
    int64_t n;
    snprintf(name, sizeof name, "%s%s", prefix, p->name);
    if (!golden_find(g, name))
        return NULL;
    const float *values = golden_f32(g, name, &n);
    return n == p->count ? values : NULL;
}

/* "<prefix><what>" of a step or of its rank. */
static inline float *golden_step_values(struct golden *g, const char *prefix, const char *what, int64_t *n)
{
    char name[160];
    snprintf(name, sizeof name, "%s%s", prefix, what);
    return golden_f32(g, name, n);
}

/* For free(). */
static inline int64_t *golden_step_indices(struct golden *g, const char *prefix, const char *what, int64_t *n)
{
    char name[160];
    snprintf(name, sizeof name, "%s%s", prefix, what);
    const double *values = golden_f64(g, name, n);
    int64_t *out = malloc((size_t)(*n + 1) * sizeof *out);
    for (int64_t i = 0; i < *n; i++)
        out[i] = (int64_t)values[i];
    return out;
}

/* For free(). */
static inline uint8_t *golden_step_masks(struct golden *g, const char *prefix, int64_t *n)
{
    const float *masks = golden_step_values(g, prefix, "collated_masks", n);
    uint8_t *bytes = malloc((size_t)*n);
    for (int64_t i = 0; i < *n; i++)
        bytes[i] = masks[i] != 0;
    return bytes;
}

/* No survivors where the settings have no drop path. */
static inline struct step_draws golden_step_draws(struct golden *g, const struct config *config, const char *prefix)
{
    struct step_draws d = {.survivors = NULL};
    int64_t depth = config->student.depth;
    if (config->student.drop_path_rate <= 0)
        return d;
    const int64_t *(*kept)[2][2] = calloc((size_t)depth, sizeof *kept);
    for (int64_t block = 0; block < depth; block++)
        for (int branch = 0; branch < 2; branch++)
            for (int kind = 0; kind < 2; kind++) {
                char what[60];
                snprintf(what, sizeof what, "kept.block%lld.%s.%s", (long long)block, branch ? "ffn" : "attn",
                         kind ? "local" : "global");
                kept[block][branch][kind] = golden_step_indices(g, prefix, what, &d.n_survivors[kind]);
            }
    d.survivors = kept;
    return d;
}

static inline void golden_step_release_draws(const struct config *config, struct step_draws *d)
{
    for (int64_t block = 0; d->survivors && block < config->student.depth; block++)
        for (int i = 0; i < 4; i++)
            free((void *)(uintptr_t)d->survivors[block][i / 2][i % 2]);
    free((void *)(uintptr_t)d->survivors);
}

static inline bool golden_step_is_k_bias(const struct param *p, int64_t i)
{
    return strstr(p->name, "attn.qkv.bias") && i >= p->count / 3 && i < p->count / 3 * 2;
}

/* A gradient of 0 is none: cells of the stored grid that no crop uses move by weight decay alone. */
static inline bool golden_step_is_noise(float gradient, double clip)
{
    return gradient != 0 && fabs((double)gradient) * (clip < 1 ? clip : 1) < 1e-5;
}

/* keep [count] = the elements whose weights are compared: those whose gradient in step 0, after clipping by `clip`, is
 * more than noise. Returns how many are left out. */
static inline int64_t golden_step_keep(bool *keep, const struct param *p, const float *gradient, double clip)
{
    int64_t n_left_out = 0;
    for (int64_t j = 0; j < p->count; j++) {
        keep[j] = !golden_step_is_noise(gradient[j], clip) && !golden_step_is_k_bias(p, j);
        n_left_out += !keep[j];
    }
    return n_left_out;
}

/* ||a - b|| / ||b|| over the elements kept, b less `from` if given. */
static inline double golden_step_way(const bool *keep, int64_t n, const float *a, const float *b, const float *from)
{
    double dd = 0, bb = 0;
    for (int64_t j = 0; j < n; j++) {
        if (!keep[j])
            continue;
        double start = from ? (double)from[j] : 0, d = (double)a[j] - (double)b[j], w = (double)b[j] - start;
        dd += d * d;
        bb += w * w;
    }
    return dd == 0 ? 0 : sqrt(dd / bb);
}

/* The same of the gradients of a parameter. */
static inline double golden_step_gradient(const struct param *p, const float *got, const float *want)
{
    double dd = 0, bb = 0;
    for (int64_t j = 0; j < p->count; j++) {
        double d = golden_step_is_k_bias(p, j) ? 0 : (double)got[j] - (double)want[j];
        dd += d * d;
        bb += (double)want[j] * (double)want[j];
    }
    return dd == 0 ? 0 : sqrt(dd / bb);
}

#endif
