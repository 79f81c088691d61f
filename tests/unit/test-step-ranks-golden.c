/* Training steps of 2, 3 and 4 ranks against the published code, for every number of processes that shares them evenly.
 * Processes are threads here; tests/mpi/test-step-golden has real ones. */
#include <pthread.h>

#include "golden-ranks.h"
#include "world-threads.h"

static void *process(void *p)
{
    golden_ranks_run(p);
    return NULL;
}

/* given: what all processes have in common. */
static void test_processes(struct golden_ranks given, int n_ranks, int size)
{
    struct golden_ranks p[GOLDEN_RANKS_MAX];
    struct world_threads shared;
    pthread_t thread[GOLDEN_RANKS_MAX];
    world_threads_open(&shared, size);
    for (int i = 0; i < size; i++) {
        p[i] = given;
        p[i].world = size == 1 ? world_single : world_threads_rank(&shared, i);
        p[i].world.turns = n_ranks / size;
        if (pthread_create(&thread[i], NULL, process, &p[i]))
            abort();
    }
    for (int i = 0; i < size; i++) {
        pthread_join(thread[i], NULL);
        golden_ranks_check(&p[i]);
    }
    world_threads_close(&shared);
}

int main(void)
{
    for (int i = 0; i < GOLDEN_RANKS_FILES; i++)
        for (int size = 1; size <= golden_ranks_files[i].n_ranks; size++) {
            struct golden_ranks given = {.path = golden_ranks_files[i].path};
            int n_ranks = golden_ranks_files[i].n_ranks;
            if (n_ranks % size)
                continue;
            test_processes(given, n_ranks, size);
            if (size > 1)
                given.full = true;
            else
                given.micro = 2;
            test_processes(given, n_ranks, size);
        }
    return tap_done();
}
