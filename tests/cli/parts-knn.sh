#!/bin/bash
# feat-knn --part and --join: votes in parts, scores and predictions of one process; what is missing, of another job, cut.
. "$(dirname "$0")/lib.sh"
gen() { "$BUILD/tests/featgen" -q "$@"; }
gen -g 40 -n 1.5 -o train.feat
gen -g 20 --first 100 -n 1.5 -o test.feat
gen -g 15 --first 200 -n 1.5 -o val.feat
gen -g 20 --first 300 -n 1.5 --unlabelled -o unlabelled.feat
gen -c 4 -g 40 -n 1.5 -o four.feat
parts() { # N arguments...: part-1 ... part-N
    local n=$1 i
    shift
    rm -f part-*
    for i in $(seq "$n"); do feat-knn -q --part "$i/$n" "$@" -o "part-$i" || return 1; done
}
backwards() { ls part-* | sort -r; }
same_as_one() { # N arguments...: text and JSON
    local n=$1 json
    shift
    check "$n parts of $*" parts "$n" "$@"
    for json in '' --json; do
        status 0 feat-knn -q $json --resamples 20 -o votes -r scores "$@"
        status 0 feat-knn -q $json --resamples 20 --join -o joined.votes -r joined.scores "$@" $(backwards)
        same votes joined.votes
        [ ! -e scores ] || same scores joined.scores
        rm -f scores joined.scores
    done
}

for n in 1 2 7 65; do same_as_one $n -k 5,20 train.feat test.feat; done
same_as_one 3 -k 5,20 --val val.feat train.feat test.feat
same_as_one 3 -k 5 --no-thresholds train.feat test.feat
same_as_one 3 -T 0.031 -k 3 -g train.feat test.feat
same_as_one 4 -k 5 -g train.feat
same_as_one 4 -k 5 -g --val val.feat train.feat
same_as_one 2 -k 5 four.feat four.feat --allow-overlap
same_as_one 2 -k 5 train.feat unlabelled.feat
gen -g 20 -n 1.5 -o bank1.feat
gen -g 20 --first 20 -n 1.5 -o bank2.feat
same_as_one 2 -k 5 bank1.feat bank2.feat test.feat

# ---- threads, memory, names of files and a pipe change no byte of a part
parts 2 -k 5 train.feat test.feat
status 0 feat-knn -q -j 1 --memory 1M --part 2/2 -k 5 train.feat test.feat -o other
same part-2 other
mkdir elsewhere && cp train.feat test.feat elsewhere
status 0 feat-knn -q --part 1/2 -k 5 elsewhere/train.feat elsewhere/test.feat -o part-1
status 0 feat-knn -q -k 5 train.feat test.feat -r scores
status 0 feat-knn -q --join -k 5 train.feat test.feat part-1 part-2 -r joined.scores
same scores joined.scores
status 0 bash -c 'feat-knn -q --join -k 5 - test.feat part-2 part-1 -r piped <train.feat'
check 'TRAIN from a pipe' cmp <(sed 's/ -$/ train.feat/' piped) scores
status 0 env SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=2 SLURM_ARRAY_TASK_COUNT=2 \
    feat-knn --part slurm -k 5 train.feat test.feat -o other
err_has 'part 2 of 2: 30 rows of 60'
same part-2 other
status 0 bbu-info --trace part-2 train.feat test.feat
out_has 'train.feat'
out_has 'test.feat'

# ---- missing, twice, of another job, cut, no parts
status 1 feat-knn --join -k 5 train.feat test.feat part-2
err_has 'part-2: part 1 of 2 is missing'
status 1 feat-knn --join -k 5 train.feat test.feat part-2 part-1 other
err_has 'other: part 2 of 2 is there twice, also as part-2'
feat-knn -q --part 1/3 -k 5 train.feat test.feat -o third
status 1 feat-knn --join -k 5 train.feat test.feat part-2 third
err_has 'part-2: is part 2 of 2, but third is one of 3'
refused() { # what options...
    local what=$1
    shift
    status 1 feat-knn --join "$@" part-1 part-2
    err_has "part-1: is part 1/2 of another job: see \"$what\" in its first line"
}
refused k -k 3 train.feat test.feat
refused temperature -k 5 -T 0.1 train.feat test.feat
refused leave_group_out -k 5 -g train.feat test.feat
refused origins -k 5 train.feat val.feat
refused origins -k 5 --val val.feat train.feat test.feat
refused rows -k 5 --no-thresholds train.feat test.feat
(cat part-1; tail -n 1 part-1) >longer
status 1 feat-knn --join -k 5 train.feat test.feat longer part-2
err_has 'longer: it is damaged'
head -c 3000 part-1 >cut
status 1 feat-knn --join -k 5 train.feat test.feat cut part-2
err_has 'cut: it ends too early'
head -n 20 part-1 >cut
status 1 feat-knn --join -k 5 train.feat test.feat cut part-2
err_has 'cut: it ends too early'
sed '3s/"votes":\[\[0/"votes":[[1/' part-1 >changed
check 'a digit has changed' bash -c '! cmp -s part-1 changed'
status 1 feat-knn --join -k 5 train.feat test.feat changed part-2
err_has 'changed: it is damaged'
feat-knn -q -k 5 --json train.feat test.feat -o votes.json -r /dev/null
status 1 feat-knn --join -k 5 train.feat test.feat votes.json
err_has 'votes.json: no votes of a part (feat-knn --part)'
status 1 feat-compare part-1 part-2
err_has 'no predictions in JSON lines'
status 2 feat-knn --join -k 5 train.feat test.feat
err_has '--join needs the files that --part wrote, after TRAIN and QUERY'
status 2 feat-knn --part 1/2 -k 5 train.feat test.feat
err_has '--part needs -o FILE'
status 2 feat-knn --part 3/2 -k 5 train.feat test.feat -o x
status 2 feat-knn --part 1/2 --join -k 5 train.feat test.feat part-1 -o x
status 2 feat-knn --part 1/2 --per-class 3 train.feat test.feat -o x
err_has '--part is incompatible with --per-class'
status 0 feat-knn -q --part 1/2 -k 5 --json --resamples 9 train.feat test.feat -o other
err_has '--json: not used: it is for the scores, which --join computes'
err_has '--resamples: not used'
status 1 feat-knn -q --part 1/2 -k 5 train.feat test.feat -o /dev/full
err_has 'No space left'
check 'nothing was written where it was refused' test ! -e x
no_leftovers
done_testing
