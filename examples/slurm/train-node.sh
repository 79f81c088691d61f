#!/bin/bash
# train-node.sh - training on one node of a Slurm cluster. dino-train starts its processes by itself: Slurm need know
# nothing of MPI.
#
#   sbatch train-node.sh --config vits14.yaml train.dataset_path=shards train.output_dir=run
#
# What follows the name of this script goes to dino-train. Options of sbatch stand before it and override the lines
# below: sbatch --ntasks=8 --cpus-per-task=8 train-node.sh ... Each task is a process.
#
# Two minutes before its time is up the job receives SIGUSR1, the run saves its state and ends with status 75, and the
# job goes back into the queue, to go on from there. Large networks on slow disks need more than two minutes.
#   scancel --batch --signal=USR1 JOB       the same at once
#   scontrol update JobId=JOB Requeue=0     before it: save and end, do not go on
#   scancel JOB                             ends the job; what it did since the last checkpoint may be lost
# The same sbatch resumes the run, and whatever became of it, it ends in the same bytes.
#SBATCH --job-name=dino-train
#SBATCH --nodes=1
#SBATCH --ntasks=4
#SBATCH --cpus-per-task=4
#SBATCH --time=1-00:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.out

# B: sends the signal to this shell alone, which passes it on. A signal also ends `wait`, with status 138.
trap '[ -z "${run:-}" ] || kill -USR1 "$run"' USR1
dino-train --ranks "$SLURM_NTASKS" -j "$SLURM_CPUS_PER_TASK" "$@" &
run=$!
status=138
while [ $status -eq 138 ]; do
    wait "$run"
    status=$?
done

# A job that makes no progress must not be requeued forever.
if [ $status -eq 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 100 ]; then
    scontrol requeue "$SLURM_JOB_ID" && sleep 60 # Slurm ends this script
fi
exit $status
