/* bench.c - speed of the backbone on this machine, as rows of the table that bench-row.h describes.
 *
 *   bench precisions                                            those that this processor has, by name
 *   bench [-j THREADS] peak                                     multiply-adds in registers, copies in memory, and the
 *                                                               head of the table
 *   bench [OPTIONS] extract [ARCH] [SIZE] [IMAGES AT ONCE]      forward, images in memory (vit_small 224 8): several
 *                                                               at once in a thread each, a single one in all threads
 *   bench [OPTIONS] train [ARCH] [BATCH] [DROP PATH]            forward and backward of a student's backbone and
 *                                                               forward of its teacher over 2 x 224 and 8 x 98 crops,
 *                                                               no heads (vit_small 4 0.3)
 *   -j THREADS    one per processor
 *   -p PRECISION  f32, bf16, int8 or auto [f32]; of extract
 *   -n RUNS       5; of a single image 100, or as many as 20 seconds have, but 20
 *   -s SECONDS    as many runs as so many seconds have, one at least
 *   -c            no run to warm up
 *   -t            bare numbers (bench_print)
 *
 * BENCH_DEPTH in the environment: see bench-row.h.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench-row.h"
#include "arena.h"
#include "config.h"
#include "extract.h"
#include "gemm.h"
#include "isa.h"
#include "model.h"
#include "test-device.h"

enum { RUNS = 5, LATENCY_RUNS = 100, LATENCY_RUNS_MIN = 20, LATENCY_SECONDS = 20 };

struct bench {
    struct thread_pool *pool;
    int n_workers, n_runs;
    double seconds; /* 0: n_runs, or as many as are usual */
    enum precision precision;
    bool cold, bare;
    struct bench_peak peak;
    struct vit vit;
    struct params table;
    struct device_arena memory;
    struct params_array values;
};

static _Noreturn void fail(const struct fmt_error *e)
{
    fprintf(stderr, "bench: %s\n", e->text);
    exit(e->status == FMT_INVALID ? 2 : 1);
}

static void *take(int64_t n, size_t each)
{
    struct arena a = {0};
    struct fmt_error e = {0};
    if (arena_init(&a, (size_t)n * each, &e))
        fail(&e);
    return a.base;
}

static void check(struct op_ctx *c, int status, const struct fmt_error *e)
{
    struct fmt_error sticky = {0};
    if (status || op_sync(c, &sticky))
        fail(status ? e : &sticky);
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
        if (config_set(&config, word[i], &e))
            fail(&e);
    if (bench_set_depth(&config, &e))
        fail(&e);
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
    int n_workers;
    struct thread_pool *pool; /* that operations use: NULL where every worker has its own image */
    const uint8_t *pixels;
    int64_t size;
    struct packed_weights packed;
};

static void extract_image(void *arg, int64_t image, int worker)
{
    struct extraction *x = arg;
    struct worker *w = &x->workers[worker];
    struct fmt_error e = {0};
    struct vit_request r = {.n_inputs = 1, .packed = &x->packed.weights, .precision = x->b->precision,
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
    w->c = (struct op_ctx){.backend = test_backend(), .pool = x->pool, .scratch = &w->scratch};
    extract_image(x, 0, i);
    if (device_arena_init(&w->arena, test_backend(), w->arena.high, NULL) ||
        device_arena_init(&w->scratch, test_backend(), w->scratch.high, NULL) ||
        arena_init(&w->host, w->host.high, NULL))
        exit(1);
}

/* For many images, as dino-extract does it. */
static void pack_weights(struct extraction *x)
{
    struct fmt_error e = {0};
    const struct device device = {.backend = test_backend(), .pool = x->b->pool};
    if (extract_pack_weights(&device, &x->b->vit, &x->b->values, x->b->precision, NULL, &x->packed, &e))
        fail(&e);
}

static bool enough(const struct bench *b, const struct bench_row *r, double seconds)
{
    if (b->seconds > 0)
        return r->n_runs > 0 && seconds > b->seconds;
    if (b->n_runs > 0 || r->n > 1)
        return r->n_runs >= (b->n_runs > 0 ? b->n_runs : RUNS);
    return r->n_runs >= LATENCY_RUNS || (r->n_runs >= LATENCY_RUNS_MIN && seconds > LATENCY_SECONDS);
}

static void extract(struct bench *b, const char *arch, int64_t size, int64_t batch)
{
    open_network(b, arch, 37);
    struct extraction x = {.b = b, .n_workers = batch > 1 ? b->n_workers : 1, .size = size,
                           .pool = batch > 1 ? NULL : b->pool};
    uint8_t *pixels = take(batch * size * size * 3, 1);
    for (int64_t i = 0; i < batch * size * size * 3; i++)
        pixels[i] = (uint8_t)(i * 2654435761u >> 13);
    x.pixels = pixels;
    x.workers = take(x.n_workers, sizeof(struct worker));
    pack_weights(&x);
    for (int i = 0; i < x.n_workers; i++)
        open_worker(&x, i);
    char what[96];
    snprintf(what, sizeof what, "%s/14 forward, %d pixels, batch %d", arch, (int)size, (int)batch);
    struct bench_row row = {.what = what, .unit = "images", .precision = b->precision, .n = (double)batch};
    row.ops = (double)batch * bench_vit_ops(&b->vit.config, 1.0 + (double)(size / 14 * (size / 14)));
    struct thread_pool *across = batch > 1 ? b->pool : NULL;
    if (!b->cold)
        thread_for(across, batch, extract_image, &x); /* warm */
    double begun = bench_clock(CLOCK_MONOTONIC);
    while (!enough(b, &row, bench_clock(CLOCK_MONOTONIC) - begun)) {
        struct bench_time start = bench_now();
        thread_for(across, batch, extract_image, &x);
        bench_add(&row, start);
    }
    row.bytes = bench_memory();
    bench_print(&row, &b->peak, b->bare);
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
    char what[96];
    snprintf(what, sizeof what, "%s/14 training, backbone, batch %d, drop %.1f", arch, (int)batch, rate);
    struct bench_row row = {.what = what, .unit = "images", .n = (double)batch};
    double global_ops = bench_vit_ops(&b->vit.config, 257), local_ops = bench_vit_ops(&b->vit.config, 50);
    row.ops = (double)n[0] * global_ops + 3 * (1 - rate) * ((double)n[0] * global_ops + (double)n[1] * local_ops);
    double parts[3] = {1e30, 1e30, 1e30};
    while (row.n_runs < (b->n_runs > 0 ? b->n_runs : RUNS)) {
        struct bench_time start = bench_now();
        training_step(&t);
        bench_add(&row, start);
        const double now[3] = {t.teacher_s, t.student_s, t.backward_s};
        for (int k = 0; k < 3; k++)
            parts[k] = now[k] < parts[k] ? now[k] : parts[k];
    }
    row.bytes = bench_memory();
    bench_print(&row, &b->peak, b->bare);
    if (!b->bare)
        printf("    teacher %.3f s, student forward %.3f s, backward %.3f s\n", parts[0], parts[1], parts[2]);
}

static void print_peaks(struct bench *b)
{
    printf("%d threads, %s, %s\n", b->n_workers, isa_name(isa_best()), gemm_library());
    for (int kind = 0; kind < PEAK_KINDS; kind++) {
        double gops = bench_peak(&b->peak, (enum peak_kind)kind);
        if (gops > 0)
            printf("%-32s %8.1f GOP/s in registers\n", peak_name((enum peak_kind)kind), gops);
        else
            printf("%-32s %8s not in this processor\n", peak_name((enum peak_kind)kind), "-");
    }
    printf("%-32s %8.1f GB/s, read and written\n", "copy in memory", peak_copy_gbytes(b->pool));
    bench_head();
}

static void print_precisions(void)
{
    struct fmt_error e = {0};
    for (int i = 0; i < PRECISION_COUNT; i++) {
        enum precision p = (enum precision)i;
        if (precision_choose(test_backend(), precision_name(p), &p, &e) == 0)
            printf("%s\n", precision_name(p));
    }
}

static const char *argument(int argc, char **argv, int i, const char *otherwise)
{
    return i < argc ? argv[i] : otherwise;
}

static int run(struct bench *b, int argc, char **argv)
{
    const char *what = argument(argc, argv, 0, "peak");
    const int size = atoi(argument(argc, argv, 2, "224")), batch = atoi(argument(argc, argv, 3, "8"));
    if (strcmp(what, "precisions") == 0)
        print_precisions();
    else if (strcmp(what, "peak") == 0)
        print_peaks(b);
    else if (strcmp(what, "extract") == 0 && size > 0 && size % 14 == 0 && batch > 0)
        extract(b, argument(argc, argv, 1, "vit_small"), size, batch);
    else if (strcmp(what, "train") == 0)
        train(b, argument(argc, argv, 1, "vit_small"), atoi(argument(argc, argv, 2, "4")),
              atof(argument(argc, argv, 3, "0.3")));
    else
        return 2;
    return 0;
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    struct fmt_error e = {0};
    const char *precision = "f32";
    int n_threads = 0;
    for (int option; (option = getopt(argc, argv, "+j:p:n:s:ct")) != -1;) {
        if (option == 'j')
            n_threads = atoi(optarg);
        else if (option == 'p')
            precision = optarg;
        else if (option == 'n')
            b.n_runs = atoi(optarg);
        else if (option == 's')
            b.seconds = atof(optarg);
        else if (option == 'c')
            b.cold = true;
        else if (option == 't')
            b.bare = true;
        else
            return 2;
    }
    if (precision_choose(test_backend(), precision, &b.precision, &e))
        fail(&e);
    b.pool = thread_open(n_threads, NULL);
    if (!b.pool)
        return 1;
    b.n_workers = thread_workers(b.pool);
    b.peak.pool = b.pool;
    int status = run(&b, argc - optind, argv + optind);
    thread_close(b.pool);
    return status;
}
