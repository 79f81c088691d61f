/* config-finish.c - what several settings say together: sizes of the network, computed values, contradictions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config-value.h"
#include "config.h"
#include "num.h"
#include "vit-sizes.h"

struct config_dims config_dims(const struct config *c)
{
    static const struct {
        int64_t embed_dim, depth, num_heads;
    } arch[] = {[ARCH_SMALL] = {384, 12, 6},
                [ARCH_BASE] = {768, 12, 12},
                [ARCH_LARGE] = {1024, 24, 16},
                [ARCH_GIANT2] = {1536, 40, 24}};
    int a = c->student.arch;
    struct config_dims d = {
        .embed_dim = c->student.embed_dim ? c->student.embed_dim : arch[a].embed_dim,
        .depth = c->student.depth ? c->student.depth : arch[a].depth,
        .num_heads = c->student.num_heads ? c->student.num_heads : arch[a].num_heads,
        .patch = c->student.patch_size,
        .grid = c->student.pos_grid ? c->student.pos_grid : c->crops.global_crops_size / c->student.patch_size,
    };
    if (c->student.ffn_layer != FFN_IDENTITY)
        d.ffn_hidden = vit_sizes_hidden(d.embed_dim, c->student.mlp_ratio, c->student.ffn_layer != FFN_MLP);
    return d;
}

struct pixel_norm config_pixel_norm(const struct config *c)
{
    struct pixel_norm n;
    for (int i = 0; i < 3; i++) {
        n.mean[i] = (float)c->augment.mean[i];
        n.std[i] = (float)c->augment.std[i];
    }
    return n;
}

double config_peak_lr(const struct config *c, int n_ranks)
{
    return c->optim.base_lr * sqrt((double)(c->train.batch_size_per_gpu * n_ranks) / 1024.0);
}

/* The teacher follows the student element by element, so both hold the same ones. */
static bool shards_alike(const struct config *c)
{
    static const enum config_part pair[][2] = {{PART_STUDENT_BACKBONE, PART_TEACHER_BACKBONE},
                                               {PART_STUDENT_DINO_HEAD, PART_TEACHER_DINO_HEAD},
                                               {PART_STUDENT_IBOT_HEAD, PART_TEACHER_IBOT_HEAD}};
    bool alike = true;
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++)
        alike = alike && (config_sharding(c, pair[i][0]) == NO_SHARD) == (config_sharding(c, pair[i][1]) == NO_SHARD);
    return alike;
}

static int contradiction(const struct config *c, struct fmt_error *e)
{
    struct config_dims d = config_dims(c);
    int64_t patch = c->student.patch_size;
    const struct {
        bool wrong;
        const char *text;
    } rules[] = {
        {c->crops.global_crops_size % patch != 0, "crops.global_crops_size: is not a multiple of student.patch_size"},
        {c->crops.local_crops_size % patch != 0, "crops.local_crops_size: is not a multiple of student.patch_size"},
        {d.embed_dim % d.num_heads != 0, "student.num_heads: does not divide the width of the backbone"},
        {d.ffn_hidden == 0 && c->student.ffn_layer != FFN_IDENTITY, "student.mlp_ratio: makes layers of no width"},
        {c->student.block_chunks > d.depth, "student.block_chunks: is larger than the number of blocks"},
        {!(c->dino.loss_weight > 0), "dino.loss_weight: must be larger than 0, the head hangs on it"},
        {c->optim.warmup_epochs > c->optim.epochs, "optim.warmup_epochs: is larger than optim.epochs"},
        {config_micro_batch(c) > c->train.batch_size_per_gpu,
         "train.micro_batch_size: is larger than train.batch_size_per_gpu"},
        {c->train.freeze_backbone_iterations > config_iterations(c),
         "train.freeze_backbone_iterations: is longer than the run (optim.epochs x train.OFFICIAL_EPOCH_LENGTH)"},
        {!c->evaluation.knn_train.n != !c->evaluation.knn_val.n,
         "evaluation.knn_train, evaluation.knn_val: only one of the two is set"},
        {c->evaluation.crop > c->evaluation.resize, "evaluation.crop: is larger than evaluation.resize"},
        {c->evaluation.knn_train.n && c->evaluation.crop % patch != 0,
         "evaluation.crop: is not a multiple of student.patch_size"},
        {!shards_alike(c),
         "compute_precision.*.sharding_strategy: of student and teacher one is NO_SHARD, the other not"},
        {!*c->train.output_dir, "train.output_dir: is empty"},
        {*c->train.backup_dir && strcmp(c->train.backup_dir, c->train.output_dir) == 0,
         "train.backup_dir: is train.output_dir"},
        {*c->train.resume_path && c->train.resume != RESUME_TRUE,
         "train.resume_path: has a meaning only with train.resume: true"},
        {c->optim.optimizer == OPTIMIZER_ADAM && (c->optim.weight_decay != 0 || c->optim.weight_decay_end != 0),
         "optim.optimizer: adam is adamw without decay: optim.weight_decay and optim.weight_decay_end must be 0 (a "
         "decay as part of the gradient is not offered)"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].wrong)
            return fmt_fail(e, FMT_INVALID, "%s", rules[i].text);
    return 0;
}

/* Replaces {rank} by the rank. */
static int put_rank(struct config *c, const char **field, int rank, struct fmt_error *e)
{
    static const char mark[] = "{rank}";
    const char *from = *field, *at = strstr(from, mark);
    char text[CONFIG_TEXT_MAX + 1], *to = text;
    if (!at)
        return 0;
    for (; at; from = at + sizeof mark - 1, at = strstr(from, mark))
        to += sprintf(to, "%.*s%d", (int)(at - from), from, rank);
    strcpy(to, from); /* not longer than before: a rank has at most as many digits as {rank} has bytes */
    const char *copy = config_copy_text(c, text, e);
    if (copy)
        *field = copy;
    return copy ? 0 : FMT_MEMORY;
}

static void computed(struct config *c, int id)
{
    c->origin[id].kind = CONFIG_COMPUTED;
    c->origin[id].file = NULL;
}

/* So that files of a run say what was computed. */
static void replace_fp16(struct config *c)
{
    for (int part = 0; part < CONFIG_PARTS; part++) {
        int id = config_param_dtype_key(part), *dtype = config_field(c, id);
        if (*dtype == PARAM_DTYPE_FP16) {
            *dtype = PARAM_DTYPE_FP32;
            computed(c, id);
        }
    }
}

int config_finish(struct config *c, int rank, int n_ranks, struct fmt_error *e)
{
    int64_t n;
    if (!num_mul_i64(c->optim.epochs, c->train.OFFICIAL_EPOCH_LENGTH, &n) || n > (int64_t)1000000000)
        return fmt_fail(e, FMT_LIMIT, "optim.epochs: more than 1000000000 iterations");
    int status = 0;
    for (int id = 0; id < CONFIG_N_KEYS && !status; id++) {
        int n_strings;
        const char **string = config_strings(c, id, &n_strings);
        for (int i = 0; i < n_strings && config_is_path(config_key(id)) && !status; i++)
            status = put_rank(c, &string[i], rank, e);
    }
    if (!status)
        status = contradiction(c, e);
    if (status)
        return status;
    if (!c->train.ranks) {
        c->train.ranks = n_ranks;
        computed(c, CONFIG_train_ranks);
    }
    c->optim.lr = config_peak_lr(c, (int)c->train.ranks);
    computed(c, CONFIG_optim_lr);
    replace_fp16(c);
    return 0;
}
