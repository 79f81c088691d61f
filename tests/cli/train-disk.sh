# dino-train on a disk that is full, for a while or for good: the run continues, says so, and ends with 1 if the last of
# its checkpoints, or its teacher, is not there.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture || exit 1
if ldd "$BUILD/dino-train" 2>/dev/null | grep -q 'lib[atu]*san'; then
    skip "sanitizer build" "failing calls"
    done_testing
fi
train() { dino-train -c t.yaml -j2 "$@"; }
fail() { # settings words...
    local settings=$1
    shift
    FAIL_IO=$settings LD_PRELOAD=$BUILD/tests/cli/fail-io.so train "$@"
}
iterations() { ls "$1"/model_*.ckpt 2>/dev/null | sed 's/.*model_0*\([0-9]\+\)\.rank.*/\1/' | tr '\n' ' '; }
full=errno=28
status 0 train -q train.output_dir=good

# ---- one checkpoint fails: the next is written, and the run ends as if nothing had happened
status 0 fail write,$full,times=1,path=model_ train.output_dir=once
err_has 'once/model_0000003.rank_0.ckpt: No space left on device; the state of iteration 3 is not saved; last saved: nothing'
err_has 'iteration 7 is saved again'
same_results once good
check 'it is in log.txt' grep -q 'iteration 3 is not saved' once/log.txt
status 0 fail fsync,$full,times=2,path=model_ train.output_dir=twice
check 'each attempt is named' test "$(grep -c 'is not saved; last saved: nothing' err)" -eq 2
same_results twice good

# ---- full when three are there: the oldest is removed, the new one is written at the second attempt
status 0 fail fsync,$full,after=3,times=1,path=model_ train.output_dir=space optim.epochs=2
err_has 'space/model_0000015.rank_0.ckpt: No space left on device; removed to free space: the checkpoint of iteration 3'
err_lacks 'is not saved'
same_results space good
check 'three are left in the end' test "$(iterations space)" = "15 19 23 "

# ---- a disk that holds two of the three of train.max_to_keep: as many are removed as needed
status 0 fail fsync,$full,after=2,times=1,path=model_ train.output_dir=two optim.epochs=2
err_has 'two/model_0000011.rank_0.ckpt: No space left on device; removed to free space: the checkpoint of iteration 3'
err_lacks 'is not saved'
same_results two good
status 0 fail fsync,$full,after=3,times=2,path=model_ train.output_dir=takes-two
err_has 'removed to free space: the checkpoint of iteration 7'
err_lacks 'is not saved'
check 'the newest are left in the end' test "$(iterations takes-two)" = "15 19 23 "

# ---- full for good after three: the last good one is not removed, and the status is 1
status 1 fail fsync,$full,after=3,path=model_ train.output_dir=end
check 'the last good one is left' test "$(iterations end)" = "11 "
check 'a warning at each of the three attempts' test "$(grep -c 'the state of iteration [0-9]* is not saved; last saved: iteration 11' err)" -eq 3
err_has 'end/model_0000023.rank_0.ckpt: No space left on device: the last state is not saved; last saved: iteration 11; run the same command to resume'
no_leftovers end
status 0 train -q train.output_dir=end
same_results end good
status 1 fail fsync,$full,after=1,path=model_ train.output_dir=one train.max_to_keep=1
check 'the only one is left' test "$(iterations one)" = "3 "
err_lacks 'to free space'

# ---- no checkpoint at all; then the same command, and a log that cannot be written
for what in write,after=0,errno=28,path=model_ fsync,path=model_ rename,path=model_; do
    rm -rf z
    status 1 fail $what train.output_dir=z
    err_has 'model_0000003.rank_0.ckpt'
    check "$what: nothing stands under the name" bash -c '! ls z/model_*.ckpt 2>/dev/null'
    no_leftovers z
done
err_has 'Input/output error'
status 0 train -q train.output_dir=z
same_results z good
rm -rf z
status 0 fail write,after=0,$full,path=log.txt train.output_dir=z
check 'a log that cannot be written is one warning' test "$(grep -c 'z/log.txt: No space left on device; what is said is not kept there' err)" -eq 1
same_results z good

# ---- an error that is not a full disk removes nothing
status 1 fail fsync,after=3,path=model_ train.output_dir=io
err_has 'Input/output error; the state of iteration 15 is not saved; last saved: iteration 11'
check 'nothing was removed for it' test "$(iterations io)" = "3 7 11 "

# ---- stopped while nothing can be saved: 1, not 75
env FAIL_IO=write,$full,path=model_ LD_PRELOAD="$BUILD/tests/cli/fail-io.so" dino-train -c t.yaml optim.epochs=500 \
    train.output_dir=stopped train.saveckp_freq=100000 evaluation.knn_train= evaluation.knn_val= >out 2>err &
stop_by_term $! stopped
check "a stop that cannot save is status 1" test $? -eq 1
err_has 'the last state is not saved; last saved: nothing'

# ---- lines of metrics and scores: held in memory, written whole when there is space
status 0 fail write,$full,times=2,path=training_metrics train.output_dir=lines
err_has 'lines/training_metrics.json: No space left on device; lines wait in memory until they can be written'
same_results lines good
status 0 fail write,$full,after=1,times=1,path=evaluation.json train.output_dir=scores
err_has 'scores/evaluation.json: No space left on device; the teacher of iteration 7, or its score, is not written'
same_results scores good
status 0 fail write,$full,times=1,path=training_times train.output_dir=times
check 'times too' test "$(wc -l <times/training_times.json)" -eq 4
status 0 fail write,$full,path=training_times train.output_dir=no-times
err_has 'no-times/training_times.json: No space left on device; its last lines are lost'

# ---- lines that cannot be written at all: no checkpoint is ahead of them
status 1 fail write,$full,after=1,path=training_metrics train.output_dir=never
err_has 'never/training_metrics.json: No space left on device: the last state is not saved; last saved: iteration 7'
check 'no checkpoint beyond the lines; an older one was removed to make space for them' test "$(iterations never)" = "7 "
status 0 train -q train.output_dir=never
same_results never good

# ---- teachers: before the first step an error; later the run continues; the last one is status 1, and is restored
status 1 fail fsync,$full,path=teacher_ train.output_dir=t0
err_has 't0/eval/initial/teacher_checkpoint.safetensors: No space left on device'
check 'nothing was trained for nothing' test ! -e t0/model_0000003.rank_0.ckpt
status 0 fail write,$full,times=1,path=teacher_ train.output_dir=t1 evaluation.knn_train= evaluation.knn_val=
err_has 't1/eval/training_7/teacher_checkpoint.safetensors: No space left on device; the teacher of iteration 7'
check 'the others are there' test "$(ls t1/eval/*/* | wc -l)" -eq 2
status 1 fail write,$full,after=2,path=teacher_ train.output_dir=t2 evaluation.knn_train= evaluation.knn_val=
err_has 'the last teacher, or its score, is not written; the same command writes the teacher'
status 0 train train.output_dir=t2 evaluation.knn_train= evaluation.knn_val=
err_has 't2/eval/training_23/teacher_checkpoint.safetensors: No such file or directory; written again from the state of iteration 23'
same t2/eval/training_23/teacher_checkpoint.safetensors t1/eval/training_23/teacher_checkpoint.safetensors

# ---- old checkpoints that cannot be removed are no reason to stop
mkdir -p stays/model_0000001.rank_0.ckpt
status 0 train train.output_dir=stays train.resume=true train.resume_path=good/model_0000019.rank_0.ckpt train.max_to_keep=1
err_has 'stays/model_0000001.rank_0.ckpt: Is a directory; this older checkpoint stays'
same stays/model_0000023.rank_0.ckpt good/model_0000023.rank_0.ckpt

# ---- copies in a full backup folder: the oldest is removed first there, too, never the newest; a failure is a warning
copies() { # folder, settings of the failure, settings: a run with one copy, and two older ones
    mkdir "$1" && cp good/model_0000015.rank_0.ckpt good/model_0000019.rank_0.ckpt "$1"
    status 0 fail "fsync,$full,$2,path=$1" train.output_dir=of-${1%-copies} train.backup_dir=$1 train.max_to_keep=2 \
        train.saveckp_freq=1000 evaluation.knn_train= evaluation.knn_val= "${@:3}"
}
copies space-copies times=1
check 'the newest two' test "$(iterations space-copies)" = "19 23 "
err_has 'backup of model_0000023.rank_0.ckpt in space-copies, read back and compared'
copies two-copies times=1 train.max_to_keep=3
check 'space is made below train.max_to_keep, too' test "$(iterations two-copies)" = "19 23 "
copies none-copies times=9
check 'the newest is left' test "$(iterations none-copies)" = "19 "
err_has 'backup: none-copies/model_0000023.rank_0.ckpt: No space left on device; training continues'

# ---- a copy that differs when read back
status 0 fail damage,path=copies3 train.output_dir=b3 train.backup_dir=copies3 train.backup_period=8 optim.epochs=1
err_has "the copy differs when read back; training continues"
check "no copy that is not one" bash -c "! ls copies3/model_* 2>/dev/null"

# ---- fifos in the folder of a run: none is waited for
quick() { timeout -s KILL 60 dino-train -c t.yaml -j2 "$@"; }
fifo() { rm -f "$1" && mkdir -p "${1%/*}" && mkfifo "$1"; }
last=eval/training_23/teacher_checkpoint.safetensors
cp -a good fifos && fifo fifos/$last
status 1 quick train.output_dir=fifos
err_has "fifos/$last: is a FIFO; not supported here"
cp good/$last fifos/new && mv fifos/new fifos/$last && fifo fifos/eval/best/teacher_checkpoint.safetensors
status 1 quick train.output_dir=fifos
err_has "fifos/eval/best/teacher_checkpoint.safetensors: is a FIFO"
for f in log.txt config.yaml eval/initial/teacher_checkpoint.safetensors; do
    rm -rf fifos && fifo fifos/$f
    status 1 quick train.output_dir=fifos
    err_has "fifos/$f: "
done
rm -rf fifos && fifo fifos/eval/training_7/teacher_checkpoint.safetensors
status 0 quick train.output_dir=fifos
err_has "is a FIFO; not supported here; the teacher of iteration 7"
rm -rf fifos && fifo fifo-copies/model_0000023.rank_0.ckpt
status 0 quick train.output_dir=fifos train.backup_dir=fifo-copies
err_has "backup: fifo-copies/model_0000023.rank_0.ckpt: is a FIFO; not supported here; training continues"
rm -rf fifos && cp -a good fifos && fifo fifos/model_0000023.rank_0.ckpt
status 1 quick train.output_dir=fifos
err_has "fifos/model_0000023.rank_0.ckpt: not a regular file"
for key in MODEL.WEIGHTS student.pretrained_weights; do
    rm -rf fifos && cp -a good fifos && rm -f weights.fifo && mkfifo weights.fifo
    status 1 quick train.output_dir=from-fifo $key=weights.fifo
    err_has "weights.fifo: is a FIFO; not supported here"
    status 1 quick train.output_dir=fifos $key=weights.fifo
    check "$key: refused, too, where the run resumes" grep -Eq "weights.fifo: (is a FIFO|not a regular file)" err
    status 0 quick --plan $key=weights.fifo
    err_has "weights.fifo: is a FIFO; not supported here; planned without it"
done

# ---- a folder for copies that cannot be used is a warning at the start, also with -q, and no error
status 0 quick -q train.output_dir=nothing train.backup_dir=/proc/nothing
err_has "dino-train: warning: backup: /proc/nothing: No such file or directory; training continues"
check "before the first checkpoint" awk '/backup:/ {told = 1} /saved nothing/ {exit !told}' nothing/log.txt
same_results nothing good
done_testing
