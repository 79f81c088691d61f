#!/bin/bash
# A bank knows what it was made of: labels and the positive class are kept, joined and told; a bank of faults is not taken
# for one of good parts nor the other way round, by feat-bank and bbu-inspect; banks of version 1 are refused.
. "$(dirname "$0")/lib.sh"
w=$TESTS/golden/vit_plain.pth
"$BUILD/tests/datagen" -q --groups 24 --width 96 --seed 5 d && bbu-index -q d -o x.index && bbu-pack -q x.index -o s || exit 1
extract() { dino-extract -q -w "$w" --tokens patch --layers 1, --resize 32 --size 28 "$@"; }
extract s -o all.feat
feat-cat --text all.feat >rows
good=$(cut -f 5 rows | grep -c negative) bad=$(cut -f 5 rows | grep -c positive)
for class in negative positive; do feat-cat -q --label $class all.feat -o $class.feat; done

# ---- kept, told
status 0 feat-bank -n 60 -o good.bank all.feat
check 'labels, and no word of them' lacks 'no label' err
status 0 feat-bank --class positive -n 20 -o bad.bank all.feat
status 0 feat-bank --list good.bank
check 'the label is the last column' test "$(cut -f 6 out | grep -c '^negative$')" = "$good"
status 0 bbu-info --json bad.bank
out_has '"labels":{"negative":0,"positive":'"$bad"'},"classes":["negative","positive"],"positive":"positive"'
out_has '"photographs":"'"$bad positive"'"'
status 0 feat-bank -q --subtract <(feat-bank --list good.bank | cut -f 2 | sort -u | head -n 2) -o less.bank good.bank
check 'subtracted: kept' bash -c 'diff <(feat-bank --list less.bank | cut -f 6 | sort -u) <(echo negative)'
status 0 feat-bank -q --join -o joined.bank less.bank good.bank
check 'joined: kept' test "$(feat-bank --list joined.bank | cut -f 6 | grep -c '^negative$')" = "$good"

# ---- taken for what it is not
status 1 feat-bank -q -s bad.bank all.feat
err_has "bad.bank: a bank of faults, not of good parts: all of its $bad photographs are of positive, the positive class"
status 1 feat-bank -q -s good.bank --faults good.bank all.feat
err_has "good.bank: a bank of good parts, not of faults: none of its $good photographs is of positive, the positive class"
status 1 feat-bank -q -s bad.bank --faults good.bank all.feat
err_has 'bad.bank: a bank of faults'
status 0 feat-bank -q -s good.bank --faults bad.bank all.feat
status 1 feat-bank -q --class positive --against bad.bank -n 5 -o x.bank all.feat
err_has 'bad.bank: a bank of faults'
status 0 feat-bank -q --join -o mixed.bank good.bank bad.bank
status 1 feat-bank -q -s mixed.bank all.feat
err_has "mixed.bank: $bad of $((good + bad)) photographs are of positive, the positive class, and no good parts: feat-bank --list names them, --subtract takes them out"
feat-bank --list mixed.bank | awk -F'\t' '$6 == "positive" {print $1}' >faulty.txt
status 0 feat-bank -q --subtract faulty.txt -o without.bank mixed.bank
status 0 feat-bank -q -s without.bank all.feat
status 1 feat-bank -q -s good.bank --faults mixed.bank all.feat
err_has "mixed.bank: $good of $((good + bad)) photographs are not of positive, the positive class, and no faults: feat-bank --class positive makes a bank without, --subtract takes them out"
make() { bbu-inspect --make x.inspector -w "$w" --alarms 20%,80% "$@"; }
status 0 make -q --bank good.bank
rm x.inspector
status 1 make --bank bad.bank
check 'nothing is written' test ! -e x.inspector
err_has 'bad.bank: a bank of faults, not of good parts'
status 1 make --bank mixed.bank
err_has ': '"$bad of"
status 1 make --bank bad.bank --faults good.bank
err_has 'bad.bank: a bank of faults'
feat-bank -q --faults bad.bank -n 60 -o differences.bank all.feat
status 0 make -q --bank differences.bank --faults bad.bank
status 1 make --bank good.bank --faults less.bank
err_has 'less.bank: a bank of good parts'
status 1 make --bank good.bank --positive negative
err_has 'good.bank: positive class negative, the bank was made with positive'

# ---- other classes: order, positive
sed 's/"classes": \["negative", "positive"\]/"classes": ["positive", "negative"]/; s/"gt_label": 0/"gt_label": X/; s/"gt_label": 1/"gt_label": 0/; s/"gt_label": X/"gt_label": 1/' \
    -i d/annotations/*.json
bbu-index -q d -o turned.index && bbu-pack -q turned.index -o turned && extract turned -o turned.feat
bbu-info --json turned.feat | grep -q '"classes":\["positive","negative"\]' || exit 1
status 1 feat-bank -q -s good.bank turned.feat
err_has 'turned.feat: classes positive, negative, the bank has negative, positive: of two the second is the defect'
status 0 feat-bank -q -s good.bank --positive positive -r turned.txt turned.feat
feat-bank -q -s good.bank -r straight.txt all.feat
check 'stated, it is the same' diff <(grep -E '^(AUROC|average)' straight.txt) <(grep -E '^(AUROC|average)' turned.txt)
status 1 feat-bank -q -s good.bank --positive negative all.feat
err_has 'all.feat: positive class negative, the bank was made with positive'
dino-extract -q -w "$w" --tokens cls --resize 32 --size 28 turned -o cls.feat && feat-logreg -q -t cls.feat -C 1 -m cls.logreg
status 1 bbu-inspect --make x.inspector -w "$w" --bank good.bank -m cls.logreg --score bank --alarms 20%,80%
err_has 'good.bank: positive class negative, the bank was made with positive'
status 1 bbu-inspect --make x.inspector -w "$w" --bank good.bank -m cls.logreg --score bank --alarms 20%,80% --positive positive
err_has 'good.bank: classes positive, negative, the bank has negative, positive'

# ---- a photograph of two labels
awk -F'\t' '$5 == "negative" {print $1}' rows | head -n 1 >first
status 0 feat-bank -q --positive positive --class negative -n 20 -o turned.bank turned.feat
status 1 feat-bank -q --join -o x.bank good.bank turned.bank
err_has 'turned.bank: class 0 is "positive", other file has "negative"'

# ---- of one class, of none: one note, and a name for the defect
for part in negative positive; do
    mkdir -p "one/$part/$part"
    awk -F'\t' -v c=$part '$5 == c {print $1 "\t" $3}' rows | while IFS=$'\t' read -r key group; do
        mkdir -p "one/$part/$part/$group" && cp "d/$key" "one/$part/$part/$group"
    done
    bbu-index -q --layout classes "one/$part" -o $part.index && bbu-pack -q $part.index -o $part.shards &&
        extract $part.shards -o one-$part.feat
    bbu-index -q "one/$part" -o plain.index && bbu-pack -q plain.index -o plain.shards && extract plain.shards -o plain-$part.feat
    rm -r plain.index plain.shards
done
status 0 feat-bank -n 60 -o plain.bank plain-negative.feat
err_has "plain-negative.feat: $good of $good photographs have no label and are taken as good"
status 0 make --bank plain.bank --positive positive
err_has "plain.bank: $good of $good photographs have no label and are taken as good"
check 'once' test "$(grep -c 'taken as good' err)" = 1
status 0 feat-bank -n 60 -o one.bank one-negative.feat
err_has 'one-negative.feat: nothing says whether class negative is the defect (--positive): its photographs are taken as good'
status 0 feat-bank --positive positive -n 60 -o one.bank one-negative.feat
err_lacks 'taken as'
status 0 make --bank one.bank
err_lacks 'taken as'
check 'the bank names the defect' grep -q '^positive: positive$' out
status 0 feat-bank --positive positive --class positive -n 20 -o faults.bank one-positive.feat
err_lacks 'taken as'
status 0 feat-bank -q -s one.bank --faults faults.bank --resamples 0 -r one.txt all.feat
feat-bank -q -s good.bank --faults bad.bank --resamples 0 -r two.txt all.feat
check 'one folder each gives what one catalogue gives' diff <(grep '^AUROC' one.txt) <(grep '^AUROC' two.txt)
status 1 feat-bank -q -s faults.bank --faults one.bank all.feat
err_has 'faults.bank: a bank of faults'
status 1 make --bank faults.bank
err_has 'faults.bank: a bank of faults, not of good parts'
feat-bank -q -n 20 --no-scores -o guess.bank one-positive.feat
status 1 make --bank guess.bank --positive positive
err_has "guess.bank: a bank of faults, not of good parts: all of its $bad photographs are of positive"
status 1 feat-bank -q -s guess.bank --positive positive all.feat
err_has 'guess.bank: a bank of faults'
status 1 feat-bank -q --positive positive -o x.bank one-positive.feat
err_has 'one-positive.feat: no photograph that is good'

# ---- labels that come with --calibrate
status 0 feat-bank -q --calibrate all.feat -o labelled.bank plain.bank
status 0 bbu-info --json labelled.bank
out_has '"classes":["negative","positive"],"positive":"positive"'

# ---- of the days when vectors had unit length
old=$TESTS/golden/formats/must-refuse/version-1.bank
status 1 feat-bank -s "$old" all.feat
err_has 'made by an older version of dinotools (bank version 1.0, this program reads 2): it has to be made again'
status 1 make --bank "$old"
err_has 'version-1.bank: made by an older version of dinotools'
check 'nothing is left of what failed' test ! -e x.bank

# ---- one photograph in both banks, of which no label tells
find d -name '*.jpeg' | sort | head -n 12 | extract - -o plain.feat
feat-bank -q -n 20 -o plain.bank plain.feat
feat-bank -q -n 10 -o again.bank plain.feat
status 1 feat-bank -q -s plain.bank --faults again.bank plain.feat
err_has 'again.bank: 12 photographs are in the bank of good parts, too, the first: d/'
status 1 make --bank plain.bank --faults again.bank --positive bad
err_has 'again.bank: 12 photographs are in the bank of good parts, too'

# ---- without labels there are no scores to report: no older file remains
echo old >old.txt
status 0 feat-bank -q -s plain.bank --json -r old.txt -o lines.txt plain.feat
check 'the report of an earlier run is gone' test ! -e old.txt
status 0 feat-bank -q -s plain.bank --json -r /dev/null -o lines.txt plain.feat
check '/dev/null is not' test -c /dev/null

no_leftovers
done_testing
