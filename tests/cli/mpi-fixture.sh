# mpi-fixture.sh - for tests that start several processes: whether that can be done here, and how.
# mpirun_n N COMMAND...: N processes on this machine, whatever it has; at most two minutes.
mpi_missing() { # prints why; fails if nothing is missing
    [ -s "$BUILD/.mpi" ] && [ -n "$(cat "$BUILD/.mpi")" ] || { echo 'built without MPI'; return; }
    [ "$(basename "$BUILD")" != build-thread ] || { echo 'MPI is not made for the thread sanitizer'; return; }
    command -v mpirun >/dev/null 2>&1 || { echo 'no mpirun'; return; }
    mpirun_n 1 true >/dev/null 2>&1 || { echo 'mpirun does not start'; return; }
    return 1
}
# Open MPI refuses more processes than cores, and asks root for two more; MPICH needs nothing.
export OMPI_MCA_rmaps_base_oversubscribe=1
[ "$(id -u)" != 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpirun_n() {
    local n=$1 options=
    shift
    case $(cat "$BUILD/.mpi") in openmpi*) options='--bind-to none --quiet' ;; esac
    timeout -k 5 120 mpirun $options -n "$n" "$@"
}
# MPI keeps memory until the end, of modules that have no name by then. Of a report of leaks only what our own sources
# have allocated counts.
export LSAN_OPTIONS=exitcode=0
no_leaks() { ! grep -E '^ +#1 .* (kernels|common|formats|tools|tests)/[^ ]*\.[ch]:' "$1"; }
several_processes() { # what: a test of nothing else ends here where it cannot be done
    local why
    why=$(mpi_missing) || return 0
    skip "$why" "$1"
    done_testing
}
resumable() { # status: MPICH's mpiexec loses the status of its processes now and then
    case $1/$(cat "$BUILD/.mpi") in 75/*|0/mpich*) return 0 ;; esac
    echo "status $1"
    return 1
}
wait_for() { # file: until it is there
    for _ in $(seq 1000); do [ -s "$1" ] && return; sleep 0.02; done
    return 1
}
