/* launcher.c - a table of launchers. A rank above 0 says the same as a world larger than 1. */
#include "launcher.h"

#include <inttypes.h>
#include <stdlib.h>

#include "num.h"

static const struct {
    const char *size, *rank, *one; /* one: a command that then starts one process */
} launchers[] = {
    {"WORLD_SIZE", "RANK", "torchrun --nproc_per_node=1"}, /* and what reads its variables */
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "srun -n 1"}, /* the tasks of this step */
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "mpirun -n 1"}, /* Open MPI */
    {"PMI_SIZE", "PMI_RANK", "mpiexec -n 1"}, /* MPICH and Intel MPI */
    {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", "mpirun -n 1"}, /* MVAPICH2 */
    {NULL, "PMIX_RANK", "prterun -n 1"}, /* Open MPI 5, srun --mpi=pmix */
    {"LOCAL_WORLD_SIZE", "LOCAL_RANK", "torchrun --nproc_per_node=1"},
};

static bool number(const char *name, int64_t *n)
{
    const char *text = name ? getenv(name) : NULL;
    return text && num_i64(text, n);
}

static int check(const char *name, int64_t most, const char *one, struct fmt_error *e)
{
    int64_t n;
    if (!number(name, &n) || n <= most)
        return 0;
    return fmt_fail(e, FMT_UNSUPPORTED,
                    "%s=%" PRId64 ": started as one of several processes, but each would do all the work: "
                    "start one (%s) and set its threads with -j, or unset %s if there is only one", name, n, one, name);
}

int launcher_check(struct fmt_error *e)
{
    int status = 0;
    int64_t n;
    bool size_known = false; /* a launcher says how many it has started */
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers && !status; i++) {
        status = check(launchers[i].size, 1, launchers[i].one, e);
        if (!status)
            status = check(launchers[i].rank, 0, launchers[i].one, e);
        size_known = size_known || number(launchers[i].size, &n);
    }
    /* The tasks of the job, which may all be of this one process: a batch script, for example, runs as one process. */
    return status || size_known ? status : check("SLURM_NTASKS", 1, "srun -n 1", e);
}
