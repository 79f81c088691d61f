#!/bin/bash
# feat-cat: output forms, joining, selecting, errors.
. "$(dirname "$0")/lib.sh"
samples=$BUILD/tests/format-samples
"$samples" features a.feat
"$samples" features bare.feat bare
"$samples" features:7 other.feat
"$samples" shard x.shard

status 0 feat-cat --text a.feat
check 'five lines' test "$(wc -l <out)" -eq 5
check 'eight fields' test "$(head -n 1 out | awk -F '\t' '{print NF}')" -eq 8
check 'the first row' test "$(head -n 1 out)" = $'train/a/a-1.jpeg\ttrain\ta\t1\tnegative\t-1\t-0.899999976\t-0.800000012'
check 'fields of what is not known are empty' grep -q $'^x.jpeg\t\t\t\t\t0.5\t' out

status 0 feat-cat --json a.feat
out_has '{"key":"train/a/a-1.jpeg","split":"train","group":"a","shot":1,"label":0,"class":"negative","extra":{"site":"Lund"},"content":"0100000000000000000000000000000000000000000000000000000000000000","x":[-1,-0.899999976,-0.800000012]}'
out_has '{"key":"x.jpeg","split":null,"group":null,"shot":null,"label":null,"class":null,"extra":null,"content":null,"x":[0.5,'
check 'a name that is no UTF-8 is repaired' grep -q $'"test/c \xef\xbf\xbdff.jpeg"' out

# .npy: magic, a header to a multiple of 64, then values
status 0 feat-cat --npy a.feat -o a.npy --keys a.keys
check 'magic and version 1.0' test "$(head -c 8 a.npy | od -An -tx1 | tr -d ' ')" = 934e554d50590100
check 'shape and type' grep -aqF "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 3), }" a.npy
check 'size' test "$(stat -c %s a.npy)" -eq $((128 + 5 * 3 * 4))
check 'the first value is -1' test "$(tail -c 60 a.npy | od -An -N4 -tx1 | tr -d ' ')" = 000080bf
check 'five keys' test "$(wc -l <a.keys)" -eq 5
check 'keys without values' lacks '"x":' a.keys
status 0 bash -c 'cat a.feat | feat-cat --npy - --keys piped.keys >piped.npy'
same a.npy piped.npy
same a.keys piped.keys

# selecting
for words in '--split train:2' '--group b:1' '--label positive:2' '--label 0:2' '--label none:1' \
    '--split none:1' '--group none:1' '--split none --split val:2' \
    '--split train --split val:3' '--split train --label positive:0' '--label none --label negative:3'; do
    feat-cat --json ${words%:*} a.feat >out 2>err
    check "${words%:*} gives ${words#*:} rows" test "$(wc -l <out)" -eq "${words#*:}"
done
err_lacks 'no row'
status 0 feat-cat -q --json --split nowhere a.feat
err_has '--split nowhere: there is no such row'
err_has 'no row was selected'
status 0 feat-cat -q --npy --split train --split nowhere --group x --label none a.feat -o no.npy
err_has '--split nowhere: there is no such row'
err_has '--group x: there is no such row'
err_lacks '--split train'
err_lacks '--label'
status 0 feat-cat -q --split train --split nowhere a.feat -o some.feat
err_has '--split nowhere: there is no such row'
err_lacks 'no row was selected'
status 1 feat-cat --json --label purple a.feat
err_has 'no such class'

# joining, and features again
status 0 feat-cat a.feat bare.feat -o two.feat
feat-cat --text a.feat >one.txt
feat-cat --text two.feat >two.txt
check 'joined: rows of both' cmp two.txt <(cat one.txt one.txt)
status 0 feat-cat --split train a.feat -o t1.feat
status 0 feat-cat --split train bare.feat -o t2.feat
identity() { bbu-info --json "$1" | grep -o '"identity":"[0-9a-f]*"' | head -n 1; }
check 'how an input came about is no part of the identity' test "$(identity t1.feat)" = "$(identity t2.feat)"
check 'but it is kept: settings of the input' bash -c 'bbu-info --json t1.feat | grep -q "\"kind\":\"features\",\"identity\":\"[0-9a-f]*\",\"provenance\":{\"tool\":\"sample\".*\"number\":42"'
check '... shown with -v' bash -c 'bbu-info -v t1.feat | grep -q "number *42" && ! bbu-info t1.feat | grep -q "number *42"'
status 0 feat-cat --split train --no-provenance a.feat -o t3.feat
status 0 feat-cat --split train --no-provenance bare.feat -o t4.feat
same t3.feat t4.feat
differ t1.feat t3.feat
check 'provenance is there' grep -aq '"tool":"feat-cat"' t1.feat
check 'and left out' lacks feat-cat t3.feat
status 0 bash -c 'feat-cat <a.feat - --split train | feat-cat --text -'
check 'through pipes' cmp out <(head -n 2 one.txt)

status 1 feat-cat a.feat other.feat -o no.feat
err_has 'other.feat: is incompatible with a.feat: made by different weights'
check 'no output' test ! -e no.feat
status 1 feat-cat --text x.shard
err_has 'x.shard: is a file of kind shard, not features'
head -c 300 a.feat >cut.feat
status 1 feat-cat cut.feat -o no.feat
err_has 'cut.feat: ends early'
status 1 bash -c 'feat-cat --text - <cut.feat >/dev/null'
err_has 'standard input: ends early'
status 1 feat-cat --text missing.feat
err_has 'missing.feat: No such file or directory'
check 'no output' test ! -e no.feat

# usage, full disk, closed pipe
status 2 feat-cat
status 2 feat-cat --text --json a.feat
status 2 feat-cat --text --keys - a.feat
status 1 feat-cat --text a.feat -o /dev/full
err_has 'No space left'
status 1 feat-cat a.feat -o /dev/full
err_has 'No space left'
status 1 bash -c 'feat-cat --text a.feat >/dev/full'
err_has 'No space left'
check 'a closed pipe ends it' bash -c 'for i in 1 2 3 4 5 6 7 8 9; do mv two.feat b.feat; feat-cat b.feat b.feat b.feat -o two.feat; done
    { env --default-signal=PIPE feat-cat --text two.feat; echo $? >code; } 2>err.pipe | head -n 1 >/dev/null; test "$(cat code)" -eq 141 -a ! -s err.pipe'
no_leftovers
done_testing
