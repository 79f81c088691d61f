/* test-step-golden - training steps of 2, 3 and 4 ranks among processes of MPI, against the published code: the files
 * whose ranks the processes can share evenly. */
#include "golden-ranks.h"
#include "mpitest.h"

static void test_file(struct world *w, const struct golden_ranks_file *file, bool full)
{
    struct fmt_error e = {0};
    if (!ok(world_mpi_take_turns(w, file->n_ranks / w->size, &e) == 0, "%d turns: %s", w->turns, e.text))
        return;
    struct golden_ranks p = {.path = file->path, .world = *w, .full = full};
    golden_ranks_run(&p);
    golden_ranks_check(&p);
}

int main(void)
{
    struct world w = mpitest_open();
    for (int i = 0; i < GOLDEN_RANKS_FILES; i++) {
        if (golden_ranks_files[i].n_ranks % w.size)
            continue;
        test_file(&w, &golden_ranks_files[i], false);
        if (w.size > 1)
            test_file(&w, &golden_ranks_files[i], true);
    }
    return mpitest_done(&w);
}
