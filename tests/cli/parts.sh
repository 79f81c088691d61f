#!/bin/bash
# Features in parts: dino-extract --part, their join by feat-cat, a bank in parts. What is missing, twice, of another job,
# damaged or killed.
. "$(dirname "$0")/lib.sh"
golden=${GOLDEN:-$TESTS/golden}
case $golden in /*) ;; *) golden=$TESTS/../$golden ;; esac
w=$golden/vit_plain.pth
"$BUILD/tests/datagen" -q --groups 6 --width 96 --seed 6 d && bbu-index -q d -o x.index && bbu-pack -q x.index -o s || exit 1
extract() { dino-extract -q -w "$w" --resize 32 --size 28 "$@"; }
parts() { # N arguments...: part-1.feat ... part-N.feat
    local n=$1 i
    shift
    rm -f part-*.feat
    for i in $(seq "$n"); do extract --part "$i/$n" "$@" -o "part-$i.feat" || return 1; done
}
backwards() { ls part-*.feat | sort -r; }

# ---- the bytes of one process, whatever the number of parts and their order
status 0 extract s -o whole.feat
images=$(feat-cat --text whole.feat | wc -l)
for n in 1 2 3 7 $((images + 5)); do
    check "$n parts" parts "$n" s
    status 0 feat-cat -q $(backwards) -o joined.feat
    same whole.feat joined.feat
done
check 'parts may be empty' test "$(feat-cat -q --allow-missing --text part-1.feat 2>/dev/null | wc -l)" -eq 0
status 0 dino-extract -w "$w" --resize 32 --size 28 --json --part 2/3 s -o p.feat
err_has "part 2 of 3: 6 images of $images"
out_has '"part":"2/3"'
out_has '"images":6'
status 0 bbu-info p.feat
check 'bbu-info says which part it is' grep -Eq '^  part +2 of 3$' out
check 'and that it is whole as a file' bbu-info --verify p.feat
parts 3 --no-provenance s
status 0 extract --no-provenance s -o bare.feat
status 0 feat-cat -q part-2.feat part-3.feat part-1.feat -o joined.feat
same bare.feat joined.feat
extract --part 2/3 s -o part-2.feat
status 0 feat-cat -q part-2.feat part-3.feat part-1.feat -o joined.feat
err_has 'part-2.feat: its provenance is not that of part-1.feat, whose one is kept'
same bare.feat joined.feat
parts 3 s
status 0 feat-cat -q --no-provenance part-2.feat part-3.feat part-1.feat -o joined.feat
same bare.feat joined.feat
status 0 bash -c 'feat-cat -q part-2.feat - part-1.feat <part-3.feat | cmp - whole.feat'
status 0 bash -c 'cat part-3.feat | feat-cat -q part-2.feat - part-1.feat | cmp - whole.feat'

# ---- rows of all patches of whole images, photographs by name, images that are left out
parts 3 --tokens patch --size 0 --resize 28 s
extract --tokens patch --size 0 --resize 28 s -o patch.feat
status 0 feat-cat -q $(backwards) -o joined.feat
same patch.feat joined.feat
find d -name '*.jpeg' | sort >names
extract - -o named.feat <names
for i in 1 2 3; do extract --part $i/3 - -o part-$i.feat <names; done
status 0 feat-cat -q $(backwards) -o joined.feat
same named.feat joined.feat
head -c 100 "$(sed -n 8p names)" >bad.jpeg
(sed 3q names; echo bad.jpeg; sed 1,3d names) >with-bad
status 3 bash -c 'dino-extract -q -k -w "$1" --resize 32 --size 28 - -o named.feat <with-bad' - "$w"
for i in 1 3 2; do dino-extract -q -k -w "$w" --resize 32 --size 28 --part $i/3 - -o part-$i.feat <with-bad 2>err; echo $?; done >codes
check 'the part with the bad image exits 3' test "$(tr '\n' ' ' <codes)" = '3 0 0 '
status 0 feat-cat -q $(backwards) -o joined.feat
same named.feat joined.feat

# ---- selection, text and other files: as from the joined file
parts 3 s
extract --resize 32 --size 28 d/train/*/*-0.jpeg -o other.feat
for words in '--split train' '--text' '--npy' '--json --label positive'; do
    feat-cat -q $words whole.feat -o a.out 2>/dev/null
    status 0 feat-cat -q $words $(backwards) -o b.out
    same a.out b.out
done
"$BUILD/tests/featgen" -q -d 64 -o drawn.feat
"$BUILD/tests/featgen" -q -d 64 --first 100 -o drawn2.feat
status 0 feat-cat -q drawn.feat drawn2.feat -o a.out
status 0 feat-cat -q drawn2.feat drawn.feat -o b.out
differ a.out b.out # ordinary files follow one another as they are named

# ---- what is missing, twice, of another job
status 1 feat-cat part-1.feat part-3.feat -o no.feat
err_has 'part-1.feat: part 2 of 3 is missing (--allow-missing goes on without)'
status 1 feat-cat part-2.feat -o no.feat
err_has 'part-2.feat: parts 1, 3 of 3 are missing'
status 1 feat-cat part-2.feat part-1.feat part-3.feat part-2.feat -o no.feat
err_has 'part-2.feat: part 2 of 3 is there twice, also as part-2.feat'
cp part-2.feat again.feat
status 1 feat-cat part-2.feat part-1.feat again.feat -o no.feat
err_has 'again.feat: part 2 of 3 is there twice, also as part-2.feat'
extract --part 2/4 s -o of-four.feat
status 1 feat-cat part-1.feat of-four.feat part-3.feat -o no.feat
err_has 'of-four.feat: is part 2 of 4, but part-1.feat is one of 3'
dino-extract -q -w "$golden/vit_chunked.pth" --resize 32 --size 28 --part 2/3 s -o weights.feat
status 1 feat-cat part-1.feat weights.feat part-3.feat -o no.feat
err_has 'part-1.feat: part 2 of 3 is missing; weights.feat is part 2 of another job: made by different weights'
extract --resize 42 --part 2/3 s -o recipe.feat
status 1 feat-cat part-1.feat recipe.feat part-3.feat -o no.feat
err_has 'recipe.feat is part 2 of another job: resize 42, other file has 32'
extract --unit --part 2/3 s -o unit.feat
status 1 feat-cat part-1.feat unit.feat part-3.feat -o no.feat
err_has 'unit.feat is part 2 of another job: of unit length, other file has of any length'
extract -k --part 2/3 s -o kept.feat
status 1 feat-cat part-1.feat kept.feat part-3.feat -o no.feat
err_has 'kept.feat is part 2 of another job: keep_going true, other file has false'
bbu-pack -q --split train x.index -o train
extract --part 2/3 train -o images.feat
status 1 feat-cat part-1.feat images.feat part-3.feat -o no.feat
err_has 'images.feat is part 2 of another job: made from other images'
check 'no output' test ! -e no.feat
status 0 feat-cat -q --allow-missing part-3.feat part-1.feat -o some.feat
check 'in their order' cmp <(feat-cat --text some.feat) <(feat-cat --text whole.feat | sed 7,12d)
status 0 bbu-info some.feat
check 'the join says what it has' grep -Eq '^ +parts +1, 3 of 3$' out
check 'and is no part' bash -c '! grep -Eq "^  part " out'

# ---- damage, kill
head -c 2000 part-2.feat >cut.feat
status 1 feat-cat part-1.feat cut.feat part-3.feat -o no.feat
err_has 'cut.feat: ends early'
cp part-2.feat flipped.feat
printf '\377' | dd of=flipped.feat bs=1 seek=$(($(stat -c %s flipped.feat) / 2)) conv=notrunc 2>/dev/null
status 1 feat-cat part-1.feat flipped.feat part-3.feat -o no.feat
err_has 'flipped.feat: '
check 'no output' test ! -e no.feat
mkdir killed
for i in $(seq 40); do cat names; done >many
dino-extract -q -j1 -w "$w" --part 1/2 - -o killed/part.feat <many 2>err &
pid=$!
sleep 0.3
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
check 'a part that was killed leaves nothing under its name' test ! -e killed/part.feat
parts 3 s # and is computed again

# ---- job arrays
slurm() { env SLURM_ARRAY_TASK_ID="$1" SLURM_ARRAY_TASK_MIN="$2" SLURM_ARRAY_TASK_MAX="$3" SLURM_ARRAY_TASK_COUNT="$4" "${@:5}"; }
status 0 slurm 20 0 20 3 dino-extract -q -w "$w" --resize 32 --size 28 --part slurm s -o task.feat
same part-3.feat task.feat
status 2 slurm 5 5 5 1 dino-extract -q -w "$w" --part slurm s -o no.feat
err_has '--part slurm: the array starts at 5, not at 0 or 1'
status 2 dino-extract -q -w "$w" --part slurm s -o no.feat
err_has '--part slurm: SLURM_ARRAY_TASK_ID is not set'
for wrong in 0/3 4/3 1 x; do
    status 2 dino-extract -q -w "$w" --part $wrong s -o no.feat
    err_has "--part $wrong: parts are I/N"
done

# ---- classifiers: a bank in parts is that of the joined file; a part alone is refused
knn() { feat-knn -q -k 3 --resamples 20 -g -o "$1" -r "$2" "${@:3}"; }
status 0 knn votes report whole.feat whole.feat
status 0 knn votes.parts report.parts part-3.feat part-1.feat part-2.feat whole.feat
same <(sed 's/ whole.feat$//' votes) <(sed 's/ part-3.feat and 2 others$//; s/ whole.feat$//' votes.parts)
same <(sed 's/ whole.feat$//' report) <(sed 's/ part-3.feat and 2 others$//; s/ whole.feat$//' report.parts)
mkdir apart && cp report.parts part-?.feat whole.feat apart
status 0 bash -c 'cd apart && bbu-info --trace report.parts'
check 'traced to the whole, if it is there' grep -Eq '^  train [0-9a-f]{12}: whole.feat \(by dino-extract\)$' out
rm apart/whole.feat
status 0 bash -c 'cd apart && bbu-info --trace report.parts'
check 'else to a part' grep -Eq '^  train [0-9a-f]{12}: part-[123].feat \(by dino-extract\)$' out
gen() { "$BUILD/tests/featgen" -q "$@"; }
gen -g 900 -n 1.5 -o bank1.feat && gen -g 700 --first 2000 -n 1.5 -o bank2.feat && gen -g 50 --first 5000 -n 1.5 -o query.feat
feat-cat -q bank1.feat bank2.feat -o bank.feat 2>err
knn votes report bank.feat query.feat 2>err
for limit in 1M 1G; do
    status 0 knn votes.parts report.parts -j2 --memory $limit bank1.feat bank2.feat query.feat
    same <(sed 's/ bank.feat$//' votes) <(sed 's/ bank1.feat and 1 other$//' votes.parts)
    same <(sed 's/ bank.feat$//' report) <(sed 's/ bank1.feat and 1 other$//' report.parts)
done
gen -g 20 --weights 2 -o weights2.feat
status 1 feat-knn -q -k 3 bank1.feat weights2.feat query.feat
err_has 'weights2.feat: is incompatible with bank1.feat: made by different weights'
gen -g 20 --resize 96 -o resized.feat
status 1 feat-knn -q -k 3 bank1.feat resized.feat query.feat
err_has 'bank1.feat, resized.feat: cannot compare (missing in one file): resize; feat-cat joins them'
status 1 bash -c 'cat bank2.feat | feat-knn -q -k 3 bank1.feat - query.feat'
err_has '-: a pipe is a set by itself'
head -c 3000 bank2.feat >cut.feat
status 1 feat-knn -q -k 3 bank1.feat cut.feat query.feat
err_has 'cut.feat: ends early'
cp bank2.feat flipped.feat
printf '\377' | dd of=flipped.feat bs=1 seek=30000 conv=notrunc 2>/dev/null
for limit in 1M 1G; do
    status 1 feat-knn -q -k 3 --memory $limit bank1.feat flipped.feat query.feat
    err_has 'flipped.feat: '
done
for words in 'feat-knn part-2.feat whole.feat' 'feat-knn whole.feat part-2.feat' 'feat-knn --val part-2.feat whole.feat whole.feat' \
    'feat-logreg -t part-2.feat whole.feat' 'feat-logreg -t whole.feat part-2.feat'; do
    status 1 $words
    err_has 'part-2.feat: parts 1, 3 of 3 are missing; feat-cat joins all'
done
no_leftovers
done_testing
