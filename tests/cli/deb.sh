#!/bin/bash
# make deb: the package holds what make install installs, twice the same bytes, lintian has nothing to say; installed into
# a root of its own its tools run, and removed it leaves nothing.
. "$TESTS/cli/lib.sh"
root=$(cd "$TESTS/.." && pwd) source=$BUILD
for tool in dpkg-deb dpkg-shlibdeps strip; do
    command -v $tool >/dev/null && continue
    skip "no $tool" 'a Debian package'
    done_testing
done
unset B BUILD
export SOURCE_DATE_EPOCH=1700000000 DEBEMAIL=maintainer@example.org DEBFULLNAME='A Maintainer'
deb() { make -s -C "$root" B="$source" DEPS=0 deb; }
status 0 deb
made=$(tail -n 1 out)
case $made in /*) ;; *) made=$root/$made ;; esac
version=$(bbu-index --version | sed 's/.* //')
check 'it is where it says' test -s "$made" -a "$(basename "$made")" = "dinotools_$version-1_$(dpkg --print-architecture).deb"
cp "$made" first.deb
status 0 deb
same "$made" first.deb
cp "$made" package.deb
status 0 dpkg-deb -f package.deb Package Version Maintainer Depends
out_has "Version: $version-1"
out_has 'Maintainer: A Maintainer <maintainer@example.org>'
check 'it depends on its libraries' grep -q '^Depends: libc6 (.*libdnnl.*libzstd1' out
if command -v lintian >/dev/null; then
    status 0 lintian --allow-root --fail-on error,warning package.deb
    check 'lintian has nothing to say' bash -c '! grep -v "^running with root" out err | grep -q ":[EW]: "'
    out_empty
else
    skip 'no lintian' 'lintian has nothing to say'
fi

# ---- installed and removed
mkdir -p sys/var/lib/dpkg/updates sys/var/lib/dpkg/info && touch sys/var/lib/dpkg/status
dpkg_in() { dpkg --root="$PWD/sys" --log=/dev/null --force-depends --force-not-root "$@"; }
if [ "$(id -u)" = 0 ]; then
    status 0 dpkg_in -i package.deb
    check 'dpkg has it' bash -c 'dpkg --root="$PWD/sys" -s dinotools | grep -q "^Status: install ok installed"'
else
    status 0 dpkg-deb -x package.deb sys
fi
for tool in bbu-index dino-extract feat-drift; do
    status 0 "sys/usr/bin/$tool" --version
done
status 0 make -s -C "$root" B="$source" DEPS=0 install DESTDIR="$PWD/dest" PREFIX=/usr ZSHDIR=/usr/share/zsh/vendor-completions
files() { (cd "$1" && find usr ! -type d | sed 's/\.gz$//' | grep -vE 'LICENSE|NEWS.md|/doc/dinotools/(changelog|copyright)|lintian' | LC_ALL=C sort); }
files dest >installed
files sys >packed
check 'what make install installs' cmp installed packed
mkdir empty
check 'the unit starts the program of the package' grep -q '^ExecStart=/usr/bin/bbu-inspect ' \
    sys/usr/share/doc/dinotools/examples/bbu-inspect.service
status 0 env -C empty PATH=/usr/bin:/bin "$PWD/sys/usr/share/doc/dinotools/examples/demo.sh" --quick
check 'the demo runs from there' test -s empty/demo/scores.txt
if [ "$(id -u)" = 0 ]; then
    status 0 dpkg_in -r dinotools
    check 'nothing is left' test -z "$(find sys ! -type d ! -path 'sys/var/*')"
fi
done_testing
