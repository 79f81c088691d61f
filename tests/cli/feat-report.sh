# feat-report: the pages for predictions, lines of bbu-inspect, a training run and features of patches: numbers that are
# those of other tools, what may be missing, hostile names, sizes, bytes that repeat; and how a browser shows them.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/man-fixture.sh"
. "$TESTS/cli/html-fixture.sh"
has() { check "$1 has: $2" grep -qF -- "$2" "$1"; }
hasnt() { check "$1 lacks: $2" lacks "$2" "$1"; }

# ---- the check of pages finds faults
cat >bad.html <<'END'
<!DOCTYPE html><html lang="en"><title>t</title><main><h1>a</h1><h3 id="x">b</h3><p id="x">c<b>d</p></b>
<img src="http://elsewhere/x.png"><a href="https://elsewhere">e</a><a href="#nowhere">f</a><table><tr><th>g</th></tr></table></main></html>
END
page_faults bad.html >faults
for fault in 'closes <b>' 'id x twice' 'h3 below h1' 'leaves the file'; do
    sed 's/<b>d<\/p><\/b>/d<\/p>/' bad.html >other.html
    check "a fault is found: $fault" grep -qF "$fault" <(cat faults; page_faults other.html)
done
check 'more faults are found' test "$(page_faults other.html | wc -l)" -ge 6

cat >bad.html <<'END'
<!DOCTYPE html><html lang="en"><body style="background:#fff"><p style="color:#999999;transition:color 1s">pale</p><a href="#" tabindex="2" style="outline:none">a</a>
<svg><rect fill="#ffffff" width="9" height="9"/><path stroke="#bbbbbb" d="M0 0h9"/></svg><div style="width:600px">wide</div><footer></footer></body></html>
END
if [ -n "$browser" ]; then
    measuring_page bad.html 390 >measure.html
    in_browser --window-size=500,900 --virtual-time-budget=20000 --dump-dom "file://$PWD/measure.html" >measured.html
    check 'faults are measured' grep -qE 'contrast=2\.85 marks=1\.9. wider=[1-9].* outlined=0 of=1 jumps=1 .*mute=1 moving=1 ' measured.html
    rm -rf browser
fi

# ---- predictions with photographs, features, thresholds
man_fixture site || { check 'the fixture is made' false; done_testing; }
cd site || exit 1
feat-logreg -q -t train.feat --val val.feat --json --resamples 100 -o test.json -r scores.json test.feat
status 0 feat-report -c bbu.index -f bbu.feat -s scores.json --missed 5%,95% --alarms 5/100 --resamples 100 -o r.html test.json
check 'nothing is said' test ! -s err
page_is_good r.html 'a report'
has r.html '<strong>positive</strong> is the defect, negative is good. A score is the probability of positive.'
has r.html '<dt>false alarm</dt>'
has r.html 'feat-logreg: train train.feat <code>'
check 'the defect comes before all numbers' bash -c '[ $(grep -n "is the defect" r.html | head -n 1 | cut -d : -f 1) -lt $(grep -n "id=\"verdicts\"" r.html | cut -d : -f 1) ]'
for part in verdicts curves calibration keys look origin all roc-installations pr-photographs; do
    check "it has $part" grep -qE "id=\"$part(-title)?\"" r.html
done
has r.html 'at most 5 % of faulty installations pass, 95 % sure'
has r.html 'recall of 0.95 or more'
# the same numbers as feat-logreg reports
"$BUILD/tests/featgen" --resize 224 -g 40 -o drawn-train.feat
"$BUILD/tests/featgen" --resize 224 -g 30 --first 40 -n 2 -o drawn-test.feat
feat-logreg -q -t drawn-train.feat -m drawn.logreg --json --seed 3 --resamples 200 -o drawn.json -r drawn.scores drawn-test.feat
status 0 feat-report --seed 3 --resamples 200 -o drawn.html drawn.json
has drawn.html 'No thresholds were given: 0.5, merely the middle, divides them.</strong>'
value() { # level score -> "0.931 [0.895, 0.962]"
    grep "\"level\":\"$1\"" drawn.scores | head -n 1 | sed 's/"confusion".*//' |
        sed -E "s/.*[,{]\"$2\":([0-9.e+-]+),.*\"intervals\":\{[^}]*\"$2\":\[([0-9.e+-]+),([0-9.e+-]+)\].*/\1 \2 \3/" |
        awk '{printf "%.3f [%.3f, %.3f]", $1, $2, $3}'
}
for level in image group; do
    for score in auroc average_precision brier; do
        has drawn.html "$(value $level $score)"
    done
done
check 'missed and false alarms are counted' bash -c '
    want=$(sed 1d drawn.json | sed -E "s/.*\"group\":\"([^\"]*)\".*\"label\":\"([^\"]*)\".*\"scores\":\[[^,]*,([0-9.e+-]+)\].*/\1 \2 \3/" |
        awk "{if (\$3 > s[\$1]) s[\$1] = \$3; if (\$2 == \"positive\") l[\$1] = 1; else l[\$1] += 0}
             END {for (g in s) {if (l[g] && s[g] < 0.5) m++; if (!l[g] && s[g] >= 0.5) f++} print m + 0, f + 0}")
    grep -qF "<strong>${want% *} missed</strong>" drawn.html && grep -qE "<strong>${want#* } false alarms?</strong>" drawn.html'
check 'pictures are inside' test "$(grep -c 'src="data:image/jpeg;base64,' r.html)" -ge 3
check 'and neighbours' grep -q 'similarity 0\.\|similarity 1\.' r.html
has r.html 'photographs bbu, 36 images'
has r.html '<th scope="row">0</th>'
browse r.html 'a report'

# ---- the same bytes again, over the same file, by any number of threads
for jobs in 1 4; do
    status 0 feat-report -j $jobs -c bbu.index -f bbu.feat -s scores.json --missed 5%,95% --alarms 5/100 --resamples 100 -o again.html test.json
    same r.html again.html
done
status 0 feat-report -c bbu.index --resamples 0 -o again.html test.json
lacks_bands() { ! grep -q '<polygon' again.html; }
check 'without resamples there are no bands' lacks_bands
status 1 feat-report -o test.json test.json
err_has 'is an input of this run'

# ---- thresholds: review between, incomplete with fewer views
status 0 feat-report --thresholds 0.2,0.8 --views 4 --resamples 0 -o v.html test.json
has v.html 'pass below a score of 0.2, fail from 0.8 on, review between'
has v.html 'incomplete with fewer than 4 views'
check 'all are incomplete' grep -qE '^<p class="answer"><strong>([0-9]+) of \1 installations need a person\.</strong> With too few views: \1\. 0 fail, 0 pass\.</p>$' v.html
page_is_good v.html 'all incomplete'
status 2 feat-report --thresholds 0.9,0.1 -o v.html test.json
err_has '--thresholds 0.9,0.1: one number, or two that ascend'

# ---- heat maps beside the photographs
for k in $(sed -n 's/.*"key":"\([^"]*\)".*/\1/p' test.json); do
    mkdir -p "maps/$(dirname "$k")"
    base64 -d >"maps/$k.png" <<<'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGM8ISfHwMDAxMDAwMDAAAANBAEIfXHKZgAAAABJRU5ErkJggg=='
done
status 0 feat-report -c bbu.index --maps maps --resamples 0 -o m.html test.json
has m.html 'not inspected: cut away before the network looked'
check 'heat maps are shown' grep -q 'alt="heat map of photograph' m.html
page_is_good m.html 'with heat maps'
# ---- room: pictures are left out and counted; folders that are not there
status 0 feat-report -c bbu.index --picture-bytes 10K --resamples 0 -o s.html test.json
check 'pictures are left out' grep -qE '[0-9]+ pictures? (was|were) left out for want of room' s.html
check 'and the page is small' test "$(wc -c <s.html)" -lt 200000
status 0 feat-report --photographs nosuch --resamples 0 -o s.html test.json
err_has 'could not be shown, the first: nosuch/'
has s.html 'No picture.'
page_is_good s.html 'without its pictures'

# ---- lines of bbu-inspect: labels and pictures from the catalogue; scores of any scale; the last verdict counts
awk -F'"' '/"key"/ {print}' test.json | sed -E 's/.*"key":"([^"]*)","group":"([^"]*)","shot":([0-9]+).*"scores":\[[^,]*,([0-9.e+-]+)\].*/\1 \2 \3 \4/' |
    awk '{printf "{\"photograph\": \"/some/where/%s\", \"group\": \"%s\", \"view\": %d, \"score\": %g, \"verdict\": \"pass\", \"reason\": \"\", \"sharpness\": 3}\n", $1, $2, $3, 20 * $4
          group[$2] = 1}
         END {for (g in group) printf "{\"installation\": \"%s\", \"views\": 3, \"score\": 7, \"verdict\": \"fail\", \"reason\": \"score 7\"}\n{\"installation\": \"%s\", \"views\": 3, \"score\": 2.5, \"verdict\": \"review\", \"reason\": \"blurred: 3 of 9\"}\n", g, g}' >lines.json
n=$(grep -c 'review' lines.json)
sed -i '1i {"report":"inspection","tool":"bbu-inspect","positive":"positive","origins":{"inspector":{"identity":"'"$(printf '2%.0s' {1..64})"'","path":"site.inspector"}}}' lines.json
status 0 feat-report -c bbu.index --resamples 100 -o i.html lines.json
has i.html 'Verdicts</dt>'
has i.html 'as bbu-inspect gave them'
has i.html 'bbu-inspect: inspector site.inspector <code>222222222222</code>'
has i.html '<strong>positive</strong> is the defect, negative is good.'
has i.html 'The larger a score, the more like positive.'
has i.html "<strong>$n of $n installations need a person.</strong> In review: $n (blurred $n). 0 fail, 0 pass."
has i.html 'blurred: 3 of 9'
hasnt i.html 'id="calibration"'
check 'labels of the catalogue' grep -q 'id="roc-photographs-title"' i.html
page_is_good i.html 'lines of bbu-inspect'
status 0 feat-report -c bbu.index --maps maps --resamples 0 -o i.html lines.json
check 'heat maps are found by the end of a path' grep -q 'alt="heat map of photograph /some/where/' i.html
status 0 feat-report --resamples 0 -o i.html lines.json test.json
has i.html "<strong>$n of $n installations need a person.</strong> In review: $n (blurred $n). 0 fail, 0 pass."
has i.html 'A score is the probability of positive.'
status 1 feat-report -o i.html test.json test.json
err_has 'one file of predictions is enough'
printf '{"installation": "a", "verdict": "perhaps"}\n' >odd.json
status 1 feat-report -o i.html odd.json
err_has 'odd.json: line 1: verdict: "perhaps" is not pass, fail, review or incomplete'

# ---- verdicts of feat-verdict, its thresholds and promises
feat-verdict -q --json --verdicts-only --missed 30%,80% --alarms 30% -c drawn.json -o verdicts.json -r promises.json drawn.json --allow-overlap
status 0 feat-report --resamples 0 -s promises.json -o w.html drawn.json verdicts.json
has w.html 'as feat-verdict gave them: pass below a score of '
has w.html '; 3 views expected'
has w.html 'at most 30 % of faulty installations pass, 80 % sure'
has w.html 'at most 30 % of good installations fail, on average'
check 'as many fail' test "$(grep -oE '<strong>[0-9]+</strong><span>fail' w.html | tr -dc 0-9)" = "$(grep -c '"verdict":"fail"' verdicts.json)"
check 'the threshold is a point' grep -q 'class="point".*fail from, threshold' w.html
page_is_good w.html 'verdicts of feat-verdict'
has w.html 'Calibration of installations</title>'
for what in missed alarms; do # counted as feat-verdict counts
    seen=$(grep "\"promise\":\"$what\"" promises.json | sed -E 's/.*"checked":\{"installations":([0-9]+),"wrong":([0-9]+).*/\2 of \1/')
    check "$what: $seen, as feat-verdict says" grep -qF "<td>$seen (" w.html
done

# ---- verdicts of feat-verdict alone: its installations list their photographs; labels and probabilities are its own
status 0 feat-report --resamples 100 -o alone.html verdicts.json
has alone.html "$(grep -c '"verdict"' verdicts.json) installations, judged by feat-verdict"
has alone.html 'Calibration of installations</title>'
hasnt alone.html 'Calibration of photographs</title>'
has alone.html 'id="roc-installations-title"'
hasnt alone.html 'id="roc-photographs-title"'
brier=$(sed 1d verdicts.json | sed -E 's/.*"probability":([0-9.e+-]+),"label":"([a-z]*)".*/\1 \2/' |
    awk '{d = $1 - ($2 == "faulty"); s += d * d} END {printf "%.3f", s / NR}')
has alone.html "Brier score $brier ["
check 'the same share of faulty ones stands on a card' grep -qE 'Of the installations that the thresholds were chosen on, [0-9]+.{1,2}% with such a score are faulty' alone.html
page_is_good alone.html 'verdicts of feat-verdict alone'

# ---- judged again: a photograph that was taken again, the promises of the inspector
cat >again.json <<'END'
{"report":"inspection","tool":"bbu-inspect","positive":"bad","pass_below":0.2,"fail_from":0.7,"group_score":"max","views":2,"promises":[{"promise":"missed","share":0.05,"confidence":0.95,"chosen":{"installations":60,"wrong":1,"share":0.0166666666667,"low":0.0004,"high":0.0894,"state":"kept"},"checked":{"installations":53,"wrong":2,"share":0.0377358490566,"low":0.0046,"high":0.1298,"state":"kept"}},{"promise":"alarms","share":0.01,"confidence":0,"chosen":{"installations":200,"wrong":0,"share":0,"low":0,"high":0.0183,"state":"kept"}}]}
{"photograph":"in/a-0.jpg","group":"a","view":0,"score":0.5,"verdict":"review","reason":"blurred: 3 of 9"}
{"photograph":"in/a-1.jpg","group":"a","view":1,"score":0.1,"verdict":"pass","reason":"score: 0.1, passes below 0.2"}
{"installation":"a","views":2,"score":0.5,"verdict":"review","reason":"blurred: 3 of 9","photographs":["in/a-0.jpg","in/a-1.jpg"]}
{"photograph":"in/b-0.jpg","group":"b","view":0,"score":0.8,"verdict":"fail","reason":"score: 0.8, fails from 0.7 on","cropped":0.5}
{"installation":"b","views":1,"score":0.8,"verdict":"incomplete","reason":"views: 1 of 2","photographs":["in/b-0.jpg"]}
{"photograph":"in/a-1.jpg","group":"a","view":1,"score":0.1,"verdict":"pass","reason":"score: 0.1, passes below 0.2"}
{"photograph":"in/a-0-again.jpg","group":"a","view":0,"score":0.05,"verdict":"pass","reason":"score: 0.05, passes below 0.2"}
{"installation":"a","views":2,"score":0.1,"verdict":"pass","reason":"score: 0.1, passes below 0.2","photographs":["in/a-1.jpg","in/a-0-again.jpg"]}
{"installation":"c","views":1,"score":0.9,"verdict":"fail","reason":"score: 0.9, fails from 0.7 on","photographs":["in/c-0.jpg"]}
END
sed '1s/"state":"kept"/"state":"broken"/' again.json >odd.json
status 1 feat-report -o odd.html odd.json
err_has 'odd.json: line 1: state: not that of its share and interval'
sed '3s/0\.1/"0.1"/' again.json >odd.json
status 1 feat-report -o odd.html odd.json
err_has 'odd.json: line 3: score: not a number'
status 0 feat-report -n 5 -o j.html again.json
has j.html '4 photographs of 3 installations, judged by bbu-inspect. <strong>12 % of the photographs&#39;'
has j.html '<strong>1 of 3 installations needs a person.</strong> <a href="#look-held">Begin with the one whose score fails</a>. With too few views: 1. 1 fails, 1 passes.'
hasnt j.html 'blurred: 3 of 9'
hasnt j.html 'in/a-0.jpg'
has j.html '<th scope="row">at most 5 % of faulty installations pass, 95 % sure</th><td>–</td><td>no labels</td><td>1 of 60</td><td>2 of 53</td>'
has j.html '<th scope="row">at most 1 % of good installations fail, on average</th><td>–</td><td>no labels</td><td>0 of 200</td>'
has j.html 'review between; score of an installation: max of its photographs; 2 views expected.'
has j.html 'fails from 0.7 on' # of c, whose photograph has no line
page_is_good j.html 'judged again'
status 0 feat-report -n 5 --missed 30% -o j.html again.json
has j.html '<th scope="row">at most 30 % of faulty installations pass, 95 % sure</th><td>–</td>'

# ---- a gate or a missing view must not hide a fault: what is held while its score fails comes first everywhere
cat >held.json <<'END'
{"report":"inspection","tool":"bbu-inspect","positive":"bad","pass_below":0.2,"fail_from":0.7,"views":1}
{"installation":"unsure","views":1,"score":0.6,"verdict":"review","reason":"score: 0.6, between 0.2 and 0.7","photographs":["u.jpg"]}
{"installation":"dark-good","views":1,"score":0.1,"verdict":"review","reason":"dark (limit 0.31); its score passes","photographs":["g.jpg"]}
{"installation":"few","views":0,"score":0.9,"verdict":"incomplete","reason":"views: 0 of 1","photographs":["f.jpg"]}
{"installation":"dark-bad","views":1,"score":0.7,"verdict":"review","reason":"dark (limit 0.31); its score fails","photographs":["b.jpg"]}
{"installation":"worst","views":1,"score":0.99,"verdict":"fail","reason":"score: 0.99, fails from 0.7 on","photographs":["w.jpg"]}
END
status 0 feat-report -o held.html held.json
has held.html '<strong>4 of 5 photographs need a person.</strong> <a href="#look-held">Begin with the 2 whose score fails</a>. In review: 3 (score 1, dark 2).'
first_links() { grep -oE '<a href="#case-[0-9]+">[a-z-]+' held.html | sed 's/.*>//' | head -n 4 | tr '\n' ' '; }
check 'they are the first to begin with' test "$(first_links)" = 'few dark-bad unsure dark-good '
cards() { grep -oE '<h4 id="case-[0-9]+-name">[a-z-]+' held.html | sed 's/.*>//' | tr '\n' ' '; }
check 'the first to be shown' test "$(cards)" = 'few dark-bad unsure dark-good worst '
rows() { sed -n '/id="all"/,$p' held.html | grep -oE '<th scope="row">(<a[^>]*>)?[a-z-]+' | sed 's/.*>//' | tr '\n' ' '; }
check 'and the first of the table' test "$(rows)" = 'few dark-bad unsure dark-good worst '
page_is_good held.html 'held while the score fails'
sed '1s/"pass_below":0.2,"fail_from":0.7,//' held.json >loose.json
status 0 feat-report -o held.html loose.json
hasnt held.html 'whose score fails'
status 0 feat-report -n 0 -o held.html held.json
has held.html 'need a person.</strong> Begin with the 2 whose score fails.'

# ---- an empty day is no error
head -n 1 again.json >nothing.json
status 0 feat-report -o none.html nothing.json
has none.html '<strong>Nothing was inspected.</strong>'
has none.html '0 photographs, judged by bbu-inspect.'
page_is_good none.html 'an empty day'

# ---- photographs of both classes, installations of one: no curve of installations, no number that is none
awk 'BEGIN {print "{\"report\":\"predictions\",\"positive\":\"b\",\"classes\":[\"a\",\"b\"]}"
    for (i = 0; i < 12; i++) printf "{\"key\":\"k%d\",\"group\":\"g%d\",\"shot\":%d,\"label\":\"%s\",\"scores\":[%g,%g]}\n", i, i / 2, i % 2, i % 2 ? "b" : "a", 1 - i / 20, i / 20}' >half.json
status 0 feat-report -o half.html half.json
has half.html 'id="roc-photographs-title"'
hasnt half.html 'id="roc-installations-title"'
hasnt half.html 'nan'
page_is_good half.html 'installations of one class'

# ---- distances of feat-bank: no thresholds, all in review; no calibration
sed '1s/"classes"/"scores":"distances","classes"/; 2,$s/"scores":\[[^,]*,\([^]]*\)\]/"scores":[-\1,\1]/' drawn.json >distances.json
status 0 feat-report --resamples 0 -o d.html distances.json
has d.html 'The larger a score, the more like '
has d.html 'There are no verdicts: no thresholds were given.'
has d.html 'all go to review: no thresholds were given'
has d.html ' of 30, the worst first.'
hasnt d.html ' missed</strong>'
hasnt d.html 'No defect was missed'
hasnt d.html 'id="calibration"'
hasnt d.html 'score of -inf'
areas() { sed -n '/id="curves"/,$p' "$1" | grep -o '<td class="n">0\.[0-9]*\( \[[^<]*\)*</td>' | sed -n 1,2p | sed 's/ \[.*\]//; s/<[^>]*>//g'; }
check 'AUROC is that of the probabilities' test "$(areas d.html)" = "$(areas drawn.html)"

page_is_good d.html 'distances'
# a report of feat-bank --alarms: its threshold judges, its promise is told and counted
printf '%s\n' '{"report":"threshold","tool":"feat-bank","threshold":0.4,"alarms":0.2,"confidence":0.8,"group_score":"max","calibration_groups":18,"calibration_groups_reached":1}' >alarms.json
status 0 feat-report --resamples 0 -s alarms.json -o a.html distances.json
has a.html 'pass below a score of 0.4, fail from there on'
has a.html 'at most 20 % of good installations fail, 80 % sure'
has a.html '<td>1 of 18</td>'
check 'the threshold is a point' grep -q 'class="point".*pass below, fail from, threshold' a.html
page_is_good a.html 'distances with a threshold'
status 0 feat-report --resamples 0 -s alarms.json --thresholds 0.3 -o t.html distances.json
has t.html 'pass below a score of 0.3, fail from there on'
has t.html 'alarms as promised, threshold 0.4'
status 1 feat-report --resamples 0 -s alarms.json --group-score mean -o x.html distances.json
err_has 'alarms.json: a threshold for --group-score max, not mean'
sed 's/"max"/"mean"/' alarms.json >means.json
status 0 feat-report --resamples 0 -s means.json -o a.html distances.json
has a.html 'score of an installation: mean of its photographs'
bank() { printf '"bank":{"identity":"%064d"}' "$1"; }
for n in 1 2; do sed "s/\"threshold\":0.4/\"origins\":{$(bank $n)},&/" alarms.json >alarms-$n.json; done
sed "1s/\"origins\":{/&$(bank 1),/" distances.json >of-bank.json
status 0 feat-report --resamples 0 -s alarms-1.json -o x.html of-bank.json
status 1 feat-report --resamples 0 -s alarms-2.json -o x.html of-bank.json
err_has 'alarms-2.json: a threshold of another memory bank than that of of-bank.json'
rm x.html
status 0 feat-report --resamples 0 --thresholds 0.4 -o d.html distances.json
has d.html 'pass below a score of 0.4, fail from there on'

# ---- what may be missing: labels, a class, all but one photograph, groups
head -n 1 test.json >head.json
sed '2,$s/"label":"[^"]*",//' test.json >unlabelled.json
status 0 feat-report -o u.html unlabelled.json
has u.html 'This page cannot tell: there are no labels.'
hasnt u.html 'id="curves"'
hasnt u.html ' missed</strong>'
hasnt u.html 'id="verdicts"'
check 'scores by view, without labels' grep -qE '<th scope="col" class="n">no label</th><th scope="col" class="n">median score</th></tr>' u.html
has u.html 'Failing, without a label'
page_is_good u.html 'without labels'
grep -v '"label":"positive"' test.json >good.json
status 0 feat-report -o g.html good.json
has g.html 'Curves need labelled installations of both classes; here 1 of 1 with a score are labelled negative and 0 positive.'
hasnt g.html 'nan'
page_is_good g.html 'one class'
sed -n '1p;2p' test.json >one.json
status 0 feat-report -o 1.html one.json
has 1.html '1 photograph, scored by feat-logreg.'
page_is_good 1.html 'one photograph'
browse 1.html 'one photograph'
status 0 feat-report -o n.html head.json
has n.html '<strong>Nothing was inspected.</strong>'
has n.html '0 photographs, scored by feat-logreg.'
page_is_good n.html 'predictions of an empty day'
sed 's/"group":"[^"]*",//' test.json >ungrouped.json
status 0 feat-report --resamples 0 -o n.html ungrouped.json
hasnt n.html 'id="roc-installations'
has n.html 'Photographs by label and verdict'
has n.html '<div class="cards">'
page_is_good n.html 'without groups'
sed '1s/"positive":"positive",//; 1s/"classes":\[[^]]*\]/"classes":["a","b","c"]/; 2,$s/"label":"negative"/"label":"a"/; 2,$s/"label":"positive"/"label":"b"/; 2,$s/\[\([^,]*\),\([^]]*\)\]/[\1,\2,0]/' test.json >three.json
status 1 feat-report -o t.html three.json
err_has 'three.json: 3 classes (a, b, c): name the defect with --positive'
status 0 feat-report --positive b --resamples 0 -o t.html three.json
has t.html '<strong>b</strong> is the defect, any other class is good.'
status 1 feat-report --positive d -o t.html three.json
err_has 'no class d; there are a, b, c'

# ---- labels that may be wrong: two of twelve, the rest as their scores say; each has a card that the table links to
awk 'BEGIN {print "{\"report\":\"predictions\",\"positive\":\"b\",\"classes\":[\"a\",\"b\"]}"
    for (i = 0; i < 12; i++) {bad = i % 2; p = bad ? 0.8 + i / 100 : 0.2 - i / 100; if (i == 4) p = 0.95; if (i == 7) p = 0.05
        printf "{\"key\":\"k%d\",\"label\":\"%s\",\"scores\":[%g,%g]}\n", i, bad ? "b" : "a", 1 - p, p}}' >suspects.json
status 0 feat-report -o x.html suspects.json
has x.html '2 labels are suspected of 12 labelled photographs'
check 'they are those' test "$(sed -n '/id="labels"/,/<\/section>/p' x.html | grep -oE '<th scope="row"><a href="#case-[0-9]+">k[0-9]+' | grep -oE 'k[0-9]+$' | sort | tr '\n' ' ')" = 'k4 k7 '
page_is_good x.html 'suspected labels'
sed '1s/"classes"/"origins":{"train":{"identity":"'$(printf '1%.0s' {1..64})'"},"query":{"identity":"'$(printf '1%.0s' {1..64})'"}},"classes"/' suspects.json >learned.json
status 0 feat-report -o x.html learned.json
has x.html 'These photographs are those that the classifier was fitted to'

# ---- hostile names, and further keys
printf '%s\n' '{"report":"predictions","tool":"<b>tool&","positive":"<i>bad\u0001","classes":["good\"","<i>bad\u0001"]}' >hostile.json
for i in $(seq 1 40); do
    printf '{"key":"a\\u202e<script>alert(%d)</script>&\\"\\u0007.jpg","group":"<g%d>\\u0000","shot":0,"label":"%s","scores":[%s],"extra":{"camera":"<c%d>","date":"2026-%02d-%02dT10:00","<k>":"&","site":"\\ud83d\\ude00 %d"}}\n' \
        "$i" "$((i / 2))" "$([ $((i % 3)) = 0 ] && echo 'good\"' || echo '<i>bad\u0001')" "0.$((i % 9 + 1)),0.$((9 - i % 9))" $((i % 3)) $((i % 12 + 1)) $((i % 28 + 1)) $((i % 2))
done | sed 's/\\u0000//' >>hostile.json
status 0 feat-report --resamples 50 --title $'<title>\x01\xff&' --photographs '<nosuch>' -o h.html hostile.json
page_is_good h.html 'hostile names'
has h.html '<title>&lt;title&gt;?'
has h.html 'By camera'
has h.html '&lt;c2&gt;'
check 'dates are months where days are too many' grep -q '<th scope="row">2026-12</th>' h.html
hasnt h.html 'alert(1)</script>'
browse h.html 'hostile names'
# dates as people write them: in their order, with months where days are too many; or the page says that it cannot read them
for form in '%02d.%02d.2026' '%02d/%02d/2026' 'us' '%02d.%02d.26'; do
    awk -v form="$form" 'BEGIN {print "{\"report\":\"predictions\",\"positive\":\"b\",\"classes\":[\"a\",\"b\"]}"
        for (i = 0; i < 40; i++) {d = i % 4 * 9 + 1; m = i % 10 + 1
            date = form == "us" ? sprintf("%d/%d/2026", m, d) : sprintf(form, d, m)
            printf "{\"key\":\"k%d\",\"label\":\"%s\",\"scores\":[%g,%g],\"extra\":{\"date\":\"%s\"}}\n", i, i % 3 ? "a" : "b", 1 - i / 40, i / 40, date}}' >dates.json
    status 0 feat-report --resamples 0 -o dates.html dates.json
    months=$(sed -n '/id="keys"/,$p' dates.html | grep -oE '<th scope="row">[^<]*' | sed 's/.*>//' | tr '\n' ' ')
    if [ "$form" = '%02d.%02d.26' ]; then
        has dates.html 'date looks like a date and is not read as one'
    else
        check "$form: they ascend" grep -q '^2026-01-01 2026-01-19 2026-02-10 ' <<<"$months"
    fi
done
# the same in verdicts; names as long as they may be, which are shortened: the page stays small
long=$(printf '\\u00e9<&\\"%.0s' {1..400}) awk 'BEGIN {
    long = ENVIRON["long"]
    printf "{\"report\":\"inspection\",\"tool\":\"<i>%s\",\"positive\":\"<b>%s\",\"origins\":{\"<r>\":{\"identity\":\"", long, long
    for (i = 0; i < 64; i++) printf "a"
    printf "\",\"path\":\"<p>%s\"}}}\n", long
    for (g = 0; g < 600; g++) {
        name = sprintf("%s<script>%d", long, g)
        printf "{\"photograph\":\"%s.jpg\",\"group\":\"%s\",\"view\":%d,\"score\":%g,\"verdict\":\"review\",\"reason\":\"<u>%s\"}\n", name, name, g % 3, g, long
        printf "{\"installation\":\"%s\",\"views\":1,\"score\":%g,\"verdict\":\"%s\",\"reason\":\"<u>%s\",\"label\":\"%s\"}\n", name, g, g % 2 ? "fail" : "review", long, g % 5 ? "faulty" : "good"
    }}' >long.json
status 0 feat-report --photographs '<nosuch>' -o long.html long.json
page_is_good long.html 'long names'
hasnt long.html '<script>'
check 'a page of long names is small' test "$(wc -c <long.html)" -lt 1000000
browse long.html 'long names'
long=$(printf '\\u00e9<&\\"%.0s' {1..400}) awk 'BEGIN {
    long = ENVIRON["long"]
    printf "{\"report\":\"predictions\",\"positive\":\"b%s\",\"classes\":[\"a%s\",\"b%s\"]}\n", long, long, long
    for (i = 0; i < 60; i++) printf "{\"key\":\"%d%s\",\"label\":\"%s%s\",\"scores\":[%g,%g],\"extra\":{\"site%s\":\"%s%d\"}}\n", i, long, i % 3 ? "a" : "b", long, 1 - i / 60, i / 60, long, long, i % 3}' >long.json
status 0 feat-report --resamples 20 -o long.html long.json
page_is_good long.html 'predictions with long names'
check 'its page is small, too' test "$(wc -c <long.html)" -lt 300000
printf '{"report":"predictions","positive":"b","classes":["a","b"]}\n{"key":"../../../etc/passwd","label":"a","scores":[0,1]}\n' >out.json
status 0 feat-report --photographs bbu -o o.html out.json
err_has 'outside the folder'
# bytes that are not UTF-8: in a catalogue, whose names predictions write with U+FFFD and its digits; in lines they are refused
mkdir latin && cp "$(find bbu -name '*.jpeg' | sort | head -n 1)" "latin/$(printf 'a\xff<').jpeg"
bbu-index -q --layout folder -o latin.index latin 2>/dev/null
printf '{"report":"predictions","positive":"b","classes":["a","b"]}\n{"key":"a\xef\xbf\xbdff<.jpeg","label":"a","scores":[0,1]}\n' >latin.json
status 0 feat-report -c latin.index -o l.html latin.json
check 'its picture is found' grep -q 'src="data:image/jpeg' l.html
page_is_good l.html 'a name that is not UTF-8'
printf '{"photograph": "a\xff.jpg", "group": "g"}\n' >latin.json
status 1 feat-report -o l.html latin.json

# ---- many rows: bounded
awk 'BEGIN {print "{\"report\":\"predictions\",\"positive\":\"b\",\"classes\":[\"a\",\"b\"]}"
    for (i = 0; i < 10000; i++) {p = (i * 7919 % 10007) / 10007; printf "{\"key\":\"k%d\",\"group\":\"g%d\",\"shot\":%d,\"label\":\"%s\",\"scores\":[%.6f,%.6f],\"extra\":{\"camera\":\"c%d\",\"serial\":\"s%d\"}}\n", i, i / 3, i % 3, (p + (i * 31 % 100) / 100 > 1.2) ? "b" : "a", 1 - p, p, i % 5, i}}' >many.json
status 0 feat-report --resamples 50 -o many.html many.json
check 'ten thousand rows make a page of less than 600 KB' test "$(wc -c <many.html)" -lt 600000
has many.html 'serial has 10000 values, too many to show.'
has many.html 'The first 500 of 3334'
page_is_good many.html 'ten thousand rows'

awk 'BEGIN {print "{\"report\":\"inspection\",\"tool\":\"bbu-inspect\",\"positive\":\"bad\",\"pass_below\":0.2,\"fail_from\":0.7}"
    for (g = 0; g < 10000; g++) {p = (g * 7919 % 10007) / 10007
        for (i = 0; i < 3; i++) printf "{\"photograph\":\"in/%d-%d.jpg\",\"group\":\"%d\",\"view\":%d,\"score\":%.6f,\"verdict\":\"pass\",\"reason\":\"\"}\n", g, i, g, i, p
        printf "{\"installation\":\"%d\",\"views\":3,\"score\":%.6f,\"verdict\":\"%s\",\"reason\":\"score: %g\",\"photographs\":[\"in/%d-0.jpg\",\"in/%d-1.jpg\",\"in/%d-2.jpg\"]}\n", g, p, p < 0.2 ? "pass" : p < 0.7 ? "review" : "fail", p, g, g, g}}' >many.json
status 0 feat-report -n 10 -o many.html many.json
has many.html '30000 photographs of 10000 installations'
check 'and ten thousand installations one of less than 250 KB' test "$(wc -c <many.html)" -lt 250000
page_is_good many.html 'ten thousand installations'

# ---- a training run
status 0 feat-report --run run -o run.html
page_is_good run.html 'a run'
for part in losses norms entropy rank used rates decay momentum speed; do
    check "the run has $part" grep -q "id=\"$part-title\"" run.html
done
has run.html 'Settings: config.yaml'
browse run.html 'a run'
mkdir odd && cat >odd/training_metrics.json <<'END'
{"iteration": 0, "total_loss": 3, "lr": 0, "collapse": "early"}
{"iteration": 10, "total_loss": null, "lr": 0.1, "collapse": "early"}
{"iteration": 20, "total_loss": 2, "lr": 0.2, "collapse": "early"}
{"iteration": 30, "total_loss": 2.5, "lr": 0.3, "collapse": "none"}
{"iteration": 20, "total_loss": 1.5, "lr": 0.2, "collapse": "none"}
nonsense <
{"iteration": 90, "total_loss": 1, "lr": 0.1, "collapse": "<complete>"}
END
cat >odd/evaluation.json <<'END'
{"iteration": -1, "knn_top1": {"20": 0.5, "10": 0.25}, "best_iteration": -1}
{"iteration": 90, "knn_top1": {"20": 0.375, "10": 0.75}, "best_iteration": -1}
END
printf '[2026] Rank 0: Resumed training from checkpoint <x> at epoch 0, iteration 19\n' >odd/log.txt
status 0 feat-report --run odd -o odd.html
page_is_good odd.html 'an odd run'
has odd.html 'total_loss is no number in 1 line, first at iteration 10.'
has odd.html '1 line is no JSON object'
has odd.html '2 lines were replaced by those of a resumed run'
has odd.html 'lines are missing in 1 place'
has odd.html '<strong>The run has collapsed: &lt;complete&gt;.</strong> Before training 50.0 % right, at best 50.0 %, at the end 37.5 %.'
has odd.html '20 neighbours, accuracy on validation images'
check 'scores of both numbers of neighbours' bash -c 'grep -q ">k = 20</text>" odd.html && grep -q ">k = 10</text>" odd.html'
has odd.html 'checkpoint &lt;x&gt; at epoch 0, iteration 19'
has odd.html '<td>&lt;complete&gt;</td>'
sed 's/<complete>/none/' odd/training_metrics.json >odd/m && mv odd/m odd/training_metrics.json
status 0 feat-report --run odd -o odd.html
has odd.html '<strong>By k-NN training has not helped.</strong>'
mkdir short && head -n 1 odd/training_metrics.json >short/training_metrics.json
status 0 feat-report --run short -o short.html
has short.html '0 to 0, 1 line'
page_is_good short.html 'a run of one step'
mkdir empty && : >empty/training_metrics.json
status 0 feat-report --run empty -o empty.html
has empty.html 'The run has no line of metrics yet.'
page_is_good empty.html 'a run without lines'
status 1 feat-report --run bbu -o x.html
err_has 'bbu: no folder of a run: training_metrics.json is not there'

# ---- components of patches
dino-extract -q -w tiny.safetensors --tokens patch shards -o patches.feat
status 0 feat-report --pca patches.feat -c bbu.index -n 5 -o p.html
page_is_good p.html 'components'
check 'five maps' test "$(grep -c 'class="pixels"' p.html)" = 5
check 'beside five photographs' test "$(grep -c 'data:image/jpeg' p.html)" = 5
status 0 feat-report --pca patches.feat -c bbu.index -n 5 -o again.html
same p.html again.html
browse p.html 'components'
status 1 feat-report --pca bbu.feat -o x.html
err_has 'bbu.feat: not features of patches'

# ---- what it refuses
status 2 feat-report
status 2 feat-report --run run test.json
status 1 feat-report -o x.html scores.json
err_has 'scores.json: line 1: no predictions in JSON lines'
status 1 feat-report -s test.json -o x.html test.json
err_has 'test.json: no scores of groups are in it'
status 1 feat-report -c test.json -o x.html test.json
status 1 feat-report -o /dev/full test.json
status 1 feat-report -o nosuch/x.html test.json
status 0 feat-report --run run --views 3 -o x.html
err_has '--views: not used: it is for predictions'
check 'nothing was written' test ! -e nosuch
no_leftovers
done_testing
