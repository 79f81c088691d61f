#!/bin/bash
# usage: tests/fuzz/run.sh SECONDS TARGET... - runs each target for SECONDS; inputs that fail are in $B/fuzz/finds.
set -u
seconds=$1
shift
bad=0
for target in "$@"; do
    name=$(basename "$target" | sed 's/^fuzz-//')
    finds=$(dirname "$target")/finds/$name grown=$(dirname "$target")/grown/$name
    mkdir -p "$finds" "$grown"
    if "$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$finds/" "$grown" "tests/fuzz/corpus/$name" >"$finds.log" 2>&1; then
        echo "fuzz $name: ${seconds} s, $(grep -o 'stat::number_of_executed_units: *[0-9]*' "$finds.log" | grep -o '[0-9]*$') runs, no find"
    else
        echo "fuzz $name: FOUND something, see $finds.log and $finds/"
        bad=1
    fi
done
exit $bad
