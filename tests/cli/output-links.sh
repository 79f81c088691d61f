#!/bin/bash
# Outputs that are links, or names of open files: the target of a link is written and the link remains.
. "$(dirname "$0")/lib.sh"
"$BUILD/tests/featgen" -q -o plain.feat
mkdir away
ln -s away/there.feat link.feat
status 0 feat-cat -q plain.feat -o link.feat
check 'a link to what was yet to be written stays a link' test -L link.feat -a -s away/there.feat
cp away/there.feat first.feat
status 0 feat-cat -q --group g00000 plain.feat -o link.feat
check 'a link to a file stays a link, the file is a new one' bash -c 'test -L link.feat && ! cmp -s first.feat away/there.feat'
ln -s loop.feat loop.feat
status 1 feat-cat -q plain.feat -o loop.feat
check 'a loop of links is reported' grep -q 'loop.feat: Too many levels' err
for name in /dev/stdout /dev/fd/1 /proc/self/fd/1; do
    check "$name is standard output" bash -c "feat-cat -q plain.feat -o $name >piped && feat-cat -q plain.feat -o named && cmp piped named && test -L /dev/stdout"
done
check '/dev/fd/3 is an open file' bash -c 'feat-cat -q plain.feat -o /dev/fd/3 3>piped && cmp piped named'
mkdir real && ln -s real shards-link
"$BUILD/tests/datagen" -q --groups 3 --width 32 bbu && bbu-index -q bbu -o bbu.index
status 0 bbu-pack -q bbu.index -o shards-link
check 'a link to a folder stays a link' bash -c 'test -L shards-link && bbu-info -c real >/dev/null'
no_leftovers
done_testing
