# dino-train: what a launcher says in the environment, the rank in paths, and the optimizer that has two names.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture || exit 1
train() { dino-train -c t.yaml -j2 optim.epochs=1 evaluation.knn_train= evaluation.knn_val= "$@"; }

# ---- several processes are not ignored: they would train the same run side by side
for what in 'WORLD_SIZE=4 RANK=1' WORLD_SIZE=2 RANK=3 SLURM_NTASKS=2 LOCAL_RANK=1; do
    status 2 env $what dino-train -c t.yaml
    err_has "dino-train: ${what% *}: dino-train runs as several processes by mpirun (mpirun -n N dino-train ...) or srun"
done
# Launchers of MPI, which have started nothing here: MPI finds one process, or is not in this build.
alone='built without MPI'
[ ! -s "$BUILD/.mpi" ] || [ -z "$(cat "$BUILD/.mpi")" ] || alone='by its own mpirun'
for what in SLURM_STEP_NUM_TASKS=8 SLURM_PROCID=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=1 PMI_SIZE=16 PMI_RANK=2 \
    MV2_COMM_WORLD_SIZE=2 PMIX_RANK=1; do
    status 2 env $what dino-train -c t.yaml
    err_has "dino-train: $what"
    err_has "$alone"
done
# What is no number is not ignored either, nor is the address by which processes of torch meet where nothing counts them.
for what in WORLD_SIZE=abc WORLD_SIZE=0 WORLD_SIZE=2x SLURM_NTASKS=all OMPI_COMM_WORLD_SIZE=-2 PMI_SIZE=1.5 \
    LOCAL_WORLD_SIZE=99999999999999999999; do
    status 2 env $what dino-train -c t.yaml
    err_has "dino-train: $what: is no number of processes: dino-train runs as several processes by mpirun (mpirun -n N dino-train ...)"
    err_has "or unset ${what%=*} if there is only one process"
done
for what in RANK=-1 LOCAL_RANK=-1 SLURM_PROCID=first PMIX_RANK=0x1; do
    status 2 env $what dino-train -c t.yaml
    err_has "dino-train: $what: is no rank: dino-train runs as several processes by mpirun"
done
status 2 env MASTER_ADDR=node7 MASTER_PORT=29500 dino-train -c t.yaml
err_has 'MASTER_ADDR=node7: does not say how many processes there are, and they find each other by MPI: dino-train runs'
err_has 'or unset MASTER_ADDR if there is only one process'
status 2 env MASTER_ADDR=node7 dino-train -c t.yaml --ranks 2
check 'nothing was begun' test ! -e run
status 2 env SLURM_NTASKS=4 SLURM_PROCID=0 dino-train -c t.yaml
err_has 'unset SLURM_NTASKS if there is only one process'
status 0 env SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0 dino-train -q -c t.yaml optim.epochs=1 train.output_dir=step
status 0 env SLURM_NTASKS=4 OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0 WORLD_SIZE=1 dino-train -q -c t.yaml \
    optim.epochs=1 train.output_dir=mpi
status 0 env WORLD_SIZE=1 RANK=0 LOCAL_WORLD_SIZE=1 LOCAL_RANK=0 MASTER_ADDR=node7 MASTER_PORT=29500 TORCHELASTIC_RUN_ID=none \
    SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0 dino-train -q -c t.yaml optim.epochs=1 train.output_dir=all-of-them
status 0 env SLURM_NTASKS=1 MASTER_ADDR=node7 dino-train -q -c t.yaml optim.epochs=1 train.output_dir=batch
status 0 env WORLD_SIZE= RANK= MASTER_ADDR= dino-train -q -c t.yaml optim.epochs=1 train.output_dir=empty
status 0 env WORLD_SIZE=4 dino-train -c t.yaml --plan
out_has ' in all'
status 0 env WORLD_SIZE=4 dino-train -c t.yaml --print-config
for rank in RANK OMPI_COMM_WORLD_RANK SLURM_PROCID PMI_RANK; do
    status 0 env WORLD_SIZE=4 $rank=1 dino-train -c t.yaml --plan
    check "the first process prints the plan, the second ($rank) nothing" test ! -s out
done
status 0 env WORLD_SIZE=1 RANK=0 LOCAL_RANK=0 SLURM_NTASKS=1 SLURM_PROCID=0 OMPI_COMM_WORLD_SIZE=1 PMI_RANK= \
    dino-train -c t.yaml optim.epochs=1
status 0 env OMP_NUM_THREADS=7 dino-train -c t.yaml optim.epochs=1
err_has 'OMP_NUM_THREADS=7: not used: -j sets the number of threads'
status 0 env OMP_NUM_THREADS=7 dino-train -j1 -c t.yaml optim.epochs=1
err_lacks OMP_NUM_THREADS

# Beside a launcher of MPI, what fits is accepted, and what is no number is said once, by all ranks together.
. "$TESTS/cli/mpi-fixture.sh"
if why=$(mpi_missing); then
    skip "$why" 'variables of torch beside those of MPI'
else
    torch='WORLD_SIZE=2 LOCAL_WORLD_SIZE=2 MASTER_ADDR=node7 SLURM_NTASKS=8'
    status 0 mpirun_n 2 env $torch dino-train -q -c t.yaml optim.epochs=1 train.output_dir=both
    for what in WORLD_SIZE=abc RANK=-1 LOCAL_RANK=none; do
        status 2 mpirun_n 2 env MASTER_ADDR=node7 $what dino-train -q -c t.yaml train.output_dir=none
        check "$what is said once" test "$(grep -c "^dino-train: $what: is no " err)" = 1
    done
    check 'and nothing is begun' test ! -e none
    status 0 env SLURM_NTASKS=2 SLURM_PROCID=0 dino-train -q -c t.yaml --ranks 2 optim.epochs=1 train.output_dir=job
    status 2 env SLURM_NTASKS=4 SLURM_PROCID=0 dino-train -q -c t.yaml --ranks 2 train.output_dir=none
    err_has 'dino-train: SLURM_NTASKS=4: dino-train runs'
fi

status 0 dino-train --version
out_has 'several processes: '

# ---- the rank, in every path
status 0 train -q train.output_dir=a
status 0 train 'train.output_dir=b{rank}' 'MODEL.WEIGHTS=a/model_0000011.rank_{rank}.ckpt'
err_has 'Loaded pretrained weights from a/model_0000011.rank_0.ckpt'
check 'the folder is that of the rank' test -e b0/model_0000011.rank_0.ckpt
status 0 train 'train.output_dir=b{rank}' 'MODEL.WEIGHTS=a/model_0000011.rank_{rank}.ckpt'
err_has 'the run is complete'
status 0 train train.output_dir=c train.resume=true 'MODEL.WEIGHTS=a/model_0000007.rank_{rank}.ckpt'
err_has 'Resumed training from checkpoint a/model_0000007.rank_0.ckpt'
same a/model_0000011.rank_0.ckpt c/model_0000011.rank_0.ckpt
cp a/eval/training_11/teacher_checkpoint.safetensors teacher-0
ln -s all shards-0
status 0 train train.output_dir=d 'student.pretrained_weights=teacher-{rank}' 'train.dataset_path=shards-{rank}' \
    'train.backup_dir=copies-{rank}'
err_has 'Loaded pretrained weights from teacher-0'
check 'copies too' test -e copies-0/model_0000011.rank_0.ckpt
status 0 dino-augment -q -c t.yaml 'train.dataset_path=shards-{rank}' -n 1 -o one.views
status 0 env WORLD_SIZE=4 RANK=1 dino-augment -q -c t.yaml all -n 1 -o two.views
err_has 'dino-augment: warning: WORLD_SIZE=4: started as one of several processes, but each would do all the work'
same one.views two.views
status 0 env WORLD_SIZE=abc dino-augment -q -c t.yaml all -n 1 -o two.views
err_has 'dino-augment: warning: WORLD_SIZE=abc: is no number of processes: start one, or unset WORLD_SIZE'
status 0 env MASTER_ADDR=node7 dino-augment -q -c t.yaml all -n 1 -o two.views
err_lacks MASTER_ADDR
status 0 env WORLD_SIZE=4 RANK=1 dino-extract -q -w teacher-0 --size 32 -o two.feat all
err_has 'dino-extract: warning: WORLD_SIZE=4: started as one of several processes, but each would do all the work'

# ---- two files of weights: which is used
status 0 train train.output_dir=e MODEL.WEIGHTS=teacher-0 student.pretrained_weights=teacher-0
err_has 'student.pretrained_weights: ignored: starting from MODEL.WEIGHTS'

# ---- adam is adamw where nothing decays
none="optim.weight_decay=0 optim.weight_decay_end=0"
status 0 train -q train.output_dir=adamw $none
status 0 train -q train.output_dir=adam $none optim.optimizer=adam
status 0 dino-weights compare adam/model_0000011.rank_0.ckpt adamw/model_0000011.rank_0.ckpt
same adam/training_metrics.json adamw/training_metrics.json
status 2 train train.output_dir=f optim.optimizer=adam
err_has 'optim.optimizer: adam is adamw without decay'
check 'nothing was begun with decay' test ! -e f
done_testing
