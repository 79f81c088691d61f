/* stepbed.h - a tiny model, its step and a batch, for the tests of step.h. */
#ifndef STEPBED_H
#define STEPBED_H

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#include "device-memory.h"
#include "state.h"
#include "step.h"
#include "tap.h"

enum { B = 5, G = 56, L = 28, N_LOCAL = 3, N = 16 };

static uint8_t global_pixels[2 * B * G * G * 3], local_pixels[N_LOCAL * B * L * L * 3], masks[2 * B * N];
static const struct step_batch batch = {.B = B, .global_u8 = global_pixels, .local_u8 = local_pixels, .masks = masks,
                                        .N = N, .pixel_norm = {{0.5f, 0.4f, 0.3f}, {0.2f, 0.3f, 0.25f}}};

static inline void draw_batch(void)
{
    struct rng r = rng_stream(3, 0, 0, RNG_TEST);
    for (size_t i = 0; i < sizeof global_pixels; i++)
        global_pixels[i] = (uint8_t)rng_u32(&r);
    for (size_t i = 0; i < sizeof local_pixels; i++)
        local_pixels[i] = (uint8_t)rng_u32(&r);
    for (int crop = 0; crop < 2 * B; crop += 3) /* images with 0, 1 and 2 masked crops, of different counts */
        for (int i = 0; i < N; i++)
            masks[crop * N + i] = rng_below(&r, 3) == 0;
}

#define PARAM_DTYPE(part) "compute_precision." part ".mixed_precision.param_dtype=bf16"
#define TEACHER_BF16 PARAM_DTYPE("teacher.backbone"), PARAM_DTYPE("teacher.dino_head"), PARAM_DTYPE("teacher.ibot_head")
#define STUDENT_BF16 PARAM_DTYPE("student.backbone"), PARAM_DTYPE("student.dino_head"), PARAM_DTYPE("student.ibot_head")
#define ALL_BF16 TEACHER_BF16, STUDENT_BF16

/* Of every part. */
#define SHARDING(strategy)                                                                                             \
    "compute_precision.student.backbone.sharding_strategy=" strategy,                                                  \
        "compute_precision.student.dino_head.sharding_strategy=" strategy,                                             \
        "compute_precision.student.ibot_head.sharding_strategy=" strategy,                                             \
        "compute_precision.teacher.backbone.sharding_strategy=" strategy,                                              \
        "compute_precision.teacher.dino_head.sharding_strategy=" strategy,                                             \
        "compute_precision.teacher.ibot_head.sharding_strategy=" strategy

struct bed {
    struct config config;
    struct device device;
    struct step *step;
};

/* Settings of a tiny model, then words of the case. */
static inline void bed_settings(struct config *config, va_list words)
{
    static const char *const tiny[] = {
        "train.batch_size_per_gpu=5",
        "student.embed_dim=32",
        "student.depth=3",
        "student.num_heads=2",
        "student.patch_size=14",
        "crops.global_crops_size=56",
        "crops.local_crops_size=28",
        "crops.local_crops_number=3",
        "dino.head_n_prototypes=600",
        "dino.head_hidden_dim=40",
        "dino.head_bottleneck_dim=12",
        "ibot.head_n_prototypes=300",
        "ibot.head_hidden_dim=24",
        "ibot.head_bottleneck_dim=8",
        "student.layerscale=0.5",
        "ibot.mask_ratio_min_max=[0.1, 0.9]",
        "optim.base_lr=0.05",
        "optim.warmup_epochs=0",
        "optim.epochs=1",
        "train.OFFICIAL_EPOCH_LENGTH=50",
        "optim.freeze_last_layer_epochs=0",
        "teacher.warmup_teacher_temp_epochs=1",
    };
    struct fmt_error e = {0};
    config_init(config);
    for (size_t i = 0; i < sizeof tiny / sizeof *tiny; i++)
        if (config_set(config, tiny[i], &e))
            ok(false, "%s", e.text);
    for (const char *word; (word = va_arg(words, const char *));)
        if (config_set(config, word, &e))
            ok(false, "%s", e.text);
}

/* world: valid while the bed is open. The words end with NULL. */
static inline struct bed bed_open_words(const struct world *world, int n_threads, va_list words)
{
    struct bed b;
    struct fmt_error e = {0};
    bed_settings(&b.config, words);
    b.device = test_device(n_threads);
    if (step_open(&b.step, &b.config, world, &b.device, &e)) {
        ok(false, "a step opens: %s", e.text);
        exit(tap_done());
    }
    step_init_weights(b.step);
    return b;
}

static inline struct bed bed_open_in(const struct world *world, int n_threads, ...)
{
    va_list words;
    va_start(words, n_threads);
    struct bed b = bed_open_words(world, n_threads, words);
    va_end(words);
    return b;
}

/* One process. */
static inline struct bed bed_open(int n_threads, ...)
{
    va_list words;
    va_start(words, n_threads);
    struct bed b = bed_open_words(&world_single, n_threads, words);
    va_end(words);
    return b;
}

static inline void bed_close(struct bed *b)
{
    step_close(b->step);
    device_close(&b->device);
    config_release(&b->config);
}

/* A step with the rates of the settings. */
static inline int run_batch(struct bed *b, const struct step_batch *given, int64_t iteration, struct step_result *r,
                            struct fmt_error *e)
{
    struct schedules s = schedules_from(&b->config, 1);
    struct schedule_rates rates = schedules_at(&s, iteration);
    return step_run(b->step, given, iteration, &rates, NULL, r, e);
}

static inline struct step_result run(struct bed *b, int64_t iteration)
{
    struct step_result r;
    struct fmt_error e = {0};
    if (run_batch(b, &batch, iteration, &r, &e))
        ok(false, "step %lld: %s", (long long)iteration, e.text);
    return r;
}

/* Of the terms, relative to their sum without signs. */
static inline double loss_distance(const struct step_result *a, const struct step_result *b)
{
    const double x[] = {a->dino_local_crops_loss, a->dino_global_crops_loss, a->koleo_loss, a->ibot_loss, a->kl_loss},
                 y[] = {b->dino_local_crops_loss, b->dino_global_crops_loss, b->koleo_loss, b->ibot_loss, b->kl_loss};
    double off = 0, sum = 0;
    for (int i = 0; i < 5; i++)
        off += fabs(x[i] - y[i]), sum += fabs(y[i]);
    return off / sum;
}

/* In host memory, for free(): an array that is whole here; a tensor of the state, whole, which all processes ask for;
 * and the first element of a row. */
static inline float *bed_array(struct bed *b, const struct params_array *a)
{
    return copy_to_host(step_context(b->step), a->data);
}

static inline float *bed_state(struct bed *b, const struct state_tensor *t)
{
    struct fmt_error e = {0};
    float *host = malloc((size_t)t->n * sizeof *host);
    if (!host || state_collect(b->step, t, 0, t->n, host, &e))
        ok(false, "%s: %s", t->name, e.text);
    return host;
}

/* A sum over all bits of the state. */
static inline uint64_t bed_bits(struct bed *b)
{
    uint64_t sum = 14695981039346656037u;
    for (int64_t i = 0; i < state_count(b->step); i++) {
        struct state_tensor t;
        state_tensor(b->step, i, &t);
        uint8_t *bytes = (uint8_t *)bed_state(b, &t);
        for (int64_t j = 0; j < t.n * (int64_t)sizeof(float); j++)
            sum = (sum ^ bytes[j]) * 1099511628211u;
        free(bytes);
    }
    return sum;
}

static inline uint64_t bed_bits_after(struct bed *b, int64_t n_steps)
{
    for (int64_t i = 0; i < n_steps; i++)
        run(b, i);
    return bed_bits(b);
}

static inline float bed_first(struct bed *b, const struct params_array *a, const char *name)
{
    float value = 0;
    params_read(step_context(b->step), a, params_find(a->table, name), 0, 1, &value);
    return value;
}

#endif
