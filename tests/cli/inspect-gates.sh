#!/bin/bash
# bbu-inspect with gates and with a memory bank: photographs that a gate stops are reviews with the reason; scores by a
# bank are those of feat-bank to the bit; bank, classifier and weights must be of one way of extraction.
. "$(dirname "$0")/lib.sh"
. "$TESTS/cli/inspect-fixture.sh"
inspect_fixture || exit 1
bbu-pack -q --split train bbu.index -o trainshards

# ---- gates
status 0 bbu-inspect -q --make g.inspector -w "$w" -m m.logreg --thresholds 0.4,0.6 --views 3 --reference trainshards \
    --gates 10%,80%
out_has 'gates stop '
out_has '  subject: distance at most '
check 'installations are counted' grep -qE 'gates stop [0-9]+ of [0-9]+ good photographs, [0-9]+ of [0-9]+ installations' out
check '... and promised' grep -qE '  blurred: .* installations; with 80 % confidence at most [0-9.]+ % of all installations' out
out_has '  reused: similarity at most 0.95 stops 0 of '
# ... of one installation, and of copies of one photograph, which cannot tell what is another's
one=$(ls -d bbu/train/* | head -n 1)
status 0 bbu-inspect -q --make x.inspector -w "$w" -m m.logreg --thresholds 0.4,0.6 --reference "$one" --gates 10%
out_has '  subject: off: it takes good photographs of two installations or more'
out_has '  reused: off: it takes'
# ... without a confidence on average; damaged photographs are left out, and one that is no part is named
cp -r bbu/train odd && mkdir odd/hand && cp "$TESTS/golden/weights/picture.jpg" odd/hand/hand-0.jpg
n=$(find odd -name '*.jp*g' | wc -l)
set -- odd/*/*.jpeg
{ head -c -2 "$1"; printf 'abcdefghi'; tail -c 2 "$1"; } >x && mv x "$1"
head -c 700 "$2" >x && mv x "$2"
make_odd() { bbu-inspect -q --make x.inspector -w "$w" -m m.logreg --thresholds 0.4,0.6 --reference odd "$@"; }
status 0 make_odd
err_has "reference: 2 photographs damaged or unreadable, left out: $1, $2"
out_has " of $((n - 2)) good photographs"
check 'an odd one is named' grep -qE 'reference: one photograph is far from all others, the next at [0-9.]+, and decides what subject stops: odd/hand/hand-0.jpg \([0-9.]+\)$' err
status 0 make_odd --gates 10%
check '... unless it is stopped itself' bash -c '! grep -q "far from all others" err'
check 'without a confidence: on average' grep -qE '  subject: .* 1 of [0-9]+ installations; on average [0-9.]+ % of all installations$' out
mkdir same same/1 same/2 && cp "$one"/*-0.jpeg same/1 && cp "$one"/*-0.jpeg same/2
status 0 bbu-inspect -q --make x.inspector -w "$w" -m m.logreg --thresholds 0.4,0.6 --reference same --gates 10%
out_has '  good photographs of two installations are the same picture: '
status 0 bbu-info g.inspector
out_has 'similarity_most'
status 0 bbu-info --list g.inspector
out_has $'reference\tgates.safetensors'
status 0 bbu-inspect -q --make c.inspector -w "$w" -m m.logreg --thresholds 0.4,0.6 --views 3 --reference bbu/train \
    --gates 10%,80%
out_has " of $(find bbu/train -name '*.jpeg' | wc -l) good photographs" # without labels all are good
# ... with labels only the good ones are read
status 0 bbu-inspect --make all.inspector -w "$w" -m m.logreg --thresholds 0.4,0.6 --views 3 --reference bbu.index
n=$(bbu-info -l bbu.index | cut -f 5 | grep -c '^negative$')
check 'there are others' test "$n" -lt "$(bbu-info -l bbu.index | wc -l)"
err_has "reference: $n photographs in "
out_has " of $n good photographs"
# ... and add to the review of the installations that thresholds were chosen on, where these are photographs
bbu-pack -q --split val bbu.index -o chosen
status 0 bbu-inspect -q --make x.inspector -w "$w" -m m.logreg --choose chosen --missed 50%,50% --alarms 50%,0 \
    --reference trainshards --gates 10%,80%
out_has 'the same as they are judged, by the score and with what gates stop:'
set -- $(awk '$1 == "review" { print $4 }' out)
check 'review with gates is no less' test $# -eq 2 -a "${2:-0}" -ge "${1:-9}"
bbu-inspect -q g.inspector bbu.index --split test >plain.tsv
check 'measures are columns' grep -q '^of	.*	reason	sharpness	brightness	highlights	black	white	distance	similarity$' plain.tsv
set -- $(awk -F '\t' '$1 == "photograph" && $7 ~ /^score: / { print $2 }' plain.tsv)
check 'most photographs are not stopped' test $# -ge 10
a=$(basename "$1" -0.jpeg) a=${a%-?}
for f in "$@"; do b=$(basename "$f") b=${b%-?.*} && [ "$b" != "$a" ] && break; done
mkdir in && cp bbu/test/$a/* in && cp bbu/test/$b/$b-[02].jpeg in && cp "bbu/test/$a/$(basename "$1")" in/$b-1.jpeg
status 1 bbu-inspect -q g.inspector in
check 'a photograph used again is a review' grep -q "^photograph	in/$b-1.jpeg	.*	review	reused: " out
check '... with what its score says' grep -qE "^photograph	in/$b-1.jpeg	.*	review	reused: .*; its score: 0[^	]*(passes|fails|between) " out
check '... and its installation, too' grep -qE "^installation	$b	.*	review	reused: [^;]*; its score: 0[^;	]*(passes|fails|between) [^;]*	" out
status 1 bbu-inspect -q --json g.inspector in
check 'JSON names the other one' grep -q "\"photograph\":\"in/$b-1.jpeg\".*\"similarity\":.*\"similar\":\"in/$a-" out
# ... also after a stop, and whichever inspector goes on
mkdir day && cp bbu/test/"$a"/* day
bbu-inspect -q --watch day --wait 0.1 -o day.tsv g.inspector & watcher=$!
await_line() { for _ in $(seq 200); do grep -qs "$1" day.tsv && return 0; sleep 0.05; done; return 1; }
await_line "^installation	$a	"
kill $watcher && wait $watcher
rm day/* && for f in bbu/test/"$a"/*-1.jpeg; do cp "$f" "day/$b-0.jpeg"; done
bbu-inspect -q --watch day --wait 0.1 -o day.tsv g.inspector & watcher=$!
check 'a photograph used again tomorrow is found' await_line "^photograph	day/$b-0.jpeg	.*	review	reused: .* with day/$a-1"
kill $watcher && wait $watcher
check 'in a file beside the journal' test -s day.tsv.journal.prints
# ... byte by byte within one installation, without gates
mkdir copies && cp bbu/test/"$a"/"$a"-[01].jpeg copies && cp copies/"$a"-1.jpeg copies/"$a"-2.jpeg
status 1 bbu-inspect -q site.inspector copies
check 'a copy is no view' grep -q "^installation	$a	.*	2	.*	incomplete	views: 2 of 3; reused: the same file as copies/$a-1" out
check '... and a review' grep -q "^photograph	copies/$a-2.jpeg	.*	review	reused: the same file as copies/$a-1.jpeg" out
# ---- photographs that are cut short
mkdir cut && cp bbu/test/"$a"/* cut && f=cut/$a-1.jpeg && head -c $(($(stat -c %s "$f") * 9 / 10)) "$f" >x && mv x "$f"
cp "$f" cut/other-0.jpeg
bbu-index -q --truncated fill cut -o cut.index 2>/dev/null
status 1 bbu-inspect -q site.inspector cut.index
check 'a photograph that was filled is a review, with the share that is missing' \
    grep -qE "^photograph	[^	]*$a-1.jpeg	.*	review	filled: [1-9][0-9]* % of its rows are missing" out
check '... and its installation' grep -q "^installation	.*filled: " out
head -c 1500 bbu/test/"$b"/"$b"-0.jpeg >cut/"$a"-0.jpeg
status 1 bbu-inspect -q site.inspector cut.index
check 'one that was cut since is not filled, though others are' grep -q "$a-0.jpeg	.*	review	unreadable: " out
# ---- signs of damage are a review; what is only unusual is told
mkdir signs && cp bbu/test/"$a"/"$a"-[012].jpeg signs && f=signs/$a-1.jpeg
{ head -c -2 "$f"; printf 'abcdefghi'; tail -c 2 "$f"; } >x && mv x "$f"
printf 'tail' >>signs/"$a"-2.jpeg
status 1 bbu-inspect -q site.inspector signs
check 'left over codes are a review' grep -q "^photograph	signs/$a-1.jpeg	.*	review	damaged: [0-9] stray bytes before marker d9; its score: " out
check '... of the installation, too' grep -q "^installation	$a	.*	review	damaged: [0-9] stray bytes before marker d9 (signs/$a-1.jpeg)" out
check 'bytes behind the picture are told only' \
    grep -q "^photograph	signs/$a-2.jpeg	.*	score: .*; stray bytes after the end mark	" out
status 0 bbu-index signs -o signs.index
check 'bbu-index warns' grep -q "warning: $a-1.jpeg: [0-9] stray bytes before marker d9: the picture may be damaged\$" err
check 'bbu-index tells it, too' grep -q "$a-2.jpeg: stray bytes after the end mark\$" err
status 1 bbu-inspect -q site.inspector signs.index
check '... and a catalogue does not hide it' grep -q "^installation	.*damaged: " out
bbu-pack -q signs.index -o signs.shards
status 1 bbu-inspect -q site.inspector signs.shards
check '... nor do shards' grep -q "^installation	.*damaged: " out
cp "$TESTS/golden/weights/picture.jpg" in/odd-0.jpg
status 1 bbu-inspect -q g.inspector in/odd-0.jpg
check 'a picture of something else is stopped' grep -qE '^photograph.*	review	(dark|bright|blurred|subject): ' out
check 'scores are those without gates' cmp <(cut -f 2,5 plain.tsv | grep jpeg) \
    <(bbu-inspect -q site.inspector bbu.index --split test | cut -f 2,5 | grep jpeg)
bbu-inspect -q -j 1 g.inspector bbu.index --split test >one.tsv
same plain.tsv one.tsv
status 1 bbu-inspect -q --make x.inspector -w "$w" -m m.logreg --thresholds 0.4 --reference nowhere
err_has 'nowhere'
status 2 bbu-inspect -q --make x.inspector -w "$w" -m m.logreg --thresholds 0.4 --reference trainshards --gates 2
err_has '--gates'

# ---- tiles: the largest score of a photograph's tiles, the same from features as from the photographs
inspect_features t --tokens cls --tiles 42:14
status 0 bbu-inspect -q --make t.inspector -w "$w" -m t.logreg --choose t.val.feat --missed 50%,50% --alarms 50%,0 \
    --group-score mean-of-2 --reference trainshards --gates 10%,80%
sed 1d out >from-features
bbu-pack -q --split val bbu.index -o valshards
status 0 bbu-inspect -q --make u.inspector -w "$w" -m t.logreg --choose valshards --missed 50%,50% --alarms 50%,0 \
    --group-score mean-of-2
check 'tiles: thresholds from features are those from photographs' \
    cmp <(grep -v -e gates -e ' stops ' from-features) <(sed 1d out)
check 'tiles: all photographs are judged' test \
    "$(bbu-inspect -q --verdicts-only t.inspector bbu.index --split test | grep -c '^photograph')" -eq 24

# ---- a bank
patches() { # name, options
    dino-extract -q -w "$w" --tokens patch "${@:2}" shards -o all.feat
    local s
    for s in train test; do feat-cat -q --split $s all.feat -o "$1.$s.feat"; done
    feat-bank -q --vectors 200 -o "$1.bank" "$1.train.feat" -r /dev/null
}
patches p --layers 0,2 --resize 32 --size 28
feat-bank -q --class positive --against p.bank --vectors 50 -o f.bank p.train.feat -r /dev/null
scores() { sed -n 's/.*"photograph":"\([^"]*\)".*"score":\([^,]*\),.*/\1 \2/p' "$1" | sort; }
bank_scores() { sed -n 's/.*"key":"\([^"]*\)".*"scores*":\[*\([-0-9.e]*,\)*\([-0-9.e]*\).*/\1 \3/p' "$1" | sort; }
inspect_features q --tokens cls --layers 1, --resize 32 --size 28
for with in "" "--faults f.bank" "-m q.logreg --score bank"; do
    status 0 bbu-inspect -q --make b.inspector -w "$w" --bank p.bank $with --thresholds 0.1,0.5 --positive positive
    faults=$(echo "$with" | grep -o -- '--faults.*')
    feat-bank -q --score p.bank $faults -o want.json --json p.test.feat -r /dev/null
    bbu-inspect -q --json b.inspector bbu.index --split test >got.json
    bank_scores want.json >want && scores got.json >got
    check "scores by bank ${with:-alone} are those of feat-bank to the bit" bash -c 'test -s want && cmp want got'
done
status 0 bbu-inspect -q --make b.inspector -w "$w" --bank p.bank -m q.logreg --thresholds 0.1,0.5
bbu-inspect -q --json b.inspector bbu.index --split test >got.json
bbu-inspect -q --make q.inspector -w "$w" -m q.logreg --thresholds 0.1,0.5 >/dev/null
bbu-inspect -q --json q.inspector bbu.index --split test >want.json
check 'beside a bank the classifier has its own scores' cmp <(scores want.json) <(scores got.json)
status 1 bbu-inspect -q --make x.inspector -w "$w" --bank p.bank -m m.logreg --thresholds 0.1
err_has 'bank and classifier: size 28, other file has 0'
status 2 bbu-inspect -q --make x.inspector -w "$w" --faults f.bank -m m.logreg --thresholds 0.1
status 0 bbu-inspect -q --make b.inspector -w "$w" --bank p.bank --choose valshards --missed 50%,50% --positive positive
out_has 'score of a photograph: distance to the bank'
status 1 bbu-inspect -q --make x.inspector -w "$w" --bank p.bank --choose p.test.feat
err_has 'a bank scores photographs'
bbu-pack -q --split train bbu.index -o own
status 1 bbu-inspect -q --make x.inspector -w "$w" --bank p.bank --choose own --missed 50%,50% --positive positive
err_has 'are in the memory bank, the first is'
err_lacks 'allow-overlap'
status 1 bbu-inspect -q --make x.inspector -w "$w" --bank p.bank --faults f.bank --choose valshards --missed 50%,50% \
    --test own --positive positive
err_has ' of its groups are in the memory bank'
# ... known by their contents where they have no groups and other names
mkdir other && for f in bbu/train/*/*.jpeg; do cp "$f" "other/$(basename "$f" .jpeg | tr - x).jpeg"; done
(echo path,label; cd other && ls | sed '1~2s/$/,negative/;t;s/$/,positive/') >other.csv
bbu-index -q --labels other.csv --positive positive other -o other.index
status 1 bbu-inspect -q --make x.inspector -w "$w" --bank p.bank --choose other.index --missed 50%,50% --positive positive
err_has 'of its images are in the memory bank'
done_testing
