/* test-world - one process changes nothing; parts of arrays; the order of sums; what rank and size do to the order of
 * samples and to the learning rate. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "op.h"
#include "rng.h"
#include "schedule.h"
#include "tap.h"
#include "world-tree.h"
#include "world.h"

static void test_one(void)
{
    struct fmt_error e = {0};
    double x[3] = {1, -2, 0.1};
    ok(world_single.rank == 0 && world_single.size == 1, "one process is rank 0 of 1");
    ok(world_all_reduce_host(&world_single, x, 3, WORLD_SUM, &e) == 0 && x[0] == 1 && x[1] == -2 && x[2] == 0.1,
       "a sum over one process is what is there");
    ok(world_barrier(&world_single, &e) == 0, "it waits for nobody");
}

/* Whatever size and length: the parts follow one another, begin at multiples of 16 and are the whole. */
static void test_parts(void)
{
    bool good = true;
    for (int size = 1; size <= 7; size++)
        for (int64_t n = 0; n < 200; n += 1 + n / 5) {
            int64_t end = 0;
            for (int rank = 0; rank < size; rank++) {
                struct world w = {.rank = rank, .size = size};
                struct world_part p = world_part(&w, n);
                good &= p.first == end && p.count >= 0 && (p.count == 0 || p.first % WORLD_PART_ALIGN == 0);
                end = p.first + p.count;
            }
            good &= end == n;
        }
    ok(good, "the parts of all ranks are the whole");
}

/* ---- the order of sums ---- */

/* Another way to the same tree: ranks come one after the other, and the newest two nodes are added as soon as they have
 * as many ranks; at the end what is left is added from the right. */
static double add_in_turn(const double *x, int n_ranks)
{
    double sum[16];
    int ranks[16], top = 0;
    for (int r = 0; r < n_ranks; r++) {
        sum[top] = x[r];
        ranks[top++] = 1;
        for (; top > 1 && ranks[top - 2] == ranks[top - 1]; top--) {
            sum[top - 2] += sum[top - 1];
            ranks[top - 2] *= 2;
        }
    }
    for (; top > 1; top--)
        sum[top - 2] += sum[top - 1];
    return sum[0];
}

enum { TREE_RANKS = 64, TREE_N = 1027 }; /* two blocks and three elements */

static void test_tree(void)
{
    static double x[TREE_RANKS][TREE_N], out[TREE_N];
    static float x32[TREE_RANKS][TREE_N], out32[TREE_N];
    const void *in[TREE_RANKS], *in32[TREE_RANKS];
    struct rng r = rng_stream(5, 0, 0, RNG_TEST);
    for (int k = 0; k < TREE_RANKS; k++) {
        in[k] = x[k];
        in32[k] = x32[k];
        for (int i = 0; i < TREE_N; i++)
            x32[k][i] = (float)(x[k][i] = rng_normal(&r) * exp(3 * rng_normal(&r)));
    }
    bool sums = true, largest = true;
    for (int n = 1; n <= TREE_RANKS; n++) {
        double column[TREE_RANKS], most;
        world_tree_reduce(out, in, n, DTYPE_F64, TREE_N, WORLD_SUM);
        for (int i = 0; i < TREE_N; i++) {
            for (int k = 0; k < n; k++)
                column[k] = x[k][i];
            sums &= out[i] == add_in_turn(column, n);
        }
        world_tree_reduce(out32, in32, n, DTYPE_F32, TREE_N, WORLD_MAX);
        for (int i = 0; i < TREE_N; i++) {
            most = (double)x32[0][i];
            for (int k = 1; k < n; k++)
                most = fmax(most, (double)x32[k][i]);
            largest &= (double)out32[i] == most;
        }
    }
    ok(sums, "sums of 1 to 64 ranks are those of the tree, bit for bit");
    ok(largest, "so is the largest of them");
    world_tree_reduce(out32, in32, 5, DTYPE_F32, TREE_N, WORLD_SUM);
    float by_hand = ((x32[0][TREE_N - 1] + x32[1][TREE_N - 1]) + (x32[2][TREE_N - 1] + x32[3][TREE_N - 1])) +
                    x32[4][TREE_N - 1];
    ok(out32[TREE_N - 1] == by_hand, "of 5 ranks in float32: ((0 + 1) + (2 + 3)) + 4");
    x32[2][7] = NAN;
    world_tree_reduce(out32, in32, 7, DTYPE_F32, TREE_N, WORLD_MAX);
    ok(isnan(out32[7]) && !isnan(out32[6]), "the largest of numbers with a NaN is NaN");
}

static void test_middle(void)
{
    is_int(world_tree_middle(0, 2), 1, "the node of two ranks is cut in the middle");
    is_int(world_tree_middle(0, 8), 4, "that of eight, too");
    is_int(world_tree_middle(4, 7), 6, "that of ranks 4 to 6 before 6");
    is_int(world_tree_middle(0, 9), 8, "that of nine before the last");
}

/* ---- one decision ---- */
static void test_agree(void)
{
    struct fmt_error e = {0};
    bool any;
    ok(world_agree(&world_single, 0, &e) == 0, "one process agrees with itself");
    fmt_fail(&e, FMT_INVALID, "no");
    ok(world_agree(&world_single, FMT_INVALID, &e) == FMT_INVALID && strcmp(e.text, "no") == 0,
       "and its failure has no number");
    ok(world_any(&world_single, true, &any, &e) == 0 && any && world_any(&world_single, false, &any, &e) == 0 && !any,
       "what holds there holds on any rank");
}

static void test_learning_rate(void)
{
    struct config c;
    config_init(&c);
    config_set(&c, "optim.base_lr=0.004", NULL);
    config_set(&c, "train.batch_size_per_gpu=64", NULL);
    config_set(&c, "train.output_dir=run.{rank}", NULL);
    ok(config_finish(&c, 5, 16, NULL) == 0 && c.optim.lr == 0.004, "16 processes of 64 images: the rate of 1024");
    is_text(c.train.output_dir, "run.5", "{rank} is the rank");
    is_int(c.train.ranks, 16, "there is a rank for each process");
    is_int(config_step_images(&c), 1024, "a step has the images of all");
    ok(schedules_from(&c, 16).lr.base == 0.004 && schedules_from(&c, 1).lr.base == 0.001, "so is the schedule's peak");
    config_release(&c);
    config_init(&c);
    config_set(&c, "optim.base_lr=0.004", NULL);
    config_set(&c, "train.ranks=4", NULL);
    ok(config_finish(&c, 0, 1, NULL) == 0 && c.optim.lr == 0.002, "train.ranks=4, of 64 images: the rate of 256");
    config_release(&c);
}

int main(void)
{
    test_one();
    test_parts();
    test_tree();
    test_middle();
    test_agree();
    test_learning_rate();
    return tap_done();
}
