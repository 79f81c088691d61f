# Runs the EXAMPLES of every manual page as printed: lines that begin with "$ " (continued by a backslash and "> ").
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/man-fixture.sh"

# page -> one command a line
commands_of() {
    awk '/^\.Sh EXAMPLES/ {on = 1; next} /^\.Sh/ {on = 0}
         on && /^\$ / {line = substr($0, 3); while (line ~ /\\e$/ && (getline next_line) > 0) {
             sub(/\\e$/, "", line); sub(/^> ?/, "", next_line); line = line next_line}
             gsub(/\\e/, "\\", line); gsub(/\\-/, "-", line); gsub(/\\&/, "", line); gsub(/\\\(aq/, "\x27", line); gsub(/\\\(dq/, "\"", line)
             gsub(/\\ti/, "~", line); gsub(/\\\(ti/, "~", line); gsub(/\\\(ha/, "^", line)
             print line}' "$1"
}
for page in "$TESTS"/../man/*.[157]; do
    name=$(basename "$page")
    commands_of "$page" >commands
    if [ ! -s commands ]; then
        case $name in *.1) check "$name has examples" false ;; esac
        continue
    fi
    man_fixture "$scratch/$name.d" || { check "the fixture is made" false; break; }
    while IFS= read -r command; do
        check "$name: $command" bash -c 'cd "$1" && eval "$2" </dev/null' - "$scratch/$name.d" "$command"
    done <commands
    rm -rf "${scratch:?}/$name.d"
done
done_testing
