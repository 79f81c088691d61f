#!/bin/bash
# deb.sh - a Debian package, BUILD/dinotools_VERSION_ARCH.deb, of what make install installs for this machine. `make deb`
# calls it. The libraries it needs are found in the programs themselves, and the same build gives the same bytes.
#
#   DEBFULLNAME, DEBEMAIL    the maintainer, as for other tools of Debian
#   SOURCE_DATE_EPOCH        the time of its files [that of the last commit, or of NEWS.md]
#
# `lintian BUILD/dinotools_*.deb` has nothing to say; lintian-overrides tells what was decided against its advice. With -I
# it asks for hardening: build with CFLAGS and LDFLAGS of dpkg-buildflags(1) where that is wanted.
set -euo pipefail
cd "$(dirname "$0")/.."
B=${B:-build}
for tool in dpkg-deb dpkg-shlibdeps dpkg strip gzip md5sum; do
    command -v $tool >/dev/null || { echo "deb.sh: $tool is not there: apt-get install dpkg-dev binutils" >&2; exit 1; }
done
version=$(sed -n 's/.*DINOTOOLS_VERSION "\(.*\)"/\1/p' common/version.h)-1
arch=$(dpkg --print-architecture)
maintainer="${DEBFULLNAME:-The dinotools maintainers} <${DEBEMAIL:-dinotools@$(hostname -f 2>/dev/null || hostname)}>"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y NEWS.md)}
export SOURCE_DATE_EPOCH LC_ALL=C
umask 022
stage=$(mktemp -d "$(cd "$B" && pwd)/deb-XXXXXX")
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
tree=$stage/tree doc=$stage/tree/usr/share/doc/dinotools

${MAKE:-make} -s B="$B" DEPS=0 install DESTDIR="$tree" PREFIX=/usr HELPERDIR=/usr/libexec/dinotools \
    ZSHDIR=/usr/share/zsh/vendor-completions
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$tree"/usr/bin/* "$tree"/usr/libexec/dinotools/*

# What the policy wants of documentation: tables named in the first line of a page, sourced scripts not executable.
for page in $(grep -l '^\.TS' "$tree"/usr/share/man/man*/*); do sed -i "1i '\\\\\" t" "$page"; done
for script in "$doc"/examples/*.sh; do head -n 1 "$script" | grep -q '^#!' || chmod 644 "$script"; done
rm "$doc/LICENSE"
cp packaging/copyright "$doc/copyright"
mv "$doc/NEWS.md" "$doc/changelog"
printf 'dinotools (%s) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- %s  %s\n' "$version" "$maintainer" \
    "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" >"$doc/changelog.Debian"
gzip -9n "$doc/changelog" "$doc/changelog.Debian" "$tree"/usr/share/man/man*/*
mkdir -p "$tree/usr/share/lintian/overrides"
cp packaging/lintian-overrides "$tree/usr/share/lintian/overrides/dinotools"

# dpkg-shlibdeps reads debian/control of the folder it is in.
mkdir "$stage/debian" "$tree/DEBIAN"
printf 'Source: dinotools\n\nPackage: dinotools\nArchitecture: any\n' >"$stage/debian/control"
depends=$(cd "$stage" && dpkg-shlibdeps -O tree/usr/bin/* tree/usr/libexec/dinotools/* | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "deb.sh: the libraries are of no Debian package" >&2; exit 1; }
(cd "$tree" && find usr -type f | sort | xargs -d '\n' md5sum) >"$tree/DEBIAN/md5sums"
sed -e "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@MAINTAINER@/$maintainer/; s/@DEPENDS@/$depends/" \
    -e "s/@SIZE@/$(du -sk --apparent-size "$tree/usr" | cut -f 1)/" packaging/control >"$tree/DEBIAN/control"

find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
deb=$B/dinotools_${version}_$arch.deb
dpkg-deb --root-owner-group -Zxz --build "$tree" "$stage/made.deb" >/dev/null
mv "$stage/made.deb" "$deb"
echo "$deb"
