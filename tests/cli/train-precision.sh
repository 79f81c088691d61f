# dino-train: products in bf16. The log and the files say so, a stopped run continues to the same bytes, another precision
# is another run, and without the instructions it is refused.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture || exit 1
part() { echo "compute_precision.$1.mixed_precision.param_dtype=bf16"; }
low="$(part teacher.backbone) $(part teacher.dino_head) $(part student.backbone) $(part student.dino_head)"
train() { dino-train -c t.yaml "$@"; }

if ! dino-train $low --plan >plan.txt 2>err; then
    check 'only the processor is to blame' grep -qx 'dino-train: compute_precision: bf16: instructions for it are not available; fp32 works (try dino-train -h)' err
    status 2 train $low
    skip 'this processor has no instructions for it' 'training in bf16'
    done_testing
fi

# ---- the log and the files
status 0 train -j2 $low train.output_dir=low
err_has 'products in bf16: teacher.backbone, teacher.dino_head, student.backbone, student.dino_head'
err_lacks 'in float32'
check 'as does the log file' grep -qF 'products in bf16: teacher.backbone' low/log.txt
last=eval/training_23/teacher_checkpoint.safetensors
check 'the teacher carries the settings' bash -c 'bbu-info "$1" | grep -q "student.backbone.mixed_precision.param_dtype.*bf16"' - low/$last
check 'its tensors are float32' bash -c 'dino-weights list "$1" | grep -q F32 && ! dino-weights list "$1" | grep -q BF16' - low/$last
status 0 train -j2 "$(part student.backbone)" train.output_dir=part
err_has 'products in bf16: student.backbone; in float32: teacher.backbone, teacher.dino_head, student.dino_head'
status 0 train -j2 train.output_dir=wide
err_lacks 'products in'

# ---- bits
status 0 train -j1 $low train.output_dir=one
same_results low one
differ low/$last wide/$last
dino-train -c t.yaml -j1 $low train.output_dir=stopped 2>err &
stop_by_term $! stopped >/dev/null 2>&1
status 0 train -j2 $low train.output_dir=stopped
same_results low stopped

# ---- another precision is another run
status 1 train -j1 train.output_dir=low optim.epochs=3
err_has 'compute_precision.student.backbone.mixed_precision.param_dtype'
err_has 'belongs to another run'
done_testing
