# bench-data.sh - sourced by bench.sh and by the comparison with other programs: what they work on, made in the folder
# $scratch, which is removed at the end.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Photographs bbu/, their catalogue bbu.index, shards/; one of them is $photograph.
make_photographs() { # options of datagen
    datagen "$@" "$scratch/bbu" >/dev/null
    bbu-index -q "$scratch/bbu" -o "$scratch/bbu.index"
    bbu-pack -q "$scratch/bbu.index" -o "$scratch/shards"
    photograph=$(find "$scratch/bbu" -name '*.jpeg' -print -quit)
}

# $weights of ViT-S/14, of as many blocks as BENCH_DEPTH says, after a single training step on the shards: weights are
# weights.
make_weights() {
    dino-train -q train.dataset_path="$scratch/shards" train.output_dir="$scratch/run" student.arch=vit_small \
        student.depth="${BENCH_DEPTH:-null}" student.patch_size=14 student.drop_path_rate=0 crops.local_crops_size=98 crops.local_crops_number=1 \
        train.batch_size_per_gpu=2 dino.head_n_prototypes=16 ibot.separate_head=false optim.epochs=1 \
        optim.warmup_epochs=0 train.OFFICIAL_EPOCH_LENGTH=1
    weights=$(find "$scratch/run" -name teacher_checkpoint.safetensors)
}

# Features, 384 wide, of 10 classes: NAME.feat of 3 rows for each of GROUPS groups from number FIRST on.
make_rows() { # name groups first
    featgen -c 10 -g "$2" -s 3 -d 384 --resize 256 --first "$3" -o "$scratch/$1.feat"
}
