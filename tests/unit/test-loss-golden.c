/* Head, losses and schedules against the published code. Where it has logits and the program has rows before
 * prototypes, the prototypes are the unit matrix: rows are then logits, bit for bit, and so are their gradients. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device-memory.h"
#include "golden.h"
#include "head.h"
#include "loss.h"
#include "schedule.h"

static struct device_memory m;

static bool clean(void)
{
    struct fmt_error e = {0};
    return op_sync(&m.c, &e) == 0 || ok(false, "operations: %s", e.text);
}

/* A golden tensor in device memory, as it is. */
static struct tensor golden_tensor(struct golden *g, const char *name, int64_t rows, int64_t columns)
{
    return TO_DEVICE(&m, DTYPE_F32, golden_f32(g, name, NULL), rows, columns);
}

static struct tensor zeros(int64_t rows, int64_t columns)
{
    struct tensor t = TENSOR_TAKE(&m.memory, DTYPE_F32, rows, columns);
    op_fill(&m.c, t, 0);
    return t;
}

static void forward_close(const float *got, const float *want, int64_t n, const char *what)
{
    is_close(got, want, n, 1e-5, 1e-4, "%s", what);
}

/* A tensor against golden numbers: relative difference of all. */
static void tensor_near(struct tensor t, struct golden *g, const char *name, const char *what)
{
    float *got = to_host(&m, t);
    is_near(got, golden_f32(g, name, NULL), tensor_elements(t), 1e-4, "%s", what);
    free(got);
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
    struct params_array values = params_array_take(&m.memory, &t, DTYPE_F32),
                        grads = params_array_take(&m.memory, &t, DTYPE_F32);
    params_clear(&m.c, &values);
    params_clear(&m.c, &grads);
    for (int i = 0; i < t.n_rows; i++) {
        snprintf(name, sizeof name, "param.%s", strchr(t.rows[i].name, '.') + 1);
        params_write(&m.c, &values, i, 0, t.rows[i].count, golden_f32(&g, name, NULL));
    }
    struct head_activations act;
    head_forward(&m.c, &h, &values, golden_tensor(&g, "x", T, D), true, &m.memory, &act);
    struct prototype_layer p = head_prototypes(&h, &values, act.z);
    struct tensor y = zeros(T, K), dz = zeros(T, b), dx = zeros(T, D);
    op_prototype_fwd(&m.c, y, &p);
    float *logits = to_host(&m, y);
    forward_close(logits, golden_f32(&g, "y", NULL), T * K, "head: logits");
    free(logits);
    op_prototype_bwd(&m.c, dz, params_tensor(&grads, h.weight_v), params_tensor(&grads, h.weight_g),
                     golden_tensor(&g, "dy", T, K), &p);
    head_backward(&m.c, &h, &values, &act, dz, dx, &m.memory, &grads);
    if (clean())
        tensor_near(dx, &g, "dx", "head: gradient at the input");
    for (int i = 0; i < t.n_rows; i++) {
        char what[180];
        snprintf(name, sizeof name, "grad.%s", strchr(t.rows[i].name, '.') + 1);
        snprintf(what, sizeof what, "head: %s", name);
        tensor_near(params_tensor(&grads, i), &g, name, what);
    }
    params_release(&t);
    golden_close(&g);
    m.memory.used = 0;
}

/* ---- losses ---- */

/* A head whose logits are its rows. */
static struct prototype_layer unit_prototypes(struct tensor logits)
{
    int64_t K = logits.dims[1];
    float *unit = calloc((size_t)(K * K + K), sizeof *unit);
    for (int64_t k = 0; k < K; k++)
        unit[k * K + k] = unit[K * K + k] = 1;
    struct prototype_layer p = {.z = logits, .v = TO_DEVICE(&m, DTYPE_F32, unit, K, K),
                                .g = TO_DEVICE(&m, DTYPE_F32, unit + K * K, K, 1)};
    free(unit);
    return p;
}

/* The targets of all rows, as the two vectors say them, against golden numbers. */
static void targets_close(struct tensor z, struct tensor col, struct tensor row, double temperature,
                          struct golden *g, const char *want)
{
    int64_t T = z.dims[0], K = z.dims[1];
    float *logits = to_host(&m, z), *t = calloc((size_t)(T * K), sizeof *t);
    double *log_col = to_host(&m, col), *log_row = to_host(&m, row);
    for (int64_t i = 0; i < T; i++)
        for (int64_t k = 0; k < K; k++)
            t[i * K + k] = (float)exp((double)logits[i * K + k] / temperature + log_col[k] + log_row[i]);
    forward_close(t, golden_f32(g, want, NULL), T * K, want);
    free(logits), free(t), free(log_col), free(log_row);
}

/* Of all rows, by Sinkhorn-Knopp. */
static struct prototype_targets sinkhorn(struct golden *g, const char *logits, double temperature)
{
    const struct named_tensor *t = golden_find(g, logits);
    int64_t T = t->dims[0], K = t->dims[1];
    struct prototype_layer p = unit_prototypes(golden_tensor(g, logits, T, K));
    struct tensor log_col = TENSOR_TAKE(&m.memory, DTYPE_F64, K), log_row = TENSOR_TAKE(&m.memory, DTYPE_F64, T);
    op_fill(&m.c, log_row, 0);
    for (int round = 1; round <= LOSS_SINKHORN_ROUNDS; round++)
        op_prototype_sinkhorn(&m.c, log_col, log_row, &p, 0, temperature,
                              round < LOSS_SINKHORN_ROUNDS ? log((double)T) : 0);
    return (struct prototype_targets){
        .teacher = p, .temperature = temperature, .n_first = T, .log_col = {log_col, log_col}, .log_row = log_row};
}

static void check_sinkhorn(struct golden *g, const char *logits, const char *want, double temperature)
{
    size_t mark = m.memory.used;
    struct prototype_targets t = sinkhorn(g, logits, temperature);
    if (clean())
        targets_close(t.teacher.z, t.log_col[0], t.log_row, temperature, g, want);
    m.memory.used = mark;
}

/* A table of the prototypes alone, and a head over it. */
static void unit_head(struct head *h, struct params *t, int64_t K)
{
    const struct param g = {.n_dims = 2, .dims = {K, 1}}, v = {.n_dims = 2, .dims = {K, K}};
    *h = (struct head){.config = {.in_dim = K, .bottleneck_dim = K, .n_prototypes = K, .n_layers = 1}};
    ok(params_add_module(t, HEAD_DINO, NULL) == 0 && params_add(t, "weight_g", &g, &h->weight_g, NULL) == 0 &&
           params_add(t, "weight_v", &v, &h->weight_v, NULL) == 0,
       "prototypes of %d", (int)K);
}

/* Three rounds of centering: in each the centre holds the batches before the last. */
static void check_centering(struct golden *g, const char *logits, const char *kind, double temperature, double shift)
{
    size_t mark = m.memory.used;
    const struct named_tensor *t = golden_find(g, logits);
    int64_t T = t->dims[0], K = t->dims[1];
    const float *base = golden_f32(g, logits, NULL);
    float *shifted = calloc((size_t)(T * K), sizeof *shifted), *after = calloc((size_t)K, sizeof *after);
    struct params table = {0};
    struct loss_batch batch = {.rows = {T, 0}};
    struct loss_head l = {.has_loss = {true, false}, .rows_max = {T, 0}, .student_rows_max = 1, .batch = &batch};
    char name[100];
    unit_head(&l.teacher, &table, K);
    l.student = l.teacher;
    loss_carve(&l, &m.memory);
    loss_carve_step(&l, 1, false, &m.memory);
    loss_clear_centers(&m.c, &l);
    struct params_array values = params_array_take(&m.memory, &table, DTYPE_F32);
    struct prototype_layer unit = unit_prototypes(golden_tensor(g, logits, T, K));
    op_copy(&m.c, params_tensor(&values, l.teacher.weight_v), unit.v);
    op_copy(&m.c, params_tensor(&values, l.teacher.weight_g), unit.g);
    for (int round = 0; round < 3; round++) {
        for (int64_t i = 0; i < T * K; i++)
            shifted[i] = base[i] + (float)shift * (float)round;
        op_copy_in(&m.c, batch.z, shifted);
        loss_targets(&m.c, &world_single, &l, &values, temperature);
        snprintf(name, sizeof name, "%s.center_softmax.%d", kind, round);
        if (clean())
            targets_close(batch.z, l.log_col[LOSS_DINO], batch.log_row, temperature, g, name);
        loss_commit(&m.c, &l);
    }
    float *now = to_host(&m, l.center[LOSS_DINO].now), *pending = to_host(&m, l.center[LOSS_DINO].pending);
    for (int64_t k = 0; k < K; k++)
        after[k] = 0.9f * now[k] + 0.1f * pending[k];
    snprintf(name, sizeof name, "%s.center.after3", kind);
    if (golden_find(g, name))
        forward_close(after, golden_f32(g, name, NULL), K, name);
    params_release(&table);
    free(shifted), free(after), free(now), free(pending);
    m.memory.used = mark;
}

/* target [T,2], weight [T]: host memory. */
static void check_xent(struct golden *g, const char *what, const char *logits, const char *gradient, const char *loss,
                       const struct prototype_targets *targets, const int64_t *target, const float *weight)
{
    const struct named_tensor *t = golden_find(g, logits);
    int64_t T = t->dims[0], K = t->dims[1];
    struct prototype_layer s = unit_prototypes(golden_tensor(g, logits, T, K));
    struct prototype_pairs pairs = {TO_DEVICE(&m, DTYPE_I64, target, T, 2), TO_DEVICE(&m, DTYPE_F32, weight, T),
                                    golden_number(g, "student_temperature", 0.1)};
    struct tensor row_loss = TENSOR_TAKE(&m.memory, DTYPE_F64, T), lse = TENSOR_TAKE(&m.memory, DTYPE_F64, T),
                  target_sum = TENSOR_TAKE(&m.memory, DTYPE_F64, T), dz = zeros(T, K);
    op_prototype_xent_fwd(&m.c, row_loss, lse, target_sum, &s, targets, &pairs);
    op_prototype_xent_bwd(&m.c, dz, zeros(K, K), zeros(K, 1), lse, target_sum, &s, targets, &pairs);
    double *losses = to_host(&m, row_loss), sum = 0;
    for (int64_t i = 0; i < T; i++)
        sum += losses[i] * (double)weight[i];
    float got = (float)sum;
    if (clean()) {
        char name[100];
        is_close(&got, golden_f32(g, loss, NULL), 1, 1e-5, 1e-4, "%s: loss", what);
        snprintf(name, sizeof name, "%s: gradient", what);
        tensor_near(dz, g, gradient, name);
    }
    free(losses);
}

static void check_dino(struct golden *g)
{
    size_t mark = m.memory.used;
    const struct named_tensor *t = golden_find(g, "teacher_logits"), *s = golden_find(g, "dino.student_logits");
    int64_t B = t->dims[0] / 2, n = s->dims[0];
    struct prototype_targets targets = sinkhorn(g, "teacher_logits", 0.07);
    int64_t *target = calloc((size_t)(2 * n), sizeof *target);
    float *weight = calloc((size_t)n, sizeof *weight);
    for (int64_t i = 0; i < n; i++)
        target[2 * i] = i % B, target[2 * i + 1] = B + i % B, weight[i] = (float)(1 / (double)B);
    check_xent(g, "DINO", "dino.student_logits", "dino.student_grad", "dino.loss_4local_x_2global", &targets, target,
               weight);
    free(target), free(weight);
    m.memory.used = mark;
}

static void check_ibot(struct golden *g)
{
    size_t mark = m.memory.used;
    const struct named_tensor *t = golden_find(g, "ibot.teacher_logits"), *masked = golden_find(g, "ibot.masks");
    int64_t n = t->dims[0], crops = masked->dims[0], N = masked->dims[1], at = 0;
    struct prototype_targets targets = sinkhorn(g, "ibot.teacher_logits", 0.05);
    const float *masks = golden_f32(g, "ibot.masks", NULL), *given = golden_f32(g, "ibot.masks_weight", NULL);
    int64_t *target = calloc((size_t)(2 * n), sizeof *target);
    float *weight = calloc((size_t)n, sizeof *weight), *per_token = calloc((size_t)n, sizeof *per_token);
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
    check_xent(g, "iBOT", "ibot.student_logits", "ibot.student_grad", "ibot.loss", &targets, target, weight);
    free(target), free(weight), free(per_token);
    m.memory.used = mark;
}

static void check_koleo(struct golden *g)
{
    const struct named_tensor *t = golden_find(g, "koleo.x");
    int64_t B = t->dims[0], C = t->dims[1];
    struct tensor dx = zeros(B, C);
    struct koleo_result koleo = {0, -1};
    op_koleo(&m.c, &koleo, dx, golden_tensor(g, "koleo.x", B, C), 1);
    float got = (float)koleo.loss;
    if (clean()) {
        is_close(&got, golden_f32(g, "koleo.loss", NULL), 1, 1e-5, 1e-4, "KoLeo: loss");
        tensor_near(dx, g, "koleo.grad", "KoLeo: gradient");
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
    m.memory.used = 0;
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
    device_memory_open(&m, 2, 64 << 20);
    test_head();
    test_losses();
    test_schedules();
    device_memory_close(&m);
    return tap_done();
}
