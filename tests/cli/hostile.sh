# Hostile or careless inputs: special files, streams without end, names that are traps.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture
one_step="train.OFFICIAL_EPOCH_LENGTH=1 optim.epochs=1 optim.warmup_epochs=0 evaluation.eval_period_iterations=0"
status 0 dino-train -q -c t.yaml train.output_dir=made $one_step
cp made/eval/training_0/teacher_checkpoint.safetensors w.safetensors
extract="dino-extract -q -w w.safetensors --resize 36 --size 32"
in_time() { timeout -s KILL 20 "$@"; }

# ---- special files: no tool waits for one or reads one without end
mkfifo a.jpeg
status 1 in_time $extract a.jpeg -o a.feat
err_has 'dino-extract: a.jpeg: not a regular file'
cp -r bbu lists && rm lists/annotations/train.json && mkfifo lists/annotations/train.json
status 1 in_time bbu-index -q lists -o a.index
err_has 'annotations/train.json: not a regular file'
status 1 in_time bbu-info /dev/zero
err_has 'bbu-info: /dev/zero: not a file of dinotools'
status 1 in_time dino-weights list /dev/zero
err_has 'dino-weights: /dev/zero: neither safetensors, .pth nor a checkpoint'
check "weights are read from a fifo, however short they are" \
    bash -c 'mkfifo w.fifo && { cat w.safetensors >w.fifo & } && timeout 20 dino-weights list w.fifo'
check "of a pipe that cannot be read twice the first reason is printed" \
    bash -c 'head -c 5000 w.safetensors | dino-weights list - 2>&1 | grep -v empty'

mkfifo part.safetensors && echo '{"weight_map": {"a": "part.safetensors"}}' >parts.safetensors.index.json
status 1 in_time dino-weights list parts.safetensors.index.json
err_has 'part.safetensors: not a regular file'

cp -r made fifo && mkfifo fifo/model_0000009.rank_0.ckpt
status 1 in_time dino-train -q -c t.yaml train.output_dir=fifo $one_step
err_has 'fifo/model_0000009.rank_0.ckpt: not a regular file'

# ---- names that would break lines and columns
mkdir -p odd/g && n=0
for name in $'tab\tx' $'line\nx' $'esc\e[31mx' 'quote"x' $'latin\xe9' '-f'; do
    n=$((n + 1))
    cp "$(find bbu -name '*.jpeg' | sort | sed -n ${n}p)" "odd/g/$name.jpeg"
done
status 0 bbu-index -q odd -o odd.index
status 0 bbu-info -l odd.index
check "six lines of seven fields" bash -c "test \$(grep -c . out) = 6 && ! awk -F'\t' 'NF != 7' out | grep ."
check "no control character is printed" bash -c "! tr -d '\n\t' <out | LC_ALL=C grep -q '[[:cntrl:]]'"

# ---- outputs that cannot be written, or that two options name
status 1 bbu-index -q bbu -o nosuch/a.index
err_has 'nosuch/a.index: No such file or directory'
status 0 $extract all -o a.feat
status 1 feat-cat a.feat -o nosuch/a.feat
err_lacks 'for people'
status 2 feat-cat --npy a.feat -o a.npy --keys a.npy
err_has '--keys and -o both write to a.npy'
status 2 feat-knn a.feat a.feat -o scores -r scores
status 2 feat-logreg -t a.feat a.feat -o scores -r scores
status 2 feat-logreg -t a.feat -m -
err_has 'both write to standard output'
check "and nothing was written" test ! -e a.npy -a ! -e scores

# ---- started with closed streams: no file gets the descriptor of one, so no message is written into a file
closed() { bash -c '"$@" <&- >&- 2>&-' - "$@"; }
status 0 closed bbu-index bbu -o closed.index
same closed.index bbu.index
status 0 closed dino-train -c t.yaml $one_step train.output_dir=closed
check "it trained" test -e closed/eval/training_0/teacher_checkpoint.safetensors
status 1 closed feat-cat --text a.feat
status 1 bash -c 'feat-cat --text a.feat >&-'
err_has 'feat-cat: standard output: Bad file descriptor'
status 1 bash -c 'feat-cat --text - <&-'
err_has 'feat-cat: standard input: cannot read: Bad file descriptor'

# ---- limits of the system, and more threads than there is work
file_limit() { bash -c 'ulimit -f 1; exec "$@"' - "$@"; } # the signal of it is ignored: the write fails
status 1 file_limit bbu-pack -q bbu.index -o limited
err_has 'File too large'
check "and no folder is left" bash -c '! ls -A | grep -q limited'
"$BUILD/tests/featgen" -q -o many.feat
status 0 in_time feat-logreg -q -j 500 -t many.feat

# ---- settings that contradict, or name nothing
for wrong in train.output_dir= student.num_heads=5 train.micro_batch_size=5 crops.local_crops_size=17; do
    status 2 dino-train -c t.yaml $one_step $wrong
    err_has "dino-train: ${wrong%%=*}: "
done
status 1 dino-train -c t.yaml $one_step train.dataset_path= train.output_dir=none
err_has 'dino-train: no shards are named'

# ---- a teacher by itself fills both networks, a .pth file too
status 0 dino-weights convert w.safetensors -o w.pth
status 0 dino-train -c t.yaml train.output_dir=from-weights MODEL.WEIGHTS=w.pth $one_step
err_has 'Loaded pretrained weights from w.pth'
status 0 dino-train -c t.yaml train.output_dir=from-backbone student.pretrained_weights=w.pth $one_step
no_leftovers
done_testing
