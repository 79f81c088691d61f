/* Head, losses and schedules against the published code. Where it has logits and the program has rows before
 * prototypes, the prototypes are the unit matrix: rows are then logits, bit for bit, and so are their gradients. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "head.h"
#include "loss.h"
#include "schedule.h"
#include "test-device.h"

static struct op_ctx ctx;
static struct device_arena scratch, work;

static void open_context(void)
{
    struct fmt_error e = {0};
    ctx = (struct op_ctx){.backend = test_backend(), .pool = thread_open(2, &e), .scratch = &scratch};
    if (!ctx.backend || !ctx.pool || device_arena_init(&scratch, ctx.backend, 64 << 20, &e) ||
        device_arena_init(&work, ctx.backend, 64 << 20, &e))
        exit(1);
}

static bool clean(void)
{
    struct fmt_error e = {0};
    return op_sync(&ctx, &e) == 0 || ok(false, "operations: %s", e.text);
}

static void forward_close(const float *got, const float *want, int64_t n, const char *what)
{
    is_close(got, want, n, 1e-5, 1e-4, "%s", what);
}

/* ---- head ---- */

static void test_head(void)
{
    struct golden g;
    if (!golden_open(&g, "dino_head.safetensors"))
        return;
    const struct named_tensor *x = golden_find(&g, "x"), *w0 = golden_find(&g, "param.mlp.0.weight"),
                       *v = golden_find(&g, "param.last_layer.weight_v");
    int64_t T = x->dims[0], D = x->dims[1], K = v->dims[0], b = v->dims[1], layers = 0;
    struct params t = {0};
    struct head h;
    struct fmt_error e = {0};
    char name[160];
    for (; snprintf(name, sizeof name, "param.mlp.%lld.weight", (long long)(2 * layers)), golden_find(&g, name);
         layers++)
        ;
    struct head_config config = {D, w0->dims[0], b, K, layers};
    ok(head_params(&h, &config, HEAD_DINO, 3, &t, &e) == 0, "a head of %lld layers: %s", (long long)layers,
       e.text);
    float *values = calloc((size_t)t.count, sizeof *values), *grads = calloc((size_t)t.count, sizeof *grads);
    for (int i = 0; i < t.n_rows; i++) {
        snprintf(name, sizeof name, "param.%s", strchr(t.rows[i].name, '.') + 1);
        memcpy(values + t.rows[i].offset, golden_f32(&g, name, NULL), (size_t)t.rows[i].count * sizeof *values);
    }
    struct head_activations pass;
    head_forward(&ctx, &h, values, golden_f32(&g, "x", NULL), T, true, &work, &pass);
    struct prototype_layer p = head_prototypes(&h, values, pass.z, T);
    float *y = HOST_TAKE(&work, float, T *K), *dz = HOST_TAKE(&work, float, T *b),
          *dx = HOST_TAKE(&work, float, T *D);
    op_prototype_fwd(&ctx, HOST_TENSOR(y, T, K), &p);
    forward_close(y, golden_f32(&g, "y", NULL), T * K, "head: logits");
    op_prototype_bwd(&ctx, HOST_TENSOR(dz, T, b), HOST_TENSOR(grads + h.weight_v, K, b),
                     HOST_TENSOR(grads + h.weight_g, K, 1), HOST_TENSOR(golden_f32(&g, "dy", NULL), T, K), &p);
    head_backward(&ctx, &h, values, &pass, dz, dx, &work, grads);
    if (clean())
        is_near(dx, golden_f32(&g, "dx", NULL), T * D, 1e-4, "head: gradient at the input");
    for (int i = 0; i < t.n_rows; i++) {
        snprintf(name, sizeof name, "grad.%s", strchr(t.rows[i].name, '.') + 1);
        is_near(grads + t.rows[i].offset, golden_f32(&g, name, NULL), t.rows[i].count, 1e-4, "head: %s", name);
    }
    free(values);
    free(grads);
    params_release(&t);
    golden_close(&g);
    work.used = 0;
}

/* ---- losses ---- */

/* A head whose logits are its rows. */
static struct prototype_layer unit_prototypes(const float *logits, int64_t T, int64_t K)
{
    float *v = HOST_TAKE(&work, float, K * K), *g = HOST_TAKE(&work, float, K);
    memset(v, 0, (size_t)(K * K) * sizeof *v);
    for (int64_t k = 0; k < K; k++)
        v[k * K + k] = g[k] = 1;
    return (struct prototype_layer){.z = HOST_TENSOR(logits, T, K), .v = HOST_TENSOR(v, K, K),
                                    .g = HOST_TENSOR(g, K, 1)};
}

static float *targets_of(const float *logits, int64_t T, int64_t K, const double *log_col, const double *log_row,
                         double temperature)
{
    float *t = HOST_TAKE(&work, float, T * K);
    for (int64_t i = 0; i < T; i++)
        for (int64_t k = 0; k < K; k++)
            t[i * K + k] = (float)exp((double)logits[i * K + k] / temperature + log_col[k] + log_row[i]);
    return t;
}

/* Of all rows, by Sinkhorn-Knopp; log_col, log_row: from the arena. */
static struct prototype_targets sinkhorn(const struct prototype_layer *p, double temperature, double *col, double *row)
{
    int64_t T = p->z.dims[0], K = p->v.dims[0];
    struct tensor log_col = HOST_TENSOR(col, K), log_row = HOST_TENSOR(row, T);
    op_fill(&ctx, log_row, 0);
    for (int round = 1; round <= LOSS_SINKHORN_ROUNDS; round++)
        op_prototype_sinkhorn(&ctx, log_col, log_row, p, 0, temperature,
                              round < LOSS_SINKHORN_ROUNDS ? log((double)T) : 0);
    return (struct prototype_targets){
        .teacher = *p, .temperature = temperature, .n_first = T, .log_col = {log_col, log_col}, .log_row = log_row};
}

static struct prototype_targets teacher_targets(struct golden *g, const char *logits, double temperature)
{
    const struct named_tensor *t = golden_find(g, logits);
    struct prototype_layer p = unit_prototypes(golden_f32(g, logits, NULL), t->dims[0], t->dims[1]);
    return sinkhorn(&p, temperature, HOST_TAKE(&work, double, t->dims[1]), HOST_TAKE(&work, double, t->dims[0]));
}

static void check_sinkhorn(struct golden *g, const char *logits, const char *want, double temperature)
{
    size_t mark = work.used;
    const struct named_tensor *t = golden_find(g, logits);
    int64_t T = t->dims[0], K = t->dims[1];
    struct prototype_layer p = unit_prototypes(golden_f32(g, logits, NULL), T, K);
    double *col = HOST_TAKE(&work, double, K), *row = HOST_TAKE(&work, double, T);
    sinkhorn(&p, temperature, col, row);
    float *w = golden_f32(g, want, NULL);
    if (clean())
        forward_close(targets_of(golden_f32(g, logits, NULL), T, K, col, row, temperature), w, T * K, want);
    work.used = mark;
}

/* Three rounds of centering: in each the centre holds the batches before the last. */
static void check_centering(struct golden *g, const char *logits, const char *kind, double temperature, double shift)
{
    size_t mark = work.used;
    const struct named_tensor *t = golden_find(g, logits);
    int64_t T = t->dims[0], K = t->dims[1];
    const float *base = golden_f32(g, logits, NULL);
    float *shifted = HOST_TAKE(&work, float, T *K), *after = HOST_TAKE(&work, float, K),
          *values = HOST_TAKE(&work, float, K *K + K);
    struct loss_head l = {.head = {.config = {.in_dim = K, .bottleneck_dim = K, .n_prototypes = K, .n_layers = 1}},
                          .serves = {true, false}, .rows_max = {T, 0}, .student_rows_max = 1};
    char name[100];
    loss_carve(&l, false, &work);
    loss_clear_centers(&ctx, &l);
    l.rows[LOSS_DINO] = T;
    l.head.weight_v = 0, l.head.weight_g = K * K;
    for (int64_t k = 0; k < K * K + K; k++)
        values[k] = k >= K * K || k % K == k / K;
    for (int round = 0; round < 3; round++) {
        for (int64_t i = 0; i < T * K; i++)
            shifted[i] = base[i] + (float)shift * (float)round;
        memcpy(l.z, shifted, (size_t)(T * K) * sizeof *shifted);
        loss_targets(&ctx, &l, values, temperature);
        snprintf(name, sizeof name, "%s.center_softmax.%d", kind, round);
        if (clean())
            forward_close(targets_of(l.z, T, K, l.log_col[LOSS_DINO], l.log_row, temperature),
                          golden_f32(g, name, NULL), T * K, name);
        loss_commit(&ctx, &l);
    }
    for (int64_t k = 0; k < K; k++)
        after[k] = 0.9f * l.center[LOSS_DINO].now[k] + 0.1f * l.center[LOSS_DINO].pending[k];
    snprintf(name, sizeof name, "%s.center.after3", kind);
    if (golden_find(g, name))
        forward_close(after, golden_f32(g, name, NULL), K, name);
    work.used = mark;
}

static void check_xent(struct golden *g, const char *what, const char *logits, const char *gradient, const char *loss,
                       const struct prototype_targets *targets, const int64_t *target, const float *weight,
                       double factor)
{
    const struct named_tensor *t = golden_find(g, logits);
    int64_t T = t->dims[0], K = t->dims[1];
    struct prototype_layer s = unit_prototypes(golden_f32(g, logits, NULL), T, K);
    double *row_loss = HOST_TAKE(&work, double, 3 * T), sum = 0;
    float *dz = HOST_TAKE(&work, float, T * K), *dv = HOST_TAKE(&work, float, K * K + K), got;
    struct prototype_pairs pairs = {HOST_TENSOR(target, T, 2), HOST_TENSOR(weight, T),
                                    golden_number(g, "student_temperature", 0.1)};
    struct tensor lse = HOST_TENSOR(row_loss + T, T), target_sum = HOST_TENSOR(row_loss + 2 * T, T);
    memset(dv, 0, (size_t)(K * K + K) * sizeof *dv);
    op_prototype_xent_fwd(&ctx, HOST_TENSOR(row_loss, T), lse, target_sum, &s, targets, &pairs);
    op_prototype_xent_bwd(&ctx, HOST_TENSOR(dz, T, K), HOST_TENSOR(dv, K, K), HOST_TENSOR(dv + K * K, K, 1), lse,
                          target_sum, &s, targets, &pairs);
    for (int64_t i = 0; i < T; i++)
        sum += row_loss[i] * (double)weight[i] * factor;
    got = (float)sum;
    if (clean()) {
        is_close(&got, golden_f32(g, loss, NULL), 1, 1e-5, 1e-4, "%s: loss", what);
        is_near(dz, golden_f32(g, gradient, NULL), T * K, 1e-4, "%s: gradient", what);
    }
}

static void check_dino(struct golden *g)
{
    size_t mark = work.used;
    const struct named_tensor *t = golden_find(g, "teacher_logits"), *s = golden_find(g, "dino.student_logits");
    int64_t B = t->dims[0] / 2, n = s->dims[0];
    struct prototype_targets targets = teacher_targets(g, "teacher_logits", 0.07);
    int64_t *target = HOST_TAKE(&work, int64_t, 2 * n);
    float *weight = HOST_TAKE(&work, float, n);
    for (int64_t i = 0; i < n; i++)
        target[2 * i] = i % B, target[2 * i + 1] = B + i % B, weight[i] = (float)(1 / (double)B);
    check_xent(g, "DINO", "dino.student_logits", "dino.student_grad", "dino.loss_4local_x_2global", &targets, target,
               weight, 1);
    work.used = mark;
}

static void check_ibot(struct golden *g)
{
    size_t mark = work.used;
    const struct named_tensor *t = golden_find(g, "ibot.teacher_logits"), *m = golden_find(g, "ibot.masks");
    int64_t n = t->dims[0], crops = m->dims[0], N = m->dims[1], at = 0;
    struct prototype_targets targets = teacher_targets(g, "ibot.teacher_logits", 0.05);
    const float *masks = golden_f32(g, "ibot.masks", NULL), *given = golden_f32(g, "ibot.masks_weight", NULL);
    int64_t *target = HOST_TAKE(&work, int64_t, 2 * n);
    float *weight = HOST_TAKE(&work, float, n), *per_token = HOST_TAKE(&work, float, n);
    for (int64_t crop = 0; crop < crops; crop++) {
        double count = 0;
        for (int64_t i = 0; i < N; i++)
            count += masks[crop * N + i] != 0;
        for (int64_t i = 0; i < N; i++)
            if (masks[crop * N + i] != 0 && at < n)
                per_token[at++] = (float)(1 / count);
    }
    ok(at == n, "iBOT: %lld masked patches", (long long)at);
    forward_close(per_token, given, n, "iBOT: weights of the patches");
    for (int64_t i = 0; i < n; i++)
        target[2 * i] = i, target[2 * i + 1] = -1, weight[i] = per_token[i] / (float)crops;
    check_xent(g, "iBOT", "ibot.student_logits", "ibot.student_grad", "ibot.loss", &targets, target, weight, 1);
    work.used = mark;
}

static void check_koleo(struct golden *g)
{
    const struct named_tensor *t = golden_find(g, "koleo.x");
    int64_t B = t->dims[0], C = t->dims[1];
    float *dx = HOST_TAKE(&work, float, B * C), got;
    struct koleo_result koleo = {.n_left_out = -1};
    memset(dx, 0, (size_t)(B * C) * sizeof *dx);
    op_koleo(&ctx, &koleo, HOST_TENSOR(dx, B, C), HOST_TENSOR(golden_f32(g, "koleo.x", NULL), B, C), 1);
    got = (float)koleo.loss;
    if (clean()) {
        is_close(&got, golden_f32(g, "koleo.loss", NULL), 1, 1e-5, 1e-4, "KoLeo: loss");
        is_near(dx, golden_f32(g, "koleo.grad", NULL), B * C, 1e-4, "KoLeo: gradient");
        is_int(koleo.n_left_out, 0, "KoLeo: no row is left out");
    }
}

static void test_losses(void)
{
    struct golden g;
    if (!golden_open(&g, "losses.safetensors"))
        return;
    double temperature = golden_number(&g, "centering_temperature", 0.07);
    check_sinkhorn(&g, "teacher_logits", "dino.sinkhorn.0.04", 0.04);
    check_sinkhorn(&g, "teacher_logits", "dino.sinkhorn.0.07", 0.07);
    check_sinkhorn(&g, "ibot.teacher_logits", "ibot.sinkhorn.0.05", 0.05);
    check_sinkhorn(&g, "large.teacher_logits", "large.sinkhorn.0.04", 0.04);
    check_centering(&g, "teacher_logits", "dino", temperature, golden_number(&g, "dino_round_shift", 0.3));
    check_centering(&g, "ibot.teacher_logits", "ibot", temperature, golden_number(&g, "ibot_round_shift", 0.2));
    check_dino(&g);
    check_ibot(&g);
    check_koleo(&g);
    golden_close(&g);
    work.used = 0;
}

/* ---- schedules ---- */

/* The cosine's last bit differs between mathematical libraries, and so 1 + cos near -1 by more; all else is exact. */
static void check_schedule(struct golden *g, const char *name, struct schedule s)
{
    int64_t n, n_exact = 0, n_off = 0;
    const double *want = golden_f64(g, name, &n);
    double span = fabs(s.base - s.final), worst = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = fabs(schedule_at(&s, i) - want[i]);
        bool cosine = i >= s.freeze + s.warmup && i < s.total && span > 0;
        n_exact += d == 0;
        n_off += !(d <= (cosine ? 4e-16 * span + 2.3e-16 * fabs(want[i]) : 0));
        worst = d > worst ? d : worst;
    }
    ok(n_off == 0, "schedule %s: %lld of %lld to the bit, the others by a cosine's last bit (%.2g)", name,
       (long long)n_exact, (long long)n, worst);
}

static void test_schedules(void)
{
    struct golden g;
    if (!golden_open(&g, "schedules.safetensors"))
        return;
    check_schedule(&g, "lr", (struct schedule){0.004, 1e-6, 0, 1000, 100, 0});
    check_schedule(&g, "wd", (struct schedule){0.04, 0.4, 0, 1000, 0, 0});
    check_schedule(&g, "mom", (struct schedule){0.992, 1, 0, 1000, 0, 0});
    check_schedule(&g, "temp", (struct schedule){0.07, 0.07, 0.04, 300, 300, 0});
    check_schedule(&g, "frozen", (struct schedule){0.004, 1e-6, 0, 1000, 100, 50});
    golden_close(&g);
}

int main(void)
{
    open_context();
    test_head();
    test_losses();
    test_schedules();
    thread_close(ctx.pool);
    device_arena_release(&scratch);
    device_arena_release(&work);
    return tap_done();
}
