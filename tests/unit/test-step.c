/* What training relies on of a step: a batch in parts gives what the whole gives, threads change no bit, a step that is
 * not finite changes nothing, a state carried over continues with the same bits, a frozen backbone does not change, a
 * stored grid of positions need not be that of the crops. */
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
        double off = fabs(got.dino_local_crops_loss - want.dino_local_crops_loss) +
                     fabs(got.dino_global_crops_loss - want.dino_global_crops_loss) +
                     fabs(got.koleo_loss - want.koleo_loss) + fabs(got.ibot_loss - want.ibot_loss) +
                     fabs(got.kl_loss - want.kl_loss);
        ok(off < 2e-5, "%s, %d at once: losses (%.2g off)", what, m, off);
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

static void test_threads(void)
{
    for (int parts = 0; parts < 2; parts++) {
        uint64_t first = 0;
        for (int n = 1; n <= 4; n++) {
            struct bed b = bed_open(n, parts ? "train.micro_batch_size=2" : "train.centering=sinkhorn_knopp", NULL);
            uint64_t bits = bed_bits_after(&b, 3);
            first = n == 1 ? bits : first;
            ok(bits == first, "%s, %d threads: the bits of one", parts ? "in parts" : "whole", n);
            bed_close(&b);
        }
    }
}

static void test_resume(const char *centering, const char *optimizer)
{
    struct bed through = bed_open(2, centering, optimizer, "train.freeze_backbone_iterations=2", NULL),
               first = bed_open(1, centering, optimizer, "train.freeze_backbone_iterations=2", NULL),
               second = bed_open(2, centering, optimizer, "train.freeze_backbone_iterations=2",
                                 "train.max_bad_steps=3", NULL);
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
    ok(named && same, "%s, %s: three steps, state carried over, three more: the bits of six", centering, optimizer);
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

/* ---- a stored grid of positions that is not the crops' ---- */

/* Noise of the settings' sizes. As many patches are masked as training may draw, the first images being full of them:
 * what memory was planned for. For free(). */
static struct step_batch draw_views(const struct config *c, uint8_t *memory[3], int64_t *n_masked)
{
    int64_t global = c->crops.global_crops_size, local = c->crops.local_crops_size;
    struct mask_grid grid = mask_grid_of(global, c->student.patch_size);
    struct mask_settings masked = {c->ibot.mask_sample_probability, c->ibot.mask_ratio_min_max[0],
                                   c->ibot.mask_ratio_min_max[1]};
    int64_t n = mask_patches(&grid), left = *n_masked = mask_batch_max(&grid, &masked, 2 * B);
    int64_t bytes[3] = {2 * B * global * global * 3, N_LOCAL * B * local * local * 3, 2 * B * n};
    struct rng r = rng_stream(9, 0, 0, RNG_TEST);
    for (int i = 0; i < 3; i++) {
        memory[i] = calloc((size_t)bytes[i], 1);
        for (int64_t k = 0; k < bytes[i] && i < 2; k++)
            memory[i][k] = (uint8_t)rng_u32(&r);
    }
    for (int64_t i = 0; i < 2 * B; i++) {
        int64_t full = left < n ? left : n;
        memset(memory[2] + (i % 2 * B + i / 2) * n, 1, (size_t)full);
        left -= full;
    }
    struct step_batch b = batch;
    b.global_u8 = memory[0], b.local_u8 = memory[1], b.masks = memory[2], b.N = n;
    return b;
}

/* A step with a resting backbone, then one that moves it: both are finite, all that was drawn is masked. */
static struct step_result two_steps(struct bed *b, const char *what)
{
    struct step_result r = {.bad = NULL};
    struct fmt_error e = {0};
    uint8_t *memory[3];
    int64_t n_masked;
    struct step_batch views = draw_views(&b->config, memory, &n_masked);
    int status = run_batch(b, &views, 0, &r, &e);
    ok(status == 0 && !r.bad && step_grad_norm(&r, VIT_MODULE) == 0, "%s: a resting backbone: %s", what, e.text);
    status = run_batch(b, &views, 1, &r, &e);
    ok(status == 0 && !r.bad && r.n_masked == n_masked && isfinite(r.total_loss) && step_grad_norm(&r, VIT_MODULE) > 0,
       "%s: one that moves, %lld patches are masked: %s", what, (long long)n_masked, e.text);
    for (int i = 0; i < 3; i++)
        free(memory[i]);
    return r;
}

/* The published grid of 37, and others, under crops of many sizes; whole and in parts. */
static void test_stored_grids(void)
{
    static const struct {
        int stored, global, local; /* pixels; patches of 14 */
    } cases[] = {{37, 112, 98}, {37, 224, 42}, {37, 98, 28}, {37, 14, 56}, {16, 224, 98},
                 {3, 112, 98},  {1, 56, 42},   {16, 56, 28}, {4, 70, 56}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double loss[2];
        for (int parts = 0; parts < 2; parts++) {
            char what[100], word[3][40];
            snprintf(what, sizeof what, "%d x %d positions, crops of %d and %d%s", cases[i].stored, cases[i].stored,
                     cases[i].global, cases[i].local, parts ? ", in parts" : "");
            snprintf(word[0], sizeof *word, "student.pos_grid=%d", cases[i].stored);
            snprintf(word[1], sizeof *word, "crops.global_crops_size=%d", cases[i].global);
            snprintf(word[2], sizeof *word, "crops.local_crops_size=%d", cases[i].local);
            struct bed b = bed_open(2, word[0], word[1], word[2], "ibot.separate_head=true",
                                    "train.freeze_backbone_iterations=1", "student.drop_path_rate=0.2",
                                    i % 2 ? "train.centering=sinkhorn_knopp" : "student.num_register_tokens=4",
                                    i % 3 ? "student.interpolate_antialias=true" : "student.interpolate_offset=0.1",
                                    i % 3 ? "student.interpolate_offset=0" : "student.interpolate_antialias=false",
                                    parts ? "train.micro_batch_size=2" : "train.micro_batch_size=null", NULL);
            loss[parts] = two_steps(&b, what).total_loss;
            bed_close(&b);
        }
        ok(fabs(loss[0] - loss[1]) < 1e-4 * loss[0], "and in parts the loss of the whole (%g, %g)", loss[0], loss[1]);
    }
}

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
        ok(step_plan(&plan, &b.config, &b.device, NULL) == 0, "a plan");
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
    ok(step_plan(&plan, &config, &device, &e) == 0, "the plan of ViT-g takes no memory: %s", e.text);
    for (int i = 0; i < plan.n_lines; i++)
        sum += plan.line[i].bytes;
    ok(sum == plan.total && plan.parameters == 1134771200 && plan.total > (size_t)5 * 4 * 1134771200u,
       "ViT-g: %lld parameters, %.1f GiB", (long long)plan.parameters,
       (double)plan.total / 1073741824.0);
    config_release(&config);
}

/* ---- schedules and groups: the tables of the published schedules ---- */

static void test_schedule_table(void)
{
    static const struct {
        int64_t it;
        double lr, wd, momentum, temp;
    } want[] = {{0, 0, 0.04, 0.992, 0.04}, {1, 4.525845467e-07, 0.04000000006, 0.992, 0.04000080002},
                {1249, 0.0005652780989, 0.04008867709, 0.9920019706, 0.04099922665},
                {12500, 0.005656854249, 0.04880982707, 0.9921957739, 0.05000026667},
                {37499, 0.004995295745, 0.1141949947, 0.9936487777, 0.07}, {62500, 0.003319991517, 0.22, 0.996, 0.07},
                {124999, 1.000001103e-06, 0.3999999999, 1, 0.07}};
    struct config config;
    config_init(&config);
    config_set(&config, "train.batch_size_per_gpu=64", NULL);
    struct schedules s = schedules_from(&config, 32);
    bool good = s.lr.base == 0.005656854249492381;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct schedule_rates r = schedules_at(&s, want[i].it);
        good &= fabs(r.lr - want[i].lr) <= 1e-9 * r.lr && fabs(r.weight_decay - want[i].wd) < 1e-10 &&
                fabs(r.momentum - want[i].momentum) < 1e-10 && fabs(r.teacher_temp - want[i].temp) < 1e-11 &&
                r.last_layer_lr == (want[i].it < 1250 ? 0 : r.lr);
    }
    ok(good, "rates of the published short run");
    config_release(&config);
}

static void test_groups(void)
{
    struct bed b = bed_open(1, "student.depth=24", NULL);
    struct optim_config o = optim_config_from(&b.config);
    const struct params *t = step_student(b.step)->table;
    static const struct {
        const char *name;
        double lr, wd;
    } want[] = {{"backbone.patch_embed.proj.weight", 0.014357960, 1},
                {"backbone.patch_embed.proj.bias", 0.014357960, 0},
                {"backbone.pos_embed", 0.071789799, 1},
                {"backbone.mask_token", 0.071789799, 1},
                {"backbone.blocks.0.norm1.weight", 0.079766443, 0},
                {"backbone.blocks.23.ls1.gamma", 0.9, 0},
                {"backbone.blocks.23.attn.qkv.weight", 0.9, 1},
                {"backbone.norm.bias", 1, 0},
                {"dino_head.mlp.0.bias", 1, 0},
                {"dino_head.last_layer.weight_g", 1, 1},
                {"dino_head.last_layer.weight_v", 1, 1}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        int row = params_find(t, want[i].name);
        const struct param *p = row >= 0 ? &t->rows[row] : NULL;
        ok(p && fabs(optim_lr_mult(&o, p) - want[i].lr) < 1e-9 && optim_wd_mult(p) == want[i].wd, "group of %s",
           want[i].name);
    }
    bed_close(&b);
}

/* Counts as published: truncated, never none, scaled by b / s. */
static void test_drop_path_counts(void)
{
    static const struct {
        int64_t b;
        double rate;
        int64_t kept;
    } want[] = {{128, 0.3, 89}, {128, 0.4, 76}, {512, 0.3, 358}, {512, 0.4, 307}, {64, 0.3, 44},
                {64, 0.4, 38},  {24, 0.3, 16},  {24, 0.4, 14},   {1, 0.9, 1},     {3, 0.9, 1}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        int64_t kept[512];
        bool seen[512] = {false}, distinct = true;
        float alpha;
        struct rng r = rng_stream(5, i, 0, RNG_TEST);
        int64_t s = vit_drop_path_draw(&r, want[i].b, want[i].rate, kept, &alpha);
        for (int64_t k = 0; k < s; k++) {
            distinct = distinct && kept[k] >= 0 && kept[k] < want[i].b && !seen[kept[k]];
            seen[kept[k]] = true;
        }
        ok(s == want[i].kept && distinct && alpha == (float)((double)want[i].b / (double)s),
           "drop path %g keeps %lld of %lld crops, has %lld", want[i].rate, (long long)want[i].kept,
           (long long)want[i].b, (long long)s);
    }
}

/* Over many draws every image is kept as often as the rate says. */
static void test_drop_path_draws(void)
{
    enum { IMAGES = 24, DRAWS = 2000 };
    int64_t kept[IMAGES], n_kept = 0, seen[IMAGES] = {0};
    float alpha = 0;
    struct rng r = rng_stream(1, 2, 3, RNG_DROP_PATH);
    bool even = true, ascending = true;
    for (int draw = 0; draw < DRAWS; draw++) {
        for (int64_t n = vit_drop_path_draw(&r, IMAGES, 0.3, kept, &alpha), i = 0; i < n; i++)
            seen[kept[i]]++;
        int64_t n = vit_drop_path_bernoulli(&r, IMAGES, 0.1, kept, &alpha);
        for (int64_t i = 1; i < n; i++)
            ascending = ascending && kept[i] > kept[i - 1];
        n_kept += n;
    }
    for (int i = 0; i < IMAGES; i++)
        even = even && fabs((double)seen[i] / DRAWS - 16.0 / 24) < 0.05;
    ok(even, "drop path keeps all images alike often");
    ok(ascending && fabs((double)n_kept / (IMAGES * DRAWS) - 0.9) < 0.01 && alpha == (float)(1 / 0.9),
       "image by image: nine of ten, 1/0.9 of the branch");
    ok(vit_drop_path_rate(0.4, true, 0, 5) == 0.4 && vit_drop_path_rate(0.4, false, 0, 5) == 0 &&
           fabs(vit_drop_path_rate(0.4, false, 3, 5) - 0.3) < 1e-15 && vit_drop_path_rate(0.4, false, 4, 5) == 0.4,
       "its rate: the same in all blocks, or rising from 0");
}

/* SGD as PyTorch has it: decay is part of the gradient, so momentum carries it; the first step's momentum is the
 * gradient itself. Plain arithmetic beside it. */
static void test_sgd(void)
{
    enum { COUNT = 5, ROUNDS = 4 };
    const double mu = 0.9, lr = 0.1, decay = 0.3, clip = 0.5, keep = 0.8;
    const float student[COUNT] = {1, -2, 0.5f, 3, 0}, teacher[COUNT] = {0, 1, 2, -1, 0.25f}, zeros[COUNT] = {0};
    float grad[COUNT];
    double p[COUNT], t[COUNT], carried[COUNT] = {0}, worst = 0;
    struct device_memory memory;
    device_memory_open(&memory, 1, 4096);
    struct update_range range = {.count = COUNT, .lr = lr, .weight_decay = decay, .clip = clip};
    struct update u = {.rule = UPDATE_SGD, .ranges = &range, .n_ranges = 1,
                       .student = TO_DEVICE(&memory, DTYPE_F32, student, COUNT),
                       .m = TO_DEVICE(&memory, DTYPE_F32, zeros, COUNT), .v = TENSOR_NONE,
                       .grad = TENSOR_TAKE(&memory.memory, DTYPE_F32, COUNT),
                       .teacher = TO_DEVICE(&memory, DTYPE_F32, teacher, COUNT), .teacher_momentum = keep,
                       .beta1 = mu};
    for (int i = 0; i < COUNT; i++)
        p[i] = student[i], t[i] = teacher[i];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++) {
            grad[i] = (float)(i - 2 + round) * 0.25f;
            double d = (double)grad[i] * clip + decay * p[i];
            carried[i] = round ? mu * carried[i] + d : d;
            p[i] -= lr * carried[i];
            t[i] = keep * t[i] + (1 - keep) * p[i];
        }
        op_copy_in(&memory.c, u.grad, grad);
        op_update(&memory.c, &u);
    }
    float *new_student = to_host(&memory, u.student), *new_teacher = to_host(&memory, u.teacher);
    for (int i = 0; i < COUNT; i++)
        worst = worse(worse(worst, fabs(p[i] - (double)new_student[i])), fabs(t[i] - (double)new_teacher[i]));
    ok(worst < 1e-5, "SGD with momentum and decay: %g off", worst);
    free(new_student), free(new_teacher);
    device_memory_close(&memory);
}

int main(void)
{
    test_sgd();
    test_drop_path_counts();
    test_drop_path_draws();
    draw_batch();
    test_parts();
    test_threads();
    test_resume("train.centering=centering", "optim.optimizer=adamw");
    test_resume("train.centering=sinkhorn_knopp", "optim.optimizer=sgd");
    test_bad_steps();
    test_bad_gradients();
    test_frozen();
    test_frozen_memory();
    test_terms();
    test_refusals();
    test_stored_grids();
    if (test_backend() == &backend_foreign) /* which counts them */
        test_crossings();
    test_plan();
    test_shared_memory();
    test_schedule_table();
    test_groups();
    return tap_done();
}
