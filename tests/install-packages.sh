#!/bin/bash
# Checks for the packages that the build needs. Prints the one command that installs the missing ones, and runs it if it
# may (as root, or by sudo without a password, with apt-get). Called by make; DEPS=0 disables it. MPI is asked for too,
# unless MPI=0, but nothing fails without it. `install-packages.sh cluster`, as root: what check-cluster needs besides,
# without which its tests are skipped.
set -u
probe() { # header library [what must compile]
    printf '#include <stddef.h>\n#include <stdio.h>\n#include <%s>\nint main(void){return 0;}\n' "$1" |
        ${CC:-cc} ${flags[@]+"${flags[@]}"} -x c - -o /dev/null "$2" 2>/dev/null
}
flags=()
if [ -n "${DEPS_PREFIX:-}" ]; then
    arch=$(${CC:-cc} -print-multiarch 2>/dev/null)
    flags=(-isystem "$DEPS_PREFIX/usr/include" -isystem "$DEPS_PREFIX/usr/include/$arch"
           -L"$DEPS_PREFIX/usr/lib/$arch" -L"$DEPS_PREFIX/usr/lib" -Wl,-rpath-link,"$DEPS_PREFIX/usr/lib/$arch")
fi
missing_packages() {
    command -v ${CC:-cc} >/dev/null 2>&1 || echo gcc libc6-dev
    probe jpeglib.h -ljpeg || echo libjpeg-dev
    probe png.h -lpng && probe zlib.h -lz || echo libpng-dev
    probe tiffio.h -ltiff || echo libtiff-dev
    probe zstd.h -lzstd || echo libzstd-dev
    probe cjson/cJSON.h -lcjson || echo libcjson-dev
    probe yaml.h -lyaml || echo libyaml-dev
    probe oneapi/dnnl/dnnl.h -ldnnl || echo libdnnl-dev
    command -v zstd >/dev/null 2>&1 || echo zstd # tests look into files with it
    command -v man >/dev/null 2>&1 || command -v groff >/dev/null 2>&1 || command -v mandoc >/dev/null 2>&1 || echo groff
}
optional_packages() {
    [ "${MPI:-1}" = 0 ] || [ -n "${DEPS_PREFIX:-}" ] || [ -n "$(CC="${CC:-cc}" "$(dirname "$0")/find-mpi.sh")" ] ||
        echo libopenmpi-dev openmpi-bin # training by several processes
}
cluster_packages() { # a command of each
    local pair
    for pair in ip:iproute2 munged:munge slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client mpirun:openmpi-bin; do
        command -v "${pair%:*}" >/dev/null 2>&1 || echo "${pair#*:}"
    done
}
if [ "${1:-}" = cluster ]; then
    packages=$(cluster_packages | tr '\n' ' ')
    [ -n "$packages" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || exit 0
    echo "Tests of several machines need packages that are not here. They are installed by:"
    echo "    apt-get install -y --no-install-recommends $packages"
    export DEBIAN_FRONTEND=noninteractive
    . "$(dirname "$0")/apt.sh"
    apt install -y --no-install-recommends $packages ||
        { apt update && apt install -y --no-install-recommends $packages; } || echo "They cannot be installed." >&2
    exit 0
fi
may_install() { command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; }
# The result of one check is valid as long as the mark in the build folder is newer than this script.
mark=${B:-build}/.deps
[ -z "${DEPS_PREFIX:-}" ] && [ -e "$mark" ] && [ "$mark" -nt "$0" ] && exit 0
packages=$(missing_packages | tr '\n' ' ')
optional=$(optional_packages)
if [ -n "${packages// }" ] && [ -n "${DEPS_PREFIX:-}" ]; then
    echo "dinotools needs what these packages bring, in $DEPS_PREFIX or on this machine: $packages" >&2
    exit 1
fi
if [ -z "${packages// }" ] && [ -n "$optional" ] && ! may_install; then
    echo "MPI is not here: a training run will be one process. It is installed by:"
    echo "    sudo apt-get install -y --no-install-recommends $optional"
elif [ -n "${packages// }$optional" ]; then
    command="install -y --no-install-recommends $packages$optional"
    echo "dinotools needs packages that are not here. They are installed by:"
    echo "    sudo apt-get $command"
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "This is no Debian or Ubuntu: install them by their names here, then make DEPS=0." >&2
        exit 1
    fi
    if [ "$(id -u)" = 0 ]; then sudo=
    elif sudo -n true 2>/dev/null; then sudo=sudo
    else
        echo "Run it and call make again." >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    . "$(dirname "$0")/apt.sh"
    apt $command || { apt update && apt $command; } || [ -z "${packages// }" ] || exit 1
    packages=$(missing_packages | tr '\n' ' ')
    [ -z "${packages// }" ] || { echo "still missing after the installation: $packages" >&2; exit 1; }
fi
mkdir -p "$(dirname "$mark")" && : >"$mark"
