#!/bin/bash
# What a machine can see of the house: white space, sizes of files and functions, the arrows between rooms, files and
# functions, manual pages. Speaks TAP. B=DIR: the build whose objects are looked through for calls [build].
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

# All files of the project: what git knows, or, of an unpacked archive, what is there beside the builds.
all=$(git ls-files --error-unmatch tests/lint.sh >/dev/null 2>&1 && git ls-files ||
    find .ci Makefile README.md NEWS.md common examples formats kernels man tests tools -type f)
code=$(echo "$all" | grep -E '\.(c|h|def)$')
text=$(echo "$all" | grep -E '^(Makefile|README\.md|NEWS\.md|\.ci/run|man/.*)$|\.(c|h|sh|def|yaml|mk)$')
libraries=$(echo "$code" | grep -E '^(formats|common|kernels|tools/train)/')

# ------------------------------------------------------------------ form
report 'no tabs or trailing blanks in C' "$(grep -nP '\t| +$' $code)"
report 'no trailing blanks in texts' "$(grep -nP ' +$' $text)"
report 'lines of at most 120 characters in C' "$(awk 'length($0) > 120 {print FILENAME ":" FNR ": " length($0)}' $code)"
report 'files of at most 700 lines' "$(wc -l $code | awk '$2 != "total" && $1 > 700 {print $1, $2}')"
report 'every C file begins by saying what it is' "$(for f in $code; do head -c 2 "$f" | grep -q '/\*' || echo "$f"; done)"
if command -v ctags >/dev/null 2>&1 && ctags --version | grep -q Universal; then
    report 'functions of at most 90 lines' "$(ctags -x --c-kinds=f --_xformat='%N %F %n %e' $(echo "$code" | grep '\.c$') 2>/dev/null |
        awk '$4 - $3 >= 90 {print $4 - $3 + 1, $2, $1}')"
fi

# ------------------------------------------------------------------ arrows: they point from tools down to formats
# The table SEES_* of the Makefile, a line a room: "kernels/op: kernels/op common formats".
rooms=$(printf 'include Makefile\n_:\n\t@$(foreach v,$(filter SEES_%%,$(.VARIABLES)),echo $(v:SEES_%%=%%): $($(v));)\n' |
    make --no-print-directory -s -f - DEPS=0 B=/nonexistent _)
includes=$(grep -Hno '^ *# *include *"[^"]*"' $code) # FILE:LINE:#include "NAME"
room_of='function room_of(path) { sub("/[^/]*$", "", path); return path ~ /^tests/ ? "tests" : path }'
# Pairs "user used" from standard input; prints the circles among them.
circles() {
    tsort 2>&1 >/dev/null | sed -e '/input contains a loop/s/.*/a circle:/' -e 's/^tsort: /    /'
}
# Pairs of objects "user used": the one has an undefined symbol that the other defines.
calls() { # objects
    nm -A -P "$@" | awk '{sub(":$", "", $1)}
        $3 == "U" {used[++n] = $1 " " $2; next}
        $3 ~ /^[A-Z]$/ && $3 != "N" {home[$2] = $1}
        END {for (i = 1; i <= n; i++) {
            split(used[i], u, " ")
            if (u[2] in home && home[u[2]] != u[1]) print u[1], home[u[2]]}}' | sort -u
}
report 'no two headers of one name, none of a system name' \
    "$(for f in $(echo "$code" | grep '\.h$'); do basename "$f"; done | sort | uniq -d
       for f in $(echo "$code" | grep '\.h$'); do
           [ ! -e "/usr/include/${f##*/}" ] || echo "$f: a header of the system"
       done)"
report 'headers are included by name, without a folder' "$(echo "$includes" | grep '".*/.*"')"
report 'a room includes what the table in the Makefile lets it see' \
    "$({ echo "$rooms"; echo "$code"; echo "$includes"; } | awk -F'[:"]' "$room_of"'
    NF == 2 {n = split($2, room, " "); for (i = 1; i <= n; i++) sees[$1, room[i]] = 1}
    NF == 1 {name = $1; sub(".*/", "", name); home[name] = room_of($1)}
    NF > 2 {if (!($4 in home)) print $1 ":" $2 ": " $4 ": there is no such header"
            else if (!((room_of($1), home[$4]) in sees)) print $1 ":" $2 ": " home[$4] "/" $4}')"
report 'no circle of rooms' "$(echo "$rooms" | awk -F'[: ]+' '{for (i = 2; i <= NF; i++) print $1, $i}' | circles)"
report 'no circle of headers' \
    "$(echo "$includes" | awk -F'[:"]' '$1 ~ /\.(h|def)$/ {sub(".*/", "", $1); print $1, $4}' | circles)"
objects= missing=
for f in $(echo "$libraries" | grep '\.c$'); do
    case $f in */simd-*) o=$B/${f%.c}.base.o ;; *) o=$B/${f%.c}.o ;; esac
    [ -e "$o" ] && objects="$objects $o" || missing=$o
done
if [ -n "$missing" ]; then
    skip 'no circle of calls between the files of the libraries' "$missing is not built"
    skip 'calls stay in the rooms that a room sees' "$missing is not built"
else
    pairs=$(calls $objects | sed "s#^$B/##; s# $B/# #")
    report 'no circle of calls between the files of the libraries' "$(echo "$pairs" | circles)"
    report 'calls stay in the rooms that a room sees' "$({ echo "$rooms"; echo "$pairs"; } | awk -F: "$room_of"'
        NF == 2 {n = split($2, room, " "); for (i = 1; i <= n; i++) sees[$1, room[i]] = 1}
        NF == 1 {split($1, o, " "); if (!((room_of(o[1]), room_of(o[2])) in sees)) print o[1] " calls " o[2]}')"
fi

# ------------------------------------------------------------------ who may do what
# msg, opt, progress and json-report speak for tools and are called by tools only; msg_bug is for broken invariants.
voice='^common/(msg|opt|progress|json-report|signals)\.'
report 'only tools print or exit' "$(grep -nE '(^|[^a-z_])(printf|puts|putchar|perror|v?fprintf\((stdout|stderr)|exit|_exit|abort)\(|(^|[^"a-z_])(stdout|stderr)([^"a-z_]|$)|msg_(die|usage|error|warn|note|more|finish|init)\(' \
    $(echo "$libraries" | grep -vE "$voice") | grep -vE '^[^:]*:[0-9]*: *(/?\*|//)')"
report 'no host array in the list of operations' "$(grep -nE "(float|void|int8_t|uint8_t) *\\*|double *\\*($|[^o]|o[^u])" kernels/op/ops.def)"
report 'only kernels/device names the CPU backend' "$(grep -n 'backend_cpu' $code |
    grep -vE '^(kernels/(cpu|device)|tests)/')"

# ------------------------------------------------------------------ manual pages
report 'files that the manual names are in the tree' \
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
    [ -e "$page" ] && found= || found="$page is not there"
    report "$(basename "$tool" .c) has a manual page" "$found"
done
echo "1..$n"
[ $bad -eq 0 ]
