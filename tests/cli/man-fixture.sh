# man-fixture.sh - a scratch folder with a file of every kind, named as dinotools(7) names them; made once, copied for each:
#   bbu/ a drawn dataset, bbu.index, shards/, run/ (a short training), tiny.safetensors, tiny.yaml, train.feat ...
man_fixture() { # folder
    local made=$scratch/fixture
    if [ ! -e "$made/done" ]; then
        mkdir -p "$made" && (cd "$made" && make_fixture) >"$scratch/fixture.log" 2>&1 || { tail "$scratch/fixture.log"; return 1; }
        touch "$made/done"
    fi
    rm -rf "$1" && cp -a "$made" "$1" && rm -f "$1/done"
}
make_fixture() {
    set -e
    "$BUILD/tests/datagen" --groups 12 --seed 1 bbu
    bbu-index -q bbu -o bbu.index
    bbu-pack -q bbu.index -o shards
    cp "$TESTS/../examples/tiny.yaml" .
    dino-train -q --config tiny.yaml train.dataset_path=shards train.output_dir=run train.OFFICIAL_EPOCH_LENGTH=2 \
        optim.epochs=2 optim.warmup_epochs=1 evaluation.eval_period_iterations=2 train.saveckp_freq=2 \
        train.batch_size_per_gpu=4
    cp "$(ls -d run/eval/training_*/teacher_checkpoint.safetensors | tail -n 1)" tiny.safetensors
    dino-extract -q -w tiny.safetensors shards -o bbu.feat
    local split
    for split in train val test; do
        feat-cat -q --split $split bbu.feat -o $split.feat
    done
}
# The commands of a page's EXAMPLES, one a line.
commands_of() {
    awk '/^\.Sh EXAMPLES/ {on = 1; next} /^\.Sh/ {on = 0}
         on && /^\$ / {line = substr($0, 3); while (line ~ /\\e$/ && (getline next_line) > 0) {
             sub(/\\e$/, "", line); sub(/^> ?/, "", next_line); line = line next_line}
             gsub(/\\e/, "\\", line); gsub(/\\-/, "-", line); gsub(/\\&/, "", line); gsub(/\\\(aq/, "\x27", line); gsub(/\\\(dq/, "\"", line)
             gsub(/\\ti/, "~", line); gsub(/\\\(ti/, "~", line); gsub(/\\\(ha/, "^", line)
             print line}' "$1"
}
