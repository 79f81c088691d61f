#!/bin/bash
# A day without photographs is no error in a chain of single tools: each gives a valid file without rows, says so, and
# exits 0. What is learned from must have rows all the same.
. "$(dirname "$0")/lib.sh"
. "$TESTS/cli/inspect-fixture.sh"
inspect_fixture || exit 1
: >names

# ---- features
extract() { # name, options
    status 0 dino-extract -w "$w" "${@:2}" - -o "$1.feat" <names
    err_has 'no images are named: features without rows'
    check "$1.feat is valid and has no rows" test "$(bbu-info -q -c "$1.feat" >/dev/null && bbu-info -l "$1.feat" | wc -l)" -eq 0
}
extract day --tokens cls+mean --resize 32 --size 0
extract tiles --tokens cls --tiles 42:14
extract patches --tokens patch --size 42
status 0 dino-extract -q -w "$w" --part 2/3 - -o part.feat <names
status 1 dino-extract -q -w "$w" --tokens patch --size 0 - -o none.feat <names
err_has 'no size of their patches'
check 'nothing is written then' test ! -e none.feat
find bbu/test -name '*.jpeg' | sort >others
dino-extract -q -w "$w" --tokens cls+mean --resize 32 --size 0 - -o others.feat <others
status 0 feat-cat -q day.feat others.feat -o both.feat
check 'feat-cat joins it with another day' test "$(bbu-info -l both.feat | wc -l)" -eq "$(wc -l <others)"

# ---- classifiers
only_head() { check "$1 has its first lines, and no rows" test "$(grep -vc '^#' "$1")" -eq 1; }
status 0 feat-logreg -m m.logreg day.feat -o p.tsv --groups g.tsv
err_has 'day.feat: no rows: nothing to predict'
out_empty
only_head p.tsv
only_head g.tsv
status 0 feat-logreg -q -t m.train.feat --val m.val.feat -C 1 --resamples 0 day.feat -o p.tsv
only_head p.tsv
status 0 feat-logreg -q --json -m m.logreg day.feat -o p.json
status 1 feat-logreg -q -t day.feat
err_has 'day.feat: no rows'
status 1 feat-logreg -q -t m.train.feat --val day.feat
err_has 'day.feat: no rows'
inspect_features t --tokens cls --tiles 42:14
status 0 feat-logreg -q -m t.logreg tiles.feat -o p.tsv
only_head p.tsv

status 0 feat-knn m.train.feat day.feat -o k.tsv --groups kg.tsv
err_has 'day.feat: no rows: nothing to classify'
out_empty
only_head k.tsv
only_head kg.tsv
status 0 feat-knn -q t.train.feat tiles.feat -o k.tsv
only_head k.tsv
status 0 feat-knn -q --per-class 2 m.train.feat day.feat
status 0 feat-knn -q --part 1/1 m.train.feat day.feat -o k.part
status 0 feat-knn -q --join m.train.feat day.feat k.part -o joined.tsv
only_head joined.tsv
status 1 feat-knn -q day.feat m.test.feat
err_has 'day.feat: no rows'

# ---- banks
dino-extract -q -w "$w" --tokens patch --size 42 shards -o patches.all.feat
feat-cat -q --split train patches.all.feat -o good.feat
status 0 feat-bank -q good.feat -o site.bank --vectors 50
status 0 feat-bank --score site.bank patches.feat -o b.tsv --alarms 20%,80%
err_has 'patches.feat: no rows: nothing to score'
only_head b.tsv
mkdir photographs maps
status 0 feat-bank -q --score site.bank patches.feat --photographs photographs --maps maps
status 1 feat-bank -q patches.feat -o x.bank
err_has 'patches.feat: no rows'
status 1 feat-bank -q --score site.bank patches.feat --calibrate patches.feat
err_has 'patches.feat: no rows'

# ---- verdicts and their page
feat-logreg -q -t m.train.feat -C 1 --resamples 0 --out-of-fold v.json --json -m v.logreg -r /dev/null
feat-logreg -q -m v.logreg --json day.feat -o p.json
status 0 feat-verdict -c v.json --missed 50%,50% p.json -o verdicts.tsv
err_has 'p.json: no rows: nothing to judge'
cp out verdicts.out
status 0 feat-compare p.json p.json
err_has 'p.json: no rows: nothing to compare'
status 0 feat-compare --margin 0.02 p.json p.json
status 1 feat-compare --margin 0.02 --prove p.json p.json
status 1 feat-compare v.json p.json
mv verdicts.out out
out_has 'judged: p.json: 0 installations of 0 views'
only_head verdicts.tsv
status 0 feat-verdict -q -c v.json --missed 50%,50% p.json --json -o verdicts.json
status 0 feat-report p.json verdicts.json -o page.html
check 'the page says that nothing was inspected' grep -q 'Nothing was inspected' page.html
status 0 feat-report verdicts.json -o page.html
status 0 feat-report p.json -o page.html
status 1 feat-verdict -q -c p.json v.json
err_has 'p.json: no predictions'

# ---- the other tools
status 0 feat-drift -q -m m.logreg m.train.feat day.feat
mkdir empty
status 0 bbu-inspect -q site.inspector - <names
status 0 bbu-inspect -q site.inspector empty
status 1 bbu-index empty -o x.index
err_has 'empty: no images; no catalogue written'
done_testing
