#!/bin/bash
# bbu-inspect --watch is killed in place of, or in the middle of, each of its calls that change files: whatever was done
# with the photographs and with the file of verdicts meanwhile, the next watch loses no verdict and repeats none, and
# nothing that others have written is gone.
. "$(dirname "$0")/lib.sh"
. "$TESTS/cli/inspect-fixture.sh"
preload=$BUILD/tests/cli/fail-io.so
if [ ! -e "$preload" ]; then # nothing would be killed
    check "the library that kills is built: make tests makes $preload" false
    done_testing
fi
inspect_fixture || exit 1
set -- bbu/test/*
mkdir photographs in && cp "$1"/* "$2"/* photographs && cp photographs/* in
bbu-inspect -q site.inspector in | grep -v '^#' >lines
n=$(grep -c ^installation lines)

# Each point is a folder of its own, several at once: most of the time they wait.
AT_ONCE=6
# A watch until so many installations are in the output, and some seconds more; or until it is killed: 137.
watch() { # installations, seconds, environment
    local watcher i end=0
    env "${@:3}" bbu-inspect -q -j 1 --watch in --look 0 -o v.tsv ../site.inspector 2>>../errors &
    watcher=$!
    for i in $(seq 1200); do
        kill -0 $watcher 2>/dev/null || break
        [ "$(judged | wc -l)" -ge "$1" ] && sleep "$2" && break
        sleep 0.025
    done
    kill $watcher 2>/dev/null
    wait $watcher 2>/dev/null || end=$?
    return $end
}
# The installations of a file of verdicts, and its lines.
judged() { grep -s ^installation v.tsv | cut -f 2; }
each_once() { grep -v -e '^#' -e '^foreign' v.tsv | sort | cmp -s - <(sort ../lines); }
records() { grep -cF '\ninstallation' v.tsv.journal; }

# What becomes of a kill at some call: "end" of a run that was not killed, "good", or what is wrong.
point() { # how, calls before
    local g
    watch "$n" 0 LD_PRELOAD="$preload" FAIL_IO="$1,path=v.tsv,after=$2"
    [ $? -ne 137 ] && echo end && return
    for g in $(judged); do mv in/"$g"-* .; done # who has read a verdict takes the photographs
    watch "$n" 0.2
    each_once || { echo "at $2"; return; }
    [ "$(grep -c '^# inspector' v.tsv)" -eq 1 ] && echo good || echo "first lines at $2"
}
# All photographs are gone after the kill: what the journal has is written all the same.
point_gone() { # how, calls before
    local whole=0
    watch "$n" 0 LD_PRELOAD="$preload" FAIL_IO="$1,path=v.tsv,after=$2"
    rm in/*
    [ -e v.tsv.journal ] && whole=$(records)
    watch "$whole" 0.2
    [ "$(judged | wc -l)" -ge "$whole" ] && [ "$(judged | sort | uniq -d | wc -l)" -eq 0 ] && echo good || echo "at $2"
}
# The results of some points, in result.AT.
run_points() { # function, how, calls before ...
    local at
    for at in "${@:3}"; do
        rm -rf "p$at" && mkdir "p$at" && cp -r photographs "p$at/in"
        (cd "p$at" && "$1" "$2" "$at" >"../result.$at") &
    done
    wait
}

for how in kill tear; do
    rm -f result.*
    for at in $(seq 0 $AT_ONCE 60); do
        run_points point $how $(seq "$at" $((at + AT_ONCE - 1)))
        grep -qx end result.* && break
    done
    check "$how: $(cat result.* | grep -vcx end) points" test "$(cat result.* | grep -vcx end)" -gt 5
    wrong=$(cat result.* | grep -vx -e end -e good | paste -sd ,)
    check "... each installation once, and the first lines${wrong:+, but $wrong}" test -z "$wrong"
done
rm -f result.*
run_points point_gone kill $(seq 7 2 20)
wrong=$(cat result.* | grep -vx good | paste -sd ,)
check "without photographs nothing is lost that was judged${wrong:+, but $wrong}" test -z "$wrong"
done_testing
