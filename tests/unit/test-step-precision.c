/* Steps in bf16: losses and gradients beside those of float32, a batch in parts, memory, refusal. That threads and a
 * resume do not change their bits is in test-step.c. */
#include <stdlib.h>
#include <string.h>

#include "stepbed.h"

/* ---- beside float32 ---- */

/* Distance and cosine of the gradients of one row of the table. */
struct agreement {
    double distance, cosine;
    const char *of_distance, *of_cosine; /* the row that agrees worst */
};

static void add_row(struct agreement *a, const struct param *row, const float *x, const float *y)
{
    double distance = relative_distance(x + row->offset, y + row->offset, row->count);
    double angle = distance == 0 ? 1 : cosine(x + row->offset, y + row->offset, row->count);
    if (!(distance <= a->distance))
        a->distance = distance, a->of_distance = row->name;
    if (!(angle >= a->cosine))
        a->cosine = angle, a->of_cosine = row->name;
}

static struct agreement gradients_agree(struct bed *a, struct bed *b)
{
    struct agreement worst = {0, 1, "none", "none"};
    const struct params_array *gradients = step_gradients(b->step);
    float *x = bed_array(a, step_gradients(a->step)), *y = bed_array(b, gradients);
    for (int i = 0; i < gradients->table->n_rows; i++)
        add_row(&worst, &gradients->table->rows[i], x, y);
    free(x), free(y);
    return worst;
}

/* The rows of the table which agree worst: of a network of random weights on noise, with three blocks. */
static const double DISTANCE = 0.1, COSINE = 0.996, LOSS = 8e-3;

static void beside_float32(const char *what, const char *a, const char *b, const char *c)
{
    struct bed low = bed_open(2, a, b, c, ALL_BF16, NULL), wide = bed_open(2, a, b, c, NULL);
    struct step_result got = run(&low, 3), want = run(&wide, 3);
    double off = loss_distance(&got, &want);
    struct agreement g = gradients_agree(&low, &wide);
    ok(off < LOSS, "%s: losses (%.1e off)", what, off);
    ok(g.distance < DISTANCE, "%s: gradients, distance %.3f of their length at most (%s)", what, g.distance,
       g.of_distance);
    ok(g.cosine > COSINE, "%s: gradients, cosine %.5f at least (%s)", what, g.cosine, g.of_cosine);
    bed_close(&low), bed_close(&wide);
}

static void test_beside_float32(void)
{
    beside_float32("centering, drop path", "train.centering=centering", "student.drop_path_rate=0.4",
                   "dino.koleo_loss_weight=0.3");
    beside_float32("Sinkhorn, separate heads, KL", "train.centering=sinkhorn_knopp", "ibot.separate_head=true",
                   "dino.kl_loss_weight=0.5");
    beside_float32("SwiGLU, registers", "student.ffn_layer=swiglu", "student.num_register_tokens=2",
                   "dino.koleo_loss_weight=0");
    beside_float32("an FFN that is the identity", "student.ffn_layer=identity", "student.drop_path_rate=0.4",
                   "dino.koleo_loss_weight=0");
    beside_float32("no LayerScale, one layer in a head", "student.layerscale=0", "dino.head_nlayers=1",
                   "student.drop_path_rate=0.4");
}

/* Each part by itself changes the step, a little. */
static void test_each_part(void)
{
    static const char *const words[] = {PARAM_DTYPE("teacher.backbone"), PARAM_DTYPE("teacher.dino_head"),
                                        PARAM_DTYPE("student.backbone"), PARAM_DTYPE("student.dino_head")};
    struct bed wide = bed_open(2, NULL);
    struct step_result want = run(&wide, 3);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct bed low = bed_open(2, words[i], NULL);
        struct step_result got = run(&low, 3);
        double off = loss_distance(&got, &want);
        ok(off > 0 && off < LOSS, "%s: losses (%.1e off)", words[i], off);
        bed_close(&low);
    }
    bed_close(&wide);
}

/* Losses step for step, on one batch, with a teacher that stays as it is. */
#define LEARNS "train.centering=sinkhorn_knopp", "dino.koleo_loss_weight=0", "teacher.momentum_teacher=1"
static void test_learning(void)
{
    enum { STEPS = 40 };
    struct bed low = bed_open(2, LEARNS, ALL_BF16, NULL), wide = bed_open(2, LEARNS, NULL);
    double first = 0, last = 0, worst = 0;
    for (int64_t i = 0; i < STEPS; i++) {
        struct step_result got = run(&low, i), want = run(&wide, i);
        worst = worse(worst, fabs(got.total_loss - want.total_loss));
        first = i == 0 ? want.total_loss : first;
        last = want.total_loss;
    }
    ok(last < 0.9 * first && worst < 0.05 * (first - last),
       "%d steps: from %.3f to %.3f in float32, in bf16 never more than %.1e off", STEPS, first, last, worst);
    bed_close(&low), bed_close(&wide);
}

/* Sums over rows in another order, and what is rounded after them. */
static void test_parts(void)
{
    struct bed whole = bed_open(2, "student.drop_path_rate=0.4", "dino.kl_loss_weight=0.5", ALL_BF16, NULL);
    struct step_result want = run(&whole, 3);
    for (int m = 1; m <= 4; m += m == 1 ? 1 : 2) {
        char word[40];
        snprintf(word, sizeof word, "train.micro_batch_size=%d", m);
        struct bed parts = bed_open(2, "student.drop_path_rate=0.4", "dino.kl_loss_weight=0.5", word, ALL_BF16, NULL);
        struct step_result got = run(&parts, 3);
        struct agreement g = gradients_agree(&parts, &whole);
        ok(loss_distance(&got, &want) < 1e-5 && g.distance < 5e-3, "%d at once: losses %.1e off, gradients %.1e (%s)",
           m, loss_distance(&got, &want), g.distance, g.of_distance);
        bed_close(&parts);
    }
    bed_close(&whole);
}

/* ---- memory ---- */

/* What is planned for the most masked patches holds fewer, whatever their number. */
static void test_masks(void)
{
    static uint8_t some[2 * B * N];
    struct step_batch masked = batch;
    struct bed b = bed_open(2, "dino.head_hidden_dim=300", "ibot.mask_sample_probability=1", ALL_BF16, NULL);
    int n_run = 0;
    masked.masks = some;
    memset(some, 0, sizeof some);
    for (int i = 0; i < 119; i += 7) {
        struct step_result r;
        struct fmt_error e = {0};
        memset(some + i / N * N, 1, (size_t)(i % N)); /* crop after crop, at most nine in ten of its patches */
        n_run += run_batch(&b, &masked, i, &r, &e) == 0 && !r.bad;
        if (i % N > 12)
            memset(some + i / N * N + 12, 0, (size_t)(N - 12));
    }
    is_int(n_run, 17, "batches with 0 to 82 masked patches");
    bed_close(&b);
}

/* Activations of a deeper network are half of those in float32, or less: inputs of branches are not saved. */
static void test_plan(void)
{
    struct bed low = bed_open(1, "student.depth=24", ALL_BF16, NULL), wide = bed_open(1, "student.depth=24", NULL);
    struct step_plan a, b;
    struct fmt_error e = {0};
    ok(step_plan(&a, &low.config, &world_single, &low.device, &e) == 0 &&
           step_plan(&b, &wide.config, &world_single, &wide.device, &e) == 0,
       "plans %s", e.text);
    ok(a.activations < b.activations / 2, "activations: %.0f KiB instead of %.0f", (double)a.activations / 1024,
       (double)b.activations / 1024);
    bed_close(&low), bed_close(&wide);
}

/* ---- where it is refused ---- */

static bool supports_nothing(enum dtype dtype)
{
    (void)dtype;
    return false;
}

static void test_refused(void)
{
    struct backend old = *test_backend();
    struct config c;
    struct fmt_error e = {0};
    old.supports = supports_nothing;
    config_init(&c);
    ok(step_supported(&c, &old, &e) == 0, "float32 goes everywhere");
    ok(config_set(&c, PARAM_DTYPE("student.ibot_head"), &e) == 0 && step_supported(&c, &old, &e) == 0,
       "as does bf16 of a head that is not there");
    ok(config_set(&c, PARAM_DTYPE("student.dino_head"), &e) == 0, "a setting %s", e.text);
    is_int(step_supported(&c, &old, &e), FMT_UNSUPPORTED, "refused: %s", e.text);
    config_release(&c);
}

int main(void)
{
    draw_batch();
    test_refused();
    if (!test_backend()->supports(DTYPE_BF16)) {
        skip("this processor has no instructions for it", "steps in bf16");
        return tap_done();
    }
    test_beside_float32();
    test_each_part();
    test_learning();
    test_parts();
    test_masks();
    test_plan();
    return tap_done();
}
