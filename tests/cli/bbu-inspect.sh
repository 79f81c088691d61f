#!/bin/bash
# bbu-inspect: making and judging. Scores are those of dino-extract and feat-logreg to the bit; what was made in another
# way is refused; every source of photographs gives the same verdicts; an unreadable photograph is a review.
. "$(dirname "$0")/lib.sh"
. "$TESTS/cli/inspect-fixture.sh"
inspect_fixture || exit 1

# ---- the file
status 0 bbu-info --verify site.inspector
out_has 'inspector'
status 0 bbu-info site.inspector
out_has 'pass_below'
out_has 'num_heads'
status 0 bbu-info --list site.inspector
out_has $'weights\tvit_plain.pth'
status 0 bbu-info --trace site.inspector
out_has 'bbu.index'
status 0 bbu-inspect -q --unpack parts site.inspector
same parts/m.logreg m.logreg
same parts/vit_plain.pth "$w"
status 1 bbu-inspect --unpack parts site.inspector
check 'the same work gives the same bytes' bash -c 'bbu-inspect -q --make again.inspector -w "$1" -m m.logreg \
    --choose m.val.feat --missed 50%,50% --alarms 50%,0 >/dev/null && cmp site.inspector again.inspector' - "$w"
check 'compressed it is smaller' bash -c 'bbu-inspect -q --make small.inspector -w "$1" -m m.logreg --compress \
    --thresholds 0.4,0.6 >/dev/null && test $(stat -c %s small.inspector) -lt $(stat -c %s site.inspector)' - "$w"
check 'it says what was promised' grep -q '^at most  *50 %, 50 % sure  *50 % on average' made.txt
check '... and what the positive class is' grep -q '^positive: positive$' made.txt

# ---- a learned rule: thresholds are of installations, and a photograph is judged as an installation of one view
feat-logreg -q -t m.train.feat -m l.logreg --out-of-fold oof.json --json -r /dev/null --resamples 0
bbu-inspect -q --make learned.inspector -w "$w" -m l.logreg --choose oof.json --group-score learned --missed 50%,50% --alarms 50%,0 >/dev/null
bbu-inspect -q --json --verdicts-only learned.inspector bbu.index --split test >learned.json
check 'the head says the rule' grep -q '"group_score":"learned","pass_below":' learned.json
status 0 feat-report -q -o learned.html learned.json
check 'and a page tells it' grep -q 'score of an installation: learned from its views' learned.html
check 'the score in the reason is that of the rule' test -z "$(grep '"photograph":' learned.json |
    awk 'match($0, /"score":[0-9.e-]*/) {x = substr($0, RSTART + 8, 6)} match($0, /"score: [0-9.e-]*/) && substr($0, RSTART + 8, 6) == x')"
check 'there were photographs' grep -q '"reason":"score: ' learned.json
"$BUILD/tests/datagen" -q --groups 40 --width 64 --seed 8 others && bbu-index -q others -o others.index
bbu-inspect --make photographs.inspector -w "$w" -m m.logreg --choose others.index --group-score learned --missed 50%,50% --alarms 50%,0 >out
check 'a catalogue teaches the rule, too' grep -q '^ .* all (40)' out
out_has 'learned from 20 faulty and 20 good installations, penalty lambda '

# ---- the folder of a run stands for its newest teacher; what is not there is named
mkdir -p a-run/eval/training_9
dino-weights convert -q "$w" -o a-run/eval/training_9/teacher_checkpoint.safetensors
bbu-inspect -q --make of-run.inspector -w a-run -m m.logreg --thresholds 0.5 --no-provenance >/dev/null
bbu-inspect -q --make of-file.inspector -w a-run/eval/training_9/teacher_checkpoint.safetensors -m m.logreg --thresholds 0.5 --no-provenance >/dev/null
same of-run.inspector of-file.inspector
echo 'no classifier' >poor.logreg
status 1 bbu-inspect --make x.inspector -w "$w" -m poor.logreg --thresholds 0.5
check 'a part that is none is named, not the output' grep -q '^bbu-inspect: poor.logreg: ' err
status 1 bbu-inspect --make x.inspector -w "$w" --bank m.logreg --thresholds 0.5
check '... and so is a bank' grep -q '^bbu-inspect: m.logreg: ' err
status 1 bbu-inspect --make x.inspector -w "$w" -m m.logreg --choose nosuch --missed 50%,50%
err_has 'nosuch: No such file'

# ---- one photograph does not stand for the views of an installation
one=$(find bbu/test -name '*-0.jpeg' | sort | head -n 1)
for view in 0 1 2; do printf '%s\tG\t%d\n' "$one" $view; done | bbu-inspect -q --verdicts-only site.inspector - >out
check 'named three times it is one view of three' grep -q "^installation	G	G	1	.*	incomplete	views: 1 of 3" out
mkdir copies && for view in 0 1 2; do cp "$one" copies/G-$view.jpeg; done
bbu-inspect -q --verdicts-only site.inspector copies >copies.txt
check 'copied three times it is one view, too' grep -q '^installation	G	G	1	.*	incomplete	views: 1 of 3' copies.txt
check 'and is judged once' test "$(grep -c '^photograph' out)" = 1

# ---- a name stays what it is in a table
cp "$one" $'tab\tname-0.jpeg'
bbu-inspect -q --verdicts-only site.inspector $'tab\tname-0.jpeg' >out
check 'a tab in a name is escaped' grep -qF $'photograph\ttab\\tname-0.jpeg\ttab\\tname\t0\t' out

# ---- scores are those of features and classifier, to the bit
scores() { sed -n 's/.*"photograph":"\([^"]*\)".*"score":\([^,]*\),.*/\1 \2/p' "$1" | sort; }
predicted() { sed -n 's/.*"key":"\([^"]*\)".*"scores":\[[^,]*,\([^]]*\)\].*/\1 \2/p' "$1" | sort; }
to_the_bit() { # name, options of dino-extract
    [ -e "$1.logreg" ] || inspect_features "$@"
    bbu-inspect -q --make "$1.inspector" -w "$w" -m "$1.logreg" --thresholds 0.5 >/dev/null
    feat-logreg -q -m "$1.logreg" "$1.test.feat" --json -o "$1.json" -r /dev/null --resamples 0
    bbu-inspect -q --json "$1.inspector" bbu.index --split test >"$1.verdicts"
    predicted "$1.json" >want
    scores "$1.verdicts" >got
    check "$*: $(wc -l <want) scores are the same to the bit" bash -c 'test -s want && cmp want got'
}
to_the_bit m
to_the_bit cls --tokens cls --resize 32 --size 28
to_the_bit unit --tokens cls+mean --unit --layers 0,2 --resize 32 --size 28 --fit crop
to_the_bit mean --tokens mean --no-norm --layers 2 --resize 36 --size 0 --fit pad
to_the_bit patch --tokens patch --layers 1, --resize 32 --size 28
has_bf16() { dino-extract -q -w "$w" --precision bf16 "$one" -o bf16.feat 2>err; }
if has_bf16; then
    to_the_bit fast --tokens cls+mean --resize 32 --size 28 --precision bf16
else
    err_has 'are not available; f32 and auto work'
    skip 'no bf16 instructions' 'scores in bf16'
fi
# Tiles: the classifier says how a photograph is scored by them, whether photographs or features are judged.
dino-extract -q -w "$w" --tiles 42:14 shards -o tiles.all.feat
for s in train val test; do feat-cat -q --split $s tiles.all.feat -o tiles.$s.feat; done
feat-logreg -q -t tiles.train.feat -m tiles.logreg --val tiles.val.feat -C 1 -r /dev/null --resamples 0 --tile-score mean-of-3
to_the_bit tiles --tiles 42:14
feat-logreg -q -t tiles.train.feat -m max.logreg --val tiles.val.feat -C 1 -r /dev/null --resamples 0
bbu-inspect -q --make max.inspector -w "$w" -m max.logreg --thresholds 0.5 >/dev/null
bbu-inspect -q --json max.inspector bbu.index --split test >max.verdicts
check 'another score than by the largest' bash -c '! cmp -s <(grep -o "\"score\":[^,]*" max.verdicts) <(grep -o "\"score\":[^,]*" tiles.verdicts)'
for from in tiles.val.feat valshards; do
    [ -e valshards ] || bbu-pack -q --split val bbu.index -o valshards
    bbu-inspect -q --make t.inspector -w "$w" -m tiles.logreg --choose $from --missed 50%,50% --alarms 50%,0 >tiles-$from.txt
done
check 'thresholds are of photographs, not of tiles' bash -c 'test -s tiles-valshards.txt && cmp <(sed 1d tiles-tiles.val.feat.txt) <(sed 1d tiles-valshards.txt)'
for j in 1 2 5; do
    bbu-inspect -q --json -j $j m.inspector bbu.index --split test >threads.verdicts
    same m.verdicts threads.verdicts
done

# ---- the same installations from every source
verdicts_of() { # what, arguments
    bbu-inspect -q site.inspector "${@:2}" >out.tsv 2>err
    verdicts out.tsv | sed 's/^.*\///' >got
    check "$1: the same verdicts" bash -c 'test -s got && cmp want.verdicts got'
}
bbu-inspect -q site.inspector bbu.index --split test >out.tsv
check 'installations failed: status 1' test $? -eq 1
verdicts out.tsv >want.verdicts
check 'all verdicts occur but incomplete' bash -c 'test $(cut -f 2 want.verdicts | sort -u | wc -l) -ge 2'
verdicts_of shards shards --split test
verdicts_of folder bbu/test
verdicts_of files bbu/test/*/*.jpeg
verdicts_of 'files in another order' $(ls -r bbu/test/*/*.jpeg)
find bbu/test -name '*.jpeg' >names
verdicts_of 'names' - <names
find bbu/test -name '*.jpeg' -print0 >names0
verdicts_of 'names with zero bytes' -0 - <names0
sed 's|.*/\([^/]*\)-\([0-9]\).jpeg|&\t\1\t\2|' names >table
verdicts_of 'a table' - <table
mkdir apart && i=0 && while read -r f; do i=$((i + 1)) && d=apart/$(basename "$(dirname "$f")") && mkdir -p "$d" &&
    cp "$f" "$d/IMG_$((1000 + i)).jpeg"; done <names
verdicts_of 'folders of installations' apart
verdicts_of 'a pattern' --group-pattern '{group}/*' apart/*/*

# ---- exit status
good=$(awk '$2 == "pass" { print $1; exit }' want.verdicts) bad=$(awk '$2 == "fail" { print $1; exit }' want.verdicts)
status 0 bbu-inspect -q site.inspector bbu/test/$good
out_has $'installation\t'
status 1 bbu-inspect -q site.inspector bbu/test/$good bbu/test/$bad
status 0 bbu-inspect -q --verdicts-only site.inspector bbu/test/$bad
status 2 bbu-inspect site.inspector
err_has 'nothing to judge'
status 2 bbu-inspect
status 2 bbu-inspect --make x.inspector -w "$w" -m m.logreg
err_has 'needs thresholds'
status 2 bbu-inspect --make x.inspector -w "$w" --choose m.val.feat
err_has 'needs what judges'
status 2 bbu-inspect --group-pattern '{view}' site.inspector bbu/test
err_has 'no {group}'
status 1 bbu-inspect m.logreg bbu/test
err_has 'm.logreg: is a file of kind classifier, not inspector'

# ---- what cannot be read, what is missing, what is too much
mkdir odd && cp bbu/test/$good/* odd
head -c 700 odd/$good-1.jpeg >cut && cp cut odd/$good-1.jpeg
cp bbu/test/$bad/* odd
status 1 bbu-inspect -q site.inspector odd
check 'a cut photograph is a review' grep -q "^photograph.*$good-1.jpeg.*	review	unreadable: " out
check '... and so is its installation' grep -q "^installation	$good	.*	3	.*	review	unreadable: .*$good-1.jpeg" out
check '... and the others go on' grep -q "^installation	$bad	.*	3	.*	fail	score: " out
err_has '1 photograph of 6 could not be read'
rm odd/$good-1.jpeg
status 1 bbu-inspect -q site.inspector odd
check 'a view is missing: incomplete' grep -q "^installation	$good	.*	2	.*	incomplete	views: 2 of 3" out
cp bbu/test/$good/$good-1.jpeg odd && cp bbu/test/$bad/$bad-1.jpeg odd/$good-7.jpeg
status 1 bbu-inspect -q site.inspector odd
check 'a view too many: review' grep -q "^installation	$good	.*	4	.*	review	views: 4 of 3" out
status 1 bbu-inspect -q site.inspector bbu/test nowhere.jpeg bbu/tset
err_has 'nowhere.jpeg: No such file'
err_has 'bbu/tset: No such file'
check 'what was mistyped is no installation' test ! -s out
echo nowhere.jpeg | bbu-inspect -q --verdicts-only site.inspector - >out 2>err
check 'a name that is not there' grep -q 'review	unreadable: No such file' <(grep ^photograph out)
mkdir none
status 0 bbu-inspect -q site.inspector none
check 'no photographs are no error' bash -c '! grep -q ^installation out'
status 1 bbu-inspect site.inspector bbu.index shards
err_has 'not mixed'

# ---- one way of extraction
inspect_features other --tokens cls+mean --resize 48 --size 0
status 1 bbu-inspect --make x.inspector -w "$w" -m m.logreg --choose other.val.feat
err_has 'other.val.feat: is incompatible with the classifier: resize 48, other file has 32'
status 1 bbu-inspect --make x.inspector -w "$TESTS/golden/vit_reg4.pth" -m m.logreg --thresholds 0.5
err_has 'made by different weights'
bbu-pack -q --short-side 48 bbu.index -o small
mv shards whole && mv small shards
inspect_features packed --tokens cls+mean --resize 32 --size 0
mv shards small && mv whole shards
status 1 bbu-inspect --make x.inspector -w "$w" -m packed.logreg --thresholds 0.5
err_has 'pack.short_side'
status 1 bbu-inspect --make x.inspector -w "$w" -m m.logreg --choose m.train.feat
err_has 'fitted to'
status 1 bbu-inspect --make x.inspector -w "$w" -m m.logreg --choose m.val.feat --missed 1%,99%
err_has 'needs'
status 1 bbu-inspect --make x.inspector -w "$w" -m m.logreg --choose m.val.feat --missed 50%,50% --test m.val.feat
err_has 'm.val.feat'
check 'nothing was made of what was refused' test ! -e x.inspector
no_leftovers

# ---- thresholds from predictions, from photographs
feat-logreg -q -m m.logreg m.val.feat --allow-overlap --json -o val.json -r /dev/null --resamples 0
for from in val.json valshards; do
    status 0 bbu-inspect -q --make p.inspector -w "$w" -m m.logreg --choose $from --missed 50%,50% --alarms 50%,0
    sed 1d out >p.txt
    check "thresholds from $from are those from features" cmp p.txt <(sed 1d made.txt)
done
status 0 bbu-inspect -q --make p.inspector -w "$w" -m m.logreg --choose m.val.feat --missed 50%,50% --test m.test.feat
out_has 'checked on'
feat-logreg -q -m m.logreg --json -o said.json -r /dev/null m.test.feat
sed -E 's/"scores":\[[^]]*\]/"scores":[1,0]/' said.json >good.json # none seems faulty
status 1 bbu-inspect -q --make broken.inspector -w "$w" -m m.logreg --choose m.val.feat --missed 16%,50% --test good.json
err_has 'good.json: a promise is broken, at most 16 % of faulty installations pass'
check 'the inspector is made all the same' test -s broken.inspector
status 0 bbu-inspect -q --json --make p.inspector -w "$w" -m m.logreg --choose m.val.feat --missed 50%,50% --test m.test.feat
out_has '"checked":{"installations":'
check 'its promises are those of feat-verdict' grep -q \
    '^{"report":"promises","promise":"missed","share":0.5,"confidence":0.5,"chosen":{.*"checked":{.*"state":"kept"},"threshold":[0-9.e-]*}$' out
check 'and its counts' test "$(grep -c '^{"report":"verdict-counts","of":"test","left_out":0,"installations":' out)" = 3
bbu-inspect -q --verdicts-only --json p.inspector bbu.index --split test | head -n 1 >out
check 'verdicts say what became of the promise on others' grep -q '"chosen":{"installations":[^}]*},"checked":{"installations":' out
bbu-inspect -q --verdicts-only p.inspector bbu.index --split test >out
check '... as text, too' grep -q '^# promise at most 50 % of faulty installations pass, 50 % sure; when chosen [0-9]* of [0-9]*; on others [0-9]* of [0-9]*' out

status 1 bbu-inspect -q --make x.inspector -w "$w" -m m.logreg --choose oof.json --missed 50%,50%
err_has 'oof.json: predictions of another classifier'
feat-logreg -q -t m.train.feat -C 7 --out-of-fold unnamed.json --json -r /dev/null --resamples 0
status 1 bbu-inspect -q --make x.inspector -w "$w" -m m.logreg --choose unnamed.json --missed 50%,50%
err_has 'unnamed.json: predictions that name no classifier'

# ---- outputs
status 1 bbu-inspect -q --json site.inspector bbu/test
check 'JSON lines: what they are of' grep -q '"positive":"positive",.*"origins":{"inspector":{"identity"' out
check 'JSON lines: what is promised, as asked and as chosen' grep -q '"views":3,"promises":\[{"promise":"missed","share":0.5,"confidence":0.5,"chosen":{"installations":[0-9]*,"wrong":[0-9]*,"share":.*"state":"kept"}},{"promise":"alarms","share":0.5,"confidence":0,"chosen":' out
check '... and checked nowhere' bash -c '! grep -q "\"checked\"" out'
check 'JSON lines: installations' grep -q '^{"installation":"[^"]*","views":3,"score":.*"photographs":\["bbu/test' out
cp out verdicts.json
status 0 bbu-info --trace verdicts.json
out_has 'inspector (by bbu-inspect)'
# names that differ in bytes that are not UTF-8 only, as from a disk in Latin-1: two installations, also on the page
mkdir latin
for view in 0 1 2; do
    cp "$(find bbu/test -name "*-$view.jpeg" | sort | head -n 1)" latin/$'t\xfcr'-$view.jpeg
    cp "$(find bbu/test -name "*-$view.jpeg" | sort | tail -n 1)" latin/$'t\xf6r'-$view.jpeg
done
bbu-inspect -q --json --verdicts-only site.inspector latin >latin.json
check 'two installations' test "$(grep -c '"installation":"t.*r","views":3' latin.json)" = 2
check '... with two names' test "$(grep -o '^{"installation":"[^"]*"' latin.json | sort -u | wc -l)" = 2
status 0 feat-report -q -o latin.html latin.json
check '... that the page has both' grep -q '6 photographs of 2 installations' latin.html
if has_bf16; then
    status 1 bbu-inspect -q --precision bf16 site.inspector bbu/test
    err_has 'the thresholds were chosen in f32'
else
    skip 'no bf16 instructions' 'photographs judged in bf16'
fi
done_testing
