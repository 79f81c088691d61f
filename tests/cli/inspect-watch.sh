#!/bin/bash
# bbu-inspect --watch: an installation is judged when its views are there; files that are still being written are waited
# for; whenever it is stopped, also by SIGKILL, it goes on where it was: none is lost, none comes twice.
. "$(dirname "$0")/lib.sh"
. "$TESTS/cli/inspect-fixture.sh"
inspect_fixture || exit 1
find bbu/test bbu/val -name '*.jpeg' | sort >names
bbu-inspect -q site.inspector - <names >plain.tsv
verdicts plain.tsv | sed 's/^.*\///' | sort >want
n=$(wc -l <want)

by_name() { verdicts "$1" | sed 's/^.*\///' | sort; }

# ---- arrivals
mkdir in
start --watch in -o v.tsv
await 1 '^of' v.tsv
set -- bbu/test/*
g=$(basename "$1")
cp "$1/$g-0.jpeg" "$1/$g-2.jpeg" in
sleep 0.3
check 'two of three views: not yet' bash -c '! grep -q ^installation v.tsv'
cp "$1/$g-1.jpeg" in/part.tmp && mv in/part.tmp "in/$g-1.jpeg"
check 'the third is moved there: judged' await 1 "^installation	$g	.*	3	" v.tsv
g=$(basename "$2")
cp "$2"/*-[01].jpeg in
{ head -c 800 "$2/$g-2.jpeg"; sleep 0.6; tail -c +801 "$2/$g-2.jpeg"; } >"in/$g-2.jpeg"
check 'a file that is written slowly is waited for' await 1 "^installation	$g	.*	3	" v.tsv
check '... and not read before' bash -c '! grep -q unreadable v.tsv'
mkdir in/deeper && cp "$3"/* in/deeper
check 'a new folder' await 1 "^installation	deeper/$(basename "$3")	.*	3	" v.tsv
mv "$4" in/moved
check 'a folder that is moved there' await 1 "^installation	moved/$(basename "$4")	.*	3	" v.tsv
touch in/.hidden.jpeg && cp v.tsv in/notes.txt
g=$(basename "$1")
cp "$5"/*-1.jpeg "in/$g-1.jpeg"
check 'a view is taken again: judged again, with the others' await 2 "^installation	$g	.*	3	" v.tsv
stop
check 'SIGTERM ends it cleanly' test $? -eq 0
check 'nothing else was judged' test "$(grep -c ^installation v.tsv)" -eq 5
start --watch in -o v.tsv
sleep 0.5
stop INT
check 'after a start nothing is judged again' test "$(grep -c ^installation v.tsv)" -eq 5
mv in/moved "$4"

# ---- found by looking: written since before the start, so that nothing tells when it is whole but time
mkdir found && g=$(basename "$3") && cp "$3"/*-[01].jpeg found
{ for at in 0 1 2 3 4 5; do tail -c "+$((at * 400 + 1))" "$3/$g-2.jpeg" | head -c 400; sleep 0.3; done
    tail -c +2401 "$3/$g-2.jpeg"; } >"found/$g-2.jpeg" &
writer=$!
sleep 0.1
start --watch found --wait 0.3 --look 1 -o found.tsv
check 'a file that grows is waited for' await 1 '^installation' found.tsv
check '... and was whole' bash -c '! grep -q unreadable found.tsv && grep -c ^installation found.tsv | grep -qx 1'
stop
wait $writer

# ---- views that do not come
mkdir few && cp "$5"/*-[01].jpeg few
start --watch few --wait 0.3 -o few.tsv
check 'after a while it is incomplete' await 1 'incomplete	views: 2 of 3' few.tsv
cp "$5"/*-2.jpeg few
check 'the third comes late: judged again, whole' await 1 '	3	.*	score: ' few.tsv
: >few/x-0.jpeg
check 'an empty file is a review, after a while' await 1 '^photograph.*review	unreadable: ' few.tsv
rm few/x-0.jpeg
stop

# ---- killed at any moment
mkdir kill
(while read -r f; do cp "$f" "kill/${f##*/}" && sleep 0.0$((RANDOM % 6)); done <names) &
writer=$!
for i in $(seq 12); do
    start --watch kill -o k.tsv
    sleep 0.$((RANDOM % 35 + 10))
    stop KILL
done
wait $writer
start --watch kill -o k.tsv
check "all $n installations after 12 kills" await "$n" '^installation' k.tsv
sleep 0.3
stop
by_name k.tsv >got
check '... each once, with the verdict of a plain run' cmp want got
check '... and no photograph twice' test "$(grep -c ^photograph k.tsv)" -eq "$(wc -l <names)"
check 'lines are whole' bash -c "! grep -v '^#' k.tsv | awk -F '\t' '!n { n = NF } NF != n' | grep -q ."
start --watch kill --json -o k.json
check 'all again for another output' await "$n" '^{"installation"' k.json
stop
mv k.tsv rotated.tsv
start --watch kill -o k.tsv
sleep 0.5
stop
check 'after log rotation nothing is judged again' test "$(grep -c ^installation k.tsv)" -eq 0

# ---- names on standard input
status 0 bbu-inspect -q --watch - site.inspector <names
by_name out >got
check 'names to their end' cmp want got
mkfifo pipe
bbu-inspect -q --watch - -o n.tsv site.inspector <pipe 2>>errors &
watcher=$!
exec 3>pipe
head -n 4 names >&3
check 'names as they come' await 1 ^installation n.tsv
stop KILL
exec 3>&-
tail -n +5 names | bbu-inspect -q --watch - -o n.tsv site.inspector 2>>errors
by_name n.tsv >got
check 'a name that had arrived is not lost by a kill' cmp want got

cp -r bbu/test/ there && find there -name '*.jpeg' | head -n 3 >three && echo there/missing-0.jpeg >>three
status 0 bbu-inspect -q --watch - -o gone.tsv site.inspector <three
rm -r there && cp gone.tsv before.tsv
status 0 bbu-inspect -q --watch - -o gone.tsv site.inspector </dev/null
check 'names that were judged are not judged again when their photographs are gone' \
    test "$(grep -c ^installation gone.tsv)" -eq "$(grep -c ^installation before.tsv)"

# ---- what others do with the file of verdicts
n_lines() { grep -c ^installation o.tsv; }
mkdir own && cp bbu/test/"$(basename "$1")"/* own
start --watch own -o o.tsv
await 1 ^installation o.tsv
stop
echo 'a remark' >>o.tsv && printf 'without an end' >>o.tsv
start --watch own -o o.tsv
cp "$2"/* own
check 'lines that others append remain' await 2 ^installation o.tsv
stop
check '... and one without an end is not continued' bash -c 'grep -qx "a remark" o.tsv && grep -qx "without an end" o.tsv'
check 'the first lines are there once' test "$(grep -c -e '^#' -e '^of	' o.tsv)" -eq "$(sed -n '/^of	/q;p' o.tsv | wc -l | xargs expr 1 +)"
cp o.tsv copied.tsv && : >o.tsv
start --watch own -o o.tsv
await 1 '^of	' o.tsv
cp "$3"/* own
check 'copied and emptied: it goes on, with first lines' await 1 ^installation o.tsv
stop
check '... and repeats none' test "$(n_lines)" -eq 1
mv o.tsv renamed.tsv && echo 'of another program' >o.tsv
start --watch own -o o.tsv
cp bbu/val/*/*-0.jpeg bbu/val/*/*-1.jpeg own 2>/dev/null
g=$(basename "$(ls -d bbu/val/* | head -n 1)")
cp bbu/val/"$g"/*-2.jpeg own
check 'renamed, and a file of somebody else there: appended to' await 1 "^installation	$g	" o.tsv
stop
check '... which is whole' bash -c 'head -n 1 o.tsv | grep -qx "of another program"'

# ---- another inspector goes on
bbu-inspect -q --make other.inspector -w "$w" -m m.logreg --thresholds 0.1,0.9 --views 3 >/dev/null
mkdir two && cp "$1"/* two
start --watch two -o t.tsv
await 1 ^installation t.tsv
stop
bbu-inspect -q --watch two -o t.tsv other.inspector 2>warning &
watcher=$!
cp "$2"/* two
check 'another inspector: its first lines, then its verdicts' await 2 ^installation t.tsv
stop
check '... of which there are two sections' test "$(grep -c '^# inspector' t.tsv)" -eq 2
check '... and a warning' grep -q 'another inspector than before' warning
check 'the journal names it' test "$(grep -c "^inspector	$(sed -n 's/^# inspector \([0-9a-f]*\) .*other.*/\1/p' t.tsv)" t.tsv.journal)" -ge 1

# ---- an installation is of one folder
mkdir north south && g=$(basename "$1") && cp "$1"/*-[01].jpeg north && cp "$1"/*-2.jpeg south
bbu-inspect -q --verdicts-only site.inspector north south >out
check 'names in two folders are two installations' test "$(grep -c "^installation	\(north\|south\)/$g	.*incomplete" out)" -eq 2
start --watch north --watch south --wait 0.3 -o ns.tsv
check '... also when they are watched' await 2 "^installation	\(north\|south\)/$g	.*incomplete" ns.tsv
stop

# ---- a folder that a link puts within itself
mkdir ring && cp "$1"/* ring && ln -s . ring/a && ln -s ../ring ring/b
start --watch ring --look 0.2 -o ring.tsv
check 'is looked into once' await 1 ^installation ring.tsv
sleep 0.5
stop
check '... and ends' test $? -eq 0
check '... with each installation once' test "$(grep -c ^installation ring.tsv)" -eq 1

# ---- outputs that would be in the way
cp site.inspector copy.inspector
status 1 bbu-inspect --watch ring -o site.inspector site.inspector
err_has 'site.inspector: is an input of this run: not replaced'
status 1 bbu-inspect --watch ring --journal site.inspector -o x.tsv site.inspector
status 1 bbu-inspect --watch ring --journal x.tsv -o x.tsv site.inspector
err_has 'x.tsv: for verdicts and journal, which are two files'
same site.inspector copy.inspector
start --watch ring -o one.tsv --journal one.journal
await 1 ^installation one.tsv
status 1 bbu-inspect --watch ring -o one.tsv --journal other.journal site.inspector
err_has 'verdicts: another watch writes to the same file'
stop

# ---- wrong use, and days without photographs
mkdir empty
start --watch empty --journal e.journal -o e.tsv
await 1 '^of' e.tsv
status 1 bbu-inspect --watch empty --journal e.journal site.inspector
err_has 'e.journal: another watch uses it'
stop
check 'an empty day is no error' test $? -eq 0
status 1 bbu-inspect --watch nowhere site.inspector
err_has 'nowhere: No such file or directory'
echo x >bad.journal
status 1 bbu-inspect --watch empty --journal bad.journal site.inspector
err_has 'bad.journal: is no journal of bbu-inspect'
printf 'bbu-inspect journal 2\nwritten\n\0written\n' >bad.journal
status 1 bbu-inspect --watch empty --journal bad.journal site.inspector
err_has 'bad.journal: a zero byte'
cp one.journal away.journal && mv ring away
status 1 bbu-inspect --watch ring --journal away.journal -o away.tsv site.inspector
check 'a folder that is not there is not forgotten' cmp one.journal away.journal
mv away ring
status 2 bbu-inspect --watch empty site.inspector bbu
status 0 bbu-inspect -q --watch - site.inspector </dev/null
printf '%s\t\t%s\n' "$1"/*0.jpeg 0 "$2"/*1.jpeg 1 >alone
bbu-inspect -q --watch - site.inspector <alone | grep ^installation >alone.watched
bbu-inspect -q site.inspector - <alone | grep ^installation | cmp -s - alone.watched
check 'names without an installation are of one each' test $? -eq 0 -a "$(wc -l <alone.watched)" -eq 2
status 1 bbu-inspect -q --watch - site.inspector <<<$'a\tb\tc\td'
err_has 'standard input: a: not NAME, GROUP, VIEW'
check 'no errors were printed' bash -c "! grep -v 'could not be read' errors | grep -q ."
done_testing
