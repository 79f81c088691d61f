#!/bin/bash
# bbu-index --part and --join: files are decoded in parts; what is found, and the catalogue, are those of one process.
. "$(dirname "$0")/lib.sh"
"$BUILD/tests/datagen" -q --groups 10 --width 96 --seed 6 d || exit 1
cp -r d good
# a dataset with much that is wrong: within files, between files of several parts, in the lists
f=(d/train/*/*.jpeg)
head -c 700 "${f[0]}" >cut && cp cut "${f[0]}" # damaged
: >"${f[2]}"                                   # empty
rm "${f[4]}"                                   # missing
cp "${f[5]}" "${f[16]}"                        # a content twice, in two groups
echo stray >>"${f[7]}"                         # an oddity
v=(d/val/*/*.jpeg)
cp "${f[8]}" "${v[1]}" # a content in two splits
echo 'GIF89a' >"${v[2]}"
g=$(basename "$(ls -d d/train/* | head -n 1)")
sed "0,/\"group_id\": \"[^\"]*\"/s//\"group_id\": \"$g\"/" d/annotations/val.json >list && cp list d/annotations/val.json # a leak
parts() { # N arguments...: part-1 ... part-N
    local n=$1 i
    shift
    rm -f part-*
    for i in $(seq "$n"); do bbu-index -q --part "$i/$n" "$@" -o "part-$i" 2>err-$i || return 1; done
}
backwards() { ls part-* | sort -r; }
differs_in_nothing() { # bbu-index's words: with and without parts
    bbu-index --json "$@" -o one.index >one.out 2>all.err
    echo $? >one.status
    grep -v "^bbu-index: decode: " all.err >one.err
    bbu-index --json --join "$@" $(backwards) -o joined.index >joined.out 2>joined.err
    echo $? >joined.status
    check "$*: the same reports" cmp one.out joined.out
    check "$*: the same messages" cmp one.err joined.err
    check "$*: the same status" cmp one.status joined.status
}

for n in 1 2 3 7 50; do
    check "$n parts" parts "$n" good
    differs_in_nothing good
    same one.index joined.index
    check "$n parts with errors" parts "$n" d
    rm -f one.index joined.index
    differs_in_nothing d
    check 'no catalogue of errors' test ! -e one.index -a ! -e joined.index
    differs_in_nothing -k d
    same one.index joined.index
done
check 'there are all kinds of errors' bash -c 'for k in damaged empty missing content-conflict content-twice odd-jpeg not-jpeg leak; do grep -q "\"$k\"" one.out || grep -q "\"content-" one.out || { echo $k; exit 1; }; done'
for words in '--layout folder' '--layout classes' '--as-stored' '--max-pixels 5000 -k' '--no-provenance' '--classes positive,negative'; do
    parts 3 $words good
    differs_in_nothing $words good
    [ ! -e one.index ] || same one.index joined.index
done
find good -name '*.jpeg' | sort >names
for i in 1 2; do bbu-index -q --part $i/2 - -o part-$i <names; done
rm part-3
bbu-index - -o one.index <names
bbu-index --join - part-2 part-1 -o joined.index <names
same one.index joined.index

# ---- a part says what it found, and is no catalogue
status 0 bbu-index --json --part 1/2 d -o p1
err_has 'part 1/2: 15 images of 30, '
err_has ' errors, 1 warning'
out_has '"kind":"empty"'
out_has '{"report":"part","part":"1/2","images":15,"errors":3,"warnings":1}'
status 0 bbu-info p1
out_has 'readings'
check 'bbu-info says which part it is' grep -Eq '^  part +1 of 2$' out
status 0 bbu-info --verify p1
status 0 bbu-info -l p1
check 'a line for each image' test "$(wc -l <out)" -eq 15
check 'with what was found' grep -q $'0\tempty\tthe file is empty$' out
status 1 bbu-pack -q p1 -o no
err_has 'p1: is a file of kind readings, not catalogue'

# ---- missing, twice, of another job, cut, killed
parts 3 good
status 1 bbu-index --join good part-1 part-3 -o no.index
err_has 'part-1: part 2 of 3 is missing'
status 1 bbu-index --join good part-1 part-3 part-2 part-3 -o no.index
err_has 'part-3: part 3 of 3 is there twice'
bbu-index -q --part 2/4 good -o four
status 1 bbu-index --join good part-1 part-3 four -o no.index
err_has 'four: is part 2 of 4, but part-1 is one of 3'
bbu-index -q --part 2/3 --as-stored good -o stored
status 1 bbu-index --join good part-1 part-3 stored -o no.index
err_has 'part-1: part 2 of 3 is missing; stored is part 2 of another job: as_stored true, other file has false'
bbu-index -q --part 2/3 d -o other 2>err
cp -r good more && cp "$(head -n 1 names)" more/train/ # a file more in the folder, but not in the lists
status 0 bbu-index -q --join more part-1 part-2 part-3 -o more.index
status 1 bbu-index --join --layout folder good part-1 part-2 part-3 -o no.index
err_has 'part-1: is of another dataset or of other options'
status 1 bbu-index --join --as-stored good part-1 part-2 part-3 -o no.index
err_has 'part-1: is of another dataset or of other options'
head -c 500 part-2 >cut
status 1 bbu-index --join good part-1 cut part-3 -o no.index
err_has 'cut: '
cp part-2 flipped
printf '\377' | dd of=flipped bs=1 seek=$(($(stat -c %s flipped) / 2)) conv=notrunc 2>/dev/null
status 1 bbu-index --join good part-1 flipped part-3 -o no.index
err_has 'flipped: '
status 1 bbu-index --join good one.index -o no.index
err_has 'one.index: is a file of kind catalogue, not readings'
"$BUILD/tests/datagen" -q --groups 2 --width 2400 large
bbu-index -q -j1 --part 1/1 large -o killed 2>err &
pid=$!
sleep 0.05
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
check 'a part that was killed leaves nothing under its name' test ! -e killed
check 'no catalogue' test ! -e no.index

# ---- usage
status 2 bbu-index --join good -o no.index
err_has '--join needs DATASET and the files of its parts'
status 2 bbu-index good part-1 -o no.index
status 2 bbu-index --join --part 1/2 good part-1 -o no.index
status 2 bbu-index --part 3/2 good -o no.index
status 0 env SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=2 SLURM_ARRAY_TASK_COUNT=3 \
    bbu-index -q --part slurm good -o task
same part-2 task
status 0 bbu-index -q -k --part 1/2 good -o task
err_has '--keep-going: not used: it is for the catalogue, which --join writes'
status 1 bbu-index -q --part 1/2 good -o /dev/full
err_has 'No space left'
no_leftovers
done_testing
