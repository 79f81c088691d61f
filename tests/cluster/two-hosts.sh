# Training over two machines, as examples/cluster.md says: the same bytes as on one, the ports that a firewall lets
# through, a process that hangs, a cable that is pulled.
. "$TESTS/cluster/hosts-fixture.sh"
enter_hosts 'mpirun ss'
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
. "$TESTS/cli/mpi-fixture.sh"
join_hosts
if why=$(no_open_mpi); then
    skip "$why" 'training over two machines'
    done_testing
fi
train_fixture || exit 1
examples=$TESTS/../examples
page=$examples/cluster.md

# In the place of ssh: HOST COMMAND. Like ssh it passes no environment but what finds the programs.
cat >remote <<END
#!/bin/bash
[ "\$1" = node2 ] || { echo "no host \$1" >&2; exit 255; }
shift
exec nsenter -t $node2 -n -u env -i PATH="$PATH" HOME="$HOME" TMPDIR="$TMPDIR" sh -c "\$*"
END
chmod +x remote
export OMPI_MCA_plm_rsh_agent=$PWD/remote

# ---- the page, as it is printed
awk '/\$ cat hosts/ {on = 1; next} /^$/ {on = 0} on' "$page" | sed 's/^    //' >hosts
check 'the page has a list of machines' test "$(wc -l <hosts)" = 2
command=$(sed -n 's/^    \$ \(mpirun .*\)/\1/p' "$page")
mpirun_words=${command%% dino-train *}
cp t.yaml settings.yaml
status 0 dino-train -q -c t.yaml train.ranks=4 train.output_dir=one
status 0 timeout 120 $command
err_has 'dino-train: 4 processes by Open MPI'
err_has 'dino-train: ranks 0 to 1: host node1, device cpu, '
err_has 'dino-train: ranks 2 to 3: host node2, device cpu, '
same_as_one() { # folder: all that does not depend on the number of processes or on time
    local f n=0
    for f in $(cd one && find . -name '*.safetensors' -o -name training_metrics.json -o -name evaluation.json); do
        cmp "one/$f" "$1/$f" || return 1
        n=$((n + 1))
    done
    [ $n -ge 7 ]
}
check 'four processes on two machines: the bytes of one process' same_as_one run

over_both() { # options of mpirun -- words for dino-train
    local options=()
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    timeout -k 5 100 $mpirun_words --map-by node "${options[@]}" dino-train -c t.yaml train.ranks=4 "$@"
}
status 0 over_both -n 2 -- -q train.output_dir=two
check 'two, of two ranks each' same_as_one two

# ---- in the background, until the run has begun
seconds_ago() { echo $((SECONDS - began)); }
begin() { # folder command...
    local folder=$1
    shift
    began=$SECONDS
    "$@" train.output_dir="$folder" >"$folder.log" 2>&1 &
    run=$!
    for _ in $(seq 1000); do
        ! compgen -G "$folder/*.set" >/dev/null || return 0
        sleep 0.02
    done
    return 1
}
ended() { # status: of the run
    wait $run
    local got=$?
    [ $got = "$1" ] || { echo "status $got after $(seconds_ago) s"; tail -n 5 ./*.log; return 1; }
}
within() { [ "$(seconds_ago)" -le "$1" ]; }
none_left() { # of the run, on either machine; they have a little time
    for _ in $(seq 100); do
        pgrep -x 'dino-train|orted|mpirun' >/dev/null || return 0
        sleep 0.1
    done
    pgrep -x -a 'dino-train|orted|mpirun'
    return 1
}

# A run that is long enough to be disturbed, and how it ends undisturbed.
long='optim.epochs=10 evaluation.knn_train= evaluation.knn_val='
status 0 dino-train -q -c t.yaml train.ranks=4 $long train.output_dir=whole
goes_on() { # folder: the same command resumes it, to the bytes of the run that nothing disturbed
    over_both -n 2 -- -q $long train.output_dir="$1" && cmp whole/training_metrics.json "$1/training_metrics.json" &&
        cmp {whole,"$1"}/eval/training_119/teacher_checkpoint.safetensors
}

# ---- ports: of each connection between the machines one end has to be a port that the firewall lets through
ports='--mca btl_tcp_port_min_v4 46000 --mca btl_tcp_port_range_v4 1000 --mca oob_tcp_dynamic_ipv4_ports 47000-47099'
check 'the page names the ranges of ports' \
    bash -c 'for word in $2; do grep -qF -- "$word" "$1" || exit; done' - "$page" "$ports"
check 'a run with ranges of ports begins' begin ports over_both $ports -n 2 -- -q $long
ss -Htn state established dst 10.0.0.2 >connections
kill -USR1 $(pgrep -x mpirun)
check 'SIGUSR1 to mpirun stops it, with status 75' ended 75
check 'connections of the data' grep -q ":46[0-9][0-9][0-9] " connections
check 'and of mpirun' grep -q ":47[0-9][0-9][0-9] " connections
check 'none by other ports' bash -c '! grep -v ":4[67][0-9][0-9][0-9] " connections'
check 'and the same command goes on' goes_on ports

# ---- a process that hangs while its machine answers
check 'a run begins' begin hang over_both -n 2 -- $long train.hang_seconds=2
pkill -STOP -x dino-train --ns $node2 --nslist net
check 'a process hangs: the run ends with status 75' ended 75
check 'within seconds' within 30
# Stopped within the call for which the others wait, it has arrived.
check 'and says which one' \
    grep -qE 'hang_seconds\): (rank 1 \(node2, .*has not|all ranks have) arrived.*; the run ends' hang.log
check 'nothing is left of it' none_left
check 'the same command goes on' goes_on hang

# ---- the cable is out for a moment
check 'a run begins' begin moment over_both -n 2 -- -q $long
plug out
sleep 1.5
plug in
check 'the cable is out for a moment: nothing happens' ended 0
check 'and the bytes are the same' goes_on moment

# ---- the cable is out: mpirun misses the machine
missed='--mca oob_tcp_keepalive_time 2 --mca oob_tcp_keepalive_intvl 1 --mca oob_tcp_keepalive_probes 3'
check 'a run begins' begin cut over_both $missed -n 2 -- -q $long
plug out
check 'the cable is out: mpirun ends with status 205' ended 205
check 'within seconds of the time that it was given' within 30
check 'nothing is left on either machine' none_left
plug in
check 'the cable is in: the same command goes on' goes_on cut

# ---- the cable is out, and the processes miss each other before mpirun does
check 'a run begins' begin late over_both -n 2 -- $long train.hang_seconds=2
plug out
no_process() { for _ in $(seq 300); do pgrep -x dino-train >/dev/null || return 0; sleep 0.1; done; return 1; }
check 'the processes end by themselves' no_process
check 'they say that it is the connection, or who is missing' grep -q 'train.hang_seconds): .*; the run ends' late.log
check 'mpirun waits for the machine' kill -0 $run
plug in
check 'and ends with status 75 when it is back' ended 75
check 'the same command goes on' goes_on late

# ---- again.sh
export PAUSE=1
status 3 "$examples/again.sh" sh -c 'exit 3'
status 2 "$examples/again.sh"
again() {
    "$examples/again.sh" mpirun $missed ${mpirun_words#mpirun} --map-by node -n 2 dino-train -c t.yaml train.ranks=4 "$@"
}
check 'a run begins' begin loop again -q $long
plug out
for _ in $(seq 300); do ! grep -q 'again.sh: status 205' loop.log || break; sleep 0.1; done
plug in
check 'again.sh starts it until it is done' ended 0
check 'it had to, once at least' grep -q 'again.sh: status 205; once more in 1 seconds' loop.log
check 'the bytes are the same' goes_on loop
done_testing
