#!/bin/bash
# promises-report.sh - how often a promise is kept that was made from scores out of fold: the groups of a feature file are
# divided at random, again and again; of each division 7 tenths choose a classifier (feat-logreg) and its thresholds
# (feat-verdict), out of fold, and the others are judged. Prints a table of what was promised and what came of it.
#
# usage: promises-report.sh FEATURES FOLDER [KEY]      results go to FOLDER
#   FEATURES   labelled features with groups (dino-extract)
#   KEY        of their annotations, as site: whole values of it are set aside, as where new sites are to be judged; with
#              folds of groups, and with folds that keep them whole, too (feat-logreg --fold-by)
#   DIVISIONS=N   [20]      PROMISE=SHARE[,SURE]   of both kinds, see feat-verdict [5%,0: on average]
# Averages are of shares of installations, with their standard error over the divisions. Exact is what averages should be
# if installations were drawn independently: r / (n + 1) for a threshold at the r-th of n.
set -euo pipefail
. "$(dirname "$0")/find-tools.sh"
need feat-cat feat-logreg feat-verdict
[ $# -ge 2 ] && [ $# -le 3 ] || { echo "usage: ${0##*/} FEATURES FOLDER [KEY]" >&2; exit 2; }
features=$(realpath "$1") key=${3:-} divisions=${DIVISIONS:-20} promise=${PROMISE:-5%,0}
mkdir -p "$2" && cd "$2"

# UNIT<tab>GROUP<tab>LABEL: what is set aside whole, a value of KEY or a group.
feat-cat -q --json --keys keys.json "$features" -o /dev/null
sed -nE 's/.*"group":"([^"]*)".*"label":([0-9]+).*/\1\t\2\t&/p' keys.json | awk -F '\t' -v key="$key" '{
    unit = $1
    if (key != "" && match($3, "\"" key "\":\"?[^\",}]*")) unit = substr($3, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
    print unit "\t" $1 "\t" $2}' | sort -u >units
[ -s units ] || { echo "${0##*/}: $features: no labelled groups" >&2; exit 1; }

# Seven tenths of the units, those of each label (of the first of their groups), by a seeded order.
divide() { # seed: files known, new: arguments of feat-cat
    sort -u -k 1,1 units | cut -f 1,3 | sort -R --random-source=<(yes "$1") | sort -s -k 2,2 -t $'\t' |
        awk -F '\t' '{i = n[$2]++} int(7 * (i + 1) / 10) > int(7 * i / 10) {print $1}' >chosen
    awk -F '\t' 'NR == FNR {chosen[$1]; next} !seen[$2]++ {print "--group=" $2 >($1 in chosen ? "known" : "new")}' chosen units
}
wanted() { # of a line of feat-verdict: share wrong on new ones, exact share
    sed -nE "s/.*\"promise\":\"$1\".*\"chosen\":\{\"installations\":([0-9]+),\"wrong\":([0-9]+).*\"checked\":\{[^}]*\"share\":([0-9.e+-]+).*/\1 \2 \3/p"
}
for ((d = 1; d <= divisions; d++)); do
    divide "$d"
    xargs feat-cat -q "$features" -o known.feat <known
    xargs feat-cat -q "$features" -o new.feat <new
    for by in groups ${key:+"$key"}; do
        fold_by=()
        [ "$by" = groups ] || fold_by=(--fold-by "$key")
        feat-logreg -q -t known.feat "${fold_by[@]}" --select auroc --seed "$d" --resamples 0 -m site.logreg \
            --out-of-fold known.json --json -r /dev/null
        feat-logreg -q -m site.logreg --resamples 0 --json -o new.json -r /dev/null new.feat
        feat-verdict -q -c known.json --views 0 --missed "$promise" --alarms "$promise" --json new.json \
            >verdict 2>/dev/null || :
        for kind in missed alarms; do echo "$by $kind $(wanted $kind <verdict)"; done
    done
done >shares
printf '| folds of | promise | divisions | wrong, on average | exact | above the promise |\n'
printf '| --- | --- | --- | --- | --- | --- |\n'
awk -v share="${promise%%,*}" -v text="$promise" 'NF == 5 {
        limit = share ~ /%/ ? share / 100 : share; k = $1 " | " $2 " " text
        n[k]++; sum[k] += $5; squares[k] += $5 * $5; exact[k] += ($4 + 1) / ($3 + 1); above[k] += $5 > limit
        if (n[k] == 1) order[++m] = k}
    END {for (i = 1; i <= m; i++) {
        k = order[i]; mean = sum[k] / n[k]; var = squares[k] / n[k] - mean * mean
        printf "| %s | %d | %.1f %% +- %.1f | %.1f %% | %.0f %% |\n", k, n[k], 100 * mean,
            100 * sqrt(var > 0 ? var / n[k] : 0), 100 * exact[k] / n[k], 100 * above[k] / n[k]}}' shares
