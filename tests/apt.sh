# apt.sh - sourced: apt WORD... is $sudo apt-get WORD..., but waits up to ten minutes while another program, such as the
# nightly updates, holds a lock. apt-get itself waits for the lock of packages only, not for that of its lists.
apt() {
    local log status
    log=$(mktemp) || return 1
    while :; do
        { LC_ALL=C ${sudo:-} apt-get -o DPkg::Lock::Timeout=600 "$@" 2>&1 >&3 | tee "$log" >&2; status=${PIPESTATUS[0]}; } 3>&1
        [ "$status" -ne 0 ] && [ $SECONDS -lt 600 ] && grep -q 'Could not get lock' "$log" || break
        echo "waiting for the lock" >&2
        sleep 5
    done
    rm -f "$log"
    return "$status"
}
