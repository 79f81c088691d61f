/* step-student.c - the student's forward and backward passes, micro-batch after micro-batch; gradients add up. KoLeo
 * and the KL term need the global crops of the whole batch: they are computed in the only micro-batch, or, where there
 * are several, in a pass over the global crops before them. */
#include <math.h>

#include "step-internal.h"

/* ---- terms over the student's global crops of the whole batch of this rank, as published ---- */

/* cls [2B,C] */
static void koleo_term(struct step *s, struct tensor cls, struct step_result *r)
{
    int64_t B = s->sizes.B;
    double sum = 0;
    if (s->koleo_weight <= 0)
        return;
    op_fill(&s->c, s->d_cls, 0);
    for (int64_t crop = 0; crop < 2; crop++) {
        struct koleo_result koleo = {0};
        op_koleo(&s->c, &koleo, tensor_rows(s->d_cls, crop * B, B), tensor_rows(cls, crop * B, B),
                 s->koleo_weight / world_ranks(s->world));
        sum += koleo.loss;
        r->n_koleo_left_out += koleo.n_left_out;
    }
    r->koleo_loss = s->koleo_weight * sum / 2; /* logged halved, as published */
}

/* p: rows, of which those of the global crops begin at `first`. */
static void kl_term(struct step *s, const struct prototype_layer *p, int64_t first, struct step_result *r)
{
    const struct head *h = &s->head[0].student;
    double loss = 0;
    if (s->kl_weight <= 0)
        return;
    op_fill(&s->c, s->d_kl, 0);
    op_prototype_kl(&s->c, &loss, s->d_kl, params_tensor(&s->grads, h->weight_v), params_tensor(&s->grads, h->weight_g),
                    p, first, LOSS_STUDENT_TEMPERATURE, s->kl_weight / world_ranks(s->world));
    r->kl_loss = s->kl_weight * loss;
}

/* ---- the pass over the global crops: with the step's drop path; it saves only what these terms need ---- */

static int global_micro(struct step *s, int64_t i, struct fmt_error *e)
{
    struct micro micro;
    struct vit_activations act;
    struct vit_memory memory = step_memory(s);
    micro_begin(s, i, &micro);
    struct vit_request request = micro_request(s, &s->student, &micro, 1);
    request.drop_path = micro_drop_path(s, &micro);
    int status = vit_forward(&s->c, &s->student.vit, &s->student.values, &request, &memory, &act, e);
    if (status)
        return status;
    int64_t T = 2 * micro.m, *list = ARENA_TAKE(&s->host, int64_t, T);
    struct tensor rows;
    if (!op_planning(&s->c))
        rows_cls(&act, GLOBAL, list);
    struct tensor x = gather_rows(s, &act, list, T, &rows);
    micro_to_batch(s, &micro, s->student_cls, x);
    if (s->kl_weight > 0) {
        struct head_activations out;
        head_forward(&s->c, &s->head[0].student, sharding_head(s, &s->student, 0), x, false, &s->heads, &out);
        micro_to_batch(s, &micro, s->z_kl, out.z);
    }
    return 0;
}

static int global_pass(struct step *s, struct step_result *r, struct fmt_error *e)
{
    for (int64_t i = 0; i < s->sizes.n_micro; i++) {
        size_t work = s->work.used, heads = s->heads.used, host = s->host.used;
        int status = global_micro(s, i, e);
        if (status)
            return status;
        s->work.used = work;
        s->heads.used = heads;
        s->host.used = host;
    }
    struct prototype_layer p = head_prototypes(&s->head[0].student, sharding_head(s, &s->student, 0), s->z_kl);
    koleo_term(s, s->student_cls, r);
    kl_term(s, &p, 0, r);
    return 0;
}

/* ---- a head's part of a micro-batch ---- */

/* Its rows: class tokens of the local crops, of the global crops, masked patches. */
struct student_head {
    int64_t n_local, n_global, n_patches, T;
    struct tensor rows, x; /* [T] of the sequence, [T,C] */
    struct head_activations act;
    float *weight;         /* [T] host memory */
    struct loss_rows loss;
};

static const int64_t *list_rows(struct step *s, const struct micro *micro, const struct vit_activations *act,
                                const struct student_head *h)
{
    int64_t *rows = ARENA_TAKE(&s->host, int64_t, h->T), *end = rows;
    if (op_planning(&s->c))
        return rows;
    if (h->n_local)
        end = rows_cls(act, LOCAL, end);
    if (h->n_global)
        end = rows_cls(act, GLOBAL, end);
    if (h->n_patches)
        rows_patches(s, micro, act, end);
    return rows;
}

/* The teacher's rows that the micro-batch needs, class tokens first, each kind in two ranges; no ranges: all. */
static struct loss_part teacher_part(struct step *s, const struct micro *micro, const struct loss_head *l,
                                     const struct student_head *h, struct loss_range ranges[4])
{
    struct loss_part part = {.ranges = ranges, .n_first = h->n_global};
    struct patch_ranges patches = micro_patch_ranges(s, micro);
    int64_t n_dino = loss_batch(s, l)->rows[LOSS_DINO];
    if (s->sizes.n_micro == 1)
        return part;
    for (int c = 0; c < 2 && h->n_global; c++)
        ranges[part.n_ranges++] = (struct loss_range){c * s->sizes.B + micro->first, micro->m};
    for (int c = 0; c < 2 && h->n_patches; c++)
        ranges[part.n_ranges++] = (struct loss_range){n_dino + patches.first[c], patches.n[c]};
    return part;
}

/* Terms of the DINO loss: pairs of a local and a global crop, and of the two global crops. */
static double dino_terms(const struct step *s)
{
    return 2 * (double)s->sizes.n_local + 2;
}

/* Which targets each row has, and the weight of its gradient. The gradients of all ranks are added: each weighs as much
 * as its part of all images. */
static void fill_pairs(const struct step *s, const struct micro *micro, const struct student_head *h, int64_t *target,
                       float *weight)
{
    int64_t m = micro->m;
    double ranks = world_ranks(s->world), dino = s->dino_weight / (dino_terms(s) * (double)s->sizes.B * ranks);
    for (int64_t i = 0; i < h->n_local + h->n_global; i++, target += 2) {
        bool local = i < h->n_local;
        int64_t image = (local ? i : i - h->n_local) % m, crop = local ? 0 : (i - h->n_local) / m;
        target[0] = local ? image : (1 - crop) * m + image; /* a global crop: the other one */
        target[1] = local ? m + image : -1;
        *weight++ = (float)dino;
    }
    int64_t at = h->n_global;
    for (int64_t crop = 0; crop < 2 * m && h->n_patches; crop++) {
        int64_t n = crop_masked(s, batch_crop(s, micro, crop));
        for (int64_t i = 0; i < n; i++, target += 2) {
            target[0] = at++;
            target[1] = -1;
            *weight++ = (float)(s->ibot_weight / ((double)n * (double)s->sizes.crops[GLOBAL] * ranks));
        }
    }
}

static void head_losses(struct step *s, const struct micro *micro, const struct vit_activations *act,
                        struct loss_head *l, struct student_head *h)
{
    struct loss_range ranges[4];
    const struct params_array *values = sharding_head(s, &s->student, (int)(l - s->head));
    *h = (struct student_head){.n_local = l->has_loss[LOSS_DINO] ? s->sizes.n_local * micro->m : 0,
                               .n_global = l->has_loss[LOSS_DINO] ? 2 * micro->m : 0,
                               .n_patches = l->has_loss[LOSS_IBOT] ? micro->n_patches : 0};
    h->T = h->n_local + h->n_global + h->n_patches;
    if (h->T == 0)
        return;
    h->x = gather_rows(s, act, list_rows(s, micro, act, h), h->T, &h->rows);
    head_forward(&s->c, &l->student, values, h->x, true, &s->heads, &h->act);
    int64_t *target = ARENA_TAKE(&s->host, int64_t, 2 * h->T);
    h->weight = ARENA_TAKE(&s->host, float, h->T);
    if (!op_planning(&s->c))
        fill_pairs(s, micro, h, target, h->weight);
    struct loss_part part = teacher_part(s, micro, l, h, ranges);
    loss_begin(&s->c, l, loss_batch(s, l), &h->loss, h->T, &part, target, h->weight, &s->heads);
    loss_forward(&s->c, l, &h->loss, values, h->act.z);
}

/* ---- losses ---- */

/* Adds the losses of the rows to those of the rank, as published logs them. */
static void add_losses(struct step *s, const struct student_head *h, struct step_result *r)
{
    double *row_loss = ARENA_TAKE(&s->host, double, h->T), per_row = 1 / (dino_terms(s) * (double)s->sizes.B),
           ranks = world_ranks(s->world);
    if (h->T == 0 || op_planning(&s->c))
        return;
    op_copy_out(&s->c, row_loss, h->loss.row_loss);
    for (int64_t i = 0; i < h->T; i++) {
        if (i < h->n_local)
            r->dino_local_crops_loss += row_loss[i] * per_row;
        else if (i < h->n_local + h->n_global)
            r->dino_global_crops_loss += row_loss[i] * per_row;
        else
            r->ibot_loss += row_loss[i] * (double)h->weight[i] * ranks / s->ibot_weight / 2;
    }
}

void sum_losses(struct step_result *r)
{
    const struct {
        const char *name;
        double value;
    } term[] = {{"dino_local_crops_loss", r->dino_local_crops_loss},
                {"dino_global_crops_loss", r->dino_global_crops_loss},
                {"koleo_loss", r->koleo_loss},
                {"ibot_loss", r->ibot_loss},
                {"kl_loss", r->kl_loss}};
    r->total_loss = 0;
    for (size_t i = 0; i < sizeof term / sizeof *term; i++) {
        r->total_loss += term[i].value;
        if (!isfinite(term[i].value) && !r->bad)
            r->bad = term[i].name;
    }
}

/* ---- backward ---- */

/* part [from row `first` on] += the rows of the micro-batch's global crops in batch [2B,..] */
static void add_batch_to_micro(struct step *s, const struct micro *micro, struct tensor part, int64_t first,
                               struct tensor batch)
{
    for (int64_t c = 0; c < 2; c++)
        op_axpy(&s->c, tensor_rows(part, first + c * micro->m, micro->m), 1,
                tensor_rows(batch, c * s->sizes.B + micro->first, micro->m));
}

static void backward(struct step *s, const struct micro *micro, struct vit_activations *act,
                     struct student_head *heads, bool frozen)
{
    int64_t C = s->student.vit.config.C;
    struct tensor d_normed = act->normed; /* whose rows the heads have taken */
    op_fill(&s->c, d_normed, 0);
    for (int i = 0; i < s->n_heads; i++) {
        struct student_head *h = &heads[i];
        struct loss_head *l = &s->head[i];
        if (h->T == 0)
            continue;
        struct tensor dx = TENSOR_TAKE(&s->heads, DTYPE_F32, h->T, C);
        loss_backward(&s->c, l, &h->loss, &s->grads);
        if (h->n_global && s->kl_weight > 0)
            add_batch_to_micro(s, micro, h->loss.dz, h->n_local, s->d_kl);
        head_backward(&s->c, &l->student, sharding_head(s, &s->student, i), &h->act, h->loss.dz, dx, &s->heads,
                      &s->grads);
        if (h->n_global && s->koleo_weight > 0)
            add_batch_to_micro(s, micro, dx, h->n_local, s->d_cls);
        op_scatter_add_rows(&s->c, d_normed, dx, h->rows);
    }
    struct vit_memory memory = step_memory(s);
    if (step_one_piece(s)) {
        device_arena_return(&s->heads);
        op_fill(&s->c, params_range(&s->grads, 0, step_backbone_span(s)), 0);
    }
    if (!frozen)
        vit_backward(&s->c, &s->student.vit, &s->student.values, act, d_normed, &memory, &s->grads);
}

static int student_micro(struct step *s, int64_t i, bool frozen, struct step_result *r, struct fmt_error *e)
{
    struct micro micro;
    struct vit_activations act;
    struct student_head heads[2];
    struct vit_memory memory = step_memory(s);
    micro_begin(s, i, &micro);
    struct vit_request request = micro_request(s, &s->student, &micro, s->sizes.n_local ? 2 : 1);
    request.drop_path = micro_drop_path(s, &micro);
    request.save_for_backward = !frozen;
    int status = vit_forward(&s->c, &s->student.vit, &s->student.values, &request, &memory, &act, e);
    if (status)
        return status;
    for (int h = 0; h < s->n_heads; h++) {
        head_losses(s, &micro, &act, &s->head[h], &heads[h]);
        add_losses(s, &heads[h], r);
    }
    if (s->sizes.n_micro == 1) {
        koleo_term(s, tensor_rows(heads[0].x, heads[0].n_local, heads[0].n_global), r);
        kl_term(s, &heads[0].loss.student, heads[0].n_local, r);
    }
    double begin = world_clock(s->world);
    backward(s, &micro, &act, heads, frozen);
    r->times.backward += world_clock(s->world) - begin;
    return 0;
}

int student_pass(struct step *s, bool frozen, struct step_result *r, struct fmt_error *e)
{
    int status = 0;
    if (s->sizes.n_micro > 1 && (s->koleo_weight > 0 || s->kl_weight > 0))
        status = global_pass(s, r, e);
    for (int64_t i = 0; i < s->sizes.n_micro && !status; i++) {
        size_t work = s->work.used, heads = s->heads.used, host = s->host.used;
        status = student_micro(s, i, frozen, r, e);
        s->work.used = work;
        s->heads.used = heads;
        s->host.used = host;
    }
    return status;
}
