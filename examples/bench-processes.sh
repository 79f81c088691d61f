#!/bin/bash
# bench-processes.sh - plots the time of a training step and the bytes that a process sends over the number of
# processes, and what formulas say of both for 64 and 1024 processes, each with a rank and a core of its own.
# usage: bench-processes.sh FOLDER [quick]      FOLDER gets processes.tsv, processes.svg and bytes.svg
#
# The run has 8 ranks whatever the number of processes, so the work is one; each process has one thread. Columns:
# strategy, processes, seconds of a step by the clock, seconds of the slowest process without its waiting, bytes that a
# process sends in a step. "formula" is FULL_SHARD on paper. Its bytes B come from the numbers of parameters:
#
#   4 (W - 1) / W (turns (4 P - L + H) + 2 H) + sums of K prototypes
#
# with P parameters of the backbone (gathered for the teacher, and for the student's forward and backward pass; their
# gradients), L of its last block and norm, which backward still has, and H of a head (gathered for student and teacher,
# their gradients). Of ZeRO-3 it would be 3 (P + H) for each turn: the student alone. In networks of a few thousand
# parameters (quick) bytes are up to a seventh off, as parts are cut at multiples of 4096 elements.
#
# Its seconds are those of one process here for the work of a rank, t, and what the network takes: B by the bandwidth of
# a process's link, and a latency for each of the W - 1 messages of every collective. A step takes t where sending is
# hidden behind computing, and t + B / LINK + messages LATENCY where nothing is; the script prints both, the file has
# the second. LINK, bytes a second [1.25e9, that is 10 Gbit/s], and LATENCY, seconds [5e-6], are those of your network.
set -eu
. "$(dirname "$0")/find-tools.sh"
need bbu-index bbu-pack dino-train dino-weights bench-plot datagen
folder=${1:?which FOLDER?}
. "$(dirname "$0")/bench-data.sh"
LINK=${LINK:-1.25e9} LATENCY=${LATENCY:-5e-6}
ranks=8 processes="1 2 4 8" far="64 1024" C=384 depth=12 patch=16 side=112 K=16384 hidden=2048 bottleneck=256
if [ "${2:-}" = quick ]; then
    ranks=2 processes="1 2" far=4 C=32 depth=2 side=32 K=64 hidden=32 bottleneck=16
fi
case $(dino-train --version) in
*built\ without*) echo "no curve of processes: dino-train is built without MPI"; exit ;;
esac
mkdir -p "$folder"
tsv=$folder/processes.tsv
make_photographs --groups 5 --width 256
printf 'strategy\tprocesses\tseconds\tseconds of its own\tbytes\n' >"$tsv"

train() { # strategy processes
    local several= part shardings=
    [ "$2" -eq 1 ] || several="--ranks $2"
    for part in {student,teacher}.{backbone,dino_head,ibot_head}; do
        shardings="$shardings compute_precision.$part.sharding_strategy=$1"
    done
    rm -rf "$scratch/run"
    dino-train $several -j 1 train.dataset_path="$scratch/shards" train.output_dir="$scratch/run" train.ranks=$ranks \
        train.batch_size_per_gpu=1 dino.koleo_loss_weight=0 student.embed_dim=$C student.num_heads=2 \
        student.depth=$depth student.patch_size=$patch crops.global_crops_size=$side \
        crops.local_crops_size=$((side / 2 / patch * patch)) crops.local_crops_number=2 dino.head_n_prototypes=$K \
        dino.head_hidden_dim=$hidden \
        dino.head_bottleneck_dim=$bottleneck evaluation.eval_period_iterations=0 optim.epochs=1 \
        optim.warmup_epochs=0 train.OFFICIAL_EPOCH_LENGTH=3 \
        $shardings 2>"$scratch/log" || { cat "$scratch/log" >&2; exit 1; }
}
number() { # key: its smallest value in the file of times
    sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p" "$scratch/run/training_times.json" | sort -g | head -n 1
}
bytes_sent() {
    awk '/sent to other processes/ {
        for (i = 2; i < NF; i++) if ($(i + 1) ~ /^([KMG]i)?B$/)
            print $i * 1024 ^ index("KMG", substr($(i + 1), 1, 1))
    }' "$scratch/log"
}
for strategy in NO_SHARD SHARD_GRAD_OP FULL_SHARD; do
    for n in $processes; do
        train $strategy "$n"
        own=$(number slowest_time)
        printf '%s\t%d\t%s\t%s\t%s\n' $strategy "$n" "$(number iter_time)" "${own:-$(number iter_time)}" \
            "$(bytes_sent | grep . || echo 0)" >>"$tsv"
    done
done
alone=$(awk -F'\t' -v G=$ranks '$1 == "FULL_SHARD" && $2 == 1 {print $3 / G}' "$tsv") # seconds of a rank
for n in $processes $far; do
    [ "$n" -gt 1 ] || continue
    turns=$((n < ranks ? ranks / n : 1))
    awk -v W="$n" -v T="$turns" -v C=$C -v D=$depth -v p=$patch -v side=$side -v K=$K -v h=$hidden \
        -v b=$bottleneck -v t="$alone" -v link="$LINK" -v latency="$LATENCY" 'BEGIN {
        block = 12 * C * C + 13 * C + 2 * C
        N = (side / p) ^ 2
        P = D * block + C * (3 * p * p + 1) + C * (N + 3) + 2 * C
        H = C * h + h + h * h + h + h * b + b + K * (b + 1)
        L = block + 2 * C
        columns = 8 * K * (2 * 3 * 2 + 2) * 2
        bytes = (W - 1) / W * (4 * (T * (4 * P - L + H) + 2 * H) + columns)
        messages = (W - 1) * (T * (4 * (D + 1) + 2) + 4 + 2 * 3 * 2 * 2)
        hidden = T * t
        network = bytes / link + messages * latency
        printf "formula\t%d\t%.6f\t%.6f\t%.0f\n", W, hidden + network, hidden, bytes
        printf "%d processes: %.3f to %.3f seconds, %.0f MiB\n", W,
            (hidden > network) ? hidden : network, hidden + network, bytes / 1048576 >"/dev/stderr"
    }' >>"$tsv"
done
grep -v '^formula' "$tsv" >"$scratch/times.tsv"
awk -F'\t' 'NR == 1 || $2 > 1' "$tsv" >"$scratch/bytes.tsv"
bench-plot -t "training step of $ranks ranks, $(nproc) cores" -x processes -y 'seconds by the clock' -c 3 \
    "$scratch/times.tsv" >"$folder/processes.svg"
bench-plot -t "bytes that a process sends in a step" -x processes -y bytes -c 5 "$scratch/bytes.tsv" \
    >"$folder/bytes.svg"
echo "$folder/processes.svg"
echo "$folder/bytes.svg"
