/* step-teacher.c - the teacher runs over the whole batch first and stores its class tokens and bottleneck vectors, from
 * which come the targets of all micro-batches and the signs of collapse. */
#include "step-internal.h"

/* Lists the rows of a head in host memory: class tokens, then masked patches. */
static const int64_t *list_rows(struct step *s, const struct micro *micro, const struct vit_activations *act,
                                const struct loss_head *l, int64_t T)
{
    int64_t *rows = ARENA_TAKE(&s->host, int64_t, T), *end = rows;
    if (op_planning(&s->c))
        return rows;
    if (l->has_loss[LOSS_DINO])
        end = rows_cls(act, GLOBAL, end);
    if (l->has_loss[LOSS_IBOT])
        rows_patches(s, micro, act, end);
    return rows;
}

/* A micro-batch's masked patches [first row of `part` on] to their places among those of the batch. */
static void patches_to_batch(struct step *s, const struct micro *micro, const struct loss_batch *b, struct tensor part,
                             int64_t first)
{
    struct patch_ranges ranges = micro_patch_ranges(s, micro);
    for (int c = 0; c < 2; c++)
        op_copy(&s->c, tensor_rows(b->z, b->rows[LOSS_DINO] + ranges.first[c], ranges.n[c]),
                tensor_rows(part, first + (c ? ranges.n[0] : 0), ranges.n[c]));
}

static void head_rows(struct step *s, const struct micro *micro, const struct vit_activations *act,
                      struct loss_head *l)
{
    int64_t n_cls = l->has_loss[LOSS_DINO] ? 2 * micro->m : 0,
            T = n_cls + (l->has_loss[LOSS_IBOT] ? micro->n_patches : 0);
    struct tensor rows;
    struct head_activations out;
    if (T == 0)
        return;
    struct tensor x = gather_rows(s, act, list_rows(s, micro, act, l, T), T, &rows);
    head_forward(&s->c, &l->teacher, sharding_head(s, &s->teacher, (int)(l - s->head)), x, false, &s->heads, &out);
    if (l->has_loss[LOSS_DINO]) {
        micro_to_batch(s, micro, s->teacher_cls, x);
        micro_to_batch(s, micro, loss_batch(s, l)->z, out.z);
    }
    if (l->has_loss[LOSS_IBOT])
        patches_to_batch(s, micro, loss_batch(s, l), out.z, n_cls);
}

static int forward_micro(struct step *s, int64_t i, struct fmt_error *e)
{
    struct micro micro;
    struct vit_activations act;
    struct vit_memory memory = step_memory(s);
    micro_begin(s, i, &micro);
    struct vit_request r = micro_request(s, &s->teacher, &micro, 1);
    r.inputs[GLOBAL].masks = TENSOR_NONE; /* the teacher sees the whole crop */
    int status = vit_forward(&s->c, &s->teacher.vit, &s->teacher.values, &r, &memory, &act, e);
    for (int h = 0; h < s->n_heads && !status; h++)
        head_rows(s, &micro, &act, &s->head[h]);
    return status;
}

/* The batch of a turn, micro-batch after micro-batch. */
static int forward_batch(struct step *s, struct fmt_error *e)
{
    for (int64_t i = 0; i < s->sizes.n_micro; i++) {
        size_t work = s->work.used, heads = s->heads.used, host = s->host.used;
        int status = forward_micro(s, i, e);
        if (status)
            return status;
        s->work.used = work;
        s->heads.used = heads;
        s->host.used = host;
    }
    return 0;
}

int teacher_targets(struct step *s, double temperature, struct fmt_error *e)
{
    int status = 0;
    for (int turn = 0; turn < s->world->turns && !status; turn++) {
        turn_begin(s, turn);
        status = forward_batch(s, e);
        op_effective_rank(&s->c, &s->of_rank[turn].feature_rank, s->teacher_cls);
    }
    for (int h = 0; h < s->n_heads && !status; h++)
        loss_targets(&s->c, s->world, &s->head[h], sharding_head(s, &s->teacher, h), temperature);
    return status;
}

void measure_collapse(struct step *s, struct step_result *r)
{
    struct prototype_collapse seen = {0};
    int64_t crops = s->sizes.crops[GLOBAL] * world_ranks(s->world), K = s->head[0].teacher.config.n_prototypes;
    loss_collapse(&s->c, s->world, &s->head[0], s->entropy, &seen);
    r->teacher_entropy_mean = seen.entropy_of_mean;
    r->prototypes_used = (double)seen.n_winners / (double)(crops < K ? crops : K);
}
