#!/bin/bash
# feat-compare: scores of two classifiers that agree with those of feat-logreg and feat-knn, paired differences, refusals.
. "$TESTS/cli/lib.sh"
gen() { "$BUILD/tests/featgen" --resize 224 "$@"; }
gen -g 40 -o train.feat
gen -g 30 --first 40 -o test.feat
gen -g 30 --first 90 -o other.feat
predict() { # name options...
    feat-logreg -q -t train.feat --json --seed 3 --resamples 200 -o "$1.json" -r "$1.scores" "${@:2}" test.feat
}
predict a -C 1
predict b -C 0.01
value() { # line-file key
    sed -E "s/.*[,{]\"$2\":(-?[0-9.e+-]+).*/\1/" "$1"
}

# ---- the scores of A, and their intervals, are those that feat-logreg reports
status 0 feat-compare --json --seed 3 --resamples 200 a.json b.json
check 'six lines: two levels, of each A, B and the difference' test "$(wc -l <out)" = 6
for side in a b; do
    grep "\"of\":\"$side\",\"level\":\"image\"" out >mine
    grep '"report":"scores"' $side.scores | head -n 1 >theirs
    for key in auroc average_precision brier log_loss; do
        check "$key of $side is that of feat-logreg" test "$(value mine $key)" = "$(value theirs $key)"
    done
    interval() { sed -E 's/.*"intervals":\{[^}]*"auroc":(\[[^]]*\]).*/\1/' "$1"; }
    sed -i 's/"confusion".*//' theirs
    check "and its interval" test "$(interval mine)" = "$(interval theirs)"
done
grep '"of":"difference","level":"image"' out >difference
check 'the difference is B minus A' awk -v a="$(grep '"of":"a","level":"image"' out | value - auroc)" \
    -v b="$(value theirs auroc)" -v d="$(value difference auroc)" 'BEGIN {exit !(b - a - d < 1e-12 && d - b + a < 1e-12 && d != 0)}'
out_has '"report":"differences","tool":"feat-compare","a":"a.json","b":"b.json","origins":{"a.train":{"identity":"'
check 'the inputs are those of the predictions' test "$(head -n 1 out | grep -o '"[ab][.]query":{[^}]*' | cut -d : -f 2-)" = \
    "$(grep -ho '"query":{[^}]*' a.json b.json | cut -d : -f 2-)"
feat-compare -q --resamples 0 -r differences.txt a.json b.json
feat-compare -q --resamples 0 --json -r differences.json a.json b.json
for form in txt json; do
    status 0 bbu-info --trace differences.$form
    check "bbu-info follows the report ($form)" test "$(grep -cE '^  [ab][.](train|query) [0-9a-f]{12}: (train|test).feat' out)" = 4
done

# ---- for people; threads do not matter; into a file; several B
status 0 feat-compare a.json b.json
out_has 'images (90): B - A'
out_has 'groups (30): B - A'
out_has 'in brackets: 95 % intervals from 1000 resamples of 30 groups, the same for A and B'
status 0 feat-compare -j 1 --json -r one.json a.json b.json
status 0 feat-compare -j 4 --json -r four.json a.json b.json
same one.json four.json
status 0 feat-compare --json --resamples 0 a.json b.json a.json
check 'twelve lines' test "$(wc -l <out)" = 12
out_has '"auroc":null'
check 'A with itself differs by nothing' test "$(tail -n 1 out | grep -c '"of":"difference".*"accuracy":0,.*"auroc":0,')" = 1
status 0 bash -c 'feat-compare --resamples 10 - b.json <a.json'
status 0 feat-compare --resamples 50 --group-score mean --level 0.5 a.json b.json
out_has '50 % intervals from 50 resamples'

# ---- votes of neighbours: one number of them, also beside a regression
feat-knn -q -k 5,20 --json --resamples 0 -o knn.json -r /dev/null train.feat test.feat
status 1 feat-compare knn.json a.json
err_has 'votes of 5 and of 20 neighbours: choose one with -k'
status 0 feat-compare -k 20 --resamples 20 knn.json a.json
status 1 feat-compare -k 7 knn.json a.json
err_has 'knn.json: no votes of 7 neighbours'
err_lacks 'not used'
status 0 feat-compare -k 5 --resamples 20 a.json b.json
err_has '--neighbours: not used: no file holds votes of neighbours'
status 0 feat-compare -k 20 --resamples 20 a.json knn.json
err_lacks 'not used'

# ---- what is refused
predict c -C 1
feat-logreg -q -t train.feat -C 1 --json --resamples 0 -o other.json -r /dev/null other.feat
status 1 feat-compare a.json other.json
err_has 'predictions of the same rows are needed'
head -n 50 a.json >cut.json
status 1 feat-compare a.json cut.json
err_has 'cut.json: 49 rows, a.json has 90'
feat-logreg -q -t train.feat -C 1 --resamples 0 -o a.txt -r /dev/null test.feat
status 1 feat-compare a.json a.txt
err_has 'a.txt: line 1: no predictions in JSON lines (--json where they are made'
status 1 feat-compare a.scores b.json
err_has 'a.scores: line 1: no predictions in JSON lines'
feat-logreg -q -t train.feat -C 1 --positive negative --json --resamples 0 -o negative.json -r /dev/null test.feat
status 1 feat-compare a.json negative.json
err_has 'its classes are not those of a.json'
gen -g 30 --first 40 --unlabelled -o unlabelled.feat
feat-logreg -q -t train.feat -C 1 --json -o u.json -r /dev/null unlabelled.feat 2>/dev/null
status 1 feat-compare u.json u.json
err_has 'u.json: no labels, no scores'
status 1 feat-compare a.json nosuch.json
err_has 'nosuch.json: No such file'
status 1 feat-compare -r /dev/full a.json b.json
status 1 feat-compare -r a.json a.json b.json
err_has 'a.json'
status 2 feat-compare a.json
err_has 'expected A and at least one B, got 1 file'
no_leftovers
# ---- a gate
feat-knn -q -k 1 --json -o one.json -r /dev/null train.feat test.feat
status 0 feat-compare a.json one.json # no gate
status 1 feat-compare --margin 0 --metric log-loss --json a.json one.json
out_has '"verdict":"worse","stopped":true,"judged_by":"log-loss","judged_on":"group","margin":0,"origins"'
status 0 feat-compare --margin 1000 --metric log-loss a.json one.json
check 'a margin lets it pass' grep -q '^verdict: B is not worse: log-loss of groups +[0-9.]* \[+[0-9.]*, +[0-9.]*\], margin 1000$' out
status 0 feat-compare --margin 0 --prove a.json a.json
out_has 'verdict: B is not worse: auroc of groups +0.0000 [+0.0000, +0.0000], margin 0'
status 1 feat-compare --margin 0 --metric log-loss a.json a.json one.json # one of two is enough
check 'each has its verdict' test "$(grep -c '^verdict: ' out)" = 2
out_has ': STOPPED'
gen -g 6 --first 40 -o little.feat
for name in 1 0.5; do
    feat-logreg -q -t train.feat --json -C $name -o l$name.json -r /dev/null little.feat
done
status 0 feat-compare -q --margin 0 --on image --metric log-loss --json l1.json l0.5.json
out_has '"verdict":"undecided","stopped":false'
status 1 feat-compare -q --margin 0 --on image --metric log-loss --prove --json l1.json l0.5.json
out_has '"verdict":"undecided","stopped":true'
# ---- what is not defined does not pass: rows of one class
for x in a b; do grep -v '"label":"positive"' $x.json >$x.good.json; done
check 'there are such rows' test "$(wc -l <a.good.json)" -gt 10
status 1 feat-compare --margin 1 a.good.json b.good.json
out_has 'verdict: undefined: auroc of groups is not defined on these rows, as where all are of one class: STOPPED'
status 1 feat-compare --margin 1 --json a.good.json b.good.json
out_has '"verdict":"undefined","stopped":true'
status 0 feat-compare a.good.json b.good.json
status 0 feat-compare --prove a.json b.json
err_has '--prove: not used: it is for the gate, which --margin asks for'
status 2 feat-compare --margin 0 --resamples 0 a.json b.json
err_has '--margin judges by intervals: --resamples must not be 0'
done_testing
