# bbu-index --labels: tables of other programs, what is wrong with them, what wins; formats that are not decoded.
. "$TESTS/cli/lib.sh"
"$BUILD/tests/datagen" -q --groups 10 --width 64 --seed 5 made || exit 1
mkdir photos && cp -r made/*/[0-9]* photos/
# The lists of the drawn dataset as a table: path, label (0 or 1), group, site.
{ echo path,label,group,site
  for split in train val test; do
      sed -n 's|.*"img_path": "[a-z]*/\([^"]*\)", "gt_label": \([01]\), "group_id": "\([^"]*\)".*"site": "\([^"]*\)".*|\1,\2,\3,\4|p' made/annotations/$split.json
  done; } >numbers.csv
sed '1!s/,0,/,good,/;1!s/,1,/,bad,/' numbers.csv >t.csv
check 'the table has all of them' test "$(wc -l <t.csv)" -eq 31
line() { sed -n "$1p" t.csv; }
field() { line "$1" | cut -d , -f "$2"; }
first=$(field 2 1) second=$(field 3 1)
index() { local want=$1; shift; rm -f x.index; status "$want" bbu-index -o x.index "$@"; }

# ---- a good table, in all spellings
index 0 --labels t.csv --positive bad photos
err_lacks warning
err_has '30 images in 10 groups, good'
err_has 'positive class (the defect): bad, the second of good, bad'
bbu-info -l x.index >listed
bbu-index -q --positive positive -o lists.index made
check 'it says what the lists say' bash -c 'cmp <(cut -f 1,5 listed | sort) <(bbu-info -l lists.index | sed "s|^[a-z]*/||" | cut -f 1,5 | sed "s/negative/good/;s/positive/bad/" | sort)'
check 'further columns are further keys' bash -c 'zstd -dc x.index 2>/dev/null | grep -aq "{\"site\":\"[a-z]*\"}"'
check 'its name is a setting' bash -c 'bbu-info --json x.index | grep -q "\"labels\":\"t.csv\""'
same_list() { bbu-info -l x.index >again; same again listed; }
index 0 --labels numbers.csv --classes good,bad photos && same_list
{ printf '\xEF\xBB\xBFSITE;Label;Filename;Group\r\n'; sed '1d' t.csv | awk -F, '{printf "\"%s\";%s;\"%s\";%s\r\n", $4, $2, $1, $3}'; printf ';;;\r\n'; } >excel.csv
index 0 --labels excel.csv --positive bad photos && same_list
tr ',' '\t' <t.csv >t.tsv
index 0 --labels t.tsv --positive bad photos && same_list
sed '1!s|^|photos/|' t.csv >rooted.csv
index 0 --labels rooted.csv --positive bad photos && same_list
sed "1!s|^|$PWD/photos/|" t.csv >absolute.csv
index 0 --labels absolute.csv --positive bad "$PWD/photos" && same_list
sed '1!s|^[0-9]*/||' t.csv >bare.csv # names of files only
index 0 --labels bare.csv --positive bad photos && same_list
sed 's/,good,/, GOOD ,/' t.csv >loud.csv
index 0 --labels loud.csv --classes good,bad photos && same_list
index 0 --labels loud.csv --positive bad photos
index 0 --labels <(cat t.csv) --positive bad photos && same_list
check 'names on standard input' bash -c 'cd photos && find . -name "*.jpeg" | bbu-index -q --labels ../t.csv --positive bad -o ../n.index - && cmp <(bbu-info -l ../n.index | cut -f 1,3,5 | sort) <(cut -f 1,3,5 ../listed | sort)'
index 0 --labels numbers.csv photos
err_has 'positive class (the defect): 1, the second of 0, 1'
{ echo path,label,split,view; sed 1d t.csv | awk -F, '{print $1 "," $2 "," (NR <= 18 ? "train" : "test") "," NR}'; } >splits.csv
index 0 --labels splits.csv --positive bad photos
err_has 'train 18, test 12'
check 'views are those of the table' bash -c 'bbu-info -l x.index | cut -f 4 | sort -nu | tail -n 1 | grep -qx 30'
index 1 --labels splits.csv --divide 70,15,15 photos
err_has '--replace-splits'

# ---- in parts: labels are for the join
status 0 bbu-index --part 1/2 -o 1.readings photos
status 0 bbu-index --part 2/2 --labels t.csv -o 2.readings photos
index 0 --join --labels t.csv --positive bad photos 1.readings 2.readings && same_list

# ---- rows at fault, by file and line
sed "3s/\$/,more/;4s/,good,\|,bad,/,ugly,/;5s|.*|none/no.jpeg,good,1,x|" t.csv >w.csv
{ line 2; line 6 | sed 's/,good,/,other,/;s/,bad,/,good,/;s/,other,/,bad,/'; line 7 | sed 's/[a-z]*$/elsewhere/'; } >>w.csv
index 1 --labels w.csv --classes good,bad photos
err_has 'w.csv:3: 5 fields, where the first line has 4'
err_has 'w.csv:4: label "ugly" is none of the classes "good", "bad"'
err_has 'w.csv:5: none/no.jpeg: no such photograph'
err_has "warning: w.csv:32: $first is in line 2 already"
check 'a photograph with two labels' grep -qE "w.csv:33: $(field 6 1) is labelled \"[a-z]+\" here, \"[a-z]+\" in line 6" err
err_has "w.csv:34: $(field 7 1) is in line 7 already, with other fields"
err_has 'warning: w.csv: has no row for 2 images'
err_has '5 errors: 1 missing, 2 broken entries, 1 label outside the classes, 1 name with two labels'
check 'no catalogue' test ! -e x.index
index 3 -k --labels w.csv --classes good,bad photos
err_has '27 images'
status 1 bbu-index --json --labels w.csv --classes good,bad -o x.index photos
out_has '"kind":"missing","thing":"w.csv:5"'
out_has '"kind":"unlabelled","thing":"w.csv","reason":"has no row for 2 images: '
out_has '"count":2}'

# ---- paths that are nearly right
sed '1!s|/|\\|' t.csv >b.csv
index 0 --labels b.csv photos && same_list
err_has "warning: b.csv: 30 paths are written otherwise than the file: in line 2 ${first/\//\\} is $first, which differs in its backslashes, which are slashes there"
sed '1!s|^|C:\\images\\|;1!s|/|\\|' t.csv >b.csv
index 1 --labels b.csv photos
err_has "b.csv:2: C:\\images\\${first/\//\\}: no such photograph; $first is there: paths are relative to the dataset"
err_has '... further ones, "missing", are only counted (-v shows them)'
err_has '30 errors: 30 missing'
check 'twenty are shown' test "$(grep -c 'no such photograph' err)" -eq 20
index 1 -v --labels b.csv photos
check '-v shows all' test "$(grep -c 'no such photograph' err)" -eq 30
sed '2s/jpeg/JPG/;3s/.jpeg/.JPEG/' t.csv >c.csv
index 1 --labels c.csv photos
err_has "warning: c.csv: 1 path is written otherwise than the file: in line 3 ${second/jpeg/JPEG} is $second, which differs in the case of letters"
err_has "c.csv:2: ${first/jpeg/JPG}: no such photograph; $first is there, which ends otherwise"
cp -r photos alike && cp "alike/$first" "alike/${first/jpeg/Jpeg}"
sed '2s/jpeg/JPEG/' t.csv >c.csv
index 1 --labels c.csv alike
err_has "c.csv:2: ${first/jpeg/JPEG}: no such photograph; "
err_has ' and others look the same'
cp -r photos two && mkdir two/again && cp "two/$first" two/again/
index 1 --labels bare.csv two
err_has "bare.csv:2: ${first#*/}: no such photograph; several folders have a file of this name: write the folder, too"

sed '1s/label/Ergebnis/' t.csv >unknown.csv
index 1 --labels unknown.csv --positive bad photos
err_has '--positive bad: no photograph has a label; a table gives them in a column label (or gt_label, class)'

# ---- labels that look the same; what wins
sed '2s/,good,/,Good,/;2s/,bad,/,Bad,/' t.csv >l.csv
index 1 --labels l.csv photos
check 'two spellings of a label are named' grep -qE 'l.csv: the labels "(Good|Bad)" and "(good|bad)" look the same; --classes' err
index 1 --labels l.csv --positive bad photos
check 'and before the number of classes is' grep -qE 'l.csv: the labels "(Good|Bad)" and "(good|bad)" look the same; --classes' err
err_has '--positive bad: of two classes one is the positive; here are '
index 0 --labels l.csv --classes good,bad photos && same_list
mkdir -p cl/good cl/bad && cp -r photos/* cl/good && mv "cl/good/${first%%/*}" cl/bad/
printf 'path,label\n%s,bad\n' "good/$(field 6 1)" >corrections.csv
index 0 --layout classes --positive bad --labels corrections.csv cl
err_has "warning: corrections.csv: changes 1 label: good/$(field 6 1) is bad, not good"
err_has 'has no row for 29 images'
printf 'path,label,camera\n%s,positive,7\n%s,negative,8\n' "$(cd made && ls -d train/*/*-0.jpeg | head -n 1)" "$(cd made && ls -d val/*/*-0.jpeg | head -n 1)" >more.csv
index 0 --labels more.csv made
err_has 'warning: more.csv: has no row for 28 images'
check 'and keys go over those of a list' bash -c 'zstd -dc x.index 2>/dev/null | grep -aoE "\"site\":\"[a-z]+\"[^}]*\"camera\":\"[78]\"}" | wc -l | grep -qx 2'
printf 'path,label\n%s,\n' "$first" >empty.csv
index 0 --labels empty.csv photos
err_has 'without label 30'

# ---- tables that are none
printf 'a.jpg good\n' >n.csv
index 1 --labels n.csv photos
err_has 'n.csv: line 1: there is no column path'
printf 'path,label\n"%s,good\n' "$first" >n.csv
index 1 --labels n.csv photos
err_has 'n.csv: line 2: a quotation mark is opened and never closed'
iconv -f UTF-8 -t UTF-16 t.csv >n.csv
index 1 --labels n.csv photos
err_has 'n.csv: UTF-16, where UTF-8 is needed: iconv -f UTF-16 -t UTF-8 FILE >NEW'
index 1 --labels none.csv photos
err_has 'none.csv: No such file'
index 1 --labels photos photos
status 1 bbu-index --labels t.csv --positive bad -o t.csv photos
check 'the table is no output' grep -q 'path,label' t.csv

# ---- formats that are not decoded, by their content, counted
mkdir phone && cp "photos/$first" phone/a.jpeg
for i in 1 2 3; do printf '\0\0\0\x18ftypheic\0\0\0\0mif1heic' >phone/IMG_$i.HEIC; done
printf 'RIFF\x10\0\0\0WEBPVP8 ' >phone/w.webp && cp "photos/$second" phone/really.heic && echo text >phone/t.bmp
printf 'BM\x10\0' >phone/old.bmp
index 0 phone
err_has 'warning: IMG_1.HEIC: HEIC, which is not decoded here: heif-convert FILE FILE.jpg (package libheif-examples); left out, with 2 more'
err_has 'warning: w.webp: WebP, which is not decoded here: dwebp FILE -o FILE.png (package webp); left out'
err_lacks really.heic
check 'a JPEG that is called .heic is a photograph' bash -c 'bbu-info --list x.index | grep -q really.heic'
err_has 'warning: t.bmp: no picture of a known format, by its content; left out'
err_has 'warning: old.bmp: BMP, which is not decoded here'
err_has '6 warnings: 6 images of other formats'
cp phone/IMG_1.HEIC phone/b.jpg && cp phone/w.webp phone/c.jpg
index 1 phone
check 'a photograph that is another format by its content' grep -qE "b.jpg: not a JPEG.* file, but HEIC: heif-convert FILE FILE.jpg" err
check 'WebP likewise' grep -qE "c.jpg: not a JPEG.* file, but WebP: dwebp" err
rm phone/b.jpg phone/c.jpg
printf 'path,label\na.jpeg,good\nIMG_2.HEIC,bad\n' >p.csv
index 1 --labels p.csv phone
err_has 'p.csv:3: IMG_2.HEIC: no such photograph; a file is there, HEIC, which is not decoded here: heif-convert'

# ---- whole paths of another machine: what follows the name of the dataset's folder counts
(echo 'path;label'; tail -n +2 t.csv | tr ',' ';' | tr / '\\\\' | sed 's/^/D:\\Images\\photos\\/' | cut -d ';' -f 1,2) >w.csv
index 0 --labels w.csv photos
err_has "by what follows the name of the dataset's folder"
sed 's/photos/others/' w.csv >v.csv
index 1 --labels v.csv photos
err_has 'v.csv:2: D:'
# ---- a link to nothing
ln -s nowhere.jpg phone/link.jpg
index 1 phone
err_has 'link.jpg: a link to what is not there'
done_testing
