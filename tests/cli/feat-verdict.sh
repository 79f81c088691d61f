#!/bin/bash
# feat-verdict: thresholds that can be counted by hand, verdicts as text and JSON, exit status, rules, refusals.
. "$TESTS/cli/lib.sh"

# Predictions as feat-logreg writes them: installations first .. last of three photographs each, those of an even number
# good, with scores that rise with the number.
predictions() { # first last [photographs [identity-of-model]]
    local i p views=${3:-3}
    echo '{"report":"predictions","positive":"bad","classes":["good","bad"],"origins":{"model":{"identity":"'"${4:-$(printf '%064d' 1)}"'"}}}'
    for ((i = $1; i <= $2; i++)); do
        for ((p = 0; p < views; p++)); do
            awk -v i=$i -v p=$p 'BEGIN {s = (i % 100 + (i % 2 ? 60 : 1)) / 200 - (2 - p) * 0.001
                printf "{\"key\":\"%d-%d.jpg\",\"group\":\"g%d\",\"shot\":%d,\"label\":\"%s\",\"scores\":[%.9g,%.9g]}\n",
                    i, p, i, p, i % 2 ? "bad" : "good", 1 - s, s}'
        done
    done
}
column() { # verdicts column: of each installation
    grep -v '^#' "$1" | tail -n +2 | cut -f "$2"
}
predictions 0 199 >choose.json  # good: (0 .. 98 + 1) / 200, each twice; bad: (1 .. 99 + 60) / 200, each twice
predictions 200 239 >new.json

# ---- thresholds: the second smallest of 100 bad ones, above the fifth largest of 100 good ones
status 0 feat-verdict -c choose.json --missed 5%,95% --alarms 5/101,0 --json
check 'the lower one, just below 0.305' grep -q '"pass_below":0.30499999695,' out
check 'the upper one, just above 0.475' grep -q '"fail_from":0.47500000475,' out
check 'a line for each promise, one for each kind of installation and one for all' test "$(wc -l <out)" = 5
out_has '"promise":"missed","share":0.05,"confidence":0.95,"chosen":{"installations":100,"wrong":0,"share":0,"low":0,'
out_has '"installations":"all","pass":60,"fail":68,"review":72,"incomplete":0'
status 0 feat-verdict -c choose.json --json
check 'one promise, one threshold: missed 5 %, 95 % sure' grep -q '"pass_below":0.30499999695,"fail_from":0.30499999695,' out

# ---- a key that stands there twice in a line: nobody can say which one is meant
{ cat choose.json; echo '{"key":"x","group":"g","label":"good","label":"bad","scores":[0.5,0.5]}'; } >twice.json
status 1 feat-verdict -c twice.json
err_has 'twice.json: line 602: label: is there twice'

# ---- verdicts, and what became of the promises; status 1 where some did not pass
status 1 feat-verdict -c choose.json --missed 5% --alarms 5/101,0 -o verdicts.txt -r report.txt new.json
check 'the first line says which class is the fault' grep -q '^# faulty: bad;' verdicts.txt
check 'and so does the report' bash -c 'head -n 1 report.txt | grep -q "^faulty: bad;"'
check 'a line for each installation' test "$(column verdicts.txt 1 | sort -u | wc -l)" = 40
check 'good ones pass, faulty ones are looked at' test "$(column verdicts.txt 4 | sort | uniq -c | tr -s ' ' | tr '\n' ';')" = ' 2 fail; 20 pass; 18 review;'
check 'why' grep -q $'^g200\t3\t0.005\tpass\tscore: 0.005, passes below 0.305\t' verdicts.txt
check 'the review' grep -q $'^g201\t3\t0.305\treview\tscore: 0.305, between 0.305 and 0.475\t' verdicts.txt
check 'the promise is kept' grep -Eq 'the promise is +kept +kept' report.txt
check 'of 20, none was wrong' grep -Eq 'share +0.0000 \[0.0000, 0.1684\]' report.txt
check 'how many are to be looked at' grep -Eq 'share of review .* 0.4500 \[0.2926, 0.6151\]' report.txt
status 0 feat-verdict -c choose.json --missed 5% --alarms 5/101,0 --verdicts-only -o again.txt -r again.report new.json
same verdicts.txt again.txt
same report.txt again.report
status 0 feat-verdict -c choose.json --missed 5% --alarms 5/101,0 new.json
err_lacks warning
predictions 200 200 >passes.json
status 0 feat-verdict -c choose.json -o one.txt -r /dev/null passes.json
status 1 feat-verdict -c choose.json --json -o verdicts.json -r /dev/null new.json
check 'JSON lines: a head, and one for each installation' test "$(wc -l <verdicts.json)" = 41
check 'the head' bash -c 'head -n 1 verdicts.json | grep -q "^{\"report\":\"verdicts\",\"tool\":\"feat-verdict\",\"positive\":\"bad\",\"choose\":\"choose.json\",\"query\":\"new.json\",\"origins\":{\"choose.model\":"'
check 'with its photographs' grep -q '"installation":"g201","views":3,"score":0.305,"verdict":"fail",.*"label":"faulty","photographs":\["201-0.jpg","201-1.jpg","201-2.jpg"\]' verdicts.json
check 'the probability rises with the score' test \
    "$(column verdicts.txt 6 | sort -g)" = "$(column verdicts.txt 3 | paste - <(column verdicts.txt 6) | sort -g | cut -f 2)"
status 1 bash -c 'feat-verdict -c choose.json -o - -r /dev/null - <new.json'
out_has $'installation\tviews\tscore\tverdict\treason\tprobability\tlabel'

# ---- two wrong labels hold the thresholds apart: who it is, is said; without them nothing is
sed '/"group":"g0"/s/"label":"good"/"label":"bad"/; /"group":"g99"/s/"label":"bad"/"label":"good"/' choose.json >wrong.json
status 0 feat-verdict -c wrong.json --missed 3%,95% --alarms 1/101,0
err_has 'feat-verdict: warning: wrong.json: 200 of 200 installations are in review: the thresholds are held apart by g0, faulty, 0.005, and g99, good, 0.795: are their labels right?'
status 0 feat-verdict -c choose.json --missed 3%,95% --alarms 1/101,0
err_lacks 'held apart'

# ---- a promise that is broken, and one that cannot be told
sed 's/"bad","scores"/"X","scores"/; s/"good","scores"/"bad","scores"/; s/"X","scores"/"good","scores"/' new.json >turned.json
status 1 feat-verdict -c choose.json --missed 5% --alarms 5/101,0 turned.json
err_has 'turned.json: a promise is broken, at most 5 % of faulty installations pass, 95 % sure: 20 of 20'
err_lacks 'good installations fail'
out_has broken
status 1 feat-verdict -q -c choose.json --missed 5% --verdicts-only -o broken.txt -r /dev/null turned.json
err_has 'a promise is broken'
sed 's/"label":"[a-z]*",//' new.json >unlabelled.json
status 0 feat-verdict -c choose.json unlabelled.json
check 'unseen' grep -Eq 'the promise is +unseen' out
out_has 'all (40)'
status 1 feat-verdict -c choose.json -o unknown.txt -r /dev/null unlabelled.json
check 'no label is known' test "$(column unknown.txt 7 | sort -u)" = -

# ---- fewer views than expected: never a pass
predictions 200 209 2 >two.json
status 1 feat-verdict -c choose.json --views 3 -o incomplete.txt -r incomplete.report two.json
check 'incomplete' test "$(column incomplete.txt 4 | sort -u)" = incomplete
check 'how many views there are' grep -q '^judged: two.json: 10 installations of 2 views, 10 incomplete ones left out' incomplete.report
check 'why incomplete' grep -q $'^g200\t2\t.*\tviews: 2 of 3\t' incomplete.txt
check 'no promise is about them' grep -Eq 'the promise is +unseen' incomplete.report
status 1 feat-verdict -c choose.json -o usual.txt -r /dev/null two.json
err_lacks views
same incomplete.txt usual.txt
status 1 feat-verdict -c choose.json --views 0 --missed 5% -o any.txt -r any.report two.json
check 'of any number, where that is said' test "$(column any.txt 4 | sort -u | tr '\n' ' ')" = 'fail pass '
check 'the report says so' grep -q '^the number of views is not checked (--views)$' any.report
status 1 feat-verdict -c choose.json --json -o incomplete.json -r /dev/null two.json
check 'JSON says how many are expected' bash -c 'head -n 1 incomplete.json | grep -q "\"views\":3[,}]"'
grep -v '"0-2.jpg"' choose.json >differ.json
status 1 feat-verdict -c differ.json -o differ.txt -r /dev/null two.json
err_has 'differ.json: 1 of 200 installations has 2 views, not 3: the number of views is not checked (--views 3?)'
check 'nothing is incomplete then' test "$(column differ.txt 4 | grep -c incomplete)" = 0
status 1 feat-verdict -c differ.json --views 3 -o differ.txt -r /dev/null two.json
err_lacks 'is not checked'
check 'unless it is said' test "$(column differ.txt 4 | sort -u)" = incomplete
status 1 feat-verdict -c two.json --views 3
err_has 'two.json: missed 5 %, 95 % sure: needs 59 faulty installations, has 0'

# One file as two views: the predictions have its SHA-256.
sed -E '2,$s/"shot":([01]),/&"content":"'"$(printf '%064d' 7)"'",/; 2,$s/"shot":2,/&"content":"'"$(printf '%064d' 8)"'",/' new.json >copied.json
status 1 feat-verdict -c choose.json --views 3 -o copied.txt -r /dev/null copied.json
check 'a file that is there twice is one view' grep -q $'^g200\t2\t.*\tincomplete\tviews: 2 of 3\t' copied.txt
sed '3s/"content":"[0-9]*/&x/' copied.json >odd.json
status 1 feat-verdict -c choose.json odd.json
err_has 'odd.json: line 3: content is no SHA-256'

# ---- rules
status 0 feat-verdict -c choose.json --group-score mean-of-3 --json
check 'the mean of three' grep -q '"pass_below":0.30399999696,' out
status 0 feat-verdict -c choose.json --group-score mean-of-2 --json
check 'the mean of two' grep -q '"pass_below":0.304499996955,' out
status 0 feat-verdict -c choose.json --group-score learned new.json
out_has 'the score of an installation is learned: weights of views 0: '
cp out first
status 0 feat-verdict -c choose.json --group-score learned new.json
same out first
sed 's/"shot":2/"shot":9/' passes.json >unknown.json
status 1 feat-verdict -c choose.json --group-score learned -o unknown.txt -r unknown.report unknown.json
check 'a view that was not learned: review' grep -q $'^g200\t3\t-\treview\tviews: one that the rule does not know\t-\tgood$' unknown.txt
check 'it is counted' grep -Eq '^review +1 +1' unknown.report
predictions 0 17 >few.json
status 1 feat-verdict -c few.json --group-score learned --missed 50%,50% new.json
err_has 'few.json: a learned rule needs 10 faulty and 10 good installations with view numbers below 32, has 9 and 9'

# ---- several kinds of faults: one class is good
sed -e '1s/"good","bad"/"good","bad","worse"/' -e '1s/"positive":"bad",//' -e 's/\]}$/,0]}/' choose.json >three.json
status 1 feat-verdict -c three.json
err_has 'three.json: 3 classes: --good names the one that is no fault'
status 0 feat-verdict -c three.json --good good --json
check 'what the good class leaves to 1' grep -q '"pass_below":0.30499999' out
check 'JSON names the class that is no fault' grep -q '^{"report":"promises","tool":"feat-verdict","good":"good",' out
status 0 feat-verdict -c three.json --good good
out_has 'faulty: bad, worse; an installation'
status 1 feat-verdict -c three.json --good nosuch
err_has 'three.json: no class nosuch (--good)'
status 0 feat-verdict -c choose.json --good bad --alarms 50%,0
out_has 'faulty: good; an installation'

# ---- what is refused
predictions 0 40 >small.json
status 1 feat-verdict -c small.json --missed 5% --alarms 1/1000 new.json
err_has 'small.json: missed 5 %, 95 % sure: needs 59 faulty installations, has 20 (enough for 14 %); alarms 0.1 % on average: needs 999 good installations, has 21 (enough for 4.6 %)'
check 'nothing is reported' test ! -s out
status 1 feat-verdict -c choose.json small.json
err_has '41 of its groups are in choose.json'
status 0 feat-verdict -c choose.json --allow-overlap small.json
err_has 'small.json: 41 of its groups'
predictions 200 239 3 "$(printf '%064d' 2)" >other.json
sed -n '1p' copied.json >renamed.json
sed 1d copied.json | sed 's/"\([0-9]*-[0-9].jpg\)","group":"g/"x\1","group":"x/' >>renamed.json
status 1 feat-verdict -c copied.json --missed 20%,50% renamed.json
err_has 'of its images are in copied.json'
status 1 feat-verdict -c choose.json other.json
err_has 'other.json: predictions of another classifier than those of choose.json'
sed '1s/"origins":.*/"tool":"mine"}/' new.json >unnamed.json
status 1 feat-verdict -c choose.json unnamed.json
err_has 'unnamed.json, choose.json: one alone is by a classifier'
sed '1s/"origins":.*/"tool":"mine"}/' choose.json >mine.json
status 0 feat-verdict -c mine.json unnamed.json
sed '1s/"tool":"mine"/"tool":"feat-logreg"/' mine.json >any-C.json
status 1 feat-verdict -c any-C.json unnamed.json
err_has 'any-C.json: it does not say by which classifier, which may have another C'
status 0 feat-verdict -c any-C.json
sed '1s/"positive":"bad"/"positive":"good"/' new.json >reversed.json
status 1 feat-verdict -c choose.json reversed.json
err_has 'reversed.json: the class that is looked for is good, in choose.json it is bad'
status 1 feat-verdict -c report.txt new.json
err_has 'report.txt: line 1: no predictions in JSON lines'
{ cat new.json; sed -n 3p new.json; sed -n 2p new.json; } >twice.json # photographs that were scored twice
status 1 feat-verdict -c choose.json twice.json
err_has 'twice.json: line 122: the key 200-1.jpg is that of line 3, too'
status 2 feat-verdict new.json
status 2 feat-verdict -c choose.json new.json new.json
status 2 feat-verdict -c choose.json -o verdicts.txt
status 2 feat-verdict -c choose.json -o same -r same new.json
status 1 feat-verdict -c choose.json -o choose.json new.json
check 'an input is not replaced' bash -c 'head -c 22 choose.json | grep -q predictions'
status 0 feat-verdict -c choose.json --seed 1 --verdicts-only
err_has '--seed: not used: it goes with --group-score learned'
err_has '--verdicts-only: not used: it goes with QUERY'

# ---- votes of neighbours
"$BUILD/tests/featgen" -g 80 -n 3 -o base.feat
"$BUILD/tests/featgen" -g 80 -n 3 --first 80 -o choose.feat
"$BUILD/tests/featgen" -g 40 -n 3 --first 160 -o new.feat
for set in choose new; do feat-knn -q -k 5,20 --json --resamples 0 -o $set.knn -r /dev/null base.feat $set.feat; done
status 1 feat-verdict -c choose.knn --missed 20% new.knn
err_has 'votes of 5 and of 20 neighbours: choose one with -k'
status 0 feat-verdict -c choose.knn --missed 20% -k 20 new.knn
out_has 'judged: new.knn: 40 installations of 3 views'
feat-knn -q -k 5 --json --resamples 0 -o five.knn -r /dev/null base.feat new.feat
status 1 feat-verdict -c five.knn --missed 20% new.knn
grep -v '"k":5' new.knn >twenty.knn
status 1 feat-verdict -c five.knn --missed 40%,50% twenty.knn
err_has 'twenty.knn: votes of 20 neighbours, in five.knn of 5'
feat-knn -q -k 20 --json --resamples 0 -o other.knn -r /dev/null choose.feat new.feat
status 1 feat-verdict -c choose.knn --missed 20% -k 20 other.knn
err_has 'other.knn: votes of other rows than those of choose.knn'
status 0 feat-verdict -c choose.json -k 20
err_has '--neighbours: not used: no file holds votes of neighbours'

# ---- distances, as feat-bank writes them: any numbers
distances() { # predictions: scores are 100 times the score, their negative in the first column
    sed -e '1s/"positive"/"scores":"distances","positive"/' -e 's/"scores":\[[^]]*,\([0-9.e-]*\)\]/"scores":[-\1e2,\1e2]/' "$1"
}
distances choose.json >choose.distances
distances new.json >new.distances
status 0 feat-verdict -c choose.distances --missed 5% --alarms 5/101,0 new.distances
out_has 'pass below 30.5, fail from 47.5 on'
check 'the same verdicts' grep -Eq 'share of review .* 0.4500 ' out
status 0 feat-verdict -c choose.distances --group-score learned --missed 5% new.distances
out_has 'learned: weights of views 0: '
status 1 feat-verdict -c choose.distances new.json
err_has 'new.json: probabilities, choose.distances has distances'
status 1 feat-verdict -c choose.distances --good good new.distances
err_has 'choose.distances: distances say which class is the defect (--good)'

# ---- what a report was made from
"$BUILD/tests/featgen" -g 80 -n 3 -o train.feat
"$BUILD/tests/featgen" -g 40 -n 3 --first 80 -o test.feat
feat-logreg -q -t train.feat -C 1 -m site.logreg --out-of-fold seen.json --json --resamples 0 -r /dev/null
feat-logreg -q -m site.logreg --json --resamples 0 -o test.json -r /dev/null test.feat
check 'predictions have the SHA-256 of files' test "$(grep -c '"content":"[0-9a-f]\{64\}"' test.json)" = 120
status 1 feat-verdict -c seen.json --missed 20%,80% --alarms 20%,80% --group-score learned -o real.txt -r real.report test.json
for file in real.txt real.report; do
    status 0 bbu-info --trace $file
    check "bbu-info follows $file" test "$(grep -cE '^  (choose|query)\.(train|model|query) [0-9a-f]{12}: ' out)" -ge 4
done
no_leftovers
done_testing
