# train-fixture.sh - for the tests of dino-train: few drawn photographs as shards, and settings of a network so small
# that a step takes milliseconds. Makes all/ train/ val/ (shards) and t.yaml in the current folder.
train_fixture() {
    "$BUILD/tests/datagen" -q --groups 10 --width 64 --seed 3 bbu && bbu-index -q bbu -o bbu.index &&
        bbu-pack -q bbu.index -o all && bbu-pack -q --split train bbu.index -o train &&
        bbu-pack -q --split val bbu.index -o val || return 1
    cat >t.yaml <<'END'
dino: {head_n_prototypes: 64, head_bottleneck_dim: 16, head_hidden_dim: 32}
train: {dataset_path: all, output_dir: run, batch_size_per_gpu: 4, OFFICIAL_EPOCH_LENGTH: 12, saveckp_freq: 4}
student: {arch: vit_small, patch_size: 8, embed_dim: 32, depth: 2, num_heads: 2, drop_path_rate: 0.3, layerscale: 0.1}
optim: {epochs: 2, warmup_epochs: 1}
crops: {global_crops_size: 32, local_crops_size: 16, local_crops_number: 2}
evaluation: {eval_period_iterations: 8, knn_train: train, knn_val: val, knn_k: [5, 3], resize: 36, crop: 32}
END
}
# Settings under which all crops get one answer: a run that collapses.
flat="teacher.momentum_teacher=0.5 student.layerscale=1e-5 optim.base_lr=0 optim.min_lr=0 evaluation.knn_train= evaluation.knn_val=
    augment.jitter_probability=0 augment.gray_probability=0 augment.solarize_probability=0 augment.blur_rule=paper
    augment.blur_probability_global1=0 augment.blur_probability_global2=0 crops.global_crops_scale=[0.9,1] ibot.mask_sample_probability=0"
# Waits until a run in the background has written metrics, sends SIGTERM, and returns the status of the process.
stop_by_term() { # process folder
    local i
    for i in $(seq 200); do
        [ -s "$2/training_metrics.json" ] && break
        sleep 0.02
    done
    kill -TERM "$1"
    wait "$1"
}
# The files whose bytes do not depend on when a run was stopped; of model_* the last (which others are kept is chance).
results() { # folder
    (cd "$1" && find . \( -name '*.safetensors' -o -name '*.pth' -o -name training_metrics.json -o -name evaluation.json \) &&
        ls model_*.ckpt | tail -n 1) | sort
}
same_results() { # folder folder
    check "$1 and $2 hold the same files" cmp <(results "$1") <(results "$2")
    local f
    for f in $(results "$1"); do
        cmp -s "$1/$f" "$2/$f" || break
        f=
    done
    check "and each has the same bytes in both${f:+ ($f has not)}" test -z "$f"
}
