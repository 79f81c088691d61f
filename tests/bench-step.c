/* bench-step.c - speed of whole training steps on this machine: teacher, student, heads, losses, optimizer.
 *
 *   bench-step [-v] [-t] [-p f32|bf16] [-j THREADS] [-n RUNS] [key=value ...]
 *
 * Settings are those of dino-train; by default ViT-S/14, batch 4, 65,536 prototypes, Sinkhorn-Knopp, drop path 0.3. -p
 * sets compute_precision of all networks; the row has that of the student's backbone.
 *
 * Crops are noise in memory, half of the global ones are masked by 30 % of their patches. Prints a row of make bench's
 * table of the runs (5) after one to warm up; -t: bare numbers (bench_print); -v adds the plan's memory and every step.
 */
#include <stdlib.h>
#include <string.h>

#include "bench-row.h"
#include "mask.h"
#include "model.h"
#include "step.h"
#include "test-device.h"

static _Noreturn void fail(const struct fmt_error *e)
{
    fprintf(stderr, "bench-step: %s\n", e->text);
    exit(1);
}

static uint8_t *noise(int64_t n, uint64_t seed)
{
    uint8_t *bytes = malloc((size_t)n);
    struct rng r = rng_stream(seed, 0, 0, RNG_TEST);
    for (int64_t i = 0; bytes && i < n; i++)
        bytes[i] = (uint8_t)rng_u32(&r);
    return bytes;
}

static struct step_batch make_batch(const struct config *config)
{
    int64_t B = config->train.batch_size_per_gpu, G = config->crops.global_crops_size,
            L = config->crops.local_crops_size;
    struct mask_grid grid = mask_grid_of(G, config->student.patch_size);
    int64_t N = mask_patches(&grid), *order = malloc((size_t)N * sizeof *order);
    uint8_t *masks = calloc((size_t)(2 * B), (size_t)N);
    struct rng r = rng_stream(1, 0, 0, RNG_MASK);
    for (int64_t crop = 0; crop < 2 * B; crop += 2) {
        rng_permutation(&r, N, order);
        for (int64_t i = 0; i < N * 3 / 10; i++)
            masks[crop * N + order[i]] = 1;
    }
    free(order);
    return (struct step_batch){.B = B,
                               .global_u8 = noise(2 * B * G * G * 3, 1),
                               .local_u8 = noise(config->crops.local_crops_number * B * L * L * 3, 2),
                               .pixel_norm = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}},
                               .masks = masks,
                               .N = N};
}

static void print_plan(const struct config *config, const struct device *device)
{
    struct step_plan plan;
    struct fmt_error e = {0};
    char text[32];
    if (step_plan(&plan, config, &world_single, device, &e))
        fail(&e);
    for (int i = 0; i < plan.n_lines; i++)
        printf("  %-36s %s\n", plan.line[i].what, num_bytes_text((double)plan.line[i].bytes, text));
    printf("  %-36s %s\n", "in all", num_bytes_text((double)plan.total, text));
}

/* A row before the head and its prototypes, forward. */
static double head_ops(const struct head_config *f)
{
    double in = (double)f->in_dim, hidden = (double)f->hidden_dim, out = (double)f->bottleneck_dim;
    double layers = f->n_layers == 1 ? in * out : hidden * (in + (double)(f->n_layers - 2) * hidden + out);
    return 2 * (layers + out * (double)f->n_prototypes);
}

/* The products of a step in one piece: the teacher forward, the student forward and twice that backward, the rows that
 * drop path leaves out not counted. */
static double step_ops(const struct config *config, const struct step_batch *batch)
{
    struct vit_config vit = model_vit(config);
    struct head_config dino = model_head(config, false);
    struct head_config ibot = config->ibot.separate_head ? model_head(config, true) : dino;
    double B = (double)batch->B, n_local = B * (double)config->crops.local_crops_number, n_masked = 0;
    for (int64_t i = 0; i < 2 * batch->B * batch->N; i++)
        n_masked += batch->masks[i];
    double local_grid = (double)(config->crops.local_crops_size / vit.patch);
    double global = bench_vit_ops(&vit, 1 + (double)batch->N);
    double local = bench_vit_ops(&vit, 1 + local_grid * local_grid);
    double patches = n_masked * head_ops(&ibot), survivors = 1 - config->student.drop_path_rate;
    double teacher = 2 * B * (global + head_ops(&dino)) + patches;
    double student = survivors * (2 * B * global + n_local * local) + (2 * B + n_local) * head_ops(&dino) + patches;
    return teacher + 3 * student;
}

struct options {
    int n_threads, n_runs;
    bool verbose, bare;
};

static void set_precision(struct config *config, const char *precision)
{
    struct fmt_error e = {0};
    char word[96];
    for (int part = 0; part < CONFIG_PARTS; part++) {
        snprintf(word, sizeof word, "%s=%s", config_key(config_param_dtype_key(part))->name,
                 strcmp(precision, "f32") == 0 ? "fp32" : precision);
        if (config_set(config, word, &e))
            fail(&e);
    }
}

static struct options read_options(int argc, char **argv, struct config *config)
{
    static const char *const defaults[] = {"student.arch=vit_small", "student.patch_size=14",
                                           "crops.local_crops_size=98", "train.batch_size_per_gpu=4",
                                           "train.centering=sinkhorn_knopp"};
    struct options o = {.n_runs = 5};
    struct fmt_error e = {0};
    config_init(config);
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (config_set(config, defaults[i], &e))
            fail(&e);
    if (bench_set_depth(config, &e))
        fail(&e);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            o.verbose = true;
        else if (strcmp(argv[i], "-t") == 0)
            o.bare = true;
        else if (strcmp(argv[i], "-p") == 0 && i + 1 < argc)
            set_precision(config, argv[++i]);
        else if (strcmp(argv[i], "-j") == 0 && i + 1 < argc)
            o.n_threads = atoi(argv[++i]);
        else if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
            o.n_runs = atoi(argv[++i]);
        else if (config_set(config, argv[i], &e))
            fail(&e);
    }
    return o;
}

static void run_steps(struct step *step, const struct config *config, const struct step_batch *batch,
                      const struct options *o, struct bench_row *row)
{
    struct schedules schedules = schedules_from(config, 1);
    struct fmt_error e = {0};
    for (int i = 0; i <= o->n_runs; i++) {
        struct step_result r;
        struct bench_time start = bench_now();
        struct schedule_rates rates = schedules_at(&schedules, 100 + i);
        if (step_run(step, batch, 100 + i, &rates, NULL, &r, &e))
            fail(&e);
        if (i > 0)
            bench_add(row, start);
        if (o->verbose)
            printf("  step %d: %.3f s, loss %.4f%s%s\n", i, bench_now().wall - start.wall, r.total_loss,
                   r.bad ? ", not finite: " : "", r.bad ? r.bad : "");
    }
    row->bytes = bench_memory();
}

int main(int argc, char **argv)
{
    struct config config;
    struct fmt_error e = {0};
    struct options o = read_options(argc, argv, &config);
    struct device device = test_device(o.n_threads);
    struct step *step = NULL;
    struct bench_peak peak = {.pool = device.pool};
    if (o.verbose)
        print_plan(&config, &device);
    if (step_open(&step, &config, &world_single, &device, &e))
        fail(&e);
    step_init_weights(step);
    struct step_batch batch = make_batch(&config);
    char what[96];
    snprintf(what, sizeof what, "step, %d wide, batch %d, %d prototypes", (int)config_dims(&config).embed_dim,
             (int)batch.B, (int)config.dino.head_n_prototypes);
    const bool low = config_param_dtype(&config, PART_STUDENT_BACKBONE) == PARAM_DTYPE_BF16;
    struct bench_row row = {.what = what, .unit = "images", .n = (double)batch.B,
                            .precision = low ? PRECISION_BF16 : PRECISION_F32,
                            .ops = step_ops(&config, &batch)};
    run_steps(step, &config, &batch, &o, &row);
    bench_print(&row, &peak, o.bare);
    step_close(step);
    device_close(&device);
    config_release(&config);
    return 0;
}
