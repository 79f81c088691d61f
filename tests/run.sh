#!/bin/bash
# Runs the tests and prints a summary. usage: tests/run.sh [unit|op|golden|cli|fuzz|NAME-PATTERN ...]; nothing: all.
# Every test prints TAP; one that crashes or prints no plan counts as one more failure. The output of a
# failing test is in $B/tests/log, and its end is printed.
set -u
cd "$(dirname "$0")/.."
export B=${B:-build} GOLDEN=${GOLDEN:-tests/golden} LC_ALL=C
export PATH="$PWD/$B:$PATH" TESTS=$PWD/tests BUILD=$PWD/$B
log=$B/tests/log
mkdir -p "$log"
selected() { # kind name
    [ ${#want[@]} -eq 0 ] && return 0
    local w
    for w in "${want[@]}"; do
        case $1/$2 in $w/*|*/$w|*/*"$w"*) return 0 ;; esac
        [ "$w" = golden ] && [[ $2 == *golden* ]] && return 0
    done
    return 1
}
want=("$@")
passed=0 failed=0 skipped=0
run() { # kind name command...
    local kind=$1 name=$2 out=$log/$1-$2.log status start=$SECONDS
    shift 2
    timeout "${TEST_SECONDS:-600}" "$@" >"$out" 2>"$out.err" </dev/null
    status=$?
    local good bad skips
    good=$(grep -c '^ok ' "$out") bad=$(grep -c '^not ok ' "$out") skips=$(grep -c '^ok .*# SKIP' "$out")
    if { [ $status -ne 0 ] && [ "$bad" -eq 0 ]; } || ! grep -q '^1\.\.[0-9]' "$out"; then
        bad=$((bad + 1))
        echo "not ok - $kind/$name ended with status $status or without its plan" >>"$out"
    fi
    passed=$((passed + good - skips)) failed=$((failed + bad)) skipped=$((skipped + skips))
    printf '%-7s %-34s %4d passed' "$kind" "$name" $((good - skips))
    [ "$skips" -gt 0 ] && printf ', %d skipped' "$skips"
    [ "$bad" -gt 0 ] && printf ', %d FAILED' "$bad"
    printf '  (%d s)\n' $((SECONDS - start))
    sed -n 's/^ok [0-9]* - \(.*\) # SKIP \(.*\)/    skipped: \1: \2/p' "$out"
    if [ "$bad" -gt 0 ]; then
        grep '^not ok' "$out" | head -n 10 | sed 's/^/    /'
        tail -n 5 "$out.err" | sed 's/^/    stderr: /'
    fi
}
for t in tests/unit/test-*.c tests/op/test-*.c; do
    [ -e "$t" ] || continue
    kind=$(basename "$(dirname "$t")") name=$(basename "$t" .c)
    selected "$kind" "$name" && run "$kind" "${name#test-}" "$B/tests/$kind/$name"
done
# Tests that take their device from test-device.h or device-memory.h, themselves or through a header, compute on the
# foreign device, too (tests/foreign.c). What they include stands in the compiler's lists beside them.
for t in $(grep -lE 'tests/(test-device|device-memory)\.h' "$B"/tests/op/test-*.d "$B"/tests/unit/test-*.d); do
    name=$(basename "$t" .d)
    selected foreign "$name" && run foreign "${name#test-}" env TEST_DEVICE=foreign "${t%.d}"
done
for t in tests/cli/*.sh; do
    [ -e "$t" ] || continue
    name=$(basename "$t" .sh)
    case $name in lib|*-fixture) continue ;; esac # sourced by the others
    selected cli "$name" && run cli "$name" bash "$t"
done
for t in tests/fuzz/fuzz-*.c; do
    [ -e "$t" ] || continue
    name=$(basename "$t" .c)
    selected fuzz "$name" && run fuzz "${name#fuzz-}" "$B/tests/fuzz/$name" "tests/fuzz/corpus/${name#fuzz-}"
done
echo
if [ $skipped -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ $failed -eq 0 ] && [ $passed -gt 0 ]
