#!/bin/bash
# feat-logreg: fit, predict, both; choice of C, thresholds, the classifier's file, exit statuses, refusals.
. "$(dirname "$0")/lib.sh"
gen() { "$BUILD/tests/featgen" -q "$@"; }
gen -g 40 -n 1.5 -o train.feat
gen -g 20 --first 100 -n 1.5 -o test.feat
gen -g 20 --first 200 -n 1.5 -o val.feat
gen -g 20 --first 100 -n 1.5 --weights 2 -o other.feat
gen -g 20 --first 100 -n 1.5 --unlabelled -o unlabelled.feat
gen -c 3 -g 40 -o three.feat

status 0 feat-logreg -q -t train.feat -m a.logreg -o both.txt -r both.report test.feat
out_empty
check 'what was fitted is printed' grep -q '^logistic regression of 120 rows x 16, 2 classes, weights none' both.report
status 0 feat-logreg -q -m a.logreg -o predicted.txt -r predicted.report test.feat
check 'the same predictions from the file' cmp <(grep -v '^#' both.txt) <(grep -v '^#' predicted.txt)
check 'the same scores and thresholds from the file' cmp <(sed -n '/^scores of/,$p' both.report) <(sed -n '/^scores of/,$p' predicted.report)
check 'columns' grep -q "^key	group	shot	label	prediction	score:negative	score:positive$" both.txt
status 0 bbu-info --verify a.logreg
out_has 'classifier'
status 0 feat-logreg -q -j 1 -t train.feat -m b.logreg -r /dev/null
same a.logreg b.logreg
status 0 feat-logreg -q -t train.feat -m c.logreg -r /dev/null --seed 3
differ a.logreg c.logreg
status 0 feat-logreg -q --no-provenance -t train.feat -m d.logreg -r /dev/null
status 0 bbu-info --json d.logreg
out_has '"provenance":null'

status 0 feat-logreg -q -t train.feat --json
out_has '"chosen_on":"folds"'
out_has '"of":"out-of-fold","level":"image","rows":120'
status 0 feat-logreg -q -t train.feat --val val.feat --json
out_has '"chosen_on":"validation"'
out_has '"of":"validation","level":"group","rows":20'
for n in 3 1; do # few groups to choose on: fewer parts for their own thresholds, of a single one none
    gen -g $n --first 200 -n 1.5 -o few$n.feat
    status 0 feat-logreg -q -t train.feat --val few$n.feat --resamples 0 -m few$n.logreg --json
    out_has "\"of\":\"validation\",\"level\":\"group\",\"rows\":$n"
    check 'the classifier has its thresholds' bash -c "bbu-info --json few$n.logreg | grep -q '\"thresholds\":10'"
done
check 'thresholds of three groups' bash -c "feat-logreg -q -t train.feat --val few3.feat --resamples 0 --json | grep -q '\"points\":\[{'"
out_has '"points":[]'
status 0 feat-logreg -t train.feat --val few1.feat --resamples 0 -r /dev/null
err_has 'few1.feat: one group only: no thresholds for its own rows'
status 0 feat-logreg -q -t train.feat -C 0.01,1 --select log-loss --class-weight balanced --json test.feat
check 'two values of C' bash -c 'head -n 1 out | grep -q "\"select\":\"log-loss\".*\"grid\":\[\[0.01,[0-9.]*\],\[1,[0-9.]*\]\]}"'
status 0 feat-logreg -q -t train.feat -C 1 --class-weight 1,5 --resamples 0 --json test.feat
cp out weighted
status 0 feat-logreg -q -t train.feat -C 1 --resamples 0 --json test.feat
differ out weighted
status 0 feat-logreg -q -t three.feat --folds 3 --json
check 'points of every class' bash -c 'head -n 2 out | tail -n 1 | grep -q "\"class\":\"class2\",\"at\":\"precision\""'
status 0 feat-logreg -m a.logreg -o u.txt unlabelled.feat
err_has 'no labels, no scores'
check 'unlabelled rows are predicted' test "$(grep -vc '^#' u.txt)" = 61
check 'a query from a pipe' bash -c 'feat-logreg -q -m a.logreg -o piped.txt -r /dev/null - <test.feat && cmp <(sed "s/ -$/ test.feat/" piped.txt) predicted.txt'
check 'a classifier from a pipe' bash -c 'feat-logreg -q -m - -o piped.txt -r /dev/null test.feat <a.logreg && cmp <(sed "s/ -$/ a.logreg/" piped.txt) predicted.txt'

# ---- no labels: predictions alone
status 0 feat-logreg -m a.logreg -o u2.txt --groups ug.txt unlabelled.feat
out_empty
same u.txt u2.txt
status 0 feat-logreg -q -m a.logreg -r none.report -o u2.txt unlabelled.feat
check 'no report is written' test ! -e none.report
check 'a line for each group' test "$(grep -vc '^#' ug.txt)" = 21
check 'without label' grep -q '^g00100	3	g00100/g00100-[012].jpeg	[012]	-	' ug.txt

# ---- out of fold, and groups
status 0 feat-logreg -q -t train.feat -C 0.1 --resamples 0 --json --out-of-fold oof.json --groups oof-groups.json -m oof.logreg
cp out oof.report
check 'every row' test "$(wc -l <oof.json)" = 121 -a "$(wc -l <oof-groups.json)" = 41
check 'the head says what it is of' grep -q '^{"report":"predictions","tool":"feat-logreg","of":"out-of-fold","positive":"positive"' oof.json
check 'that of groups, too' grep -q '^{"report":"group-predictions",.*"of":"out-of-fold","group_score":"max"' oof-groups.json
check 'a group with the photograph that decides' grep -q '^{"group":"g00003","photographs":3,"key":"g00003/g00003-[012].jpeg","shot":[012],"label":"positive","prediction":' oof-groups.json
status 0 feat-compare --resamples 0 --json oof.json oof.json
auroc() { grep -o "\"level\":\"$2\".*" "$1" | head -n 1 | grep -o '"auroc":[0-9.]*' | head -n 1; }
check 'the scores of the report are those of the file' test "$(auroc out image)$(auroc out group)" = "$(auroc oof.report image)$(auroc oof.report group)"
status 0 feat-logreg -q -t train.feat -C 0.1 --resamples 0 -j 1 -m oof.logreg --out-of-fold oof2.json --json -r /dev/null
same oof.json oof2.json
status 0 feat-logreg -q -t train.feat -C 0.1 --resamples 0 -m plain.logreg -r /dev/null
check 'the classifier is the same' cmp <(bbu-info --json oof.logreg) <(bbu-info --json plain.logreg | sed 's/plain/oof/g')
status 2 feat-logreg -t train.feat --out-of-fold x.json test.feat
err_has '--out-of-fold predicts the rows of --train, without QUERY'
status 2 feat-logreg -t train.feat --val val.feat --out-of-fold x.json
status 2 feat-logreg -t train.feat --groups x.json
err_has '--groups is for the predictions of QUERY or --out-of-fold'
status 2 feat-logreg -t train.feat --out-of-fold x.json --groups x.json
err_has '--out-of-fold and --groups both write to x.json'
check 'nothing was written' test ! -e x.json
status 1 feat-compare oof-groups.json oof.json
err_has 'oof-groups.json: line 1: predictions of groups (--groups); those of photographs are needed (-o)'
status 0 feat-logreg -q -t three.feat -C 1 --group-score mean --resamples 0 --out-of-fold three.txt --groups three-groups.txt -r /dev/null
check 'scores of three classes add up' awk -F '\t' '!/^#/ && n++ { s = $7 + $8 + $9; if (s < 0.999 || s > 1.001) exit 1 }' three-groups.txt

# ---- leaks: rows that the classifier was fitted to, or chosen on, are named, counted, and refused unless asked for
status 1 feat-logreg -q -m a.logreg train.feat
err_has 'train.feat: 120 of its images are in the rows that the classifier was fitted to, the first is g00000/g00000-0.jpeg; so are 40 of its groups'
status 0 feat-logreg -m a.logreg --allow-overlap --resamples 0 -o leak.txt train.feat
err_has 'the scores are optimistic (data leakage)'
out_has 'overlap  120 images of query are in fit, 40 groups: the scores are too good'
check 'predictions say it, too' grep -q '^# overlap  120 images' leak.txt
status 0 feat-logreg -m a.logreg --allow-overlap --resamples 0 --json train.feat
out_has '"overlap":[{"of":"query","in":"fit","images":120,"groups":40}]'
# Nothing to recognise rows by: that is reported.
status 0 feat-logreg -t "$TESTS/cli/rows-1.0.feat" -C 1 --resamples 0 -m unknown.logreg -r /dev/null
status 0 feat-logreg -m unknown.logreg --resamples 0 -r /dev/null "$TESTS/cli/rows-1.0.feat"
err_has 'cannot check for data leakage: one of the files does not identify its images'
status 0 feat-logreg -m a.logreg --resamples 0 -r /dev/null test.feat
err_lacks 'not known'
status 1 feat-logreg -q -t train.feat train.feat
err_has 'train.feat (query): 120 of its images are in train.feat (train)'
status 1 feat-logreg -q -t train.feat --val train.feat
err_has 'train.feat (val): 120 of its images are in train.feat (train)'
status 1 feat-logreg -q -t train.feat --val val.feat val.feat
err_has 'val.feat (query): 60 of its images are in val.feat (val)'
status 0 feat-logreg -q -t train.feat --val val.feat -C 1 --resamples 0 -m chosen.logreg -r /dev/null
status 1 feat-logreg -q -m chosen.logreg val.feat
err_has 'val.feat: 60 of its images are in the rows that the classifier was chosen on'
status 0 feat-logreg -q -m a.logreg --resamples 0 -r /dev/null test.feat
"$BUILD/tests/featgen" -q -g 40 -n 1.5 --unlabelled -o plain.feat
status 0 feat-logreg -m a.logreg -o u.txt plain.feat # without labels nothing is scored

# ---- features that were made in different ways do not meet, in a file of a classifier either
gen -g 40 -n 1.5 --resize 192 -o at192.feat
gen -g 20 --first 100 -n 1.5 --resize 96 -o at96.feat
status 0 feat-logreg -q -t at192.feat -C 1 -m at192.logreg -r /dev/null
status 1 feat-logreg -q -m at192.logreg at96.feat
err_has 'at96.feat: is incompatible with at192.logreg: resize 96, other file has 192'
status 0 feat-logreg -m at192.logreg --resamples 0 -r /dev/null test.feat
err_has 'at192.logreg, test.feat: cannot compare (missing in one file): resize'

# ---- which class is looked for
check 'the report says it first' grep -q '^positive class: positive (of negative, positive)' <(head -n 1 both.report)
status 0 feat-logreg -m a.logreg --positive negative --resamples 0 test.feat
check 'another one is looked for with -m, too' grep -q '^positive class: negative' <(head -n 1 out)
err_has '--positive negative: a.logreg has thresholds of positive only: none are used'
status 0 feat-logreg -q -m a.logreg --positive positive --resamples 0 test.feat
out_has 'positive precision at recall >= 0.9'
status 0 feat-logreg -q -t train.feat -C 1 --positive negative -m negative.logreg -r /dev/null
status 0 feat-logreg -q -m negative.logreg --resamples 0 test.feat
check 'a classifier keeps it' grep -q '^positive class: negative' <(head -n 1 out)

# ---- what scores are made from
identity() { bbu-info --json "$1" | grep -o '"identity":"[0-9a-f]*"' | head -n 1 | cut -d '"' -f 4; }
check 'the report names its files' grep -q "^query    $(identity test.feat) test.feat" predicted.report
check '... and the classifier' grep -q "^model    $(identity a.logreg) a.logreg" predicted.report
check '... also that which was just fitted' grep -q "^model    $(identity a.logreg) a.logreg" both.report
check 'predictions, too' grep -q "^# model    $(identity a.logreg) a.logreg" predicted.txt
status 0 feat-logreg -q -m a.logreg --json --resamples 0 -o p.json test.feat
out_has "\"model\":{\"identity\":\"$(identity a.logreg)\",\"path\":\"a.logreg\"}"
check 'and as JSON' grep -q "\"model\":{\"identity\":\"$(identity a.logreg)\"" p.json

status 4 feat-logreg -q -t train.feat -C 1 --iterations 1 --gradient 1e-12 -m far.logreg -r far.report
err_has 'not converged'
check 'outputs are there anyway' test -s far.logreg -a -s far.report
status 0 feat-logreg -q -t train.feat -C 0.1 --gradient 1e-10 -r /dev/null

# Squares of values from 1e19 on are beyond float32: a fit still ends, with what it finds for smaller ones.
gen -g 40 -n 3 --scale 1e4 -o large.feat
gen -g 40 -n 3 --scale 1e30 -o huge.feat
gen -g 40 -n 3 --first-column 1e30 -o column.feat
for f in large huge column; do
    status 0 timeout 60 feat-logreg -q --allow-overlap -t $f.feat -C 1 --at-recall '' --at-precision '' --resamples 0 \
        -r $f.report $f.feat
    grep '^AUROC\|^accuracy' $f.report >$f.scores
done
same large.scores huge.scores
status 0 timeout 60 feat-logreg -q -t huge.feat -C 1e-300,1e300 -r /dev/null
gen -g 40 --scale 1e37 -d 300 -o norm.feat # their norms are beyond float32, too
gen -g 40 -d 300 -o small.feat
status 0 feat-knn -q -g -k 5 --resamples 0 small.feat
grep '^AUROC\|^accuracy' out >small.scores
status 0 feat-knn -q -g -k 5 --resamples 0 norm.feat
grep '^AUROC\|^accuracy' out >norm.scores
same norm.scores small.scores

# A class of one row: the fold that has it leaves none for the fit; scores as of scikit-learn (class_weight="balanced").
rare=$TESTS/cli/scores
status 0 feat-logreg -q --allow-overlap -C 1 --class-weight balanced --gradient 1e-9 --resamples 0 -r /dev/null -o rare.txt -t $rare/rare.feat $rare/rare.feat
check 'balanced weights where a fold lacks a class' bash -c "grep '^k0' rare.txt | awk -F '\t' '{ print \$(NF - 2), \$(NF - 1), \$NF }' | paste -d ' ' - $rare/rare.want |
    awk '{ n++; for (i = 1; i <= 3; i++) { d = \$i - \$(i + 3); if (d > 1e-6 || d < -1e-6) bad = 1 } } END { exit !(n == 60 && !bad) }'"

status 1 feat-logreg -q -m a.logreg other.feat
err_has 'other.feat: is incompatible with a.logreg: made by different weights'
status 1 feat-logreg -q -m a.logreg three.feat
err_has 'three.feat: is incompatible with a.logreg: class class0 is not among its 2 classes, the first is negative'
status 1 feat-logreg -q -t train.feat --val three.feat
err_has 'three.feat: is incompatible with train.feat: class class0 is not among'

# ---- tiles: a photograph is scored by those of its tiles that are most certainly positive
golden=${GOLDEN:-$TESTS/golden}
case $golden in /*) ;; *) golden=$TESTS/../$golden ;; esac
"$BUILD/tests/datagen" -q --groups 12 --width 96 --seed 6 td && bbu-index -q td -o t.index && bbu-pack -q t.index -o ts &&
    dino-extract -q -w "$golden/vit_plain.pth" --tiles 42:14 ts -o tiles.feat || check 'tiles are made' false
status 0 feat-logreg -q -C 1 --folds 3 -t tiles.feat -m tiles.logreg --json --out-of-fold oof.json
out_has '"rows":324'
check 'a prediction for each photograph' test "$(grep -c tile_box oof.json)" -eq 36
check 'each once' test "$(grep -o '"key":"[^"]*"' oof.json | sort -u | wc -l)" -eq 36
status 0 feat-logreg -q -m tiles.logreg --json --allow-overlap -o one.json tiles.feat
status 0 feat-logreg -q -m tiles.logreg --json --allow-overlap --tile-score mean-of-9 -o all.json tiles.feat
score() { grep tile_box "$1" | sed 's/.*"scores":\[[^,]*,\([0-9.e-]*\)\].*/\1/'; }
check 'the mean of all is not larger than the largest' bash -c \
    'paste <(echo "$1") <(echo "$2") | awk "{if (\$1 < \$2) bad = 1} END {exit bad || NR != 36}"' - "$(score one.json)" "$(score all.json)"

# The classifier remembers how.
status 0 feat-logreg -q -C 1 --folds 3 -t tiles.feat -m mean.logreg --tile-score mean-of-9 -r /dev/null
status 0 feat-logreg -q -m mean.logreg --json --allow-overlap -o again.json -r /dev/null tiles.feat
check 'the score of a photograph is as it was fitted' cmp <(score all.json) <(score again.json)
status 0 feat-logreg -m tiles.logreg --allow-overlap --tile-score mean -r /dev/null tiles.feat
err_has '--tile-score mean: tiles.logreg has thresholds of another score'
minor() { od -An -tu1 -j20 -N1 "$1" | tr -d ' '; }
check 'only then it is of a newer version' test "$(minor mean.logreg) $(minor tiles.logreg)" = '2 1'
check 'and says so' bash -c 'bbu-info mean.logreg | grep -q "tile mean of  *9$" && ! bbu-info tiles.logreg | grep -q "tile mean of"'
status 0 bbu-info --verify mean.logreg
status 0 feat-logreg -C 1 -t train.feat --tile-score mean -r /dev/null
err_has '--tile-score: not used: a row is a photograph'

# ---- classes go by name: a batch of one class of the model's is scored, whatever its number there
gen --only 1 -g 20 --first 100 -n 1.5 -o positives.feat
status 0 feat-logreg -m a.logreg -o positives.txt -r positives.report positives.feat
err_has 'positives.feat: 1 of the 2 classes of a.logreg; they go by name'
check 'the same lines as among both' cmp <(grep -v '^#' positives.txt) <(grep -e '	positive	[np].*	[0-9]' -e '^key' predicted.txt)
check 'areas are not defined, accuracy is' bash -c 'grep -q "^AUROC  *-" positives.report && grep -q "^accuracy  *0\.[0-9]" positives.report'
status 0 feat-logreg -q -t train.feat --val val.feat -r /dev/null positives.feat

status 1 feat-logreg -q -t train.feat --val other.feat
status 1 feat-logreg -q -t unlabelled.feat
err_has 'no labels'
"$BUILD/tests/featgen" -g 40 --cameras 4 -o cameras.feat
for how in apart mixed; do
    by=$([ $how = apart ] && echo '--fold-by camera')
    status 0 feat-logreg -q -t cameras.feat -C 1 --folds 4 $by --json -r /dev/null --resamples 0 --out-of-fold $how.json
done
check 'folds that keep cameras together predict otherwise' bash -c '! cmp -s apart.json mixed.json'
feat-cat -q --json --keys cameras.keys cameras.feat -o /dev/null
for camera in 0 3; do # all of one camera by a classifier that has seen none of it
    groups=$(sed -n 's/.*"group":"\([^"]*\)".*"camera":"\{0,1\}'$camera'["},].*/\1/p' cameras.keys | sort -u)
    feat-cat -q $(printf -- '--group %s ' $groups) cameras.feat -o of.feat
    feat-cat -q $(sed -n 's/.*"group":"\([^"]*\)".*/\1/p' cameras.keys | sort -u | grep -vxF "$groups" | sed 's/^/--group /') cameras.feat -o rest.feat
    feat-logreg -q -t rest.feat -C 1 --json -r /dev/null --resamples 0 -o direct.json of.feat
    scores() { sed -n 's/.*"key":"\([^"]*\)".*"scores":\[\([0-9.e-]\{6\}\).*/\1 \2/p' "$1" | sort; }
    check "camera $camera: by a classifier of the other cameras" test -z "$(comm -23 <(scores direct.json) <(scores apart.json))"
    check 'there are such rows' test "$(scores direct.json | wc -l)" -ge 20
done
status 1 feat-logreg -q -t cameras.feat --folds 5 --fold-by camera
err_has 'cameras.feat: too few groups (4) for 5 folds'
status 1 feat-logreg -q -t cameras.feat --fold-by Camera
err_has 'cameras.feat: --fold-by: no photograph has the key Camera; there are camera'
status 1 feat-logreg -q -t train.feat --folds 41
err_has 'too few groups (40) for 41 folds'
status 2 feat-logreg -q -t train.feat --class-weight 1,2,3
err_has '--class-weight 1,2,3: 3 weights; train.feat has 2 classes'
status 2 feat-logreg -q -t train.feat --val test.feat --class-weight 1,2,3 -m no.model
check 'and nothing was written' test ! -e no.model
head -c 300 a.logreg >cut.logreg
status 1 feat-logreg -q -m cut.logreg test.feat
status 1 feat-logreg -q -m train.feat test.feat
status 1 feat-logreg -q -t train.feat -m /dev/full -r /dev/null
status 1 feat-logreg -q -t train.feat -r /dev/full
status 2 feat-logreg -q
status 2 feat-logreg -q -m a.logreg
status 2 feat-logreg -q test.feat
status 2 feat-logreg -q -t train.feat -C 0
status 2 feat-logreg -q -t train.feat -o predictions.txt
status 2 feat-logreg -q -m a.logreg --val val.feat test.feat
no_leftovers
done_testing
