#!/bin/bash
# feat-drift: alarms and their parts, few photographs and empty days, draws, refusals; independence of threads.
. "$(dirname "$0")/lib.sh"
gen() { "$BUILD/tests/featgen" -q --resize 256 -n 1.5 "$@"; }
gen -g 60 --cameras 3 -o ref.feat
gen -g 30 --first 100 --cameras 3 --unlabelled -o same.feat
gen -g 30 --first 100 --cameras 3 --shift 2 --shifted-camera 1 -o camera.feat
gen -g 30 --first 100 --cameras 3 --shift 1.5 -o shift.feat
gen -g 3 --first 100 --cameras 3 -o few.feat
verdict() { grep '^verdict: ' out; }

status 0 feat-drift -q --by camera ref.feat same.feat
out_has 'verdict: no drift'
out_has 'at most one false alarm in 100 such comparisons; limits from 5000 divisions of the groups'
out_has 'farthest from the reference, and'
check 'five photographs' test "$(grep -c '  g001[0-9]*/g001[0-9]*-[012].jpeg$' out)" = 5
status 1 feat-drift -q ref.feat shift.feat
check 'all views have drifted' test "$(verdict)" = 'verdict: drift: all, view 0, view 1, view 2'
status 1 feat-drift -q --by camera ref.feat camera.feat
check 'the camera is named, the others are not' bash -c 'grep "^verdict: drift: .*camera 1" out | grep -v "camera [02]"'
status 1 feat-drift -q --by camera --by Camera ref.feat camera.feat
check 'a key that is misspelt: those that there are' grep -Eq '^feat-drift: --by Camera: no photograph has this key; there are (.*, )?camera(,|$)' err
check 'each once' test "$(tr ',; ' '\n' <err | grep -cx camera)" = 1
check 'nothing is reported' test ! -s out
status 0 feat-drift -q --tolerance 0.5 ref.feat shift.feat
out_has 'verdict: no drift'

status 1 feat-drift -q --json --by camera --show 2 ref.feat camera.feat
cp out two.json
check 'a line for each part and one of photographs' test "$(wc -l <out)" = 8
check 'the verdict first' grep -q '^{"report":"drift","tool":"feat-drift","verdict":"drift","level":0.99,"tolerance":0,"divisions":5000,"origins":{"reference":' out
check 'of an alarm' grep -q '"part":"camera 1","reference":60,"today":30,"reference_groups":20,"today_groups":10,"drift":0.[0-9]*,"limit":0.[0-9]*,"p":0.00[0-9]*,"alarm":true}' out
check 'two photographs of that camera' bash -c 'tail -n 1 out | grep -q "^{\"report\":\"drift-photographs\",.*\"photographs\":\[{\"key\":\"g00.*\"distance\":.*\"reference_as_far\":.*},{.*}\]}"'
status 1 feat-drift -q -j 1 --json --by camera --show 2 ref.feat camera.feat
same out two.json
status 1 feat-drift -q --seed 1 --json --by camera --show 2 ref.feat camera.feat
differ out two.json
status 1 feat-drift -q --show 0 -r report.txt ref.feat shift.feat
out_empty
check 'the report is written although it is an alarm' grep -q '^verdict: drift' report.txt
check 'without photographs' lacks 'farthest' report.txt

# ---- scores of a classifier
status 0 feat-logreg -q -t ref.feat -C 1 -m site.logreg -r /dev/null
status 1 feat-drift -q -m site.logreg ref.feat shift.feat
out_has 'scores'
check 'the classifier is an origin' grep -q '^model    [0-9a-f]* site.logreg' out
gen -g 30 --first 100 --only 1 -o faulty.feat
status 1 feat-drift -q -m site.logreg ref.feat faulty.feat
check 'only faulty parts today: the scores have drifted' bash -c 'grep "^verdict: drift:" out | grep -q scores'

# ---- little data is no error
status 0 feat-drift -q ref.feat few.feat
check 'few groups' test "$(verdict)" = 'verdict: too few photographs to judge: groups 60 and, today, 3; at least 5 of both'
status 0 feat-drift -q --least-groups 2 ref.feat few.feat
feat-cat -q --split nosuch ref.feat -o empty.feat
status 0 feat-drift -q -m site.logreg ref.feat empty.feat
check 'an empty day' test "$(verdict)" = 'verdict: too few photographs to judge: groups 60 and, today, 0; at least 5 of both'
status 0 feat-drift -q --json ref.feat empty.feat
out_has '"verdict":"too few"'
out_has '"drift":null,"limit":null,"p":null,"alarm":false'
status 1 feat-drift -q empty.feat ref.feat
err_has 'empty.feat: no rows'

# ---- several files of today, and draws
gen -g 15 --first 100 --cameras 3 --unlabelled -o morning.feat
gen -g 15 --first 115 --cameras 3 --unlabelled -o evening.feat
status 0 feat-drift -q --show 0 ref.feat morning.feat evening.feat
sed '/^today/d' out >joined.txt
status 0 feat-drift -q --show 0 ref.feat same.feat
check 'two files are as one' grep -q 'photographs of today                90' joined.txt
status 0 feat-drift --most-groups 20 --show 0 ref.feat same.feat
err_has 'ref.feat: 20 of 60 groups are drawn'
out_has 'groups of the reference             20 '

# ---- refusals
gen -g 30 --first 100 --weights 2 -o other.feat
status 1 feat-drift -q ref.feat other.feat
err_has 'other.feat: is incompatible with ref.feat'
"$BUILD/tests/featgen" -q -g 30 --resize 96 -o small.feat
status 1 feat-drift -q ref.feat small.feat
err_has 'resize 96, other file has 256'
status 1 feat-drift -q -m site.logreg small.feat small.feat
status 1 feat-drift -q ref.feat nosuch.feat
status 2 feat-drift ref.feat
status 2 feat-drift --level 0.9999 ref.feat same.feat
err_has '--level 0.9999 needs at least 9999 --permutations'
status 0 feat-drift -q --level 0.9999 --permutations 9999 ref.feat same.feat
gen -g 70 --cameras 70 --first 100 -o many.feat
status 1 feat-drift -q --by camera many.feat many.feat
err_has 'more than 63 views, values of --by and so on'
done_testing
