/* bench.c - speed of the backbone on this machine: images per second, GFLOP/s, share of the measured peak, memory.
 *
 *   bench peak                                        multiply-adds in registers, and the head of the table
 *   bench extract [arch] [size] [images at once]      forward, image by image, images in memory (vit_small 224 8)
 *   bench train [arch] [batch] [drop path]            forward and backward of a student's backbone and forward of its
 *                                                     teacher over 2 x 224 and 8 x 98 crops, no heads (vit_small 4 0.3)
 *   -j N  threads (one per processor)
 */
#include <stdlib.h>
#include <string.h>

#include "bench-row.h"
#include "arena.h"
#include "config.h"
#include "gemm.h"
#include "isa.h"
#include "model.h"
#include "test-device.h"

enum { REPEATS = 5 };

struct bench {
    struct thread_pool *pool;
    int n_workers;
    struct bench_peak peak;
    struct vit vit;
    struct params table;
    struct device_arena memory;
    struct params_array values;
};

static void *take(int64_t n, size_t each)
{
    struct arena a = {0};
    struct fmt_error e = {0};
    if (arena_init(&a, (size_t)n * each, &e)) {
        fprintf(stderr, "bench: %s\n", e.text);
        exit(1);
    }
    return a.base;
}

static void check(struct op_ctx *c, int status, const struct fmt_error *e)
{
    struct fmt_error sticky = {0};
    if (status || op_sync(c, &sticky)) {
        fprintf(stderr, "bench: %s\n", status ? e->text : sticky.text);
        exit(1);
    }
}

static void open_network(struct bench *b, const char *arch, int64_t M)
{
    struct fmt_error e = {0};
    struct config config;
    config_init(&config);
    const char *const kind = strcmp(arch, "vit_giant2") == 0 ? "swiglu" : "mlp";
    char word[4][64];
    snprintf(word[0], sizeof *word, "student.arch=%s", arch);
    snprintf(word[1], sizeof *word, "student.ffn_layer=%s", kind);
    snprintf(word[2], sizeof *word, "student.pos_grid=%d", (int)M);
    snprintf(word[3], sizeof *word, "student.patch_size=14");
    for (int i = 0; i < 4; i++)
        if (config_set(&config, word[i], &e)) {
            fprintf(stderr, "bench: %s\n", e.text);
            exit(2);
        }
    struct vit_config f = model_vit(&config);
    config_release(&config);
    if (vit_params(&b->vit, &f, &b->table, &e))
        exit(1);
    if (params_array_reserve(&b->values, &b->memory, test_backend(), &b->table, DTYPE_F32, b->table.count, &e))
        exit(1);
    struct device_arena scratch;
    struct op_ctx c = {.backend = test_backend(), .scratch = &scratch};
    if (device_arena_init(&scratch, c.backend, 0, &e))
        exit(1);
    params_init(&c, &b->values, 1);
    device_arena_release(&scratch);
}

static void report(struct bench *b, const char *what, double images, double flops, struct bench_time t)
{
    bench_row(what, images, "images", t, flops, &b->peak, bench_memory(RUSAGE_SELF));
}

/* ------------------------------------------------------------------ extraction */

struct worker {
    struct op_ctx c;
    struct device_arena arena, scratch;
    struct arena host;
    struct vit_activations act;
};

struct extraction {
    struct bench *b;
    struct worker *workers;
    const uint8_t *pixels;
    int64_t size;
    struct vit_packed packed;
};

static void extract_image(void *arg, int64_t image, int worker)
{
    struct extraction *x = arg;
    struct worker *w = &x->workers[worker];
    struct fmt_error e = {0};
    struct vit_request r = {.n_inputs = 1, .packed = &x->packed,
                            .pixel_norm = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}}};
    struct vit_memory memory = {&w->arena, &w->host};
    w->arena.used = w->scratch.used = 0;
    r.inputs[0] = (struct vit_input){.B = 1, .H = x->size, .W = x->size};
    r.inputs[0].pixels = OP_BORROW(&w->c, &w->arena, DTYPE_U8, x->pixels + image * x->size * x->size * 3, 1, x->size,
                                   x->size, 3);
    check(&w->c, vit_forward(&w->c, &x->b->vit, &x->b->values, &r, &memory, &w->act, &e), &e);
}

static void open_worker(struct extraction *x, int i)
{
    struct worker *w = &x->workers[i];
    w->c = (struct op_ctx){.backend = test_backend(), .scratch = &w->scratch};
    extract_image(x, 0, i);
    if (device_arena_init(&w->arena, test_backend(), w->arena.high, NULL) ||
        device_arena_init(&w->scratch, test_backend(), w->scratch.high, NULL) ||
        arena_init(&w->host, w->host.high, NULL))
        exit(1);
}

static void extract(struct bench *b, const char *arch, int64_t size, int64_t batch)
{
    open_network(b, arch, 37);
    struct extraction x = {.b = b, .workers = take(b->n_workers, sizeof(struct worker)), .size = size};
    uint8_t *pixels = take(batch * size * size * 3, 1);
    for (int64_t i = 0; i < batch * size * size * 3; i++)
        pixels[i] = (uint8_t)(i * 2654435761u >> 13);
    x.pixels = pixels;
    struct device_arena scratch = {0}, none = {0}; /* float32 is packed in place */
    struct op_ctx c = {.backend = test_backend(), .pool = b->pool, .scratch = &scratch};
    vit_pack(&c, &b->vit, &b->values, PRECISION_F32, &none, &x.packed); /* planned */
    if (device_arena_init(&scratch, test_backend(), scratch.high, NULL))
        exit(1);
    vit_pack(&c, &b->vit, &b->values, PRECISION_F32, &none, &x.packed);
    device_arena_release(&scratch);
    for (int i = 0; i < b->n_workers; i++)
        open_worker(&x, i);
    thread_for(b->pool, batch, extract_image, &x); /* warm */
    struct bench_time best = BENCH_WORST;
    for (int r = 0; r < REPEATS; r++) {
        struct bench_time start = bench_now();
        thread_for(b->pool, batch, extract_image, &x);
        best = bench_best(best, bench_since(start));
    }
    double N = 1.0 + (double)(size / 14 * (size / 14));
    char what[96];
    snprintf(what, sizeof what, "%s/14 forward, %d pixels, batch %d", arch, (int)size, (int)batch);
    report(b, what, (double)batch, (double)batch * bench_vit_flops(&b->vit.config, N), best);
}

/* ------------------------------------------------------------------ training */

static void draw_drops(const struct bench *b, struct vit_drop_path *drops, const int64_t n[2], double rate)
{
    for (int64_t i = 0; i < b->vit.config.depth; i++)
        for (int k = 0; k < 4; k++) {
            int input = k % 2;
            struct rng r = rng_stream(1, (uint64_t)i, (uint64_t)k, RNG_TEST);
            int64_t *images = take(n[input], sizeof *images);
            struct vit_subset *to = k < 2 ? &drops[i].attn[input] : &drops[i].ffn[input];
            to->n = vit_drop_path_draw(&r, n[input], rate, images, &to->scale);
            to->images = images;
        }
}

struct training {
    struct bench *b;
    struct op_ctx c;
    struct device_arena memory, arena, scratch; /* gradients; a pass; operations */
    struct arena host;
    struct vit_request student, teacher;
    const uint8_t *pixels[2], *masks;
    struct vit_activations act;
    struct params_array grads;
    double student_s, teacher_s, backward_s;
};

static int run_forward(struct training *t, struct vit_request r, bool masked, struct fmt_error *e)
{
    struct vit_memory memory = {&t->arena, &t->host};
    t->arena.used = 0;
    for (int i = 0; i < r.n_inputs; i++) {
        struct vit_input *in = &r.inputs[i];
        in->pixels = OP_BORROW(&t->c, &t->arena, DTYPE_U8, t->pixels[i], in->B, in->H, in->W, 3);
    }
    if (masked)
        r.inputs[0].masks = OP_BORROW(&t->c, &t->arena, DTYPE_U8, t->masks, r.inputs[0].B, 256);
    return vit_forward(&t->c, &t->b->vit, &t->b->values, &r, &memory, &t->act, e);
}

static void training_step(struct training *t)
{
    struct fmt_error e = {0};
    struct vit_memory memory = {&t->arena, &t->host};
    double start = bench_clock(CLOCK_MONOTONIC);
    t->scratch.used = 0;
    check(&t->c, run_forward(t, t->teacher, false, &e), &e);
    double after_teacher = bench_clock(CLOCK_MONOTONIC);
    check(&t->c, run_forward(t, t->student, true, &e), &e);
    double after_student = bench_clock(CLOCK_MONOTONIC);
    struct tensor d = TENSOR_TAKE(&t->arena, DTYPE_F32, t->act.T, t->b->vit.config.C);
    op_fill(&t->c, d, 1e-3);
    vit_backward(&t->c, &t->b->vit, &t->b->values, &t->act, d, &memory, &t->grads);
    check(&t->c, 0, NULL);
    t->teacher_s = after_teacher - start;
    t->student_s = after_student - after_teacher;
    t->backward_s = bench_clock(CLOCK_MONOTONIC) - after_student;
}

static void train(struct bench *b, const char *arch, int64_t batch, double rate)
{
    open_network(b, arch, 16);
    static struct training t;
    static struct vit_drop_path drops[VIT_DEPTH_MAX];
    const int64_t n[2] = {2 * batch, 8 * batch};
    t.b = b;
    t.c = (struct op_ctx){.backend = test_backend(), .pool = b->pool, .scratch = &t.scratch};
    struct vit_input global = {.B = n[0], .H = 224, .W = 224}, local = {.B = n[1], .H = 98, .W = 98};
    t.pixels[0] = take(n[0] * 224 * 224 * 3, 1);
    t.pixels[1] = take(n[1] * 98 * 98 * 3, 1);
    uint8_t *masks = take(n[0] * 256, 1);
    for (int64_t i = 0; i < n[0] * 256; i++)
        masks[i] = i / 256 % 2 == 0 && i % 10 < 3;
    t.teacher = (struct vit_request){.n_inputs = 1, .inputs = {global}, .pixel_norm.std = {1, 1, 1}};
    t.masks = masks;
    t.student = (struct vit_request){.n_inputs = 2, .inputs = {global, local}, .pixel_norm.std = {1, 1, 1},
                                     .save_for_backward = true, .drop_path = rate > 0 ? drops : NULL};
    if (rate > 0)
        draw_drops(b, drops, n, rate);
    if (params_array_reserve(&t.grads, &t.memory, test_backend(), &b->table, DTYPE_F32, b->table.count, NULL))
        exit(1);
    training_step(&t);
    if (device_arena_init(&t.arena, test_backend(), t.arena.high, NULL) ||
        device_arena_init(&t.scratch, test_backend(), t.scratch.high, NULL) || arena_init(&t.host, t.host.high, NULL))
        exit(1);
    training_step(&t); /* warm */
    struct bench_time best = BENCH_WORST;
    double parts[3] = {1e30, 1e30, 1e30};
    for (int r = 0; r < REPEATS; r++) {
        struct bench_time start = bench_now();
        training_step(&t);
        best = bench_best(best, bench_since(start));
        const double now[3] = {t.teacher_s, t.student_s, t.backward_s};
        for (int k = 0; k < 3; k++)
            parts[k] = now[k] < parts[k] ? now[k] : parts[k];
    }
    double global_flops = bench_vit_flops(&b->vit.config, 257), local_flops = bench_vit_flops(&b->vit.config, 50);
    double student = (1 - rate) * ((double)n[0] * global_flops + (double)n[1] * local_flops);
    char what[96];
    snprintf(what, sizeof what, "%s/14 training, backbone, batch %d, drop %.1f", arch, (int)batch, rate);
    report(b, what, (double)batch, (double)n[0] * global_flops + 3 * student, best);
    printf("    teacher %.3f s, student forward %.3f s, backward %.3f s\n", parts[0], parts[1], parts[2]);
}

static void peak_row(struct bench *b)
{
    for (int i = 0; i < 3; i++)
        bench_peak(&b->peak);
    printf("%d threads, %s, %s: %.1f GFLOP/s of multiply-adds in registers\n", b->n_workers, isa_name(isa_best()),
           gemm_library(), b->peak.gflops);
    bench_head();
}

static const char *argument(int argc, char **argv, int i, const char *otherwise)
{
    return i < argc ? argv[i] : otherwise;
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    struct fmt_error e = {0};
    int n = 0;
    if (argc > 2 && strcmp(argv[1], "-j") == 0) {
        n = atoi(argv[2]);
        argc -= 2, argv += 2;
    }
    b.pool = thread_open(n, &e);
    if (!b.pool)
        return 1;
    b.n_workers = thread_workers(b.pool);
    b.peak.pool = b.pool;
    bench_peak(&b.peak);
    const char *what = argument(argc, argv, 1, "peak");
    if (strcmp(what, "peak") == 0)
        peak_row(&b);
    else if (strcmp(what, "extract") == 0)
        extract(&b, argument(argc, argv, 2, "vit_small"), atoi(argument(argc, argv, 3, "224")),
                atoi(argument(argc, argv, 4, "8")));
    else if (strcmp(what, "train") == 0)
        train(&b, argument(argc, argv, 2, "vit_small"), atoi(argument(argc, argv, 3, "4")),
              atof(argument(argc, argv, 4, "0.3")));
    else
        return 2;
    thread_close(b.pool);
    return 0;
}
