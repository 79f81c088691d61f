# hosts-fixture.sh - sourced first by the tests of several machines: node1 and node2 on this one, as namespaces of Linux
# that a cable of two ends joins (10.0.0.1, 10.0.0.2). Each has its own network and name; files, memory and processors
# are those of this machine.
#
#   . "$TESTS/cluster/hosts-fixture.sh"
#   enter_hosts 'COMMAND...'          skips the test, and says why, where these or namespaces are not to be had;
#                                     else starts the script again in namespaces of its own
#   . "$TESTS/cli/lib.sh"
#   join_hosts                        makes the machines; what follows runs on node1
#   on_node2 COMMAND...               runs on the other one
#   plug out|in                       pulls the cable, puts it back
#
# All processes are in a namespace of process numbers that ends with the script, whatever ends it: nothing is left
# running, and no address, name or mount of this machine is changed.
export OMPI_MCA_mpi_yield_when_idle=1 # the processors of two machines are those of one
unshared="unshare --pid --fork --kill-child --mount --mount-proc --net --uts --ipc"

missing() { # commands: prints why the test cannot run; fails if it can
    local command
    [ "$(id -u)" = 0 ] || { echo 'not root'; return; }
    for command in unshare nsenter ip $1; do
        command -v "$command" >/dev/null 2>&1 || { echo "no $command"; return; }
    done
    $unshared ip link add end1 type veth peer name end2 >/dev/null 2>&1 || { echo 'no namespaces, or no veth'; return; }
    return 1
}
enter_hosts() { # commands
    local why
    if [ -n "${IN_HOSTS:-}" ]; then
        trap 'exit 143' TERM INT HUP # the first process of its namespace receives only what it asks for
    elif why=$(missing "$1"); then
        printf 'ok 1 - %s # SKIP %s\n1..1\n' "several machines" "$why"
        exit 0
    else
        IN_HOSTS=1 exec $unshared bash "$0"
    fi
}
join_hosts() {
    export TMPDIR=$scratch # what is killed leaves files there
    mount --make-rprivate /
    printf '127.0.0.1 localhost\n10.0.0.1 node1\n10.0.0.2 node2\n' >"$scratch/hosts"
    mount --bind "$scratch/hosts" /etc/hosts
    unshare --net --uts --kill-child sleep infinity &
    node2=$!
    until [ "$(readlink /proc/$node2/ns/uts)" != "$(readlink /proc/self/ns/uts)" ]; do sleep 0.02; done
    ip link add eth0 type veth peer name eth0 netns $node2
    name_host node1 10.0.0.1
    on_node2 bash -c "$(declare -f name_host); name_host node2 10.0.0.2"
}
no_open_mpi() { # prints why; fails if it is there. After join_hosts, and mpi-fixture.sh
    mpi_missing && return
    case $(cat "$BUILD/.mpi") in openmpi*) return 1 ;; esac
    echo 'options of Open MPI are tested'
}
name_host() { # name address
    hostname "$1"
    ip link set lo up
    ip address add "$2/24" dev eth0
    ip link set eth0 up
}
on_node2() { nsenter -t "$node2" -n -u "$@"; }
plug() { # out or in
    case $1 in out) on_node2 ip link set eth0 down ;; in) on_node2 ip link set eth0 up ;; esac
}
