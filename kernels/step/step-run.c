/* step-run.c - one step. The teacher goes over the whole batch first and leaves bottleneck vectors, from which come
 * the targets. Then the student goes forward and backward, micro-batch after micro-batch, and gradients add up. At the
 * end all that is not finite is known, and one sweep updates student, moments and teacher. */
#include <math.h>
#include <string.h>

#include "step-internal.h"

/* Rows [first, first + n) of p [..,width]. */
static struct tensor rows_of(const float *p, int64_t first, int64_t n, int64_t width)
{
    return HOST_TENSOR(p ? p + first * width : NULL, n, width);
}

static void copy_rows(struct op_ctx *c, float *to, int64_t to_row, const float *from, int64_t from_row, int64_t n,
                      int64_t width)
{
    if (n > 0)
        op_copy(c, rows_of(to, to_row, n, width), rows_of(from, from_row, n, width));
}

/* Rows of the two global crops of a micro-batch, to or from those of the batch. */
static void spread_global(struct step *s, const struct micro *micro, float *batch, const float *part, int64_t width)
{
    for (int64_t c = 0; c < 2; c++)
        copy_rows(&s->c, batch, c * s->z.B + micro->first, part, c * micro->m, micro->m, width);
}

static void add_global(struct step *s, const struct micro *micro, float *part, int64_t first, const float *batch,
                       int64_t width)
{
    for (int64_t c = 0; c < 2; c++)
        op_axpy(&s->c, rows_of(part, first + c * micro->m, micro->m, width), 1,
                rows_of(batch, c * s->z.B + micro->first, micro->m, width));
}

static struct vit_request request_of(const struct step *s, const struct micro *micro, int n_inputs)
{
    struct vit_request r = {.n_inputs = n_inputs, .pixel_norm = s->batch->pixel_norm};
    for (int i = 0; i < n_inputs; i++)
        r.inputs[i] = micro->input[i];
    return r;
}

/* ---- teacher ---- */

static void teacher_heads(struct step *s, const struct micro *micro, const struct vit_activations *pass)
{
    int64_t C = s->vit.config.C, n_cls = 2 * micro->m;
    struct patch_runs runs = micro_patch_runs(s, micro);
    for (int h = 0; h < s->n_heads; h++) {
        struct loss_head *l = &s->head[h];
        bool cls = l->serves[LOSS_DINO], patches = l->serves[LOSS_IBOT];
        int64_t first = cls ? n_cls : 0, T = first + (patches ? micro->n_patches : 0),
                b = l->head.config.bottleneck_dim;
        if (T == 0)
            continue;
        int64_t *rows = HOST_TAKE(&s->work, int64_t, T), *end = rows;
        float *x = HOST_TAKE(&s->work, float, T * C);
        if (!op_planning(&s->c)) {
            end = cls ? rows_cls(pass, GLOBAL, end) : end;
            end = patches ? rows_patches(s, micro, pass, end) : end;
        }
        op_gather_rows(&s->c, HOST_TENSOR(x, T, C), HOST_TENSOR(pass->normed, pass->T, C), HOST_TENSOR(rows, T));
        struct head_activations out;
        head_forward(&s->c, &l->head, s->teacher, x, T, false, &s->work, &out);
        if (cls) {
            spread_global(s, micro, s->teacher_cls, x, C);
            spread_global(s, micro, l->z, out.z, b);
        }
        for (int c = 0; patches && c < 2; c++)
            copy_rows(&s->c, l->z, l->rows[LOSS_DINO] + runs.first[c], out.z, first + (c ? runs.n[0] : 0), runs.n[c],
                      b);
    }
}

static int teacher_forward(struct step *s, struct fmt_error *e)
{
    for (int64_t i = 0; i < s->z.n_micro; i++) {
        size_t mark = s->work.used;
        struct micro micro;
        struct vit_activations pass;
        micro_begin(s, i, &micro);
        struct vit_request r = request_of(s, &micro, 1);
        r.inputs[GLOBAL].masks = NULL; /* the teacher sees all of a crop */
        int status = vit_forward(&s->c, &s->vit, s->teacher, &r, &s->work, &pass, e);
        if (status)
            return status;
        teacher_heads(s, &micro, &pass);
        s->work.used = mark;
    }
    return 0;
}

static void watch(struct step *s, struct step_result *r)
{
    struct prototype_collapse seen = {0};
    int64_t crops = s->z.crops[GLOBAL], K = s->head[0].head.config.n_prototypes;
    loss_collapse(&s->c, &s->head[0], &r->teacher_entropy, &seen);
    op_effective_rank(&s->c, &r->feature_rank, HOST_TENSOR(s->teacher_cls, crops, s->vit.config.C));
    r->teacher_entropy_mean = seen.entropy_of_mean;
    r->prototypes_used = (double)seen.n_winners / (double)(crops < K ? crops : K);
}

/* ---- terms of the whole batch on the student's global crops ---- */

static void koleo_term(struct step *s, const float *cls, struct step_result *r)
{
    int64_t B = s->z.B, C = s->vit.config.C;
    double sum = 0;
    if (s->koleo_weight <= 0)
        return;
    op_fill(&s->c, HOST_TENSOR(s->d_cls, 2 * B, C), 0);
    for (int64_t crop = 0; crop < 2; crop++) {
        struct koleo_result koleo = {0};
        op_koleo(&s->c, &koleo, rows_of(s->d_cls, crop * B, B, C), rows_of(cls, crop * B, B, C),
                 s->koleo_weight);
        sum += koleo.loss;
        r->n_koleo_left_out += koleo.n_left_out;
    }
    r->koleo_loss = s->koleo_weight * sum / 2; /* logged halved, as published */
}

/* p: rows that hold the global crops' from `first` on. */
static void kl_term(struct step *s, const struct prototype_layer *p, int64_t first, struct step_result *r)
{
    const struct head *h = &s->head[0].head;
    double loss = 0;
    if (s->kl_weight <= 0)
        return;
    int64_t K = h->config.n_prototypes, b = h->config.bottleneck_dim;
    struct tensor dz = HOST_TENSOR(s->d_kl, s->z.crops[GLOBAL], b);
    op_fill(&s->c, dz, 0);
    op_prototype_kl(&s->c, &loss, dz, HOST_TENSOR(s->grads + h->weight_v, K, b),
                    HOST_TENSOR(s->grads + h->weight_g, K, 1), p, first, LOSS_STUDENT_TEMPERATURE, s->kl_weight);
    r->kl_loss = s->kl_weight * loss;
}

/* The student's global crops go forward with the step's draws, and nothing is kept but what these terms need. */
static int preview(struct step *s, struct step_result *r, struct fmt_error *e)
{
    int64_t C = s->vit.config.C, b = s->head[0].head.config.bottleneck_dim;
    for (int64_t i = 0; i < s->z.n_micro; i++) {
        size_t mark = s->work.used;
        struct micro micro;
        struct vit_activations pass;
        micro_begin(s, i, &micro);
        int64_t T = 2 * micro.m;
        struct vit_request request = request_of(s, &micro, 1);
        request.drop_path = micro_drop(s, &micro);
        int status = vit_forward(&s->c, &s->vit, s->student, &request, &s->work, &pass, e);
        if (status)
            return status;
        int64_t *rows = HOST_TAKE(&s->work, int64_t, T);
        float *x = HOST_TAKE(&s->work, float, T * C);
        if (!op_planning(&s->c))
            rows_cls(&pass, GLOBAL, rows);
        op_gather_rows(&s->c, HOST_TENSOR(x, T, C), HOST_TENSOR(pass.normed, pass.T, C), HOST_TENSOR(rows, T));
        spread_global(s, &micro, s->student_cls, x, C);
        if (s->kl_weight > 0) {
            struct head_activations out;
            head_forward(&s->c, &s->head[0].head, s->student, x, T, false, &s->work, &out);
            spread_global(s, &micro, s->z_kl, out.z, b);
        }
        s->work.used = mark;
    }
    struct prototype_layer p = head_prototypes(&s->head[0].head, s->student, s->z_kl, s->z.crops[GLOBAL]);
    koleo_term(s, s->student_cls, r);
    kl_term(s, &p, 0, r);
    return 0;
}

/* ---- student ---- */

/* A head's rows in a micro-batch: class tokens of the local crops, of the global crops, masked patches. */
struct student_head {
    int64_t n_local, n_global, n_patches, T;
    int64_t *rows; /* [T] of the pass */
    float *x;      /* [T,C] */
    struct head_activations pass;
    struct loss_rows loss;
};

/* A batch in parts: which of the teacher's rows this one needs, class tokens first. NULL: all. */
static const int64_t *pick_teacher(struct step *s, const struct micro *micro, const struct loss_head *l,
                                   const struct student_head *h, int64_t *n)
{
    *n = h->n_global + h->n_patches;
    if (s->z.n_micro == 1)
        return NULL;
    int64_t *picked = HOST_TAKE(&s->work, int64_t, *n), *to = picked;
    struct patch_runs runs = micro_patch_runs(s, micro);
    for (int64_t i = 0; i < h->n_global && to; i++)
        *to++ = i / micro->m * s->z.B + micro->first + i % micro->m;
    for (int c = 0; c < 2 && h->n_patches && to; c++)
        for (int64_t i = 0; i < runs.n[c]; i++)
            *to++ = l->rows[LOSS_DINO] + runs.first[c] + i;
    return picked;
}

/* Which target each row has and what its gradient weighs. */
static void fill_pairs(const struct step *s, const struct micro *micro, struct student_head *h)
{
    int64_t *target = h->loss.target, m = micro->m;
    float *weight = h->loss.weight;
    double terms = 2 * (double)s->z.n_local + 2, dino = s->dino_weight / (terms * (double)s->z.B);
    for (int64_t i = 0; i < h->n_local + h->n_global; i++, target += 2) {
        bool local = i < h->n_local;
        int64_t image = (local ? i : i - h->n_local) % m, crop = local ? 0 : (i - h->n_local) / m;
        target[0] = local ? image : (1 - crop) * m + image; /* a global crop: of the other one */
        target[1] = local ? m + image : -1;
        *weight++ = (float)dino;
    }
    int64_t at = h->n_global;
    for (int64_t crop = 0; crop < 2 * m && h->n_patches; crop++) {
        int64_t n = crop_masked(s, crop / m * s->z.B + micro->first + crop % m);
        for (int64_t i = 0; i < n; i++, target += 2) {
            target[0] = at++;
            target[1] = -1;
            *weight++ = (float)(s->ibot_weight / ((double)n * (double)s->z.crops[GLOBAL]));
        }
    }
}

static void student_head_forward(struct step *s, const struct micro *micro, const struct vit_activations *pass,
                                 struct loss_head *l, struct student_head *h)
{
    int64_t C = s->vit.config.C, n_picked;
    *h = (struct student_head){.n_local = l->serves[LOSS_DINO] ? s->z.n_local * micro->m : 0,
                               .n_global = l->serves[LOSS_DINO] ? 2 * micro->m : 0,
                               .n_patches = l->serves[LOSS_IBOT] ? micro->n_patches : 0};
    h->T = h->n_local + h->n_global + h->n_patches;
    if (h->T == 0)
        return;
    h->rows = HOST_TAKE(&s->work, int64_t, h->T);
    h->x = HOST_TAKE(&s->work, float, h->T * C);
    if (!op_planning(&s->c)) {
        int64_t *end = h->n_local ? rows_cls(pass, LOCAL, h->rows) : h->rows;
        end = h->n_global ? rows_cls(pass, GLOBAL, end) : end;
        if (h->n_patches)
            rows_patches(s, micro, pass, end);
    }
    op_gather_rows(&s->c, HOST_TENSOR(h->x, h->T, C), HOST_TENSOR(pass->normed, pass->T, C),
                   HOST_TENSOR(h->rows, h->T));
    head_forward(&s->c, &l->head, s->student, h->x, h->T, true, &s->work, &h->pass);
    const int64_t *picked = pick_teacher(s, micro, l, h, &n_picked);
    loss_begin(&s->c, l, &h->loss, h->T, picked, n_picked, h->n_global, &s->work);
    if (!op_planning(&s->c))
        fill_pairs(s, micro, h);
    loss_forward(&s->c, l, &h->loss, s->student, h->pass.z);
}

/* Adds the losses of the rows to the step's, as published logs them. */
static void add_losses(const struct step *s, const struct student_head *h, struct step_result *r)
{
    double terms = 2 * (double)s->z.n_local + 2, per_row = 1 / (terms * (double)s->z.B);
    for (int64_t i = 0; i < h->T; i++) {
        if (i < h->n_local)
            r->dino_local_crops_loss += h->loss.row_loss[i] * per_row;
        else if (i < h->n_local + h->n_global)
            r->dino_global_crops_loss += h->loss.row_loss[i] * per_row;
        else
            r->ibot_loss += h->loss.row_loss[i] * (double)h->loss.weight[i] / s->ibot_weight / 2;
    }
}

static void find_bad_loss(struct step_result *r)
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

static void student_backward(struct step *s, const struct micro *micro, struct vit_activations *pass,
                             struct student_head *heads, bool frozen)
{
    int64_t C = s->vit.config.C;
    float *d_norm = HOST_TAKE(&s->work, float, pass->T * C);
    op_fill(&s->c, HOST_TENSOR(d_norm, pass->T, C), 0);
    for (int i = 0; i < s->n_heads; i++) {
        struct student_head *h = &heads[i];
        struct loss_head *l = &s->head[i];
        if (h->T == 0)
            continue;
        float *dx = HOST_TAKE(&s->work, float, h->T * C);
        loss_backward(&s->c, l, &h->loss, s->grads);
        if (h->n_global && s->kl_weight > 0)
            add_global(s, micro, h->loss.dz, h->n_local, s->d_kl, l->head.config.bottleneck_dim);
        head_backward(&s->c, &l->head, s->student, &h->pass, h->loss.dz, dx, &s->work, s->grads);
        if (h->n_global && s->koleo_weight > 0)
            add_global(s, micro, dx, h->n_local, s->d_cls, C);
        op_scatter_add_rows(&s->c, HOST_TENSOR(d_norm, pass->T, C), HOST_TENSOR(dx, h->T, C),
                            HOST_TENSOR(h->rows, h->T));
    }
    if (!frozen)
        vit_backward(&s->c, &s->vit, s->student, pass, d_norm, s->grads);
}

static int student_micro(struct step *s, int64_t i, bool frozen, struct step_result *r, struct fmt_error *e)
{
    size_t mark = s->work.used;
    struct micro micro;
    struct vit_activations pass;
    struct student_head heads[2];
    micro_begin(s, i, &micro);
    struct vit_request request = request_of(s, &micro, s->z.n_local ? 2 : 1);
    request.drop_path = micro_drop(s, &micro);
    request.save_for_backward = !frozen;
    int status = vit_forward(&s->c, &s->vit, s->student, &request, &s->work, &pass, e);
    if (status)
        return status;
    for (int h = 0; h < s->n_heads; h++) {
        student_head_forward(s, &micro, &pass, &s->head[h], &heads[h]);
        if (!op_planning(&s->c))
            add_losses(s, &heads[h], r);
    }
    if (s->z.n_micro == 1) {
        koleo_term(s, heads[0].x ? heads[0].x + heads[0].n_local * s->vit.config.C : NULL, r);
        kl_term(s, &heads[0].loss.student, heads[0].n_local, r);
    }
    find_bad_loss(r);
    if (!r->bad)
        student_backward(s, &micro, &pass, heads, frozen);
    s->work.used = mark;
    return 0;
}

int step_forward_backward(struct step *s, int64_t iteration, double teacher_temp, struct step_result *r,
                          struct fmt_error *e)
{
    *r = (struct step_result){.n_masked = s->patch_start[s->z.crops[GLOBAL]]};
    op_fill(&s->c, HOST_TENSOR(s->grads, s->params.count), 0);
    int status = teacher_forward(s, e);
    for (int h = 0; h < s->n_heads; h++)
        loss_targets(&s->c, &s->head[h], s->teacher, teacher_temp);
    watch(s, r);
    if (!status && s->z.n_micro > 1 && (s->koleo_weight > 0 || s->kl_weight > 0))
        status = preview(s, r, e);
    for (int64_t i = 0; i < s->z.n_micro && !r->bad && !status; i++)
        status = student_micro(s, i, step_frozen(s, iteration), r, e);
    int failed = op_sync(&s->c, status ? NULL : e);
    return status ? status : failed;
}

/* ---- update ---- */

/* Of the rows that are trained. */
static void gradient_norms(struct step *s, struct step_result *r)
{
    for (int m = 0; m < s->params.n_modules; m++) {
        int64_t first, count;
        double squares = 0, of_run;
        for (int row = 0; params_trained_run(&s->params, m, &row, &first, &count); squares += of_run) {
            of_run = 0;
            op_sum_squares(&s->c, &of_run, HOST_TENSOR(s->grads + first, count));
        }
        r->module[r->n_modules++] = (struct step_module){s->params.modules[m].name, sqrt(squares)};
        if (!isfinite(squares) && !r->bad)
            r->bad = s->bad_gradient[m];
    }
}

double step_grad_norm(const struct step_result *r, const char *module)
{
    for (int m = 0; m < r->n_modules; m++)
        if (strcmp(r->module[m].name, module) == 0)
            return r->module[m].grad_norm;
    return 0;
}

static void update(struct step *s, int64_t iteration, const struct schedule_rates *rates, const struct step_result *r)
{
    struct optim_module module[PARAMS_MODULES_MAX];
    for (int m = 0; m < s->params.n_modules; m++) {
        bool frozen = m == MODULE_BACKBONE && step_frozen(s, iteration);
        s->steps[m] += !frozen;
        module[m] = (struct optim_module){frozen, optim_clip(&s->optim, r->module[m].grad_norm), s->steps[m]};
    }
    struct update u = {.rule = s->optim.rule,
                       .ranges = s->ranges,
                       .n_ranges = optim_ranges(&s->optim, &s->params, rates, module, s->ranges),
                       .student = HOST_TENSOR(s->student, s->params.count),
                       .m = HOST_TENSOR(s->m1, s->params.count),
                       .v = s->m2 ? HOST_TENSOR(s->m2, s->params.count) : TENSOR_NONE,
                       .grad = HOST_TENSOR(s->grads, s->params.count),
                       .teacher = HOST_TENSOR(s->teacher, s->params.count),
                       .teacher_momentum = rates->momentum,
                       .beta1 = s->optim.beta1,
                       .beta2 = s->optim.beta2,
                       .eps = s->optim.eps};
    op_update(&s->c, &u);
    for (int h = 0; h < s->n_heads; h++)
        loss_commit(&s->c, &s->head[h]);
}

int step_run(struct step *s, const struct step_batch *batch, int64_t iteration, const struct schedule_rates *rates,
             const struct step_draws *draws, struct step_result *result, struct fmt_error *e)
{
    int status = batch_begin(s, batch, e);
    if (status)
        return status;
    draw_drop_path(s, iteration, draws);
    status = step_forward_backward(s, iteration, rates->teacher_temp, result, e);
    s->batch = NULL;
    if (status)
        return status;
    if (!result->bad)
        gradient_norms(s, result);
    if (!result->bad)
        update(s, iteration, rates, result);
    return op_sync(&s->c, e);
}
