#!/bin/bash
# train-nodes.sh - training on several nodes of a Slurm cluster, by srun.
#
#   sbatch train-nodes.sh --config vitl14.yaml train.dataset_path=shards train.output_dir=run
#
# What follows the name of this script goes to dino-train. Options of sbatch stand before it and override the lines
# below: sbatch --nodes=16 train-nodes.sh ... Each task is a process. Shards and output folder lie where all nodes see
# them, under the same path; shards may also lie on each node's own disk.
#
# srun has to speak the protocol of MPI. On Debian 12 that is pmix; where `srun --mpi=list` does not name it, use
# train-nodes-mpirun.sh.
#
# Two minutes before its time is up the job receives SIGUSR1, the run saves its state and ends with status 75, and the
# job goes back into the queue, to go on from there. Large networks on slow disks need more than two minutes.
#   scancel --signal=USR1 JOB               the same at once
#   scontrol update JobId=JOB Requeue=0     before it: save and end, do not go on
#   scancel JOB                             saves, too, if a step and a checkpoint take less than KillWait (30 s) of
#                                           slurm.conf; then the job ends
# The same sbatch resumes the run, and whatever became of it, it ends in the same bytes.
#SBATCH --job-name=dino-train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=1-00:00:00
#SBATCH --signal=USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.out

# Without B: before the signal's name the processes of srun receive it, this shell does not. --cpus-per-task: srun takes
# it from no line above. --wait: when a process has ended, srun gives the others a minute.
srun --mpi=pmix --cpus-per-task="$SLURM_CPUS_PER_TASK" --wait="${SLURM_WAIT:-60}" \
    dino-train -j "$SLURM_CPUS_PER_TASK" "$@"
status=$?

# 137: srun had to kill a process, such as one that hangs, which the others have missed (train.hang_seconds) and ended
# with 75. A job that makes no progress must not be requeued forever.
if [ $status -eq 75 ] || [ $status -eq 137 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 100 ]; then
    scontrol requeue "$SLURM_JOB_ID" && sleep 60 # Slurm ends this script
fi
exit $status
