#!/bin/bash
# compare.sh - our programs and other people's (serve.py) at the same work, in turn, so that a shared machine is as slow
# for both; make bench PEER=PYTHON calls it.
#
# usage: compare.sh PYTHON [WORK...]      ROUNDS=5 rounds of each; RECORD=FILE: every run, as lines of work, round,
#                                         program, seconds of a unit, seconds of processors, separated by tabs
#        WORK: extract:ARCH:SIZE:BATCH, step:BATCH:PROTOTYPES:DROP, knn:BANK GROUPS:QUERY GROUPS, logreg:GROUPS, start
#
# PYTHON has what is to be compared with: torch and timm, openvino, nncf, faiss-cpu, scikit-learn. What is missing is
# named and left out.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
. "$folder/../../examples/find-tools.sh"
need bench bench-step bench-run datagen featgen dino-train dino-extract feat-knn feat-logreg feat-cat
. "$folder/../../examples/bench-data.sh"
python=${1:?which PYTHON?}
shift
rounds=${ROUNDS:-5} record=${RECORD:-$scratch/record}
works=("$@")
[ $# -gt 0 ] || works=(extract:vit_small:224:8 extract:vit_small:224:1 extract:vit_small:518:8 extract:vit_small:518:1
    extract:vit_base:224:8 step:4:65536:0.3 knn:33334:667 logreg:3334 start)
: >"$record"

# Each work has prepare_WORK, which makes what it reads and sets peer=(arguments of serve.py), and ours_WORK, which prints
# bare numbers (bench-row.h); title, show (rate, ms or s) and precisions tell what the table says.
prepare_extract() { # arch size batch
    title="$1/14 forward, $2 pixels, batch $3" precisions=$(bench precisions) show=rate
    [ "$3" -gt 1 ] || show=ms
    peer=(extract "$1" "$2" "$3")
}
ours_extract() { # precision arch size batch
    bench -t -s 1 -p "$1" extract "$2" "$3" "$4"
}
prepare_step() { # batch prototypes drop
    title="training step, vit_small/14, batch $1, $2 prototypes, drop path $3" precisions=$(bench precisions | grep -vx int8) show=rate
    peer=(step "$1" "$2" "$3")
}
ours_step() { # precision batch prototypes drop
    bench-step -t -n 1 -p "$1" train.batch_size_per_gpu="$2" dino.head_n_prototypes="$3" student.drop_path_rate="$4"
}
as_npy() { # name
    feat-cat -q --npy --keys "$scratch/$1.jsonl" "$scratch/$1.feat" -o "$scratch/$1.npy"
}
prepare_knn() { # groups of the bank, of the queries
    title="k-NN, $((3 * $2)) x $((3 * $1)) x 384, k = 20, from files" precisions=f32 show=s
    make_rows bank "$1" 0
    make_rows query "$2" "$1"
    as_npy bank
    as_npy query
    peer=(knn "$scratch/bank.npy" "$scratch/query.npy" 20)
}
ours_knn() {
    bench-run -t -r 1 knn feat-knn -q -k 20 --no-thresholds --resamples 0 "$scratch/bank.feat" "$scratch/query.feat"
}
prepare_logreg() { # groups
    title="logistic regression, $((3 * $1)) x 384, 10 classes, a fit of 45, gradient / n 1e-6" precisions=f32 show=ms
    make_rows train "$1" 0
    make_rows val 200 "$1"
    as_npy train
    peer=(logreg "$scratch/train.npy" "$scratch/train.jsonl")
}
ours_logreg() {
    bench-run -t -r 1 -n 45 logreg feat-logreg -q -t "$scratch/train.feat" --val "$scratch/val.feat" --resamples 0
}
prepare_start() {
    title="start to the first feature, vit_small/14, 224 pixels" precisions=$(bench precisions) show=ms
    make_photographs --groups 8 --width 256
    make_weights
    peer=(start "$scratch/model.xml")
}
ours_start() { # precision
    bench-run -t -r 5 start dino-extract -q --precision "$1" -w "$weights" "$photograph" -o "$scratch/x.feat"
}

# ------------------------------------------------------------------ the other side
# At its best: threads that do not spin, no page faults of large temporaries, no preset kind of core.
mkfifo "$scratch/ask" "$scratch/answer"
open_peer() { # arguments of serve.py: contenders=(names) and a line about each that is missing
    local word name reason
    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OMP_WAIT_POLICY=PASSIVE MALLOC_MMAP_THRESHOLD_=8000000000 \
        MALLOC_TRIM_THRESHOLD_=16000000000 TORCHINDUCTOR_CACHE_DIR="$scratch/inductor" \
        "$python" "$folder/serve.py" "$@" <"$scratch/ask" >"$scratch/answer" 2>"$scratch/serve.err" &
    server=$!
    exec {asked}>"$scratch/ask" {served}<"$scratch/answer"
    contenders=()
    while IFS=$'\t' read -r word name reason <&"$served"; do
        case $word in
        contender) contenders+=("$name") ;;
        without) echo "  without $name: $reason" ;;
        ready) return ;;
        esac
    done
    echo "  $python ended:" && tail -n 3 "$scratch/serve.err"
    contenders=()
}
close_peer() {
    exec {asked}>&- {served}<&-
    wait "$server" || true
}
theirs() { # contender: seconds of a unit, by the clock and of processors
    local answer=failed
    echo "$1" >&"$asked"
    read -r answer <&"$served"
    echo "$answer"
}

# ------------------------------------------------------------------ rounds and ratios
note() { # round program "seconds<tab>seconds of processors"
    case $3 in
    [0-9]*) printf '%s\t%s\t%s\t%s\n' "$work" "$1" "$2" "$3" >>"$record" ;;
    *) echo "  $2: $3" ;;
    esac
}
ratios() {
    awk -F'\t' -v work="$work" -v title="$title" -v show="$show" -f "$folder/ratios.awk" "$record"
}

for work in "${works[@]}"; do
    IFS=: read -r kind a b c <<<"$work"
    declare -F "prepare_$kind" >/dev/null || { echo "compare.sh: $work: no such work" >&2; exit 2; }
    "prepare_$kind" "$a" "$b" "$c"
    echo
    open_peer "${peer[@]}"
    for ((round = 1; round <= rounds; round++)); do
        for precision in $precisions; do
            note $round "ours $precision" "$("ours_$kind" "$precision" "$a" "$b" "$c" | cut -f 1,2)"
        done
        for contender in "${contenders[@]}"; do
            note $round "$contender" "$(theirs "$contender")"
        done
    done
    close_peer
    ratios
done
