# dino-train: checkpoints of several processes as sets: what makes one complete, which are passed over and removed,
# kills, full disks, backups, resuming on another number of processes, what bbu-info and dino-weights say of them.
# KILLS=N: so many kills of one process, and as many of all [3]; the long form: KILLS=25.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
. "$TESTS/cli/mpi-fixture.sh"
several_processes 'training by several processes'
train_fixture || exit 1
train() { dino-train -q -c t.yaml train.ranks=4 evaluation.knn_train= evaluation.knn_val= "$@"; }
files() { (cd "$1" && ls model_* 2>/dev/null | tr '\n' ' '); }
results() { # folder folder: the same lines, teacher and last state
    cmp "$1/training_metrics.json" "$2/training_metrics.json" && ends_as "$1" "$2"
}
ends_as() { # folder folder
    local teacher=eval/training_23/teacher_checkpoint.safetensors
    cmp "$1/$teacher" "$2/$teacher" && whole "$1" 23 && whole "$2" 23 && cmp "$1.whole" "$2.whole"
}
whole() { # folder iteration: FOLDER.whole is its state in one file
    dino-weights convert -o "$1.whole" --format ckpt \
        "$(ls "$1"/model_*"$2".set "$1"/model_*"$2".rank_0.ckpt 2>/dev/null | tail -n 1)"
}
change() { # file offset: one byte
    printf '\377' | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# ---- one process and four: one file, and a set; the same bytes
status 0 train train.output_dir=by1
check 'one process writes files' test "$(files by1)" = \
    'model_0000015.rank_0.ckpt model_0000019.rank_0.ckpt model_0000023.rank_0.ckpt '
status 0 train --ranks 4 train.output_dir=by4
check 'four write sets, of which three are kept' test "$(ls by4/model_* | wc -l)" -eq 15
check 'each with the file of the set' test "$(ls by4/*.set | tr '\n' ' ')" = \
    'by4/model_0000015.set by4/model_0000019.set by4/model_0000023.set '
size=$(stat -c %s by1/model_0000023.rank_0.ckpt)
check 'a file has a part' test "$(stat -c %s by4/model_0000023.rank_2.ckpt)" -lt $((size / 2))
check 'whatever the number of processes' results by1 by4
check 'in one file it is what one process writes' cmp by4.whole by1/model_0000023.rank_0.ckpt

for tensor in optimizer.v.backbone.blocks.1.attn.qkv.weight metrics.window; do
    "$BUILD/examples/readckpt" by1/model_0000023.rank_0.ckpt $tensor >of-one
    "$BUILD/examples/readckpt" by4/model_0000023.* $tensor >of-four
    check "a stranger reads $tensor" cmp of-one of-four
done

# ---- dino-ckpt(5) names every key of the state, every tensor in its order, and the rows of the window
page=$TESTS/../man/dino-ckpt.5 one=by1/model_0000023.rank_0.ckpt
for key in $(bbu-info -v $one | awk '/^  state/ {on = 1; next} /^  [a-z]/ {on = 0} on && /^    [a-z_]/ {print $1}'); do
    check "the key $key" grep -q "^\.It Li $key\$" "$page"
done
of_page() { # the parameters of two blocks and of a head of three layers
    awk -F '\t' '/^backbone\.cls_token/ {on = 1} /^\.TE/ {on = 0} on && $1 != "" {print $1}' "$page" |
        grep -v register | awk '
        function put(name) {
            if (split(name, part, ", ") == 2) {print part[1]; sub("weight", "bias", part[1])}
            print part[1]
        }
        /blocks\.i/ {block[n++] = $0; next}
        n {
            for (i = 0; i < 2; i++)
                for (k = 0; k < n; k++) {name = block[k]; sub("\\.i\\.", "." i ".", name); put(name)}
            n = 0
        }
        /mlp\.0/ {for (i = 0; i < 6; i += 2) {name = $0; sub("mlp\\.0", "mlp." i, name); put(name)}; next}
        {put($0)}'
}
for array in student teacher optimizer.m optimizer.v; do of_page | sed "s/^/$array./"; done >want
printf '%s\n' {dino_loss,ibot_patch_loss}.center{,.pending} metrics.window >>want
check 'the tensors' diff <(bbu-info --list $one | cut -f 1) want
check 'the rows' diff <(head -n 1 by1/training_metrics.json | grep -o '"[a-z_]*":' | tr -d '":' |
    grep -v 'iteration\|replaced\|collapse$') \
    <(sed -n '/^The rows are/,/\.$/p' "$page" | tr -d '.\n' | sed 's/The rows are//; s/,/ /g' | tr -s ' ' '\n' | grep .)

# ---- resumed on another number of processes
resume() { # folder, iteration that is left, processes
    cp -r by4 "$1"
    rm -rf "$1"/model_0000023.* "$1"/eval/training_23
    [ "$2" = 19 ] || rm "$1"/model_0000019.*
    train --ranks "$3" train.output_dir="$1" && results by1 "$1"
}
for n in 1 2 4; do
    check "on $n" resume on$n 19 $n
done
check 'files of ranks that are no more are gone' test "$(files on2 | tr ' ' '\n' | grep -c 0000023)" -eq 3
cp -r by1 up
rm -rf up/model_0000023.* up/eval/training_23
status 0 train --ranks 4 train.output_dir=up
check 'from one to four' results by1 up
status 1 dino-train -q -c t.yaml evaluation.knn_train= evaluation.knn_val= --ranks 2 train.output_dir=by4
err_has 'by4/model_0000023.set: of a run of 4 ranks, and this one would have 2, as many as processes: train.ranks=4 resumes it'

# ---- whatever each process holds: the default divides the gradients and moments, FULL_SHARD networks, NO_SHARD nothing
sharding() { # strategy: of every part
    local part
    for part in {student,teacher}.{backbone,dino_head,ibot_head}; do
        echo compute_precision.$part.sharding_strategy=$1
    done
}
strategies() { # folder strategy processes, strategy processes: begun with one, resumed with the other
    train --ranks "$3" train.output_dir="$1" $(sharding "$2") && results by1 "$1" &&
        rm -rf "$1"/model_0000023.* "$1"/eval/training_23 &&
        train --ranks "$5" train.output_dir="$1" $(sharding "$4") && results by1 "$1"
}
check 'FULL_SHARD, resumed with NO_SHARD' strategies full-no FULL_SHARD 4 NO_SHARD 2
check 'NO_SHARD, resumed with FULL_SHARD' strategies no-full NO_SHARD 2 FULL_SHARD 4
check 'FULL_SHARD, resumed by one process' strategies full-one FULL_SHARD 2 FULL_SHARD 1
rm full-no/eval/training_23/teacher_checkpoint.safetensors
status 0 dino-train -c t.yaml train.ranks=4 evaluation.knn_train= evaluation.knn_val= --ranks 4 \
    train.output_dir=full-no $(sharding FULL_SHARD)
err_has 'written again from the state of iteration 23'
check 'a teacher that nobody holds whole is written again' results by1 full-no

# ---- by a path, with {rank}
named() { # processes path
    rm -rf named
    train --ranks "$1" train.output_dir=named train.resume=true "train.resume_path=$2" && ends_as by1 named
}
check 'train.resume_path' named 2 'by4/model_0000019.rank_{rank}.ckpt'
check 'of fewer processes than before, by one name for all' named 2 by4/model_0000019.rank_3.ckpt
check 'and of one by many' named 4 'by1/model_0000019.rank_{rank}.ckpt'
check 'by the name of the set' named 1 by4/model_0000019.set
rm -rf named
status 0 train --ranks 2 train.output_dir=named train.resume=true 'MODEL.WEIGHTS=by4/model_0000019.rank_{rank}.ckpt'
check 'MODEL.WEIGHTS' ends_as by1 named
rm -rf named
status 0 dino-train -c t.yaml train.ranks=4 --ranks 2 train.output_dir=named optim.epochs=1 \
    'MODEL.WEIGHTS=by4/model_0000019.rank_{rank}.ckpt'
err_has 'both networks and the centres of iteration 19; the optimizer state is reset'
rm -rf named
status 0 dino-train -c t.yaml train.ranks=4 --ranks 4 train.output_dir=named optim.epochs=1 \
    'MODEL.WEIGHTS=by1/model_0000019.rank_{rank}.ckpt'
err_has 'both networks and the centres of iteration 19; the optimizer state is reset'
# What one rank alone cannot read ends all, at once.
cp by1/eval/training_23/teacher_checkpoint.safetensors own-0
for weights in student.pretrained_weights MODEL.WEIGHTS; do
    status 1 timeout 60 dino-train -q -c t.yaml train.ranks=4 --ranks 2 train.output_dir=unread student.pos_grid=4 \
        "$weights=own-{rank}"
    err_has 'rank 1: own-1: No such file or directory'
done
cp by1/model_0000019.rank_0.ckpt own-1
status 1 timeout 60 dino-train -q -c t.yaml train.ranks=4 --ranks 2 train.output_dir=unread student.pos_grid=4 \
    'MODEL.WEIGHTS=own-{rank}'
err_has 'rank 1: MODEL.WEIGHTS: a checkpoint here, another kind of file on other ranks'

# ---- all ranks that are wrong, in one line
cp -r by4 bad
rm bad/model_0000019.rank_1.ckpt bad/model_0000019.rank_2.ckpt
cp by4/model_0000015.rank_3.ckpt bad/model_0000019.rank_3.ckpt
wrong='bad/model_0000019.set: the set is not complete: missing: ranks 1, 2; different: rank 3 (of iteration 15)'
for n in 1 2; do
    status 1 train --ranks $n train.output_dir=x train.resume=true \
        'train.resume_path=bad/model_0000019.rank_{rank}.ckpt'
    err_has "No checkpoint found at $wrong"
done
check 'once' test "$(grep -c 'set is not complete' err)" -eq 1
err_has "dino-train: No checkpoint found"
status 1 dino-weights list bad/model_0000019.rank_0.ckpt
err_has "$wrong"
status 1 bbu-info --verify bad/model_0000019.rank_0.ckpt
err_has "$wrong"
status 1 train --ranks 2 train.output_dir=x train.resume=true 'train.resume_path=none/model_0000019.rank_{rank}.ckpt'
err_has 'dino-train: No checkpoint found at none/model_0000019.rank_*.ckpt: No such file or directory, for ranks 0 to 1'

# ---- what is not complete is passed over, and removed when the run goes on
broken() { # folder, what breaks the set of iteration 23, words of the warning
    rm -rf "$1" && cp -r by4 "$1" && rm -rf "$1"/eval/training_23
    (cd "$1" && eval "$2") || return 1
    train train.output_dir="$1" >log 2>&1
    grep -q "$3" log || { cat log; return 1; }
    results by1 "$1" && [ "$(files "$1" | tr ' ' '\n' | grep 0000023)" = model_0000023.rank_0.ckpt ]
}
f=model_0000023
check 'no file of the set' broken b1 "rm $f.set" 'of iteration 23 is not complete, for want of model_0000023.set'
check 'nothing but one file' broken b2 "rm $f.set $f.rank_0.ckpt $f.rank_1.ckpt $f.rank_3.ckpt" \
    'of iteration 23 is not complete'
check 'a file is missing' broken b3 "rm $f.rank_0.ckpt" 'missing: rank 0; this checkpoint cannot be used and is skipped'
check 'a file that is cut' broken b4 "truncate -s -1 $f.rank_1.ckpt" 'different: rank 1 (ends early: no end mark)'
check 'an empty file' broken b5 ": >$f.rank_1.ckpt" 'different: rank 1 (is empty)'
check 'two files swapped' broken b6 "mv $f.rank_1.ckpt y && mv $f.rank_2.ckpt $f.rank_1.ckpt && mv y $f.rank_2.ckpt" \
    'different: ranks 1, 2 (the first: of rank 2 of 4)'
check 'a file of another iteration' broken b7 "cp model_0000019.rank_1.ckpt $f.rank_1.ckpt" '(of iteration 19)'
check 'the file of another set' broken b8 "cp model_0000019.set $f.set" 'its name says\|different: ranks 0-3'
check 'a byte of a tensor' broken b9 "printf x | dd of=$f.rank_3.ckpt bs=1 seek=9000 conv=notrunc 2>/dev/null" \
    "$f.rank_3.ckpt: "
check 'a byte of the set' broken b10 "printf x | dd of=$f.set bs=1 seek=100 conv=notrunc 2>/dev/null" "$f.set: "
status 0 train --ranks 4 train.output_dir=other train.seed=1
check 'a file of another run' broken b11 "cp ../other/$f.rank_1.ckpt $f.rank_1.ckpt" '(of another run)'
no_leftovers b11

# ---- pruning, -f, what a first checkpoint that was not completed means
status 0 train --ranks 2 train.output_dir=keep train.max_to_keep=1
check 'one is kept' test "$(files keep)" = 'model_0000023.rank_0.ckpt model_0000023.rank_1.ckpt model_0000023.set '
cp by4/model_0000015.rank_0.ckpt by4/model_0000015.rank_3.ckpt keep/
status 0 train --ranks 2 train.output_dir=keep train.resume=false -f optim.epochs=1
check '-f removes sets and the rest of sets' test "$(files keep | tr ' ' '\n' | grep -c '0000015\|0000023')" -eq 0
mkdir first
cp by4/model_0000015.rank_0.ckpt by4/model_0000015.rank_1.ckpt first/
status 0 train --ranks 2 train.output_dir=first
err_has 'first: the checkpoint of iteration 15 is not complete, for want of model_0000015.set; it is not used'
check 'a run begins from its beginning' results by1 first

# ---- backups: the set is one, its file comes last, and it is read back
status 0 train --ranks 2 train.output_dir=backed train.backup_dir=backups train.backup_period=8 train.max_to_keep=2
err_lacks 'backup'
check 'the newest two' test "$(ls backups | tr '\n' ' ')" = \
    "$(printf '%s ' model_00000{15,23}.{rank_0.ckpt,rank_1.ckpt,set})"
for f in model_0000023.rank_0.ckpt model_0000023.rank_1.ckpt model_0000023.set; do
    same backed/$f backups/$f
done
status 0 bbu-info --verify backups/model_0000015.set
check 'a run goes on from them' named 1 'backups/model_0000015.rank_{rank}.ckpt'
FAIL_IO=write,errno=5,path=backups/.model_0000023.rank_1 LD_PRELOAD=$BUILD/tests/cli/fail-io.so \
    dino-train -q -c t.yaml train.ranks=4 --ranks 2 train.output_dir=backed2 train.backup_dir=backups \
    train.backup_period=1000 evaluation.knn_train= evaluation.knn_val= >out 2>err
err_has 'model_0000023.rank_1.ckpt: Input/output error; training continues'
check 'a copy that is not complete is none' bash -c '! ls backups/model_0000023* 2>/dev/null'
check 'older ones stay' test -s backups/model_0000015.set

# ---- a disk that is full on one rank
full() { # folder settings words...: what fails on rank 1 alone
    local folder=$1 what=$2
    shift 2
    FAIL_IO=$what,errno=28,path=rank_1.ckpt LD_PRELOAD=$BUILD/tests/cli/fail-io.so train --ranks 2 \
        train.output_dir=$folder "$@"
}
status 0 full once fsync,times=1
err_has 'rank 1: once/model_0000003.rank_1.ckpt: No space left on device; the state of iteration 3 is not saved'
err_lacks 'only the newest'
check 'no set that looks whole is left, and the run goes on' results by1 once
status 0 full space fsync,after=3,times=1
err_has 'rank 1: space/model_0000015.rank_1.ckpt: No space left on device; removed to free space: the checkpoint of iteration 3'
err_lacks 'is not saved'
check 'whole sets are removed for space' test "$(files space)" = \
    "$(printf '%s ' model_00000{15,19,23}.{rank_0.ckpt,rank_1.ckpt,set})"
check 'to the same bytes' results by1 space
status 1 full end fsync,after=3
err_has 'rank 1: end/model_0000023.rank_1.ckpt: No space left on device: the last state is not saved; last saved: iteration 11'
check 'the last good set stays, alone' test "$(files end)" = \
    "$(printf '%s ' model_0000011.{rank_0.ckpt,rank_1.ckpt,set})"
no_leftovers end
status 0 train --ranks 2 train.output_dir=end
check 'and the run resumes' results by1 end
FAIL_IO=fsync,errno=28,times=1,path=.set LD_PRELOAD=$BUILD/tests/cli/fail-io.so train --ranks 2 \
    train.output_dir=setfull >out 2>err
err_has 'setfull/model_0000003.set: No space left on device; the state of iteration 3 is not saved'
check 'nor is the file of the set written twice' results by1 setfull

# ---- bbu-info and dino-weights: any file of the set is the set
status 0 bbu-info by4/model_0000023.rank_2.ckpt
out_has 'rank            2'
out_has 'set             complete'
status 0 bbu-info by4/model_0000023.set
out_has 'ranks           4'
out_has 'set             complete'
status 0 bbu-info bad/model_0000019.set
out_has 'set             not complete: missing: ranks 1, 2; different: rank 3 (of iteration 15)'
status 0 bbu-info --verify by4/model_0000023.rank_1.ckpt
out_has 'verified        true'
cp -r by4 changed
change changed/model_0000023.rank_3.ckpt 9000
status 1 bbu-info --verify changed/model_0000023.set
err_has 'changed/model_0000023.rank_3.ckpt: '
status 0 bbu-info --list by4/model_0000023.rank_1.ckpt
cp out tensors
status 0 bbu-info --list by1/model_0000023.rank_0.ckpt
same out tensors
status 0 dino-weights list by4/model_0000023.rank_3.ckpt
tail -n 1 out | sed 's/.*: weights/weights/' >of-set
status 0 dino-weights list by1/model_0000023.rank_0.ckpt
check 'the same network' cmp of-set <(tail -n 1 out | sed 's/.*: weights/weights/')
status 0 dino-weights compare by4/model_0000023.set by1/model_0000023.rank_0.ckpt
status 1 dino-weights compare by4/model_0000023.rank_1.ckpt by4/model_0000019.rank_1.ckpt
status 0 dino-weights convert by4/model_0000023.rank_1.ckpt -o set.safetensors
status 0 dino-weights convert by1/model_0000023.rank_0.ckpt -o one.safetensors
same set.safetensors one.safetensors
status 0 dino-weights convert by4/model_0000023.set -o one.ckpt
same one.ckpt by1/model_0000023.rank_0.ckpt
status 0 dino-weights convert --format ckpt by1/model_0000023.rank_0.ckpt -o again --chunks 2
err_has '--chunks: not used: a checkpoint is written as it is'
same again one.ckpt
status 1 dino-weights convert one.safetensors -o two.ckpt
err_has 'one.safetensors: is no checkpoint'
status 1 bash -c 'dino-weights list - <by4/model_0000023.rank_1.ckpt'
err_has 'part of a checkpoint, of rank 1 of 4: its set is found only by the name of a file'
cp by4/model_0000023.rank_1.ckpt alone
status 1 dino-weights list alone
err_has 'alone: part of a checkpoint, of rank 1 of 4: its set is found only by a name that ends in .rank_1.ckpt'
status 0 dino-extract -q -w by4/model_0000023.rank_1.ckpt -o set.feat train
status 0 dino-extract -q -w by1/model_0000023.rank_0.ckpt -o one.feat train
same set.feat one.feat
status 0 bbu-info --trace --in by4 set.feat
out_has 'checkpoint'

# ---- kills, mostly while a checkpoint is written: one at every step
kills=${KILLS:-3} after=0 n=0
RANDOM=${KILL_SEED:-1311}
killed() { # whom: one or all; a run that is killed, and again, until there were enough; then it is finished
    local pids folder=killed-$1 k=0 pid wait_ms before
    rm -rf $folder
    for attempt in $(seq $((kills * 8))); do
        [ $k -lt $kills ] || break
        before=$(ls $folder 2>/dev/null | grep -c 'set$')
        train --ranks $((1 + attempt % 2 * 3)) train.output_dir=$folder train.saveckp_freq=1 >killed.log 2>&1 &
        pid=$!
        for _ in $(seq 400); do # the first new file of a checkpoint
            [ "$(ls $folder 2>/dev/null | grep -c 'set$')" = "$before" ] && kill -0 $pid 2>/dev/null || break
            sleep 0.01
        done
        sleep "0.$(printf %03d $((RANDOM % 60)))"
        pids=$(pgrep -f "dino-train .*train.output_dir=$folder ")
        [ "$1" = all ] || pids=$(echo "$pids" | shuf -n 1 --random-source=<(yes $attempt))
        kill -KILL $pids 2>/dev/null && k=$((k + 1))
        wait $pid 2>/dev/null
        while pgrep -f "dino-train .*train.output_dir=$folder " >/dev/null; do sleep 0.02; done
        if grep -q 'saved .*_0000023\.' $folder/log.txt 2>/dev/null; then # over too soon: once more
            results by1 $folder || return 1
            rm -rf $folder
        fi
    done
    echo "# $1: $k kills, the last folder $(grep -c Resumed $folder/log.txt) times resumed" >>kills
    [ $k -ge "$kills" ] && train --ranks 2 train.output_dir=$folder train.saveckp_freq=1 >killed.log 2>&1 &&
        results by1 $folder && ! find $folder -name '*.tmp' | grep -q .
}
check 'one process is killed, again and again, and others go on' killed one
check 'all are' killed all
cat kills
done_testing
