#!/bin/bash
# precision-report.sh - what bf16 and int8 cost on your photographs, with your weights: for each set and each precision
# the cosines with float32 (dino-extract --check), the AUROC of logistic regression and of k-NN on class token and mean of
# patches, and the difference to float32 with paired intervals (feat-compare). Prints a table.
#
# usage: precision-report.sh WEIGHTS FOLDER SET...      results go to FOLDER
#   SET        a dataset with the splits train and test, perhaps val; of other photographs, only cosines are given
#   RESIZE=N SIZE=N   pixels, see dino-extract [224, 0: the whole picture]       CHECK=N  images compared [64]
#   PRECISIONS=LIST   beside float32 [bf16 int8 int8-calibrated]: int8 is fitted without images, int8-calibrated to CHECK
#              images of the split train (dino-weights quantize), or of all where there are no splits
#   LIMIT=X    the most that the AUROC of the regression may differ from float32's [0.005]
# The C of the regression is chosen once, with the features in float32, on val or by folds of train, so that only the
# features differ. k-NN (k = 20) stands beside it without a limit: its votes are few and discrete, so that one neighbour
# more or less moves an image past all others that had as many. A precision for which the processor has no instructions
# is left out. Exit status 1: a limit is missed.
set -euo pipefail
. "$(dirname "$0")/find-tools.sh"
need bbu-index bbu-pack bbu-info dino-weights dino-extract feat-cat feat-knn feat-logreg feat-compare
[ $# -ge 3 ] || { echo "usage: ${0##*/} WEIGHTS FOLDER SET..." >&2; exit 2; }
weights=$(realpath "$1") folder=$2
shift 2
sets=()
for s; do
    [ -d "$s" ] || { echo "${0##*/}: $s: no such folder" >&2; exit 2; }
    sets+=("$(realpath "$s")")
done
resize=${RESIZE:-224} size=${SIZE:-0} check=${CHECK:-64} limit=${LIMIT:-0.005}
precisions=(f32 ${PRECISIONS:-bf16 int8 int8-calibrated})
mkdir -p "$folder" && cd "$folder"

# The number after a key of a JSON line, or the interval of that key.
number() { # key
    sed -E "s/.*[,{]\"$1\":(-?[0-9.e+-]+).*/\1/"
}
interval() { # key
    sed -E "s/.*\"intervals\":\{[^}]*\"$1\":\[([^]]*)\].*/\1/" | tr , ' '
}
worst() { # file part: its worst cosine, and whether that is below the limit
    sed -E "s/.*\"$2\":\{\"mean_cosine\":[^,]*,\"worst_cosine\":([^,]*),\"limit\":([^,]*),.*/\1 \2/" "$1" |
        awk '{printf "%.5f%s", $1, ($2 != "null" && $1 < $2 ? " **missed**" : "")}'
}
# "+0.0012 [-0.0003, +0.0021]" of the images' AUROC, marked where it is beyond the limit, if there is one
difference() { # file limit
    grep '"of":"difference","level":"image"' "$1" >line
    echo "$(number auroc <line) $(interval auroc <line)" |
        awk -v limit="$2" '{missed = limit != "" && ($1 > limit + 0 || $1 < -limit)
            printf "%+.4f [%+.4f, %+.4f]%s", $1, $2, $3, missed ? " **missed**" : ""}'
}
auroc() { # file
    grep '"level":"image"' "$1" | head -n 1 | number auroc | awk '{printf "%.4f", $1}'
}

# Scores of the rows of the test split: PRECISION.knn.json, PRECISION.logreg.json and their predictions.
score() { # precision
    local p=$1 split val=() C=grid
    for split in train val test; do feat-cat -q --split $split $p.feat -o $p.$split.feat 2>/dev/null; done
    [ "$(bbu-info --json $p.val.feat | number rows)" -gt 0 ] && val=(--val $p.val.feat)
    [ $p = f32 ] || C=$(cat C)
    feat-knn -q -k 20 --no-thresholds --resamples 0 --json -o $p.knn.predictions.json -r $p.knn.json $p.train.feat $p.test.feat
    feat-logreg -q -t $p.train.feat "${val[@]}" --select auroc -C "$C" --resamples 0 --json -m $p.logreg \
        -o $p.logreg.predictions.json -r $p.logreg.json $p.test.feat
    [ $p != f32 ] || bbu-info --json f32.logreg | number C >C
}

# Weights in int8, fitted to photographs of the set, as int8-calibrated.safetensors.
calibrate() { # index labelled
    local fit=shards
    if [ "$2" -gt 0 ]; then
        bbu-pack -q --store rgb --split train "$1" -o fit
        fit=fit
    fi
    dino-weights quantize "$weights" $fit --images "$check" --resize "$resize" --size "$size" \
        -o int8-calibrated.safetensors
}
# Sets the options of dino-extract.
options_of() { # precision
    how=(-w "$weights")
    case $1 in
    f32) ;;
    int8-calibrated) how=(-w $1.safetensors --precision int8 --check "$check" --reference "$weights") ;;
    *) how+=(--precision "$1" --check "$check") ;;
    esac
}
lacks_instructions() { grep -q 'instructions for it' "$1"; }

set_of() { # dataset: prints the rows of its table
    local name=${1##*/} p how labelled
    mkdir -p "$name" && cd "$name"
    bbu-index -q -k "$1" -o now.index 2>index.log || [ $? -eq 3 ]
    bbu-pack -q --store rgb now.index -o shards
    labelled=$(bbu-info --json now.index | grep -c '"train":.*"test":\|"test":.*"train":' || true)
    for p in "${precisions[@]}"; do
        echo "$name: $p" >&2
        if [ $p = int8-calibrated ] && ! calibrate now.index "$labelled" 2>$p.log; then
            lacks_instructions $p.log && continue
            cat $p.log >&2
            exit 1
        fi
        options_of $p
        dino-extract -q "${how[@]}" --tokens cls+mean --resize "$resize" --size "$size" --json -o $p.feat shards \
            >$p.extract.json 2>$p.log || case $? in
            6) ;; # a limit of the check is missed: the table says so
            *) lacks_instructions $p.log && continue; cat $p.log >&2; exit 1 ;;
        esac
        [ "$labelled" -eq 0 ] || score $p
        printf '| %s | %s ' "$name" $p
        if [ $p = f32 ]; then printf '| 1 | 1 | 1 '; else
            printf '| %s | %s | %s ' "$(worst $p.extract.json cls)" "$(worst $p.extract.json mean)" \
                "$(worst $p.extract.json patch)"
        fi
        for way in logreg knn; do
            if [ "$labelled" -eq 0 ]; then printf '| | '; continue; fi
            printf '| %s ' "$(auroc $p.$way.json)"
            [ $p != f32 ] || { printf '| '; continue; }
            feat-compare -q --json -r $p.$way.difference.json f32.$way.predictions.json $p.$way.predictions.json
            printf '| %s ' "$(difference $p.$way.difference.json "$([ $way = knn ] || echo "$limit")")"
        done
        echo '|'
    done
    cd ..
}
{
    echo '| set | precision | class token, worst cosine | mean of patches | patches | AUROC, logistic regression | difference to f32 | AUROC, k-NN | difference to f32 |'
    echo '| --- | --- | --- | --- | --- | --- | --- | --- | --- |'
    for s in "${sets[@]}"; do set_of "$s"; done
    printf '\ncosines: %s images a set, spread evenly; scores: the images of the test split, %s, --resize %s --size %s\n' \
        "$check" 'class token and mean of patches' "$resize" "$size"
    printf 'in brackets: 95 %% intervals of the difference, from resamples of groups that are the same for both\n'
} | tee table.md
! grep -q 'missed' table.md
