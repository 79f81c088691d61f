#!/bin/bash
# Static checks: whitespace, file and function size, include and call dependencies, manual pages. Output is TAP.
# B=DIR: the build whose objects are searched for calls [build].
set -u
cd "$(dirname "$0")/.."
B=${B:-build}
n=0 bad=0
report() { # description findings
    n=$((n + 1))
    if [ -z "$2" ]; then echo "ok $n - $1"; else
        bad=$((bad + 1))
        echo "not ok $n - $1"
        echo "$2" | head -n 20 | sed 's/^/#   /'
    fi
}
skip() { # description why
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

# All files of the project: those that git tracks or, in an unpacked archive, all outside the build folders.
all=$(git ls-files --error-unmatch tests/lint.sh >/dev/null 2>&1 && git ls-files ||
    find .ci Makefile README.md MEASURED.md NEWS.md common examples formats kernels man tests tools -type f)
code=$(echo "$all" | grep -E '\.(c|h|def)$')
text=$(echo "$all" | grep -E '^(Makefile|README\.md|MEASURED\.md|NEWS\.md|\.ci/run|man/.*)$|\.(c|h|sh|def|yaml|mk)$')
libraries=$(echo "$code" | grep -E '^(formats|common|kernels|tools/[a-z]+)/')

# ------------------------------------------------------------------ form
report 'no tabs or trailing blanks in C' "$(grep -nP '\t| +$' $code)"
report 'no trailing blanks in other files' "$(grep -nP ' +$' $text)"
report 'lines of at most 120 characters in C' "$(awk 'length($0) > 120 {print FILENAME ":" FNR ": " length($0)}' $code)"
report 'files of at most 700 lines' "$(wc -l $code | awk '$2 != "total" && $1 > 700 {print $1, $2}')"
report 'every C file starts with a comment' "$(for f in $code; do head -c 2 "$f" | grep -q '/\*' || echo "$f"; done)"
if command -v ctags >/dev/null 2>&1 && ctags --version | grep -q Universal; then
    report 'functions of at most 90 lines' "$(ctags -x --c-kinds=f --_xformat='%N %F %n %e' $(echo "$code" | grep '\.c$') 2>/dev/null |
        awk '$4 - $3 >= 90 {print $4 - $3 + 1, $2, $1}')"
fi

# ------------------------------------------------------------------ layers: from tools down to formats
# The variables MAY_INCLUDE_* of the Makefile, one line per folder: "kernels/op: kernels/op common formats".
layers=$(printf 'include Makefile\n_:\n\t@$(foreach v,$(filter MAY_INCLUDE_%%,$(.VARIABLES)),echo $(v:MAY_INCLUDE_%%=%%): $($(v));)\n' |
    make --no-print-directory -s -f - DEPS=0 B=/nonexistent _)
includes=$(grep -Hno '^ *# *include *"[^"]*"' $code) # FILE:LINE:#include "NAME"
folder_of='function folder_of(path) { sub("/[^/]*$", "", path); return path ~ /^tests/ ? "tests" : path }'
# Pairs "user used" from standard input; prints the cycles among them.
cycles() {
    tsort 2>&1 >/dev/null | sed -e '/input contains a loop/s/.*/a cycle:/' -e 's/^tsort: /    /'
}
# Pairs of objects "user used": user has an undefined symbol that used defines.
calls() { # objects
    nm -A -P "$@" | awk '{sub(":$", "", $1)}
        $3 == "U" {used[++n] = $1 " " $2; next}
        $3 ~ /^[A-Z]$/ && $3 != "N" {home[$2] = $1}
        END {for (i = 1; i <= n; i++) {
            split(used[i], u, " ")
            if (u[2] in home && home[u[2]] != u[1]) print u[1], home[u[2]]}}' | sort -u
}
report 'header names are unique, also among system headers' \
    "$(for f in $(echo "$code" | grep '\.h$'); do basename "$f"; done | sort | uniq -d
       for f in $(echo "$code" | grep '\.h$'); do
           [ ! -e "/usr/include/${f##*/}" ] || echo "$f: the name of a system header"
       done)"
report 'the Makefile says of every source folder what it may include' \
    "$({ echo "$layers"; echo "$code"; } | awk -F: "$folder_of"'
    NF == 2 {known[$1] = 1}
    NF == 1 && !(folder_of($1) in known) {print $1}')"
report 'headers are included by name, without a folder' "$(echo "$includes" | grep '".*/.*"')"
report 'folders include only what MAY_INCLUDE_* in the Makefile allows' \
    "$({ echo "$layers"; echo "$code"; echo "$includes"; } | awk -F'[:"]' "$folder_of"'
    NF == 2 {n = split($2, folder, " "); for (i = 1; i <= n; i++) allowed[$1, folder[i]] = 1}
    NF == 1 {name = $1; sub(".*/", "", name); home[name] = folder_of($1)}
    NF > 2 {if (!($4 in home)) print $1 ":" $2 ": " $4 ": no such header"
            else if (!((folder_of($1), home[$4]) in allowed)) print $1 ":" $2 ": " home[$4] "/" $4}')"
report 'no include cycles between folders' \
    "$(echo "$layers" | awk -F'[: ]+' '{for (i = 2; i <= NF; i++) print $1, $i}' | cycles)"
report 'no include cycles between headers' \
    "$(echo "$includes" | awk -F'[:"]' '$1 ~ /\.(h|def)$/ {sub(".*/", "", $1); print $1, $4}' | cycles)"
objects= missing=
mpi=kernels/world/world-mpi # one of two files, by whether there is an MPI
[ -e "$B/$mpi.o" ] && other=$mpi-none.c || other=$mpi.c
for f in $(echo "$libraries" | grep '\.c$' | grep -vx "$other"); do
    case $f in */simd-*) o=$B/${f%.c}.base.o ;; *) o=$B/${f%.c}.o ;; esac
    [ -e "$o" ] && objects="$objects $o" || missing=$o
done
if [ -n "$missing" ]; then
    skip 'no call cycles between files of the libraries' "$missing is not built"
    skip 'calls go only to folders that may be included' "$missing is not built"
else
    report 'no call cycles between files of the libraries' "$(calls $objects | cycles)"
    pairs=$(calls $objects $(ls "$B"/tools/*.o 2>/dev/null) | sed "s#^$B/##; s# $B/# #")
    report 'calls go only to folders that may be included' "$({ echo "$layers"; echo "$pairs"; } | awk -F: "$folder_of"'
        NF == 2 {n = split($2, folder, " "); for (i = 1; i <= n; i++) allowed[$1, folder[i]] = 1}
        NF == 1 {split($1, o, " "); if (!((folder_of(o[1]), folder_of(o[2])) in allowed)) print o[1] " calls " o[2]}')"
fi

# ------------------------------------------------------------------ layering rules
# msg, opt, progress and json-report print on behalf of tools and are called by tools only; msg_bug is for broken
# invariants.
printers='^common/(msg|opt|progress|json-report|signals)\.'
report 'only tools print or exit' "$(grep -nE '(^|[^a-z_])(printf|puts|putchar|perror|v?dprintf|v?fprintf\((stdout|stderr)|exit|_exit|_Exit|abort)\(|(^|[^a-z_])write\([12],|(^|[^"a-z_])(stdout|stderr)([^"a-z_]|$)|msg_(die|usage|error|warn|note|more|finish|init)\(' \
    $(echo "$libraries" | grep -vE "$printers") | grep -vE '^[^:]*:[0-9]*: *(/?\*|//)')"
report 'no host array in the list of operations' "$(grep -nE "(float|void|int8_t|uint8_t) *\\*|double *\\*($|[^o]|o[^u])" kernels/op/ops.def)"
report 'only kernels/device names the CPU backend' "$(grep -n 'backend_cpu' $code |
    grep -vE '^(kernels/(cpu|device)|tests)/')"

# ------------------------------------------------------------------ manual pages
report 'files named in the manual exist' \
    "$(grep -ohE "^\.Pa (formats|common|kernels|tools)/[^ ]+\.(c|h|def)" man/*.[157] |
       while read -r _ f; do [ -e "$f" ] || echo "$f"; done)"
for page in man/*.[157]; do
    [ -e "$page" ] || continue
    found=
    command -v groff >/dev/null 2>&1 && found=$(groff -t -mdoc -ww -z "$page" 2>&1)
    command -v mandoc >/dev/null 2>&1 && found=$found$(mandoc -T lint -W warning "$page" 2>&1)
    report "$page is clean" "$found"
done
for tool in tools/*.c; do
    page=man/$(basename "$tool" .c).1
    [ -e "$page" ] && found= || found="$page is missing"
    report "$(basename "$tool" .c) has a manual page" "$found"
done
echo "1..$n"
[ $bad -eq 0 ]
