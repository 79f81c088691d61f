/* The sweep of the optimizer: AdamW and SGD against their formulas in double; what is left as it is; every
 * instruction set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "update-loops.h"
#include "opbed.h"
#include "update.h"

static void plain_adamw(double *p, double *m, double *v, double g, double lr, double wd, double t)
{
    *p *= 1 - lr * wd;
    *m = 0.9 * *m + 0.1 * g;
    *v = 0.999 * *v + 0.001 * g * g;
    *p -= lr * (*m / (1 - pow(0.9, t))) / (sqrt(*v / (1 - pow(0.999, t))) + 1e-8);
}

static void test_update(enum update_rule rule)
{
    enum { N = 70000 };
    float *p = noise(N, 1), *m = zeros_f32(N), *v = zeros_f32(N), *t = noise(N, 1), *start = malloc(N * sizeof *start);
    double *pd = zeros_f64(N), *md = zeros_f64(N), *vd = zeros_f64(N), *td = zeros_f64(N), worst = 0;
    for (int i = 0; i < N; i++)
        pd[i] = (double)p[i], td[i] = (double)t[i];
    memcpy(start, p, N * sizeof *start);
    for (int step = 1; step <= 3; step++) {
        float *g = noise(N, 0.01);
        struct update_range r[2] = {
            {0, 40000, 0, 1e-2, 0.1, 0.5, 1 - pow(0.9, step), 1 - pow(0.999, step)},
            {40000, N - 40000 - 10, 40000, step == 1 ? 0 : 1e-3, 0, 1, 1 - pow(0.9, step), 1 - pow(0.999, step)}};
        struct update u = {.rule = rule,
                           .ranges = r,
                           .n_ranges = 2,
                           .teacher_momentum = 0.9,
                           .beta1 = 0.9,
                           .beta2 = 0.999,
                           .eps = 1e-8};
        ON_DEVICE(&ctx, u.student = COPY(p, N); u.m = COPY(m, N); u.v = COPY(v, N); u.grad = COPY(g, N);
                  u.teacher = COPY(t, N); op_update(&ctx, &u));
        for (int i = 0; i < N - 10; i++) {
            const struct update_range *q = &r[i >= 40000];
            double d = (double)g[i] * q->clip;
            if (rule == UPDATE_ADAMW)
                plain_adamw(&pd[i], &md[i], &vd[i], d, q->lr, q->weight_decay, step);
            else
                md[i] = 0.9 * md[i] + d + q->weight_decay * pd[i], pd[i] -= q->lr * md[i];
            td[i] = 0.9 * td[i] + 0.1 * pd[i];
        }
        if (step == 1)
            ok(memcmp(p + 40000, start + 40000, (N - 40000) * sizeof *p) == 0 && m[40001] != 0,
               "a rate of 0 leaves weights bit for bit and moments run");
        free(g);
    }
    for (int i = 0; i < N - 10; i++) {
        worst = worse(worst, fabs((double)p[i] - pd[i]));
        worst = worse(worst, fabs((double)t[i] - td[i]));
    }
    ok(worst < 2e-6, "three steps of %s: largest difference %.2g", rule == UPDATE_ADAMW ? "AdamW" : "SGD", worst);
    ok(memcmp(p + N - 10, start + N - 10, 10 * sizeof *p) == 0, "what is in no range is left as it is");
    clean("update");
    free(p), free(m), free(v), free(t), free(start), free(pd), free(md), free(vd), free(td);
}

/* A teacher with a layout of its own: it follows where it has the parameters, and the student does not notice. */
static void test_other_teacher(enum update_rule rule)
{
    enum { N = 100, COMMON = 40, FIRST = 20, N_TEACHER = 70 };
    float *g = noise(N, 1), *p[2], *m[2], *v[2], *t[2] = {noise(N, 1), zeros_f32(N_TEACHER)};
    memcpy(t[1] + FIRST, t[0], COMMON * sizeof(float));
    for (int i = 0; i < 2; i++) {
        struct update_range r[2] = {{0, COMMON, i ? FIRST : 0, 1e-2, 0.1, 0.5, 0.1, 0.001},
                                    {COMMON, N - COMMON, i ? -1 : COMMON, 1e-2, 0.1, 0.5, 0.1, 0.001}};
        p[i] = zeros_f32(N), m[i] = zeros_f32(N), v[i] = zeros_f32(N);
        struct update u = {.rule = rule, .ranges = r, .n_ranges = 2, .teacher_momentum = 0.9, .beta1 = 0.9,
                           .beta2 = 0.999, .eps = 1e-8};
        ON_DEVICE(&ctx, u.student = COPY(p[i], N); u.m = COPY(m[i], N); u.v = COPY(v[i], N); u.grad = COPY(g, N);
                  u.teacher = COPY(t[i], i ? N_TEACHER : N); op_update(&ctx, &u));
    }
    ok(!memcmp(p[0], p[1], N * sizeof(float)) && !memcmp(m[0], m[1], N * sizeof(float)) && p[0][0] != 0 &&
           !memcmp(t[0], t[1] + FIRST, COMMON * sizeof(float)),
       "a teacher of another layout follows where it has the parameters");
    bool still = true;
    for (int i = 0; i < N_TEACHER; i++)
        still = still && ((i >= FIRST && i < FIRST + COMMON) || t[1][i] == 0);
    ok(still, "and nowhere else");
    clean("update");
    for (int i = 0; i < 2; i++)
        free(p[i]), free(m[i]), free(v[i]), free(t[i]);
    free(g);
}

/* ---- instruction sets ---- */

#if defined(__x86_64__)
extern const struct update_loops update_loops_base, update_loops_avx2, update_loops_avx512;

static void compare_sets(const struct update_loops *a, const struct update_loops *b, const char *name)
{
    enum { N = 1001 };
    float *g = noise(N, 3), *p[2] = {noise(N, 1), zeros_f32(N)}, *m[2] = {noise(N, 1), zeros_f32(N)};
    memcpy(p[1], p[0], N * sizeof(float)), memcpy(m[1], m[0], N * sizeof(float));
    for (int s = 0; s < 2; s++) {
        float *v = zeros_f32(N), *t = zeros_f32(N);
        struct update u = {.teacher_momentum = 0.9, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
        struct update_arrays arrays = {.student = p[s], .m = m[s], .v = v, .grad = g, .teacher = t};
        struct update_range r = {0, N, 0, 1e-2, 0.1, 0.7, 0.1, 0.001};
        (s ? b : a)->adamw(&u, &arrays, &r, 0, N);
        (s ? b : a)->sgd(&u, &arrays, &r, 0, N);
        free(v), free(t);
    }
    ok(!memcmp(p[0], p[1], N * sizeof(float)) && !memcmp(m[0], m[1], N * sizeof(float)),
       "update: %s gives the bits of the base", name);
    for (int s = 0; s < 2; s++)
        free(p[s]), free(m[s]);
    free(g);
}
#endif

int main(void)
{
    if (bed_open())
        return 1;
    test_update(UPDATE_ADAMW);
    test_update(UPDATE_SGD);
    test_other_teacher(UPDATE_ADAMW);
    test_other_teacher(UPDATE_SGD);
    BED_COMPARE_SETS(update_loops, "update");
    return bed_close();
}
