/* What training relies on of a step: a batch in parts gives what the whole gives, threads change no bit, a step that is
 * not finite changes nothing, a state carried over continues with the same bits, a frozen backbone does not change.
 * Stored grids of positions are in test-step-grids.c, schedules and rules of the update in test-step-rules.c. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "foreign.h"
#include "mask.h"
#include "optim.h"
#include "state.h"
#include "stepbed.h"

/* ---- in parts ---- */

static void compare_parts(const char *what, const char *a, const char *b, const char *c)
{
    struct bed whole = bed_open(2, a, b, c, NULL);
    struct step_result want = run(&whole, 3);
    for (int m = 1; m <= 4; m += m == 1 ? 1 : 2) { /* 1, 2, 4: five images are no multiple */
        char word[40];
        snprintf(word, sizeof word, "train.micro_batch_size=%d", m);
        struct bed parts = bed_open(2, a, b, c, word, NULL);
        struct step_result got = run(&parts, 3);
        double off = loss_distance(&got, &want);
        ok(off < 1e-6, "%s, %d at once: losses (%.2g off)", what, m, off);
        float *g = bed_array(&parts, step_gradients(parts.step)), *all = bed_array(&whole, step_gradients(whole.step));
        is_near(g, all, step_gradients(whole.step)->count, 1e-5, "%s, %d at once: gradients", what, m);
        free(g), free(all);
        ok(fabs(got.teacher_entropy - want.teacher_entropy) < 1e-4 && fabs(got.feature_rank - want.feature_rank) < 1e-3,
           "and what is watched");
        bed_close(&parts);
    }
    bed_close(&whole);
}

static void test_parts(void)
{
    compare_parts("centering", "train.centering=centering", "dino.koleo_loss_weight=0.3", "student.drop_path_rate=0.4");
    compare_parts("Sinkhorn, separate heads", "train.centering=sinkhorn_knopp", "ibot.separate_head=true",
                  "dino.kl_loss_weight=0.5");
    compare_parts("KL, rising drop path", "dino.kl_loss_weight=2", "dino.koleo_loss_weight=0",
                  "student.drop_path_uniform=false");
    compare_parts("no terms of the whole batch", "dino.koleo_loss_weight=0", "student.num_register_tokens=2",
                  "student.ffn_layer=swiglu");
    compare_parts("an FFN that is the identity", "dino.koleo_loss_weight=0", "student.drop_path_rate=0.4",
                  "student.ffn_layer=identity");
}

/* ---- bits ---- */

/* c, d: NULL: no more settings */
static struct bed open_in(bool bf16, int n_threads, const char *a, const char *b, const char *c, const char *d)
{
    return bf16 ? bed_open(n_threads, ALL_BF16, a, b, c, d, NULL) : bed_open(n_threads, a, b, c, d, NULL);
}

static uint64_t test_threads(bool bf16)
{
    uint64_t first = 0;
    for (int parts = 0; parts < 2; parts++) {
        for (int n = 1; n <= 4; n++) {
            struct bed b = open_in(bf16, n, parts ? "train.micro_batch_size=2" : "train.centering=sinkhorn_knopp",
                                   "student.drop_path_rate=0.4", NULL, NULL);
            uint64_t bits = bed_bits_after(&b, 3);
            first = n == 1 ? bits : first;
            ok(bits == first, "%s, %s, %d threads: the bits of one", bf16 ? "bf16" : "float32",
               parts ? "in parts" : "whole", n);
            bed_close(&b);
        }
    }
    return first;
}

static void test_resume(bool bf16, const char *centering, const char *optimizer)
{
    const char *const resting = "train.freeze_backbone_iterations=2";
    struct bed through = open_in(bf16, 2, centering, optimizer, resting, NULL),
               first = open_in(bf16, 1, centering, optimizer, resting, NULL),
               second = open_in(bf16, 2, centering, optimizer, resting, "train.max_bad_steps=3");
    for (int64_t i = 0; i < 3; i++)
        run(&first, i);
    bool named = true;
    for (int64_t i = 0; i < state_count(first.step); i++) {
        struct state_tensor from, to;
        state_tensor(first.step, i, &from);
        state_tensor(second.step, i, &to);
        int64_t n = 1;
        for (int d = 0; d < from.n_dims; d++)
            n *= from.dims[d];
        named &= strcmp(from.name, to.name) == 0 && from.name[0] && n == from.n && n == to.n;
        float *values = bed_state(&first, &from);
        struct fmt_error e = {0};
        for (int64_t at = 0; at < n; at += at ? n : 1) /* in two pieces */
            named &= state_write(second.step, &to, at, at ? n - at : 1, values + at, &e) == 0;
        free(values);
    }
    state_set_numbers(second.step, state_numbers(first.step));
    for (int64_t i = 3; i < 6; i++)
        run(&second, i);
    bed_bits_after(&through, 6);
    bool same = true;
    for (int64_t i = 0; i < state_count(second.step); i++) {
        struct state_tensor a, b;
        state_tensor(through.step, i, &a);
        state_tensor(second.step, i, &b);
        float *x = bed_state(&through, &a), *y = bed_state(&second, &b);
        same &= memcmp(x, y, (size_t)a.n * sizeof *x) == 0;
        free(x), free(y);
    }
    ok(named && same, "%s, %s, %s: three steps, state carried over, three more: the bits of six",
       bf16 ? "bf16" : "float32", centering, optimizer);
    bed_close(&through), bed_close(&first), bed_close(&second);
}

/* ---- not finite ---- */

static float *copy_state(struct bed *b, int64_t *n)
{
    float *all = NULL;
    *n = 0;
    for (int64_t i = 0; i < state_count(b->step); i++) {
        struct state_tensor t;
        state_tensor(b->step, i, &t);
        all = realloc(all, (size_t)(*n + t.n) * sizeof *all);
        float *values = bed_state(b, &t);
        memcpy(all + *n, values, (size_t)t.n * sizeof *all);
        free(values);
        *n += t.n;
    }
    return all;
}

static void check_bad(struct bed *b, int64_t iteration, const char *what, const char *term)
{
    int64_t n, m;
    struct state_numbers before = state_numbers(b->step);
    float *old = copy_state(b, &n);
    struct step_result r = run(b, iteration);
    float *now = copy_state(b, &m);
    struct state_numbers after = state_numbers(b->step);
    ok(r.bad && strstr(r.bad, term), "%s: %s", what, r.bad ? r.bad : "nothing bad was seen");
    ok(n == m && memcmp(old, now, (size_t)n * sizeof *old) == 0 && memcmp(&before, &after, sizeof before) == 0,
       "and nothing has changed");
    free(old), free(now);
}

/* Sets the first element of a row and returns what it was. */
static float set_first(struct bed *b, const struct params_array *a, const char *name, float value)
{
    float was = bed_first(b, a, name);
    params_write(step_context(b->step), a, params_find(a->table, name), 0, 1, &value);
    return was;
}

static void test_bad_steps(void)
{
    for (int parts = 0; parts < 2; parts++) {
        struct bed b =
            bed_open(2, "ibot.separate_head=true", parts ? "train.micro_batch_size=2" : "train.centering=centering",
                     "dino.koleo_loss_weight=0", NULL);
        run(&b, 0);
        const struct params_array *student = step_student(b.step), *teacher = step_teacher(b.step);
        float good = set_first(&b, student, "ibot_head.last_layer.weight_g", NAN);
        check_bad(&b, 1, "a prototype of iBOT is NaN", "ibot_loss");
        set_first(&b, student, "ibot_head.last_layer.weight_g", good);
        good = set_first(&b, teacher, "dino_head.last_layer.weight_v", INFINITY);
        check_bad(&b, 1, "a prototype of the teacher is infinite", "dino_");
        set_first(&b, teacher, "dino_head.last_layer.weight_v", good);
        ok(!run(&b, 1).bad, "without them the step is as good as any");
        bed_close(&b);
    }
}

/* Scales a tensor of the student by a power of two. */
static void scale(struct bed *b, const char *name, int power)
{
    const struct params_array *student = step_student(b->step);
    int row = params_find(student->table, name);
    if (!ok(row >= 0, "%s is there", name))
        return;
    int64_t n = student->table->rows[row].count;
    float *values = copy_to_host(step_context(b->step), params_tensor(student, row));
    for (int64_t i = 0; i < n; i++)
        values[i] = ldexpf(values[i], power);
    params_write(step_context(b->step), student, row, 0, n, values);
    free(values);
}

/* The loss is as finite as before and a gradient overflows: one layer's output is made huge and the next undoes it, so
 * that only the gradient of the second, which holds that output, is beyond float32. */
static void test_bad_gradients(void)
{
    static const struct {
        const char *term, *huge, *tiny;
    } cases[] = {
        {"gradient of dino_head", "dino_head.mlp.0.weight", "dino_head.mlp.2.weight"},
        {"gradient of ibot_head", "ibot_head.mlp.0.weight", "ibot_head.mlp.2.weight"},
        {"gradient of backbone", "backbone.blocks.1.mlp.fc2.weight", "backbone.blocks.1.ls2.gamma"},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        struct bed b = bed_open(2, "ibot.separate_head=true", "dino.loss_weight=1e6", "ibot.loss_weight=1e6",
                                i % 2 ? "train.micro_batch_size=2" : "train.centering=centering", NULL);
        ok(!run(&b, 0).bad, "a good step");
        scale(&b, cases[i / 2].huge, 120);
        scale(&b, cases[i / 2].tiny, -120);
        check_bad(&b, 1, cases[i / 2].huge, cases[i / 2].term);
        struct step_result r = run(&b, 1);
        ok(isfinite(r.total_loss) && r.total_loss > 0, "though the loss is finite: %g", r.total_loss);
        scale(&b, cases[i / 2].huge, -120);
        scale(&b, cases[i / 2].tiny, 120);
        ok(!run(&b, 1).bad, "without it the step is as good as any");
        bed_close(&b);
    }
}

/* ---- resting backbone, SGD, terms ---- */

static void test_frozen(void)
{
    struct bed b = bed_open(2, "train.freeze_backbone_iterations=2", NULL);
    const struct params_array *student = step_student(b.step), *teacher = step_teacher(b.step);
    int64_t at, n = params_module_span(student->table, 0, &at);
    const char *const weight = "dino_head.mlp.0.weight";
    float *start = bed_array(&b, student), first = bed_first(&b, student, weight);
    struct step_result r = run(&b, 0);
    run(&b, 1);
    ok(step_grad_norm(&r, VIT_MODULE) == 0 && step_grad_norm(&r, HEAD_DINO) > 0, "a resting backbone has no gradient");
    float *s = bed_array(&b, student), *t = bed_array(&b, teacher);
    ok(memcmp(start + at, s + at, (size_t)n * sizeof *start) == 0 &&
           memcmp(start + at, t + at, (size_t)n * sizeof *start) == 0 && bed_first(&b, student, weight) != first,
       "it and its teacher stay bit for bit, the head learns");
    free(s), free(t);
    r = run(&b, 2);
    s = bed_array(&b, student);
    struct state_numbers numbers = state_numbers(b.step);
    ok(step_grad_norm(&r, VIT_MODULE) > 0 && memcmp(start + at, s + at, (size_t)n * sizeof *start) != 0 &&
           numbers.backbone_steps == 1 && numbers.optimizer_steps == 3,
       "then it learns, its first step being Adam's first");
    free(start), free(s);
    bed_close(&b);
}

/* A resting backbone keeps nothing for a backward pass: its forward pass may be the largest user of scratch. It is with
 * many tokens for its width, so patches are small here. */
static void test_frozen_memory(void)
{
    static const char *const rate[] = {"student.drop_path_rate=0", "student.drop_path_rate=0.1"};
    static const char *const at_once[] = {"train.micro_batch_size=null", "train.micro_batch_size=2"};
    static uint8_t fine_masks[2 * B * 14 * 14];
    for (size_t i = 0; i < sizeof fine_masks; i += 5)
        fine_masks[i] = 1;
    struct step_batch fine = batch;
    fine.masks = fine_masks;
    fine.N = 14 * 14;
    for (int i = 0; i < 4; i++) {
        struct bed b = bed_open(2, "train.freeze_backbone_iterations=1", "student.patch_size=4",
                                "student.embed_dim=96", "dino.head_n_prototypes=20", rate[i % 2], at_once[i / 2], NULL);
        struct step_result r;
        struct fmt_error e = {0};
        ok(run_batch(&b, &fine, 0, &r, &e) == 0 && !r.bad,
           "%s, %s: the step of a resting backbone was planned: %s", rate[i % 2], at_once[i / 2], e.text);
        bed_close(&b);
    }
}

static void test_terms(void)
{
    struct bed b = bed_open(2, "ibot.loss_weight=0", "dino.koleo_loss_weight=0", "student.drop_path_rate=0", NULL);
    struct step_result r = run(&b, 0);
    ok(!r.bad && r.ibot_loss == 0 && r.koleo_loss == 0 && r.kl_loss == 0 && r.n_masked == 0 &&
           r.dino_global_crops_loss > 0,
       "terms of weight 0 are not there");
    ok(bed_first(&b, step_gradients(b.step), "backbone.mask_token") != 0, "but the student still sees masked crops");
    bed_close(&b);
    b = bed_open(2, "optim.optimizer=sgd", "optim.base_lr=0.5", NULL);
    double start = run(&b, 0).total_loss, now = start;
    for (int i = 1; i < 12; i++)
        now = run(&b, i).total_loss;
    ok(now < start, "SGD lowers the loss of a batch seen twelve times (%.4f to %.4f)", start, now);
    bed_close(&b);
    b = bed_open(2, NULL);
    start = now = run(&b, 0).total_loss;
    for (int i = 1; i < 12; i++)
        now = run(&b, i).total_loss;
    ok(now < start, "AdamW lowers the loss of a batch seen twelve times (%.4f to %.4f)", start, now);
    bed_close(&b);
}

static void test_refusals(void)
{
    struct bed b = bed_open(1, "ibot.mask_ratio_min_max=[0.1, 0.2]", NULL);
    struct step_result r;
    struct fmt_error e = {0};
    struct step_batch other = batch;
    ok(run_batch(&b, &batch, 0, &r, &e) == FMT_LIMIT, "more masked patches than the settings allow: %s",
       e.text);
    other.B = 4;
    e = (struct fmt_error){0};
    ok(run_batch(&b, &other, 0, &r, &e) == FMT_MISMATCH, "another batch size: %s", e.text);
    bed_close(&b);
    for (int side = 3; side <= 37; side += 34) { /* masks of another grid, be it the one that is stored */
        char stored[40];
        snprintf(stored, sizeof stored, "student.pos_grid=%d", side);
        b = bed_open(1, stored, NULL);
        other = batch;
        other.N = side * side;
        e = (struct fmt_error){0};
        ok(run_batch(&b, &other, 0, &r, &e) == FMT_MISMATCH, "%s", e.text);
        ok(!run(&b, 0).bad, "those of the crop's %d patches are taken with %s", N, stored);
        bed_close(&b);
    }
}

/* ---- copies and memory ---- */

/* Copies between host and device in a step: a few for the batch and its losses, none that grows with the network, but
 * the lists of drop path. */
static void test_crossings(void)
{
    int64_t n[2], drop_path = 0;
    for (int deep = 0; deep < 3; deep++) {
        struct bed b = bed_open(2, deep == 1 ? "student.depth=6" : "student.depth=3",
                                deep == 2 ? "student.drop_path_rate=0.3" : "student.drop_path_rate=0", NULL);
        run(&b, 0);
        int64_t before = foreign_copies();
        run(&b, 1);
        *(deep == 2 ? &drop_path : &n[deep]) = foreign_copies() - before;
        bed_close(&b);
    }
    ok(n[0] == n[1] && n[0] <= 24, "%lld copies between host and device a step, %lld with twice the blocks",
       (long long)n[0], (long long)n[1]);
    ok(drop_path - n[0] <= 2 * 2 * 3, "with drop path %lld: two lists for each branch at most", (long long)drop_path);
}

static size_t plan_line_bytes(const struct step_plan *plan, const char *what)
{
    for (int i = 0; i < plan->n_lines; i++)
        if (strstr(plan->line[i].what, what))
            return plan->line[i].bytes;
    return 0;
}

/* In a batch of one piece the heads have the memory of the backbone's gradients, of several micro-batches their own. */
static void test_shared_memory(void)
{
    size_t bytes[2], gradients[2];
    for (int parts = 0; parts < 2; parts++) {
        struct bed b = bed_open(1, "student.depth=24", "student.embed_dim=96",
                                parts ? "train.micro_batch_size=4" : "train.micro_batch_size=null", NULL);
        struct step_plan plan;
        ok(step_plan(&plan, &b.config, &world_single, &b.device, NULL) == 0, "a plan");
        gradients[parts] = (size_t)step_gradients(b.step)->count * sizeof(float);
        bytes[parts] = plan_line_bytes(&plan, "gradients");
        bed_close(&b);
    }
    ok(bytes[0] >= gradients[0] && bytes[0] < gradients[0] + 1024 && bytes[1] > gradients[1] + 16384,
       "in one piece %zu bytes more than gradients, in parts %zu", bytes[0] - gradients[0], bytes[1] - gradients[1]);
}

static void test_plan(void)
{
    struct config config;
    struct device device = {.backend = test_backend()};
    struct step_plan plan;
    struct fmt_error e = {0};
    config_init(&config);
    config_set(&config, "student.arch=vit_giant2", &e);
    config_set(&config, "student.patch_size=14", &e);
    config_set(&config, "student.ffn_layer=swiglufused", &e);
    config_set(&config, "dino.head_n_prototypes=131072", &e);
    config_set(&config, "crops.local_crops_size=98", &e);
    size_t sum = 0;
    ok(step_plan(&plan, &config, &world_single, &device, &e) == 0, "the plan of ViT-g takes no memory: %s", e.text);
    for (int i = 0; i < plan.n_lines; i++)
        sum += plan.line[i].bytes;
    ok(sum == plan.total && plan.parameters == 1134771200 && plan.total > (size_t)5 * 4 * 1134771200u,
       "ViT-g: %lld parameters, %.1f GiB", (long long)plan.parameters,
       (double)plan.total / 1073741824.0);
    config_release(&config);
}

int main(void)
{
    draw_batch();
    test_parts();
    uint64_t bits[2] = {0, 1};
    for (int bf16 = 0; bf16 <= test_backend()->supports(DTYPE_BF16); bf16++) {
        bits[bf16] = test_threads(bf16);
        test_resume(bf16, "train.centering=centering", "optim.optimizer=adamw");
        test_resume(bf16, "train.centering=sinkhorn_knopp", "optim.optimizer=sgd");
    }
    if (!test_backend()->supports(DTYPE_BF16))
        skip("this processor has no instructions for it", "bits of steps in bf16");
    else
        ok(bits[0] != bits[1], "bf16 has bits of its own");
    test_bad_steps();
    test_bad_gradients();
    test_frozen();
    test_frozen_memory();
    test_terms();
    test_refusals();
    if (test_backend() == &backend_foreign) /* which counts them */
        test_crossings();
    test_plan();
    test_shared_memory();
    return tap_done();
}
