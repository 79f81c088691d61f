#!/bin/bash
# bbu-inspect --make from good photographs only: a bank and a promise about alarms give an inspector, without a label. Its
# threshold is that of feat-bank; it is refused with the number that is needed; faults are found. Then what --make is asked
# wrongly.
. "$(dirname "$0")/lib.sh"
w=$TESTS/golden/vit_plain.pth
"$BUILD/tests/datagen" -q --groups 60 --width 96 --seed 4 bbu && bbu-index -q bbu -o bbu.index || exit 1
mkdir -p site/good
for group in $(sed -n 's/.*"gt_label": 0, "group_id": "\([0-9]*\)".*/\1/p' bbu/annotations/train.json | sort -u); do
    cp -r "bbu/train/$group" site/good
done
n=$(ls site/good | wc -l)
bank_of() { # name, options of bbu-index
    bbu-index -q "${@:2}" -o "$1.index" && bbu-pack -q "$1.index" -o "$1.shards" &&
        dino-extract -q -w "$w" --tokens patch --layers 1, --resize 32 --size 28 "$1.shards" -o "$1.feat" &&
        feat-bank -q -n 500 "$1.feat" -o "$1.bank"
}
bank_of site site || exit 1

# ---- a threshold from good parts
status 0 bbu-inspect --make site.inspector -w "$w" --bank site.bank --alarms 20%,80%
check 'it says of which installations' grep -q '^installations of the bank that thresholds were chosen on:$' out
check '... of how many' grep -q "good ($n) " out
check 'faults are not promised' grep -q '^nothing is promised about faults' out
check 'the views are those of all' grep -q 'incomplete with fewer than 3 views' out
threshold=$(sed -n 's/^pass below \([^,]*\), else fail$/\1/p' out)
feat-bank -q --score site.bank --alarms 20%,80% site.feat -o /dev/null --resamples 0 >bank.txt
check "the threshold $threshold is that of feat-bank" grep -q "threshold *${threshold:0:6}" bank.txt
status 1 bbu-inspect --make x.inspector -w "$w" --bank site.bank --alarms 0.5%,95%
err_has "site.bank: alarms 0.5 %, 95 % sure: needs 598 good installations, has $n"
check 'nothing was made' test ! -e x.inspector
bbu-inspect -q --verdicts-only --json site.inspector bbu.index --split test >out
check 'the promise stands in the head' grep -q '"promises":\[{"promise":"alarms","share":0.2,"confidence":0.8,"chosen":{"installations":'$n, out
check 'good parts alone calibrate nothing' bash -c '! grep -q "\"probability\"" out'
check 'faulty and good ones are told apart' awk -F '"' '/"installation"/ {v[/"verdict":"fail"/]++} END {exit !(v[0] && v[1])}' out

# ---- the name of the defect, which no photograph has
status 0 bbu-inspect -q --make named.inspector -w "$w" --bank site.bank --positive bad --alarms 20%,80%
check 'without classes' grep -q '^positive: bad$' out
bank_of one --layout classes site || exit 1
status 0 bbu-inspect -q --make named.inspector -w "$w" --bank one.bank --positive bad --alarms 20%,80%
check 'with one class' grep -q '^positive: bad$' out
status 1 bbu-inspect -q --make x.inspector -w "$w" --bank one.bank --positive good --alarms 20%,80%
err_has "one.bank: a bank of faults, not of good parts: all of its $((3 * n)) photographs are of good, the positive class"

# ---- promises are counted on others: on labelled ones, on good ones alone
mkdir -p more/good && cp -r $(sed -n 's|.*"gt_label": 0, "group_id": "\([0-9]*\)".*|bbu/test/\1|p' bbu/annotations/test.json | sort -u) more/good
bbu-index -q --layout classes more -o more.index
status 0 bbu-inspect -q --make x.inspector -w "$w" --bank one.bank --positive bad --alarms 20%,80% --test more.index --json
check 'good ones alone' grep -q '^{"report":"verdict-counts","of":"test","left_out":0,"installations":"good",' out
status 1 bbu-inspect -q --make y.inspector -w "$w" --bank one.bank --positive bad --alarms 20%,80% --test one.index
err_has 'one.index: '
err_has 'memory bank'
bbu-pack -q --split test bbu.index -o test.shards
status 0 bbu-inspect -q --make x.inspector -w "$w" --bank site.bank --positive positive --alarms 20%,80% --test test.shards
check 'labelled ones' grep -q '^faulty\|faulty (' out

# ---- photographs that were only scored are not to be tested on either
bbu-pack -q more.index -o more.shards
dino-extract -q -w "$w" --tokens patch --layers 1, --resize 32 --size 28 more.shards -o more.feat
feat-bank -q one.bank --calibrate more.feat -o calibrated.bank
status 0 bbu-inspect -q --make c.inspector -w "$w" --bank calibrated.bank --positive bad --alarms 20%,80%
check 'thresholds of more good ones' grep -q "good ($((n + $(ls more/good | wc -l)))) " out
status 1 bbu-inspect -q --make y.inspector -w "$w" --bank calibrated.bank --positive bad --alarms 20%,80% --test more.index
err_has 'more.index: '
err_has 'calibrated.bank'

# ---- predictions of feat-bank are scores of the same kind; those of a classifier are not
dino-extract -q -w "$w" --tokens patch --layers 1, --resize 32 --size 28 test.shards -o test.feat
bbu-pack -q --split train bbu.index -o train.shards
dino-extract -q -w "$w" --tokens patch --layers 1, --resize 32 --size 28 train.shards -o train.feat
feat-bank -q -n 500 train.feat -o train.bank
feat-bank -q --score train.bank test.feat -o test.json --json -r /dev/null
status 0 bbu-inspect -q --make x.inspector -w "$w" --bank train.bank --choose test.json --missed 50%,50% --alarms 50%,50%
sed 1d out >from-predictions
status 0 bbu-inspect -q --make x.inspector -w "$w" --bank train.bank --choose test.shards --missed 50%,50% --alarms 50%,50%
check 'the same thresholds as from photographs' cmp from-predictions <(sed 1d out)
bbu-inspect -q --verdicts-only x.inspector bbu.index --split train >out
check 'good and faulty ones calibrate: a column' grep -q '^of	name	.*	reason	probability$' out
check '... with a share' awk -F '\t' '/^installation/ {n++; bad += !($8 > 0 && $8 < 1)} END {exit !(n && !bad)}' out
bbu-inspect -q --verdicts-only --json x.inspector bbu.index --split train >out
check '... and a key' grep -q '^{"installation":.*"reason":"score: [^"]*","probability":0\.[0-9]*,"photographs":' out
check 'a photograph says how much of it was cut away' grep -q '^{"photograph":.*,"cropped":0\.[0-9]*}' out
cp out cropped.json
status 0 feat-report -q -o cropped.html cropped.json
check 'and the page that it is not inspected' grep -qE '<strong>[1-9][0-9]?.{1,2}% of the photographs&#39; area is not inspected:' cropped.html
dino-extract -q -w "$w" --tokens cls --resize 32 --size 28 test.shards -o cls.feat && feat-logreg -q -t cls.feat -C 1 -m cls.logreg &&
    feat-logreg -q -m cls.logreg cls.feat --allow-overlap --json -o cls.json -r /dev/null --resamples 0
status 1 bbu-inspect -q --make y.inspector -w "$w" --bank site.bank --positive positive --choose cls.json
err_has 'cls.json: probabilities, the inspector scores by a bank'
status 1 bbu-inspect -q --make y.inspector -w "$w" --bank calibrated.bank --positive positive --choose test.json
err_has 'test.json: predictions of another memory bank'

# ---- asked wrongly
status 2 bbu-inspect --make y.inspector -w "$w" --bank site.bank
err_has 'needs thresholds: --choose FILE finds them, --thresholds gives them, --alarms with --bank takes them from good'
status 2 bbu-inspect --make y.inspector -w "$w" --bank site.bank --missed 5% --alarms 5%
err_has '--missed is a promise about faulty installations'
status 2 bbu-inspect --make y.inspector -w "$w" -m cls.logreg --alarms 5%
err_has 'good parts say nothing of a classifier'
status 2 bbu-inspect --make y.inspector -w "$w" --bank site.bank --alarms 5% --group-score learned
err_has 'learned from --choose'
status 2 bbu-inspect --make y.inspector -w "$w" --bank site.bank --thresholds 0.3 --group-score learned
err_has 'learned from --choose'
status 0 bbu-inspect --make y.inspector -w "$w" --bank site.bank --thresholds 0.3 --level 0.9 --gates 1% --score bank
err_has '--level: not used: nothing is counted with --thresholds alone'
err_has '--gates: not used: there are no gates without --reference'
err_has '--score: not used: there is only one'

# ---- installations that differ in their number of views
rm site/good/$(ls site/good | head -n 1)/*-0.jpeg && bank_of fewer site
status 0 bbu-inspect --make y.inspector -w "$w" --bank fewer.bank --alarms 20%,80%
err_has "fewer.bank: 1 of $n installations has 2 views, not 3: the number of views is not checked (--views 3?)"
status 0 bbu-inspect --make y.inspector -w "$w" --bank fewer.bank --alarms 20%,80% --views 3
err_lacks 'views'
mkdir flat && i=0 && for f in site/good/*/*.jpeg; do i=$((i + 1)) && cp "$f" flat/IMG$i.jpeg; done
bank_of flat flat
status 0 bbu-inspect --make y.inspector -w "$w" --bank flat.bank --alarms 20%,80%
err_has "flat.bank: $i good photographs are of no installation: each counts as one"

# ---- photographs squeezed into the square: an inspector sees them as the features did, and nothing is cut away
squeezed() { dino-extract -q -w "$w" --tokens patch --layers 1, --fit squeeze --size 42 "$@"; }
squeezed site.shards -o q.feat && feat-bank -q -n 500 q.feat -o q.bank && find bbu/test -name '*.jpeg' | sort >names
status 0 bbu-inspect -q --make q.inspector -w "$w" --bank q.bank --alarms 20%,80%
squeezed - <names -o q.test.feat && feat-bank -q -s q.bank --json -o q.json -r /dev/null q.test.feat
bbu-inspect -q --verdicts-only --json q.inspector - <names >judged.json
sed -nE 's/^\{"key":"([^"]*)","scores":\[-?[^,]*,([^]]*)\].*/\1 \2/p' q.json | awk '{printf "%s %.5g\n", $1, $2}' | sort >want
sed -nE 's/^\{"photograph":"([^"]*)".*"score":([^,]*),.*/\1 \2/p' judged.json | awk '{printf "%s %.5g\n", $1, $2}' | sort >got
check 'nothing was cut away' lacks '"cropped"' judged.json
check 'as many as there are' test "$(wc -l <want)" = "$(wc -l <names)"
check 'scores are those of the features' cmp want got
status 2 dino-extract -w "$w" --fit squeeze --size 0 site.shards -o x.feat
err_has 'needs a --size to squeeze pictures to'

no_leftovers
done_testing
