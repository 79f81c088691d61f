/* The rules of a step, without its networks: schedules and groups of parameters as published, which images drop path
 * keeps, SGD. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "optim.h"
#include "stepbed.h"

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
    test_schedule_table();
    test_groups();
    test_drop_path_counts();
    test_drop_path_draws();
    test_sgd();
    return tap_done();
}
