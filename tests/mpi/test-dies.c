/* test-dies - a rank that cannot go on ends all, although the others wait for it. */
#include "mpitest.h"

int main(void)
{
    struct fmt_error e = {0};
    struct world w = mpitest_open();
    if (w.rank == 1) {
        fprintf(stderr, "rank 1 ends\n");
        world_mpi_abort(&w, 1);
    }
    int status = world_barrier(&w, &e);
    printf("rank %d: the others came: %d %s\n", w.rank, status, e.text);
    world_mpi_close(&w);
    return 0;
}
