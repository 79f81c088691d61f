#!/bin/bash
# extract-array.sh - features by a job array of Slurm: each task computes its part of the pictures, by itself, whenever
# and wherever it runs. extract-join.sh makes one file of the parts when all are there:
#
#   mkdir parts
#   array=$(sbatch --parsable --array=1-32 extract-array.sh -w teacher.safetensors shards)
#   sbatch --dependency=afterok:$array extract-join.sh all.feat
#
# What follows the name of this script goes to dino-extract, which needs neither -o nor --part. The parts are written to
# the folder that the variable PARTS names [parts].
#
# If a task fails, the join is cancelled. When the reason is gone, scontrol requeue JOB_TASK, such as 4711_5, does that
# task again (sbatch --array=5 would be an array of one task), and then it is sbatch extract-join.sh all.feat. Before
# another job starts, the folder of the parts has to be empty.
#SBATCH --job-name=dino-extract
#SBATCH --array=1-8
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%A_%a.out

exec dino-extract --part slurm -j "$SLURM_CPUS_PER_TASK" "$@" -o "${PARTS:-parts}/$SLURM_ARRAY_TASK_ID.feat"
