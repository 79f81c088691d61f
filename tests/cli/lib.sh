# lib.sh - sourced by the tests of the command lines. Each test has a scratch folder of its own ($PWD) that is
# removed if all went well; checks print TAP. Tools are on PATH; $TESTS is the tests folder, $BUILD the build.
#
#   . "$TESTS/cli/lib.sh"
#   status 2 bbu-index --bogus            runs it: output in out, err; checks the exit status
#   err_has 'unknown option'              a fixed string in err      out_has, out_is, file_is ...
#   done_testing
set -u
n_checks=0 n_bad=0
if [ -z "${BUILD:-}" ]; then
    BUILD=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../${B:-build}" && pwd)
    TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    PATH=$BUILD:$PATH
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/dinotest-XXXXXX")
cd "$scratch" || exit 1

check() { # description command...: passes when the command succeeds
    local what=$1
    shift
    n_checks=$((n_checks + 1))
    if "$@" >check.out 2>&1; then echo "ok $n_checks - $what"; else
        n_bad=$((n_bad + 1))
        echo "not ok $n_checks - $what # in $scratch"
        sed 's/^/#   /' check.out | head -n 10
    fi
}
status() { # expected command...
    local want=$1 got
    shift
    "$@" >out 2>err
    got=$?
    n_checks=$((n_checks + 1))
    if [ $got -eq "$want" ]; then echo "ok $n_checks - status $want: $*"; else
        n_bad=$((n_bad + 1))
        echo "not ok $n_checks - status $got, want $want: $* # in $scratch"
        sed 's/^/#   /' err | head -n 5
    fi
}
err_has() { check "stderr has: $1" grep -qF -- "$1" err; }
err_lacks() { check "stderr lacks: $1" lacks "$1" err; }
out_has() { check "stdout has: $1" grep -qF -- "$1" out; }
out_lacks() { check "stdout lacks: $1" lacks "$1" out; }
out_empty() { check "stdout is empty" test ! -s out; }
lacks() { ! grep -qF -- "$1" "$2"; }
same() { check "$1 and $2 are the same bytes" cmp "$1" "$2"; }
differ() { check "$1 and $2 differ" bash -c '! cmp -s "$1" "$2"' - "$1" "$2"; }
skip() { # why what
    n_checks=$((n_checks + 1))
    echo "ok $n_checks - $2 # SKIP $1"
}
no_leftovers() { check "nothing half-written is left" bash -c '! find "${1:-.}" -name "*.tmp" | grep -q .' - "${1:-.}"; }
done_testing() {
    echo "1..$n_checks"
    cd / && [ $n_bad -eq 0 ] && rm -rf "$scratch"
    [ $n_bad -eq 0 ]
    exit
}
