/* launcher.c - a table of launchers. A rank above 0 says the same as a world larger than 1. A variable that is empty
 * counts as one that is not set. */
#include "launcher.h"

#include <inttypes.h>
#include <stdlib.h>

#include "num.h"

static const struct {
    const char *size, *rank;
    const char *one; /* a command that then starts one process */
    /* STEP: of Slurm, whose variables may be those of mpirun's helpers. LOCAL: counts the processes of this host. */
    enum { ALONE, LOCAL, BY_MPI, STEP } kind;
} launchers[] = {
    {"WORLD_SIZE", "RANK", "torchrun --nproc_per_node=1", ALONE}, /* and what reads its variables */
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "srun -n 1", STEP}, /* the tasks of this step */
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "mpirun -n 1", BY_MPI}, /* Open MPI */
    {"PMI_SIZE", "PMI_RANK", "mpiexec -n 1", BY_MPI}, /* MPICH and Intel MPI */
    {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", "mpirun -n 1", BY_MPI}, /* MVAPICH2 */
    {NULL, "PMIX_RANK", "prterun -n 1", BY_MPI}, /* Open MPI 5, srun --mpi=pmix */
    {"LOCAL_WORLD_SIZE", "LOCAL_RANK", "torchrun --nproc_per_node=1", LOCAL},
};
enum { LAUNCHERS = sizeof launchers / sizeof *launchers };
static const char job_size[] = "SLURM_NTASKS"; /* the tasks of a job, which may all be of one process */

static const char *text_of(const char *name)
{
    const char *text = name ? getenv(name) : NULL;
    return text && *text ? text : NULL;
}

static bool number(const char *name, int64_t *n)
{
    const char *text = text_of(name);
    return text && num_i64(text, n);
}

/* A size is at least 1, a rank at least 0. */
static int check_number(const char *name, int64_t least, const char *command, struct fmt_error *e)
{
    const char *text = text_of(name);
    int64_t n;
    if (!text || (num_i64(text, &n) && n >= least))
        return 0;
    return fmt_fail(e, FMT_INVALID, "%s=%.40s: is no %s: %s, or unset %s if there is only one process", name, text,
                    least ? "number of processes" : "rank", command, name);
}

static int check_numbers(const char *command, struct fmt_error *e)
{
    int status = check_number(job_size, 1, command, e);
    for (int i = 0; i < LAUNCHERS && !status; i++) {
        status = check_number(launchers[i].size, 1, command, e);
        if (!status)
            status = check_number(launchers[i].rank, 0, command, e);
    }
    return status;
}

/* What processes of torch find each other by, where nothing says how many there are. */
static int check_address(const char *command, struct fmt_error *e)
{
    int64_t n;
    bool counted = !text_of("MASTER_ADDR") || number(job_size, &n);
    for (int i = 0; i < LAUNCHERS && !counted; i++)
        counted = number(launchers[i].size, &n) || number(launchers[i].rank, &n);
    return counted ? 0
                   : fmt_fail(e, FMT_INVALID,
                              "MASTER_ADDR=%.40s: does not say how many processes there are, and they find each "
                              "other by MPI: %s, or unset MASTER_ADDR if there is only one process",
                              text_of("MASTER_ADDR"), command);
}

static bool knows_mpi(int i)
{
    return launchers[i].kind == BY_MPI || launchers[i].kind == STEP;
}

static bool says_several(int i, struct launch *l)
{
    *l = (struct launch){launchers[i].size, 0, knows_mpi(i)};
    if (number(l->name, &l->value) && l->value > 1)
        return true;
    l->name = launchers[i].rank;
    return number(l->name, &l->value) && l->value > 0;
}

/* *command: one that starts one process. */
static struct launch find(bool mpi, const char **command)
{
    struct launch l;
    for (int i = 0; i < LAUNCHERS; i++)
        if ((knows_mpi(i) || !mpi) && says_several(i, &l)) {
            *command = launchers[i].one;
            return l;
        }
    return (struct launch){.name = NULL};
}

/* A batch script, for example, runs as one process. */
static struct launch find_job(void)
{
    struct launch l = {.name = job_size};
    int64_t n;
    for (int i = 0; i < LAUNCHERS; i++)
        if (number(launchers[i].size, &n)) /* a launcher says how many it has started */
            return (struct launch){.name = NULL};
    return number(l.name, &l.value) && l.value > 1 ? l : (struct launch){.name = NULL};
}

bool launcher_follows(void)
{
    int64_t rank;
    for (int i = 0; i < LAUNCHERS; i++)
        if (number(launchers[i].rank, &rank) && rank > 0)
            return true;
    return false;
}

bool launcher_silent(const struct launch *l)
{
    bool step = false, told = false;
    for (int i = 0; i < LAUNCHERS; i++) {
        step |= launchers[i].kind == STEP && (l->name == launchers[i].size || l->name == launchers[i].rank);
        told |= launchers[i].kind == BY_MPI && (text_of(launchers[i].size) || text_of(launchers[i].rank));
    }
    return step && !told;
}

bool launcher_leaves(const struct launch *l, int64_t n)
{
    return !l->name || (l->name == job_size && l->value == n);
}

int launcher_check(struct fmt_error *e)
{
    const char *one = "srun -n 1";
    struct launch l = find(false, &one);
    if (!l.name)
        l = find_job();
    if (!l.name)
        return check_numbers("start one", e);
    return fmt_fail(e, FMT_UNSUPPORTED,
                    "%s=%" PRId64 ": started as one of several processes, but each would do all the work: "
                    "start one (%s) and set its threads with -j, or unset %s if there is only one", l.name, l.value,
                    one, l.name);
}

int launcher_find(struct launch *l, const char *command, struct fmt_error *e)
{
    const char *one;
    *l = find(true, &one);
    if (!l->name)
        *l = find(false, &one);
    if (!l->name)
        *l = find_job();
    int status = check_numbers(command, e);
    return status ? status : check_address(command, e);
}

static int fail(const char *name, int64_t value, int rank, int size, const char *mpi_name, struct fmt_error *e)
{
    return fmt_fail(e, FMT_MISMATCH,
                    "%s=%" PRId64 ", but for %s this is rank %d of %d: start them by its own mpirun, by srun with "
                    "--mpi=pmix, or by --ranks", name, value, mpi_name, rank, size);
}

/* A process that MPI finds alone sets variables of its own. */
int launcher_compare(const struct launch *l, int rank, int size, const char *mpi_name, struct fmt_error *e)
{
    if (size == 1)
        return fail(l->name, l->value, rank, size, mpi_name, e);
    for (int i = 0; i < LAUNCHERS; i++) {
        int64_t n;
        if (launchers[i].kind == STEP || launchers[i].kind == LOCAL)
            continue;
        if (number(launchers[i].size, &n) && n != size)
            return fail(launchers[i].size, n, rank, size, mpi_name, e);
        if (number(launchers[i].rank, &n) && n != rank)
            return fail(launchers[i].rank, n, rank, size, mpi_name, e);
    }
    return 0;
}
