/* test-world - one process changes nothing; parts of arrays; what rank and size do to the order of samples and to the
 * learning rate. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "op.h"
#include "schedule.h"
#include "tap.h"
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

static void test_learning_rate(void)
{
    struct config c;
    config_init(&c);
    config_set(&c, "optim.base_lr=0.004", NULL);
    config_set(&c, "train.batch_size_per_gpu=64", NULL);
    config_set(&c, "train.output_dir=run.{rank}", NULL);
    ok(config_finish(&c, 5, 16, NULL) == 0 && c.optim.lr == 0.004, "16 processes of 64 images: the rate of 1024");
    is_text(c.train.output_dir, "run.5", "{rank} is the rank");
    ok(schedules_from(&c, 16).lr.base == 0.004 && schedules_from(&c, 1).lr.base == 0.001, "so is the schedule's peak");
    config_release(&c);
}

int main(void)
{
    test_one();
    test_parts();
    test_learning_rate();
    return tap_done();
}
