# find-tools.sh - sourced by the other examples: puts the tools and their helpers (datagen, plainfeat, bench ...) on
# PATH. In the source tree these are built in B [build]. Installed examples take the tools that were installed with them,
# PREFIX/bin beside PREFIX/share/doc/dinotools/examples; if none are there, those on PATH. Their helpers are in
# libexec/dinotools next to the tools' bin, or in HELPERS.
#
#   here    the folder of the examples            build   the build folder; empty if there is none
#   need PROGRAM...    exits with a message if one is missing
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=
if [ -n "${B:-}" ] || [ -e "$here/../Makefile" ]; then
    for build in "${B:-$here/../build}" "$here/../${B:-build}"; do
        [ -d "$build" ] && build=$(cd "$build" && pwd) && break
    done
    PATH=$build:$build/tests:$build/examples:$PATH
else
    [ ! -x "$here/../../../../bin/bbu-index" ] || PATH=$(cd "$here/../../../../bin" && pwd):$PATH
    tool=$(command -v bbu-index) || tool=/nosuch/bin/none # need tells which
    PATH=$PATH:${HELPERS:-$(dirname "$(readlink -f "$tool")")/../libexec/dinotools}
fi
export PATH LC_ALL=C
need() {
    local program
    for program; do
        command -v "$program" >/dev/null && continue
        echo "${0##*/}: $program is not there: make demo builds it in the source, make install puts it beside the tools," \
            "which have to be on PATH" >&2
        exit 1
    done
}
