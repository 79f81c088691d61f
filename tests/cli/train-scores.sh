# dino-train: scores during training are those of dino-extract and feat-knn; the memory of a run is planned,
# evaluation included; steps with a good loss and a gradient that overflows.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture || exit 1
train() { dino-train -c t.yaml -j2 "$@"; }

# ---- one truth: the teacher's file, extracted and scored by the tools, has the top-1 of evaluation.json
status 1 train evaluation.knn_train=val evaluation.knn_val=all
err_has 'evaluation.knn_val: the scores would be optimistic (data leakage; evaluation.allow_overlap=true scores anyway): all: '
check 'images on both sides are counted and named' grep -Eq 'all: [0-9]+ of its images are in val, the first is val/[^ ]*; so (are|is) [0-9]+ of its groups' err
status 1 train evaluation.knn_train=val evaluation.knn_val=val
check 'nothing was begun' test ! -e run/eval
bbu-pack -q --split val --short-side 40 bbu.index -o val40
status 1 train evaluation.knn_val=val40
err_has 'evaluation.knn_train, evaluation.knn_val: packed differently: pack.short_side 40, other file has 0'
status 0 train evaluation.allow_overlap=true evaluation.knn_train=val evaluation.knn_val=all 'evaluation.knn_k=[1,3,5]' optim.base_lr=0.1
err_has 'evaluation.knn_val: the scores are optimistic (data leakage): all: '
accuracies() { # features: "k accuracy" of each k, twelve digits
    feat-knn -q --allow-overlap -k 1,3,5 --resamples 0 --no-thresholds --json "$1.train" "$1.val" |
        sed -n 's/.*"k":\([0-9]*\),.*"level":"image",.*"accuracy":\([0-9.e-]*\),.*/\1 \2/p' | cut -d, -f1
}
for line in -1,initial 7,training_7 23,training_23; do
    folder=${line#*,}
    for set in train:val val:all; do
        dino-extract -q -j3 -w run/eval/$folder/teacher_checkpoint.safetensors --resize 36 --size 32 ${set#*:} -o $folder.${set%:*}
    done
    grep "\"iteration\": ${line%,*}," run/evaluation.json | grep -o '"[0-9]*": [0-9.e-]*' | tr -d '":' >said
    accuracies $folder >found
    check 'the line names its weights' grep -q "\"weights\": {\"identity\": \"$(bbu-info --json $folder.val | grep -o '"weights":"[0-9a-f]*"' | cut -d '"' -f 4)" \
        <(grep "\"iteration\": ${line%,*}," run/evaluation.json)
    check "iteration ${line%,*}: three scores" test "$(wc -l <said)$(wc -l <found)" = 33
    check 'evaluation.json has those of dino-extract and feat-knn' \
        cmp <(awk '{ printf "%d %.12f\n", $1, $2 }' said) <(awk '{ printf "%d %.12f\n", $1, $2 }' found)
done
check 'the scores say something' test "$(sed 's/.*knn_top1//' run/evaluation.json | sort -u | wc -l)" -gt 1

# ---- the memory that was planned, and what was taken
err_has ' were taken at most, '
status 0 train --plan
out_has "scoring: a copy of the teacher's backbone"
out_has 'scoring: pictures and passes of all threads'
status 0 train --plan evaluation.knn_train= evaluation.knn_val=
check 'no scoring, no memory for it' lacks scoring out
status 0 train --plan evaluation.knn_val=nowhere
out_has 'but for scoring: evaluation.knn_train or evaluation.knn_val cannot be opened'
status 0 train --plan evaluation.knn_val=nowhere train.dataset_path=nowhere
out_has 'but for the data and scoring'
wider="student.embed_dim=192 student.num_heads=4 student.depth=6 dino.head_n_prototypes=8192 dino.head_bottleneck_dim=128
    optim.epochs=1 train.OFFICIAL_EPOCH_LENGTH=2 teacher.warmup_teacher_temp_epochs=0 crops.global_crops_size=96 crops.local_crops_size=48"
measure() { # what settings...: planned against taken; libraries differ a little from machine to machine
    local what=$1 planned used
    shift
    rm -rf wide
    status 0 train --plan --json train.output_dir=wide "$@"
    planned=$(sed -n 's/.*"total","bytes":\([0-9]*\).*/\1/p' out)
    status 0 train train.output_dir=wide "$@"
    used=$(sed -n 's/.*memory: \([0-9.]*\) MiB were taken.*/\1/p' err)
    echo "# $what: planned $((planned / 1048576)) MiB, taken $used MiB"
    case $BUILD in
    *-*) skip "this build has memory of its own" "$what: the plan" ;;
    *) check "$what: the plan is not below what is taken, nor far above" \
        awk -v p="$planned" -v u="$used" 'BEGIN { r = p / 1048576 / u; exit !(r >= 0.95 && r <= 1.25) }' ;;
    esac
}
measure 'a wider network' $wider
"$BUILD/tests/datagen" -q --groups 2 --width 1600 --seed 4 large && bbu-index -q large -o large.index
for store in jpeg rgb; do
    bbu-pack -q --store $store large.index -o large.$store
    measure "large images, $store" evaluation.knn_train=large.$store evaluation.knn_val=large.$store evaluation.allow_overlap=true train.dataset_path=large.$store
done

# ---- good losses, gradients that overflow: one layer of the head is made huge and the next undoes it
status 0 train -q train.output_dir=seed optim.epochs=1 evaluation.knn_train= evaluation.knn_val=
cp seed/eval/training_11/teacher_checkpoint.safetensors odd.safetensors
header=$(od -An -tu8 -N8 odd.safetensors | tr -d ' ')
set_floats() { # tensor octal-bytes-of-one: all its values become this one
    local at n
    read -r at n < <(head -c $((8 + header)) odd.safetensors | tail -c +9 | tr '}' '\n' | grep -aF "\"$1\":{" |
        sed 's/.*"data_offsets":\[\([0-9]*\),\([0-9]*\)\].*/\1 \2/')
    printf "$2%.0s" $(seq $(((n - at) / 4))) |
        dd of=odd.safetensors bs=1M seek=$((8 + header + at)) oflag=seek_bytes conv=notrunc 2>/dev/null
}
set_floats dino_head.mlp.0.bias '\0\0\200\173'   # 2^120
set_floats dino_head.mlp.2.weight '\0\0\200\003' # 2^-120
status 5 train train.output_dir=odd MODEL.WEIGHTS=odd.safetensors dino.loss_weight=1e6 train.saveckp_freq=1 train.max_bad_steps=3 evaluation.knn_train= evaluation.knn_val=
err_has 'iteration 0: gradient of dino_head is not finite; the step is skipped (1 in a row); its images: '
check 'four images are named' grep -qE 'iteration 0: .*its images: ([^, ]+, ){3}[^, ]+$' err
err_has 'training has diverged: 3 steps in a row were not finite'
err_has 'last saved: iteration 1; resuming will diverge again'
err_has ' were taken at most, '
check 'the first steps changed nothing' dino-weights compare odd/model_0000000.rank_0.ckpt odd/model_0000001.rank_0.ckpt
status 1 dino-weights compare odd/model_0000000.rank_0.ckpt seed/model_0000011.rank_0.ckpt
done_testing
