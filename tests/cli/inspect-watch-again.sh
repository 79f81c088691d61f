#!/bin/bash
# bbu-inspect --watch: what was judged is known again, whatever is done meanwhile with photographs, with the name of
# their folder, with the file of verdicts and with the journal.
. "$(dirname "$0")/lib.sh"
. "$TESTS/cli/inspect-fixture.sh"
inspect_fixture || exit 1
preload=$BUILD/tests/cli/fail-io.so
set -- bbu/test/*
a=$(basename "$1") b=$(basename "$2") c=$(basename "$3") d=$(basename "$4")
n_of() { grep -c ^installation "$1"; } # installations of a file of verdicts
# After a start all that waits is judged before a new installation is.
goes_on() { # installation file options
    rm -rf last && cp -r "bbu/test/$1" last
    start "${@:3}" --look 0.2 -o "$2"
    mv last/* in
    await 1 "^installation	$1	" "$2"
    stop
}

# ---- the first line on standard error
mkdir in && cp "$1"/* in
bbu-inspect --watch in -o v.tsv site.inspector 2>err &
watcher=$!
await 1 "^installation	$a	" v.tsv
stop
err_has 'bbu-inspect: watching in: 3 photographs wait; verdicts go to v.tsv'
cp "$2"/*-0.jpeg in
bbu-inspect --watch in --watch - -o v.tsv site.inspector 2>err </dev/null &
watcher=$!
await 1 watching err
stop
err_has 'watching in, names on standard input: 1 photograph waits, 3 were judged before; verdicts go to v.tsv'
rm in/"$b"*

# ---- the folder is called otherwise
ln -s in link
for folder in ./in "$PWD/in" in/ link ../"${PWD##*/}/in"; do
    start --watch "$folder" --look 0.2 --wait 0.2 -o v.tsv
    sleep 0.6
    stop
    check "watched as ${folder/$PWD/...}: nothing is judged again" test "$(n_of v.tsv)" -eq 1
done
mkdir one other && cp "$1"/* one && cp "$2"/* other && ln -s one today
start --watch today --look 0.2 -o today.tsv
await 1 "^installation	$a" today.tsv
ln -sfn other today
check 'a link that leads to another folder: its photographs' await 1 "^installation	$b	" today.tsv
stop
start --watch today --look 0.2 --wait 0.2 -o today.tsv
sleep 0.5
stop
check '... once' test "$(n_of today.tsv)" -eq 2

# ---- an error of the disk that passes
mkdir disk
FAIL_IO="read,path=$d-0,times=1" LD_PRELOAD=$preload start --watch disk --look 0.2 --wait 0.2 -o disk.tsv
cp "$4"/* disk
check 'a photograph that could not be read once is tried again' await 1 "^installation	$d	$d	3	" disk.tsv
check '... and judged by its score' grep -q "^installation	$d	.*	score: " disk.tsv
stop
cp "$3"/* disk
FAIL_IO="read,path=$c-0" LD_PRELOAD=$preload start --watch disk --look 0.2 --wait 0.2 -o disk.tsv
sleep 1
stop
check 'while it cannot be read there is no line' test "$(n_of disk.tsv)" -eq 1
start --watch disk --look 0.2 --wait 0.2 -o disk.tsv
check '... and a start later it is judged' await 1 "^installation	$c	.*	score: " disk.tsv
stop

# ---- photographs that are gone at a start, and come back
mv in away && mkdir in
goes_on "$b" v.tsv --watch in
cp -p away/* in
goes_on "$c" v.tsv --watch in
check 'photographs that were gone at a start are not judged again' test "$(n_of v.tsv)" -eq 3

# ---- replaced by others of the same size and time; copied again; another mode
size() { stat -c %s "$1"; }
pad() { # file, size: bytes behind the end of a JPEG do not count
    head -c $(($2 - $(size "$1"))) /dev/zero >>"$1"
}
start --watch in --look 0.2 --wait 0.3 -o v.tsv
sleep 0.3
chmod 600 in/* && ln in/"$a"-0.jpeg linked
cp in/"$a"-0.jpeg copy && cp copy in/"$a"-0.jpeg
cp in/"$a"-1.jpeg copy && mv copy in/"$a"-1.jpeg
sleep 1.8
check 'copied again, another mode: not judged again' test "$(n_of v.tsv)" -eq 3
stop
start --watch in --look 0.2 --wait 0.3 -o v.tsv
sleep 0.5
check 'a start writes each photograph once into the journal' test "$(grep -c ^photograph v.tsv.journal)" -eq 9
largest=$(size in/"$b"-0.jpeg) && cp "$4/$d-0.jpeg" new.jpeg
[ "$(size new.jpeg)" -gt "$largest" ] && largest=$(size new.jpeg)
pad new.jpeg $((largest + 10))
pad in/"$b"-0.jpeg $((largest + 10))
check 'a photograph to which bytes are added is judged again' await 4 ^installation v.tsv
touch -r in/"$b"-0.jpeg new.jpeg
check '(the other has its size and time)' test "$(stat -c %s%Y%y new.jpeg)" = "$(stat -c %s%Y%y in/"$b"-0.jpeg)"
cp -p new.jpeg in/.new && mv in/.new in/"$b"-0.jpeg
check 'replaced by one of the same size and time: judged again' await 5 ^installation v.tsv
stop
check '... it alone' test "$(grep -c "^installation	$b	.*	3	" v.tsv)" -eq 3
cp -p in/"$b"-0.jpeg before.jpeg
cp -p "$3/$c-0.jpeg" in/.new
pad in/.new $((largest + 10)) && touch -r before.jpeg in/.new && mv in/.new in/"$b"-0.jpeg
start --watch in --look 0.2 --wait 0.3 -o v.tsv
check '... also between two runs' await 6 ^installation v.tsv
stop

# ---- the file of verdicts is moved away, removed, emptied, while the watch runs
rm -rf in v.tsv* && mkdir in && cp "$1"/* in
start --watch in --look 0.2 -o v.tsv
await 1 "^installation	$a" v.tsv
mv v.tsv v.tsv.1
cp "$2"/* in
check 'moved away: a new one of that name' await 1 "^installation	$b	" v.tsv
check '... begins with the first lines' cmp <(head -n 3 v.tsv) <(head -n 3 v.tsv.1)
rm v.tsv
cp "$3"/* in
check 'removed: a new one' await 1 "^installation	$c	" v.tsv
mv v.tsv v.tsv.2 && : >v.tsv
cp "$4"/* in
check 'moved away, and another one was created: that one' await 1 "^installation	$d	" v.tsv
check '... begins with the first lines, too' cmp <(head -n 3 v.tsv) <(head -n 3 v.tsv.1)
status 1 bbu-inspect --watch in -o v.tsv --journal other.journal site.inspector
err_has 'another watch writes to the same file'
cp v.tsv v.tsv.3 && : >v.tsv
cp "$5"/* in
check 'copied and emptied: it goes on' await 1 "^installation	$(basename "$5")	" v.tsv
check '... with the first lines' cmp <(head -n 3 v.tsv) <(head -n 3 v.tsv.1)
check '... each installation is in one of them' test "$(cat v.tsv v.tsv.[123] | n_of -)" -eq 4 # and one was removed
mkdir v.dir && mv v.tsv v.tsv.4 && mv v.dir v.tsv
cp "$6"/* in
wait $watcher
check 'what cannot be opened again is an error' test $? -eq 1
check '... that names it' grep -q 'v.tsv: Is a directory' errors
rmdir v.tsv && : >errors
start --watch in --look 0.2 -o v.tsv
check '... and the next start has what was not written' await 1 "^installation	$(basename "$6")	" v.tsv

# ---- the journal, too
mv v.tsv.journal moved
cp "$7"/* in
await 1 "^installation	$(basename "$7")	" v.tsv
rm v.tsv.journal
cp "$8"/* in
await 1 "^installation	$(basename "$8")	" v.tsv
stop
check 'a journal that is moved away or removed is put back' test "$(grep -c ^photograph v.tsv.journal)" -eq 24
check '... with a warning each' test "$(grep -c 'v.tsv.journal: was moved away or removed, and is put back' errors)" -eq 2
start --watch in --look 0.2 -o v.tsv
sleep 0.5
stop
check '... and nothing is judged again' test "$(n_of v.tsv)" -eq 3

# ---- names on standard input: the other photographs of the installation are judged with one
mkdir named && cp "$1"/* named && mkfifo pipe
listen() { # options: names go to descriptor 3
    bbu-inspect -q --watch - --wait 0.3 "$@" site.inspector <pipe 2>>errors &
    watcher=$!
    exec 3>pipe
}
verdict() { grep "^installation	named/$a	" named.tsv | tail -n 1 | cut -f 4,6 | tr '\t' ' '; }
listen -o named.tsv
printf '%s\n' named/"$a"-0.jpeg named/"$a"-1.jpeg >&3
await 1 "^installation	named/$a	.*incomplete" named.tsv
check 'two of three views: incomplete' test "$(verdict)" = "2 incomplete"
echo named/"$a"-2.jpeg >&3
await 2 "^installation	named/$a	" named.tsv
check 'a view that is named late: judged with the others' grep -q '^3 [pfr]' <(verdict)
echo named/"$a"-1.jpeg >&3
await 3 "^installation	named/$a	" named.tsv
check 'one that is named again: the same' grep -q '^3 [pfr]' <(verdict)
exec 3>&-
wait $watcher
listen -o named.tsv
echo named/"$a"-1.jpeg >&3
await 4 "^installation	named/$a	" named.tsv
check 'one that is named after a start: the same' grep -q '^3 [pfr]' <(verdict)
exec 3>&-
wait $watcher
rm named.tsv*
listen -o named.tsv
printf '%s\tX\t%d\n' named/"$a"-0.jpeg 0 named/"$a"-1.jpeg 1 >&3
await 1 "^installation	X	.*incomplete" named.tsv
printf '%s\tX\t%d\n' named/"$a"-2.jpeg 2 >&3
await 2 "^installation	X	" named.tsv
check 'installations by fields of names' grep -q "^installation	X	X	3	.*	[pfr][a-z]*	" named.tsv
exec 3>&-
wait $watcher

# ---- verdicts and journal in one file, under two names
status 1 bbu-inspect --watch in -o both.tsv --journal ./both.tsv site.inspector
err_has './both.tsv: for verdicts and journal, which are two files'

# ---- a journal of another version
sed -i '1s/3/2/' v.tsv.journal
status 1 bbu-inspect --watch in -o v.tsv site.inspector
err_has 'v.tsv.journal: is a journal of another version of bbu-inspect'
check 'no other errors were printed' bash -c "! grep -v 'is put back' errors | grep -q ."
done_testing
