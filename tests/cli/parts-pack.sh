#!/bin/bash
# bbu-pack --part: the parts of a job write the shards of one set into one folder, with the bytes of one process.
. "$(dirname "$0")/lib.sh"
"$BUILD/tests/datagen" -q --groups 10 --width 96 --seed 6 d && bbu-index -q d -o x.index || exit 1
pack() { bbu-pack -q --shard-bytes 12K "$@"; }
same_folder() { check "$1 and $2 hold the same files" diff -r "$1" "$2"; }

status 0 pack x.index -o whole
shards=$(ls whole | wc -l)
check "$shards shards" test "$shards" -gt 7
for n in 1 2 3 7 $((shards + 5)); do
    for i in $(seq "$n" -1 1); do pack --part "$i/$n" x.index -o "in$n" || echo "$i/$n failed"; done >failed
    check "$n parts" test ! -s failed
    same_folder whole "in$n"
done
(for i in 1 2 3; do pack --part $i/3 x.index -o together & done; wait) >failed
same_folder whole together
pack --store rgb --short-side 50 --split train x.index -o rgb-whole
for i in 2 1; do pack --store rgb --short-side 50 --split train --part $i/2 x.index -o rgb; done
same_folder rgb-whole rgb
status 0 bbu-pack --shard-bytes 12K --json --part 2/3 x.index -o p
err_has "shards $((shards * 2 / 3 - shards / 3)) are there"
out_has '"part":"2/3"'
out_has "\"shards\":$((shards * 2 / 3 - shards / 3))"

# ---- a set with a missing part is refused; a part is added to its own set only, and can be written again
status 1 bbu-info p
err_has "incomplete set: shard 0 of $shards is missing"
for i in 1 2 3; do pack --part $i/3 x.index -o p; done
status 0 bbu-info p
same_folder whole p
echo note >p/readme # is no matter
status 0 pack --part 1/3 x.index -o p
status 1 bbu-pack -q --shard-bytes 30K --part 1/3 x.index -o p
err_has 'p: holds shards of another set, as shard-00000-of-'
status 1 pack --split train --part 1/3 x.index -o p
err_has 'a part is added to its own set only'
cp rgb/* p/
status 1 pack --part 1/3 x.index -o p
err_has 'p: holds shards of several sets'
rm p/*
cp whole/* p/
truncate -s 500 p/shard-00000-of-*
status 0 pack --part 1/3 x.index -o p # a damaged shard is written again
same_folder whole p

# ---- an image that fails: all of them are named, shards with them do not appear
first=$(bbu-info -l x.index | sed -n 2p | cut -f 1)
late=$(bbu-info -l x.index | sed -n 14p | cut -f 1)
cp "d/$first" kept
echo >>"d/$first"
cp "d/$late" kept-late
echo >>"d/$late"
status 1 pack --part 1/2 x.index -o failing
err_has "d/$first: changed since it was indexed"
err_has "d/$late: changed since it was indexed"
err_has 'failing: the part is not whole: 2 images failed (bbu-index -k leaves them out of the catalogue)'
for f in failing/*; do
    [ -e "$f" ] && check "$f is whole" cmp "$f" "whole/${f##*/}"
done
check 'the shard of the first one is not there' bash -c '! ls failing | grep -q shard-00000'
cp kept "d/$first" && cp kept-late "d/$late"
for i in 1 2; do pack --part $i/2 x.index -o failing; done
same_folder whole failing
pack -j1 --part 1/2 x.index -o killed &
pid=$!
sleep 0.02
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
for f in killed/*; do
    [ -e "$f" ] && check "killed: $f is whole" cmp "$f" "whole/${f##*/}"
done
for i in 1 2; do pack --part $i/2 x.index -o killed; done
same_folder whole killed

# ---- usage, disks
status 2 pack -k --part 1/2 x.index -o no
err_has '-k divides the images that are left anew'
status 2 pack --part 3/2 x.index -o no
status 2 pack --part slurm x.index -o no
status 1 pack --part 1/2 missing.index -o no
check 'no folder' test ! -e no
status 0 env SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=2 SLURM_ARRAY_TASK_COUNT=2 \
    bbu-pack -q --shard-bytes 12K --part slurm x.index -o array
status 0 pack --part 1/2 x.index -o array
same_folder whole array
echo >file
status 1 pack --part 1/2 x.index -o file
status 1 env FAIL_IO=write,after=1,errno=28,output LD_PRELOAD="$BUILD/tests/cli/fail-io.so" bbu-pack -q --part 1/1 x.index -o full
err_has 'No space left'
check 'no shard' bash -c '! ls full | grep -q .'
no_leftovers
done_testing
