# The programs of make bench, on tiny sizes: what they print and how they end. What they measure is no test.
. "$TESTS/cli/lib.sh"
PATH=$BUILD/tests:$PATH
export BENCH_DEPTH=3 # enough for a block in int8
number='[0-9.e+-]+' blank=$'\t'
bare() { # description: out is one line of bare numbers, none of them zero
    check "$1: bare numbers" grep -qxE "$number$blank$number$blank$number$blank[0-9]+" out
    check "$1: all positive, the median not over the slowest" \
        awk 'NF != 4 || $1 <= 0 || $2 <= 0 || $3 < $1 || $4 <= 0 {exit 1}' out
}
row() { # what unit: out has its row
    check "a row of $1" awk -v what="$1" -v unit="$2/s" \
        'index($0, what) == 1 && index($0, unit) {found = 1} END {exit !found}' out
}

# ---- peaks: of the instructions that this processor has
status 0 bench -j 1 peak
check 'float32 has a peak' grep -qE '^float32 multiply-add +[1-9][0-9.]* GOP/s' out
check 'memory has one' grep -qE '^copy in memory +[0-9.]+ GB/s' out
for pair in vdpbf16ps:avx512_bf16 vpdpbusd:avx512_vnni; do
    instruction=${pair%:*} want='not in this processor'
    grep -qw "${pair#*:}" /proc/cpuinfo && want='[1-9][0-9.]* GOP/s in registers'
    check "$instruction: $want" grep -qE "\($instruction\) .* $want" out
    DINOTOOLS_ISA=avx2 status 0 bench -j 1 peak
    check "$instruction is not in AVX2" grep -qE "\($instruction\) +- not in this processor" out
    status 0 bench -j 1 peak
done

# ---- rows
status 0 bench -n 2 extract vit_small 28 2
row 'vit_small/14 forward, 28 pixels, batch 2' images
status 0 bench -j 1 -n 3 -t extract vit_small 28 2
bare 'several images'
status 0 bench -t -n 20 extract vit_small 28 1
bare 'a single image'
status 0 bench -n 1 train vit_small 1 0
row 'vit_small/14 training, backbone, batch 1' images
out_has 'teacher '
status 2 bench -p f8 extract
err_has 'bench: f8: no such precision'
status 0 bench precisions
check 'float32 is one of them' grep -qx f32 out
for precision in $(bench precisions); do
    status 0 bench -p "$precision" -n 1 extract vit_small 28 1
    check "a row in $precision" grep -qE "batch 1 +$precision " out
done
status 0 bench -t -s 0.01 extract vit_small 28 2
bare 'so many seconds'
status 2 bench nothing
status 2 bench extract vit_small 225 1
status 2 bench extract vit_small 224 0
tiny='crops.global_crops_size=28 crops.local_crops_size=14 train.batch_size_per_gpu=1 dino.head_n_prototypes=16
    dino.head_hidden_dim=16 dino.head_bottleneck_dim=8'
status 0 bench-step -n 1 $tiny
row 'step, 384 wide, batch 1, 16 prototypes' images
for precision in $(bench precisions | grep -vx int8); do
    status 0 bench-step -p "$precision" -n 1 $tiny
    check "a step in $precision" grep -qE "16 prototypes +$precision " out
done
status 1 bench-step -p int8 $tiny
status 0 bench-step -t -n 2 $tiny
bare 'steps'
status 1 bench-step no.such=1
err_has 'bench-step: '

# ---- commands
status 0 bench-run -n 5 -u pieces 'a command' true
row 'a command' pieces
status 0 bench-run -p bf16 'a command' true
check 'its precision is what was said' grep -qE '^a command +bf16 ' out
status 2 bench-run -p f8 'a command' true
status 0 bench-run -t -r 4 'a command' true
check 'bare numbers of a command' grep -qxE "$number$blank$number$blank$number$blank[0-9]+" out
status 3 bench-run 'a command' sh -c 'exit 3'
check 'it says that it failed' grep -qE '^a command +failed$' out
status 127 bench-run 'a command' /no/such/command
status 2 bench-run -n 0 'a command' true
status 2 bench-run 'a command'
done_testing
