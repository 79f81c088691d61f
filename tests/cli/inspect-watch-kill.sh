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

# A watch until so many installations are in the output, and some seconds more; or until it is killed: 137.
watch() { # installations, seconds, environment
    local watcher i end=0
    env "${@:3}" bbu-inspect -q --watch in --look 0 -o v.tsv site.inspector 2>>errors &
    watcher=$!
    for i in $(seq 100); do
        kill -0 $watcher 2>/dev/null || break
        [ "$(judged | wc -l)" -ge "$1" ] && sleep "$2" && break
        sleep 0.1
    done
    kill $watcher 2>/dev/null
    wait $watcher 2>/dev/null || end=$?
    return $end
}
afresh() { rm -rf in v.tsv* && mkdir in && cp photographs/* in; }
# The installations of a file of verdicts, and its lines.
judged() { grep -s ^installation v.tsv | cut -f 2; }
each_once() { grep -v -e '^#' -e '^foreign' v.tsv | sort | cmp - <(sort lines); }
records() { grep -cF '\ninstallation' v.tsv.journal; }

for how in kill tear; do
    points=0 wrong=
    for at in $(seq 0 60); do
        afresh
        watch "$n" 0 LD_PRELOAD="$preload" FAIL_IO=$how,path=v.tsv,after=$at
        [ $? -ne 137 ] && break
        points=$((points + 1))
        for g in $(judged); do mv in/"$g"-* .; done # who has read a verdict takes the photographs
        watch "$n" 0.3
        each_once >/dev/null || wrong="$wrong $at"
        [ "$(grep -c '^# inspector' v.tsv)" -eq 1 ] || wrong="$wrong $at(head)"
        mv -f ./*.jpeg in 2>/dev/null
    done
    check "$how: $points points" test $points -gt 5
    check "... each installation once, and the first lines${wrong:+, but at$wrong}" test -z "$wrong"
done

# ---- all photographs are gone after the kill: what the journal has is written all the same
wrong=
for at in $(seq 7 2 20); do
    afresh
    watch "$n" 0 LD_PRELOAD="$preload" FAIL_IO=kill,path=v.tsv,after=$at
    rm in/*
    [ -e v.tsv.journal ] && whole=$(records) || whole=0
    watch "$whole" 0.2
    [ "$(judged | wc -l)" -ge "$whole" ] && [ "$(judged | sort | uniq -d | wc -l)" -eq 0 ] || wrong="$wrong $at"
done
check "without photographs nothing is lost that was judged${wrong:+, but at$wrong}" test -z "$wrong"
done_testing
