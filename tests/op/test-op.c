/* test-op.c - every operation of ops.def: one list of cases (op-cases.h), each run at several numbers of rows, for
 *
 *   forward against the formula written down plainly in double        backward against finite differences
 *   outputs that are set, not added to, from NaN                      accumulated gradients from a value that is not 0
 *   the same bits with one thread and with three                      scratch exactly as planned
 *
 * Derivatives along random directions: (L(x + h d) - L(x - h d)) / 2h against the sum of dx d, L = sum of r y,
 * r random.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op-cases.h"
#include "tap.h"
#include "test-device.h"

/* Operations that have a test of their own. */
static const char elsewhere[] =
    " l2norm_fwd l2norm_bwd koleo effective_rank " /* test-rows.c */
    "prototype_fwd prototype_bwd prototype_cache_logits prototype_sinkhorn prototype_sinkhorn_columns "
    "prototype_sinkhorn_rescale prototype_sinkhorn_rows prototype_center prototype_collapse_sums prototype_collapse "
    "prototype_xent_fwd prototype_xent_bwd prototype_kl " /* test-prototypes.c */
    "update " /* test-update.c */
    "unit_rows nearest " /* test-nearest.c */
    "quantize pack_int8 " /* test-int8.c */
    "regression_objective regression_curvature regression_moments regression_gram regression_precondition "
    "regression_predict column_magnitudes scale_columns dot scale max_abs diagonal add_diagonal cholesky ";
    /* test-regression.c */

static void every_operation_has_a_case(void)
{
    static const char *const names[] = {
#define OP(name, params, args) #name,
#include "ops.def"
#undef OP
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char word[64];
        snprintf(word, sizeof word, " %s ", names[i]);
        bool found = strstr(elsewhere, word);
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
            found = found || strstr(cases[k].names, word);
        ok(found, "%s has a case", names[i]);
    }
}

/* ------------------------------------------------------------------ running a case */

static void open_run(const struct op_case *op, struct run *r, int64_t T, struct thread_pool *pool,
                     struct device_arena *scratch)
{
    *r = (struct run){.T = T, .c = {.backend = test_backend(), .pool = pool, .scratch = scratch}};
    op->shape(r);
    op->forward(r); /* planning: no memory yet */
    if (op->backward)
        op->backward(r);
    struct fmt_error e = {0};
    if (op_sync(&r->c, &e) || device_arena_init(scratch, test_backend(), scratch->high, &e)) {
        fprintf(stderr, "%s: %s\n", op->names, e.text);
        exit(1);
    }
    for (int i = 0; r->in[i].name; i++) {
        r->in[i].x = take(r->in[i].n, sizeof(float));
        r->in[i].d = take(r->in[i].n, sizeof(float));
        fill_random(r->in[i].x, r->in[i].n, (uint64_t)T, (uint64_t)i);
    }
    for (int i = 0; i < 3; i++)
        r->saved[i] = take(r->saved_n[i], sizeof(float));
    r->y = take(r->y_n, sizeof(float));
    r->dy = take(r->y_n, sizeof(float));
    r->rows = take(T, sizeof *r->rows);
    r->masks = take(TOK_B * T, 1);
}

static void close_run(struct run *r)
{
    for (int i = 0; r->in[i].name; i++) {
        free(r->in[i].x);
        free(r->in[i].d);
    }
    for (int i = 0; i < 3; i++)
        free(r->saved[i]);
    free(r->y);
    free(r->dy);
    free(r->rows);
    free(r->masks);
    device_arena_release(r->c.scratch);
}

static void forward(const struct op_case *op, struct run *r)
{
    for (int64_t i = 0; i < r->y_n; i++)
        r->y[i] = NAN; /* an output is set, whatever was there */
    op->forward(r);
}

static void backward(const struct op_case *op, struct run *r)
{
    fill_random(r->dy, r->y_n, (uint64_t)r->T, 100);
    for (int i = 0; r->in[i].name; i++)
        for (int64_t k = 0; k < r->in[i].n; k++)
            r->in[i].d[k] = r->in[i].accumulates ? ACCUMULATED : NAN;
    op->backward(r);
    for (int i = 0; r->in[i].name; i++)
        for (int64_t k = 0; k < r->in[i].n && r->in[i].accumulates; k++)
            r->in[i].d[k] -= ACCUMULATED;
}

static double weighted_sum(const struct op_case *op, struct run *r, const float *weights)
{
    double sum = 0;
    forward(op, r);
    for (int64_t i = 0; i < r->y_n; i++)
        sum += (double)weights[i] * (double)r->y[i];
    return sum;
}

/* Along direction d of operand i; d has the scale 1 and a random part of its entries is zero. */
static double difference(const struct op_case *op, struct run *r, int i, const float *d, const float *weights, float h)
{
    struct operand *in = &r->in[i];
    float *start = take(in->n, sizeof *start);
    double side[2];
    memcpy(start, in->x, (size_t)in->n * sizeof *start);
    for (int s = 0; s < 2; s++) {
        for (int64_t k = 0; k < in->n; k++)
            in->x[k] = start[k] + (s ? -h : h) * d[k];
        side[s] = weighted_sum(op, r, weights);
    }
    memcpy(in->x, start, (size_t)in->n * sizeof *start);
    free(start);
    return (side[0] - side[1]) / (2 * (double)h);
}

static void check_derivatives(const struct op_case *op, struct run *r)
{
    float *weights = take(r->y_n, sizeof *weights);
    forward(op, r);
    backward(op, r);
    fill_random(weights, r->y_n, (uint64_t)r->T, 100); /* dy as backward had it */
    for (int i = 0; r->in[i].name; i++) {
        float *d = take(r->in[i].n, sizeof *d);
        double worst = 0;
        for (int k = 0; k < DIRECTIONS; k++) {
            double analytic = 0, scale = 0;
            fill_random(d, r->in[i].n, (uint64_t)k, 200 + (uint64_t)i);
            for (int64_t j = 0; j < r->in[i].n; j++) {
                if (k > 0 && j % (1 << 2 * k) != k - 1)
                    d[j] = 0;
                analytic += (double)r->in[i].d[j] * (double)d[j];
                scale += fabs((double)r->in[i].d[j] * (double)d[j]);
            }
            double error = fabs(difference(op, r, i, d, weights, 4e-3f) - analytic) / (sqrt(scale) + 1e-3 * scale + 1);
            worst = error > worst || isnan(error) ? error : worst;
        }
        ok(worst < 4e-3, "%s T %d: derivative by %s # %.1e", op->names, (int)r->T, r->in[i].name, worst);
        free(d);
    }
    free(weights);
}

static void check_value(const struct op_case *op, struct run *r)
{
    double *expected = take(r->y_n, sizeof *expected);
    float *rounded = take(r->y_n, sizeof *rounded);
    forward(op, r);
    op->plain(r, expected);
    for (int64_t i = 0; i < r->y_n; i++)
        rounded[i] = (float)expected[i];
    is_close(r->y, rounded, r->y_n, 4e-6, 4e-6, "%s T %d: value", op->names, (int)r->T);
    free(expected);
    free(rounded);
}

static bool same_bits(const float *a, const float *b, int64_t n)
{
    return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

/* One thread against three. */
static void check_threads(const struct op_case *op, int64_t T, struct thread_pool *pool)
{
    struct run one, three;
    struct device_arena scratch[2] = {{0}, {0}};
    open_run(op, &one, T, NULL, &scratch[0]);
    open_run(op, &three, T, pool, &scratch[1]);
    forward(op, &one);
    forward(op, &three);
    bool same = same_bits(one.y, three.y, one.y_n);
    if (op->backward) {
        backward(op, &one);
        backward(op, &three);
        for (int i = 0; one.in[i].name; i++)
            same = same && same_bits(one.in[i].d, three.in[i].d, one.in[i].n);
    }
    ok(same, "%s T %d: the same bits with three threads", op->names, (int)T);
    ok(op_sync(&three.c, NULL) == 0, "%s T %d: no error", op->names, (int)T);
    close_run(&one);
    close_run(&three);
}

/* ------------------------------------------------------------------ wrong shapes */

static void wrong_shapes_are_named(void)
{
    struct device_arena scratch = {0};
    struct op_ctx c = {.backend = test_backend(), .scratch = &scratch};
    struct fmt_error e = {0};
    float y[6] = {0}, x[6] = {0}, w[6] = {0};
    device_arena_init(&scratch, test_backend(), 4096, NULL);
    ON_DEVICE(&c, op_linear_fwd(&c, COPY(y, 2, 2), COPY(x, 2, 3), COPY(w, 2, 2), TENSOR_NONE);
              op_gelu_fwd(&c, COPY(y, 2), COPY(x, 2))); /* after an error nothing is done */
    ok(op_sync(&c, &e) == FMT_MISMATCH, "a wrong shape is an error");
    is_text(e.text, "linear_fwd: w is F32 [2,2], not F32 [2,3]", "which says what is wrong");
    ok(op_sync(&c, NULL) == 0, "and is reported once");
    ON_DEVICE(&c, op_gelu_fwd(&c, COPY((float *)NULL, 2), COPY(x, 2)));
    ok(op_sync(&c, NULL) == FMT_MISMATCH, "so is an operand without memory");
    device_arena_release(&scratch);
}

int main(void)
{
    static const int64_t rows[] = {1, 2, 31, 257, 1100};
    struct thread_pool *pool = thread_open(3, NULL);
    every_operation_has_a_case();
    wrong_shapes_are_named();
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            struct run r;
            struct device_arena scratch = {0};
            open_run(&cases[k], &r, rows[i], NULL, &scratch);
            check_value(&cases[k], &r);
            if (cases[k].backward)
                check_derivatives(&cases[k], &r);
            close_run(&r);
            check_threads(&cases[k], rows[i], pool);
        }
    thread_close(pool);
    return tap_done();
}
