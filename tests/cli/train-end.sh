# dino-train: how a run ends. Where the teachers are, whether training helped, how many are kept; a complete run that has
# lost its teacher; a run that stops when it has collapsed.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture || exit 1
train() { dino-train -c t.yaml -j2 "$@"; }
teachers() { ls "$1/eval" | tr '\n' ' '; }
score_of() { sed -n "s/{\"iteration\": $2, \"knn_top1\": {\"5\": \([0-9.]*\),.*/\1/p" "$1/evaluation.json"; }

# ---- the paths, and the best
status 0 train
err_has 'teachers: 5 of 141.1 KiB are kept in eval/, 705.3 KiB in all'
err_has 'dino-train: teacher: run/eval/training_23/teacher_checkpoint.safetensors'
check 'its path is the last line' test "$(tail -n 1 err)" = 'dino-train: teacher: run/eval/training_23/teacher_checkpoint.safetensors'

# ---- the folder of the run is weights: its newest teacher
newest=run/eval/training_23/teacher_checkpoint.safetensors
status 0 dino-extract -w $newest --resize 36 --size 32 val -o file.feat
status 0 dino-extract -w run --resize 36 --size 32 val -o run.feat
err_has 'dino-extract: run: the newest teacher of the run is that of iteration 23'
err_has "Loaded pretrained weights from $newest"
same file.feat run.feat
cp -a run partly && rm partly/${newest#run/} && mkdir partly/eval/training_99 partly/eval/training_024 &&
    touch partly/eval/training_024/teacher_checkpoint.safetensors
status 0 dino-extract -w partly/ --resize 36 --size 32 val -o older.feat
err_has 'dino-extract: partly/: the newest teacher of the run is that of iteration 15'
truncate -s -1 partly/eval/training_15/teacher_checkpoint.safetensors
status 1 dino-extract -w partly --resize 36 --size 32 val -o damaged.feat
err_has 'partly/eval/training_15/teacher_checkpoint.safetensors'
rm -r partly/eval/training_*
status 1 dino-extract -w partly --resize 36 --size 32 val -o none.feat
err_has 'partly: the run has no teacher yet (eval/training_*/teacher_checkpoint.safetensors)'
check 'no features of either' test ! -e damaged.feat -a ! -e none.feat
rm -r partly
best=$(sed 's/{"iteration": \(-*[0-9]*\), "knn_top1": {"5": \([0-9.]*\),.*/\2 \1/' run/evaluation.json | sort -s -k1,1gr | head -n 1)
check 'each line of scores names the best so far' \
    test "$(sed -n '$s/.*"best_iteration": \(-*[0-9]*\), .*/\1/p' run/evaluation.json)" = "${best#* }"
check 'the first line names itself' grep -q '^{"iteration": -1, .*, "n_val": [0-9]*, "best_iteration": -1, "origins": {"weights": {"identity": "[0-9a-f]*"}, .*}}$' run/evaluation.json
cp -a run done
status 0 train
err_has 'dino-train: teacher: run/eval/training_23/teacher_checkpoint.safetensors'
err_lacks 'written again'
status 0 train evaluation.knn_train= evaluation.knn_val= train.output_dir=unscored
err_has 'dino-train: teacher: unscored/eval/training_23/teacher_checkpoint.safetensors'
err_lacks 'best teacher'

# ---- a run whose best is the untrained one, and one whose best is not: lines with other scores put in their place
with_scores() { # folder, scores of -1 and 7: the run resumes after 19 and keeps the last score as it is
    rm -rf "$1" && cp -a done "$1" && rm "$1/model_0000023.rank_0.ckpt"
    sed -i -e "1s/\"5\": [0-9.]*/\"5\": $2/" -e "2s/\"5\": [0-9.]*/\"5\": $3/" "$1/evaluation.json"
}
with_scores worse 0.99 0.5
status 0 train train.output_dir=worse
err_has 'the best teacher is the one before the first iteration: 99.00 % right, the last '
err_has ' % (5 nearest neighbours, photographs of evaluation.knn_val); by these scores training did not help'
err_has 'best teacher: worse/eval/best/teacher_checkpoint.safetensors'
check 'the metrics say so' grep -q '^{"iteration": 23, .*"best_iteration": -1, ' worse/evaluation.json
status 0 train train.output_dir=worse
err_has 'the best teacher is the one before the first iteration: 99.00 % right, the last '
with_scores better 0.5 0.99
status 0 train train.output_dir=better
err_has 'best by the scores: iteration 7: 99.00 % right, the last '
err_has ' % (5 nearest neighbours, photographs of evaluation.knn_val)'
err_has 'best teacher: better/eval/best/teacher_checkpoint.safetensors'
err_lacks 'did not help'

# ---- a complete run without its teacher: it is restored from the checkpoint, with a warning
last=eval/training_23/teacher_checkpoint.safetensors
status 0 train -q train.teacher_pth=true student.block_chunks=2 train.output_dir=pth
again() { # what was done to it
    status 0 train train.teacher_pth=true student.block_chunks=2 train.output_dir=pth
    err_has 'the run is complete'
    check "$1: the teacher is there again" cmp pth/$last pth.good/$last
    check "$1: and the .pth" cmp pth/${last%.*}.pth pth.good/${last%.*}.pth
}
cp -a pth pth.good
again 'nothing'
err_lacks 'written again'
rm -r pth/eval
again 'eval/ removed'
err_has "pth/$last: No such file or directory; written again from the state of iteration 23"
err_has 'pth/eval/best/teacher_checkpoint.safetensors: No such file'
rm -r pth && cp -a pth.good pth && rm -r pth/eval/training_23
again 'one folder removed'
rm pth/${last%.*}.pth
again 'the .pth removed'
err_has "pth/${last%.*}.pth: No such file or directory; written again"
truncate -s -1 pth/$last
again 'a file cut short'
err_has 'written again from the state of iteration 23'
printf X | dd of=pth/$last bs=1 seek=$(($(stat -c %s pth/$last) - 1000)) conv=notrunc 2>/dev/null
again 'a value changed'
err_has "pth/$last: not what the checkpoint holds: "
printf X | dd of=pth/${last%.*}.pth bs=1 seek=$(($(stat -c %s pth/${last%.*}.pth) / 2)) conv=notrunc 2>/dev/null
again 'a value of the .pth changed'
: >pth/$last
again 'an empty file'
cp pth/eval/initial/teacher_checkpoint.safetensors pth/$last
again 'another teacher in its place'

# ---- the folder of a run is removed meanwhile: that is an error, and no half of a run appears under its name
mkdir parent
dino-train -q -c t.yaml -j2 train.output_dir=parent/run optim.epochs=200 train.saveckp_freq=3 >/dev/null 2>err &
trainer=$!
for _ in $(seq 200); do ls parent/run/model_*.ckpt >/dev/null 2>&1 && break; sleep 0.05; done
mv parent/run elsewhere
wait $trainer
code=$?
check "status 1, not $code" test $code -eq 1
err_has 'parent/run'
check 'no new folder was made' test ! -e parent/run
no_leftovers pth

# the best is restored where the folder of its iteration is there, and reported missing where not
rm -r better/eval/best
status 0 train train.output_dir=better
err_has 'better/eval/best/teacher_checkpoint.safetensors: No such file or directory; copied again from eval/training_7'
same better/eval/best/teacher_checkpoint.safetensors better/eval/training_7/teacher_checkpoint.safetensors
status 0 train train.output_dir=better
err_lacks 'again from'
rm -r better/eval/best better/eval/training_7
status 0 train train.output_dir=better
err_has 'better/eval/best/teacher_checkpoint.safetensors: No such file or directory; it cannot be made again: better/eval/training_7/'
err_lacks 'best teacher: better/eval/best'
rm -r worse/eval/best
status 0 train train.output_dir=worse
err_has 'copied again from eval/initial'
with_scores equal 0 0
sed -i '3s/"5": [0-9.]*/"5": 0/' equal/evaluation.json
status 0 train -q train.output_dir=equal
cp -a equal/eval/best equal.best && rm -r equal/eval/best
status 0 train train.output_dir=equal
err_has 'equal/eval/best/teacher_checkpoint.safetensors: No such file or directory; written again from the state of iteration 23'
same equal/eval/best/teacher_checkpoint.safetensors equal.best/teacher_checkpoint.safetensors
same equal/eval/best/teacher_checkpoint.safetensors equal/eval/training_23/teacher_checkpoint.safetensors
rm -r worse/eval && : >worse/eval # it cannot be restored here
status 1 train train.output_dir=worse
err_has 'worse/eval'

# ---- how many teachers are kept: the last ones, beside initial/ and best/; files of others are not touched
status 0 train train.output_dir=few evaluation.max_to_keep=1
err_has 'teachers: 3 of 141.1 KiB are kept in eval/'
check 'the last one' test "$(teachers few)" = "best initial training_23 "
for f in best initial training_23; do same few/eval/$f/teacher_checkpoint.safetensors done/eval/$f/teacher_checkpoint.safetensors; done
status 0 train train.output_dir=two evaluation.max_to_keep=2 evaluation.eval_period_iterations=4 train.teacher_pth=true
check 'the last two' test "$(teachers two)" = "best initial training_19 training_23 "
status 0 train -q train.output_dir=mine optim.epochs=1 evaluation.eval_period_iterations=4
mkdir mine/eval/training_0007 mine/eval/training_x mine/eval/training_99 mine/eval/notes
echo note >mine/eval/training_3/note.txt
echo note >mine/eval/training_1
mv mine/eval/training_11 mine/elsewhere && ln -s ../elsewhere mine/eval/training_11
status 0 train train.output_dir=mine train.resume=true optim.epochs=2 evaluation.max_to_keep=1
check 'foreign folders are left' test "$(teachers mine)" = "best initial notes training_0007 training_1 training_11 training_23 training_3 training_99 training_x "
check 'a file beside the teacher, too' test "$(ls mine/eval/training_3)" = note.txt
check 'and what a link leads to' test -s mine/elsewhere/teacher_checkpoint.safetensors
status 2 train evaluation.max_to_keep=0
err_has 'evaluation.max_to_keep: 0 is not between 1 and'

# ---- a complete collapse: a warning, and the run continues unless train.stop_on_collapse is set
status 5 train train.output_dir=c $flat
err_has 'iteration 20: complete collapse'
err_has '24 iterations are done; complete collapse'
status 5 train train.output_dir=c $flat
err_has 'the run is complete'
status 5 train train.output_dir=stop $flat train.stop_on_collapse=true train.saveckp_freq=1000
err_has 'iteration 20: complete collapse: the teacher gives all crops one answer, and one prototype wins them all; stopped (train.stop_on_collapse); the state is saved'
check 'it is' test "$(ls stop/model_*)" = stop/model_0000020.rank_0.ckpt
check 'the last line of the metrics says why' grep -q '^{"iteration": 20, .*"collapse": "complete"}$' <(tail -n 1 stop/training_metrics.json)
cp -a stop stop.before
status 5 train train.output_dir=stop $flat train.stop_on_collapse=true train.saveckp_freq=1000
err_has 'stopped (train.stop_on_collapse)'
same_results stop stop.before
status 5 train train.output_dir=stop $flat
err_has '24 iterations are done'
same stop/model_0000023.rank_0.ckpt c/model_0000023.rank_0.ckpt
done_testing
