/* Whole training steps against the published code: the places of masked patches, losses as logged, gradient norms,
 * gradients, and both networks after the update (the rules of comparison are those of the golden numbers: only elements
 * whose first gradient is more than noise, and their way from the start beside the weights themselves).
 *
 * Continued training, where the stored grid of positions is not that of the crops, is in files of our own. They have
 * the form of the published ones, with random weights, crops and masks as input. The results in them are those of the
 * numpy reference that meets all published files: class Step of its step.py, built with the interpolate_offset and
 * interpolate_antialias of the file, .grads(k) and then .update() with the clip_grad of the file, for each step k.
 *   step_grid37            37 x 37 stored; crops of 8 x 8 and 7 x 7 patches, as 112 and 98 pixels make of 14
 *   step_grid5_antialias   5 x 5 stored, antialiased, registers; crops of 6 x 6 and 3 x 3: one grows, one shrinks */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device-memory.h"
#include "golden-step.h"
#include "state.h"
#include "step-internal.h"
#include "test-device.h"

struct run {
    struct golden g;
    struct config config;
    struct device device;
    struct step *step;
    float *start; /* the student's weights before the first step */
    bool *keep;   /* elements that are compared */
    int64_t n_steps;
    bool bf16;    /* all products: the first step alone, its losses and gradients to LOW_LOSS and LOW_GRADIENT */
    double worst[4]; /* loss, gradient, weights, way */
};

/* Relative. The networks are tiny and of random weights, so that roundings do not average out. */
static const double LOW_LOSS = 0.02, LOW_GRADIENT = 0.2;

static void settings(struct run *r, int64_t micro)
{
    golden_step_settings(&r->config, &r->g);
    if (micro)
        golden_step_set(&r->config, "train.micro_batch_size=%lld", (long long)micro);
    static const char *const parts[] = {"backbone", "dino_head", "ibot_head"};
    for (int i = 0; i < 3 && r->bf16; i++) {
        golden_step_set(&r->config, "compute_precision.student.%s.mixed_precision.param_dtype=bf16", parts[i]);
        golden_step_set(&r->config, "compute_precision.teacher.%s.mixed_precision.param_dtype=bf16", parts[i]);
    }
}

static void load_weights(struct run *r)
{
    const struct params *t = step_student(r->step)->table;
    bool all = true;
    step_init_weights(r->step);
    for (int i = 0; i < t->n_rows; i++) {
        const struct param *p = &t->rows[i];
        const float *s = golden_step_param(&r->g, "student.", p), *te = golden_step_param(&r->g, "teacher.", p);
        all &= s && te;
        if (s && te) {
            params_write(step_context(r->step), step_student(r->step), i, 0, p->count, s);
            params_write(step_context(r->step), step_teacher(r->step), i, 0, p->count, te);
        }
    }
    ok(all, "both networks have their weights in the file");
    op_copy_out(step_context(r->step), r->start, step_student(r->step)->data);
}

static float *step_tensor(struct run *r, int64_t k, const char *what)
{
    char prefix[32];
    snprintf(prefix, sizeof prefix, "step%lld.", (long long)k);
    return golden_step_values(&r->g, prefix, what, NULL);
}

/* The masked patches as the step lists them for its heads, part by part: by place in the whole batch, crop x N + patch,
 * and what each counts. Files that hold no weights for this step have their places compared alone. */
static void check_masks(struct run *r, int64_t k, const struct step_batch *batch)
{
    struct step *s = r->step;
    struct fmt_error e = {0};
    char prefix[32], name[100];
    int64_t n_want, n_got = 0, N = s->sizes.N, B = s->sizes.B;
    snprintf(prefix, sizeof prefix, "step%lld.", (long long)k);
    int64_t *want = golden_step_indices(&r->g, prefix, "mask_indices_list", &n_want),
            *rows = calloc((size_t)(2 * B * N), sizeof *rows);
    snprintf(name, sizeof name, "%smasks_weight", prefix);
    const float *weight = golden_find(&r->g, name) ? golden_f32(&r->g, name, NULL) : NULL;
    uint8_t *seen = calloc((size_t)(2 * B * N), 1);
    bool good = batches_begin(s, batch, &e) == 0;
    for (int64_t i = 0; i < s->sizes.n_micro && good; i++) {
        struct micro micro;
        struct vit_activations act = {.n_tokens = {1 + s->student.vit.config.R + N}};
        s->work.used = s->host.used = 0;
        micro_begin(s, i, &micro);
        int64_t n = rows_patches(s, &micro, &act, rows) - rows;
        good &= n == micro.n_patches;
        for (int64_t j = 0; j < n; j++, n_got++) {
            int64_t crop = rows[j] / act.n_tokens[0], patch = rows[j] % act.n_tokens[0] - 1 - s->student.vit.config.R;
            seen[(crop / micro.m * B + micro.first + crop % micro.m) * N + patch]++;
        }
    }
    for (int64_t j = 0; j < n_want; j++) {
        good &= want[j] >= 0 && want[j] < 2 * B * N && (j == 0 || want[j] > want[j - 1]) && seen[want[j]] == 1;
        good &= !weight || fabs((double)weight[j] * (double)crop_masked(s, want[j] / N) - 1) <= 1e-4;
    }
    ok(good && n_got == n_want, "step %lld: %lld masked patches, each in its place%s", (long long)k, (long long)n_want,
       weight ? " and with its weight" : "");
    s->work.used = s->host.used = 0;
    s->batch = NULL;
    free(want), free(rows), free(seen);
}

static void check_losses(struct run *r, int64_t k, const struct step_result *got)
{
    const struct {
        const char *name;
        double value;
    } term[] = {{"dino_local_crops_loss", got->dino_local_crops_loss},
                {"dino_global_crops_loss", got->dino_global_crops_loss},
                {"koleo_loss", got->koleo_loss},
                {"ibot_loss", got->ibot_loss}};
    ok(!got->bad, "step %lld: all is finite (%s)", (long long)k, got->bad ? got->bad : "");
    for (size_t i = 0; i < sizeof term / sizeof *term; i++) {
        float value = (float)term[i].value;
        is_close(&value, step_tensor(r, k, term[i].name), 1, 1e-5, r->bf16 ? LOW_LOSS : 1e-4, "step %lld: %s",
                 (long long)k, term[i].name);
    }
    for (int m = 0; m < got->n_modules; m++) {
        char name[64];
        float norm = (float)got->module[m].grad_norm;
        snprintf(name, sizeof name, "step%lld.grad_norm.%s", (long long)k, got->module[m].name);
        if (golden_find(&r->g, name))
            is_close(&norm, golden_f32(&r->g, name, NULL), 1, 1e-5, r->bf16 ? LOW_GRADIENT : 1e-4,
                     "step %lld: norm of the gradient of %s", (long long)k, got->module[m].name);
    }
}

/* All of an array, for free(). */
static float *array_of(struct run *r, const struct params_array *a)
{
    return copy_to_host(step_context(r->step), a->data);
}

static void choose_elements(struct run *r, const struct step_result *got)
{
    const struct params *t = step_student(r->step)->table;
    int64_t n_left_out = 0, n = 0;
    for (int i = 0; i < t->n_rows; i++) {
        const struct param *p = &t->rows[i];
        const float *g = golden_step_param(&r->g, "step0.grad.", p);
        double norm = got->module[p->module].grad_norm, clip = r->config.optim.clip_grad / (norm + 1e-6);
        if (g) {
            n_left_out += golden_step_keep(r->keep + p->offset, p, g, clip);
            n += p->count;
        }
    }
    ok(n > 0 && n_left_out * 20 < n, "%.2f %% of the elements are not compared",
       100.0 * (double)n_left_out / (double)n);
}

static void check_gradients(struct run *r, int64_t k)
{
    const struct params *t = step_student(r->step)->table;
    char prefix[32];
    double worst = 0, limit = r->bf16 ? LOW_GRADIENT : 1e-4;
    int64_t n = 0;
    float *gradients = array_of(r, step_gradients(r->step));
    snprintf(prefix, sizeof prefix, "step%lld.grad.", (long long)k);
    for (int i = 0; i < t->n_rows; i++) {
        const struct param *p = &t->rows[i];
        const float *want = golden_step_param(&r->g, prefix, p), *got = gradients + p->offset;
        double rel = want ? golden_step_gradient(p, got, want) : 0;
        n += want != NULL;
        if (want && !(rel <= limit))
            ok(false, "step %lld: gradient of %s: relative difference %.3g", (long long)k, p->name, rel);
        worst = rel > worst ? rel : worst;
    }
    if (n)
        ok(n == t->n_rows && worst <= limit, "step %lld: %lld gradients, largest relative difference %.3g",
           (long long)k, (long long)n, worst);
    free(gradients);
}

static void check_weights(struct run *r, int64_t k)
{
    const struct params *t = step_student(r->step)->table;
    char student[48], teacher[48];
    double worst[3] = {0};
    int64_t n = 0;
    float *of_student = array_of(r, step_student(r->step)), *of_teacher = array_of(r, step_teacher(r->step));
    snprintf(student, sizeof student, "step%lld.after.student.", (long long)k);
    snprintf(teacher, sizeof teacher, "step%lld.after.teacher.", (long long)k);
    for (int i = 0; i < t->n_rows; i++) {
        const struct param *p = &t->rows[i];
        const float *s = golden_step_param(&r->g, student, p), *te = golden_step_param(&r->g, teacher, p);
        const float *start = r->start + p->offset, *got = of_student + p->offset;
        const bool *keep = r->keep + p->offset;
        if (!s || !te)
            continue;
        bool frozen = k == 0 && (p->flags & PARAM_LAST_LAYER);
        double rel[3] = {golden_step_way(keep, p->count, got, s, NULL),
                         golden_step_way(keep, p->count, of_teacher + p->offset, te, NULL),
                         frozen ? 0 : golden_step_way(keep, p->count, got, s, start)};
        static const double limit[3] = {1e-4, 1e-4, 1e-3};
        static const char *const what[3] = {"student", "teacher", "way of the student"};
        for (int c = 0; c < 3; c++) {
            if (!(rel[c] <= limit[c]))
                ok(false, "step %lld: %s, %s: relative difference %.3g", (long long)k, what[c], p->name, rel[c]);
            worst[c] = rel[c] > worst[c] ? rel[c] : worst[c];
        }
        if (frozen)
            ok(memcmp(got, start, (size_t)p->count * sizeof *got) == 0, "step 0 leaves %s bit for bit", p->name);
        n++;
    }
    if (n)
        ok(n == t->n_rows && worst[0] <= 1e-4 && worst[1] <= 1e-4 && worst[2] <= 1e-3,
           "step %lld: %lld weights; student %.3g, teacher %.3g, way from the start %.3g", (long long)k, (long long)n,
           worst[0], worst[1], worst[2]);
    free(of_student);
    free(of_teacher);
}

static void run_steps(struct run *r)
{
    for (int64_t k = 0; k < r->n_steps; k++) {
        struct fmt_error e = {0};
        char prefix[32];
        int64_t n_masks;
        snprintf(prefix, sizeof prefix, "step%lld.", (long long)k);
        uint8_t *masks = golden_step_masks(&r->g, prefix, &n_masks);
        struct step_batch batch = {.B = r->config.train.batch_size_per_gpu,
                                   .global_f32 = step_tensor(r, k, "collated_global_crops"),
                                   .local_f32 = step_tensor(r, k, "collated_local_crops"),
                                   .masks = masks,
                                   .N = n_masks / (2 * r->config.train.batch_size_per_gpu)};
        struct schedule_rates rates = golden_step_rates(&r->g, k);
        struct step_draws draws = golden_step_draws(&r->g, &r->config, prefix);
        struct step_result result;
        check_masks(r, k, &batch);
        ok(step_run(r->step, &batch, k, &rates, draws.survivors ? &draws : NULL, &result, &e) == 0,
           "step %lld runs: %s",
           (long long)k, e.text);
        check_losses(r, k, &result);
        if (k == 0)
            choose_elements(r, &result);
        check_gradients(r, k);
        if (!r->bf16) /* Adam's first steps are signs: noise in bf16 where a gradient is small */
            check_weights(r, k);
        golden_step_release_draws(&r->config, &draws);
        free(masks);
    }
}

static void test_file(const char *path, int64_t micro, int n_threads, bool bf16)
{
    struct run r = {.bf16 = bf16};
    struct fmt_error e = {0};
    printf("# %s, %lld images at once, %d threads%s\n", path, (long long)micro, n_threads, bf16 ? ", in bf16" : "");
    if (!golden_open_path(&r.g, path))
        return;
    settings(&r, micro);
    r.n_steps = bf16 ? 1 : (int64_t)golden_number(&r.g, "steps", 1);
    r.device = test_device(n_threads);
    if (ok(step_open(&r.step, &r.config, &world_single, &r.device, &e) == 0, "a step by the settings of the file: %s",
           e.text)) {
        size_t n = (size_t)step_student(r.step)->table->count;
        r.start = calloc(n, sizeof *r.start);
        r.keep = calloc(n, sizeof *r.keep);
        load_weights(&r);
        run_steps(&r);
        step_close(r.step);
        free(r.start);
        free(r.keep);
    }
    device_close(&r.device);
    config_release(&r.config);
    golden_close(&r.g);
}

int main(void)
{
    static const char *const name[] = {
        "train_step_centering_separate.safetensors", "train_step_centering_shared.safetensors",
        "train_step_sinkhorn_knopp_separate.safetensors", "train_step_sinkhorn_knopp_shared.safetensors"};
    static const char *const own[] = {"tests/golden/step_grid37.safetensors",
                                      "tests/golden/step_grid5_antialias.safetensors"};
    bool bf16 = test_backend()->supports(DTYPE_BF16);
    if (!bf16)
        skip("this processor has no instructions for it", "steps in bf16");
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        test_file(tap_golden(name[i]), 0, 2, false);
        test_file(tap_golden(name[i]), 1 + (int64_t)i % 3, 1, false); /* in parts: the same numbers */
        if (bf16)
            test_file(tap_golden(name[i]), 0, 2, true);
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        test_file(own[i], 0, 2, false);
        test_file(own[i], 2, 1, false);
        if (bf16)
            test_file(own[i], 0, 2, true);
    }
    return tap_done();
}
