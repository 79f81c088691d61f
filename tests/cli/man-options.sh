# The options of a manual page are those of -h: the same names in the same order, with the same values and defaults.
. "$TESTS/cli/lib.sh"

# -h -> "-o --output FILE [default]", one option per line; the text of a long option is on the next line
of_help() {
    "$1" -h | awk '
        function put() { if (option != "") print option, value, standard; option = "" }
        /^  (-.,|   ) --/ {
            put(); standard = ""; option = /^  -/ ? substr($1, 1, 2) " " $2 : $1; value = option
            sub(/=.*/, "", option); if (!sub(/^[^=]*=/, "", value)) value = ""
        }
        /^$/ {put()}
        END {put()}
        option != "" && /\]$/ {standard = $0; sub(/.*\[/, "[", standard)}' | tr -s ' ' | sed 's/ $//'
}
# page -> the same; the default is in brackets at the end of a line
of_page() {
    awk '
        function put() { if (option != "") print option, value, standard; option = "" }
        /^\.It Fl/ {
            put(); standard = ""; option = $0; value = ""
            sub(/^\.It /, "", option); gsub(/Fl /, "-", option); sub(/ ,/, "", option)
            if (split(option, part, / Ar /) == 2) {option = part[1]; value = part[2]; gsub(/ \| /, "|", value)}
        }
        /^\.(El|S[hs])/ {put()}
        option != "" && /\[.*\]\.?$/ {standard = $0; sub(/.*\[/, "[", standard); sub(/\.$/, "", standard)}' "$1" |
        tr -s ' ' | sed 's/ $//'
}
for page in "$TESTS"/../man/*.1; do
    tool=$(basename "$page" .1)
    of_help "$tool" >"$tool.help"
    of_page "$page" >"$tool.page"
    check "$tool: options of -h" test "$(wc -l <"$tool.help")" -ge 4
    check "$tool(1) has the options of -h" diff "$tool.help" "$tool.page"
done
done_testing
