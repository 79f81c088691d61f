#!/bin/bash
# feat-bank: banks made, calibrated, joined, subtracted, listed; scores, thresholds, maps, masks, refusals; independence of
# threads and memory; feat-compare reads its predictions.
. "$(dirname "$0")/lib.sh"
"$BUILD/tests/datagen" -q --groups 24 --width 96 --seed 5 d && bbu-index -q d -o x.index && bbu-pack -q x.index -o s || exit 1
extract() { dino-extract -q -w "$TESTS/golden/vit_plain.pth" "$@"; }
extract --tokens patch --layers 0,1 --resize 70 --size 70 s -o all.feat || exit 1
for split in train test; do feat-cat -q --split $split all.feat -o $split.feat; done
good=$(feat-cat --text train.feat | cut -f 5 | grep -c negative)

# ---- a bank
status 0 feat-bank -n 60 -o good.bank train.feat
err_has "60 of $((good * 25)) tokens of $good photographs; no token is farther than"
status 0 bbu-info --json --verify good.bank
out_has "\"vectors\":60,\"dim\":128,\"photographs\":$good,\"offered\":$good,\"scored\":$good,"
out_has '"share_of_largest":0.01'
out_has '"settings":{"how":"made","vectors":"60","positive":"positive","photographs":"'$good' negative","largest":0.01,"scores":true}'
for jobs in 1 3; do
    status 0 feat-bank -q -j $jobs --memory 1M -n 60 -o again.bank train.feat
    same good.bank again.bank
done
status 0 feat-bank -q -n 20 --no-scores -o small.bank train.feat
status 0 feat-bank -q -n 10% -o share.bank train.feat
status 0 bbu-info --json share.bank
out_has "\"vectors\":$(((good * 25 + 9) / 10)),"
check 'the first vectors are the smaller bank' bash -c 'diff <(feat-bank --list small.bank | cut -f 1,2,4) <(feat-bank --list good.bank | cut -f 1,2,4)'
status 0 feat-bank --list good.bank
check 'a line for each photograph' test "$(wc -l <out)" = "$good"
check 'with its vectors' test "$(awk -F'\t' '{n += $3} END {print n}' out)" = 60
check 'and a score' test "$(awk -F'\t' '$4 == "offered" && $5 > 0' out | wc -l)" = "$good"
status 0 feat-bank -q --class positive -n 5 --against good.bank --largest 0.08 -o bad.bank train.feat
status 0 bbu-info --json bad.bank
out_has '"vectors":5,'

# ---- good photographs that nobody has labelled: the same bank, and labelled ones are scored by it
feat-cat --text train.feat | awk -F'\t' '$5 == "negative" {print "d/" $1}' >names
extract --tokens patch --layers 0,1 --resize 70 --size 70 - <names -o plain.feat
status 0 feat-bank -q -n 60 --no-scores -o plain.bank plain.feat
feat-bank -q -s good.bank --resamples 0 -r want.txt test.feat
status 0 feat-bank -q -s plain.bank --resamples 0 test.feat
out_has "$(grep '^AUROC' want.txt)"

# ---- scores: those of the photographs of the bank are without their own group
status 0 feat-bank -q --score good.bank --resamples 100 test.feat
out_has 'positive class: positive (of negative, positive)'
out_has "60 vectors of $good photographs; a score is the mean of the largest 1 % of the distances"
check 'AUROC with its interval' grep -qE '^AUROC +[01]\.[0-9]+ \[[01]\.[0-9]+, [01]\.[0-9]+\]' out
check 'no score that needs probabilities' bash -c '! grep -qE "accuracy|log loss|Brier|confusion" out'
status 0 feat-bank -q -s good.bank --json -o a.json -r a.scores test.feat
check 'the head says what scores are' grep -q '^{"report":"predictions","tool":"feat-bank".*"scores":"distances","classes":\["negative","positive"\]' a.json
check 'raw distances, the other class negative' grep -qE '"scores":\[-[0-9]+\.[0-9]+,[0-9]+\.[0-9]+\]' a.json
check 'no prediction' lacks '"prediction"' a.json
for jobs in 1 3; do
    status 0 feat-bank -q -j $jobs --memory 1M -s good.bank --json -o b.json -r b.scores test.feat
    same a.json b.json
    same a.scores b.scores
done
status 0 feat-bank -q -s good.bank -o train.txt -r /dev/null train.feat
check 'the scores of the bank'\''s own photographs are those that it holds' \
    diff <(grep negative train.txt | awk -F'\t' '$4 == "negative" {printf "%s %.5f\n", $1, $7}') \
    <(feat-bank --list good.bank | awk -F'\t' '{printf "%s %.5f\n", $1, $5}')
status 0 feat-bank -q -s good.bank --largest 1 -o mean.txt -r /dev/null test.feat
check 'the mean of all is smaller than of the largest' bash -c \
    'paste <(tail -n +2 mean.txt | grep -v "^#" | cut -f 7) <(grep -c . /dev/null; true) >/dev/null; feat-bank -q -s good.bank -o one.txt -r /dev/null test.feat &&
     paste <(grep jpeg mean.txt | cut -f 7) <(grep jpeg one.txt | cut -f 7) | awk "!(\$1 < \$2) {bad = 1} END {exit bad}"'

# ---- a bank of faults
status 0 feat-bank -q -s good.bank --faults bad.bank --json -o f.json -r f.scores test.feat
differ a.json f.json
out_empty
status 0 feat-compare -q --resamples 50 a.json f.json
out_has 'AUROC'
check 'and nothing that needs probabilities' bash -c '! grep -q Brier out'
status 1 feat-bank -q -s good.bank --faults bad.bank --alarms 20% test.feat
err_has 'good.bank: its scores of good photographs were computed with no bank of faults; feat-bank --calibrate gives others'
status 0 feat-bank -q -s good.bank --faults bad.bank --alarms 20% --calibrate train.feat --resamples 0 test.feat
out_has 'threshold '

# ---- verdicts by distances
feat-bank -q -s good.bank --json -o c.json -r /dev/null train.feat
status 0 feat-verdict -q -c c.json --missed 30%,80% a.json
check 'a threshold on the scale of the distances' grep -qE '^pass below [0-9]+\.[0-9]+, else fail' out
feat-verdict -q -c c.json --missed 30%,80% -o verdicts.txt -r /dev/null a.json
check 'verdicts on groups' grep -qE '	(pass|fail)	' verdicts.txt
status 1 feat-verdict -q -c c.json --missed 30%,80% f.json
err_has 'one alone is by a memory bank of known faults'

# ---- a threshold from good parts
status 0 feat-bank -q -s good.bank --alarms 20% --resamples 0 test.feat
out_has 'at most 20 % of good installations fail, on average, from '
check 'how many reach it' grep -qE '^of [0-9]+ good installations? [0-9]+ reach it$' out
check 'faulty ones, too' grep -qE '^of [0-9]+ faulty installations? [0-9]+ reach it$' out
check 'no word of photographs without a group' lacks 'without a group' err
status 1 feat-bank -q -s good.bank --alarms 0.5%,95% test.feat
err_has 'needs 598 good installations, has '
status 1 feat-bank -q -s small.bank --alarms 20% test.feat
err_has 'small.bank: no scores of good photographs, from which a threshold is chosen; feat-bank --calibrate gives them'
status 0 feat-bank -q --calibrate test.feat -o calibrated.bank small.bank
status 0 bbu-info --json calibrated.bank
out_has '"scored":'
status 0 feat-bank --list calibrated.bank
check 'those that were only scored' grep -qE 'scored only	[0-9]+\.' out
feat-bank -q --no-scores -n 5 -o test.bank test.feat && feat-bank --list test.bank | cut -f 1 | sort >good.keys
check '... are the good ones' bash -c 'diff <(grep "scored only" out | cut -f 1 | sort) good.keys'
status 1 feat-bank -q --class positive --calibrate test.feat -o odd.bank small.bank
err_has 'test.feat: --calibrate takes good photographs: class positive is the defect'
status 0 feat-bank -q -s calibrated.bank --alarms 40% --resamples 0 -r calibrated.txt test.feat

# ---- of a flat folder: nothing says which photographs are of one installation
mkdir flat && find d/train -name '*.jpeg' | head -n 12 | while read -r f; do cp "$f" flat/; done
bbu-index -q --layout folder flat -o flat.index && bbu-pack -q flat.index -o flat-shards
extract --tokens patch --layers 0,1 --resize 70 --size 70 flat-shards -o flat.feat
status 0 feat-bank -q -n 60 -o flat.bank flat.feat
status 0 feat-bank -q -s flat.bank --alarms 20% flat.feat
err_has 'flat.bank: 12 good photographs without a group, each of which counts as an installation'

# ---- joined, subtracted
feat-bank --list good.bank | cut -f 2 | sort -u >groups
head -n 2 groups >first
status 0 feat-bank --subtract first -o rest.bank good.bank
err_has 'photographs removed'
check 'none of them is left' bash -c '! feat-bank --list rest.bank | cut -f 2 | grep -qxFf first'
sed 's/$/\r/' first >windows
status 0 feat-bank -q --subtract windows --no-provenance -o windows.bank good.bank
status 0 feat-bank -q --subtract first --no-provenance -o unix.bank good.bank
same windows.bank unix.bank
status 0 feat-bank -q --subtract rest.bank -o part.bank good.bank
check 'a whole bank is subtracted' bash -c 'diff <(feat-bank --list part.bank | cut -f 2 | sort -u) first'
status 0 feat-bank -q --join -o joined.bank rest.bank part.bank good.bank
status 0 bbu-info --json joined.bank
out_has "\"vectors\":60,\"dim\":128,\"photographs\":$good,\"offered\":$good,\"scored\":0,"
status 0 feat-bank -q -s joined.bank -o j.txt -r /dev/null test.feat
check 'the same vectors give the same scores' diff <(grep jpeg j.txt) <(grep jpeg one.txt)
status 0 feat-bank --subtract /dev/null -o same.bank good.bank
err_has 'feat-bank: 0 photographs removed'
{ cat first; echo nowhere; printf 'nothing\r\n'; } >more
status 0 feat-bank --subtract more -o same.bank good.bank
err_has 'feat-bank: warning: more: 2 names are of no photograph of good.bank, the first: nothing'
status 0 feat-bank -q --list --calibrate nowhere --largest 0.5 -o x.bank good.bank
err_has '--calibrate: not used: photographs are neither taken in nor scored'
err_has '--largest: not used: no score is computed'
err_has '--output: not used: --list writes no bank'
status 1 feat-bank -q --subtract good.bank -o none.bank good.bank
err_has 'good.bank: no vector would be left'
check 'and nothing is written' test ! -e none.bank

# ---- maps and masks
status 0 feat-bank -q -s good.bank --photographs s --maps maps --resamples 0 test.feat
check 'the scale is said' grep -qE '^maps of [0-9]+ photographs in maps; colours are from [0-9.]+ to [0-9.]+ in all of them' out
n=$(feat-cat --text test.feat | wc -l)
check 'a picture and an array for each' test "$(find maps -name '*.png' | wc -l) $(find maps -name '*.npy' | wc -l)" = "$n $n"
one=$(feat-cat --text test.feat | head -n 1 | cut -f 1)
check 'the array has the pixels of the photograph' bash -c 'head -c 128 "maps/$1.npy" | grep -aq "(72, 96)" && test "$(stat -c %s "maps/$1.npy")" = $((128 + 72 * 96 * 4))' - "$one"
status 0 feat-bank -q -j 1 -s good.bank --photographs d --maps again --resamples 0 --scale 0.1,0.5 -r scale.txt test.feat
check 'a scale that is given' grep -q 'colours are from 0.1 to 0.5 in all of them' scale.txt
same "maps/$one.npy" "again/$one.npy"
differ "maps/$one.png" "again/$one.png"
# ---- maps of tiles are joined; one region of the whole photograph has the map of the photograph
echo 'all 0.0 0.0 1.0 1.0' >regions
status 0 extract --tokens patch --tiles 42:14 s -o tiles.feat
status 0 extract --tokens patch --layers 0,1 --resize 70 --size 70 --regions regions s -o region.feat
feat-cat -q --split test tiles.feat -o tiles-test.feat
feat-cat -q --split test region.feat -o region-test.feat
feat-cat -q --split train region.feat -o region-train.feat
status 0 feat-bank -q -n 60 -o tiles.bank tiles.feat
for jobs in 1 3; do
    status 0 feat-bank -q -j $jobs -s tiles.bank --photographs s --maps tiles-$jobs --resamples 0 tiles-test.feat
done
check 'a map for each photograph' test "$(find tiles-1 -name '*.npy' | wc -l)" = "$n"
check 'whatever the threads' diff -r tiles-1 tiles-3
check 'no pixel is without a value' bash -c 'tail -c +129 "tiles-1/$1.npy" | od -An -v -tf4 -w4 | grep -ci nan | grep -qx 0' - "$one"
# ---- tiles are no photographs: a photograph has one entry in a bank, one score, one line
feat-cat --text tiles.feat | awk -F'\t' '$5 == "negative" {print $1}' >tile-keys
good_all=$(sort -u tile-keys | wc -l)
check 'a photograph has several tiles' test "$(wc -l <tile-keys)" = $((good_all * 9))
status 0 bbu-info --json tiles.bank
out_has "\"vectors\":60,\"dim\":64,\"photographs\":$good_all,\"offered\":$good_all,\"scored\":$good_all,"
feat-bank --list tiles.bank >tiles.list
status 0 feat-bank -q -s tiles.bank -o tiles.txt --alarms 40% --resamples 0 tiles-test.feat
check 'a line for each photograph' test "$(grep -c jpeg tiles.txt)" = "$n"
out_has "images ($n)"
check 'groups, not tiles, reach a threshold' grep -qE "^of $(grep jpeg tiles.txt | cut -f 2,4 | sort -u | grep -c negative) good installations [0-9]+ reach it$" out
check 'the scores that the bank holds are those of whole photographs' bash -c \
    'join -t "$(printf "\t")" <(grep negative tiles.txt | awk -F"\t" "{printf \"%s\t%.5f\n\", \$1, \$7}" | sort) \
          <(awk -F"\t" "{printf \"%s\t%.5f\n\", \$1, \$5}" tiles.list | sort) |
     awk -F"\t" "\$2 != \$3 {bad = 1} END {exit bad || NR == 0}"'
status 0 feat-bank -q --join -o tiles-joined.bank tiles.bank tiles.bank
status 0 bbu-info --json tiles-joined.bank
out_has "\"vectors\":60,\"dim\":64,\"photographs\":$good_all,"
status 0 feat-bank -q -s tiles-joined.bank -o tiles-again.txt -r /dev/null tiles-test.feat
check 'and has the same vectors' diff <(grep jpeg tiles.txt) <(grep jpeg tiles-again.txt)
# of each photograph, not of each tile, the farthest: of 81 tokens in 9 tiles one
status 0 feat-bank --class positive --against tiles.bank -n 5 --no-scores -o tiles-bad.bank tiles.feat
bad_all=$(feat-cat --text tiles.feat | awk -F'\t' '$5 == "positive" {print $1}' | sort -u | wc -l)
err_has "5 of $bad_all tokens of $bad_all photographs"
status 0 feat-bank -q -n 60 -o region.bank region-train.feat
status 0 feat-bank -q -s region.bank --photographs s --maps region --resamples 0 region-test.feat
values() { tail -c +129 "$1/$one.npy" | od -An -v -tf4 -w4; }
check 'the same map' bash -c 'paste <(echo "$1") <(echo "$2") | awk "{d = \$1 - \$2} d > 1e-5 || d < -1e-5 {bad = 1} END {exit bad || NR != 6912}"' - \
    "$(values maps)" "$(values region)"

feat-cat --text test.feat | awk -F'\t' '$5 == "positive" {print $1}' | while read -r key; do
    mkdir -p "masks/$(dirname "$key")" && "$BUILD/tests/maskgen" 96 72 20 20 50 40 "masks/${key%.jpeg}.png"
done
status 0 feat-bank -q -s good.bank --photographs d --masks masks --resamples 50 test.feat
check 'pixels' grep -qE '^AUROC +[01]\.[0-9]+ \[' out
check 'AUPRO' grep -qE '^AUPRO up to a false positive rate of 0.3 +[01]\.[0-9]+ \[' out
out_has '% of the pixels, '
cp out first.txt
status 0 feat-bank -q -j 1 -s good.bank --photographs s --masks masks --resamples 50 test.feat
check 'the same by one thread, from shards' cmp first.txt out
"$BUILD/tests/maskgen" 96 70 0 0 5 5 "$(find masks -name '*.png' | sort | head -n 1)"
status 1 feat-bank -q -s good.bank --photographs d --masks masks test.feat
err_has '96 x 70 pixels, the photograph has 96 x 72'
rm "$(find masks -name '*.png' | sort | head -n 1)"
status 1 feat-bank -q -s good.bank --photographs d --masks masks test.feat
err_has 'no mask, but its label says that it has a fault'
status 1 feat-bank -q -s good.bank --photographs none --maps maps test.feat
err_has 'none'

# ---- features that do not go together; usage
extract --tokens patch --resize 70 --size 70 s -o last.feat
status 1 feat-bank -q -s good.bank last.feat
err_has 'of other layers'
status 1 feat-bank -q --join -o no.bank good.bank train.feat
err_has 'train.feat: is a file of kind features, not bank'
status 1 feat-bank -q -s train.feat test.feat
err_has 'train.feat: is a file of kind features, not bank'
feat-cat -q --label positive train.feat -o faulty.feat
status 1 feat-bank -q -o no.bank faulty.feat
err_has 'faulty.feat: no photograph that is good'
status 1 feat-bank -q --class odd -o no.bank train.feat
err_has 'train.feat: no class odd'
status 2 feat-bank train.feat
err_has '-o FILE is missing'
status 2 feat-bank -n 1.5 -o no.bank train.feat
err_has '--vectors 1.5: a number of vectors, or a share'
status 2 feat-bank -s good.bank --maps maps test.feat
err_has '--maps needs --score and --photographs'
status 2 feat-bank -s good.bank --alarms much test.feat
status 2 feat-bank -s good.bank --join test.feat
status 2 feat-bank -s good.bank --photographs d --maps maps --scale 2,1 test.feat
err_has 'the first one lower'
status 1 feat-bank --alarms 1% -o no.bank nosuch
err_has '--alarms: not used: it goes with --score'
check 'no bank is left of what failed' test ! -e no.bank
status 0 bbu-info --trace good.bank
out_has 'train.feat'
no_leftovers
done_testing
