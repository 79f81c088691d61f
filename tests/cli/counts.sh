# Messages have the singular for one thing: every stage with one photograph, one row, one class and so on. No message has
# "1" before a plural.
. "$TESTS/cli/lib.sh"
singular() { # command...: nothing that it says holds "1 ...s"; it may fail
    n_run=$((n_run + 1))
    timeout 60 "$@" </dev/null 2>&1 | tr '\r' '\n' | sed 's/\x1b\[K//g' >"said-$n_run"
    check "$*: says something" test -s "said-$n_run"
    check "$*: one is singular" no_plural "said-$n_run"
}
no_plural() { # "resampled 1 x" and numbers such as 0.1 or 21 are none; nor are words that end in s and are no plurals
    ! grep -E '(^|[^0-9.,:-])1( more| new| stray| labelled| broken)? [a-z]+s\b' "$1" | grep -vE '\b1 (is|has|was|does|differs|belongs|votes|class)\b'
}
n_run=0
"$BUILD/tests/datagen" -q --groups 2 --seed 3 bbu
one=$(find bbu/train -name '*.jpeg' | sort | head -n 1)
mkdir -p one two/good/a && cp "$one" one/a.jpeg && cp "$one" two/good/a/1.jpeg
cp "$TESTS/../examples/tiny.yaml" .
singular bbu-index --layout folder one -o one.index
singular bbu-index --layout classes two -o two.index
cp one/a.jpeg one/b.jpeg && singular bbu-index --layout folder one -o none.index && rm one/b.jpeg
printf '{"metainfo":{"classes":["good"]},"data_list":[{"img_path":"a.jpeg","gt_label":1}]}' >train.json
mkdir -p listed/annotations && cp one/a.jpeg listed && cp train.json listed/annotations
singular bbu-index listed -o none.index
singular bbu-pack one.index -o one-shards
singular bbu-pack two.index -o two-shards
singular bbu-info one.index one-shards
: >one/a.jpeg
singular bbu-pack one.index -o none
singular bbu-pack -k one.index -o none
singular dino-augment -c tiny.yaml two-shards -n 1 train.batch_size_per_gpu=1 -o one.views
singular dino-augment -c tiny.yaml two-shards --rows 1 --sheet one.jpg
run='train.dataset_path=two-shards train.output_dir=run train.batch_size_per_gpu=1 train.OFFICIAL_EPOCH_LENGTH=1
    optim.epochs=1 optim.warmup_epochs=0 student.depth=1 evaluation.knn_train=two-shards evaluation.knn_val=two-shards
    evaluation.knn_k=[1,5] evaluation.eval_period_iterations=1
    evaluation.allow_overlap=true'
singular dino-train -v -c tiny.yaml $run
singular dino-train -v -c tiny.yaml $run optim.base_lr=0.1
w=run/eval/training_0/teacher_checkpoint.safetensors
check 'a teacher' test -e "$w"
singular dino-extract -w $w --resize 96 --size 96 two-shards -o one.feat
singular dino-weights convert $w -o one.pth --chunks 2
singular dino-weights compare $w $w
"$BUILD/tests/featgen" -c 2 -g 1 -s 1 -d 1 -o row.feat
"$BUILD/tests/featgen" -c 2 -g 4 -s 1 -d 1 -o rows.feat
"$BUILD/tests/featgen" -c 1 -g 4 -s 1 -d 1 -o class.feat
singular feat-cat -v row.feat -o x.feat
singular feat-cat --label none-such class.feat
singular feat-cat row.feat class.feat -o x.feat
singular feat-knn -k 1 --resamples 1 row.feat row.feat
singular feat-knn -k 2 row.feat rows.feat
singular feat-knn -k 1 class.feat rows.feat
singular feat-logreg -t row.feat
singular feat-logreg -C 1 --resamples 1 --iterations 1 -t rows.feat --val rows.feat row.feat
singular feat-logreg -C 1 -t class.feat
head -c -1 rows.feat >cut.feat
singular bbu-info cut.feat
singular feat-cat - <cut.feat
done_testing
