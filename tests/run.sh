#!/bin/bash
# Runs the tests and prints a summary. usage: tests/run.sh [unit|op|golden|cli|fuzz|cluster|NAME-PATTERN|KIND/NAME ...];
# nothing: all but cluster, whose tests are for root. !KIND/NAME: not this one.
# Every test prints TAP; one that crashes or prints no plan counts as one more failure. The output of a
# failing test is in $B/tests/log, and its end is printed. TEST_JOBS tests run at a time [one a processor, at most 8].
set -u
cd "$(dirname "$0")/.."
export B=${B:-build} GOLDEN=${GOLDEN:-tests/golden} LC_ALL=C
export PATH="$PWD/$B:$PATH" TESTS=$PWD/tests BUILD=$PWD/$B
export log=$B/tests/log
jobs=${TEST_JOBS:-$(nproc)}
[ "$jobs" -gt 8 ] && [ -z "${TEST_JOBS:-}" ] && jobs=8
mkdir -p "$log"
rm -f "$log"/*.count
want=() unwanted=' '
for w in "$@"; do
    case $w in !*) unwanted="$unwanted${w#!} " ;; *) want+=("$w") ;; esac
done
selected() { # kind name
    local w
    case $unwanted in *" $1/${2#test-} "*) return 1 ;; esac
    [ ${#want[@]} -eq 0 ] && return 0
    for w in "${want[@]}"; do
        case $1/$2 in $w/*|*/$w|*/*"$w"*) return 0 ;; esac
        [ "$w" = "$1/${2#test-}" ] && return 0
        [ "$w" = golden ] && [[ $2 == *golden* ]] && return 0
    done
    return 1
}

tests() { # a line for each that is selected: kind name file
    local t kind name
    for t in tests/unit/test-*.c tests/op/test-*.c; do
        kind=$(basename "$(dirname "$t")") name=$(basename "$t" .c)
        selected "$kind" "$name" && echo "$kind ${name#test-} $B/tests/$kind/$name"
    done
    # Tests that take their device from test-device.h or device-memory.h, themselves or through a header, compute on the
    # foreign device, too (tests/foreign.c). What they include stands in the compiler's lists beside them.
    for t in $(grep -lE 'tests/(test-device|device-memory)\.h' "$B"/tests/op/test-*.d "$B"/tests/unit/test-*.d); do
        kind=$(basename "$(dirname "$t")") name=$(basename "$t" .d)
        selected foreign "$name" && echo "foreign $kind/${name#test-} ${t%.d}"
    done
    for t in tests/cli/*.sh; do
        name=$(basename "$t" .sh)
        case $name in lib|*-fixture) continue ;; esac # sourced by the others
        selected cli "$name" && echo "cli $name $t"
    done
    [ ${#want[@]} -eq 0 ] || for t in tests/cluster/*.sh; do
        name=$(basename "$t" .sh)
        case $name in *-fixture) continue ;; esac
        selected cluster "$name" && echo "cluster $name $t"
    done
    for t in tests/fuzz/fuzz-*.c; do
        name=$(basename "$t" .c)
        selected fuzz "$name" && echo "fuzz ${name#fuzz-} $B/tests/fuzz/$name"
    done
}

# Those that say that they start no thread are held to it; sanitizers want to be the first library.
case $B in *address*|*undefined*|*thread*) unthreaded= ;; *) unthreaded=" $(grep -v '^#' tests/unthreaded | tr '\n' ' ')" ;; esac
export unthreaded
start() { # kind name file
    local seconds=${TEST_SECONDS:-600}
    case $unthreaded in *" $1/$2 "*)
        LD_PRELOAD=$BUILD/tests/cli/no-thread.so timeout "$seconds" "$3"
        return ;;
    esac
    case $1 in
        foreign) TEST_DEVICE=foreign timeout "$seconds" "$3" ;;
        cli|cluster) timeout "$seconds" bash "$3" ;;
        fuzz) timeout "$seconds" "$3" "tests/fuzz/corpus/$2" ;;
        *) timeout "$seconds" "$3" ;;
    esac
}

report() { # kind name good bad skips seconds output
    printf '%-7s %-34s %4d passed' "$1" "$2" $(($3 - $5))
    [ "$5" -gt 0 ] && printf ', %d skipped' "$5"
    [ "$4" -gt 0 ] && printf ', %d FAILED' "$4"
    printf '  (%d s)\n' "$6"
    sed -n 's/^ok [0-9]* - \(.*\) # SKIP \(.*\)/    skipped: \1: \2/p' "$7"
    if [ "$4" -gt 0 ]; then
        grep '^not ok' "$7" | head -n 10 | sed 's/^/    /'
        tail -n 5 "$7.err" | sed 's/^/    stderr: /'
    fi
}

run() { # a line of tests
    local kind name file status began=$SECONDS
    read -r kind name file <<<"$1"
    local out=$log/$kind-${name/\//-}.log
    start "$kind" "$name" "$file" >"$out" 2>"$out.err" </dev/null
    status=$?
    local good bad skips
    good=$(grep -c '^ok ' "$out") bad=$(grep -c '^not ok ' "$out") skips=$(grep -c '^ok .*# SKIP' "$out")
    if { [ $status -ne 0 ] && [ "$bad" -eq 0 ]; } || ! grep -q '^1\.\.[0-9]' "$out"; then
        bad=$((bad + 1))
        echo "not ok - $kind/$name ended with status $status or without its plan" >>"$out"
    fi
    echo "$((good - skips)) $bad $skips" >"$out.count"
    printf "%s\n" "$(report "$kind" "$name" "$good" "$bad" "$skips" $((SECONDS - began)) "$out")" # in one piece
}
export -f start report run

# Not as background jobs of a shell, whose children ignore SIGINT: tests send it.
tests >"$log/list"
xargs -r -d '\n' -P "$jobs" -n 1 bash -c 'run "$1"' run <"$log/list"
cat "$log"/*.count 2>/dev/null | awk -v started="$(wc -l <"$log/list")" '
    {passed += $1; failed += $2; skipped += $3}
    END {
        failed += started - NR # without a count: it was killed
        printf "\n%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
        exit failed > 0 || passed + skipped == 0
    }'
