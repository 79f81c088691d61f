#!/bin/bash
# train-nodes-mpirun.sh - training on several nodes of a Slurm cluster, by mpirun: where `srun --mpi=list` does not name
# a protocol of the MPI that dino-train is built with (dino-train --version says which).
#
#   sbatch train-nodes-mpirun.sh --config vitl14.yaml train.dataset_path=shards train.output_dir=run
#
# mpirun of Open MPI knows from Slurm which nodes and how many tasks on each. All else is as in train-nodes.sh and
# train-node.sh:
#   scancel --batch --signal=USR1 JOB       saves, ends with status 75, and goes on when it is its turn again
#   scontrol update JobId=JOB Requeue=0     before it: save and end, do not go on
#   scancel JOB                             ends the job; what it did since the last checkpoint may be lost
#SBATCH --job-name=dino-train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=1-00:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.out

# B: sends the signal to this shell alone, which passes it to mpirun, and mpirun to all processes. A signal also ends
# `wait`, with status 138.
trap '[ -z "${run:-}" ] || kill -USR1 "$run"' USR1
mpirun --bind-to none -n "$SLURM_NTASKS" dino-train -j "$SLURM_CPUS_PER_TASK" "$@" &
run=$!
status=138
while [ $status -eq 138 ]; do
    wait "$run"
    status=$?
done

# 205: mpirun has lost a node. A job that makes no progress must not be requeued forever.
if [ $status -eq 75 ] || [ $status -eq 205 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 100 ]; then
    scontrol requeue "$SLURM_JOB_ID" && sleep 60 # Slurm ends this script
fi
exit $status
