/* world-mpi-none.c - a build without MPI, in the place of world-mpi.c: one process. */
#include "world-mpi.h"

const char *world_mpi_name(void)
{
    return NULL;
}

const char *world_mpi_packages(void)
{
    return "libopenmpi-dev openmpi-bin";
}

const char *const *world_mpi_local_options(void)
{
    static const char *const none[] = {NULL};
    return none;
}

int world_mpi_open(struct world *w, struct fmt_error *e)
{
    *w = world_single;
    return fmt_fail(e, FMT_UNSUPPORTED, "built without MPI: install %s and build again", world_mpi_packages());
}

int world_mpi_take_turns(struct world *w, int turns, struct fmt_error *e)
{
    (void)e;
    w->turns = turns;
    return 0;
}

void world_mpi_close(struct world *w)
{
    (void)w;
}

void world_mpi_abort(const struct world *w, int exit_status)
{
    (void)w, (void)exit_status;
}

bool world_mpi_any_thread(const struct world *w)
{
    (void)w;
    return false;
}
