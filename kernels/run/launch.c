/* launch.c - a table of launchers. A rank above 0 says the same as a world larger than 1. */
#include "run/launch.h"

#include <inttypes.h>
#include <stdlib.h>

#include "num.h"

static const struct {
    const char *size, *rank;
} launchers[] = {
    {"WORLD_SIZE", "RANK"}, /* torchrun, and what reads its variables */
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}, /* srun: the tasks of this step */
    {"SLURM_NTASKS", NULL}, /* the tasks of the job; srun sets it to those of the step */
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"}, /* mpirun of Open MPI */
    {"PMI_SIZE", "PMI_RANK"}, /* mpiexec of MPICH and Intel MPI */
    {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"}, /* MVAPICH2 */
    {NULL, "PMIX_RANK"}, /* prterun of Open MPI 5, srun --mpi=pmix */
    {"LOCAL_WORLD_SIZE", "LOCAL_RANK"},
};

static int check(const char *name, int64_t most, struct fmt_error *e)
{
    const char *text = name ? getenv(name) : NULL;
    int64_t n;
    if (!text || !num_i64(text, &n) || n <= most)
        return 0;
    return fmt_fail(e, FMT_UNSUPPORTED,
                    "%s=%" PRId64 ": one of several processes; a run is trained by one, whose threads -j sets: start "
                    "one (torchrun --nproc_per_node=1, srun --ntasks=1, mpirun -n 1), or unset %s where only one is",
                    name, n, name);
}

int launch_check(struct fmt_error *e)
{
    int status = 0;
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers && !status; i++) {
        status = check(launchers[i].size, 1, e);
        if (!status)
            status = check(launchers[i].rank, 0, e);
    }
    return status;
}
