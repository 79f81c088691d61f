#!/bin/bash
# extract-join.sh - one file of the parts that the tasks of extract-array.sh have written: the bytes of dino-extract as
# one process.
#
#   sbatch --dependency=afterok:ARRAY extract-join.sh all.feat
#
# ARRAY: the number of the job array. Parts are taken from the folder that the variable PARTS names [parts]. One that is
# missing, there twice or of another job is named, and nothing is written.
#SBATCH --job-name=feat-cat
#SBATCH --ntasks=1
#SBATCH --time=01:00:00
#SBATCH --kill-on-invalid-dep=yes
#SBATCH --output=%x-%j.out

exec feat-cat "${PARTS:-parts}"/*.feat -o "${1:?which file of features?}"
