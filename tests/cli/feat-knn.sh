#!/bin/bash
# feat-knn: one and two files, groups, thresholds, draws, outputs, refusals; independence of threads and memory.
. "$(dirname "$0")/lib.sh"
gen() { "$BUILD/tests/featgen" -q "$@"; }
gen -g 40 -n 1.5 -o train.feat
gen -g 20 --first 100 -n 1.5 -o test.feat
gen -g 20 --first 200 -n 1.5 -o val.feat
gen -g 20 --first 100 -n 1.5 --weights 2 -o other.feat
gen -g 20 --first 100 -n 1.5 --unlabelled -o unlabelled.feat
gen -c 4 -g 40 --mixed -o four.feat

status 0 feat-knn -q -k 5,20 --resamples 50 train.feat test.feat
out_has 'k-NN, k = 20, 120 rows vote'
out_has 'groups (20)'
out_has 'shot 2 (20)'
out_has 'positive precision at recall >= 0.95:'
status 0 feat-knn -q --json -k 5,20 --resamples 50 -o votes.json -r scores.json train.feat test.feat
out_empty
check 'ten lines of scores: two k, images, groups, three shots' test "$(wc -l <scores.json)" = 10
check 'a line for each row and k, and one of what they are from' test "$(wc -l <votes.json)" = 121
check 'keys in order' grep -q '^{"report":"scores","tool":"feat-knn","origins":{.*},"k":5,"train_rows":120,"level":"image","rows":60' scores.json
status 0 feat-knn -q --json -k 5,20 --resamples 50 -j 1 --memory 1M -o votes1.json -r scores1.json train.feat test.feat
same votes.json votes1.json
same scores.json scores1.json
status 0 feat-knn -q -k 5 -o votes.txt -r report.txt train.feat test.feat
check 'names over the columns' grep -q "^key	group	shot	label	k	prediction	score:negative	score:positive	votes:negative" votes.txt
check 'votes out of one file from a pipe' bash -c 'feat-knn -q -k 5 -o piped.txt -r /dev/null - test.feat <train.feat && cmp <(sed "s/ -$/ train.feat/" piped.txt) votes.txt'

gen --only 1 -g 20 --first 100 -n 1.5 -o positives.feat
status 0 feat-knn -k 5 -o positives.txt -r /dev/null train.feat positives.feat
err_has 'positives.feat: 1 of the 2 classes of train.feat; they go by name'
check 'one class of two: the same lines as among both' cmp <(grep -v '^#' positives.txt) <(grep -e '	positive	5	' -e '^key' votes.txt)

status 0 feat-knn -q -g -k 5 --resamples 0 --json train.feat
out_has '"intervals":{"accuracy":null'
cp out apart
status 0 feat-knn -q -k 5 --resamples 0 --json --allow-overlap train.feat train.feat
check 'with its own group a row is found again' bash -c '! cmp -s out apart'
status 0 feat-knn -g -k 5 --resamples 0 --json train.feat train.feat
err_lacks 'optimistic'

# ---- leaks: rows of one image or of one group on both sides are named, counted, and refused unless asked for
status 1 feat-knn -k 5 --resamples 0 train.feat train.feat
err_has 'train.feat (query): 120 of its images are in train.feat (train), the first is g00000/g00000-0.jpeg; so are 40 of its groups, the first is g00000: the scores would be optimistic (data leakage; --allow-overlap scores anyway); --leave-group-out keeps groups apart'
out_empty
status 0 feat-knn -k 5 --resamples 0 --allow-overlap -r /dev/null train.feat train.feat
err_has 'the first is g00000: the scores are optimistic (data leakage)'
status 0 feat-knn -q -k 5 --resamples 0 --allow-overlap train.feat train.feat
out_has 'overlap  120 images of query are in train, 40 groups: the scores are too good'
# An image in two groups votes for its copy, whatever group is left out.
gen -g 3 -n 1.5 -o three-groups.feat
status 0 feat-knn -q -g -k 3 --resamples 0 -r /dev/null three-groups.feat
gen -g 3 -n 1.5 --content 7 -o copies.feat
status 1 feat-knn -q -g -k 3 --resamples 0 copies.feat
err_has 'copies.feat (train): 9 of its images are in copies.feat (train)'
gen -g 41 -n 1.5 --first 39 -o one.feat
status 1 feat-knn -k 5 --resamples 0 train.feat one.feat
err_has 'one.feat (query): 3 of its images are in train.feat (train), the first is g00039/g00039-0.jpeg; so is 1 of its groups, namely g00039'
feat-cat -q --group g00039 one.feat -o both.feat
feat-cat -q one.feat test.feat -o more.feat
status 1 feat-knn -q -k 5 --resamples 0 --val one.feat train.feat test.feat
err_has 'one.feat (val): 3 of its images are in train.feat (train)'
status 1 feat-knn -q -k 5 --resamples 0 --val val.feat train.feat val.feat
err_has 'val.feat (query): 60 of its images are in val.feat (val)'
status 1 feat-knn -q -k 5 --resamples 0 -g --val one.feat train.feat one.feat
err_has 'one.feat (query): 123 of its images are in one.feat (val)'
# Files of version 1.0 know no contents: keys are all there is, and a name is no proof.
cp "$TESTS/cli/rows-1.0.feat" rows.feat
status 0 feat-knn -k 1 --resamples 0 rows.feat rows.feat
err_has 'rows.feat (query): 60 of its rows have keys that stand in rows.feat (train), too'
err_has 'the scores are optimistic (data leakage)'

# ---- features that were made in different ways do not meet
gen -g 40 -n 1.5 --resize 192 -o at192.feat
gen -g 20 --first 100 -n 1.5 --resize 96 -o at96.feat
status 1 feat-knn -k 5 at192.feat at96.feat
err_has 'at96.feat: is incompatible with at192.feat: resize 96, other file has 192'
status 0 feat-knn -k 5 --resamples 0 -r /dev/null at192.feat test.feat
err_has 'at192.feat, test.feat: cannot compare (missing in one file): resize'

# ---- what scores are made from, and which class is looked for, stands in their first lines
status 0 feat-knn -q -k 5 --resamples 0 train.feat test.feat
check 'first the positive class' grep -q '^positive class: positive (of negative, positive); a group is positive if one of its images is$' <(head -n 1 out)
identity() { bbu-info --json "$1" | grep -o '"identity":"[0-9a-f]*"' | head -n 1 | cut -d '"' -f 4; }
out_has "train    $(identity train.feat) train.feat"
out_has "query    $(identity test.feat) test.feat"
out_has 'weights  0100'
check 'predictions say it, too' grep -q "^# query    $(identity test.feat) test.feat" votes.txt
check 'and in JSON' grep -q "^{\"report\":\"predictions\",\"tool\":\"feat-knn\",\"of\":\"query\",\"positive\":\"positive\".*\"query\":{\"identity\":\"$(identity test.feat)\"" votes.json

status 0 feat-knn -q --val val.feat -k 5 --resamples 0 --json train.feat test.feat
cp out by_val
status 0 feat-knn -q --no-thresholds -k 5 --resamples 0 --json train.feat test.feat
out_has '"points":[]'
differ out by_val
status 0 feat-knn -q --per-class 3,10 --tries 4 -k 5,10 --json train.feat test.feat
check 'k up to n, and n' bash -c 'grep -o "\"k\":[0-9]*,\"train_rows\":[0-9]*,\"per_class_rows\":[0-9]*,\"level\":\"image\"" out >ks
    printf "\"k\":3,\"train_rows\":6,\"per_class_rows\":3,\"level\":\"image\"\n\"k\":5,\"train_rows\":20,\"per_class_rows\":10,\"level\":\"image\"\n\"k\":10,\"train_rows\":20,\"per_class_rows\":10,\"level\":\"image\"\n" | cmp - ks'
out_has '"tries":4'
cp out tries
status 0 feat-knn -q --per-class 3,10 --tries 4 -k 5,10 --json -j 1 train.feat test.feat
same out tries
status 0 feat-knn -q --per-class 3,10 --tries 4 -k 5,10 --json --seed 1 train.feat test.feat
differ out tries

status 0 feat-knn -q -g -k 5 --resamples 20 four.feat
out_has '8 groups of mixed labels are left out'
status 0 feat-knn -q -k 5 --positive negative --resamples 0 --json train.feat test.feat
out_has '"positive":"negative"'
status 0 feat-knn -k 5 -o u.txt train.feat unlabelled.feat
err_has 'unlabelled.feat: no labels, no scores'
check 'unlabelled rows are predicted' test "$(grep -vc '^#' u.txt)" = 61
out_empty
status 0 feat-knn -q -k 3,5 --json -o u.json --groups ug.json -r none.report train.feat unlabelled.feat
check 'no report is written' test ! -e none.report
check 'a line for each group and k' test "$(wc -l <ug.json)" = 41
check 'with the number of its photographs' grep -q '^{"group":"g00119","photographs":3,"key":"g00119/g00119-[012].jpeg","shot":[012],"k":5,"prediction":"[a-z]*","scores":\[[^]]*\]}' ug.json
status 0 feat-knn -q -g -k 5 --resamples 0 --json -o own.json --groups own-groups.json -r /dev/null train.feat
check 'one file: no row of its own group voted' grep -q '^{"report":"group-predictions","tool":"feat-knn","of":"out-of-group"' own-groups.json
status 2 feat-knn -g -k 5 -o x.json --groups x.json train.feat
err_has '--groups and another option both write to x.json'
status 2 feat-knn --per-class 5 --groups x.json train.feat test.feat
err_has '--groups is incompatible with --per-class'

status 1 feat-knn -q train.feat other.feat
err_has 'other.feat: is incompatible with train.feat: made by different weights'
status 1 feat-knn -q train.feat four.feat
err_has 'four.feat: is incompatible with train.feat: class class1 is not among its 2 classes'
status 1 feat-knn -q -k 121 train.feat test.feat
err_has 'only 120 rows can vote'
status 1 feat-knn -q unlabelled.feat test.feat
err_has 'no labelled rows to vote'
status 1 feat-knn -q --positive good train.feat test.feat
status 1 feat-knn -q missing.feat test.feat
head -c 2000 test.feat >cut.feat
status 1 feat-knn -q train.feat cut.feat
# Threads read the blocks: of two that are damaged the first is named, whoever found it.
"$BUILD/tests/featgen" -g 1000 -s 3 -d 384 -o wide.feat
size=$(stat -c %s wide.feat)
for at in $((size / 3)) $((size * 2 / 3)); do
    printf '\377\377\377\377' | dd of=wide.feat bs=1 seek="$at" conv=notrunc 2>/dev/null
done
status 1 feat-knn -q -j 1 wide.feat test.feat
err_has 'is damaged'
cp err first
for j in 2 3 7; do
    status 1 feat-knn -q -j $j wide.feat test.feat
    same err first
done
rm -f wide.feat

status 1 feat-knn -q -o none/votes.txt train.feat test.feat
status 1 feat-knn -q -r /dev/full train.feat test.feat
status 1 feat-knn -q -o /dev/full -r report.txt train.feat test.feat
status 2 feat-knn -q train.feat
status 2 feat-knn -q
status 2 feat-knn -q -k 0 train.feat test.feat
status 2 feat-knn -q -k 1.5 train.feat test.feat
status 2 feat-knn -q --tries 2 train.feat test.feat
status 2 feat-knn -q

# ---- tiles: rows vote, photographs are scored and predicted
golden=${GOLDEN:-$TESTS/golden}
case $golden in /*) ;; *) golden=$TESTS/../$golden ;; esac
"$BUILD/tests/datagen" -q --groups 14 --width 96 --seed 6 td && bbu-index -q td -o t.index && bbu-pack -q t.index -o ts &&
    dino-extract -q -w "$golden/vit_plain.pth" --tiles 42:14 ts -o tiles.feat || check 'tiles are made' false
status 0 feat-knn -q -g -k 5 --resamples 0 --json -r tiles.json -o one.json --groups groups.json tiles.feat
check 'a score of 42 photographs, not of 378 rows' grep -q '"level":"image","rows":42,"groups":14,' tiles.json
check 'a prediction for each, once' bash -c 'test $(grep -c tile_box one.json) -eq 42 && test $(grep -o "\"key\":\"[^\"]*\"" one.json | sort -u | wc -l) -eq 42'
check 'without votes, which are of rows' bash -c '! grep -q votes\" one.json && grep -q "\"k\":5" one.json'
check 'groups of three photographs' test "$(grep -c '"photographs":3' groups.json)" = 14
status 0 feat-knn -q -g -k 5 --resamples 0 --json -r /dev/null -o all.json --tile-score mean tiles.feat
score() { grep tile_box "$1" | sed 's/.*"scores":\[[^,]*,\([0-9.e-]*\)\].*/\1/'; }
check 'the mean of all is not larger than the largest, and somewhere smaller' bash -c 'paste <(echo "$1") <(echo "$2") |
    awk "{if (\$1 < \$2) bad = 1; less += \$1 > \$2} END {exit bad || !less || NR != 42}"' - "$(score one.json)" "$(score all.json)"
status 0 feat-knn -q -g -k 5 --resamples 0 --tile-score mean -o all.txt -r /dev/null tiles.feat
check 'as text: no columns of votes' bash -c '! grep -q "votes:" all.txt && test $(grep -c "^\(train\|val\|test\)/" all.txt) = 42'
for part in 1 2 3; do feat-knn -q -g -k 5 --part $part/3 -o votes-$part tiles.feat; done
status 0 feat-knn -q -g -k 5 --resamples 0 --json -r joined.json -o joined-one.json --join tiles.feat votes-1 votes-2 votes-3
check 'in parts, too' bash -c 'tail -n +2 one.json | cmp - <(tail -n +2 joined-one.json)'
status 2 feat-knn -q -g --tile-score mean-of-0 tiles.feat
err_has '--tile-score mean-of-0: expected max, mean'
status 0 feat-knn -g -k 5 --tile-score mean train.feat
err_has '--tile-score: not used: a row is a photograph'
# Photographs without a group: their own tiles do not vote for them.
find td -name '*.jpeg' | dino-extract -q -w "$golden/vit_plain.pth" --tiles 42:14 - -o nogroup.feat 2>err
status 1 feat-knn -q -g -k 5 nogroup.feat
err_has 'no labelled rows'
no_leftovers
done_testing
