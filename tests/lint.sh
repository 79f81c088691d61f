#!/bin/bash
# What a machine can see of the house: white space, sizes of files and functions, layers, manual pages. Speaks TAP.
set -u
cd "$(dirname "$0")/.."
n=0 bad=0
report() { # description findings
    n=$((n + 1))
    if [ -z "$2" ]; then echo "ok $n - $1"; else
        bad=$((bad + 1))
        echo "not ok $n - $1"
        echo "$2" | head -n 20 | sed 's/^/#   /'
    fi
}
# All files of the project: what git knows, or, of an unpacked archive, what is there beside the builds.
all=$(git ls-files --error-unmatch tests/lint.sh >/dev/null 2>&1 && git ls-files ||
    find .ci Makefile README.md NEWS.md common examples formats kernels man tests tools -type f)
code=$(echo "$all" | grep -E '\.(c|h|def)$')
text=$(echo "$all" | grep -E '^(Makefile|README\.md|NEWS\.md|\.ci/run|man/.*)$|\.(c|h|sh|def|yaml|mk)$')
report 'no tabs or trailing blanks in C' "$(grep -nP '\t| +$' $code)"
report 'no trailing blanks in texts' "$(grep -nP ' +$' $text)"
report 'lines of at most 120 characters in C' "$(awk 'length($0) > 120 {print FILENAME ":" FNR ": " length($0)}' $code)"
report 'files of at most 700 lines' "$(wc -l $code | awk '$2 != "total" && $1 > 700 {print $1, $2}')"
report 'every C file begins by saying what it is' "$(for f in $code; do head -c 2 "$f" | grep -q '/\*' || echo "$f"; done)"
report 'no system header names, no doubled header names' "$(for f in $(echo "$code" | grep '\.h$'); do basename "$f"; done | sort | uniq -d)"
if command -v ctags >/dev/null 2>&1 && ctags --version | grep -q Universal; then
    report 'functions of at most 90 lines' "$(ctags -x --c-kinds=f --_xformat='%N %F %n %e' $(echo "$code" | grep '\.c$') 2>/dev/null |
        awk '$4 - $3 >= 90 {print $4 - $3 + 1, $2, $1}')"
fi
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
