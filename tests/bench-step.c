/* bench-step.c - speed of whole training steps on this machine: teacher, student, heads, losses, optimizer.
 *
 *   bench-step [-j THREADS] [-n REPEATS] [key=value ...]
 *
 * Settings are those of dino-train; by default ViT-S/14, batch 4, 65,536 prototypes, Sinkhorn-Knopp, drop path 0.3.
 *
 * Crops are noise in memory, half of the global ones are masked by 30 % of their patches. Prints the best of the
 * repeats (5) after one to warm up, and what the plan says of memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "nn/step.h"
#include "num.h"

static _Noreturn void fail(const struct fmt_error *e)
{
    fprintf(stderr, "bench-step: %s\n", e->text);
    exit(1);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double cpu_seconds(void) /* of all threads: says more than the clock on a machine that others use too */
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
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
    int64_t grid = config_dims(config).grid, N = grid * grid, *order = malloc((size_t)N * sizeof *order);
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
                               .mean = {0.485f, 0.456f, 0.406f},
                               .std = {0.229f, 0.224f, 0.225f},
                               .masks = masks};
}

static void print_plan(const struct config *config, const struct op_ctx *ctx)
{
    struct step_plan plan;
    struct fmt_error e = {0};
    char text[32];
    if (step_plan(&plan, config, ctx, &e))
        fail(&e);
    for (int i = 0; i < plan.n_lines; i++)
        printf("  %-36s %s\n", plan.line[i].what, num_bytes_text((double)plan.line[i].bytes, text));
    printf("  %-36s %s\n", "in all", num_bytes_text((double)plan.total, text));
}

int main(int argc, char **argv)
{
    static const char *const defaults[] = {"student.arch=vit_small", "student.patch_size=14",
                                           "crops.local_crops_size=98", "train.batch_size_per_gpu=4",
                                           "train.centering=sinkhorn_knopp"};
    struct config config;
    struct fmt_error e = {0};
    int n_threads = 0, n_repeats = 5;
    config_init(&config);
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (config_set(&config, defaults[i], &e))
            fail(&e);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-j") == 0 && i + 1 < argc)
            n_threads = atoi(argv[++i]);
        else if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
            n_repeats = atoi(argv[++i]);
        else if (config_set(&config, argv[i], &e))
            fail(&e);
    }
    struct op_ctx ctx = {.backend = backend_find("cpu", &e), .pool = thread_open(n_threads, &e)};
    struct step *step = NULL;
    if (!ctx.pool)
        fail(&e);
    print_plan(&config, &ctx);
    if (step_open(&step, &config, &ctx, &e))
        fail(&e);
    step_init_weights(step);
    struct step_batch batch = make_batch(&config);
    double best = 1e30;
    for (int i = 0; i <= n_repeats; i++) {
        struct step_result r;
        double start = seconds(), cpu = cpu_seconds();
        if (step_run(step, &batch, 100 + i, NULL, NULL, &r, &e))
            fail(&e);
        double time = seconds() - start;
        best = time < best && i > 0 ? time : best;
        printf("  step %d: %.3f s, processors %.3f s, loss %.4f%s%s\n", i, time, cpu_seconds() - cpu, r.total_loss,
               r.bad ? ", not finite: " : "", r.bad ? r.bad : "");
    }
    struct rusage u;
    char text[32];
    getrusage(RUSAGE_SELF, &u);
    printf("training step, batch %lld, %lld prototypes, drop path %g: %.3f images/s, peak memory %s\n",
           (long long)batch.B, (long long)config.dino.head_n_prototypes, config.student.drop_path_rate,
           (double)batch.B / best, num_bytes_text((double)u.ru_maxrss * 1024, text));
    step_close(step);
    thread_close(ctx.pool);
    config_release(&config);
    return 0;
}
