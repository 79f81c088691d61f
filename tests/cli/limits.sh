# Little address space (ulimit -v): every tool works and writes the same bytes, or ends with a message and status 1; it
# does not crash. The plan names limits of memory, which refuse a run; variables that change results are named.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture || exit 1
ulimit -c 0
dino-train -q -c t.yaml optim.epochs=1 optim.warmup_epochs=0 train.OFFICIAL_EPOCH_LENGTH=2 evaluation.eval_period_iterations=0 train.output_dir=first
cp first/eval/training_1/teacher_checkpoint.safetensors t.safetensors
dino-extract -q -w t.safetensors --resize 32 --size 32 --no-provenance all -o all.feat

# ---- variables that change results
for variable in ONEDNN_MAX_CPU_ISA=AVX DNNL_MAX_CPU_ISA=SSE41 ONEDNN_DEFAULT_FPMATH_MODE=ANY; do
    for command in 'dino-extract -w t.safetensors --resize 32 --size 32 all -o other.feat' \
        'feat-knn -k 1 --leave-group-out all.feat' 'feat-logreg -C 1 -t all.feat' \
        'dino-train -c t.yaml optim.epochs=1 optim.warmup_epochs=0 train.OFFICIAL_EPOCH_LENGTH=1 train.output_dir=other'; do
        rm -rf other
        status 0 env $variable $command
        check "$variable is named once" test "$(grep -cF "$variable: set in the environment" err)" -eq 1
    done
done
status 0 feat-knn -k 1 --leave-group-out all.feat
err_lacks 'environment'

# ---- instructions that the library is kept from: refused by name, not chosen by auto
have=
for precision in bf16 int8; do
    dino-extract -q --precision $precision -w t.safetensors --resize 32 --size 32 all -o other.feat 2>err && have="$have $precision"
done
for isa in AVX2 AVX512_CORE; do
    for precision in bf16 int8; do
        status 2 env ONEDNN_MAX_CPU_ISA=$isa dino-extract --precision $precision -w t.safetensors --resize 32 --size 32 all -o other.feat
        err_has "$precision: instructions for it"
    done
    status 0 env ONEDNN_MAX_CPU_ISA=$isa dino-extract --precision auto -w t.safetensors --resize 32 --size 32 all -o other.feat
    bbu-info other.feat >out
    out_lacks 'bf16'
done

if ldd "$BUILD/bbu-info" 2>/dev/null | grep -q 'lib[atu]*san'; then
    skip "sanitizer build" "ulimit -v"
    done_testing
fi
# ---- the plan
status 0 bash -c 'ulimit -v 200000; exec dino-train --plan -c t.yaml -j1'
out_has 'in all; ulimit -v leaves 1'
status 0 bash -c 'ulimit -d 200000; exec dino-train --plan -c t.yaml -j1'
out_has 'in all; ulimit -d leaves 1'
status 1 bash -c 'ulimit -v 200000; exec dino-train -c t.yaml dino.head_n_prototypes=200000 -j1 train.output_dir=large'
err_has 'of memory and ulimit -v leaves 1'
check "no iteration is done" test ! -s large/training_metrics.json

# ---- from too little to enough
survives() { # name output command...
    local name=$1 output=$2 v code crashed= silent= other= good=
    shift 2
    rm -rf out.ref "${output%%/*}"
    "$@" >out 2>err && mv "$output" out.ref
    for v in $(seq 48000 4000 88000) $(seq 95000 15000 215000) 400000; do
        rm -rf "${output%%/*}"
        (ulimit -v $v && exec timeout 60 "$@") >out 2>err </dev/null
        code=$?
        [ $code -eq 0 ] && good=$v
        [ $code -eq 0 ] && ! diff -r "$output" out.ref >/dev/null && other="$other $v"
        [ $code -ge 124 ] && [ $code -ne 127 ] && crashed="$crashed $v:$code" # 127: the loader has no memory for libraries
        [ $code -ne 0 ] && [ ! -s err ] && silent="$silent $v"
    done
    check "$name works with 400,000 KiB" test "$good" = 400000
    check "$name: no crash below it (KiB:status$crashed)" test -z "$crashed"
    check "$name: always a message (not with$silent)" test -z "$silent"
    check "$name: the same bytes (not with$other)" test -z "$other"
}
short='optim.epochs=1 optim.warmup_epochs=0 train.OFFICIAL_EPOCH_LENGTH=2 evaluation.eval_period_iterations=2 train.output_dir=run'
bf16='compute_precision.student.backbone.mixed_precision.param_dtype=bf16'
for precision in $have; do
    for j in 1 4; do
        survives "dino-extract --precision $precision -j$j" o.feat dino-extract -q -j$j --precision $precision \
            -w t.safetensors --resize 32 --size 32 all -o o.feat
    done
    [ $precision = int8 ] || survives 'dino-train in bf16' run/eval/training_1 dino-train -q -j2 -c t.yaml $short $bf16
done
for j in 1 2 8; do
    survives "dino-train -j$j" run/eval/training_1 dino-train -q -j$j -c t.yaml $short
    survives "dino-extract -j$j" o.feat dino-extract -q -j$j -w t.safetensors --resize 32 --size 32 all -o o.feat
    survives "feat-knn -j$j" o.txt feat-knn -q -j$j -k 3 --leave-group-out all.feat -r o.txt
    survives "feat-logreg -j$j" o.txt feat-logreg -q -j$j -C 1 -t all.feat -r o.txt
done
survives dino-augment o.views dino-augment -q -j8 -c t.yaml -n 2 all -o o.views
survives bbu-pack packed bbu-pack -q -j8 bbu.index -o packed
survives bbu-index o.index bbu-index -q -j8 bbu -o o.index

# ---- a lack of memory is not the fault of an image: -k leaves none out for it
"$BUILD/tests/datagen" -q --groups 1 --width 3000 large && bbu-index -q large -o large.index
never_left_out() { # name from to step command...
    local name=$1 v code left= short=
    for v in $(seq $2 $4 $3); do
        (ulimit -v $v && exec timeout 60 "${@:5}") >out 2>err </dev/null
        code=$?
        [ $code -eq 3 ] && left="$left $v"
        [ $code -eq 1 ] && grep -q memory err && short=1
    done
    check "$name: memory is short somewhere" test "$short"
    check "$name: nothing is left out (but with$left KiB)" test -z "$left"
}
never_left_out 'bbu-pack -k' 20000 120000 5000 bbu-pack -q -j1 -k --store rgb large.index -o rgb
never_left_out 'bbu-index -k' 8000 14000 250 bbu-index -q -j1 -k large -o k.index
done_testing
