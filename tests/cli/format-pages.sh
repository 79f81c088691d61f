#!/bin/bash
# Format pages match the code: the EXAMPLE is, byte by byte, the golden files that it names, in order, and the readers
# that were written only from feat(5) and dino-ckpt(5) read what they should.
. "$(dirname "$0")/lib.sh"
root=$TESTS/..
for page in bbu-file bbu-index bbu-shard dino-views feat dino-ckpt feat-logreg feat-bank bbu-inspector bbu-readings; do
    files=$(sed -n 's|^\.Pa tests/golden/formats/must-decode/\([^ ]*\).*|\1|p' "$root/man/$page.5")
    check "$page(5) names its examples" test -n "$files"
    sed -n 's/^[0-9a-f]\{4\}  \(\([0-9a-f][0-9a-f] \{0,1\}\)*\).*/\1/p' "$root/man/$page.5" | tr -d ' \n' >page.hex
    for file in $files; do od -An -v -tx1 "$TESTS/golden/formats/must-decode/$file"; done | tr -d ' \n' >file.hex
    check "$page(5): $(($(wc -c <file.hex) / 2)) bytes" cmp page.hex file.hex
done
"$BUILD/tests/format-samples" features a.feat
feat-cat --text a.feat >want
status 0 "$BUILD/examples/readfeat" a.feat
same want out
head -c 400 a.feat >cut.feat
status 1 "$BUILD/examples/readfeat" cut.feat
if echo '#include <zstd.h>' | ${CC:-cc} -E - >/dev/null 2>&1; then
    check 'readfeat needs libc and zstd only' bash -c \
        "${CC:-cc} -Wall -Werror -o rf '$root/examples/readfeat.c' -lzstd && ./rf a.feat | cmp - want"
else
    skip 'no zstd.h in the usual place' 'readfeat needs libc and zstd only'
fi

# ---- the tensors of a checkpoint and of a set
golden=$TESTS/golden/formats/must-decode
readckpt() { "$BUILD/examples/readckpt" "$@"; }
check 'the state' test "$(readckpt "$golden/full.ckpt")" = '{"epoch":3}'
check 'a tensor' test "$(readckpt "$golden/full.ckpt" bytes | od -An -tu1 | tr -d ' ')" = 54321
"$BUILD/tests/format-samples" part part-1.ckpt && "$BUILD/tests/format-samples" part-0 part-0.ckpt &&
    "$BUILD/tests/format-samples" 'checkpoint set' sample.set
readckpt "$golden/full.ckpt" a >want
status 0 readckpt part-1.ckpt part-0.ckpt sample.set a
same want out
check 'of a set' test "$(readckpt sample.set part-0.ckpt part-1.ckpt bytes | od -An -tu1 | tr -d ' ')" = 54321
status 1 readckpt part-0.ckpt part-1.ckpt a
err_has 'part-0.ckpt: a part, and no file of its set'
status 1 readckpt part-0.ckpt sample.set a
err_has 'the set: files are missing'
status 1 readckpt part-0.ckpt part-0.ckpt sample.set a
err_has 'part-0.ckpt: not of this set'
status 1 readckpt "$golden/bare-part.ckpt" part-0.ckpt sample.set a
err_has 'bare-part.ckpt: not of this set'
if echo '#include <zstd.h>' | ${CC:-cc} -E - >/dev/null 2>&1; then
    check 'readckpt needs libc and zstd only' bash -c \
        "${CC:-cc} -Wall -Werror -o rc '$root/examples/readckpt.c' -lzstd && ./rc sample.set part-*.ckpt a | cmp - want"
else
    skip 'no zstd.h in the usual place' 'readckpt needs libc and zstd only'
fi
done_testing
