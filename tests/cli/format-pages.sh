#!/bin/bash
# Format pages match the code: each EXAMPLE is, byte by byte, the golden file that it names, and the reader that was
# written only from feat(5) reads what feat-cat reads.
. "$(dirname "$0")/lib.sh"
root=$TESTS/..
for page in bbu-file bbu-index bbu-shard dino-views feat dino-ckpt feat-logreg bbu-readings; do
    file=$(sed -n 's|^\.Pa tests/golden/formats/must-decode/||p' "$root/man/$page.5")
    check "$page(5) names its example" test -f "$TESTS/golden/formats/must-decode/$file"
    sed -n 's/^[0-9a-f]\{4\}  \(\([0-9a-f][0-9a-f] \{0,1\}\)*\).*/\1/p' "$root/man/$page.5" | tr -d ' \n' >page.hex
    od -An -v -tx1 "$TESTS/golden/formats/must-decode/$file" | tr -d ' \n' >file.hex
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
done_testing
