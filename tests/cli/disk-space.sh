# Large outputs: their size is printed before they are written, and refused if the disk cannot hold it, unless forced.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture || exit 1
fail=$BUILD/tests/cli/fail-io.so
space() { # bytes command...: with that many bytes free on every disk; 20 seconds are enough for these commands
    local free=$1 # whole blocks of 4096
    shift
    timeout 20 env FAIL_IO=space,after=$free LD_PRELOAD=$fail "$@"
}

# ---- views: the published length is 125000 batches
small="train.batch_size_per_gpu=4 crops.global_crops_size=64 crops.local_crops_size=32 crops.local_crops_number=3"
short="$small optim.epochs=1 optim.warmup_epochs=0 train.OFFICIAL_EPOCH_LENGTH=3"
status 1 timeout 20 dino-augment all -o V optim.epochs=800000
err_has '1000000000 batches of 64 samples are going to be written: 3'
err_has 'TiB are going to be written, '
err_has ' are free there (-n writes fewer batches, -f writes all anyway)'
check 'nothing is there' test ! -e V
status 1 space 98304 dino-augment all $short -o V
err_has 'V: 397.1 KiB are going to be written, 96.0 KiB are free there (-n'
check 'nothing is there' test ! -e V
status 0 space 98304 dino-augment all $short -f -o V
err_has 'dino-augment: warning: V: 397.1 KiB are going to be written, 96.0 KiB are free there'
check 'it was right about the size' test "$(stat -c %s V)" -gt 406000 -a "$(stat -c %s V)" -lt 410000
status 0 space 98304 dino-augment all $small -n 3 -o V
err_has '96.0 KiB are free there'
status 0 space 1048576 dino-augment all $short -o V
err_lacks 'are free there'
err_has '3 batches of 4 samples are going to be written: 397.1 KiB'
status 1 space 98304 dino-augment all $short -o ./V # an older one frees no space
status 0 space 98304 dino-augment all $short -f -o -
same V out
status 0 bash -c "FAIL_IO=space LD_PRELOAD=$fail dino-augment -q all $short -o >(cat >W); wait \$!"
same V W

# the free space of standard output that is a file, under any name; that of the target of a link
status 1 space 98304 dino-augment all $short
err_has 'standard output: 397.1 KiB are going to be written, 96.0 KiB are free there (-n'
check 'nothing was written' test ! -s out
status 1 space 98304 dino-augment all $short -o /dev/stdout
status 1 space 57344 bash -c 'dino-augment all "$@" -o /dev/fd/7 7>W' - $short
err_has '/dev/fd/7: 397.1 KiB are going'
status 0 space 98304 dino-augment all $short -f
err_has 'standard output: 397.1 KiB'
same V out
mkdir elsewhere && ln -s elsewhere/V link
status 1 timeout 20 env FAIL_IO=space,after=98304,path=elsewhere LD_PRELOAD=$fail dino-augment all $short -o link
err_has 'link: 397.1 KiB are going to be written'
check 'nothing is there' test ! -e elsewhere/V
status 1 space 0 dino-augment all $short -o /dev/full
err_has '/dev/full: No space left on device'
status 1 space 0 dino-augment all $short -o nothere/V
err_has 'nothere/V: No such file or directory'
mkdir there
status 1 space 98304 dino-augment all $short -o there/V
err_has 'there/V: 397.1 KiB are going'

# ---- shards: JPEG bytes as they are, pixels before compression; sizes of scaled images are not known before
status 1 space 57344 bbu-pack bbu.index -o P
err_has '30 images are going to be written: 7'
err_has 'P: 7'
err_has ' are going to be written, 56.0 KiB are free there (-f writes them anyway)'
status 0 space 81920 bbu-pack bbu.index -o P
err_lacks 'are free there'
check 'it was right about the size' awk -v n="$(stat -c %s P/*)" '/written: [0-9.]* KiB/ { kib = $9 } END { exit !(kib > 0.97 * n / 1024 && kib < 1.03 * n / 1024) }' err
same P/shard-00000-of-00001.shard all/shard-00000-of-00001.shard
status 1 space 81920 bbu-pack --store rgb bbu.index -o Q/
check 'an upper bound is printed for pixels' awk -v n=$((30 * 64 * 48 * 3)) '/written: [0-9.]* KiB, less what their compression saves/ { kib = $9 } END { exit !(kib > n / 1024 && kib < 1.1 * n / 1024) }' err
check 'nothing is there' test ! -e Q
status 1 space 81920 bbu-pack --store rgb bbu.index -o P
same P/shard-00000-of-00001.shard all/shard-00000-of-00001.shard
status 0 space 81920 bbu-pack --store rgb -f bbu.index -o Q/
err_has ' are free there'
status 0 space 0 bbu-pack --short-side 32 bbu.index -o S
no_leftovers

# ---- features of all patches
status 0 dino-train -q -c t.yaml optim.epochs=1
w=run/eval/training_11/teacher_checkpoint.safetensors
extract() { space "$1" dino-extract -w $w --resize 32 --size 32 all "${@:2}"; } # 16 patches of 32 values
status 1 extract 57344 --tokens patch -o F
err_has '30 rows of 512 values are going to be written: 63.8 KiB'
err_has 'F: 63.8 KiB are going to be written, 56.0 KiB are free there (-f writes them anyway)'
check 'nothing is there' test ! -e F
status 0 extract 57344 --tokens patch -f -o F
check 'it was right about the size' test "$(stat -c %s F)" -gt 61000 -a "$(stat -c %s F)" -lt 75000
status 1 extract 57344 --tokens patch -o -
err_has 'standard output: 63.8 KiB are going'
status 0 extract 57344 --tokens patch -f -o -
same F out
status 0 extract 57344 -o G
err_lacks 'are going to be written'
no_leftovers
done_testing
