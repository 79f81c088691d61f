/* test-rank-check - processes of MPI compare their states, before and after steps; then one bit of the last one's is
 * another: all of them name it. tests/unit/test-rank-check has more cases, of threads. */
#include "mpitest.h"
#include "rank-check.h"
#include "stepbed.h"

static void flip_bit(struct bed *b, const char *name)
{
    struct params_array teacher = *step_teacher(b->step);
    struct tensor t = params_tensor(&teacher, params_find(teacher.table, name));
    union {
        float value;
        uint32_t bits;
    } first;
    op_copy_out(step_context(b->step), &first, tensor_rows(t, 0, 1));
    first.bits ^= 1;
    op_copy_in(step_context(b->step), tensor_rows(t, 0, 1), &first);
}

int main(void)
{
    struct world w = mpitest_open();
    struct fmt_error e = {0};
    struct rank_check *check = NULL;
    char want[120];
    draw_batch();
    struct bed b = bed_open_in(&w, 1, SHARDING("NO_SHARD"), NULL);
    struct run_state state = {.config = &b.config};
    ok(rank_check_settings(&w, &b.config, &e) == 0 && rank_check_open(&check, &w, b.device.pool, b.step, &e) == 0,
       "settings: %s", e.text);
    ok(rank_check_run(check, b.step, &state, &e) == 0, "weights: %s", e.text);
    run(&b, 0);
    run(&b, 1);
    ok(rank_check_run(check, b.step, &state, &e) == 0, "state after two steps: %s", e.text);
    if (w.rank == w.size - 1)
        flip_bit(&b, "backbone.norm.weight");
    ok(rank_check_run(check, b.step, &state, &e) == FMT_MISMATCH, "a bit that is another one is found");
    snprintf(want, sizeof want, "rank %d differs from %s in teacher.backbone.norm.weight", w.size - 1,
             w.size > 2 ? "the other ranks" : "rank 0");
    is_text(e.text, want, "and its rank is named on all");
    rank_check_close(check);
    bed_close(&b);
    return mpitest_done(&w);
}
