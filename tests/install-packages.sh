#!/bin/bash
# Checks for the packages that the build needs. Prints the one command that installs the missing ones, and runs it if it
# may (as root, or by sudo without a password, with apt-get). Called by make; DEPS=0 disables it.
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
    probe zstd.h -lzstd || echo libzstd-dev
    probe cjson/cJSON.h -lcjson || echo libcjson-dev
    probe yaml.h -lyaml || echo libyaml-dev
    probe oneapi/dnnl/dnnl.h -ldnnl || echo libdnnl-dev
    command -v zstd >/dev/null 2>&1 || echo zstd # tests look into files with it
    command -v man >/dev/null 2>&1 || command -v groff >/dev/null 2>&1 || command -v mandoc >/dev/null 2>&1 || echo groff
}
# The result of one check is valid as long as the mark in the build folder is newer than this script.
mark=${B:-build}/.deps
[ -z "${DEPS_PREFIX:-}" ] && [ -e "$mark" ] && [ "$mark" -nt "$0" ] && exit 0
packages=$(missing_packages | tr '\n' ' ')
if [ -n "${packages// }" ] && [ -n "${DEPS_PREFIX:-}" ]; then
    echo "dinotools needs what these packages bring, in $DEPS_PREFIX or on this machine: $packages" >&2
    exit 1
fi
if [ -n "${packages// }" ]; then
    command="install -y --no-install-recommends $packages"
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
    apt $command || { apt update && apt $command; } || exit 1
    packages=$(missing_packages | tr '\n' ' ')
    [ -z "${packages// }" ] || { echo "still missing after the installation: $packages" >&2; exit 1; }
fi
mkdir -p "$(dirname "$mark")" && : >"$mark"
