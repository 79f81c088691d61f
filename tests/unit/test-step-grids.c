/* A step whose stored grid of positions is not that of the crops. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask.h"
#include "stepbed.h"

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

int main(void)
{
    draw_batch();
    test_stored_grids();
    return tap_done();
}
