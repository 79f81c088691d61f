# A run of several processes is watched: ranks that do not do the same, a rank that is slow, one that hangs, images that
# one of them cannot use.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
. "$TESTS/cli/mpi-fixture.sh"
if why=$(mpi_missing); then
    skip "$why" 'watching several processes'
    done_testing
fi
train_fixture || exit 1

# ---- a rank with other settings is named, and nothing is written
differ_in() { # text words-of-rank-1...
    local text=$1
    shift
    status 1 mpirun_n 1 dino-train -c t.yaml train.output_dir=x : -n 1 dino-train -c t.yaml train.output_dir=x "$@" :\
        -n 1 dino-train -c t.yaml train.output_dir=x
    err_has "rank 1 differs from the other ranks in $text"
    check 'nothing was written' bash -c '! ls x/model* x/config.yaml x/training_*'
}
differ_in optim.base_lr optim.base_lr=0.5
differ_in train.check_ranks_every train.check_ranks_every=7
differ_in train.saveckp_freq train.saveckp_freq=3
differ_in 'the contents of train.dataset_path' train.dataset_path=val
status 1 mpirun_n 1 dino-train -c t.yaml train.output_dir=y : -n 1 dino-train -c t.yaml train.output_dir=y train.seed=5
err_has 'rank 1 differs from rank 0 in train.seed'
check 'before the folder is made' test ! -e y
status 0 dino-train -c t.yaml --ranks 2 optim.epochs=1 train.check_ranks_every=1 train.output_dir=each
status 0 dino-train -c t.yaml --ranks 2 optim.epochs=1 train.check_ranks_every=0 train.output_dir=never
same each/model_0000011.rank_1.ckpt never/model_0000011.rank_1.ckpt
no_leftovers
done_testing
